"""Changes of cards by their names: order, names, and the way of problems back to what was sent (domain.md 4.3)."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from tallystick.catalog.card_operations import in_request, operated
from tallystick.catalog.card_rules import card_problems
from tallystick.catalog.plan_card import (
    CardAction,
    RateCardData,
    RateCardDetails,
    RateCardOperation,
    RateCardType,
    cards_of,
    placed,
    with_cards,
)
from tallystick.catalog.price_plan import PlanType, PricePlanDetails
from tallystick.catalog.rate_card import (
    CurrencyRate,
    FixedFeeRateCard,
    InvoiceTiming,
    MinimumCommitment,
    PriceType,
    PricingModel,
    RatePlan,
    RateValue,
    Slab,
    SlabRate,
    UsageRateCard,
)
from tallystick.kernel.errors import Problem

DOLLAR = [CurrencyRate(currency="USD", rate=Decimal(1))]
SLAB = Slab(order=1, start_after=Decimal(0), price_type=PriceType.PER_UNIT)


def fee(item: str, name: str | None = None) -> FixedFeeRateCard:
    return FixedFeeRateCard(id=item, name=name, rate_values=DOLLAR, enable_proration=False)


def usage(meter: str, name: str | None = None, currency: str = "USD") -> UsageRateCard:
    return UsageRateCard(
        usage_meter_id=meter,
        name=name,
        rate_plan=RatePlan(pricing_model=PricingModel.TIERED, slabs=[SLAB]),
        rate_values=[RateValue(currency=currency, slab_rates=[SlabRate(order=1, rate=Decimal(1))])],
    )


TERMS = PricePlanDetails(
    supported_currencies=["USD"],
    active_currencies=[],
    usage_rate_cards=[usage("um.a", "calls")],
    fixed_fee_rate_cards=[fee("addon.a"), fee("addon.b", "base"), fee("addon.c", "x" * 51)],
    minimum_commitment=MinimumCommitment(display_name="At least", rate_values=DOLLAR),
    type=PlanType.BILLING,
)


def sent(item: str, card: FixedFeeRateCard | UsageRateCard) -> RateCardData:
    kind = RateCardType.USAGE if isinstance(card, UsageRateCard) else RateCardType.FIXED_FEE
    key = "usage_rate_card" if isinstance(card, UsageRateCard) else "fixed_fee_rate_card"
    return RateCardData(
        billable_id=item,
        type=kind,
        invoice_timing=InvoiceTiming.IN_ARREARS,
        rate_card_details=msgspec.structs.replace(RateCardDetails(), **{key: card}),
    )


def change(action: str, name: str, card: RateCardData | None = None) -> RateCardOperation:
    return RateCardOperation(action_type=CardAction(action), rate_card_name=name, rate_card=card)


def names(details: PricePlanDetails) -> list[str]:
    return [one.name for one in cards_of(details)]


def test_a_card_goes_by_its_name_or_by_what_it_prices() -> None:
    # v1 knows no limit for names, v2 has 50 characters: a longer one is no name there.
    assert names(TERMS) == ["calls", "addon.a", "base", "addon.c", "MINIMUM_COMMITMENT"]


def test_cards_and_terms_are_two_forms_of_the_same() -> None:
    assert with_cards(TERMS, cards_of(TERMS)) == TERMS
    assert [path for path, _ in placed(cards_of(TERMS))] == [
        "usageRateCards[0]",
        "fixedFeeRateCards[0]",
        "fixedFeeRateCards[1]",
        "fixedFeeRateCards[2]",
        "minimumCommitment",
    ]


def test_a_replaced_card_keeps_its_place_and_its_name() -> None:
    done = operated(TERMS, [change("UPDATE", "addon.a", sent("addon.z", fee("addon.z")))])
    assert done.problems == ()
    assert names(done.details) == ["calls", "addon.a", "base", "addon.c", "MINIMUM_COMMITMENT"]
    assert done.details.fixed_fee_rate_cards[0].id == "addon.z"


def test_a_name_and_an_item_are_free_again_once_their_card_is_deleted() -> None:
    done = operated(
        TERMS,
        [
            change("DELETE", "base"),
            change("CREATE", "base", sent("addon.b", fee("addon.b"))),
            change("DELETE", "MINIMUM_COMMITMENT"),
        ],
    )
    assert done.problems == ()
    assert names(done.details) == ["calls", "addon.a", "addon.c", "base"]
    assert done.details.minimum_commitment is None


def test_an_operation_that_is_refused_is_not_made_and_the_next_ones_are_looked_at() -> None:
    done = operated(
        TERMS,
        [
            change("CREATE", "new", sent("um.a", usage("um.a"))),
            change("CREATE", "base", sent("addon.d", fee("addon.d"))),
            change("CREATE", "", sent("addon.e", fee("addon.e"))),
        ],
    )
    assert [problem.path for problem in done.problems] == [
        "operations[0].rateCard.billableId",
        "operations[1].rateCardName",
    ]
    assert names(done.details)[-2:] == ["addon.e", "MINIMUM_COMMITMENT"]


def test_problems_of_the_terms_go_back_to_where_their_cards_were_sent() -> None:
    done = operated(
        TERMS,
        [
            change("DELETE", "base"),
            change("CREATE", "m", sent("um.b", usage("um.b", currency="EUR"))),
            change("UPDATE", "addon.c", sent("addon.c", fee("addon.c"))),
        ],
    )
    assert done.origins == {
        "usageRateCards[1]": "operations[1].rateCard.rateCardDetails.usageRateCard",
        "fixedFeeRateCards[1]": "operations[2].rateCard.rateCardDetails.fixedFeeRateCard",
    }
    found = in_request(card_problems(done.details), done.origins)
    here = "operations[1].rateCard.rateCardDetails.usageRateCard.rateValues"
    assert [problem.path for problem in found] == [f"{here}[0].currency", here]


def test_problems_of_cards_that_were_not_sent_are_left_out() -> None:
    origins = {"usageRateCards[1]": "operations[0]"}
    problems = [
        Problem("usageRateCards[10].rate", ""),
        Problem("usageRateCards[0]", ""),
        Problem("usageRateCards[1]", "x"),
    ]
    assert in_request(problems, origins) == [Problem("operations[0]", "x")]
