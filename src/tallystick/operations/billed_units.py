"""What cycles are billed for beside fees: the usage of each meter, and of each feature what went beyond its grants."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from tallystick.catalog.price_plan import PricePlanDetails
from tallystick.credits.feature_credit import FeatureCredit
from tallystick.kernel.period import Period
from tallystick.kernel.quantity import EXACT, ZERO
from tallystick.operations.metered_usage import usage_totals
from tallystick.operations.work import Work
from tallystick.stores.event_store import UsageWindow


def billed_units(work: Work, cycles: Sequence[UsageWindow]) -> list[dict[str, Decimal]]:
    """The units of each cycle by the id of the meter or feature, in their order; what has none may be left out."""
    usage = usage_totals(work, cycles)
    return [units | beyond for units, beyond in zip(usage, overage_totals(work, cycles), strict=True)]


def allowed_by(details: PricePlanDetails, units: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Units without what goes beyond the overage that terms allow: it would not have been used."""
    most = {card.feature_id: card.max_quantity for card in details.entitlement_overage_rate_cards}
    allowed = {}
    for name, quantity in units.items():
        limit = most.get(name)
        allowed[name] = quantity if limit is None else min(quantity, limit)
    return allowed


def overage_totals(work: Work, cycles: Sequence[UsageWindow]) -> list[dict[str, Decimal]]:
    """The overage of each cycle by feature id: what was used of the entries that allow it, which begin with the cycle.

    It counts for the time of its event, wherever a timeline was cut since: a cycle that was replaced from its start on
    leaves its overage to the one in its place.
    """
    if not cycles:
        return []
    span = Period(min(one.period.start for one in cycles), max(one.period.end for one in cycles))
    return overage_by_cycle(cycles, work.state.feature_credits.overage_of({one.account_id for one in cycles}, span))


def overage_by_cycle(cycles: Sequence[UsageWindow], entries: Iterable[FeatureCredit]) -> list[dict[str, Decimal]]:
    """What was used of entries of overage by feature id, in each of the cycles that they begin with."""
    by_account = defaultdict(list)
    for entry in entries:
        by_account[entry.grant.account_id].append(entry)
    totals = []
    for cycle in cycles:
        units: dict[str, Decimal] = {}
        for entry in by_account[cycle.account_id]:
            if cycle.period.contains(entry.grant.valid.start):
                feature_id = entry.grant.feature_id
                units[feature_id] = EXACT.add(units.get(feature_id, ZERO), entry.used)
        totals.append(units)
    return totals
