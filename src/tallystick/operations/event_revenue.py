"""What one event earned: what its cycle's usage comes to with it, less what it came to before (domain.md 2.7).

Usage earns when it happens, so the events before it are those that happened before, and of those of the same instant
those that came before. What the events of a day earned is what the revenue metrics tell of that day's usage, and those
of a cycle earned its usage charges, but for what pricing rules change: that is only known at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from tallystick.invoicing.assemble import Terms, arrears_bill
from tallystick.kernel.errors import BillingError
from tallystick.kernel.micros import MICROSECOND
from tallystick.kernel.period import FOREVER, Period
from tallystick.kernel.quantity import EXACT, ZERO
from tallystick.operations.metered_usage import aggregates_instead, event_groups, usage_totals
from tallystick.operations.revenue import agreed_usage, told_cycles
from tallystick.operations.work import Work
from tallystick.stores.event_facts import OtherUnits, StoredEvent, UsageFact
from tallystick.stores.event_replacements import Replacements
from tallystick.stores.event_store import UsageWindow


def revenue_of_event(work: Work, event: StoredEvent, meter_ids: Sequence[str]) -> dict[str, Decimal]:
    """What an event earned by each of its meters that its plan prices, in the account's currency.

    Nothing is told of a cycle that has not begun, that cannot be billed, or whose revenue is deferred as yet.
    """
    at = event.event.timestamp
    if event.account_id is None or not meter_ids or at >= FOREVER:
        return {}
    for cycle in told_cycles(work, [event.account_id], (at, at + MICROSECOND)):
        priced = {card.usage_meter_id for card in cycle.terms.details.usage_rate_cards}
        if priced.isdisjoint(meter_ids):
            continue
        same = work.events.units_at(work.organisation.id, event.account_id, at, since=event.position)
        later = [fact for fact in same if fact.position > event.position]
        window = UsageWindow(event.account_id, Period(cycle.terms.cycle.period.start, at + MICROSECOND))
        priced_by = _PricedUsage(work, replace(cycle.terms, rules=()), window)
        try:
            after, before = priced_by.without(later), priced_by.without(same)
        except BillingError:
            return {}  # a card has no rate in the currency: the invoice says why there is none
        return {name: EXACT.subtract(after[name], before.get(name, ZERO)) for name in meter_ids if name in after}
    return {}


@dataclass(frozen=True, slots=True)
class _PricedUsage:
    """The usage of a cycle up to an instant, and the terms that price it."""

    work: Work
    terms: Terms
    window: UsageWindow

    def without(self, facts: Sequence[UsageFact]) -> Mapping[str, Decimal]:
        """What the usage of each priced meter comes to without some facts of its last instant."""
        work, last = self.work, self.window.period.end - MICROSECOND
        gone = Replacements()
        gone.add([OtherUnits(self.window.account_id, one.meter_id, one.position, last, None) for one in facts])
        (usage,) = usage_totals(work, [self.window])
        for fact in facts:
            usage[fact.meter_id] = EXACT.subtract(usage.get(fact.meter_id, ZERO), fact.value)
        (others,) = aggregates_instead(work, [self.window], gone)
        (events,) = event_groups(work, [(self.window, self.terms.event_cuts)], gone)
        return agreed_usage(arrears_bill(self.terms, usage | others, (), events))
