"""Units of a feature that a plan grants in one cycle, and what it allows beyond them (domain.md 4.7, 6.3).

An entry's id says which piece of a timeline grants it in which cycle, so that granting twice grants once. Units begin
and end with days of the organisation, counted from the day on which the cycle starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.credits.feature_credit import CreditSource, FeatureGrant
from tallystick.kernel.period import FOREVER_ON, Period, local_date, local_midnight
from tallystick.kernel.quantity import EXACT, ONE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime
    from decimal import Decimal
    from zoneinfo import ZoneInfo

    from tallystick.accounts.schedule import Schedule
    from tallystick.catalog.entitlement import BillingEntitlementRateCard, EntitlementOverageRateCard
    from tallystick.kernel.day_span import DaySpan
    from tallystick.kernel.recurrence import Cycle

_LAST_START: Final = 9800
"""The year from which on what begins has no end that could be reckoned; 100 years are the longest span."""


def entry_id(piece: Schedule, cycle_start: datetime, zone: ZoneInfo, source: CreditSource) -> str:
    """The id of what a piece of a timeline grants in a cycle: `sch....#2026-01-01$PRICE_PLAN`."""
    return f"{piece.id}#{local_date(cycle_start, zone).isoformat()}${source}"


def units_granted(
    card: BillingEntitlementRateCard, piece: Schedule, cycle: Cycle, zone: ZoneInfo, quantity: Decimal = ONE
) -> Iterator[FeatureGrant]:
    """One entry for each of the card's feature configs, of its limit times the quantity."""
    first = entry_id(piece, cycle.period.start, zone, CreditSource.PRICE_PLAN)
    granted_on = local_date(cycle.period.start, zone)
    for position, config in enumerate(card.feature_configs, 1):
        begins, ends = (midnight_after(span, granted_on, zone) for span in (config.begins_after, config.ends_after))
        if begins < ends:  # not so at the end of time
            yield FeatureGrant(
                id=first if position == 1 else f"{first}.{position}",
                account_id=piece.account_id,
                feature_id=card.feature_id,
                source=CreditSource.PRICE_PLAN,
                granted=EXACT.multiply(config.feature_credit_limit, quantity),
                valid=Period(begins, ends),
            )


def overage_allowed(card: EntitlementOverageRateCard, piece: Schedule, cycle: Cycle, zone: ZoneInfo) -> FeatureGrant:
    """The entry of all that goes beyond what is granted in a cycle, up to the card's limit if it has one."""
    return FeatureGrant(
        id=entry_id(piece, cycle.period.start, zone, CreditSource.OVERAGE),
        account_id=piece.account_id,
        feature_id=card.feature_id,
        source=CreditSource.OVERAGE,
        granted=card.max_quantity,
        valid=cycle.period,
    )


def midnight_after(span: DaySpan, granted_on: date, zone: ZoneInfo) -> datetime:
    """When the day begins that lies so much later; at the end of time, for what is granted shortly before it."""
    return local_midnight(FOREVER_ON if granted_on.year >= _LAST_START else span.after(granted_on), zone)
