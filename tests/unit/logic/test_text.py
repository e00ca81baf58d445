"""cat and substr as in jsonlogic.md section 2; positions are code points, an end beyond the text stops there."""

from __future__ import annotations

import pytest

from tallystick.logic import EvaluationError
from tests.unit.logic.dialect import value

CAT = [
    ('{"cat": "ice"}', "ice"),
    ('{"cat": ["ice", "cream"]}', "icecream"),
    ('{"cat": []}', ""),
    ('{"cat": [["a", "b"]]}', "ab"),
    ('{"cat": [1, 2]}', "12"),
    ('{"cat": [1.0]}', "1"),
    ('{"cat": [123456789012.0]}', "123456789012"),  # the fork prints -1097262572
    ('{"cat": [2.50]}', "2.50"),
    ('{"cat": [-0.5]}', "-0.5"),
    ('{"cat": [1e2]}', "100"),  # the fork prints 1E+2
    ('{"cat": [1e-7]}', "0.0000001"),
    ('{"cat": [-0]}', "0"),
    ('{"cat": [{"*": [0, -5]}]}', "0"),
    ('{"cat": [{"/": [1, 3]}, " of ", true, false]}', "0.3333 of truefalse"),
    ('{"cat": {"date": "2024-05-29T00:00:00Z"}}', "2024-05-29T00:00Z"),
]
SUBSTR = [
    ('{"substr": ["jsonlogic", 4]}', "logic"),
    ('{"substr": ["jsonlogic", -5]}', "logic"),
    ('{"substr": ["jsonlogic", 9]}', ""),
    ('{"substr": ["jsonlogic", -10]}', ""),
    ('{"substr": ["jsonlogic", 0, 1]}', "j"),
    ('{"substr": ["jsonlogic", -5, -2]}', "log"),
    ('{"substr": ["jsonlogic", 1, -5]}', "son"),
    ('{"substr": ["jsonlogic", 4, 0]}', ""),
    ('{"substr": ["jsonlogic", 5, -6]}', ""),
    ('{"substr": ["jsonlogic", 5, -20]}', ""),
    ('{"substr": ["jsonlogic", 4, 100]}', "logic"),  # domain.md 3.3; the fork gives ""
    ('{"substr": ["jsonlogic", 20, 1]}', ""),
    ('{"substr": ["jsonlogic", 1.9, 2.9]}', "so"),
    ('{"substr": ["é😀z", 1, 1]}', "😀"),
    ('{"substr": ["é😀z", 2]}', "z"),
    ('{"substr": [12345, 1, 2]}', "23"),
    ('{"substr": [true, 1]}', "rue"),
]


@pytest.mark.parametrize(("rule", "expected"), CAT + SUBSTR)
def test_a_text_is_made_as_in_the_dialect(rule: str, expected: str) -> None:
    assert value(rule) == expected


ERRORS = [
    ('{"cat": ["a", null]}', "null has no text"),
    ('{"cat": [[1], "a"]}', "a list has no text"),
    ('{"cat": [{"var": ""}, "a"]}', "an object has no text"),
    ('{"substr": [null, 1]}', "null has no text"),
    ('{"substr": ["abc", 4]}', "beyond the text"),
    ('{"substr": ["abc", -4, 1]}', "before the text"),
    ('{"substr": ["abc", "1"]}', "numbers"),
    ('{"substr": ["abc", 1, null]}', "numbers"),
    ('{"substr": ["abc", true]}', "numbers"),
    ('{"substr": ["abc"]}', "a start"),
    ('{"substr": ["abc", 1, 1, 1]}', "a start"),
]


@pytest.mark.parametrize(("rule", "reason"), ERRORS)
def test_what_has_no_text_or_no_place_in_it_is_an_error(rule: str, reason: str) -> None:
    with pytest.raises(EvaluationError, match=reason):
        value(rule, {"a": 1})
