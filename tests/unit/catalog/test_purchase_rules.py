"""What a plan that is bought once may hold (domain.md 4.1)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tallystick.catalog.price_plan import PlanType, PricePlanDetails
from tallystick.catalog.purchase_rules import purchase_plan_problems
from tallystick.catalog.rate_card import (
    CurrencyRate,
    FeeType,
    FixedFeeRateCard,
    MinimumCommitment,
    RecurrenceConfig,
)
from tests.unit.rating.cards import S, grant_card

USD = [CurrencyRate(currency="USD", rate=Decimal(50))]


def sold(**changes: object) -> PricePlanDetails:
    fee = FixedFeeRateCard(id="addon.setup", rate_values=USD, enable_proration=False, type=FeeType.ONE_TIME)
    terms = {"supported_currencies": ["USD"], "active_currencies": [], "fixed_fee_rate_cards": [fee]}
    return PricePlanDetails(**(terms | changes), type=PlanType.PURCHASE)


def test_fees_that_come_once_and_credit_are_sold() -> None:
    assert list(purchase_plan_problems(sold(credit_grant_rate_cards=[grant_card("100", S("0", "FLAT", "10"))]))) == []


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"deferred_revenue": True}, "deferredRevenue"),
        ({"minimum_commitment": MinimumCommitment(display_name="Least", rate_values=USD)}, "minimumCommitment"),
        (
            {"fixed_fee_rate_cards": [FixedFeeRateCard(id="a", rate_values=USD, enable_proration=False)]},
            "fixedFeeRateCards[0].type",
        ),
        (
            {
                "fixed_fee_rate_cards": [
                    FixedFeeRateCard(id="a", rate_values=USD, enable_proration=True, type=FeeType.ONE_TIME)
                ]
            },
            "fixedFeeRateCards[0].enableProration",
        ),
        (
            {
                "fixed_fee_rate_cards": [
                    FixedFeeRateCard(
                        id="a",
                        rate_values=USD,
                        enable_proration=False,
                        type=FeeType.ONE_TIME,
                        recurrence_config=RecurrenceConfig(offset=1),
                    )
                ]
            },
            "fixedFeeRateCards[0].recurrenceConfig",
        ),
    ],
)
def test_what_needs_cycles_is_not(changes: dict[str, object], path: str) -> None:
    assert [found.path for found in purchase_plan_problems(sold(**changes))] == [path]
