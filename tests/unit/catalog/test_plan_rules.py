"""What a plan's terms must hold before they are kept, and before they may price anything (domain.md 1.4, 4.2)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tallystick.catalog.credit_grant import (
    CreditGrantRateCard,
    CreditRateDetails,
    CurrencySlabRateDetail,
    ExpiryType,
    GrantDetails,
    SlabDetail,
)
from tallystick.catalog.plan_rules import (
    cycle_problems,
    details_of,
    missing_for_activation,
    terms_problems,
)
from tallystick.catalog.price_plan import (
    PlanType,
    PricePlanDetails,
    PricePlanDetailsDraft,
    PricePlanDraft,
    PricingCycleConfig,
    StartOffset,
)
from tallystick.catalog.rate_card import (
    CurrencyRate,
    FixedFeeRateCard,
    InvoiceTiming,
    MinimumCommitment,
    PriceType,
    PricingModel,
)
from tallystick.kernel.document import decode, encode
from tallystick.kernel.recurrence import Interval
from tests.unit.rating.cards import S, entitlement_card, overage_card

PATH = "pricePlanDetails.pricingCycleConfig"


def cycle(
    interval: Interval = Interval.MONTHLY,
    day: str | None = "1",
    month: str = "NIL",
    *,
    anniversary: bool | None = None,
) -> PricingCycleConfig:
    offset = None if day is None else StartOffset(day_offset=day, month_offset=month)
    return PricingCycleConfig(interval=interval, start_offset=offset, grace_period=0, anniversary_cycle=anniversary)


FEE = FixedFeeRateCard(
    id="addon.fee", rate_values=[CurrencyRate(currency="USD", rate=Decimal(5))], enable_proration=False
)
COMMITMENT = MinimumCommitment(display_name="At least", rate_values=[CurrencyRate(currency="USD", rate=Decimal(9))])


def terms(**more: object) -> PricePlanDetails:
    return PricePlanDetails(
        **{
            "supported_currencies": ["USD"],
            "active_currencies": [],
            "pricing_cycle_config": cycle(),
            "fixed_fee_rate_cards": [FEE],
            "type": PlanType.BILLING,
        }
        | more
    )


def test_terms_that_can_be_kept_have_no_problems() -> None:
    assert terms_problems(terms(), PlanType.BILLING) == []


def test_terms_may_still_lack_a_cycle_and_cards_when_they_are_kept() -> None:
    assert terms_problems(terms(pricing_cycle_config=None, fixed_fee_rate_cards=[]), PlanType.BILLING) == []


def test_every_problem_of_terms_is_named_at_once_with_its_path() -> None:
    wrong = terms(supported_currencies=["USD", "EUR"], pricing_cycle_config=cycle(day="32"))
    paths = [problem.path for problem in terms_problems(wrong, PlanType.PURCHASE)]
    of_cards = "pricePlanDetails.fixedFeeRateCards[0]"
    assert paths == [f"{of_cards}.rateValues", f"{PATH}.startOffset.dayOffset", PATH, f"{of_cards}.type"]


@pytest.mark.parametrize(
    ("interval", "day", "month"),
    [
        (Interval.WEEKLY, "7", "NIL"),
        (Interval.WEEKLY, "LAST", "NIL"),
        (Interval.MONTHLY, "31", "NIL"),
        (Interval.QUARTERLY, "LAST", "FIRST"),
        (Interval.QUARTERLY, "3", "3"),
        (Interval.HALF_YEARLY, "15", "6"),
        (Interval.ANNUALLY, "28", "12"),
        (Interval.ANNUALLY, "LAST", "LAST"),
    ],
)
def test_the_offsets_of_each_interval_are_accepted(interval: Interval, day: str, month: str) -> None:
    assert cycle_problems(cycle(interval, day, month), PATH) == []


@pytest.mark.parametrize(
    ("interval", "day", "month", "where"),
    [
        (Interval.WEEKLY, "8", "NIL", ["dayOffset"]),
        (Interval.WEEKLY, "1", "1", ["monthOffset"]),
        (Interval.MONTHLY, "0", "NIL", ["dayOffset"]),
        (Interval.MONTHLY, "NIL", "1", ["dayOffset", "monthOffset"]),
        (Interval.QUARTERLY, "1", "4", ["monthOffset"]),
        (Interval.QUARTERLY, "1", "NIL", ["monthOffset"]),
        (Interval.HALF_YEARLY, "FIRST", "7", ["dayOffset", "monthOffset"]),
        (Interval.ANNUALLY, "01", "13", ["dayOffset", "monthOffset"]),
    ],
)
def test_other_offsets_are_refused_by_path(interval: Interval, day: str, month: str, where: list[str]) -> None:
    found = cycle_problems(cycle(interval, day, month), PATH)
    assert [problem.path for problem in found] == [f"{PATH}.startOffset.{name}" for name in where]


def test_an_offset_is_required_unless_the_cycle_begins_on_the_anniversary() -> None:
    assert cycle_problems(cycle(day=None, anniversary=True), PATH) == []
    for anniversary in (None, False):
        (problem,) = cycle_problems(cycle(day=None, anniversary=anniversary), PATH)
        assert str(problem) == f"{PATH}.startOffset: is required unless anniversaryCycle is true"


@pytest.mark.parametrize("priced", [{}, {"fixed_fee_rate_cards": [], "minimum_commitment": COMMITMENT}])
def test_terms_with_a_cycle_and_a_price_can_be_activated(priced: dict[str, object]) -> None:
    assert missing_for_activation(terms(**priced), ["USD"]) == []


def test_everything_that_is_missing_for_activation_is_named_at_once() -> None:
    bare = terms(pricing_cycle_config=None, fixed_fee_rate_cards=[])
    assert [str(problem) for problem in missing_for_activation(bare, ["USD", "EUR", "JPY"])] == [
        "currencies[1]: 'EUR' is not among the plan's supportedCurrencies",
        "currencies[2]: 'JPY' is not among the plan's supportedCurrencies",
        "pricePlanDetails.pricingCycleConfig: is missing: a BILLING plan needs a pricing cycle",
        "pricePlanDetails: has no rate cards: a plan must price something",
    ]


def test_the_terms_of_a_draft_are_kept_with_no_currency_active() -> None:
    draft = PricePlanDetailsDraft(
        supported_currencies=["USD"],
        pricing_cycle_config=cycle(),
        fixed_fee_rate_cards=[FEE],
        minimum_commitment=COMMITMENT,
    )
    assert details_of(draft, PlanType.BILLING) == terms(minimum_commitment=COMMITMENT)


def test_deferred_revenue_goes_with_no_credit_grants() -> None:
    granted = CurrencySlabRateDetail(
        currency="USD",
        credit_amount=Decimal(100),
        slab_details=[SlabDetail(start_after=Decimal(0), price_type=PriceType.FLAT, rate=Decimal(10))],
    )
    rates = CreditRateDetails(pricing_model=PricingModel.TIERED, currency_slab_rate_details=[granted])
    endless = GrantDetails(priority=1, expiry_type=ExpiryType.NO_EXPIRY)
    card = CreditGrantRateCard(
        id="addon.bonus", invoice_timing=InvoiceTiming.IN_ADVANCE, grant_details=endless, rate_details=rates
    )
    assert terms_problems(terms(credit_grant_rate_cards=[card]), PlanType.BILLING) == []
    (problem,) = terms_problems(terms(credit_grant_rate_cards=[card], deferred_revenue=True), PlanType.BILLING)
    assert str(problem) == (
        "pricePlanDetails.creditGrantRateCards[0]: grants credit, which a plan with deferredRevenue does not: "
        "leave it out"
    )


@pytest.mark.parametrize(
    ("cards", "problem"),
    [
        (
            {"billing_entitlement_rate_cards": [entitlement_card(S("0", "PER_UNIT", "1"), timing="IN_ARREARS")]},
            (
                "pricePlanDetails.billingEntitlementRateCards[0]: grants units of a feature, which a plan with "
                "deferredRevenue does not: leave it out"
            ),
        ),
        (
            {"entitlement_overage_rate_cards": [overage_card(S("0", "PER_UNIT", "1"))]},
            (
                "pricePlanDetails.entitlementOverageRateCards[0]: charges overage of a feature, which a plan with "
                "deferredRevenue does not: leave it out"
            ),
        ),
    ],
)
def test_deferred_revenue_goes_with_no_entitlements(cards: dict[str, Any], problem: str) -> None:
    assert terms_problems(terms(**cards), PlanType.BILLING) == []
    found = terms_problems(terms(**cards, deferred_revenue=True), PlanType.BILLING)
    assert [str(one) for one in found] == [problem]


def asked(details: str = "", plan: str = "") -> PricePlanDraft:
    """A plan as a caller sends it, with something more in its terms or beside them."""
    body = f'{{"name": "Basic", "pricePlanDetails": {{"supportedCurrencies": ["USD"]{details}}}{plan}}}'
    return decode(body, PricePlanDraft)


def test_empty_lists_are_fine() -> None:
    empty = ', "licenseRateCards": [], "billingEntitlementRateCards": [], "entitlementOverageRateCards": []'
    draft = asked(empty, ', "pricingRules": []').price_plan_details
    assert isinstance(draft, PricePlanDetailsDraft)
    assert details_of(draft, PlanType.BILLING).billable_ids == set()


@pytest.mark.parametrize(
    ("flags", "may_change"),
    [
        ("", False),
        (', "deferredRevenue": false, "allow_ongoing_cycle_updates": false', False),
        (', "deferredRevenue": true', True),
        (', "allow_ongoing_cycle_updates": true', True),
    ],
)
def test_a_plan_says_whether_its_ongoing_cycle_may_change(flags: str, may_change: bool) -> None:  # noqa: FBT001
    terms_draft = asked(flags).price_plan_details
    assert isinstance(terms_draft, PricePlanDetailsDraft)
    details = details_of(terms_draft, PlanType.BILLING)
    assert details.may_change_ongoing_cycle is may_change
    assert decode(encode(details), PricePlanDetails) == details


def test_a_key_that_the_wire_does_not_know_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `freeRateCards`"):
        asked(', "freeRateCards": []')
