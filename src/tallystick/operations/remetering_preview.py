"""What metering anew would change, added up while the events pass by: by account, by draft invoice, and in all.

It holds figures of accounts and drafts, never events: however many events there are, it stays as large as the accounts
are many. Only of meters whose units do not add up it keeps those that change, since a greatest value that is gone tells
nothing of the next one, and of those that a draft prices event by event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Final

from tallystick.invoicing.record import InvoiceRecord
from tallystick.kernel.document import encode
from tallystick.kernel.ids import event_reference
from tallystick.kernel.job import JobEntry
from tallystick.kernel.period import local_date
from tallystick.kernel.quantity import ZERO, plain
from tallystick.operations.drafts import Drafted, Pricing, bills_in_order, usage_of
from tallystick.operations.foreseen_purses import ForeseenPurses
from tallystick.operations.metered_usage import aggregates_instead, usage_series
from tallystick.operations.remetering_plan import Assessed
from tallystick.operations.remeterings import (
    AccountRemetering,
    ChangedEvent,
    ChangedInvoice,
    Remetering,
    RemeteringPreview,
    RemeteringTotals,
)
from tallystick.operations.work import Work
from tallystick.stores.event_facts import OtherUnits
from tallystick.stores.event_replacements import Replacements
from tallystick.stores.event_store import UsageWindow

MOST_NAMED: Final = 20
ACCOUNTS_AT_ONCE: Final = 500


@dataclass(slots=True)
class _Tally:
    """What changes for one account, and its draft invoices."""

    drafts: list[InvoiceRecord]
    changed: int = 0
    closed: int = 0
    difference: Decimal = ZERO


@dataclass(slots=True)
class PreviewTally:
    """What was added up so far; `taken` are the ids of events that would come to count, `purses` what is left then."""

    remetering: Remetering
    totals: RemeteringTotals = field(default_factory=RemeteringTotals)
    taken: set[str] = field(default_factory=set)
    purses: ForeseenPurses = field(default_factory=ForeseenPurses)
    _accounts: dict[str, _Tally] = field(default_factory=dict)
    _of_drafts: dict[str, dict[str, Decimal]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Decimal)))
    _instead: Replacements = field(default_factory=Replacements)
    _by_event: set[str] = field(default_factory=set)
    _now: list[ChangedEvent] = field(default_factory=list)
    _no_longer: list[ChangedEvent] = field(default_factory=list)

    def add(self, work: Work, events: Sequence[Assessed]) -> None:
        """Add what becomes of some events."""
        unseen = {one.account_id for one in events} - self._accounts.keys()
        drafts: dict[str, list[InvoiceRecord]] = defaultdict(list)
        for record in work.state.invoices.drafts_of(sorted(unseen)):
            drafts[record.account_id].append(record)
        self._accounts |= {name: _Tally(drafts[name]) for name in unseen}
        if drafts:
            records = [record for of_account in drafts.values() for record in of_account]
            pricing = Pricing(work, records)
            self._by_event |= {cuts.meter_id for record in records for cuts in pricing.event_cuts(record)}
        self.totals = self.totals.plus(totals_of(self.remetering, events))
        self._instead.add(list(_other_units(events, work.state.aggregates().keys() | self._by_event)))
        for one in events:
            self._count(one)
            self._name(work, one)

    def preview(self) -> RemeteringPreview:
        """All of it together."""
        names = RemeteringTotals.__struct_fields__
        return RemeteringPreview(
            **{name: getattr(self.totals, name) for name in names},
            first_now_counted=self._now,
            first_no_longer_counted=self._no_longer,
        )

    def portions(self) -> Iterator[list[str]]:
        """The accounts whose events have passed by, in portions."""
        names = iter(sorted(self._accounts))
        while portion := list(islice(names, ACCOUNTS_AT_ONCE)):
            yield portion

    def entries(self, work: Work, account_ids: Sequence[str], first: int) -> list[JobEntry]:
        """The entries of a job about accounts, with what would change for each and for its draft invoices."""
        asked = self.remetering
        bounds = [asked.since, asked.until]
        meters = [asked.usage_meter_id]
        used = {
            name or "": units
            for name, _, units in usage_series(work, bounds, account_ids=account_ids, meter_ids=meters, by="account")
        }
        would_be = self._would_be(work, account_ids, used)
        invoices = self._invoices(work, account_ids)
        told = [self._told(name, used.get(name, ZERO), would_be[name], invoices.get(name, [])) for name in account_ids]
        return [
            JobEntry(
                number=first + place,
                entity_id=one.account_id,
                metadata={"unitsBefore": f"{one.units_before:f}", "unitsAfter": f"{one.units_after:f}"},
                details=encode(one).decode(),
                created_at=work.now,
            )
            for place, one in enumerate(told)
        ]

    def _count(self, one: Assessed) -> None:
        tally = self._accounts[one.account_id]
        tally.closed += one.is_closed
        tally.changed += one.outcome is not None
        for meter_id, units in one.differences.items():
            if meter_id == self.remetering.usage_meter_id:
                tally.difference += units
            for record in tally.drafts:
                if record.cycle.period.contains(one.stored.event.timestamp):
                    self._of_drafts[record.id][meter_id] += units

    def _name(self, work: Work, one: Assessed) -> None:
        event = one.stored.event
        if one.comes_to_count and event.id is not None:
            self.taken.add(event.id)
        named = self._now if one.comes_to_count else self._no_longer
        if one.outcome is None or not (one.comes_to_count or one.ceases_to_count) or len(named) >= MOST_NAMED:
            return
        said = one.stored.status_description if one.comes_to_count else one.outcome.description
        named.append(
            ChangedEvent(
                reference_id=event_reference(one.stored.reserved, work.secret),
                event_id=event.id,
                account_id=one.account_id,
                timestamp=event.timestamp,
                reason=f"it failed before: {said}" if one.comes_to_count else f"it fails now: {said}",
            )
        )

    def _would_be(self, work: Work, account_ids: Sequence[str], used: Mapping[str, Decimal]) -> dict[str, Decimal]:
        """The units of the meter that each account would have."""
        asked = self.remetering
        if asked.usage_meter_aggregation is None:
            return {name: used.get(name, ZERO) + self._accounts[name].difference for name in account_ids}
        windows = [UsageWindow(name, asked.span) for name in account_ids]
        found = aggregates_instead(work, windows, self._instead)
        return {name: units[asked.usage_meter_id] for name, units in zip(account_ids, found, strict=True)}

    def _told(self, name: str, units: Decimal, would_be: Decimal, invoices: list[ChangedInvoice]) -> AccountRemetering:
        tally = self._accounts[name]
        return AccountRemetering(
            account_id=name,
            changed_events=tally.changed,
            closed_events=tally.closed,
            units_before=plain(units),
            units_after=plain(would_be),
            difference=plain(would_be - units),
            invoices=invoices,
        )

    def _invoices(self, work: Work, account_ids: Sequence[str]) -> dict[str, list[ChangedInvoice]]:
        """The draft invoices of accounts as they are and with another usage, by the same functions."""
        records = work.state.invoices.drafts_of(account_ids)
        usages = usage_of(work, records)
        windows = [UsageWindow(record.account_id, record.cycle.period) for record in records]
        figures = aggregates_instead(work, windows, self._instead)
        beyond = self.purses.overage(work, windows)
        others = [
            _together(_together(usage, self._of_drafts.get(record.id, {})), more) | of_draft
            for record, usage, more, of_draft in zip(records, usages, beyond, figures, strict=True)
        ]
        before = bills_in_order(work, records, account_ids, usages)
        after = bills_in_order(work, records, account_ids, others, self._instead)
        found: dict[str, list[ChangedInvoice]] = defaultdict(list)
        for record in records:
            found[record.account_id].append(_changed(work, record, before, after))
        return found


def totals_of(remetering: Remetering, events: Sequence[Assessed]) -> RemeteringTotals:
    """What becomes of events, in all."""
    meter = remetering.usage_meter_id
    adds_up = remetering.usage_meter_aggregation is None
    return RemeteringTotals(
        changed_events=sum(one.outcome is not None for one in events),
        now_counted=sum(one.comes_to_count for one in events),
        no_longer_counted=sum(one.ceases_to_count for one in events),
        closed_events=sum(one.is_closed for one in events),
        difference=plain(sum((one.differences.get(meter, ZERO) for one in events), ZERO)) if adds_up else None,
    )


def _other_units(events: Sequence[Assessed], meter_ids: Collection[str]) -> Iterator[OtherUnits]:
    """The units that events would have of meters whose units do not add up, or are priced event by event."""
    if not meter_ids:
        return
    for one in events:
        for meter_id, units in one.other_units.items():
            if meter_id in meter_ids:
                yield OtherUnits(one.account_id, meter_id, one.stored.position, one.stored.event.timestamp, units)


def _together(usage: Mapping[str, Decimal], more: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {name: usage.get(name, ZERO) + more.get(name, ZERO) for name in {*usage, *more}}


def _changed(work: Work, record: InvoiceRecord, before: Drafted, after: Drafted) -> ChangedInvoice:
    zone = work.organisation.zone
    return ChangedInvoice(
        invoice_id=record.id,
        invoice_type=record.invoice_type,
        start_date=local_date(record.cycle.period.start, zone),
        end_date=local_date(record.cycle.period.end, zone),
        currency=record.currency,
        amount_before=_amount(record, before),
        amount_after=_amount(record, after),
    )


def _amount(record: InvoiceRecord, drafted: Drafted) -> Decimal | None:
    return plain(drafted.bills[record.id].total.amount) if record.id in drafted.bills else None
