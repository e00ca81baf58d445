"""Licences: quantities by day, proration, usage cycles (domain.md 4.6); figures of the reference or by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.accounts.licence import UpdateType
from tallystick.kernel.micros import MICROSECOND
from tallystick.kernel.period import local_date
from tallystick.kernel.recurrence import CycleRule, Interval, cycle_at
from tallystick.rating.licence import LicencePrice, Seats, windows_of
from tests.unit.rating.cards import S, charge_usage, licence_card
from tests.unit.rating.held import GROWING, JUNE, UTC_ZONE, cycle, days_of, entries, seats

if TYPE_CHECKING:
    from tallystick.catalog.rate_card import LicenseRateCard
    from tallystick.kernel.recurrence import Cycle
    from tallystick.rating.charge import LicenceCharge
    from tallystick.rating.licence import Holding

THIRTY = S("0", "PER_UNIT", "30")


def charge(card: LicenseRateCard, held: Holding, within: Cycle = JUNE, zone: ZoneInfo = UTC_ZONE) -> LicenceCharge:
    return LicencePrice(card, "USD").charge(held, within, zone)


def amount(card: LicenseRateCard, held: Holding, within: Cycle = JUNE) -> Fraction:
    """What a card comes to, exactly; cards here have no limits of their own."""
    total = Fraction(0)
    for window in charge(card, held, within).windows:
        for stretch in window.stretches:
            whole = sum(Fraction(slab.amount) for slab in stretch.charge.slabs)
            total += whole * Fraction(stretch.days, window.cycle_days or 1)
    return total


class TestDays:
    @pytest.mark.parametrize(
        ("day", "quantity"),
        [("2026-05-19", 0), ("2026-06-10", 10), ("2026-06-11", 15), ("2026-06-20", 15), ("2026-06-21", 12)],
    )
    def test_a_quantity_holds_from_the_day_of_its_entry_on(self, day: str, quantity: int) -> None:
        assert seats(*GROWING).on(date.fromisoformat(day)) == quantity

    def test_changes_of_a_day_merge_into_the_highest_and_the_last_one_stays(self) -> None:
        held = seats(
            ("2026-06-01", "10"), ("2026-06-11T09:00", "5"), ("2026-06-11T15:00", "2"), ("2026-06-11T16:00", "-8")
        )
        assert [held.on(date(2026, 6, day)) for day in (10, 11, 12)] == [10, 17, 9]

    def test_a_day_that_ends_as_it_began_has_changed_nothing_when_it_went_down_and_up(self) -> None:
        held = seats(("2026-06-01", "10"), ("2026-06-11T09:00", "-4"), ("2026-06-11T15:00", "4"))
        assert [held.on(date(2026, 6, day)) for day in (10, 11, 12)] == [10, 10, 10]

    def test_a_decrease_holds_from_its_own_day_on_whatever_the_hour(self) -> None:
        held = seats(("2026-06-01", "10"), ("2026-06-21T14:00", "-3"))
        assert [held.on(date(2026, 6, day)) for day in (20, 21)] == [10, 7]

    def test_days_are_those_of_the_organisation(self) -> None:
        held = seats(("2026-06-10T20:00", "10"), zone=ZoneInfo("Asia/Kolkata"))
        assert [held.on(date(2026, 6, day)) for day in (10, 11)] == [0, 10]

    def test_a_ledger_is_asked_for_changes_by_when_they_came_into_force_and_by_when_they_were_booked(self) -> None:
        kolkata = ZoneInfo("Asia/Kolkata")
        held = seats(("2026-06-01", "10"), ("2026-06-10T20:00", "5", "2026-06-24T20:00"), zone=kolkata)
        assert held.changed_on(JUNE.period) == [date(2026, 6, 1), date(2026, 6, 11)]
        assert held.booked_on(JUNE.period) == [date(2026, 6, 1), date(2026, 6, 25)]
        assert held.booked_on(cycle("2026-06-02", "2026-06-25").period) == [date(2026, 6, 25)]

    def test_what_happens_at_an_instant_is_left_out_of_what_was_before_it(self) -> None:
        held = seats(("2026-06-01", "10"), ("2026-06-10T20:00", "5", "2026-06-24T20:00"), zone=ZoneInfo("Asia/Kolkata"))
        at, booked_at = datetime(2026, 6, 10, 20, tzinfo=UTC), datetime(2026, 6, 24, 20, tzinfo=UTC)
        before, after = held.until(at), held.until(at + MICROSECOND)
        assert [known.on(date(2026, 6, day)) for known in (before, after) for day in (10, 11)] == [10, 10, 10, 15]
        before, after = held.booked_until(booked_at), held.booked_until(booked_at + MICROSECOND)
        assert [known.on(date(2026, 6, day)) for known in (before, after) for day in (10, 11)] == [10, 10, 10, 15]

    def test_quantities_can_differ_on_the_days_of_entries_and_on_those_after_them(self) -> None:
        held = seats(*((f"2026-{day}T12:00", "1") for day in ("05-31", "06-01", "06-10", "06-30", "07-01")))
        assert sorted(held.turns(date(2026, 6, 1), date(2026, 7, 1))) == [date(2026, 6, day) for day in (2, 10, 11, 30)]

    def test_a_ledger_that_two_names_brought_below_zero_counts_as_empty_there(self) -> None:
        held = Seats(entries([("2026-06-01", "2"), ("2026-06-11", "-5")]), UTC_ZONE)
        assert [held.on(date(2026, 6, day)) for day in (10, 11)] == [2, 0]


class TestArrears:
    def test_prorated_by_the_days_of_each_quantity(self) -> None:
        # domain.md 4.6: (10 x 10 + 10 x 15 + 10 x 12) seat-days x 30 / 30
        assert amount(licence_card(THIRTY), seats(*GROWING)) == 370

    def test_the_day_after_a_first_day_that_went_up_and_down_is_priced_by_itself(self) -> None:
        held = seats(("2026-05-20", "10"), ("2026-06-01T08:00", "5"), ("2026-06-01T09:00", "-5"))
        assert amount(licence_card(THIRTY), held) == 15 + 29 * 10

    def test_not_prorated_by_the_highest_quantity_of_any_day(self) -> None:
        assert amount(licence_card(THIRTY, prorated=False), seats(*GROWING)) == 15 * 30

    def test_a_short_cycle_is_prorated_over_the_days_of_the_full_one(self) -> None:
        joined = cycle("2026-06-01", "2026-07-01", joined="2026-06-16")
        held = seats(("2026-01-01", "10"))
        assert amount(licence_card(THIRTY), held, joined) == 10 * 30 * Fraction(15, 30)
        assert amount(licence_card(THIRTY, prorated=False), held, joined) == 300

    def test_what_was_held_before_the_cycle_only_counts_as_what_it_starts_with(self) -> None:
        held = seats(("2026-05-01", "40"), ("2026-05-31", "-30"))
        assert amount(licence_card(THIRTY, prorated=False), held) == 300

    def test_an_account_that_holds_none_pays_none_but_keeps_its_slabs(self) -> None:
        priced = charge(licence_card(THIRTY), seats())
        (window,) = priced.windows
        assert window.whole is not None
        assert ([slab.amount for slab in window.whole.slabs], priced.quantity) == ([0], 0)

    def test_each_day_is_priced_by_its_own_slabs(self) -> None:
        # Half a month of 10 and half of 20: 10 x 1, then 10 x 1 + 10 x 0.5; the mean of both, not the price of 15.
        card = licence_card(S("0", "PER_UNIT", "1"), S("10", "PER_UNIT", "0.5"))
        held = seats(("2026-06-01", "10"), ("2026-06-16", "10"))
        assert amount(card, held) == Fraction(25, 2)

    def test_a_quantity_that_never_changes_is_charged_whole_not_by_days(self) -> None:
        (window,) = charge(licence_card(THIRTY), seats(("2026-06-01", "10"), ("2026-06-11", "0"))).windows
        assert window.whole is not None
        assert window.whole.quantity == 10

    def test_the_quantity_of_a_charge_is_the_highest(self) -> None:
        assert charge(licence_card(THIRTY), seats(*GROWING)).quantity == 15


class TestElsewhere:
    """In Kolkata days begin at 18:30 of the day before in UTC."""

    ZONE = ZoneInfo("Asia/Kolkata")
    JUNE = cycle("2026-06-01", "2026-07-01", ZONE)
    HELD = seats(
        ("2026-05-20", "40"),
        ("2026-05-31T18:30", "-30"),  # the first instant of June
        ("2026-06-29T19:00", "5"),  # the 30th
        ("2026-06-30T19:00", "45"),  # the first of July
        zone=ZONE,
    )

    def test_a_cycle_has_the_days_of_the_organisation(self) -> None:
        priced = charge(licence_card(THIRTY), self.HELD, self.JUNE, self.ZONE)
        (window,) = priced.windows
        assert (window.first, window.last, window.cycle_days) == (date(2026, 6, 1), date(2026, 6, 30), 30)
        assert (priced.quantity, window.quantity) == (15, 15)
        assert [(stretch.days, stretch.charge.quantity) for stretch in window.stretches] == [(29, 10), (1, 15)]

    def test_windows_of_a_week_have_the_days_of_the_organisation(self) -> None:
        card = licence_card(THIRTY, windows="WEEKLY")
        windows = charge(card, self.HELD, self.JUNE, self.ZONE).windows
        assert [(window.first.day, window.last.day) for window in windows] == [
            (1, 7), (8, 14), (15, 21), (22, 28), (29, 30)
        ]  # fmt: skip
        assert [window.quantity for window in windows] == [10, 10, 10, 10, 15]

    def test_windows_of_a_month_begin_with_the_months_of_the_organisation(self) -> None:
        quarter = cycle("2026-04-01", "2026-07-01", self.ZONE)
        windows = charge(licence_card(THIRTY, windows="MONTHLY"), self.HELD, quarter, self.ZONE).windows
        assert [(window.first.isoformat(), window.cycle_days) for window in windows] == [
            ("2026-04-01", 30), ("2026-05-01", 31), ("2026-06-01", 30)
        ]  # fmt: skip

    def test_the_days_of_a_month_in_which_clocks_change_are_those_of_its_calendar(self) -> None:
        # In London October begins at 23:00 in UTC, November at midnight.
        london = ZoneInfo("Europe/London")
        october = cycle("2026-10-01", "2026-11-01", london)
        (window,) = charge(licence_card(THIRTY), seats(("2026-09-01", "10"), zone=london), october, london).windows
        assert (window.cycle_days, window.whole is not None) == (31, True)


class TestOneQuantity:
    def test_it_costs_what_holding_it_all_the_cycle_would(self) -> None:
        card = licence_card(THIRTY, addon="addon.desks", name="Desks", tag="people", prorated=False)
        priced = LicencePrice(card, "USD").of(Decimal(10), JUNE, UTC_ZONE)
        assert priced == charge(card, seats(("2026-06-01", "10")))
        assert (priced.billable_id, priced.display_name, priced.tag) == ("addon.desks", "Desks", "people")
        assert (priced.quantity, priced.has_usage_cycle) == (10, False)
        (window,) = priced.windows
        assert (window.first, window.last, window.quantity) == (date(2026, 6, 1), date(2026, 6, 30), 10)
        assert (window.cycle_days, [(stretch.days, stretch.charge.quantity) for stretch in window.stretches]) == (
            None,
            [(1, 10)],
        )


class TestUsageCycles:
    FEBRUARY = cycle("2026-02-01", "2026-03-01")

    def test_four_weeks_cost_four_times_the_rate(self) -> None:
        # domain.md 4.6: one licence at 1 for four weeks, in windows of a week -> 4
        card = licence_card(S("0", "PER_UNIT", "1"), windows="WEEKLY", prorated=False)
        assert amount(card, seats(("2026-01-01", "1")), self.FEBRUARY) == 4
        assert amount(licence_card(S("0", "PER_UNIT", "1")), seats(("2026-01-01", "1")), self.FEBRUARY) == 1

    def test_each_window_has_its_own_highest_quantity(self) -> None:
        card = licence_card(S("0", "PER_UNIT", "1"), windows="WEEKLY", prorated=False)
        priced = charge(card, seats(("2026-01-01", "1"), ("2026-02-10", "2"), ("2026-02-12", "-1")), self.FEBRUARY)
        assert [window.quantity for window in priced.windows] == [1, 3, 2, 2]

    def test_the_last_window_is_cut_with_the_cycle(self) -> None:
        # Four weeks and two days of June: the fifth window is priced like a week, or two sevenths of one.
        once, by_day = (licence_card(THIRTY, windows="WEEKLY", prorated=prorated) for prorated in (False, True))
        held = seats(("2026-06-01", "1"))
        assert amount(once, held) == 5 * 30
        assert amount(by_day, held) == 30 * (4 + Fraction(2, 7))

    def test_windows_lie_where_they_would_in_the_full_cycle(self) -> None:
        card = licence_card(THIRTY, windows="WEEKLY", prorated=False)
        joined = cycle("2026-06-01", "2026-07-01", joined="2026-06-17")
        firsts = [window.first.day for window in charge(card, seats(("2026-06-01", "1")), joined).windows]
        assert firsts == [17, 22, 29]

    def test_a_usage_cycle_longer_than_the_cycle_cuts_nothing(self) -> None:
        week = cycle("2026-06-01", "2026-06-08")
        assert amount(licence_card(THIRTY, windows="MONTHLY"), seats(("2026-06-01", "1")), week) == 30

    @pytest.mark.parametrize("rule_day", [1, 28, 29, 30, 31, "LAST"])
    @pytest.mark.parametrize(
        ("interval", "window", "count"),
        [
            (Interval.QUARTERLY, Interval.MONTHLY, 3),
            (Interval.HALF_YEARLY, Interval.MONTHLY, 6),
            (Interval.HALF_YEARLY, Interval.QUARTERLY, 2),
            (Interval.ANNUALLY, Interval.MONTHLY, 12),
            (Interval.ANNUALLY, Interval.HALF_YEARLY, 2),
            (Interval.MONTHLY, Interval.MONTHLY, 1),
        ],
    )
    @pytest.mark.parametrize("month", [1, 2])
    def test_months_tile_longer_cycles_on_whatever_day_they_start(
        self, interval: Interval, window: Interval, count: int, rule_day: int | str, month: int
    ) -> None:
        rule = CycleRule(interval, rule_day, None if interval is Interval.MONTHLY else month)
        start = rule.start_on_or_before(date(2026, 5, 17))
        one = cycle(start.isoformat(), rule.next_start_after(start).isoformat())
        windows = windows_of(one, window, UTC_ZONE)
        assert len(windows) == count
        assert all(lower.period.end == upper.period.start for lower, upper in pairwise(windows))
        assert (windows[0].period.start, windows[-1].period.end) == (one.period.start, one.period.end)
        assert all(one.period == one.nominal for one in windows)


CHANGES = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 40), st.sampled_from(UpdateType)), max_size=8)
MODELS = st.sampled_from(["TIERED", "VOLUME"])
TIERS = (S("0", "PER_UNIT", "7.3"), S("5", "FLAT", "11"), S("12", "PACKAGE", "4.5", "3"))


def since(day: int) -> str:
    """The so-manieth day from 1 May on."""
    return (date(2026, 5, 1) + timedelta(days=day - 1)).isoformat()


def day_by_day(card: LicenseRateCard, days: list[date], held: Holding, of_days: int) -> Fraction:
    """The table of domain.md 4.6, arrears, said as slowly as it can be."""
    prices = [sum(Fraction(slab.amount) for slab in charge_usage(card, "USD", held.on(day)).slabs) for day in days]
    if card.enable_proration:
        return sum(prices, Fraction(0)) / of_days
    highest = max(held.on(day) for day in days)
    return sum(Fraction(slab.amount) for slab in charge_usage(card, "USD", highest).slabs)


@given(CHANGES, MODELS, st.booleans(), st.integers(1, 30))
def test_a_cycle_comes_to_what_the_slow_table_says(
    changes: list[tuple[int, int, UpdateType]],
    model: str,
    prorated: bool,  # noqa: FBT001 - drawn
    joined: int,
) -> None:
    made = [
        entry
        for number, (day, quantity, kind) in enumerate(changes)
        for entry in entries([(f"{since(day)}T{number:02}:00", str(quantity))], kind)
    ]
    held = Seats(sorted(made, key=lambda entry: entry.effective_from), UTC_ZONE)
    card = licence_card(*TIERS, model=model, prorated=prorated)
    within = cycle("2026-06-01", "2026-07-01", joined=f"2026-06-{joined:02}")
    assert amount(card, held, within) == day_by_day(card, days_of(within), held, 30)


@given(CHANGES, st.integers(2, 30))
def test_a_cycle_that_is_cut_costs_as_much_in_two_as_in_one(
    changes: list[tuple[int, int, UpdateType]], cut_on: int
) -> None:
    held = seats(*((since(day), str(by)) for day, by, _ in changes))
    card, rule = licence_card(*TIERS), CycleRule(Interval.MONTHLY, 1)
    whole, cut = cycle_at(rule, JUNE.period, UTC_ZONE, JUNE.period.start), f"2026-06-{cut_on:02}"
    assert local_date(whole.nominal.end, UTC_ZONE) == date(2026, 7, 1)
    first = JUNE.__class__(cycle("2026-06-01", cut).period, JUNE.nominal)
    second = cycle("2026-06-01", "2026-07-01", joined=cut)
    assert amount(card, held, whole) == amount(card, held, first) + amount(card, held, second)


def test_negative_quantities_never_reach_a_price() -> None:
    assert Seats(entries([("2026-06-01", "-1")]), UTC_ZONE).on(date(2026, 6, 1)) == Decimal(0)
