"""A rule or an input made to use up memory or time fails quickly instead."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from tallystick.kernel.errors import BillingError
from tallystick.logic import EvaluationError, Rule, check, evaluate, parse
from tallystick.logic.evaluation import Work
from tallystick.logic.value import HEAVIEST, weight
from tests.unit.logic.dialect import value

SOON = 3
"""Seconds of this thread's own time; each case takes milliseconds, and without its limit minutes or all memory."""

TWENTY = "[" + ",".join("1" * 20) + "]"
THOUSANDS = '{"merge": [' + ",".join([TWENTY] * 40) + "]}"


def nested_loops(depth: int) -> str:
    return "1" if depth == 0 else f'{{"map": [{TWENTY}, {nested_loops(depth - 1)}]}}'


def again(body: str, start: str) -> str:
    """A body applied to its own result 800 times."""
    return f'{{"reduce": [{THOUSANDS}, {body}, {start}]}}'


ITSELF = '{"var": "accumulator"}'
BOMBS = [
    (again(f'{{"*": [{ITSELF}, {ITSELF}]}}', "2"), "2,048 digits"),
    (again(f'{{"*": [{ITSELF}, {ITSELF}]}}', "0.5"), "2,048 digits"),
    ('{"+": [1e2000, 1e-2000]}', "2,048 digits"),
    ('{"%": [1e2048, 1e-9]}', "2,048 digits"),
    ('{"/": [1e2048, 1e-2048]}', "2,048 digits"),
    ('{"+": ["1e999999999", 1]}', "2,048 digits"),
    ('{"<": ["1e999999999", 1]}', "2,048 digits"),
    (again(f'{{"cat": [{ITSELF}, {ITSELF}, {ITSELF}]}}', '"ab"'), "10,000 characters"),
    (again(f'{{"merge": [{ITSELF}, {ITSELF}, {ITSELF}]}}', "[1]"), "10,000 items"),
    (nested_loops(10), "50,000 steps"),
]


@pytest.mark.parametrize(("rule", "reason"), BOMBS)
def test_a_bomb_is_an_evaluation_error_and_soon(rule: str, reason: str) -> None:
    started = time.thread_time()
    with pytest.raises(EvaluationError, match=reason):
        value(rule)
    assert time.thread_time() - started < SOON


def test_lists_inside_lists_without_end_cost_only_their_steps() -> None:
    """Each step doubles the tree that the value spells, but not the value."""
    rule = f'{{"some": [{again(f"[{ITSELF}, {ITSELF}]", "1")}, false]}}'
    started = time.thread_time()
    assert value(rule) is False
    assert time.thread_time() - started < SOON


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5_000_000,
        '{"!":' * 1_000_000,
        "9" * 5_000_000,
        '"' + "\\n" * 9_000,
        "[" + "1," * 5_000_000,
        " " * 5_000_000,
        "\n" * 19_999,
        b"[" * 5_000_000,
    ],
    ids=lambda text: repr(text[:6]),
)
def test_a_huge_text_is_refused_quickly(text: str | bytes) -> None:
    started = time.thread_time()
    with pytest.raises(BillingError):
        parse(text)
    assert time.thread_time() - started < SOON


def test_a_text_that_is_almost_a_number_is_judged_quickly() -> None:
    started = time.thread_time()
    assert value('{"+": [1, "' + "9" * 19_000 + 'x"]}') is None
    assert value('{"date": "' + "2" * 19_000 + '"}') is None
    assert value('{"duration.as": ["PT' + "1" * 19_000 + 'S", "DAYS"]}') is None
    assert time.thread_time() - started < SOON


def test_the_dearest_steps_are_still_soon_over() -> None:
    digits = "7" * 1_024
    rule = again(
        f'{{"if": [{{"*": [{digits}, {digits}]}}, {{"map": [{TWENTY}, {{"*": [{digits}, {digits}]}}]}}]}}', "1"
    )
    started = time.thread_time()
    with pytest.raises(EvaluationError, match="50,000 steps"):
        value(rule)
    assert time.thread_time() - started < SOON


