"""Compiled rules say what `evaluate` says, digit for digit and error for error; nothing of a rule becomes source."""

from __future__ import annotations

import builtins
import decimal
import re
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from tallystick.logic import EvaluationError, evaluate, parse, truthy
from tallystick.logic import compile as compilation
from tallystick.logic.compact import compact
from tallystick.logic.compile import DEEPEST, MOST_NODES, Unmatched, compiled, compiled_condition
from tallystick.logic.expression import Kind, plain
from tallystick.logic.forms import FORMS
from tallystick.logic.number import EXACT
from tallystick.logic.operators import OPERATORS
from tallystick.logic.source import LONGEST_READ, Source
from tests.unit.logic.test_properties import ROUGH, STRICT
from tests.unit.logic.test_properties import rules as any_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tallystick.logic import Rule

ARTICLE_MATCHER = """
{"and": [{"in": [{"var": "dimension.city"}, ["chennai", "mumbai"]]},
         {"or": [{">": [{"var": "attribute.distance"}, 100]}, {"<": [{"var": "attribute.distance"}, 20]}]}]}
"""
ARTICLE_COMPUTATION = '{"*": [{"var": "attributes.distance"}, 0.4]}'


@dataclass(frozen=True)
class Event:
    """Attributes by the digits that were sent, dimensions by their text."""

    attributes: Mapping[str, str]
    dimensions: Mapping[str, str]

    @property
    def texts(self) -> dict[str, str]:
        return {name: text for name, text in self.dimensions.items() if len(text) <= LONGEST_READ}

    def for_rules(self) -> dict[str, object]:
        attributes = {name: Decimal(digits) for name, digits in self.attributes.items()}
        dimensions = dict(self.dimensions)
        return {
            "attributes": attributes,
            "attribute": attributes,
            "dimensions": dimensions,
            "dimension": dimensions,
            "dependencies": {"rate": Decimal("1.50")},
        }


def outcome(function: Callable[[], Any]) -> str:
    """What comes of it, with type, sign and exponent of every number, or the whole text of the error."""
    try:
        return repr(function())
    except EvaluationError as failure:
        return f"{failure.kind} {failure.code} {failure.message} {failure.place!r}"


def differences(rule: Rule, event: Event) -> list[tuple[str, str]]:
    """(compiled, evaluated) where they are not the same."""
    data = event.for_rules()
    pairs = [
        (outcome(lambda: compiled(rule)(event)), outcome(lambda: evaluate(rule, data))),
        (outcome(lambda: compiled_condition(rule)(event)), outcome(lambda: truthy(evaluate(rule, data)))),
    ]
    return [pair for pair in pairs if pair[0] != pair[1]]


DIGITS = [
    *["0", "-0", "0.00", "-0.0", "1", "1.0", "-1", "2.50", "20", "100", "100.000", "0.00005", "-0.00005", "-0"],
    *["9" * 512, "-" + "9" * 512 + "." + "9" * 512, "0." + "0" * 511 + "1", "1" + "0" * 2047, "9" * 2049],
]
TEXTS = ["", "JFK", "LGA", "5", " 5 ", "-0", "2.50", "abc", "P1D", "2024-01-31T00:00Z", "DAYS", "é😀", "x" * 1_001]
events = st.builds(
    Event,
    st.fixed_dictionaries({}, optional=dict.fromkeys("abc", st.sampled_from(DIGITS))),
    st.fixed_dictionaries({}, optional=dict.fromkeys("xyz", st.sampled_from(TEXTS))),
)

NUMBERS = [Decimal(digits) for digits in ("0", "0.0", "-0", "1", "1.0", "-2", "0.4", "1E+3", "-1")]
FAILING = {"/": [1, {"var": "attributes.a"}]}
LEAVES: dict[str, list[Any]] = {
    "n": [*NUMBERS, *({"var": f"{head}.{name}"} for head in ("attributes", "attribute") for name in "abc"), FAILING],
    "t": [*TEXTS, *({"var": f"{head}.{name}"} for head in ("dimensions", "dimension") for name in "xyz")],
    "b": [True, False, {"missing": ["attributes.a", "dimensions.x"]}, {"!!": [{"var": "dimensions.x"}]}],
    "l": [[], ["JFK", "LGA"], [1, Decimal("1.00"), "5", None], [{"var": "dimensions.x"}, 5], {"merge": [[1], "abc"]}],
}
"""Numbers, texts, truth values and lists."""

