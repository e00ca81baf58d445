"""Calendar cycles (domain.md 4.2 and 4.10; reliability.md F-51 and F-52)."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.period import BEGINNING, FOREVER, Period, local_midnight
from tallystick.kernel.recurrence import (
    LAST,
    Cycle,
    CycleRule,
    Interval,
    cycle_after,
    cycle_at,
    cycle_count,
    cycles,
    due_at,
)

WEEKLY, MONTHLY, QUARTERLY, HALF_YEARLY, ANNUALLY = Interval
UTC_ZONE = ZoneInfo("UTC")
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)


def on(text: str) -> date:
    return date.fromisoformat(text)


def within(start: str, end: str = "9999-01-01", zone: ZoneInfo = UTC_ZONE) -> Period:
    return Period(local_midnight(on(start), zone), local_midnight(on(end), zone))


def starts(rule: CycleRule, after: str, count: int) -> list[str]:
    """The next starts after a date, as texts."""
    found, last = [], on(after)
    for _ in range(count):
        last = rule.next_start_after(last)
        found.append(last.isoformat())
    return found


# What the wire may say


@pytest.mark.parametrize("interval", list(Interval))
def test_every_text_of_the_table_is_taken_and_given_back(interval: Interval) -> None:
    days = [str(day) for day in range(1, 8 if interval is WEEKLY else 32)] + ["LAST"]
    count = {WEEKLY: 0, MONTHLY: 0, QUARTERLY: 3, HALF_YEARLY: 6, ANNUALLY: 12}[interval]
    months = [str(month) for month in range(1, count + 1)] or ["NIL"]
    for day in days:
        for month in months:
            assert CycleRule.of(interval, day, month).offsets() == (day, month)


def test_first_and_last_name_a_month_of_the_interval() -> None:
    assert CycleRule.of(QUARTERLY, "3", "FIRST") == CycleRule(QUARTERLY, 3, 1)
    assert CycleRule.of(QUARTERLY, "3", "LAST") == CycleRule(QUARTERLY, 3, 3)
    assert CycleRule.of(HALF_YEARLY, "LAST", "LAST") == CycleRule(HALF_YEARLY, LAST, 6)
    assert CycleRule.of(ANNUALLY, "3", "LAST").offsets() == ("3", "12")


def test_a_missing_month_offset_reads_as_nil() -> None:
    assert CycleRule.of(MONTHLY, "1") == CycleRule(MONTHLY, 1)


@pytest.mark.parametrize(
    ("interval", "day", "month", "message"),
    [
        (WEEKLY, "8", "NIL", 'dayOffset: \'8\' does not fit a WEEKLY cycle, send "1" to "7" or "LAST"'),
        (MONTHLY, "32", "NIL", 'dayOffset: \'32\' does not fit a MONTHLY cycle, send "1" to "31" or "LAST"'),
        (MONTHLY, "1", "1", "monthOffset: '1' does not fit a MONTHLY cycle, send \"NIL\""),
        (
            QUARTERLY,
            "1",
            "4",
            'monthOffset: \'4\' does not fit a QUARTERLY cycle, send "1" to "3" or "FIRST" or "LAST"',
        ),
    ],
)
def test_a_refusal_names_the_path_what_came_and_what_the_interval_allows(
    interval: Interval, day: str, month: str, message: str
) -> None:
    with pytest.raises(BillingError) as refused:
        CycleRule.of(interval, day, month)
    assert refused.value.kind is Kind.INVALID
    assert refused.value.message == f"startOffset.{message}"


@pytest.mark.parametrize("text", ["", "0", "01", "-1", "1.0", "last", "NIL", "FIRST", "٣", " 1"])
def test_a_day_is_written_in_one_way_only(text: str) -> None:
    with pytest.raises(BillingError, match="dayOffset"):
        CycleRule.of(MONTHLY, text)


def test_both_wrong_texts_are_named_at_once_under_the_path_they_came_from() -> None:
    with pytest.raises(BillingError) as refused:
        CycleRule.of(QUARTERLY, "40", path="pricingCycleConfig.startOffset")
    assert [problem.path for problem in refused.value.problems] == [
        "pricingCycleConfig.startOffset.dayOffset",
        "pricingCycleConfig.startOffset.monthOffset",
    ]


# Starts


@pytest.mark.parametrize(
    ("interval", "day", "month", "after", "expected"),
    [
        # The checks of domain.md 4.10.
        (MONTHLY, "30", "NIL", "2026-01-01", ["2026-01-30", "2026-02-28", "2026-03-30", "2026-04-30"]),
        (QUARTERLY, "LAST", "FIRST", "2026-01-01", ["2026-01-31", "2026-04-30", "2026-07-31", "2026-10-31"]),
        (HALF_YEARLY, "15", "4", "2026-01-01", ["2026-04-15", "2026-10-15", "2027-04-15"]),
        (ANNUALLY, "LAST", "2", "2026-01-01", ["2026-02-28", "2027-02-28", "2028-02-29", "2029-02-28"]),
        (QUARTERLY, "3", "2", "2026-01-15", ["2026-02-03", "2026-05-03", "2026-08-03", "2026-11-03"]),
        # Monday is 1, LAST is Sunday; 2026-01-01 is a Thursday.
        (WEEKLY, "1", "NIL", "2026-01-01", ["2026-01-05", "2026-01-12"]),
        (WEEKLY, "4", "NIL", "2026-01-01", ["2026-01-08", "2026-01-15"]),
        (WEEKLY, "7", "NIL", "2025-12-26", ["2025-12-28", "2026-01-04"]),
        (WEEKLY, "LAST", "NIL", "2026-01-01", ["2026-01-04", "2026-01-11"]),
        # Leap years: 2028 and 2000 are, 2100 is not.
        (MONTHLY, "31", "NIL", "2028-01-31", ["2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31"]),
        (MONTHLY, "29", "NIL", "2100-01-29", ["2100-02-28", "2100-03-29"]),
        (MONTHLY, "LAST", "NIL", "2000-01-31", ["2000-02-29", "2000-03-31"]),
        (ANNUALLY, "29", "2", "2098-12-31", ["2099-02-28", "2100-02-28", "2101-02-28"]),
        (
            ANNUALLY,
            "29",
            "2",
            "2028-02-01",
            ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"],
        ),
        (ANNUALLY, "1", "LAST", "2026-01-01", ["2026-12-01", "2027-12-01"]),
        # Time ends on 9999-01-01.
        (MONTHLY, "15", "NIL", "9998-11-15", ["9998-12-15", "9999-01-01", "9999-01-01"]),
        (WEEKLY, "1", "NIL", "9998-12-31", ["9999-01-01"]),
        (ANNUALLY, "1", "1", "9998-06-01", ["9999-01-01"]),
    ],
)
def test_starts_come_from_the_rule(interval: Interval, day: str, month: str, after: str, expected: list[str]) -> None:
    assert starts(CycleRule.of(interval, day, month), after, len(expected)) == expected


@pytest.mark.parametrize("anchor", [28, 29, 30, 31])
def test_a_month_end_anchor_comes_back_after_every_short_month(anchor: int) -> None:
    rule = CycleRule.of(MONTHLY, str(anchor))
    for year in (2000, 2026, 2028, 2100):
        found = [on(text) for text in starts(rule, f"{year - 1}-12-31", 48)]
        assert [(start.year, start.month) for start in found] == [
            (year + month // 12, month % 12 + 1) for month in range(48)
        ]
        assert all(start.day == min(anchor, calendar.monthrange(start.year, start.month)[1]) for start in found)


def test_a_start_is_its_own_start_on_or_before() -> None:
    rule = CycleRule.of(QUARTERLY, "LAST", "FIRST")
    assert rule.start_on_or_before(on("2026-04-30")) == on("2026-04-30")
    assert rule.start_on_or_before(on("2026-04-29")) == on("2026-01-31")
    assert rule.start_on_or_before(on("2026-01-30")) == on("2025-10-31")


# Anniversaries


@pytest.mark.parametrize(
    ("interval", "joined", "offsets"),
    [
        (WEEKLY, "2026-01-01", ("4", "NIL")),  # a Thursday
        (WEEKLY, "2026-02-01", ("7", "NIL")),  # a Sunday
        (MONTHLY, "2026-06-15", ("15", "NIL")),
        (MONTHLY, "2026-01-31", ("LAST", "NIL")),
        (MONTHLY, "2026-04-30", ("30", "NIL")),
        (MONTHLY, "2026-02-28", ("28", "NIL")),
        (QUARTERLY, "2026-05-15", ("15", "2")),
        (QUARTERLY, "2026-12-31", ("LAST", "3")),
        (HALF_YEARLY, "2026-06-15", ("15", "6")),
        (HALF_YEARLY, "2026-04-15", ("15", "4")),
        (HALF_YEARLY, "2026-07-01", ("1", "1")),
        (HALF_YEARLY, "2026-02-28", ("28", "2")),
        (ANNUALLY, "2026-02-28", ("LAST", "2")),
        (ANNUALLY, "2028-02-29", ("LAST", "2")),
        (ANNUALLY, "2026-02-27", ("27", "2")),
        (ANNUALLY, "2026-12-31", ("LAST", "12")),
    ],
)
def test_an_anniversary_turns_the_joining_date_into_offsets(
    interval: Interval, joined: str, offsets: tuple[str, str]
) -> None:
    rule = CycleRule.anniversary(interval, on(joined))
    assert rule.offsets() == offsets
    assert CycleRule.of(interval, *offsets) == rule


@given(st.sampled_from(Interval), st.dates(on("1970-01-01"), on("9998-12-31")))
def test_an_anniversary_cycle_starts_on_the_joining_date(interval: Interval, joined: date) -> None:
    rule = CycleRule.anniversary(interval, joined)
    leap_eve = interval is ANNUALLY and (joined.month, joined.day) == (2, 28) and calendar.isleap(joined.year)
    assert (rule.start_on_or_before(joined) == joined) is not leap_eve


# Cycles


def test_the_worked_example_has_a_short_first_cycle_and_falls_due_two_days_after_each_end() -> None:
    """Quarterly, day 3, month 2, grace 2, sign-up on 15 January (domain.md 4.2)."""
    rule = CycleRule.of(QUARTERLY, "3", "2")
    found = list(islice(cycles(rule, within("2026-01-15"), UTC_ZONE), 3))
    assert [cycle.period for cycle in found] == [
        within("2026-01-15", "2026-02-03"),
        within("2026-02-03", "2026-05-03"),
        within("2026-05-03", "2026-08-03"),
    ]
    assert found[0].nominal == within("2025-11-03", "2026-02-03")
    assert found[1].nominal == found[1].period
    assert [due_at(cycle.period.end, 2, UTC_ZONE) for cycle in found] == [
        datetime(2026, 2, 5, tzinfo=UTC),
        datetime(2026, 5, 5, tzinfo=UTC),
        datetime(2026, 8, 5, tzinfo=UTC),
    ]


def test_a_cycle_from_the_5th_to_the_4th_falls_due_on_the_7th() -> None:
    """The override example of domain.md 4.2, grace 2."""
    cycle = cycle_at(CycleRule.of(MONTHLY, "5"), within("2026-01-05"), UTC_ZONE, datetime(2026, 2, 1, tzinfo=UTC))
    assert cycle.period == within("2026-01-05", "2026-02-05")
    assert due_at(cycle.period.end, 2, UTC_ZONE) == datetime(2026, 2, 7, tzinfo=UTC)


def test_a_month_that_ends_on_30_september_takes_events_until_the_end_of_5_october() -> None:
    """Grace 5 (domain.md 4.2), in New York, where that midnight is 04:00 UTC."""
    zone = ZoneInfo("America/New_York")
    end = local_midnight(on("2026-10-01"), zone)
    assert due_at(end, 5, zone) == datetime(2026, 10, 6, 4, tzinfo=UTC)


def test_grace_counts_local_days_across_a_change_of_clocks() -> None:
    zone = ZoneInfo("Europe/Berlin")
    end = datetime(2026, 3, 27, 23, tzinfo=UTC)
    assert due_at(end, 2, zone) == datetime(2026, 3, 29, 22, tzinfo=UTC)


@pytest.mark.parametrize("grace", [0, 1, 400, 10**12])
def test_what_ends_never_is_due_never(grace: int) -> None:
    assert due_at(FOREVER, grace, ZoneInfo("America/New_York")) == FOREVER
    assert due_at(datetime(9998, 12, 31, tzinfo=UTC), grace + 1, UTC_ZONE) == FOREVER


def test_days_of_a_short_cycle_and_of_the_full_one() -> None:
    """Joins on 16 September: 15 of 30 days (domain.md 4.6)."""
    cycle = cycle_at(CycleRule.of(MONTHLY, "1"), within("2026-09-16"), UTC_ZONE, datetime(2026, 9, 20, tzinfo=UTC))
    assert (cycle.days(UTC_ZONE), cycle.nominal_days(UTC_ZONE)) == (15, 30)


def test_a_schedule_that_ends_cuts_its_last_cycle() -> None:
    rule, range_ = CycleRule.of(MONTHLY, "1"), within("2026-01-01", "2026-02-11")
    first, last = cycles(rule, range_, UTC_ZONE)
    assert last == Cycle(within("2026-02-01", "2026-02-11"), within("2026-02-01", "2026-03-01"))
    assert cycle_after(rule, range_, UTC_ZONE, first) == last
    assert cycle_after(rule, range_, UTC_ZONE, last) is None


def test_an_empty_schedule_has_no_cycles() -> None:
    assert list(cycles(CycleRule.of(MONTHLY, "1"), within("2026-01-01", "2026-01-01"), UTC_ZONE)) == []


@pytest.mark.parametrize("instant", [datetime(2026, 1, 1, tzinfo=UTC) - MICROSECOND, datetime(2026, 2, 1, tzinfo=UTC)])
def test_an_instant_outside_the_schedule_has_no_cycle(instant: datetime) -> None:
    with pytest.raises(ValueError, match="outside the schedule"):
        cycle_at(CycleRule.of(MONTHLY, "1"), within("2026-01-01", "2026-02-01"), UTC_ZONE, instant)


@pytest.mark.parametrize(
    ("zone", "day", "start", "hours"),
    [
        ("America/New_York", "1", "2026-03-01", 31 * 24 - 1),
        ("America/New_York", "1", "2026-11-01", 30 * 24 + 1),
        ("Europe/Berlin", "1", "2026-10-01", 31 * 24 + 1),
        ("Australia/Lord_Howe", "1", "2026-04-01", 30 * 24 + 0.5),
        ("Africa/Casablanca", "23", "2025-02-23", 28 * 24 + 1),
        ("Pacific/Apia", "1", "2011-12-01", 30 * 24),  # 30 December never was
    ],
)
def test_a_cycle_lasts_as_long_as_its_local_days(zone: str, day: str, start: str, hours: float) -> None:
    where = ZoneInfo(zone)
    cycle = next(cycles(CycleRule.of(MONTHLY, day), within(start, zone=where), where))
    assert (cycle.period.end - cycle.period.start) / timedelta(hours=1) == hours


def test_a_cycle_anchored_on_the_skipped_day_of_apia_starts_where_the_next_day_does() -> None:
    zone = ZoneInfo("Pacific/Apia")
    found = list(islice(cycles(CycleRule.of(MONTHLY, "30"), within("2011-11-30", zone=zone), zone), 2))
    assert found[0].period.end == found[1].period.start == datetime(2011, 12, 30, 10, tzinfo=UTC)


def test_the_hour_that_comes_twice_over_midnight_belongs_to_the_cycle_begun() -> None:
    """St John's, 2010-11-07: clocks went from 00:01 back to 23:01."""
    zone = ZoneInfo("America/St_Johns")
    again = datetime(2010, 11, 7, 3, 0, tzinfo=UTC)
    cycle = cycle_at(CycleRule.of(MONTHLY, "7"), within("2010-01-01", zone=zone), zone, again)
    assert cycle.period.start == datetime(2010, 11, 7, 2, 30, tzinfo=UTC)