def test_a_long_unknown_name_is_checked_quickly() -> None:
    rule = parse('{"' + "a.b" * 6_000 + '": {"var": "' + "." * 1_000 + '"}}')
    started = time.thread_time()
    assert len(check(rule, {f"attributes.a{number}" for number in range(100)})) == 2
    assert time.thread_time() - started < SOON


def test_a_name_of_dots_is_looked_up_quickly() -> None:
    data: dict[str, object] = {"": Decimal(1)}
    for _ in range(1_000):
        data = {"": data}
    started = time.thread_time()
    assert value('{"var": "' + "." * 15_000 + '"}', data) is None
    assert value('{"missing": "' + "." * 15_000 + '"}', data) != []
    assert time.thread_time() - started < SOON


def test_a_long_sum_over_real_data_is_within_the_limits() -> None:
    """Twelve steps an item: 3,500 items are fine."""
    rule = '{"reduce": [{"var": "xs"}, {"+": [{"var": "current"}, {"var": "accumulator"}]}, 0]}'
    assert value(rule, {"xs": list(range(3_500))}) == 6_123_250


def loops(body: str) -> str:
    """A body for each of 160,000 items, in few characters."""
    return f'{{"map": [{TWENTY}, {{"map": [{TWENTY}, {{"map": [{TWENTY}, {{"map": [{TWENTY}, {body}]}}]}}]}}]}}'


DEAR = {
    "products of long numbers": f'{{"*": [{"9" * 300}, {"9" * 100}]}}',
    "quotients that are written out": f'{{"/": [{"9" * 100}, 1e-1900]}}',
    "remainders of what is written out": '{"%": [1e2040, 7]}',
    "texts that are read as numbers": f'{{"+": ["{"9" * 300}", 1]}}',
    "texts that are compared as numbers": f'{{"==": ["{"9" * 300}", 1]}}',
    "texts in texts": f'{{"in": ["aab", "{"a" * 250}"]}}',
    "numbers in lists": f'{{"in": [2, {TWENTY}]}}',
    "dates": '{"date.add": ["2024-01-01T00:00Z", "P1Y2M3DT4H"]}',
    "durations": '{"duration.between": ["2024-01-01T00:00Z", "2025-01-01T00:00Z"]}',
    "names that are looked for": '{"missing": ["attributes.a", "attributes.b", "attributes.c"]}',
    "a long name": f'{{"var": "{"a." * 250}"}}',
}


@pytest.mark.parametrize("body", DEAR.values(), ids=DEAR)
def test_what_is_dear_uses_up_the_budget_sooner(body: str) -> None:
    """One after the other, since a budget counted in operators alone let some of them run for a second."""
    rule, plain = parse(loops(body)), parse(loops("1"))
    data = {"attributes": {"a": Decimal(1)}}
    assert spent_in_time(rule, data) < 8 * spent_in_time(plain, data) + 0.05


def spent_in_time(rule: Rule, data: object) -> float:
    """Seconds of this thread until the budget is used up; the best of three."""
    taken = []
    for _ in range(3):
        started = time.thread_time()
        with pytest.raises(EvaluationError, match="50,000 steps"):
            evaluate(rule, data)
        taken.append(time.thread_time() - started)
    return min(taken)


def test_a_rule_of_ordinary_size_weighs_what_it_did() -> None:
    assert weight([Decimal("12.50"), "JFK", True, None, [Decimal(1)], {}]) == 0
    assert weight([Decimal("9" * 160), "x" * 80, [None] * 20]) == 9 + 10 + 10 + 10
    assert weight([Decimal("1e2048"), Decimal("1e-2048"), "x" * 10_000]) == 3 * HEAVIEST


def test_long_names_weigh_more() -> None:
    work = Work(10)
    with pytest.raises(EvaluationError, match="50,000 steps"):
        parse('{"var": "' + "a" * 100 + '"}').value({"a": 1}, work)