SHAPES = {
    "n": {
        "n": "+ * - min max",
        "nn": "+ * - / % min max or and",
        "nnn": "+ * -",
        "nnnnn": "+ *",
        "bn": "if",
        "bnn": "if ?:",
        "bnbnn": "?: if",
    },
    "t": {"t": "cat", "tn": "cat substr", "tnn": "substr", "btt": "if ?:", "tt": "or if cat", "tb": "and"},
    "b": {
        "nn": "< <= > >= == != === !== !",
        "nnn": "< <= in",
        "tt": "== != === !== in",
        "bb": "== != === !== and !",
        "nt": "== === or <",
        "tn": "< !== !=",
        "bn": "==",
        "tl": "in",
        "nl": "in",
        "bl": "in",
        "ttt": "in",
        "ttb": "in",
        "b": "and !",
        "bbb": "or if",
        "n": "! !!",
        "t": "!",
        "l": "!!",
        "": "if",
    },
    "l": {"ln": "map", "lb": "filter", "nl": "merge if"},
}
"""Operators by the kind of the value and the kinds of the arguments, a letter each."""

ODD: list[Any] = [
    *[None, {"var": "dependencies.rate"}, {"var": "attributes"}, {"var": ""}, {"var": "attributes.a.b"}, {"var": 1}],
    *[{"var": ["attributes.a", {"/": [1, 0]}]}, {"var": ["dimensions.x", 7]}, {"var": ["attributes.b", "none", 3]}],
    *[{"no such operator": [1]}, {"and": []}, {"+": []}, {"log": [1]}, [1], {"date": "2024-01-31T00:00Z"}, {"in": [1]}],
    *[{"reduce": [[1, 2], {"+": [{"var": "current"}, {"var": "accumulator"}]}, {"var": "attributes.a"}]}],
]


def shapes(kind: str) -> list[tuple[str, str]]:
    """(operator, kinds of its arguments) of all operations that give this kind of value."""
    return [(operator, kinds) for kinds, operators in SHAPES[kind].items() for operator in operators.split()]


LEAF = {kind: st.sampled_from(leaves) for kind, leaves in LEAVES.items()}
OPERATION = {kind: st.sampled_from(shapes(kind)) for kind in SHAPES}
ODDITY = st.sampled_from(ODD)
CHANCE = st.integers(0, 19)


def drawn(draw: st.DrawFn, kind: str, depth: int) -> Any:  # noqa: ANN401 - decoded JSON
    """A rule of a kind that mostly makes sense, so that most rules are generated and have a value."""
    chance = draw(CHANCE)
    if chance == 0:
        return draw(ODDITY)
    return draw(LEAF[kind]) if depth == 0 or chance < 6 else operation(draw, OPERATION[kind], depth)


def operation(draw: st.DrawFn, among: st.SearchStrategy[tuple[str, str]], depth: int) -> Any:  # noqa: ANN401
    """An operation of one of these shapes."""
    operator, kinds = draw(among)
    return {operator: [drawn(draw, kind, depth - 1) for kind in kinds]}


rules = st.composite(lambda draw: drawn(draw, draw(st.sampled_from("nb")), 3))()


@settings(max_examples=400)
@given(rules, events)
def test_what_is_compiled_says_what_is_evaluated(rule: object, event: Event) -> None:
    assert differences(parse(compact(rule)), event) == []


@settings(max_examples=250)
@given(rules, rules, events)
def test_a_matcher_and_a_computation_say_together_what_they_say_one_by_one(
    matcher: object, computation: object, event: Event
) -> None:
    when, rule = parse(compact(matcher)), parse(compact(computation))

    def one_by_one() -> object:
        matched = truthy(evaluate(when, event.for_rules()))
        return evaluate(rule, event.for_rules()) if matched else Unmatched.UNMATCHED

    assert outcome(lambda: compiled(rule, when=when)(event)) == outcome(one_by_one)


@settings(max_examples=150)
@given(any_rules, events)
def test_any_rule_at_all_says_what_is_evaluated(rule: object, event: Event) -> None:
    assert differences(parse([rule]), event) == []


@settings(max_examples=100)
@given(rules, events)
def test_the_decimal_context_of_the_thread_plays_no_part(rule: object, event: Event) -> None:
    parsed = parse([rule])
    expected = outcome(lambda: evaluate(parsed, event.for_rules()))
    for context in (ROUGH, STRICT):
        with decimal.localcontext(context):
            got = outcome(lambda: compiled(parsed)(event))
        assert got == expected