# Against a slow oracle: walk day by day, find the first instant of a day by walking in quarters of an hour.

ZONES = st.sampled_from(
    ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia"]
).map(ZoneInfo)
QUARTER_HOUR = timedelta(minutes=15)


@st.composite
def rules(draw: st.DrawFn) -> CycleRule:
    interval = draw(st.sampled_from(Interval))
    days = ["LAST", *map(str, range(1, 8))] if interval is WEEKLY else ["LAST", *map(str, range(31, 0, -1))]
    count = {WEEKLY: 0, MONTHLY: 0, QUARTERLY: 3, HALF_YEARLY: 6, ANNUALLY: 12}[interval]
    months = [*map(str, range(1, count + 1)), "FIRST", "LAST"] if count else ["NIL"]
    return CycleRule.of(interval, draw(st.sampled_from(days)), draw(st.sampled_from(months)))


YEARS = st.sampled_from([*range(1990, 2040), 2011, 2011, 2028, 2096, 2100, 2101])


@st.composite
def schedules(draw: st.DrawFn) -> tuple[ZoneInfo, Period]:
    zone = draw(ZONES)
    first = date(draw(YEARS), 1, 1) + draw(st.integers(0, 365)) * DAY
    last = first + draw(st.integers(2, 1500)) * DAY
    return zone, Period(local_midnight(first, zone), local_midnight(last, zone))


