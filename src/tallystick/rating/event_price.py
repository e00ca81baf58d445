"""The part of a card's price that depends on single events: fixed amounts, or the fee of each event within limits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.kernel.quantity import EXACT, ZERO
from tallystick.metering.event_groups import EventCuts
from tallystick.rating.charge import EventsCharge, FixedCharge
from tallystick.rating.event_fee import FeeLimits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from tallystick.catalog.rate_card import RateValue
    from tallystick.metering.event_groups import EventGroup
    from tallystick.rating.charge import UsageCharge


@dataclass(frozen=True, slots=True)
class EventPrice:
    """What events of a meter cost in one currency; with `limits` each has its own fee, which the fixed amount is in."""

    cuts: EventCuts
    fixed: Decimal
    free: int
    limits: FeeLimits | None

    @classmethod
    def of(cls, meter_id: str, value: RateValue) -> EventPrice | None:
        """What a card says of its events in one currency, if anything; with limits it has one slab."""
        rates = value.per_event
        if rates is None:
            return None
        fixed = rates.fixed_amount or ZERO
        if not rates.has_limits:
            return cls(EventCuts(meter_id, (ZERO,)), fixed, rates.free_events, None)
        limits = FeeLimits.of(value.slab_rates[0].rate, rates)
        return cls(limits.cuts(meter_id), fixed, rates.free_events, limits)

    def quantity(self, groups: Sequence[EventGroup] | None, card: str) -> Decimal:
        """What the events of a cycle come to.

        Raises:
            BillingError: of kind BROKEN, when nobody said what they are.
        """
        if groups is None or len(groups) != len(self.cuts.cuts) + 1:
            reason = f"card {card!r} prices events one by one, and is charged without them"
            raise BillingError(Kind.BROKEN, "no_events", Problem("", reason))
        return reduce(EXACT.add, (group.total for group in groups), ZERO)

    def charged(self, charge: UsageCharge, groups: Sequence[EventGroup]) -> UsageCharge:
        """The charge of the card's slabs with what events cost."""
        if self.limits is None:
            return replace(charge, fixed=self._fixed(groups[-1].events))
        events = tuple(_events(self.limits, groups))
        amount = reduce(EXACT.add, (one.amount for one in events), ZERO)
        (slab,) = charge.slabs
        return replace(charge, slabs=(replace(slab, amount=amount, fixed=self.fixed, events=events),))

    def _fixed(self, events: int) -> FixedCharge:
        """The fixed amounts of so many events above zero."""
        free = min(events, self.free)
        amount = EXACT.multiply(self.fixed, events - free)
        return FixedCharge(rate=self.fixed, events=events, free=free, amount=amount)


def _events(limits: FeeLimits, groups: Sequence[EventGroup]) -> list[EventsCharge]:
    """The fees of the groups that have events."""
    return [
        EventsCharge(
            fee=fee,
            events=group.events,
            quantity=group.total,
            amount=limits.charge(fee, group.events, group.total),
        )
        for fee, group in zip(limits.fees(), groups, strict=True)
        if group.events
    ]