NAIVE = {
    "a product keeps the minus sign of a zero": {"*": lambda bind, _, parts: _pairwise(bind(EXACT.multiply), parts)},
    "a sum rounds": {"+": lambda bind, _, parts: _pairwise(bind(decimal.Context(prec=28).add), parts)},
    "division is not to four places": {
        "/": lambda bind, _, parts: _pairwise(bind(decimal.Context(prec=28).divide), parts)
    },
    "division rounds to even": {
        "/": lambda bind, _, parts: _pairwise(bind(lambda one, other: round(one / other, 4)), parts)
    },
    "texts and numbers are equal as in Python": {
        "==": lambda _, __, parts: (
            plain(f"({parts[0].value} == {parts[1].value})", Kind.TRUTH) if len(parts) == 2 else None
        )
    },
    "every argument of a conjunction is evaluated": {
        "and": lambda bind, _, parts: plain(f"{bind(all)}([{', '.join(part.value for part in parts)}])", Kind.TRUTH)
    },
    "a choice without an else is false": {"if": lambda _, __, parts: plain("False", Kind.TRUTH) if parts else None},
    "null is a number": {"+": lambda *_: plain("None", Kind.NUMBER)},
}
"""Forms that look right."""


def _pairwise(function: str, parts: Any) -> Any:  # noqa: ANN401 - what a form takes
    sure = len(parts) == 2 and {part.kind for part in parts} == {Kind.NUMBER}
    return plain(f"{function}({parts[0].value}, {parts[1].value})", Kind.NUMBER) if sure else None