def slow_is_start(rule: CycleRule, day: date) -> bool:
    if rule.interval is WEEKLY:
        return day.isoweekday() == (7 if rule.day == LAST else rule.day)
    step = {MONTHLY: 1, QUARTERLY: 3, HALF_YEARLY: 6, ANNUALLY: 12}[rule.interval]
    if day.month not in range(rule.month or 1, 13, step):
        return False
    tomorrow_is_another_month = (day + DAY).month != day.month
    if rule.day == LAST:
        return tomorrow_is_another_month
    return day.day == rule.day or (tomorrow_is_another_month and day.day < rule.day)


def slow_midnight(day: date, zone: ZoneInfo) -> datetime:
    instant = datetime.combine(day - DAY, time(), UTC)
    while instant.astimezone(zone).date() < day:
        instant += QUARTER_HOUR
    return instant


def slow_cycle(rule: CycleRule, within: Period, zone: ZoneInfo, instant: datetime) -> Cycle:
    start = instant.astimezone(zone).date()
    while not slow_is_start(rule, start):
        start -= DAY
    end = instant.astimezone(zone).date() + DAY
    while not slow_is_start(rule, end):
        end += DAY
    first, last = slow_midnight(start, zone), slow_midnight(end, zone)
    return Cycle(Period(max(first, within.start), min(last, within.end)), Period(first, last))


