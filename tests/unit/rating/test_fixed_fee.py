"""Fixed fees: proration by days (domain.md 4.6) and recurrence (domain.md 4.5)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.errors import BillingError
from tallystick.rating.charge import FeeCharge
from tallystick.rating.fixed_fee import charge_fee, is_charged
from tests.unit.rating.cards import fee_card


def charged_cycles(*, timing: str, kind: str = "RECURRING", interval: int = 1, offset: int = 0) -> list[int]:
    card = fee_card("50", timing=timing, kind=kind, interval=interval, offset=offset)
    return [ordinal for ordinal in range(8) if is_charged(card, ordinal)]


def test_fifty_a_month_joined_on_the_16th_of_a_30_day_month_is_25() -> None:
    charge = charge_fee(fee_card("50", prorated=True), "USD", 15, 30)
    assert charge.amount == 25
    assert charge.is_prorated


def test_a_charge_says_what_was_charged_and_for_how_many_days() -> None:
    card = fee_card("50", addon="addon.base", name="Base fee", tag="platform", prorated=True)
    assert charge_fee(card, "USD", 15, 30) == FeeCharge(
        billable_id="addon.base",
        display_name="Base fee",
        tag="platform",
        rate=Decimal(50),
        days=15,
        cycle_days=30,
        amount=Decimal(25),
    )


def test_a_fee_without_a_rate_in_the_currency_cannot_be_charged() -> None:
    with pytest.raises(BillingError, match="card 'Base fee' has no rate in EUR"):
        charge_fee(fee_card("50", name="Base fee"), "EUR", 30, 30)


def test_without_proration_a_short_cycle_costs_the_full_fee() -> None:
    charge = charge_fee(fee_card("50"), "USD", 15, 30)
    assert (charge.amount, charge.is_prorated) == (50, False)


def test_a_full_cycle_costs_the_fee_itself_not_a_fraction_that_comes_close() -> None:
    charge = charge_fee(fee_card("9.99", prorated=True), "USD", 31, 31)
    assert (str(charge.amount), charge.is_prorated) == ("9.99", False)


def test_a_negative_fee_is_a_discount_and_prorated_like_any_other() -> None:
    assert charge_fee(fee_card("-30", prorated=True), "USD", 10, 30).amount == -10


@pytest.mark.parametrize(
    ("interval", "offset", "advance", "arrears"),
    [
        (1, 0, [0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5, 6, 7]),
        (2, 0, [0, 2, 4, 6], [1, 3, 5, 7]),
        (1, 2, [2, 3, 4, 5, 6, 7], [2, 3, 4, 5, 6, 7]),
        (3, 1, [1, 4, 7], [3, 6]),
        (2, 3, [3, 5, 7], [4, 6]),
    ],
)
def test_a_recurring_fee_opens_each_interval_in_advance_and_closes_it_in_arrears(
    interval: int, offset: int, advance: list[int], arrears: list[int]
) -> None:
    assert charged_cycles(timing="IN_ADVANCE", interval=interval, offset=offset) == advance
    assert charged_cycles(timing="IN_ARREARS", interval=interval, offset=offset) == arrears


@pytest.mark.parametrize(
    ("interval", "offset", "advance", "arrears"), [(1, 0, [0], [0]), (1, 2, [2], [2]), (3, 1, [1], [3])]
)
def test_a_one_time_fee_comes_once_in_the_first_cycle_that_is_its_turn(
    interval: int, offset: int, advance: list[int], arrears: list[int]
) -> None:
    turns = {"kind": "ONE_TIME", "interval": interval, "offset": offset}
    assert charged_cycles(timing="IN_ADVANCE", **turns) == advance
    assert charged_cycles(timing="IN_ARREARS", **turns) == arrears


def test_a_fee_without_a_recurrence_is_charged_every_cycle() -> None:
    card = fee_card("50")
    assert all(is_charged(card, ordinal) for ordinal in range(5))


@given(st.decimals(-10_000, 10_000, places=4), st.integers(1, 366), st.data())
def test_cutting_a_cycle_in_two_conserves_the_prorated_fee(rate: Decimal, cycle_days: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, cycle_days))
    card = fee_card(str(rate), prorated=True)
    parts = [charge_fee(card, "USD", days, cycle_days).amount for days in (first, cycle_days - first)]
    assert abs(sum(map(Fraction, parts)) - Fraction(rate)) < Fraction(1, 10**500)
