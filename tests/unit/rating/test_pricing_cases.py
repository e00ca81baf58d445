"""Figures from other billing systems' test suites and docs, restated as cards of ours.

The numbers G.. are those of `docs/pricing-cases.md`, which says what of them cannot hold here and why (sources:
getlago/lago-api@1b1c24a, openmeterio/openmeter@7e57a39, killbill/killbill@cb60779, polarsource/polar@c6c3645, TogaiHQ
docs@6eac98d). `tests/unit/invoicing/test_outside_cases.py` reads all cases from the file that they were collected in.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from tallystick.kernel.money import Money, round_half_up
from tallystick.rating.fixed_fee import charge_fee
from tests.unit.rating.cards import S, amount_of, charge_events, charge_usage, each_event, fee_card, usage_card

G05 = (S("0", "PACKAGE", "100", size="10"),)
G05_FREE = (S("0", "PER_UNIT", "0"), S("5", "PACKAGE", "100", size="10"))
G14 = (S("0", "FLAT", "100"), S("5", "FLAT", "50"), S("10", "PER_UNIT", "5"), S("15", "PER_UNIT", "1"))
G16 = (S("0", "FLAT", "100"), S("5", "FLAT", "150"), S("10", "PER_UNIT", "10"), S("15", "PER_UNIT", "5"))
G19 = (S("0", "PACKAGE", "1", size="100"), S("1000", "PACKAGE", "1", size="1000"))
G19_UNITS = tuple(S(start, "PACKAGE", rate, size="1") for start, rate in (("0", "1.5"), ("10", "1"), ("110", "0.5")))
G28 = (S("0", "PER_UNIT", "2"), S("100", "PER_UNIT", "1"))


@pytest.mark.parametrize(
    ("slabs", "model", "expected"),
    [
        pytest.param(G05, "TIERED", {3: "100", 15: "200"}, id="G05"),
        pytest.param(G05_FREE, "TIERED", {3: "0", 12: "100"}, id="G05 with 5 units free"),
        pytest.param(G14, "TIERED", {12: "160", 22: "182"}, id="G14"),
        pytest.param(G16, "VOLUME", {3: "100", 5: "100", 14: "140", 15: "150", 16: "80", 100: "500"}, id="G16"),
        pytest.param(G19, "TIERED", {5325: "15"}, id="G19"),
        pytest.param(G19_UNITS, "TIERED", {111: "115.5"}, id="G19 with blocks of one"),
        pytest.param(G28, "TIERED", {150: "250"}, id="G28 tiered"),
        pytest.param(G28, "VOLUME", {150: "150"}, id="G28 volume"),
    ],
)
def test_a_card_comes_to_what_others_charge(slabs: tuple[S, ...], model: str, expected: dict[int, str]) -> None:
    card = usage_card(*slabs, model=model)
    for usage, amount in expected.items():
        charge = charge_usage(card, "USD", Decimal(usage))
        assert sum(slab.amount for slab in charge.slabs) == Decimal(amount), usage


def test_a_percentage_with_a_free_amount_and_free_events_comes_to_what_others_charge() -> None:
    # G06: 550 of 800 at 1.3 % = 7.15; of four events two fit the free amount, the others cost 2 each.
    card = usage_card(S("0", "PERCENTAGE", "0"), S("250", "PERCENTAGE", "1.3"), per_event=each_event("2", free=2))
    events = [Decimal(amount) for amount in (50, 100, 250, 400)]
    assert amount_of(charge_events(card, events)) == Decimal("11.15")


@pytest.mark.parametrize(
    ("fee", "days", "cycle_days", "expected"),
    [
        # G21: what is left of a period from a plan change on, at the old plan's fee and at the new one's.
        ("100.00", 15, 30, "50.00"),
        ("300.00", 15, 30, "150.00"),
        ("100.00", 20, 30, "66.67"),
        ("300.00", 20, 30, "200.00"),
        ("100.00", 22, 29, "75.86"),
        ("300.00", 22, 29, "227.59"),
        ("1000.00", 304, 365, "832.88"),
        ("3000.00", 304, 365, "2498.63"),
        ("1000.00", 166, 366, "453.55"),
        ("3000.00", 166, 366, "1360.66"),
        ("1000.00", 166, 365, "454.79"),
        ("3000.00", 166, 365, "1364.38"),
        # G27: a quarter of 91 days ended after 32.
        ("910.00", 32, 91, "320.00"),
    ],
)
def test_a_fee_for_part_of_a_period_comes_to_what_others_charge(
    fee: str, days: int, cycle_days: int, expected: str
) -> None:
    charge = charge_fee(fee_card(fee, prorated=True), "USD", days, cycle_days)
    assert round_half_up(Money(charge.amount, "USD")) == Money(Decimal(expected), "USD")
