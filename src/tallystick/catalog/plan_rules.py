"""What a plan's terms must hold before they are kept, and before they may price anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.catalog.card_rules import card_problems
from tallystick.catalog.credit_grant import CreditGrantRateCard
from tallystick.catalog.entitlement import BillingEntitlementRateCard, EntitlementOverageRateCard
from tallystick.catalog.price_plan import PlanType, PricePlanDetails
from tallystick.catalog.purchase_rules import purchase_plan_problems
from tallystick.catalog.rate_card import InvoiceTiming
from tallystick.kernel.errors import BillingError, Problem
from tallystick.kernel.recurrence import CycleRule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tallystick.catalog.price_plan import PricePlanDetailsDraft, PricingCycleConfig

_TERMS: Final = "pricePlanDetails."
_NOT_DEFERRABLE: Final[Mapping[type, str]] = {
    CreditGrantRateCard: "grants credit",
    BillingEntitlementRateCard: "grants units of a feature",
    EntitlementOverageRateCard: "charges overage of a feature",
}


def details_of(draft: PricePlanDetailsDraft, kind: PlanType) -> PricePlanDetails:
    """The terms that a draft becomes; no currency is active yet."""
    return PricePlanDetails(
        supported_currencies=draft.supported_currencies,
        active_currencies=[],
        pricing_cycle_config=draft.pricing_cycle_config,
        usage_rate_cards=draft.usage_rate_cards,
        fixed_fee_rate_cards=draft.fixed_fee_rate_cards,
        license_rate_cards=draft.license_rate_cards,
        billing_entitlement_rate_cards=draft.billing_entitlement_rate_cards,
        credit_grant_rate_cards=draft.credit_grant_rate_cards,
        entitlement_overage_rate_cards=draft.entitlement_overage_rate_cards,
        minimum_commitment=draft.minimum_commitment,
        deferred_revenue=draft.deferred_revenue,
        allow_ongoing_cycle_updates=draft.allow_ongoing_cycle_updates,
        type=kind,
    )


def without_proration(details: PricePlanDetails) -> PricePlanDetails:
    """The same terms with every card charged for whole cycles."""
    fees = [msgspec.structs.replace(card, enable_proration=False) for card in details.fixed_fee_rate_cards]
    licences = [msgspec.structs.replace(card, enable_proration=False) for card in details.license_rate_cards]
    return msgspec.structs.replace(details, fixed_fee_rate_cards=fees, license_rate_cards=licences)


def terms_problems(details: PricePlanDetails, kind: PlanType) -> list[Problem]:
    """All that is wrong with terms by themselves; whether meters and add-ons exist is the operation's business."""
    problems = [Problem(f"{_TERMS}{found.path}", found.reason) for found in card_problems(details)]
    if details.pricing_cycle_config is not None:
        problems += cycle_problems(details.pricing_cycle_config, f"{_TERMS}pricingCycleConfig")
    if details.deferred_revenue:
        problems += _not_deferrable(details)
    if kind is PlanType.PURCHASE:
        problems += [Problem(f"{_TERMS}{found.path}", found.reason) for found in purchase_plan_problems(details)]
    return problems


def _not_deferrable(details: PricePlanDetails) -> Iterator[Problem]:
    """What a plan with deferred revenue must not hold, since its cycles are priced when they end (domain.md 4.2)."""
    for field, wire in zip(details.__struct_fields__, details.__struct_encode_fields__, strict=True):
        cards = getattr(details, field)
        for position, card in enumerate(cards if isinstance(cards, list) else ()):
            if type(card) in _NOT_DEFERRABLE:
                path = f"{_TERMS}{wire}[{position}]"
                reason = f"{_NOT_DEFERRABLE[type(card)]}, which a plan with deferredRevenue does not: leave it out"
                yield Problem(path, reason)
            elif getattr(card, "invoice_timing", None) is InvoiceTiming.IN_ADVANCE:
                path = f"{_TERMS}{wire}[{position}].invoiceTiming"
                yield Problem(path, "is IN_ADVANCE, a plan with deferredRevenue bills IN_ARREARS only")


def cycle_problems(cycle: PricingCycleConfig, path: str) -> list[Problem]:
    """Offsets that the interval does not allow, or that are missing (domain.md 4.2)."""
    offset = cycle.start_offset
    if offset is None:
        if cycle.anniversary_cycle:
            return []
        return [Problem(f"{path}.startOffset", "is required unless anniversaryCycle is true")]
    try:
        CycleRule.of(cycle.interval, offset.day_offset, offset.month_offset, f"{path}.startOffset")
    except BillingError as refused:
        return list(refused.problems)
    return []


def missing_for_activation(details: PricePlanDetails, currencies: Sequence[str]) -> list[Problem]:
    """What still keeps a plan from being activated in these currencies."""
    problems = [
        Problem(f"currencies[{position}]", f"{currency!r} is not among the plan's supportedCurrencies")
        for position, currency in enumerate(currencies)
        if currency not in details.supported_currencies
    ]
    if details.pricing_cycle_config is None and details.type is PlanType.BILLING:
        problems.append(Problem(f"{_TERMS}pricingCycleConfig", "is missing: a BILLING plan needs a pricing cycle"))
    if not (details.billable_ids or details.minimum_commitment):
        problems.append(Problem(_TERMS.rstrip("."), "has no rate cards: a plan must price something"))
    return problems
