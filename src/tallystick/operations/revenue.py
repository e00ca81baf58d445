"""Revenue and usage by cycle: what each billable item of each account earned, and when (domain.md 8.1).

Usage earns when it happens: a point's revenue is what the cycle's usage up to its end costs, less what the usage
up to its start cost, so that the points of a cycle add up to its invoice. Fees, and what credit and units of features
cost that are granted, are dated on the cycle's start and count for the whole cycle; licences likewise, and what changes
of them add or give back on the days of the changes. What is only known once the cycle is over is dated on its last
instant: overage, whichever bill asks for it, the true-up of a minimum commitment, and all that pricing rules in arrears
change of a card or add; those in advance count at the start.
Revenue that a plan defers is told once its invoice has fallen due.

Orders and purchases count on the instant at which they fall due, paid or not, unless they are void: PREPAID cards, and
plans that are bought once. By the cycle, PREPAID cards count with the one that ordered them, what is bought once with
none. Of the order of an association all but PREPAID cards counts with the cycle that it bills. Money for the wallet is
no revenue: what it pays for is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Final

from tallystick.catalog.rate_card import COMMITMENT_ID
from tallystick.catalog.rule_variable import CardKind
from tallystick.credits.burndown import CoverableLine
from tallystick.credits.credit import EntityGroup
from tallystick.invoicing.assemble import Bill, Terms, advance_bill, arrears_bill, coverable_lines
from tallystick.invoicing.credit_grant_lines import grant_lines
from tallystick.invoicing.invoice import InvoiceType
from tallystick.invoicing.licence_earnings import licence_earnings
from tallystick.invoicing.line import LineType
from tallystick.kernel.micros import MICROSECOND
from tallystick.kernel.period import Period
from tallystick.kernel.quantity import ZERO
from tallystick.metering.event_groups import EventGroups
from tallystick.operations.billed_units import billed_units, overage_totals
from tallystick.operations.cycles import begun_cycles
from tallystick.operations.metered_usage import event_groups, growing_usage, usage_totals
from tallystick.operations.work import Work
from tallystick.stores.event_store import UsageWindow

_AT_FIRST: Final = {
    EntityGroup.ALL_FIXED_FEE_RATE_CARDS: CardKind.FIXED_FEE,
    EntityGroup.ALL_BILLING_ENTITLEMENT_RATE_CARDS: CardKind.ENTITLEMENT,
}
"""The cards in arrears whose price is known when a cycle starts."""
_SOLD: Final = (
    LineType.FIXED_FEE_RATE_CARD_AMOUNT,
    LineType.BILLING_ENTITLEMENT_RATE_CARD_AMOUNT,
    LineType.CREDIT_GRANT_RATE_CARD_AMOUNT,
)
"""The lines of orders and purchases that no cycle bills otherwise."""


@dataclass(frozen=True, slots=True)
class Earned:
    """What one billable item of one account earned (or used), and the instant at which it counts."""

    account_id: str
    billable_id: str
    at: datetime
    amount: Decimal


@dataclass(frozen=True, slots=True)
class BilledCycle:
    """One cycle of one account with its terms, and the instants at which it is cut for a series."""

    account_id: str
    schedule_id: str
    terms: Terms
    cuts: tuple[datetime, ...]

    @property
    def window(self) -> UsageWindow:
        """All of it."""
        return UsageWindow(self.account_id, self.terms.cycle.period)

    @property
    def grown(self) -> list[UsageWindow]:
        """The cycle up to the end of each part."""
        return [UsageWindow(self.account_id, Period(self.cuts[0], end)) for end in self.cuts[1:]]


def revenue_between(work: Work, account_ids: Collection[str], bounds: Sequence[datetime]) -> Iterator[Earned]:
    """What accounts earned in each span between consecutive bounds; what is dated outside them is left out."""
    cycles = told_cycles(work, account_ids, bounds)
    usage = growing_usage(work, [(cycle.account_id, cycle.cuts) for cycle in cycles])
    overages = overage_totals(work, [cycle.window for cycle in cycles])
    events = iter(event_groups(work, [(one, cycle.terms.event_cuts) for cycle in cycles for one in cycle.grown]))
    for cycle, overage in zip(cycles, overages, strict=True):
        earned = [*_earned(cycle, usage, overage, events), *_earned_by_licences(cycle, work.now)]
        yield from (one for one in earned if bounds[0] <= one.at < bounds[-1])
    for sold in work.state.invoices.sold(account_ids, Period(bounds[0], bounds[-1]), _SOLD):
        assert sold.invoice.frozen_at is not None, "what has fallen due is frozen"
        yield Earned(sold.invoice.account_id, sold.billable_id, sold.invoice.frozen_at, sold.amount.amount)


def told_cycles(work: Work, account_ids: Collection[str], bounds: Sequence[datetime]) -> list[BilledCycle]:
    """The cycles that have begun and lie in the bounds at least in part, cut at them, of which revenue is told."""
    return _told(work, list(_cycles(work, account_ids, bounds)))


def agreed_usage(bill: Bill) -> dict[str, Decimal]:
    """What each usage card of a bill comes to by the id of its meter, before pricing rules."""
    by_rules = _changes_by_rules(bill, (CardKind.USAGE,))
    return {
        (meter_id := line.billable_id or ""): line.amount.amount - by_rules.get(meter_id, ZERO)
        for line in _card_lines(bill)
        if line.group is EntityGroup.ALL_USAGE_METER_RATE_CARDS
    }


def revenue_by_cycle(work: Work, account_ids: Collection[str], span: Period) -> Iterator[Earned]:
    """What accounts earned in each cycle that starts in a span: as its invoice shows it, before credits."""
    cycles = _told(work, _starting_in(work, account_ids, span))
    units = billed_units(work, [cycle.window for cycle in cycles])
    events = event_groups(work, [(one, cycle.terms.event_cuts) for cycle in cycles for one in cycle.grown])
    for cycle, usage, told in zip(cycles, units, events, strict=True):
        start = cycle.terms.cycle.period.start
        arrears, advance = arrears_bill(cycle.terms, usage, (), told), advance_bill(cycle.terms, ())
        for line in [*_card_lines(arrears), *_card_lines(advance)]:
            yield Earned(cycle.account_id, line.billable_id or COMMITMENT_ID, start, line.amount.amount)
        for license_id, change in _changes_by_rules(arrears, (CardKind.LICENCE,)).items():
            yield Earned(cycle.account_id, license_id, start, change)
        for earned in _earned_by_licences(cycle, work.now):
            yield replace(earned, at=start)
        yield from _earned_by_grants(cycle, arrears, advance)
    yield from _ordered_by_cycle(work, account_ids, span)


def _ordered_by_cycle(work: Work, account_ids: Collection[str], span: Period) -> Iterator[Earned]:
    """What the PREPAID cards of cycles that start in a span ask for; what is bought once belongs to no cycle."""
    found = work.state.invoices.sold(account_ids, span, _SOLD, by_cycle=True)
    pieces = work.state.schedules.among({sold.invoice.schedule_id for sold in found})
    for sold in found:
        if sold.invoice.schedule_id in pieces:
            start = sold.invoice.cycle.period.start
            yield Earned(sold.invoice.account_id, sold.billable_id, start, sold.amount.amount)


def usage_by_cycle(work: Work, account_ids: Collection[str], span: Period) -> Iterator[Earned]:
    """What accounts used of each meter in each cycle that starts in a span; of priced meters also nothing."""
    cycles = _starting_in(work, account_ids, span)
    usages = usage_totals(work, [cycle.window for cycle in cycles])
    for cycle, usage in zip(cycles, usages, strict=True):
        priced = {card.usage_meter_id: ZERO for card in cycle.terms.details.usage_rate_cards}
        for meter_id, units in (priced | usage).items():
            yield Earned(cycle.account_id, meter_id, cycle.terms.cycle.period.start, units)


def _earned(
    cycle: BilledCycle,
    usage: Iterator[Mapping[str, Decimal]],
    overage: Mapping[str, Decimal],
    events: Iterator[EventGroups],
) -> Iterator[Earned]:
    """What one cycle earned, cut by cut; takes its usage and events up to the end of each, and the overage of all."""
    period = cycle.terms.cycle.period
    before: dict[str, Decimal] = {}
    for start, end in pairwise(cycle.cuts):
        bill = arrears_bill(cycle.terms, {**next(usage), **overage}, (), next(events))
        for item, agreed in agreed_usage(bill).items():
            yield Earned(cycle.account_id, item, start, agreed - before.get(item, ZERO))
            before[item] = agreed
        if start == period.start:
            yield from _earned_at_first(cycle, bill)
        if end == period.end:
            yield from _earned_at_last(cycle, bill)
    advance = advance_bill(cycle.terms, ())
    for line in _card_lines(advance):
        yield Earned(cycle.account_id, line.billable_id or "", period.start, line.amount.amount)
    yield from _earned_by_grants(cycle, advance)


def _earned_at_first(cycle: BilledCycle, bill: Bill) -> Iterator[Earned]:
    """What is known when a cycle starts, before any rule: the prices of fees, units and credit in arrears."""
    at = cycle.terms.cycle.period.start
    for line in _card_lines(bill):
        if line.group in _AT_FIRST:
            item, by_rules = line.billable_id or "", _changes_by_rules(bill, (_AT_FIRST[line.group],))
            yield Earned(cycle.account_id, item, at, line.amount.amount - by_rules.get(item, ZERO))
    by_rules = _changes_by_rules(bill, (CardKind.CREDIT_GRANT,))
    for earned in _earned_by_grants(cycle, bill):
        yield replace(earned, amount=earned.amount - by_rules.get(earned.billable_id, ZERO))


def _earned_at_last(cycle: BilledCycle, bill: Bill) -> Iterator[Earned]:
    """What is only known once a cycle is over: overage, what rules change of its cards and add, and its true-up."""
    at = cycle.terms.cycle.period.end - MICROSECOND
    others = [kind for kind in CardKind if kind is not CardKind.OVERAGE]
    for item, change in _changes_by_rules(bill, others).items():
        yield Earned(cycle.account_id, item, at, change)
    for line in _card_lines(bill):
        if line.group in (None, EntityGroup.ALL_ENTITLEMENT_OVERAGE_RATE_CARDS):
            yield Earned(cycle.account_id, line.billable_id or COMMITMENT_ID, at, line.amount.amount)


def _changes_by_rules(bill: Bill, kinds: Collection[CardKind]) -> dict[str, Decimal]:
    """By how much pricing rules move each card of a bill."""
    changes: dict[str, Decimal] = {}
    for step in bill.rule_steps:
        if step.card is not None and step.card.kind in kinds:
            item = step.card.billable_id
            changes[item] = changes.get(item, ZERO) + step.revenue_change
    return changes


def _earned_by_licences(cycle: BilledCycle, until: datetime) -> Iterator[Earned]:
    for earning in licence_earnings(cycle.terms, until):
        yield Earned(cycle.account_id, earning.license_id, earning.at, earning.amount)


def _earned_by_grants(cycle: BilledCycle, *bills: Bill) -> Iterator[Earned]:
    """What the credit costs that bills of a cycle grant."""
    for bill in bills:
        for line in grant_lines(bill.revenue_info):
            yield Earned(cycle.account_id, line.id or "", cycle.terms.cycle.period.start, line.value)


def _card_lines(bill: Bill) -> list[CoverableLine]:
    """The final amounts of the usage cards, fees, additions and commitment of a bill, before credits."""
    lines = coverable_lines(bill.revenue_info)
    return [line for line in lines if line.group is not EntityGroup.ALL_LICENSE_RATE_CARDS]


def _starting_in(work: Work, account_ids: Collection[str], span: Period) -> list[BilledCycle]:
    """The cycles that start in a span, whole."""
    return [
        replace(cycle, cuts=(cycle.terms.cycle.period.start, cycle.terms.cycle.period.end))
        for cycle in _cycles(work, account_ids, (span.start, span.end))
        if span.contains(cycle.terms.cycle.period.start)
    ]


def _cycles(work: Work, account_ids: Collection[str], bounds: Sequence[datetime]) -> Iterator[BilledCycle]:
    """Every cycle of these accounts that has begun and lies in the bounds at least in part, cut at them."""
    for cycle in begun_cycles(work, account_ids, Period(bounds[0], bounds[-1])):
        yield BilledCycle(cycle.piece.account_id, cycle.piece.id, cycle.terms, _cuts(cycle.period, bounds))


def _told(work: Work, cycles: list[BilledCycle]) -> list[BilledCycle]:
    """The cycles whose revenue is told: where it is deferred, those whose invoice has fallen due (domain.md 4.2)."""
    deferred = {cycle.schedule_id for cycle in cycles if cycle.terms.details.deferred_revenue}
    billed = {
        (invoice.schedule_id, invoice.cycle.period.start)
        for invoice in (work.state.invoices.billed_of(deferred) if deferred else ())
        if invoice.invoice_type is InvoiceType.STANDARD
    }
    return [
        cycle
        for cycle in cycles
        if cycle.schedule_id not in deferred or (cycle.schedule_id, cycle.terms.cycle.period.start) in billed
    ]


def _cuts(period: Period, bounds: Sequence[datetime]) -> tuple[datetime, ...]:
    """A cycle's start, the bounds inside it, and its end or the last bound, whichever comes first."""
    end = min(period.end, bounds[-1])
    return (period.start, *(bound for bound in bounds if period.start < bound < end), end)
