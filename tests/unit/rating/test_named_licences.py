"""Named licences: distinct names of a day, and of a window (domain.md 4.6); figures of the reference or by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from tallystick.accounts.named_licence import NamedSpan
from tallystick.kernel.period import FOREVER, Period
from tallystick.rating.licence import LicencePrice, Names
from tests.unit.rating.cards import S, licence_card
from tests.unit.rating.held import JUNE, UTC_ZONE, cycle

if TYPE_CHECKING:
    from tallystick.catalog.rate_card import LicenseRateCard
    from tallystick.kernel.recurrence import Cycle

ONE = S("0", "PER_UNIT", "1")


def span(name: str, since: str, until: str | None = None) -> NamedSpan:
    start, end = (
        FOREVER if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (since, until)
    )
    return NamedSpan(
        id=f"named_license_entry.{name}{since}",
        license_id="addon.seats",
        account_id="acme",
        name=name,
        held=Period(start, end),
        created_at=start,
        updated_at=start,
    )


def names(*spans: NamedSpan, zone: ZoneInfo = UTC_ZONE) -> Names:
    return Names(spans, zone)


def total(card: LicenseRateCard, held: Names, within: Cycle = JUNE) -> Fraction:
    return sum(
        (
            sum(Fraction(slab.amount) for slab in stretch.charge.slabs) * Fraction(stretch.days, window.cycle_days or 1)
            for window in LicencePrice(card, "USD").charge(held, within, UTC_ZONE).windows
            for stretch in window.stretches
        ),
        Fraction(0),
    )


def test_one_name_in_windows_of_a_week_costs_four_in_four_weeks() -> None:
    card = licence_card(ONE, windows="WEEKLY", prorated=False)
    assert total(card, names(span("ada", "2026-01-01")), cycle("2026-02-01", "2026-03-01")) == 4


def test_a_cycle_counts_each_name_that_was_there_once() -> None:
    held = names(
        span("ada", "2026-06-01", "2026-06-05"),
        span("bob", "2026-06-10", "2026-06-20"),
        span("ada", "2026-06-25"),
        span("eve", "2026-05-01", "2026-06-01"),
    )
    assert total(licence_card(ONE, prorated=False), held) == 2
    # ada 4 and 6 days, bob 10, of 30
    assert total(licence_card(ONE), held) == Fraction(20, 30)


@pytest.mark.parametrize(
    ("day", "count"), [(9, 1), (10, 3), (11, 2), (12, 2), (13, 1)], ids=["before", "swap", "after", "last", "gone"]
)
def test_a_day_counts_who_held_one_at_any_time_of_it(day: int, count: int) -> None:
    held = names(
        span("ada", "2026-06-01", "2026-06-10T08:00"),
        span("bob", "2026-06-10T09:00"),
        span("cid", "2026-06-10T23:59", "2026-06-12T00:01"),
    )
    assert held.on(date(2026, 6, day)) == count


def test_who_goes_at_midnight_is_not_there_on_the_day_that_begins() -> None:
    held = names(span("ada", "2026-06-01", "2026-06-10"))
    assert [held.on(date(2026, 6, day)) for day in (9, 10)] == [1, 0]


def test_days_are_those_of_the_organisation() -> None:
    held = names(span("ada", "2026-06-10T20:00", "2026-06-10T21:00"), zone=ZoneInfo("Asia/Kolkata"))
    assert [held.on(date(2026, 6, day)) for day in (10, 11)] == [0, 1]


def test_quantities_can_differ_on_the_days_of_a_change_and_on_those_after_them() -> None:
    held = names(span("ada", "2026-06-01", "2026-06-12T12:00"), span("bob", "2026-06-10"), span("cid", "2026-06-30"))
    assert sorted(held.turns(date(2026, 6, 1), date(2026, 7, 1))) == [
        date(2026, 6, day) for day in (2, 10, 11, 12, 13, 30)
    ]


def test_what_happens_at_an_instant_is_left_out_of_what_was_before_it() -> None:
    held = names(
        span("ada", "2026-06-01", "2026-06-10"), span("bob", "2026-06-02", "2026-06-05"), span("cid", "2026-06-10")
    )
    known = held.until(datetime(2026, 6, 10, tzinfo=UTC))
    assert [known.on(date(2026, 6, day)) for day in (2, 5, 10)] == [2, 1, 1]


def test_what_is_left_out_is_so_by_the_instant_and_days_stay_those_of_the_organisation() -> None:
    held = names(span("ada", "2026-06-10T20:00", "2026-06-20T20:00"), zone=ZoneInfo("Asia/Kolkata"))
    known = held.until(datetime(2026, 6, 15, tzinfo=UTC))
    assert [known.on(date(2026, 6, day)) for day in (10, 11, 30)] == [0, 1, 1]
    assert held.changed_on(JUNE.period) == [date(2026, 6, 11), date(2026, 6, 21)]
    assert known.changed_on(JUNE.period) == [date(2026, 6, 11)]


def test_what_happens_later_is_left_out() -> None:
    held = names(span("ada", "2026-06-01", "2026-06-10"), span("bob", "2026-06-08"))
    known = held.until(datetime(2026, 6, 5, tzinfo=UTC))
    assert [known.on(date(2026, 6, day)) for day in (4, 9, 20)] == [1, 1, 1]
    assert held.changed_on(JUNE.period) == [date(2026, 6, 1), date(2026, 6, 8), date(2026, 6, 10)]
