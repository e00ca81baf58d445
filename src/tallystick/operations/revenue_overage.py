"""Where the revenue calculator's overage comes from (domain.md 8.2)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from tallystick.catalog.price_plan import PricePlanDetails
from tallystick.kernel.errors import Problem, refuse_if_any
from tallystick.kernel.micros import MICROSECOND
from tallystick.operations.billed_units import allowed_by, overage_totals
from tallystick.operations.revenue_lookups import account_named, cycle_of, instant_of, needed
from tallystick.operations.revenue_question import CycleMode, EntitlementOverageEntry, RevenueQuestion
from tallystick.operations.work import Work
from tallystick.stores.event_store import UsageWindow

_NAME: Final = "entitlementOverageConfig"


def overage_asked(work: Work, question: RevenueQuestion, details: PricePlanDetails) -> Mapping[str, Decimal]:
    """The overage that a question asks to be priced by these terms, by feature.

    What an account used in one of its cycles counts as far as these terms would have allowed it.

    Raises:
        BillingError: of kind INVALID, with every problem that it has.
    """
    config = question.entitlement_overage_config
    if config is None:
        return {}
    if config.mode is CycleMode.CUSTOM:
        refuse_if_any(_problems(work, config.custom or [], details))
        return {entry.feature_id: entry.quantity for entry in config.custom or []}
    path = f"{_NAME}.lookupCycle"
    asked = needed(config.lookup_cycle, path, config.mode)
    account = account_named(work, asked.account_id, f"{path}.accountId", config.mode)
    ends_at = instant_of(asked.billing_cycle_end_date, f"{path}.billingCycleEndDate")
    cycle = cycle_of(work, account, ends_at - MICROSECOND, f"{path}.billingCycleEndDate")[1]
    (units,) = overage_totals(work, [UsageWindow(account.id, cycle.period)])
    return allowed_by(details, units)


def _problems(work: Work, entries: list[EntitlementOverageEntry], details: PricePlanDetails) -> list[Problem]:
    problems: list[Problem] = []
    known = work.state.features.among(entry.feature_id for entry in entries)
    most = {card.feature_id: card.max_quantity for card in details.entitlement_overage_rate_cards}
    seen: set[str] = set()
    for place, entry in enumerate(entries):
        path, limit = f"{_NAME}.custom[{place}]", most.get(entry.feature_id)
        if entry.feature_id not in known:
            problems.append(Problem(f"{path}.featureId", f"feature {entry.feature_id!r} not found"))
        elif entry.feature_id in seen:
            problems.append(Problem(f"{path}.featureId", f"{entry.feature_id!r} stands twice"))
        if entry.quantity < 0:
            problems.append(Problem(f"{path}.quantity", f"is {entry.quantity:f}, expected 0 or more"))
        elif limit is not None and entry.quantity > limit:
            reason = f"is {entry.quantity:f}, the plan allows {limit:f} at most"
            problems.append(Problem(f"{path}.quantity", reason))
        seen.add(entry.feature_id)
    return problems
