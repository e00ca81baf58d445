"""and, or, if, ?:, ! and !! as in jsonlogic.md section 2."""

from __future__ import annotations

import pytest

from tallystick.logic import EvaluationError, truthy
from tests.unit.logic.dialect import alike, value

FAILS = '{"/": [1, 0]}'
CASES = [
    ('{"and": [1, 3]}', 3),
    ('{"and": [3, false, 1]}', False),
    ('{"and": [[], true]}', []),
    ('{"and": ["", true]}', ""),
    ('{"and": [0.00, true]}', 0),
    ('{"and": true}', True),
    (f'{{"and": [false, {FAILS}]}}', False),
    ('{"or": [false, 3]}', 3),
    ('{"or": ["0", true]}', "0"),
    ('{"or": [0, ""]}', ""),
    (f'{{"or": [1, {FAILS}]}}', 1),
    ('{"if": []}', None),
    ('{"if": ["apple"]}', "apple"),
    ('{"if": [false, "apple"]}', None),
    ('{"if": [true, 1, 2]}', 1),
    ('{"if": [false, 1, false, 2, 3]}', 3),
    ('{"if": [false, 1, true, 2, 3]}', 2),
    ('{"if": [false, 1, false, 2]}', None),
    (f'{{"if": [true, 1, {FAILS}, {FAILS}]}}', 1),
    ('{"?:": [false, 1, 2]}', 2),
    ('{"!": [false]}', True),
    ('{"!": 0.0}', True),
    ('{"!": []}', True),
    ('{"!!": []}', False),
    ('{"!": [[]]}', True),
    ('{"!": [[0, 1]]}', True),  # the list becomes the arguments
    ('{"!!": ["0"]}', True),
    ('{"!!": {"var": ""}}', True),
    ('{"!": [{"missing": ["a", "b"]}]}', False),  # tests the first missing name
]


@pytest.mark.parametrize(("rule", "expected"), CASES)
def test_a_choice_gives_the_value_that_decides(rule: str, expected: object) -> None:
    assert alike(value(rule, {}), expected)


@pytest.mark.parametrize("operator", ["and", "or"])
def test_and_and_or_need_an_argument(operator: str) -> None:
    with pytest.raises(EvaluationError, match="at least one argument"):
        value(f'{{"{operator}": []}}')


@pytest.mark.parametrize("falsy", ["null", "false", "0", "0.00", "-0", '""', "[]"])
def test_nothing_zero_and_empty_are_falsy(falsy: str) -> None:
    assert not truthy(value(falsy))


@pytest.mark.parametrize("true", ["true", "0.001", "-1", '"0"', '" "', "[0]", '{"var": ""}'])
def test_everything_else_is_truthy(true: str) -> None:
    assert truthy(value(true, {}))