@pytest.mark.parametrize("naive", NAIVE)
def test_a_naive_form_is_found_out(naive: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the test: the same rules and events tell a wrong form from the right one."""
    for operator, form in NAIVE[naive].items():
        monkeypatch.setitem(FORMS, operator, form)  # type: ignore[arg-type]

    def differs(case: tuple[object, Event]) -> bool:
        try:
            return differences(parse(compact(case[0])), case[1]) != []
        except (TypeError, decimal.DecimalException):
            return True

    chosen = st.sampled_from([shape for kind in SHAPES for shape in shapes(kind) if shape[0] in NAIVE[naive]])
    operations = st.composite(lambda draw: operation(draw, chosen, 1))()
    patience = settings(max_examples=20_000, phases=[Phase.generate], derandomize=True, database=None)
    find(st.tuples(operations, events), differs, settings=patience)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (ARTICLE_MATCHER, "True"),
        (ARTICLE_COMPUTATION, "Decimal('60.0')"),
        ('{"+": [{"var": "attributes.distance"}, 0.10, 1]}', "Decimal('151.10')"),
        ('{"*": [{"var": "attributes.zero"}, -1]}', "Decimal('0.00')"),
        ('{"-": [{"var": "attributes.zero"}]}', "Decimal('0.00')"),
        ('{"/": [{"var": "attribute.distance"}, 7]}', "Decimal('21.4286')"),
        ('{"if": [{">": [{"var": "attributes.distance"}, 100]}, 1, "far"]}', "Decimal('1')"),
        ('{"if": [false, 1]}', "None"),
        ('{"max": [{"var": "attributes.distance"}, 150.00]}', "Decimal('150')"),
        ('{"<=": [1, {"var": "attributes.distance"}, 150.0]}', "True"),
        ('{"in": [{"var": "dimension.city"}, "chennai", "mumbai"]}', "True"),
        ('{"in": [{"var": "attributes.distance"}, [1, 150.0]]}', "True"),
        ('{"!": [{"var": "attributes.zero"}]}', "True"),
        ('{"or": [{"var": "attributes.zero"}, {"var": "dimension.city"}]}', "'chennai'"),
    ],
)
def test_what_is_hot_is_generated(rule: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the interpreter nor anything of Python's own is asked."""
    event = Event({"distance": "150", "zero": "-0.00"}, {"city": "chennai"})
    parsed = parse(rule)
    value, condition = compiled(parsed), compiled_condition(parsed)
    monkeypatch.setattr(compilation, "evaluate", None)
    assert repr(value(event)) == expected
    assert condition(event) == truthy(value(event))


FAILING_THIRD = '{"<": [2, 1, {"/": [1, {"var": "attributes.a"}]}]}'
FAILING_REST = '{"+": [{"if": [{"var": "dimensions.x"}, 1, {"/": [1, 0]}]}, {"cat": [null]}]}'


@pytest.mark.parametrize(
    "rule", [FAILING_THIRD, FAILING_REST, '{"or": [1, {"/": [1, 0]}]}', '{"and": [1, {"/": [1, 0]}]}']
)
@pytest.mark.parametrize("event", [Event({"a": "0"}, {"x": "y"}), Event({"a": "9" * 2_049}, {"x": ""}), Event({}, {})])
def test_what_fails_where_it_does_not_decide_fails_as_it_does_when_evaluated(rule: str, event: Event) -> None:
    assert differences(parse(rule), event) == []


WICKED = [
    'x"]; import os',
    "__import__('os')",
    "c0",
    "{0.__class__}",
    "\\",
    "'''",
    '"""',
    "\n    return 1",
    "\x00",
    "%s",
]
WORDS = {"attributes", "texts", "exact", "read", "data", "for_rules", "work", "None"}
WORDS |= {"and", "or", "not", "in", "is", "if", "else"}


@pytest.mark.parametrize("wicked", WICKED)
@pytest.mark.parametrize("place", ["variable", "text", "operator", "default", "member"])
def test_wicked_names_are_names(wicked: str, place: str) -> None:
    rule = {
        "variable": {"==": [{"var": f"dimensions.{wicked}"}, "found"]},
        "text": {"==": [{"var": "dimensions.x"}, wicked]},
        "operator": {wicked: [{"var": "dimensions.x"}]},
        "default": {"var": [f"dimension.{wicked} ", wicked]},
        "member": {"in": [{"var": "dimensions.x"}, [wicked, "JFK"]]},
    }[place]
    parsed = parse(rule)
    assert differences(parsed, Event({}, {wicked: "found", "x": wicked})) == []
    assert differences(parsed, Event({}, {})) == []


@given(any_rules | rules)
def test_nothing_of_a_rule_is_source(rule: object) -> None:
    source = Source()
    expression = source.expression(parse([rule]))
    for written in (expression.value, expression.condition):
        words = set(re.findall(r"[^\W\d]\w*", written))
        assert {word for word in words if not re.fullmatch(r"[cn]\d+", word)} <= WORDS
        assert set(re.sub(r"\w", "", written)) <= set(" ,.()[]<>=!:")


def test_generated_functions_have_no_builtins() -> None:
    function = compiled(parse(ARTICLE_COMPUTATION))
    assert function.__globals__["__builtins__"] == {}
    assert builtins not in function.__globals__.values()


def nested(operator: str, width: int, depth: int) -> str:
    """The operator inside itself, where the brackets of the source pile up most: in its first argument."""
    rule = '{"var": "attributes.a"}'
    for _ in range(depth):
        rule = f'{{"{operator}": [{", ".join([rule, *["2"] * (width - 1)])}]}}'
    return rule


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("depth", [1, DEEPEST - 1, DEEPEST, 39])
def test_deep_rules_are_compiled_or_interpreted(operator: str, depth: int) -> None:
    for width in (1, 2, 3, 4):
        rule = parse(nested(operator, width, depth))
        assert differences(rule, Event({"a": "1.5"}, {})) == []


@pytest.mark.parametrize("count", [MOST_NODES - 2, MOST_NODES, 990])
@pytest.mark.parametrize("operator", ["+", "and", "if", "in", "cat", "<"])
def test_wide_rules_are_compiled_or_interpreted(operator: str, count: int) -> None:
    rule = parse({operator: [{"var": "attributes.a"}, *[Decimal(1)] * (count - 1)]})
    started = time.thread_time()
    assert differences(rule, Event({"a": "1.5"}, {})) == []
    assert time.thread_time() - started < 3


@pytest.mark.parametrize("items", [50, 105, 110, 112, 120, 121, 122, 123, 124, 150])
@pytest.mark.parametrize("beside", ['{"var": "attributes.a"}', '{"cat": ["a", "b"]}', '{"cat": []}'])
def test_the_budget_of_a_rule_is_the_same(items: int, beside: str) -> None:
    """A part that the interpreter does gets no steps of its own: 100,000 are for the whole rule."""
    loop = "1"
    for count in (items, 20, 20):
        loop = f'{{"map": [[{", ".join(["1"] * count)}], {loop}]}}'
    rule = parse(f'{{"==": [{{"cat": [{beside}]}}, {{"all": [{loop}, true]}}]}}')
    assert differences(rule, Event({"a": "1.5"}, {})) == []
