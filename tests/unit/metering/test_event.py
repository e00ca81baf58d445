"""The values of many attributes are numbers exactly when each of them is one."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tallystick.catalog.fields import NUMBER_PATTERN
from tallystick.metering.event import are_numbers

LIKE_NUMBERS = st.from_regex(r"-?[0-9]{1,4}(\.[0-9]{0,4})?\n?", fullmatch=True)


@given(st.lists(LIKE_NUMBERS | st.text(alphabet="-.0179e+\n \u0661", max_size=6), max_size=6))
@example(["1\n2"])
@example(["1", ""])
@example(["9" * 512, "-0." + "1" * 600])
@example(["9" * 513])
def test_they_are_what_the_pattern_says_of_each(values: list[str]) -> None:
    assert are_numbers(values) is all(re.search(NUMBER_PATTERN, value) is not None for value in values)


@pytest.mark.parametrize("value", ["", "\n", "1\n", "1\n2", "1.", ".5", "+1", "1e3", "--1", "NaN", "\u0661"])
def test_one_that_is_none_is_found_among_others(value: str) -> None:
    assert are_numbers(["1", "-2.50"])
    assert not are_numbers(["1", value, "-2.50"])
