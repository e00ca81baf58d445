"""Explanations show the way to the amount of a line: every text is true, also where limits or rounding decide."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tallystick.catalog.rate_card import FixedFeeRateCard, PriceType, UsageRateCard
from tallystick.invoicing.card_lines import fee_line, usage_card_line
from tallystick.invoicing.charge_explanation import (
    adjustments_of,
    arithmetic_of,
    explainable,
    fee_terms_of,
    tiers_of,
)
from tallystick.invoicing.line import LineType
from tallystick.invoicing.totals import parent
from tallystick.rating.fixed_fee import charge_fee
from tests.unit.rating.cards import charge_usage

if TYPE_CHECKING:
    from tallystick.invoicing.line import InvoiceLineItem


def card(
    *slabs: tuple[str, str, str],
    units: str,
    model: str = "TIERED",
    limits: dict[str, str] | None = None,
    package_size: str | None = None,
    slab_limits: dict[str, str] | None = None,
) -> InvoiceLineItem:
    """The line of a card of (startAfter, priceType, rate) slabs in USD; the last two options are the first slab's."""
    starts: list[dict[str, Any]] = [
        {"order": order, "startAfter": Decimal(start), "priceType": kind}
        for order, (start, kind, _) in enumerate(slabs, 1)
    ]
    rates: list[dict[str, Any]] = [
        {"order": order, "rate": Decimal(rate)} for order, (_, _, rate) in enumerate(slabs, 1)
    ]
    starts[0]["slabConfig"] = {"packageSize": package_size}
    rates[0]["slabRateConfig"] = slab_limits
    body = {
        "usageMeterId": "um.calls",
        "displayName": "API calls",
        "ratePlan": {"pricingModel": model, "slabs": starts},
        "rateValues": [{"currency": "USD", "slabRates": rates, "rateConfig": limits}],
    }
    return usage_card_line(charge_usage(msgspec.convert(body, UsageRateCard), "USD", Decimal(units)), "USD")


def fee(rate: str, days: int, cycle_days: int) -> InvoiceLineItem:
    body = {"id": "addon.base", "enableProration": True, "rateValues": [{"currency": "USD", "rate": Decimal(rate)}]}
    charge = charge_fee(msgspec.convert(body, FixedFeeRateCard), "USD", days, cycle_days)
    return fee_line(charge, LineType.FIXED_FEE_RATE_CARD_AMOUNT, "USD")


@pytest.mark.parametrize(
    ("line", "amount", "arithmetic"),
    [
        (card(("0", "PER_UNIT", "0.002"), units="1000"), "2", "1000 x 0.002 = 2"),
        (card(("0", "PER_UNIT", "0.002"), units="0"), "0", "0 x 0.002 = 0"),
        (card(("0", "PER_UNIT", "2"), units="-5"), "-10", "(-5) x 2 = -10"),
        # 3 x 0.335 = 1.005, half a cent goes up.
        (card(("0", "PER_UNIT", "0.335"), units="3"), "1.01", "3 x 0.335 = 1.005, rounded to 1.01"),
        (card(("0", "FLAT", "50"), units="7"), "50", "flat rate: 1 x 50 = 50"),
        (card(("0", "FLAT", "50"), units="0"), "0", "flat rate: 0 x 50 = 0"),
        # 250 units begin 3 packages of 100.
        (
            card(("0", "PACKAGE", "10"), units="250", package_size="100"),
            "30",
            "250 units in packages of 100: 3 x 10 = 30",
        ),
        (card(("0", "PACKAGE", "10"), units="0", package_size="100"), "0", "0 units in packages of 100: 0 x 10 = 0"),
        (
            card(("0", "PER_UNIT", "1"), units="3", slab_limits={"minimumRate": "5"}),
            "5",
            "3 x 1 = 3, raised to the minimum 5",
        ),
        (
            card(("0", "FLAT", "50"), units="3", slab_limits={"maximumRate": "40.005"}),
            "40.01",
            "flat rate: 1 x 50 = 50, lowered to the maximum 40.005, rounded to 40.01",
        ),
    ],
)
def test_a_tier_is_worked_out(line: InvoiceLineItem, amount: str, arithmetic: str) -> None:
    (tier,) = tiers_of(line)
    assert (tier.amount, tier.arithmetic) == (Decimal(amount), arithmetic)
    assert (line.value, arithmetic_of(line)) == (Decimal(amount), arithmetic), "one tier is the whole card"


