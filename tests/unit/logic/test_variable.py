"""var, missing and missing_some as in jsonlogic.md section 2 and domain.md 3.2; what data may hold."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tallystick.logic import EvaluationError
from tests.unit.logic.dialect import alike, value

DATA = {
    "attributes": {"distance": Decimal("12.50"), "count": 3, "none": None},
    "dimensions": {"city": "chennai", "b.c": "flat below"},
    "a.b": "flat",
    "a": {"b": "nested", "c.d": {"e": "prefix, then rest"}, "x": {"y": {"z": 1}}},
    "usage.urc.um.22FO.0TkcT": 7,
    "list": ["apple", ["banana", "beer"]],
    "empty": {},
}
VAR = [
    ('{"var": "attributes.distance"}', Decimal("12.50")),
    ('{"var": ["attributes.count"]}', 3),
    ('{"var": "dimensions.b.c"}', "flat below"),
    ('{"var": "a.b"}', "flat"),
    ('{"var": "a.x.y.z"}', 1),
    ('{"var": "a.c.d"}', {"e": "prefix, then rest"}),
    ('{"var": "a.c.d.e"}', None),  # a key with a dot is only found as the last part
    ('{"var": "usage.urc.um.22FO.0TkcT"}', 7),
    ('{"var": "list.0"}', "apple"),
    ('{"var": "list.1.1"}', "beer"),
    ('{"var": "list.9"}', None),
    ('{"var": "list.-1"}', None),
    ('{"var": "dimensions.city.name"}', None),
    ('{"var": "nowhere"}', None),
    ('{"var": ["nowhere", 5]}', 5),
    ('{"var": ["attributes.none", 5]}', 5),
    ('{"var": ["attributes.count", 5]}', 3),
    ('{"var": ["nowhere", {"var": "a.b"}]}', None),  # the default sees no data
    ('{"var": ["nowhere", {"+": [1, 2]}]}', 3),
    ('{"var": {"cat": ["dimensions.", "city"]}}', "chennai"),
    ('{"var": 0}', None),
]


@pytest.mark.parametrize(("rule", "expected"), VAR)
def test_a_variable_is_found_by_its_whole_name_or_part_by_part(rule: str, expected: object) -> None:
    assert alike(value(rule, DATA), expected)


@pytest.mark.parametrize("rule", ['{"var": ""}', '{"var": null}', '{"var": []}', '{"var": [""]}'])
def test_the_empty_name_is_the_whole_data(rule: str) -> None:
    assert value(rule, DATA) == DATA


@pytest.mark.parametrize(("rule", "expected"), [('{"var": 1}', "b"), ('{"var": "1"}', "b"), ('{"var": 1.9}', "b")])
def test_a_number_indexes_a_list(rule: str, expected: str) -> None:
    assert value(rule, ["a", "b"]) == expected


@pytest.mark.parametrize(
    ("rule", "expected"), [('{"var": ""}', None), ('{"var": ["a", 1]}', 1), ('{"var": [true]}', None)]
)
def test_without_data_there_is_only_the_default(rule: str, expected: object) -> None:
    assert alike(value(rule, None), expected)


ERRORS = ['{"var": true}', '{"var": [["a"]]}', '{"var": "list.first"}', '{"var": ["a.b", {"/": [1, 0]}]}']


@pytest.mark.parametrize("rule", ERRORS)
def test_a_name_of_the_wrong_kind_is_an_error(rule: str) -> None:
    with pytest.raises(EvaluationError):
        value(rule, DATA)


INEXACT = [
    1.5,
    Decimal("NaN"),
    Decimal("-Infinity"),
    Decimal("1e9999"),
    datetime(2024, 1, 1, tzinfo=UTC),
    {1, 2},
]


@pytest.mark.parametrize("found", INEXACT)
@pytest.mark.parametrize("rule", ['{"var": "x"}', '{"+": [{"var": "xs"}]}', '{"in": [1, {"var": "xs"}]}'])
def test_data_that_is_no_exact_json_value_is_an_error_where_it_is_read(found: object, rule: str) -> None:
    with pytest.raises(EvaluationError):
        value(rule, {"x": found, "xs": [found, 1]})


def test_data_that_is_not_read_is_not_looked_at() -> None:
    assert alike(value('{"var": "y"}', {"x": 1.5, "y": 2}), 2)


MISSING = [
    ('{"missing": ["attributes.distance"]}', []),
    ('{"missing": "attributes.none"}', []),  # there, as null
    ('{"missing": ["attributes"]}', ["attributes"]),  # an object is not a value
    ('{"missing": ["empty", "a.b", "a.x.y.z", "dimensions.b.c"]}', ["empty"]),
    ('{"missing": ["x", "list", "y", "x"]}', ["x", "y"]),
    ('{"missing": {"merge": ["x", "a.b"]}}', ["x"]),
    ('{"missing": []}', []),
    ('{"missing": [1]}', [1]),
    ('{"missing_some": [1, ["a.b", "x"]]}', []),
    ('{"missing_some": [2, ["a.b", "x", "y"]]}', ["x", "y"]),
    ('{"missing_some": [0, ["x"]]}', []),
    ('{"missing_some": [1, ["x", "x"]]}', ["x"]),
]


@pytest.mark.parametrize(("rule", "expected"), MISSING)
def test_a_name_is_missing_when_the_flattened_data_lacks_it(rule: str, expected: object) -> None:
    assert alike(value(rule, DATA), expected)


@pytest.mark.parametrize("data", [None, 5, "text", ["a"]])
def test_without_an_object_every_name_is_missing(data: object) -> None:
    assert value('{"missing": ["a", "b"]}', data) == ["a", "b"]
    assert value('{"missing_some": [1, ["a"]]}', data) == ["a"]


@pytest.mark.parametrize(
    "rule",
    [
        '{"missing_some": ["1", ["a"]]}',
        '{"missing_some": [1, "a"]}',
        '{"missing_some": [1]}',
        '{"missing": [["a"], "b"]}',
    ],
)
def test_names_and_numbers_of_the_wrong_kind_are_errors(rule: str) -> None:
    with pytest.raises(EvaluationError):
        value(rule, {})
