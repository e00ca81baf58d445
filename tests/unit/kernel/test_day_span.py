"""Spans of whole days as ISO 8601 writes them, and the day so much later."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.day_span import DaySpan


@pytest.mark.parametrize(
    ("text", "months", "days"),
    [
        ("P10D", 0, 10),
        ("P2W", 0, 14),
        ("P1M", 1, 0),
        ("P1Y6M", 18, 0),
        ("P1Y2M3W4D", 14, 25),
        ("PT240H", 0, 10),
        ("P1DT24H", 0, 2),
        ("P100Y", 1200, 0),
    ],
)
def test_durations_of_whole_days_are_read(text: str, months: int, days: int) -> None:
    assert DaySpan.of(text) == DaySpan(months, days)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "'' is no ISO 8601 duration of whole days"),
        ("P", "'P' is no ISO 8601 duration of whole days"),
        ("PT", "'PT' is no ISO 8601 duration of whole days"),
        ("P1DT", "'P1DT' is no ISO 8601 duration of whole days"),
        ("10", "'10' is no ISO 8601 duration of whole days"),
        ("-P1D", "'-P1D' is no ISO 8601 duration of whole days"),
        ("P1.5D", "'P1.5D' is no ISO 8601 duration of whole days"),
        ("P1D\n", "'P1D\\n' is no ISO 8601 duration of whole days"),
        ("P\u0661D", "'P\u0661D' is no ISO 8601 duration of whole days"),
        ("PT30M", "'PT30M' is no ISO 8601 duration of whole days"),
        ("PT36H", "'PT36H' does not last whole days"),
        ("P0D", "'P0D' lasts no time at all"),
        ("PT0H", "'PT0H' lasts no time at all"),
        ("P101Y", "'P101Y' lasts more than 100 years"),
        ("P999999D", "'P999999D' lasts more than 100 years"),
    ],
)
def test_others_are_refused_in_words(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the words are compared
        DaySpan.of(text)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("text", "on", "after"),
    [
        ("P10D", date(2026, 1, 25), date(2026, 2, 4)),
        ("P1M", date(2026, 1, 31), date(2026, 2, 28)),
        ("P1M", date(2028, 1, 31), date(2028, 2, 29)),
        ("P1M1D", date(2026, 1, 31), date(2026, 3, 1)),
        ("P12M", date(2026, 12, 31), date(2027, 12, 31)),
        ("P1Y", date(2028, 2, 29), date(2029, 2, 28)),
        ("P11M", date(2026, 2, 1), date(2027, 1, 1)),
    ],
)
def test_months_come_first_and_fall_back_to_the_last_day_that_there_is(text: str, on: date, after: date) -> None:
    assert DaySpan.of(text).after(on) == after


@given(st.integers(0, 1200), st.integers(0, 36_600), st.dates(date(1970, 1, 1), date(2100, 1, 1)))
def test_the_day_is_later_than_the_first_one(months: int, days: int, on: date) -> None:
    after = DaySpan(months, days).after(on)
    assert after > on or not (months or days)
    assert DaySpan(0, days).after(DaySpan(months, 0).after(on)) == after


@pytest.mark.parametrize(
    ("text", "other", "behind"),
    [
        ("P2D", "P1D", True),
        ("P1D", "P1D", False),
        ("P1M", "P1M", False),
        ("P1M1D", "P1M", True),
        ("P1M", "P27D", True),  # February has 28 days
        ("P1M", "P28D", False),
        ("P32D", "P1M", True),
        ("P31D", "P1M", False),
        ("P1Y", "P12M", False),
        ("P366D", "P1Y", False),
        ("P367D", "P1Y", True),
        ("P1Y", "P364D", True),
    ],
)
def test_a_span_ends_behind_another_or_not_always(text: str, other: str, behind: bool) -> None:  # noqa: FBT001 - a table
    assert DaySpan.of(text).ends_behind(DaySpan.of(other)) is behind


@given(
    st.builds(DaySpan, st.integers(0, 30), st.integers(0, 800)),
    st.builds(DaySpan, st.integers(0, 30), st.integers(0, 800)),
)
def test_what_ends_behind_does_so_from_every_day_on(span: DaySpan, other: DaySpan) -> None:
    if span.ends_behind(other):
        days = (date(2027, 1, 1) + timedelta(days=day) for day in range(4 * 366))
        assert all(span.after(on) > other.after(on) for on in days)
