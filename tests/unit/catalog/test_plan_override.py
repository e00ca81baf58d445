"""What an override puts in the place of a plan's terms (domain.md 5.3)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tallystick.catalog.plan_override import overridden, override_problems, shown
from tallystick.catalog.price_plan import PlanType, PricePlanDetails, PricePlanDetailsPatch
from tallystick.catalog.rate_card import CurrencyRate, FixedFeeRateCard, MinimumCommitment
from tallystick.kernel.document import decode, encode


def rates(*currencies: str) -> list[CurrencyRate]:
    return [CurrencyRate(currency=currency, rate=Decimal(10)) for currency in currencies]


def fee(name: str, *currencies: str) -> FixedFeeRateCard:
    return FixedFeeRateCard(id=name, rate_values=rates(*currencies), enable_proration=False)


DETAILS = PricePlanDetails(
    supported_currencies=["USD", "EUR"],
    active_currencies=["USD"],
    fixed_fee_rate_cards=[fee("addon.base", "USD", "EUR")],
    minimum_commitment=MinimumCommitment(display_name="Minimum", rate_values=rates("EUR")),
    type=PlanType.BILLING,
)


def test_no_override_leaves_the_terms_as_they_are() -> None:
    assert overridden(DETAILS, None) is DETAILS
    assert overridden(DETAILS, PricePlanDetailsPatch()) == DETAILS


@pytest.mark.parametrize(
    ("override", "changed"),
    [
        ({"fixed_fee_rate_cards": []}, {"fixed_fee_rate_cards": []}),
        ({"minimum_commitment": None}, {"minimum_commitment": None}),
        (
            {"fixed_fee_rate_cards": [fee("addon.other", "USD", "EUR")]},
            {"fixed_fee_rate_cards": [fee("addon.other", "USD", "EUR")]},
        ),
        (
            {"supported_currencies": ["EUR"]},
            {
                "supported_currencies": ["EUR"],
                "active_currencies": [],
                "fixed_fee_rate_cards": [fee("addon.base", "EUR")],
            },
        ),
        (
            {"supported_currencies": ["USD"], "fixed_fee_rate_cards": []},
            {"supported_currencies": ["USD"], "fixed_fee_rate_cards": [], "minimum_commitment": None},
        ),
    ],
    ids=str,
)
def test_a_key_that_is_present_takes_the_place_of_the_plans(override: dict[str, Any], changed: dict[str, Any]) -> None:
    found = overridden(DETAILS, PricePlanDetailsPatch(**override))
    assert found == PricePlanDetails(
        **{field: getattr(DETAILS, field) for field in DETAILS.__struct_fields__} | changed
    )


def test_an_override_is_stored_as_it_was_sent() -> None:
    for override in (
        PricePlanDetailsPatch(fixed_fee_rate_cards=[], minimum_commitment=None),
        PricePlanDetailsPatch(supported_currencies=["USD"], fixed_fee_rate_cards=[fee("addon.base", "USD")]),
    ):
        assert decode(encode(override), PricePlanDetailsPatch) == override


def test_an_answer_leaves_empty_lists_out() -> None:
    override = PricePlanDetailsPatch(usage_rate_cards=[], fixed_fee_rate_cards=[fee("addon.base", "USD")])
    assert encode(shown(override)) == encode(PricePlanDetailsPatch(fixed_fee_rate_cards=override.fixed_fee_rate_cards))


def test_the_terms_that_are_left_follow_the_rules_of_plans() -> None:
    override = PricePlanDetailsPatch(fixed_fee_rate_cards=[fee("addon.base", "USD")])
    assert [str(one) for one in override_problems(DETAILS, override, "USD")] == [
        (
            "pricePlanDetailsOverride.fixedFeeRateCards[0].rateValues: has no rate in EUR, "
            "add one for every supported currency"
        )
    ]
    only_dollars = PricePlanDetailsPatch(supported_currencies=["USD"], fixed_fee_rate_cards=[fee("addon.base", "USD")])
    assert override_problems(DETAILS, only_dollars, "USD") == []
    assert [str(one) for one in override_problems(DETAILS, only_dollars, "EUR")] == [
        "pricePlanDetailsOverride.supportedCurrencies: leaves EUR out, in which the account is billed"
    ]