def test_tiers_stand_in_order_and_add_up() -> None:
    # 1000 at 0.002 are 2, the other 500 at 0.001 are 0.50.
    line = card(("0", "PER_UNIT", "0.002"), ("1000", "PER_UNIT", "0.001"), units="1500")
    assert [(tier.description, tier.quantity, tier.price_type, tier.rate, tier.amount) for tier in tiers_of(line)] == [
        ("Slab 1", 1000, PriceType.PER_UNIT, Decimal("0.002"), 2),
        ("Slab 2", 500, PriceType.PER_UNIT, Decimal("0.001"), Decimal("0.5")),
    ]
    assert arithmetic_of(line) == "2 + 0.5 = 2.5"
    assert adjustments_of(line) == []


def test_a_volume_card_prices_all_units_in_one_tier() -> None:
    line = card(("0", "PER_UNIT", "2"), ("100", "PER_UNIT", "1"), units="150", model="VOLUME")
    assert [tier.arithmetic for tier in tiers_of(line)] == ["0 x 2 = 0", "150 x 1 = 150"]


@pytest.mark.parametrize(
    ("limits", "units", "steps", "whole"),
    [
        ({"minimumRate": "10"}, "3", ("Minimum charge", "minimum 10 - 3 = 7"), "3 + 7 = 10"),
        ({"maximumRate": "10"}, "12", ("Maximum charge", "maximum 10 - 12 = -2"), "12 - 2 = 10"),
        ({"minimumRate": "10"}, "12", ("No adjustment", "12 is within the limits of the card: 0"), "12 + 0 = 12"),
        ({"minimumRate": "10"}, "-5", ("Minimum charge", "minimum 10 - (-5) = 15"), "-5 + 15 = 10"),
        (
            {"minimumRate": "10.005"},
            "3",
            ("Minimum charge", "minimum 10.005, rounded to 10.01, - 3 = 7.01"),
            "3 + 7.01 = 10.01",
        ),
    ],
)
def test_a_cards_limit_is_worked_out(limits: dict[str, str], units: str, steps: tuple[str, str], whole: str) -> None:
    line = card(("0", "PER_UNIT", "1"), units=units, limits=limits)
    (found,) = adjustments_of(line)
    assert (found.description, found.arithmetic) == steps
    assert arithmetic_of(line) == whole


@pytest.mark.parametrize(
    ("line", "amount", "arithmetic"),
    [
        (fee("50", 31, 31), "50", "fixed fee, not prorated: 50"),
        # Half a month of thirty days.
        (fee("100", 15, 30), "50", "100 x 15 / 30 days = 50"),
        # 1000 / 31 = 32.2580645...
        (fee("100", 10, 31), "32.26", "100 x 10 / 31 days = 32.258064..., rounded to 32.26"),
    ],
)
def test_a_fee_is_worked_out(line: InvoiceLineItem, amount: str, arithmetic: str) -> None:
    assert (line.value, arithmetic_of(line)) == (Decimal(amount), arithmetic)


def test_a_prorated_fee_tells_its_days_and_any_other_its_rate() -> None:
    terms = fee_terms_of(fee("100", 15, 30))
    assert (terms.rate, terms.days, terms.cycle_days) == (100, 15, 30)
    terms = fee_terms_of(fee("50", 31, 31))
    assert (terms.rate, terms.days, terms.cycle_days) == (50, None, None)


def test_cards_and_fees_are_found_wherever_they_hang() -> None:
    tagged = parent(LineType.CUSTOM_TAG, "Compute", [card(("0", "PER_UNIT", "1"), units="1")], "USD")
    tree = parent(LineType.SUB_TOTAL_AMOUNT, "Sub total", [tagged, fee("5", 1, 1)], "USD")
    assert [line.id for line in explainable(tree)] == ["um.calls", "addon.base"]
