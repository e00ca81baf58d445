"""Licences in advance: what is charged at a cycle's start, and what each day's changes add or give back.

Figures are those of domain.md 4.6 and of case G22 (seat changes of another system's suite), or worked out by hand.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.period import Period, local_midnight
from tallystick.rating.licence import LicencePrice
from tests.unit.rating.cards import S, licence_card
from tests.unit.rating.held import GROWING, JUNE, UTC_ZONE, cycle, days_of, seats

if TYPE_CHECKING:
    from tallystick.catalog.rate_card import LicenseRateCard
    from tallystick.kernel.recurrence import Cycle
    from tallystick.rating.charge import LicenceCharge
    from tallystick.rating.licence import Seats

THIRTY = licence_card(S("0", "PER_UNIT", "30"))
ONCE = licence_card(S("0", "PER_UNIT", "30"), prorated=False)


def total(charge: LicenceCharge) -> Fraction:
    """What a charge exactly comes to, before the limits of its card."""
    return sum(
        (
            sum(Fraction(slab.amount) for slab in stretch.charge.slabs) * Fraction(stretch.days, window.cycle_days or 1)
            for window in charge.windows
            for stretch in window.stretches
        ),
        Fraction(0),
    )


def opening(card: LicenseRateCard, held: Seats, within: Cycle = JUNE, zone: ZoneInfo = UTC_ZONE) -> Fraction:
    return total(LicencePrice(card, "USD").opening(held, within, zone))


def changed(
    card: LicenseRateCard, held: Seats, on: str, within: Cycle = JUNE, zone: ZoneInfo = UTC_ZONE
) -> LicenceCharge:
    day = date.fromisoformat(on)
    booked = Period(local_midnight(day, zone), local_midnight(day + timedelta(days=1), zone))
    return LicencePrice(card, "USD").change(held, within, booked, zone)


def change(card: LicenseRateCard, held: Seats, on: str, within: Cycle = JUNE, zone: ZoneInfo = UTC_ZONE) -> Fraction:
    return total(changed(card, held, on, within, zone))


class TestProrated:
    def test_the_worked_month_of_the_reference(self) -> None:
        held = seats(*GROWING)
        assert opening(THIRTY, held) == 300
        assert change(THIRTY, held, "2026-06-11") == 100
        assert change(THIRTY, held, "2026-06-21") == -30
        assert change(THIRTY, held, "2026-06-12") == 0

    @pytest.mark.parametrize(
        ("price", "before", "after", "on", "amount"),
        [("10", 5, 8, "16", 15), ("15", 5, 10, "11", 50), ("15", 10, 7, "16", Fraction("-22.5"))],
    )
    def test_case_g22(self, price: str, before: int, after: int, on: str, amount: Fraction) -> None:
        held = seats(("2025-06-01", str(before)), (f"2025-06-{on}", str(after - before)))
        june = cycle("2025-06-01", "2025-07-01")
        assert change(licence_card(S("0", "PER_UNIT", price)), held, f"2025-06-{on}", june) == amount

    def test_changes_of_a_day_are_one(self) -> None:
        # Up by 5 and down by 5: one day of 5, and nothing of the rest.
        held = seats(("2026-06-01", "10"), ("2026-06-11T09:00", "5"), ("2026-06-11T10:00", "-5"))
        assert change(THIRTY, held, "2026-06-11") == 5
        held = seats(("2026-06-01", "10"), ("2026-06-11T09:00", "-5"), ("2026-06-11T10:00", "5"))
        assert changed(THIRTY, held, "2026-06-11").windows == ()

    def test_a_short_cycle_is_charged_for_the_days_that_are_left(self) -> None:
        joined = cycle("2026-06-01", "2026-07-01", joined="2026-06-16")
        assert opening(THIRTY, seats(("2026-06-01", "10")), joined) == 150

    def test_what_comes_into_force_on_the_first_day_after_its_start_is_a_change_of_that_day(self) -> None:
        held = seats(("2026-06-01T00:00", "10"), ("2026-06-01T08:00", "2"))
        assert (opening(THIRTY, held), change(THIRTY, held, "2026-06-01")) == (300, 60)

    def test_a_change_in_the_past_is_billed_on_the_day_on_which_it_is_known(self) -> None:
        held = seats(("2026-06-01", "10"), ("2026-06-11", "5", "2026-06-25T12:00"))
        assert [change(THIRTY, held, f"2026-06-{day}") for day in (11, 25)] == [0, 100]
        assert changed(THIRTY, held, "2026-06-25").quantity == 5

    def test_what_was_known_ahead_is_billed_when_it_comes_into_force(self) -> None:
        held = seats(("2026-06-01", "10"), ("2026-06-11", "2"), ("2026-06-21", "5"))
        assert [change(THIRTY, held, f"2026-06-{day}") for day in (11, 21)] == [40, 50]

    def test_stretches_that_are_taken_back_stand_behind_those_that_are_added(self) -> None:
        (window,) = changed(THIRTY, seats(*GROWING), "2026-06-11").windows
        assert [(stretch.charge.quantity, stretch.days) for stretch in window.stretches] == [(15, 20), (10, -20)]

    def test_windows_that_nothing_changed_in_are_left_out(self) -> None:
        card = licence_card(S("0", "PER_UNIT", "7"), windows="WEEKLY")
        charge = changed(card, seats(("2026-06-01", "10"), ("2026-06-18", "1")), "2026-06-18")
        # 4 of 7 days of the third week, a whole fourth one, and two days of the fifth.
        assert [window.first.day for window in charge.windows] == [15, 22, 29]
        assert [window.quantity for window in charge.windows] == [1, 1, 1]
        assert total(charge) == 4 + 7 + 2

    def test_a_window_that_is_over_tells_what_changed_until_its_last_day(self) -> None:
        # On the 18th it is known that there was one more from the 3rd until the 8th: 5 of 7 days of the first week.
        late = "2026-06-18T12:00"
        held = seats(("2026-06-01", "10"), ("2026-06-03", "1", late), ("2026-06-08", "-1", late))
        charge = changed(licence_card(S("0", "PER_UNIT", "7"), windows="WEEKLY"), held, "2026-06-18")
        assert [(window.first.day, window.quantity) for window in charge.windows] == [(1, 1)]
        assert (total(charge), charge.quantity) == (5, 0)


class TestNotProrated:
    def test_an_increase_costs_what_the_new_peak_costs_more(self) -> None:
        held = seats(*GROWING)
        assert opening(ONCE, held) == 300
        assert change(ONCE, held, "2026-06-11") == 150

    def test_a_decrease_gives_nothing_back_and_is_not_charged_again_on_the_way_up(self) -> None:
        held = seats(("2026-06-01", "10"), ("2026-06-11", "-4"), ("2026-06-21", "6"))
        assert [change(ONCE, held, f"2026-06-{day}") for day in (11, 21)] == [0, 60]

    def test_neither_is_one_of_the_first_day(self) -> None:
        held = seats(("2026-05-01", "10"), ("2026-06-01T08:00", "-3"), ("2026-06-21", "3"))
        assert opening(ONCE, held) == 300
        assert [change(ONCE, held, f"2026-06-{day}") for day in ("01", "21")] == [0, 0]

    def test_what_was_billed_stays_billed_when_it_turns_out_to_have_been_less(self) -> None:
        # 15 were billed on the 11th; the ledger is corrected on the 13th; 15 again from the 15th on.
        held = seats(("2026-06-01", "10"), ("2026-06-11", "5"), ("2026-06-11", "-5", "2026-06-13"), ("2026-06-15", "5"))
        assert [change(ONCE, held, f"2026-06-{day}") for day in (11, 13, 15)] == [150, 0, 0]


class TestElsewhere:
    """The same month in Kolkata, whose days begin at 18:30 of the day before in UTC."""

    ZONE = ZoneInfo("Asia/Kolkata")
    JUNE = cycle("2026-06-01", "2026-07-01", ZONE)
    GROWING = (("2026-05-20", "10"), ("2026-06-10T20:00", "5"), ("2026-06-20T19:00", "-3"))

    def test_the_worked_month_of_the_reference(self) -> None:
        held = seats(*self.GROWING, zone=self.ZONE)
        assert opening(THIRTY, held, self.JUNE, self.ZONE) == 300
        amounts = [change(THIRTY, held, f"2026-06-{day}", self.JUNE, self.ZONE) for day in (10, 11, 21)]
        assert amounts == [0, 100, -30]
        assert changed(THIRTY, held, "2026-06-11", self.JUNE, self.ZONE).quantity == 5

    def test_a_cycle_in_advance_has_the_days_of_the_organisation(self) -> None:
        price = LicencePrice(ONCE, "USD")
        held = seats(*self.GROWING, zone=self.ZONE)
        opened = price.opening(held, self.JUNE, self.ZONE)
        assert [(window.first, window.last) for window in opened.windows] == [(date(2026, 6, 1), date(2026, 6, 30))]
        assert price.of(Decimal(10), self.JUNE, self.ZONE) == opened

    def test_a_new_peak(self) -> None:
        held = seats(*self.GROWING, zone=self.ZONE)
        assert [change(ONCE, held, f"2026-06-{day}", self.JUNE, self.ZONE) for day in (10, 11, 21)] == [0, 150, 0]

    def test_windows_of_a_week(self) -> None:
        # As above: on the 18th one more, for 4 of 7 days of the third week, a fourth one and two days of the fifth.
        card = licence_card(S("0", "PER_UNIT", "7"), windows="WEEKLY")
        held = seats(("2026-05-20", "10"), ("2026-06-17T20:00", "1"), zone=self.ZONE)
        charge = changed(card, held, "2026-06-18", self.JUNE, self.ZONE)
        assert [(window.first.day, window.last.day) for window in charge.windows] == [(15, 21), (22, 28), (29, 30)]
        assert [window.quantity for window in charge.windows] == [1, 1, 1]
        assert total(charge) == 4 + 7 + 2

    def test_what_a_day_was_billed_for_is_what_was_known_when_it_ended_there(self) -> None:
        # 15 are billed on the 11th; on the 12th, at two in the morning, five fewer are entered for the 10th on.
        held = seats(
            ("2026-05-20", "10"),
            ("2026-06-09T20:00", "-5", "2026-06-11T20:30"),
            ("2026-06-10T20:00", "5"),
            ("2026-06-12T20:00", "5"),
            zone=self.ZONE,
        )
        assert [change(ONCE, held, f"2026-06-{day}", self.JUNE, self.ZONE) for day in (11, 12, 13)] == [150, 0, 0]


CHANGES = st.lists(st.tuples(st.integers(1, 45), st.integers(0, 23), st.integers(0, 9), st.integers(0, 6)), max_size=8)
"""(day from 16 May on, hour, quantity, days until it is known)."""
TIERS = (S("0", "PER_UNIT", "7.3"), S("5", "FLAT", "11"), S("12", "PACKAGE", "4.5", "3"))


def drawn(changes: list[tuple[int, int, int, int]]) -> Seats:
    made = []
    for day, hour, quantity, late in changes:
        since = date(2026, 5, 15) + timedelta(days=day)
        known = min(since + timedelta(days=late), max(since, date(2026, 6, 30)))
        made.append((f"{since}T{hour:02}:00", str(quantity), f"{known}T{hour:02}:30"))
    return seats(*made)


def in_all(card: LicenseRateCard, held: Seats) -> Fraction:
    return opening(card, held) + sum(change(card, held, day.isoformat()) for day in days_of(JUNE))


@given(CHANGES, st.sampled_from([None, "WEEKLY"]), st.sampled_from(["TIERED", "VOLUME"]))
def test_a_cycle_in_advance_comes_to_what_it_would_in_arrears(
    changes: list[tuple[int, int, int, int]], windows: str | None, model: str
) -> None:
    held, card = drawn(changes), licence_card(*TIERS, windows=windows, model=model)
    in_arrears = LicencePrice(card, "USD").charge(held.booked_until(JUNE.period.end), JUNE, UTC_ZONE)
    assert in_all(card, held) == total(in_arrears)


@given(CHANGES)
def test_without_proration_a_cycle_comes_to_the_highest_quantity_that_was_ever_billed(
    changes: list[tuple[int, int, int, int]],
) -> None:
    held, card = drawn(changes), licence_card(*TIERS, prorated=False)
    highest: Decimal = max(
        held.booked_until(instant).during(date(2026, 6, 1), date(2026, 7, 1))
        for instant in (
            JUNE.period.start + timedelta(microseconds=1),
            *(local_midnight(day + timedelta(days=1), UTC_ZONE) for day in days_of(JUNE)),
        )
    )
    whole = LicencePrice(card, "USD").charge(seats(("2026-06-01", str(highest))), JUNE, UTC_ZONE)
    assert in_all(card, held) == total(whole)
