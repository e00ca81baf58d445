"""How a span of time is cut into points (domain.md 8.1)."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.errors import BillingError
from tallystick.kernel.period import Period
from tallystick.metering.series import MOST_POINTS, Granularity, bounds_of

UTC_ZONE = ZoneInfo("UTC")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "granularity", "zone", "expected"),
    [
        ("2026-01-01", "2026-03-01", Granularity.MONTH, "UTC", ["2026-01-01", "2026-02-01", "2026-03-01"]),
        # An unaligned range keeps its own ends.
        ("2026-01-15", "2026-02-10", Granularity.MONTH, "UTC", ["2026-01-15", "2026-02-01", "2026-02-10"]),
        # 1 January 2026 is a Thursday; weeks start on Monday the 5th.
        ("2026-01-01", "2026-01-12", Granularity.WEEK, "UTC", ["2026-01-01", "2026-01-05", "2026-01-12"]),
        # The day of 29 March 2026 has 23 hours in Berlin: midnights at 23:00 and then 22:00 UTC.
        (
            "2026-03-28T23:00",
            "2026-03-30T22:00",
            Granularity.DAY,
            "Europe/Berlin",
            ["2026-03-28T23:00", "2026-03-29T22:00", "2026-03-30T22:00"],
        ),
        # Hours begin at half past in UTC where the zone is five and a half hours ahead.
        (
            "2026-01-01T00:00",
            "2026-01-01T02:00",
            Granularity.HOUR,
            "Asia/Kolkata",
            ["2026-01-01T00:00", "2026-01-01T00:30", "2026-01-01T01:30", "2026-01-01T02:00"],
        ),
    ],
)
def test_bounds_lie_on_the_calendar_of_the_zone(
    start: str, end: str, granularity: Granularity, zone: str, expected: list[str]
) -> None:
    bounds = bounds_of(Period(at(start), at(end)), granularity, ZoneInfo(zone))
    assert bounds == [at(text) for text in expected]


def test_three_hundred_points_are_the_most() -> None:
    three_hundred = Period(at("2026-01-01"), at("2026-10-28"))
    assert len(bounds_of(three_hundred, Granularity.DAY, UTC_ZONE)) == MOST_POINTS + 1
    with pytest.raises(BillingError, match="endTime: the range has more than 300 points of a DAY"):
        bounds_of(Period(at("2026-01-01"), at("2026-10-29")), Granularity.DAY, UTC_ZONE)


@given(
    st.datetimes(datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2030-01-01")),
    st.integers(1, 200),
    st.sampled_from(list(Granularity)),
    st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_bounds_rise_and_tile_the_span(start: datetime, hours: int, granularity: Granularity, zone: str) -> None:
    begin = start.replace(tzinfo=UTC)
    span = Period(begin, datetime.fromtimestamp(begin.timestamp() + hours * 3600, UTC))
    bounds = bounds_of(span, granularity, ZoneInfo(zone))
    assert (bounds[0], bounds[-1]) == (span.start, span.end)
    assert all(earlier < later for earlier, later in pairwise(bounds))
