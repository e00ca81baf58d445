"""How a plan goes from version to version: a draft is opened as a copy, edited, and finalised or discarded.

A version that was finalised never changes what it charges in a currency that is active: whoever agreed on it keeps it
(domain.md 1.4, 4.9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tallystick.catalog.price_plan import PlanStatus, PlanVersion, VersionStatus
from tallystick.kernel.errors import invalid
from tallystick.kernel.period import BEGINNING, FOREVER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tallystick.catalog.price_plan import PricePlan, PricePlanDetails
    from tallystick.catalog.pricing_rule import PricingRule


def first_draft(
    name: str, details: PricePlanDetails, description: str | None, now: datetime, rules: Sequence[PricingRule] = ()
) -> PlanVersion:
    """The first version of a plan, under an id of its own."""
    return PlanVersion(
        id=name,
        start_date=BEGINNING,
        end_date=FOREVER,
        version=1,
        is_overriden=False,
        price_plan_details=details,
        pricing_rules=list(rules),
        status=VersionStatus.DRAFT,
        description=description,
        created_at=now,
        updated_at=now,
    )


def opened(plan: PricePlan, name: str, now: datetime) -> PricePlan:
    """The plan with a draft: the one that is there, or a copy of the active version under that id."""
    if plan.draft is not None:
        return plan
    copied = msgspec.structs.replace(
        plan.latest,
        id=name,
        version=plan.latest.version + 1,
        status=VersionStatus.DRAFT,
        price_plan_details=msgspec.structs.replace(plan.details, active_currencies=[]),
        created_at=now,
        updated_at=now,
    )
    return msgspec.structs.replace(plan, pricing_schedule=[*plan.pricing_schedule, copied])


def edited(plan: PricePlan, version: PlanVersion, now: datetime, **changes: Any) -> PricePlan:  # noqa: ANN401 - fields of a version
    """The plan with another content of one of its versions."""
    changed = msgspec.structs.replace(version, **changes, updated_at=now)
    versions = [changed if one.id == version.id else one for one in plan.pricing_schedule]
    return msgspec.structs.replace(plan, pricing_schedule=versions)


def finalised(plan: PricePlan, version: PlanVersion, currencies: Sequence[str], now: datetime) -> PricePlan:
    """The plan with one of its versions active in these currencies, and in those in which it is already."""
    details = version.price_plan_details
    active = list(dict.fromkeys([*details.active_currencies, *currencies]))
    terms = msgspec.structs.replace(details, active_currencies=active)
    changed = edited(plan, version, now, status=VersionStatus.ACTIVE, price_plan_details=terms)
    return msgspec.structs.replace(changed, status=PlanStatus.ACTIVE)


def discarded(plan: PricePlan) -> PricePlan | None:
    """The plan without its draft, or None for a plan that was never finalised.

    Raises:
        BillingError: of kind INVALID, when it has no draft.
    """
    if plan.draft is None:
        raise invalid("", f"price plan {plan.id!r} has no draft: there is nothing to discard or finalize")
    rest = plan.pricing_schedule[:-1]
    return msgspec.structs.replace(plan, pricing_schedule=rest) if rest else None


def refuse_open_draft(plan: PricePlan) -> None:
    """Refuse to go past a draft that somebody is writing on top of an active version.

    Raises:
        BillingError: of kind INVALID, naming the draft.
    """
    if plan.active is not None and plan.draft is not None:
        reason = f"price plan {plan.id!r} has a draft, version {plan.draft.version}: finalize or discard it first"
        raise invalid("", reason)
