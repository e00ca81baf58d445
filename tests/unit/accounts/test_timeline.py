"""Edits of a timeline: what a piece put in cuts, what a hole leaves, and how cycles are counted on (domain.md 5.2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import count, groupby, pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.accounts.schedule import Schedule
from tallystick.accounts.timeline import Timeline, cut, moved, piece_at, put_in
from tallystick.kernel.period import FOREVER, Period, local_midnight
from tallystick.kernel.recurrence import CycleRule, Interval, cycles

if TYPE_CHECKING:
    from collections.abc import Callable

UTC_ZONE = ZoneInfo("UTC")
ZONES = [UTC_ZONE, *map(ZoneInfo, ("Asia/Kolkata", "America/New_York", "Pacific/Apia"))]
RULES = [CycleRule(Interval.WEEKLY, 1), CycleRule(Interval.MONTHLY, 1), CycleRule(Interval.MONTHLY, "LAST")]
DAY = timedelta(days=1)


def days(start: str, end: str, zone: ZoneInfo = UTC_ZONE) -> Period:
    return Period(local_midnight(date.fromisoformat(start), zone), local_midnight(date.fromisoformat(end), zone))


def piece(
    name: str, within: Period, plan: str = "pp.a", rule: CycleRule = RULES[1], first_ordinal: int = 0
) -> Schedule:
    return Schedule(
        id=name,
        account_id="acme",
        price_plan_id=plan,
        plan_version_id=f"{plan}.1",
        within=within,
        rule=rule,
        grace_days=0,
        anniversary=False,
        first_ordinal=first_ordinal,
    )


def new_ids() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"new.{next(numbers)}"


def told(timeline: Timeline) -> list[tuple[str, str, str, int]]:
    """Each piece as its id, its days and the number of its first cycle."""
    return [(one.id, f"{one.within.start:%m-%d}", f"{one.within.end:%m-%d}", one.first_ordinal) for one in timeline]


YEAR = (piece("a", days("2026-01-01", "2027-01-01")),)
# By hand: monthly cycles from 1 January; until 10 March there are three of them, the last one cut short.


def test_a_hole_leaves_both_ends_and_the_later_one_goes_on_counting() -> None:
    left = cut(YEAR, days("2026-03-10", "2026-03-20"), UTC_ZONE, new_ids())
    assert told(left) == [("a", "01-01", "03-10", 0), ("new.1", "03-20", "01-01", 3)]


def test_a_hole_at_either_end_leaves_the_piece_its_id() -> None:
    assert told(cut(YEAR, days("2025-12-01", "2026-03-10"), UTC_ZONE, new_ids())) == [("a", "03-10", "01-01", 0)]
    assert told(cut(YEAR, days("2026-03-10", "2027-03-10"), UTC_ZONE, new_ids())) == [("a", "01-01", "03-10", 0)]


def test_a_hole_over_everything_leaves_nothing_and_one_beside_everything_all_of_it() -> None:
    assert cut(YEAR, days("2025-12-01", "2027-02-01"), UTC_ZONE, new_ids()) == ()
    assert cut(YEAR, days("2027-01-01", "2027-02-01"), UTC_ZONE, new_ids()) == YEAR


def test_another_plan_in_the_midst_starts_from_zero_and_the_first_one_goes_on_behind_it() -> None:
    other = piece("b", days("2026-03-10", "2026-05-01"), "pp.b")
    assert told(put_in(YEAR, other, UTC_ZONE, new_ids())) == [
        ("a", "01-01", "03-10", 0),
        ("b", "03-10", "05-01", 0),
        ("new.1", "05-01", "01-01", 3),
    ]


def test_the_same_plan_with_other_terms_counts_on() -> None:
    """March is cut on the 10th and again on 20 April: its cycles are 0, 1, 2 | 3, 4 | 5."""
    same = piece("b", days("2026-03-10", "2026-04-20"))
    assert told(put_in(YEAR, same, UTC_ZONE, new_ids())) == [
        ("a", "01-01", "03-10", 0),
        ("b", "03-10", "04-20", 3),
        ("new.1", "04-20", "01-01", 5),
    ]


def test_a_plan_that_comes_right_before_an_agreement_on_the_same_plan_lets_that_count_on() -> None:
    later = (piece("later", days("2026-06-01", "2027-01-01")), piece("last", days("2027-01-01", "2027-02-01"), "pp.b"))
    found = put_in(later, piece("b", days("2026-04-01", "2026-06-01")), UTC_ZONE, new_ids())
    assert told(found) == [("b", "04-01", "06-01", 0), ("later", "06-01", "01-01", 2), ("last", "01-01", "02-01", 0)]


def test_a_hole_lets_all_that_goes_on_behind_it_count_on() -> None:
    """Before: 0, 1, 2 | 3 from 1 April. A hole in February makes one more of what was the second: 0, 1 | 2, 3 | 4."""
    two = (piece("a", days("2026-01-01", "2026-04-01")), piece("b", days("2026-04-01", "2026-05-01"), first_ordinal=3))
    assert told(cut(two, days("2026-02-10", "2026-02-12"), UTC_ZONE, new_ids())) == [
        ("a", "01-01", "02-10", 0),
        ("new.1", "02-12", "04-01", 2),
        ("b", "04-01", "05-01", 4),
    ]


def test_what_an_edit_moves() -> None:
    def bounds(after: Timeline, before: Timeline = YEAR) -> list[str]:
        return [f"{at:%Y-%m-%d}" for at in moved(before, after)]

    march = days("2026-03-10", "2026-03-20")
    assert bounds(YEAR) == []
    assert bounds(YEAR, ()) == ["2026-01-01", "2027-01-01"]
    assert bounds(cut(YEAR, march, UTC_ZONE, new_ids())) == ["2026-03-10", "2026-03-20"]
    assert bounds(put_in(YEAR, piece("b", march), UTC_ZONE, new_ids())) == ["2026-03-10", "2026-03-20"]
    # The same agreement again is another one: what was billed under the first is not taken over.
    assert bounds((piece("b", YEAR[0].within),)) == ["2026-01-01"]


@st.composite
def edits(draw: st.DrawFn) -> tuple[ZoneInfo, list[tuple[int, int, str | None, CycleRule]]]:
    """Up to a dozen edits of 120 days: from one day until another a plan is put on, or None taken off."""
    span = st.lists(st.integers(0, 120), min_size=2, max_size=2, unique=True).map(sorted)
    plans = st.sampled_from(["pp.a", "pp.b", None])
    one = st.tuples(span, plans, st.sampled_from(RULES)).map(lambda drawn: (*drawn[0], drawn[1], drawn[2]))
    return draw(st.sampled_from(ZONES)), draw(st.lists(one, max_size=12))


@settings(max_examples=300)
@given(edits())
def test_any_edits_leave_each_day_to_the_last_that_was_said_about_it(
    drawn: tuple[ZoneInfo, list[tuple[int, int, str | None, CycleRule]]],
) -> None:
    """Against a slow model that keeps for each day the edit that it was last told: pieces are the runs of days.

    So no two pieces overlap, and there is no hole that was not asked for. Apia skipped a day in December 2011.
    """
    zone, sequence = drawn
    first, new_id = date(2011, 11, 1), new_ids()
    timeline: Timeline = ()
    told_last: dict[int, tuple[int, str]] = {}
    for number, (start, end, plan, rule) in enumerate(sequence):
        within = Period(*(local_midnight(first + day * DAY, zone) for day in (start, end)))
        if within.is_empty:
            continue
        for day in range(start, end):
            told_last.pop(day, None)
            if plan is not None:
                told_last[day] = (number, plan)
        before = timeline
        if plan is None:
            timeline = cut(timeline, within, zone, new_id)
        else:
            timeline = put_in(timeline, piece(new_id(), within, plan, rule), zone, new_id)
        assert all(within.start <= at <= within.end for at in moved(before, timeline))
    runs = [list(run) for _, run in groupby(range(-1, 121), told_last.get)]
    expected = [
        (
            local_midnight(first + run[0] * DAY, zone),
            local_midnight(first + (run[-1] + 1) * DAY, zone),
            told_last[run[0]][1],
        )
        for run in runs
        if run[0] in told_last
    ]
    expected = [run for run in expected if run[0] < run[1]]
    assert [(one.within.start, one.within.end, one.price_plan_id) for one in timeline] == expected
    assert len({one.id for one in timeline}) == len(timeline)
    for one, following in pairwise(timeline):
        if one.within.end == following.within.start and one.price_plan_id == following.price_plan_id:
            # No number comes twice: a fee that comes once does not come again.
            assert following.first_ordinal >= one.first_ordinal + len(list(cycles(one.rule, one.within, zone)))


def test_the_piece_in_force_is_found_by_its_first_instant_and_not_by_its_end() -> None:
    assert piece_at(YEAR, YEAR[0].within.start) is YEAR[0]
    assert piece_at(YEAR, YEAR[0].within.end) is None
    open_end = (replace(YEAR[0], within=Period(YEAR[0].within.start, FOREVER)),)
    assert piece_at(open_end, YEAR[0].within.end) is open_end[0]