@settings(max_examples=400)
@given(rules(), schedules(), st.data())
def test_the_cycle_of_an_instant_is_the_one_that_a_walk_through_the_days_finds(
    rule: CycleRule, schedule: tuple[ZoneInfo, Period], data: st.DataObject
) -> None:
    zone, range_ = schedule
    seconds = int((range_.end - range_.start).total_seconds())
    instant = range_.start + timedelta(seconds=data.draw(st.integers(0, seconds - 1)))
    assert cycle_at(rule, range_, zone, instant) == slow_cycle(rule, range_, zone, instant)


@given(rules(), schedules())
def test_cycles_tile_a_schedule_without_gap_or_overlap(rule: CycleRule, schedule: tuple[ZoneInfo, Period]) -> None:
    zone, range_ = schedule
    found = list(cycles(rule, range_, zone))
    assert found[0].period.start == range_.start
    assert found[-1].period.end == range_.end
    assert all(before.period.end == after.period.start for before, after in pairwise(found))
    assert all(before.nominal.end == after.nominal.start for before, after in pairwise(found))
    assert not any(cycle.period.is_empty for cycle in found)
    assert sum(cycle.days(zone) for cycle in found) == range_.days(zone)
    assert len(found) == cycle_count(rule, range_, zone)


@given(rules(), schedules())
def test_a_cycle_holds_its_start_and_its_last_microsecond(rule: CycleRule, schedule: tuple[ZoneInfo, Period]) -> None:
    zone, range_ = schedule
    for cycle in islice(cycles(rule, range_, zone), 20):
        assert cycle_at(rule, range_, zone, cycle.period.start) == cycle
        assert cycle_at(rule, range_, zone, cycle.period.end - MICROSECOND) == cycle


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("interval", list(Interval))
def test_the_last_cycle_of_an_open_schedule_ends_at_the_end_of_time(interval: Interval, zone: str) -> None:
    where = ZoneInfo(zone)
    rule = CycleRule.anniversary(interval, on("2026-01-01"))
    range_ = Period(BEGINNING, FOREVER)
    last = cycle_at(rule, range_, where, FOREVER - MICROSECOND)
    assert last.period.end == FOREVER
    assert cycle_after(rule, range_, where, last) is None
    assert cycle_at(rule, range_, where, BEGINNING).period.start == BEGINNING
