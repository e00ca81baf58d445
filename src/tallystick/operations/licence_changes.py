"""Changes of licences in the midst of a cycle that is billed in advance (domain.md 4.6).

The changes of one local day are one bill, ADHOC_ADVANCED, from that day until the end of the cycle. Its draft is there
as soon as the first of them is known, and it falls due when the day is over.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from tallystick.accounts.licence import LicenceEntry
from tallystick.accounts.schedule import Schedule
from tallystick.catalog.price_plan import PricePlanDetails
from tallystick.catalog.rate_card import InvoiceTiming, LicenseRateCard
from tallystick.invoicing.invoice import InvoiceType
from tallystick.invoicing.record import InvoiceRecord
from tallystick.kernel.micros import MICROSECOND
from tallystick.kernel.period import Period, local_date, local_midnight
from tallystick.kernel.recurrence import Cycle
from tallystick.operations.work import Work
from tallystick.rating.fixed_fee import is_charged

_DAY: Final = timedelta(days=1)
Ledgers = Mapping[tuple[str, str], Sequence[LicenceEntry]]
"""Entries by account and licence."""


def in_advance(terms: PricePlanDetails) -> list[LicenseRateCard]:
    """The licences that are billed in advance."""
    return [card for card in terms.license_rate_cards if card.invoice_timing is InvoiceTiming.IN_ADVANCE]


def ledgers_in_advance(work: Work, account_ids: Collection[str], terms: Iterable[PricePlanDetails]) -> Ledgers:
    """The entries of these accounts for every licence that any of the terms bills in advance."""
    license_ids = {card.id for details in terms for card in in_advance(details)}
    return work.state.licences.of(account_ids, license_ids) if license_ids else {}


def change_drafts(
    work: Work, standard: InvoiceRecord, terms: PricePlanDetails, ledgers: Ledgers
) -> list[InvoiceRecord]:
    """The drafts of all changes that are booked after the start of a cycle, which is that of its STANDARD invoice."""
    cycle, zone = standard.cycle, work.organisation.zone
    charged = [card.id for card in in_advance(terms) if is_charged(card, standard.ordinal)]
    days = {
        local_date(entry.booked_at, zone)
        for license_id in charged
        for entry in ledgers.get((standard.account_id, license_id), ())
        if cycle.period.start < entry.booked_at < cycle.period.end
    }
    return [
        dataclasses.replace(
            standard,
            id=work.ids.mint("inv"),
            invoice_type=InvoiceType.ADHOC_ADVANCED,
            cycle=Cycle(Period(max(local_midnight(day, zone), cycle.period.start), cycle.period.end), cycle.nominal),
            freeze_at=local_midnight(day + _DAY, zone),
            created_at=work.now,
            updated_at=work.now,
        )
        for day in sorted(days)
    ]


def book(work: Work, entry: LicenceEntry, terms: Mapping[str, PricePlanDetails]) -> None:
    """See to it that there is a draft for a new entry, when it changes what was billed in advance for an open cycle.

    `terms` are those of the pieces of the account's timeline.
    """
    _add_missing(work, entry.account_id, terms, {(entry.account_id, entry.license_id): [entry]})


def book_all(work: Work, account_id: str, terms: Mapping[str, PricePlanDetails]) -> None:
    """The same for every entry of an account whose timeline has changed: cycles may be longer than they were."""
    _add_missing(work, account_id, terms, ledgers_in_advance(work, [account_id], terms.values()))


def _add_missing(work: Work, account_id: str, terms: Mapping[str, PricePlanDetails], ledgers: Ledgers) -> None:
    """Add the drafts that changes of days to come lack; a cycle that is not open yet gets its own when it opens."""
    if not ledgers:
        return
    for standard in work.state.invoices.drafts_of([account_id]):
        if standard.invoice_type is InvoiceType.STANDARD and standard.schedule_id in terms:
            for draft in change_drafts(work, standard, terms[standard.schedule_id], ledgers):
                if draft.freeze_at > work.now and not _is_there(work, draft):
                    work.state.invoices.add_drafts([draft])


def _is_there(work: Work, draft: InvoiceRecord) -> bool:
    start = draft.cycle.period.start
    return work.state.invoices.of_cycle(draft.schedule_id, start, draft.invoice_type) is not None


def booking_of(work: Work, account_id: str, effective_from: datetime) -> datetime:
    """When a change counts in bills in advance: once it is both known and in force.

    Where the account has had no plan since the change, nothing was billed without it, so it counts from its time on.
    """
    timeline = work.state.schedules.of([account_id])[account_id]
    has_plan = any(piece.within.start <= work.now and effective_from < piece.within.end for piece in timeline)
    return _not_billed(work, timeline, max(effective_from, work.now) if has_plan else effective_from)


def _not_billed(work: Work, timeline: Sequence[Schedule], instant: datetime) -> datetime:
    """An instant, or the next one for which there is a bill in advance to come: a frozen one was made without it."""
    piece, zone = _piece_at(timeline, instant), work.organisation.zone
    if piece is None:
        return instant
    start = piece.cycle_at(instant, zone).period.start
    opening = work.state.invoices.of_cycle(piece.id, start, InvoiceType.STANDARD_ADVANCED)
    if opening is not None and not opening.is_draft:
        instant = max(instant, start + MICROSECOND)
    since = max(local_midnight(local_date(instant, zone), zone), start)
    change = work.state.invoices.of_cycle(piece.id, since, InvoiceType.ADHOC_ADVANCED)
    if change is None or change.is_draft:
        return instant
    return _not_billed(work, timeline, change.freeze_at)


def _piece_at(timeline: Sequence[Schedule], instant: datetime) -> Schedule | None:
    return next((piece for piece in timeline if piece.within.contains(instant)), None)
