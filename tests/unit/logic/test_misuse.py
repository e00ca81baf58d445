"""Operators that can make nothing of what they are given, and what a rule can give at all (domain.md 3.2, 3.3)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.logic import EvaluationError, Moment, ValueType, check, evaluate, parse, types_of
from tallystick.logic.operators import OPERATORS

KNOWN = frozenset({"attributes.km", "dimensions.city", "dependencies.rate"})
KM, CITY, RATE = '{"var":"attributes.km"}', '{"var":"dimension.city"}', '{"var":"dependencies.rate"}'
NUMBER, NUMERAL, TEXT, TRUTH = ValueType.NUMBER, ValueType.NUMERAL, ValueType.TEXT, ValueType.TRUTH
NULL, LIST = ValueType.NULL, ValueType.LIST

FINE = [
    f'{{"*":[{KM},"0.4"]}}',
    f'{{"*":[{KM},{RATE}]}}',
    f'{{"<":["1",{KM},{RATE}]}}',
    f'{{"==":[{KM},"5"]}}',
    f'{{"==":[{KM}," 5 "]}}',
    f'{{"==":[{KM},""]}}',
    f'{{"!=":[{KM},null]}}',
    f'{{"!==":[{CITY},null]}}',
    f'{{"==":[{CITY},5]}}',
    f'{{"===":[{CITY},"5"]}}',
    f'{{"===":[{RATE},5]}}',
    f'{{"in":[{CITY},["pune","5"]]}}',
    f'{{"in":[{CITY},"pune","mumbai"]}}',
    f'{{"in":[{CITY},["pune",5]]}}',
    f'{{"in":[{KM},[1,2]]}}',
    f'{{"in":["a",{CITY}]}}',
    f'{{"in":[{CITY},{RATE}]}}',
    f'{{"in":[{CITY},[{RATE},1]]}}',
    f'{{"cat":[{CITY},"-",{KM},true]}}',
    f'{{"substr":[{CITY},0,3]}}',
    f'{{"if":[{{"==":[{CITY},"pune"]}},"1",2]}}',
    f'{{"+":[{{"if":[{{"==":[{CITY},"pune"]}},"1","2"]}},1]}}',
    f'{{"map":[{RATE},{{"+":[{{"var":""}},1]}}]}}',
    f'{{"duration.as":[{{"duration.between":[{CITY},{CITY}]}},"DAYS"]}}',
    f'{{"duration.of":[{KM},"WEEKS"]}}',
    f'{{"==":[{{"date":[{CITY}]}},"2024-01-31T00:00Z"]}}',
    f'{{"date.add":[{CITY},"P1D"]}}',
]


@pytest.mark.parametrize("rule", FINE)
def test_what_works_for_some_event_is_left_alone(rule: str) -> None:
    assert check(parse(rule), KNOWN) == []


WRONG = [
    (f'{{"+":[{KM},{CITY}]}}', "'+' calculates with numbers, got dimension.city, a text"),
    (f'{{"*":[{KM},"x"]}}', "'*' calculates with numbers, got the text 'x'"),
    (f'{{"-":[{KM},true]}}', "'-' calculates with numbers, got true"),
    (f'{{"min":[{KM},[1,2]]}}', "'min' calculates with numbers, got a list"),
    (f'{{"max":[{KM},null]}}', "'max' calculates with numbers, got null"),
    (f'{{"+":[{KM},{{"cat":["1","2"]}}]}}', "'+' calculates with numbers, got a text from 'cat'"),
    (f'{{"<":[{CITY},5]}}', "'<' compares numbers, got dimension.city, a text"),
    (f'{{">=":[{KM},{{"date":[{CITY}]}}]}}', "'>=' compares numbers, got true or false or null or a date from 'date'"),
    (f'{{"==":[{KM},"far"]}}', "'==' compares attributes.km, a number, with the text 'far', which spells none"),
    (f'{{"!=":["far",{KM}]}}', "'!=' compares attributes.km, a number, with the text 'far', which spells none"),
    (f'{{"===":[{KM},"5"]}}', "'===' compares attributes.km, a number with the text '5', which are never the same"),
    (f'{{"!==":[{CITY},5]}}', "'!==' compares dimension.city, a text with 5, which are never the same"),
    (f'{{"in":[{KM},"12345"]}}', "'in' looks for a text in a text, got attributes.km, a number"),
    (f'{{"in":["a",{KM}]}}', "'in' looks into a list or a text, got attributes.km, a number"),
    (f'{{"in":[{KM},["1","2"]]}}', "'in' looks for attributes.km, a number among texts, where it never is"),
    (f'{{"in":[{CITY},1,2]}}', "'in' looks for dimension.city, a text among numbers, where it never is"),
    (f'{{"cat":[{CITY},null]}}', "'cat' joins texts, got null"),
    (f'{{"substr":[{CITY},"1"]}}', "'substr' counts from and to numbers, got the text '1'"),
    (f'{{"substr":[["a"],{KM}]}}', "'substr' cuts a text, got a list"),
    (f'{{"filter":[{CITY},true]}}', "'filter' goes through a list, got dimension.city, a text"),
    (f'{{"reduce":[{KM},1,0]}}', "'reduce' goes through a list, got attributes.km, a number"),
    (f'{{"date.add":[{KM},"P1D"]}}', "'date.add' reads ISO 8601 texts, got attributes.km, a number"),
    (f'{{"duration.of":[{KM},"FORTNIGHTS"]}}', "'duration.of' knows the units NANOS, MICROS, MILLIS"),
    ('{"duration.as":["PT1H","WEEKS"]}', "'duration.as' knows the units MILLIS, SECONDS, MINUTES, HOURS, DAYS"),
    (
        f'{{"*":[{{"duration.between":[{CITY},{CITY}]}},75]}}',
        'got a text or null from \'duration.between\': make a number of it with {"duration.as": [..., "DAYS"]}',
    ),
]


@pytest.mark.parametrize(("rule", "reason"), WRONG)
def test_what_never_works_is_told(rule: str, reason: str) -> None:
    (issue,) = check(parse(rule), KNOWN)
    assert issue.code == "wrong_type"
    assert reason in issue.reason


def test_it_is_told_where_it_stands() -> None:
    (issue,) = check(parse(f'{{"and":[true,\n {{"+":[1, {CITY}]}}]}}'), KNOWN)
    assert (issue.place.line, issue.place.column, issue.place.pointer) == (2, 12, "/and/1/+/1/var")


@pytest.mark.parametrize(
    ("rule", "types"),
    [
        (KM, {NUMBER}),
        (CITY, {TEXT}),
        (RATE, set(ValueType)),
        ('"5"', {NUMERAL}),
        ('{"var":["attribute.km",null]}', {NUMBER, NULL}),
        (f'{{"*":[{KM},2]}}', {NUMBER}),
        (f'{{"*":[{KM},"2"]}}', {NUMBER, NULL}),
        (f'{{"if":[true,{KM},false,"x"]}}', {NUMBER, TEXT, NULL}),
        (f'{{"if":[true,{KM},{CITY}]}}', {NUMBER, TEXT}),
        (f'{{"or":[{KM},false]}}', {NUMBER, TRUTH}),
        ("[1]", {LIST}),
    ],
)
def test_a_rule_gives_what_its_parts_give(rule: str, types: set[ValueType]) -> None:
    assert types_of(parse(rule)) == types


TYPES = {
    type(None): {NULL},
    bool: {TRUTH},
    Decimal: {NUMBER},
    str: {TEXT, NUMERAL},
    list: {LIST},
    dict: {ValueType.OBJECT},
    Moment: {ValueType.MOMENT},
}
LEAVES = st.sampled_from(
    [None, True, 0, 2, "", "5", "pune", "P1D", "DAYS", "2024-01-31T00:00Z"]
    + [{"var": name} for name in ("attributes.km", "attribute.km", "dimensions.city", "dependencies.rate")]
)
RULES = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda operator, arguments: {operator: arguments},
        st.sampled_from(sorted(set(OPERATORS) - {"log"})),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=8,
)
RATES = st.sampled_from([Decimal(3), "x", True, None, [Decimal(1), "a"], {"a": Decimal(1)}])


@settings(max_examples=400)
@given(rule=RULES, rate=RATES, km=st.sampled_from([Decimal(0), Decimal("2.5")]), city=st.sampled_from(["pune", "5"]))
def test_no_event_gives_a_type_that_was_not_told(rule: Any, rate: object, km: Decimal, city: str) -> None:  # noqa: ANN401
    parsed = parse([rule]).members[0]  # type: ignore[attr-defined] - a listing
    if {issue.code for issue in check(parsed, KNOWN)} - {"wrong_type"}:
        return
    held = {"attributes": {"km": km}, "dimensions": {"city": city}, "dependencies": {"rate": rate}}
    try:
        value = evaluate(parsed, held | {"attribute": held["attributes"], "dimension": held["dimensions"]})
    except EvaluationError:
        return
    assert TYPES[type(value)] & types_of(parsed)
