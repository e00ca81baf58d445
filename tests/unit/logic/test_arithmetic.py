"""Arithmetic as jsonlogic.md section 2 observed it, with the decisions of domain.md 3.3."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tallystick.logic import EvaluationError, parse
from tests.unit.logic.dialect import alike, value

EXACT = [
    ('{"+": [1, 2]}', "3"),
    ('{"+": [2, 2, 2]}', "6"),
    ('{"+": [[1, 2]]}', "3"),
    ('{"+": 7}', "7"),
    ('{"+": "-3.14"}', "-3.14"),
    ('{"+": [0.1, 0.2]}', "0.3"),
    ('{"+": ["1", 1]}', "2"),
    ('{"+": {"merge": [1, [2]]}}', "3"),  # the fork's own fixture
    ('{"*": [0.1, 0.2]}', "0.02"),
    ('{"*": [1.10, 2.20]}', "2.4200"),
    ('{"*": [1, -0]}', "0"),
    ('{"*": [0, -5]}', "0"),
    ('{"min": [3, 1, 2]}', "1"),
    ('{"max": [3, 1, "20"]}', "20"),
    ('{"min": [1]}', "1"),
    ('{"-": [9, 3]}', "6"),
    ('{"-": [9, 3, 2]}', "6"),
    ('{"-": [9, 3, null]}', "6"),
    ('{"-": [5]}', "-5"),
    ('{"-": 5}', "-5"),
    ('{"-": [0]}', "0"),
    ('{"-": ["5"]}', "-5"),  # decided: the fork leaves a single text as it is
    ('{"-": 0.1234567890123456789012345678901234567890}', "-0.1234567890123456789012345678901234567890"),
    ('{"/": [10, 3]}', "3.3333"),
    ('{"/": [2, 3]}', "0.6667"),
    ('{"/": [4, 2]}', "2.0000"),
    ('{"/": [1.00005, 1]}', "1.0001"),
    ('{"/": [-1.00005, 1]}', "-1.0001"),
    ('{"/": [1.00004999999999999999999999999999, 1]}', "1.0000"),
    ('{"/": [0.00001, 1]}', "0.0000"),
    ('{"/": [-0.00001, 1]}', "0.0000"),
    ('{"/": [-0.00005, 1]}', "-0.0001"),
    ('{"/": [1, -0.00004]}', "-25000.0000"),
    ('{"/": [1e30, 3]}', "333333333333333333333333333333.3333"),
    ('{"/": [8, 2, 2]}', "4.0000"),
    ('{"%": [7, 3]}', "1"),
    ('{"%": [-7, 3]}', "-1"),
    ('{"%": [7, -3]}', "1"),
    ('{"%": [-6, 3]}', "0"),
    ('{"%": [5.5, 2]}', "1.5"),
    ('{"%": [7, 4, 2]}', "3"),
    ('{"%": [7]}', "7"),
]


@pytest.mark.parametrize(("rule", "digits"), EXACT)
def test_a_result_has_exactly_the_digits_of_the_dialect(rule: str, digits: str) -> None:
    assert str(value(rule)) == digits


NULL = [
    *(f'{{"{operator}": []}}' for operator in ("+", "-", "*", "/", "%", "min", "max")),
    *(f'{{"{operator}": [1, {other}]}}' for operator in ("+", "*", "max") for other in ("null", "true", "[1]")),
    *(f'{{"{operator}": [{text}, 1]}}' for operator in ("-", "/", "%", "min") for text in ('""', '" 1"', '"abc"')),
    '{"+": [1, "1_000"]}',
    '{"+": [1, "0x10"]}',
    '{"+": [1, "NaN"]}',
    '{"+": [1, "٣"]}',
    '{"-": ["abc"]}',
    '{"*": ["abc"]}',
    '{"/": [5]}',
    '{"/": [null, 0]}',
    '{"*": [{"duration.between": ["2024-01-01T00:00Z", "2024-02-01T00:00Z"]}, 75]}',  # domain.md 3.3
]


@pytest.mark.parametrize("rule", NULL)
def test_what_is_no_number_makes_the_result_null(rule: str) -> None:
    assert value(rule) is None


@pytest.mark.parametrize("text", ["+5", "5.", ".5e1", "5e0", "50E-1", "005"])
def test_a_text_is_a_number_as_java_spells_them(text: str) -> None:
    assert alike(value(f'{{"+": ["{text}", 0]}}'), 5)


ERRORS = [
    ('{"/": [1, 0]}', "division by zero"),
    ('{"/": [1, 0.000]}', "division by zero"),
    ('{"/": [0, "0"]}', "division by zero"),
    ('{"%": [1, 0]}', "division by zero"),
    ('{"+": ["abc"]}', "'abc' is no number"),
    ('{"+": ""}', "'' is no number"),
]


@pytest.mark.parametrize(("rule", "reason"), ERRORS)
def test_an_error_fails_the_evaluation_and_says_where(rule: str, reason: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        value(f'{{"if": [true,\n {rule}]}}')
    operator = parse(rule).operator
    assert caught.value.message == f"'{operator}': {reason} (line 2, column 3)"


def test_an_error_in_an_untaken_branch_is_not_met() -> None:
    assert alike(value('{"if": [false, {"/": [1, 0]}, 5]}'), 5)


def test_the_longest_attributes_multiply_exactly() -> None:
    longest = "9" * 512 + "." + "9" * 512
    got = value('{"*": [{"var": "a"}, {"var": "a"}]}', {"a": Decimal(longest)})
    assert str(got) == f"{int('9' * 1024) ** 2 // 10**1024}.{int('9' * 1024) ** 2 % 10**1024:01024}"
