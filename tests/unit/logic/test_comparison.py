"""Order, equality and membership as in jsonlogic.md section 2, with the decisions of domain.md 3.3 and 11.1."""

from __future__ import annotations

import pytest

from tallystick.logic import EvaluationError
from tests.unit.logic.dialect import value

ORDER = [
    ('{"<": [1, 2]}', True),
    ('{"<": [2, 2]}', False),
    ('{"<=": [2, 2.0]}', True),
    ('{">": [2, 1]}', True),
    ('{">=": ["2", 1]}', True),
    ('{"<": ["10", "9"]}', False),
    ('{"<": [1, 2, 3]}', True),
    ('{"<": [1, 1, 3]}', False),
    ('{"<=": [1, 1, 3]}', True),
    ('{"<=": [1, 4, 3]}', False),
    ('{"<": [1, 2, 0, 0]}', True),  # of more than three, the first two
    ('{">": [2, 1, 5, 5]}', True),
    *((f'{{"<": [{other}, 5]}}', False) for other in ("null", "true", '""', '"a"', '" 1"', "[1]", "[]")),
    *((f'{{">": [5, {other}]}}', False) for other in ("null", "false", '""', '"a"')),
    ('{"<": ["a", "b"]}', False),
    ('{"<=": [0, null, 5]}', False),
    ('{"<": [{"date": "2024-01-01T00:00Z"}, {"date": "2024-01-02T00:00Z"}]}', False),
]
LOOSE = [
    ('{"==": [1, 1.0]}', True),  # decided: the fork compares digits
    ('{"==": [10.0, 10]}', True),
    ('{"==": [1, 2]}', False),
    ('{"==": ["1.0", 1]}', True),
    ('{"==": [1, " 1 "]}', True),
    ('{"==": ["", 0]}', True),
    ('{"==": ["  ", 0]}', True),
    ('{"==": ["abc", 0]}', False),
    ('{"==": ["1.0", "1"]}', False),
    ('{"==": ["a", "a"]}', True),
    ('{"==": [true, 1]}', True),
    ('{"==": [true, 1.0]}', True),
    ('{"==": [2, true]}', False),
    ('{"==": [false, 0]}', True),
    ('{"==": ["0", false]}', False),
    ('{"==": ["", false]}', True),
    ('{"==": [true, "x"]}', True),
    ('{"==": [true, true]}', True),
    ('{"==": [null, null]}', True),
    ('{"==": [null, 0]}', False),
    ('{"==": ["", null]}', False),
    ('{"==": [null, false]}', False),
    ('{"==": [[], false]}', True),
    ('{"==": [[], 0]}', True),
    ('{"==": [[1], [1]]}', False),
    ('{"==": [{"var": ""}, false]}', False),
    ('{"!=": [1, 1.0]}', False),
    ('{"!=": ["a", "b"]}', True),
]
STRICT = [
    ('{"===": [1, 1.0]}', True),
    ('{"===": [1, "1"]}', False),
    ('{"===": [true, 1]}', False),
    ('{"===": ["a", "a"]}', True),
    ('{"===": [null, null]}', True),
    ('{"===": [null, false]}', False),
    ('{"===": [{"var": "a"}, {"var": "b"}]}', True),
    ('{"===": [[1], [1]]}', False),
    ('{"===": [[], []]}', False),
    ('{"!==": [1, "1"]}', True),
    ('{"!==": [1, 1.0]}', False),
]
MEMBERSHIP = [
    ('{"in": ["mumbai", ["chennai", "mumbai"]]}', True),
    ('{"in": ["pune", ["chennai", "mumbai"]]}', False),
    ('{"in": [1.0, [1]]}', True),  # decided: by value
    ('{"in": ["1", [1]]}', False),
    ('{"in": [true, [1]]}', False),
    ('{"in": [1, [true]]}', False),
    ('{"in": [null, [1, null]]}', True),
    ('{"in": [null, [1]]}', False),
    ('{"in": [[1], [[1]]]}', False),
    ('{"in": ["chen", "chennai"]}', True),
    ('{"in": ["", "chennai"]}', True),
    ('{"in": [5, "1050"]}', True),
    ('{"in": [5.0, "1050"]}', True),
    ('{"in": [true, "untrue"]}', True),
    ('{"in": [null, "null"]}', False),
    ('{"in": [[1], "[1]"]}', False),
    ('{"in": ["a", null]}', False),
    ('{"in": ["a", 5]}', False),
    ('{"in": ["a"]}', False),
    ('{"in": []}', False),
    # Decided in domain.md 11.1: three or more arguments are membership of the first in the rest.
    ('{"in": ["chennai", "chennai", "mumbai"]}', True),
    ('{"in": ["mumbai", "chennai", "mumbai"]}', True),
    ('{"in": ["chen", "chennai", "mumbai"]}', False),
    ('{"in": [1, 2, 1.0]}', True),
    ('{"in": [["mumbai", "chennai", "mumbai"]]}', True),
]


@pytest.mark.parametrize(("rule", "expected"), ORDER + LOOSE + STRICT + MEMBERSHIP)
def test_a_comparison_is_decided_as_in_the_dialect(rule: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    assert value(rule, {"c": 0}) is expected


WRONG = [
    '{"<": []}',
    '{"<=": [1]}',
    '{">": [1, 2, 3]}',
    '{">=": [null, 2, 3]}',
    '{"==": [1]}',
    '{"==": [1, 2, 3]}',
    '{"!=": [1]}',
    '{"===": [1, 2, 3]}',
    '{"!==": []}',
]


@pytest.mark.parametrize("rule", WRONG)
def test_a_wrong_number_of_sides_is_an_error(rule: str) -> None:
    with pytest.raises(EvaluationError, match="compares"):
        value(rule)
