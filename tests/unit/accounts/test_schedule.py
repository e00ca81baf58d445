"""The pieces of a timeline, and the gate that late events meet (domain.md 4.10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.accounts.schedule import END_OF_MICROS, LatenessGate, Schedule, TakenUntil
from tallystick.kernel.micros import micros_of
from tallystick.kernel.period import FOREVER, Period, local_date, local_midnight
from tallystick.kernel.recurrence import CycleRule, Interval, cycles

UTC_ZONE = ZoneInfo("UTC")
ZONES = [UTC_ZONE, *map(ZoneInfo, ("Asia/Kolkata", "America/New_York", "Pacific/Apia"))]
RULES = [
    CycleRule(Interval.WEEKLY, 1),
    CycleRule(Interval.MONTHLY, 1),
    CycleRule(Interval.MONTHLY, "LAST"),
    CycleRule(Interval.QUARTERLY, 3, 2),
    CycleRule(Interval.ANNUALLY, "LAST", 2),
]
FIRST_DAY = date(2024, 1, 15)


def piece(within: Period, rule: CycleRule = RULES[1], grace_days: int = 0) -> Schedule:
    return Schedule(
        id="sch.1",
        account_id="acme",
        price_plan_id="pp.1",
        plan_version_id="sch.1",
        within=within,
        rule=rule,
        grace_days=grace_days,
        anniversary=False,
    )


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


# domain.md 4.2: quarterly, day 3, month 2, grace 2, sign-up on 15 January.
QUARTERLY = piece(Period(at(2026, 1, 15), FOREVER), CycleRule(Interval.QUARTERLY, 3, 2), grace_days=2)


def test_the_cycles_of_a_piece_follow_from_its_rule_the_first_one_short() -> None:
    first = QUARTERLY.cycle_at(at(2026, 1, 20), UTC_ZONE)
    second = QUARTERLY.cycle_after(first, UTC_ZONE)
    assert second is not None
    assert first.period == Period(at(2026, 1, 15), at(2026, 2, 3))
    assert second.period == Period(at(2026, 2, 3), at(2026, 5, 3))
    assert [QUARTERLY.due_at(cycle, UTC_ZONE) for cycle in (first, second)] == [at(2026, 2, 5), at(2026, 5, 5)]


def test_a_piece_has_no_cycle_after_its_last() -> None:
    short = piece(Period(at(2026, 1, 15), at(2026, 2, 10)))
    last = short.cycle_at(at(2026, 2, 9), UTC_ZONE)
    assert last.period == Period(at(2026, 2, 1), at(2026, 2, 10))
    assert short.cycle_after(last, UTC_ZONE) is None


def test_the_cycles_in_a_span_are_those_that_touch_it_numbered_from_the_start_of_the_piece() -> None:
    """The same piece by hand: 15 Jan - 3 Feb is its cycle 0, 3 Feb - 3 May its cycle 1, 3 May - 3 Aug its cycle 2."""
    found = QUARTERLY.cycles_in(Period(at(2026, 2, 3), at(2026, 5, 4)), UTC_ZONE)
    assert [(ordinal, cycle.period.start) for ordinal, cycle in found] == [(1, at(2026, 2, 3)), (2, at(2026, 5, 3))]
    before = QUARTERLY.cycles_in(Period(at(2025, 1, 1), at(2026, 1, 16)), UTC_ZONE)
    assert [ordinal for ordinal, _ in before] == [0]
    assert list(QUARTERLY.cycles_in(Period(at(2025, 1, 1), at(2026, 1, 15)), UTC_ZONE)) == []


@given(st.integers(0, 900), st.integers(1, 900), st.integers(1, 1500), st.sampled_from(RULES), st.sampled_from(ZONES))
def test_they_are_those_that_a_walk_through_the_whole_piece_finds(
    first: int, days: int, lasts: int, rule: CycleRule, zone: ZoneInfo
) -> None:
    starts = FIRST_DAY - timedelta(days=400)
    span = Period(*(local_midnight(starts + timedelta(days=day), zone) for day in (first, first + days)))
    one = piece(Period(local_midnight(FIRST_DAY, zone), local_midnight(FIRST_DAY + timedelta(days=lasts), zone)), rule)
    walked = [pair for pair in enumerate(cycles(one.rule, one.within, zone)) if pair[1].period.intersect(span)]
    assert list(one.cycles_in(span, zone)) == walked
    going_on = replace(one, first_ordinal=5).cycles_in(span, zone)
    assert [ordinal for ordinal, _ in going_on] == [ordinal + 5 for ordinal, _ in walked]


def test_a_cycle_that_starts_on_a_day_that_never_was_is_numbered_too() -> None:
    """30 December 2011 was skipped in Apia: the cycle of the 30th starts with the 31st, and none lies before it."""
    zone = ZoneInfo("Pacific/Apia")
    one = piece(Period(local_midnight(date(2011, 11, 30), zone), FOREVER), CycleRule(Interval.MONTHLY, 30))
    span = Period(local_midnight(date(2011, 12, 1), zone), local_midnight(date(2012, 1, 31), zone))
    assert [ordinal for ordinal, _ in one.cycles_in(span, zone)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("event_at", "received_at", "refused"),
    [
        # domain.md 4.2: monthly cycle ending 30 Sep, grace 5: events until 5 Oct 24:00.
        (at(2026, 9, 30, 23), at(2026, 10, 5, 23, 59, 59), False),
        (at(2026, 9, 30, 23), at(2026, 10, 6), True),
        (at(2026, 10, 1), at(2026, 10, 6), False),
        (at(2026, 9, 1), at(2030, 1, 1), True),
        (at(2027, 1, 1), at(2026, 1, 1), False),
    ],
)
def test_an_event_is_too_late_from_the_due_instant_of_its_cycle_on(
    event_at: datetime,
    received_at: datetime,
    refused: bool,  # noqa: FBT001 - the expected answer
) -> None:
    gate = LatenessGate((piece(Period(at(2026, 1, 1), FOREVER), grace_days=5),), UTC_ZONE)
    assert gate.refuses(event_at, received_at) is refused
    assert gate.refuses(event_at, received_at) is refused


def test_an_event_outside_every_piece_is_never_too_late() -> None:
    gate = LatenessGate((piece(Period(at(2026, 2, 1), at(2026, 3, 1))),), UTC_ZONE)
    for event_at in (at(2026, 1, 31), at(2026, 3, 1)):
        assert not gate.refuses(event_at, at(2030, 1, 1))
    assert not LatenessGate((), UTC_ZONE).refuses(at(2026, 1, 1), at(2030, 1, 1))


def test_a_gate_says_until_when_all_events_of_a_cycle_are_taken() -> None:
    """Cycles of a month with five days of grace, by hand: January is taken until 6 February."""
    gate = LatenessGate((piece(Period(at(2026, 1, 1), at(2026, 3, 1)), grace_days=5),), UTC_ZONE)
    january = TakenUntil(micros_of(at(2026, 1, 1)), micros_of(at(2026, 2, 1)), micros_of(at(2026, 2, 6)))
    assert gate.taken_until(micros_of(at(2026, 1, 17))) == january
    outside = micros_of(at(2026, 3, 1))
    assert gate.taken_until(outside) == TakenUntil(outside, outside + 1, END_OF_MICROS)


Judged = list[tuple[datetime, datetime]]


@st.composite
def timelines(draw: st.DrawFn) -> tuple[tuple[Schedule, ...], ZoneInfo, Judged]:
    """Up to four pieces, with or without gaps; and events with when they came, most of them at an edge."""
    zone = draw(st.sampled_from(ZONES))
    days = draw(st.lists(st.integers(0, 150), min_size=2, max_size=5, unique=True).map(sorted))
    bounds = [local_midnight(FIRST_DAY + timedelta(days=day), zone) for day in days]
    pieces = [
        piece(Period(start, end), draw(st.sampled_from(RULES)), draw(st.integers(0, 40)))
        for start, end in pairwise(bounds)
        if draw(st.booleans())
    ]
    edges = [cycle.period.end for one in pieces for cycle in cycles(one.rule, one.within, zone)]
    due = [one.due_at(cycle, zone) for one in pieces for cycle in cycles(one.rule, one.within, zone)]
    events = draw(st.lists(st.tuples(near([*bounds, *edges]), near([*bounds, *due])), min_size=10, max_size=30))
    return tuple(pieces), zone, events


def near(instants: list[datetime]) -> st.SearchStrategy[datetime]:
    """One of the instants, the one before or after it, or some days away from it."""
    steps = [
        timedelta(0),
        timedelta(microseconds=-1),
        timedelta(microseconds=1),
        timedelta(days=-9),
        timedelta(days=50),
    ]
    return st.builds(lambda instant, step: instant + step, st.sampled_from(instants), st.sampled_from(steps))


def is_late(pieces: tuple[Schedule, ...], zone: ZoneInfo, event_at: datetime, received_at: datetime) -> bool:
    """The lateEvent of domain.md 4.10, told slowly: walk all cycles of all pieces, and count local days of grace."""
    for one in pieces:
        for cycle in cycles(one.rule, one.within, zone):
            if cycle.period.start <= event_at < cycle.period.end:
                ends_on = local_date(cycle.period.end, zone)
                return received_at >= local_midnight(ends_on + timedelta(days=one.grace_days), zone)
    return False


@given(timelines())
def test_the_gate_judges_events_in_any_order_like_the_definition(
    timeline: tuple[tuple[Schedule, ...], ZoneInfo, Judged],
) -> None:
    pieces, zone, events = timeline
    gate = LatenessGate(pieces, zone)
    for event_at, received_at in events:
        assert gate.refuses(event_at, received_at) is is_late(pieces, zone, event_at, received_at)
