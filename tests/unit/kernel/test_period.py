"""Half-open periods and local days (domain.md 1.9, reliability.md F-51 and F-53)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.kernel.period import (
    BEGINNING,
    FOREVER,
    FOREVER_ON,
    Period,
    at,
    day_of,
    in_utc,
    local_date,
    local_midnight,
)

MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> Period:
    return Period(utc(start), utc(end))


@pytest.mark.parametrize(
    ("sent", "instant"),
    [
        (datetime(2026, 3, 1, 12, 30), "2026-03-01T12:30:00"),  # noqa: DTZ001 - without an offset it is UTC already
        (datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=45))), "2026-02-28T19:45:00"),
        (datetime(2026, 3, 1, 23, 0, tzinfo=ZoneInfo("America/New_York")), "2026-03-02T04:00:00"),
        (utc("2026-03-01T12:30:00.000001"), "2026-03-01T12:30:00.000001"),
    ],
)
def test_an_instant_is_brought_to_utc_and_stays_the_same(sent: datetime, instant: str) -> None:
    brought = in_utc(sent, "timestamp")
    assert brought == utc(instant)
    assert brought.tzinfo is UTC


@pytest.mark.parametrize(
    ("sent", "hours", "complaint"),
    [
        (datetime(1, 1, 1), 1, "0001-01-01T00:00:00+01:00 lies outside the years 1 to 9999 in UTC"),  # noqa: DTZ001
        (datetime(9999, 12, 31, 23), -1, "9999-12-31T23:00:00-01:00 lies outside the years 1 to 9999 in UTC"),  # noqa: DTZ001
    ],
)
def test_an_instant_that_utc_has_no_year_for_is_refused_by_its_path(sent: datetime, hours: int, complaint: str) -> None:
    with pytest.raises(BillingError) as caught:
        in_utc(sent.replace(tzinfo=timezone(timedelta(hours=hours))), "event.timestamp")
    assert caught.value.kind is Kind.INVALID
    assert caught.value.problems == (Problem("event.timestamp", complaint),)


JANUARY = span("2026-01-01", "2026-02-01")


@pytest.mark.parametrize(
    ("instant", "inside"),
    [
        (JANUARY.start - MICROSECOND, False),
        (JANUARY.start, True),
        (JANUARY.end - MICROSECOND, True),
        (JANUARY.end, False),
        (JANUARY.end + MICROSECOND, False),
        (datetime(2026, 2, 1, 13, 59, tzinfo=timezone(timedelta(hours=14))), True),
        (datetime(2026, 1, 31, 12, 0, tzinfo=timezone(timedelta(hours=-12))), False),
    ],
)
def test_the_start_is_inside_and_the_end_is_not(instant: datetime, *, inside: bool) -> None:
    assert JANUARY.contains(instant) is inside


def test_a_period_may_be_empty_and_then_contains_nothing() -> None:
    empty = Period(JANUARY.start, JANUARY.start)
    assert empty.is_empty
    assert not JANUARY.is_empty
    assert not empty.contains(JANUARY.start)


@pytest.mark.parametrize(
    ("start", "end", "complaint"),
    [
        (utc("2026-02-01"), utc("2026-01-31"), "before it starts"),
        (datetime(2026, 1, 1), utc("2026-02-01"), "in UTC"),  # noqa: DTZ001 - the naive one is the point
        (utc("2026-01-01"), datetime(2026, 2, 1, tzinfo=ZoneInfo("Europe/Berlin")), "in UTC"),
    ],
)
def test_what_is_not_a_span_of_utc_instants_is_refused(start: datetime, end: datetime, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Period(start, end)


@pytest.mark.parametrize("zone", [ZoneInfo("UTC"), timezone(timedelta(0), "also UTC")])
def test_whatever_has_no_offset_from_utc_bounds_a_period(zone: tzinfo) -> None:
    assert Period(JANUARY.start.replace(tzinfo=zone), JANUARY.end.replace(tzinfo=zone)) == JANUARY


def test_the_shortest_span_holds_an_instant_and_not_the_next() -> None:
    assert at(utc("2026-01-01T12:00:00")) == span("2026-01-01T12:00:00", "2026-01-01T12:00:00.000001")


@pytest.mark.parametrize(
    ("other", "common"),
    [
        (span("2026-01-10", "2026-01-20"), span("2026-01-10", "2026-01-20")),
        (span("2025-12-10", "2026-01-20"), span("2026-01-01", "2026-01-20")),
        (Period(BEGINNING, FOREVER), JANUARY),
        (span("2026-02-01", "2026-03-01"), None),
        (span("2025-12-01", "2026-01-01"), None),
        (span("2026-01-10", "2026-01-10"), None),
    ],
)
def test_an_intersection_holds_the_instants_of_both_or_is_none(other: Period, common: Period | None) -> None:
    assert JANUARY.intersect(other) == common
    assert other.intersect(JANUARY) == common


MIDNIGHTS = [
    # Ordinary days on both sides of a change of clocks.
    ("America/New_York", "2026-03-08", "2026-03-08T05:00:00"),
    ("America/New_York", "2026-03-09", "2026-03-09T04:00:00"),
    ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00"),
    ("Europe/Berlin", "2026-03-30", "2026-03-29T22:00:00"),
    ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00:00"),
    ("Australia/Lord_Howe", "2026-04-06", "2026-04-05T13:30:00"),
    ("Africa/Casablanca", "2025-02-23", "2025-02-22T23:00:00"),
    ("Africa/Casablanca", "2025-02-24", "2025-02-24T00:00:00"),
    # Midnight is skipped: clocks go from 00:00 to 01:00, in Monrovia to 00:44:30.
    ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00"),
    ("Africa/Cairo", "2024-04-26", "2024-04-25T22:00:00"),
    ("Africa/Monrovia", "1972-01-07", "1972-01-07T00:44:30"),
    # Midnight comes twice: from 01:00 back to 00:00, and from 00:01 back to 23:01.
    ("America/Havana", "2024-11-03", "2024-11-03T04:00:00"),
    ("America/St_Johns", "2010-11-07", "2010-11-07T02:30:00"),
    # The day is skipped whole: it begins where the next one does.
    ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00"),
    ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00"),
    ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00"),
    ("Pacific/Apia", "2012-01-01", "2011-12-31T10:00:00"),
    ("Pacific/Kwajalein", "1993-08-21", "1993-08-21T12:00:00"),
    # Time ends at one instant in every zone.
    ("America/New_York", "9998-12-31", "9998-12-31T05:00:00"),
    ("America/New_York", "9999-01-01", "9999-01-01T00:00:00"),
    ("Asia/Tokyo", "9999-01-01", "9999-01-01T00:00:00"),
    ("Asia/Tokyo", "9999-12-31", "9999-01-01T00:00:00"),
]


@pytest.mark.parametrize(("zone", "on", "first_instant"), MIDNIGHTS)
def test_a_local_day_begins_at_its_first_instant(zone: str, on: str, first_instant: str) -> None:
    begins = local_midnight(date.fromisoformat(on), ZoneInfo(zone))
    assert begins == utc(first_instant)
    assert begins.tzinfo is UTC


@pytest.mark.parametrize(
    ("zone", "instant", "on"),
    [
        ("America/New_York", "2026-01-01T04:59:59.999999", "2025-12-31"),
        ("America/New_York", "2026-01-01T05:00:00", "2026-01-01"),
        ("Pacific/Apia", "2011-12-30T09:59:59.999999", "2011-12-29"),
        ("Pacific/Apia", "2011-12-30T10:00:00", "2011-12-31"),
        # Clocks in St John's read 23:30 on the 6th again, an hour after the 7th had begun.
        ("America/St_Johns", "2010-11-07T02:00:00", "2010-11-06"),
        ("America/St_Johns", "2010-11-07T03:00:00", "2010-11-07"),
        ("America/New_York", "9999-01-01T00:00:00", "9999-01-01"),
        ("Asia/Tokyo", "9998-12-31T23:59:59", "9998-12-31"),
    ],
)
def test_an_instant_belongs_to_the_local_day_that_has_begun(zone: str, instant: str, on: str) -> None:
    assert local_date(utc(instant), ZoneInfo(zone)) == date.fromisoformat(on)


@pytest.mark.parametrize(
    ("zone", "instant", "start", "end"),
    [
        ("UTC", "2026-01-31T23:59:59.999999", "2026-01-31", "2026-02-01"),
        ("UTC", "2026-02-01", "2026-02-01", "2026-02-02"),
        ("America/New_York", "2026-03-08T12:00:00", "2026-03-08T05:00:00", "2026-03-09T04:00:00"),  # 23 hours
        ("America/New_York", "2026-11-02T04:59:59", "2026-11-01T04:00:00", "2026-11-02T05:00:00"),  # 25 hours
        # The 30th of December 2011 was skipped, so the day before it ends where the 31st begins.
        ("Pacific/Apia", "2011-12-30T09:00:00", "2011-12-29T10:00:00", "2011-12-30T10:00:00"),
        ("Pacific/Apia", "2011-12-30T10:00:00", "2011-12-30T10:00:00", "2011-12-31T10:00:00"),
    ],
)
def test_the_day_of_an_instant_runs_from_its_first_instant_to_that_of_the_next(
    zone: str, instant: str, start: str, end: str
) -> None:
    assert day_of(utc(instant), ZoneInfo(zone)) == span(start, end)


@pytest.mark.parametrize(
    ("zone", "start", "end", "days"),
    [
        ("UTC", "2026-01-01", "2026-02-01", 31),
        ("UTC", "2026-01-01", "2026-01-01", 0),
        ("America/New_York", "2026-03-08", "2026-03-09", 1),  # 23 hours
        ("America/New_York", "2026-11-01", "2026-11-02", 1),  # 25 hours
        ("America/New_York", "2026-03-01", "2026-04-01", 31),
        ("Australia/Lord_Howe", "2026-04-01", "2026-05-01", 30),
        ("Africa/Casablanca", "2025-02-01", "2025-05-01", 89),
        ("Pacific/Apia", "2011-12-01", "2012-01-01", 31),
        ("Europe/Berlin", "9998-01-01", "9999-01-01", 365),
    ],
)
def test_days_are_counted_by_the_calendar_not_by_hours(zone: str, start: str, end: str, days: int) -> None:
    where = ZoneInfo(zone)
    first, last = (local_midnight(date.fromisoformat(text), where) for text in (start, end))
    assert Period(first, last).days(where) == days


ZONES = st.sampled_from(
    [
        "UTC",
        "America/New_York",
        "Europe/Berlin",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Pacific/Apia",
        "America/St_Johns",
        "America/Sao_Paulo",
        "Antarctica/Casey",
        "Asia/Kathmandu",
    ]
).map(ZoneInfo)


@given(
    ZONES,
    st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_every_instant_lies_in_exactly_one_local_day(zone: ZoneInfo, instant: datetime) -> None:
    on = local_date(instant, zone)
    assert local_midnight(on, zone) <= instant
    assert on == FOREVER_ON or instant < local_midnight(on + DAY, zone)


SAMPLES = [utc("1970-01-02") + timedelta(days=45 * step) for step in range(8 * 60)]


def offsets(zone: ZoneInfo) -> tuple[timedelta | None, ...]:
    return tuple(instant.astimezone(zone).utcoffset() for instant in SAMPLES)


def change_between(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The second from which the offset of `high` holds, found by halving."""
    offset = high.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (low, middle) if middle.astimezone(zone).utcoffset() == offset else (middle, high)
    return high


def test_around_every_change_of_clocks_on_earth_a_local_day_begins_at_its_first_instant() -> None:
    different = {offsets(zone): zone for zone in map(ZoneInfo, sorted(available_timezones() - {"localtime"}))}
    for found, zone in different.items():
        for step, (before, after) in enumerate(pairwise(found)):
            if before == after:
                continue
            on = local_date(change_between(SAMPLES[step], SAMPLES[step + 1], zone), zone)
            begins = local_midnight(on, zone)
            assert (begins - MICROSECOND).astimezone(zone).date() < on <= begins.astimezone(zone).date(), zone
