"""What a plan that is bought once may hold: fees, units of features and credit, and no cycle (domain.md 4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.catalog.credit_grant import ExpiryType
from tallystick.catalog.rate_card import FeeType
from tallystick.kernel.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallystick.catalog.price_plan import PricePlanDetails
    from tallystick.catalog.rate_card import RecurrenceConfig

_SOLD: Final = frozenset({"fixed_fee_rate_cards", "credit_grant_rate_cards", "billing_entitlement_rate_cards"})
_OF_CYCLES: Final = frozenset({"pricing_cycle_config", "deferred_revenue", "allow_ongoing_cycle_updates"})
_CURRENCIES: Final = frozenset({"supported_currencies", "active_currencies"})


def purchase_plan_problems(details: PricePlanDetails) -> Iterator[Problem]:
    """What a plan of type PURCHASE must not hold; paths are below the terms."""
    for field, wire in zip(details.__struct_fields__, details.__struct_encode_fields__, strict=True):
        held = getattr(details, field)
        if not held or field in _SOLD | _CURRENCIES or field == "type":
            continue
        sells = "has no cycles" if field in _OF_CYCLES else "sells fixed fees, units of features and credit grants"
        yield Problem(wire, f"does not belong to a PURCHASE plan, which {sells}: leave it out")
    for position, fee in enumerate(details.fixed_fee_rate_cards):
        path = f"fixedFeeRateCards[{position}]"
        if fee.type is not FeeType.ONE_TIME:
            yield Problem(f"{path}.type", f"is {fee.type}, and a PURCHASE plan is bought once: send ONE_TIME")
        if fee.enable_proration:
            yield Problem(
                f"{path}.enableProration", "is true, and a PURCHASE plan has no cycle to prorate by: send false"
            )
        yield from _recurrence(path, fee.recurrence_config)
    for position, units in enumerate(details.billing_entitlement_rate_cards):
        yield from _recurrence(f"billingEntitlementRateCards[{position}]", units.recurrence_config)
    for position, grant in enumerate(details.credit_grant_rate_cards):
        path = f"creditGrantRateCards[{position}]"
        if grant.grant_details.expiry_type is ExpiryType.PRICING_CYCLE:
            reason = "is PRICING_CYCLE, and a PURCHASE plan has no cycle: send NO_EXPIRY or CUSTOM"
            yield Problem(f"{path}.grantDetails.expiryType", reason)
        yield from _recurrence(path, grant.recurrence_config)


def _recurrence(path: str, every: RecurrenceConfig | None) -> Iterator[Problem]:
    """What is bought once does not come again; the wire's neutral values say nothing."""
    if every is not None and (every.interval != 1 or every.offset):
        yield Problem(f"{path}.recurrenceConfig", "says when cards come again, and a PURCHASE plan is bought once")
