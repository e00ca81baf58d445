"""Credit that plans grant: once with each bill that charges for it, and taken back with a bill that is void.

A credit is granted in the transaction in which its bill falls due, so that neither is there without the other: in
advance when the cycle starts, in arrears when it is over and its grace too. The bill is paid before that, from the
credits that there were. What an order grants comes when that is paid (`fulfilment.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from tallystick.accounts.schedule import Schedule
from tallystick.credits.credit import Credit
from tallystick.credits.plan_grant import PlanGrant
from tallystick.invoicing.record import InvoiceRecord
from tallystick.kernel.period import local_date, local_midnight
from tallystick.operations.work import Work
from tallystick.stores.state.credit_grants import GrantKey


def grant_with(
    work: Work, billed: Iterable[tuple[InvoiceRecord, Schedule | None, Iterable[PlanGrant]]], at: datetime
) -> None:
    """Grant what bills grant, each of a piece of a timeline or else of a purchase, as of an instant.

    Where the bill takes the place of a void one, the credit that was voided with that is restored instead.
    """
    due = [(record, piece, grant) for record, piece, grants in billed for grant in grants if grant.amount]
    known = work.state.credit_grants.of({record.id: record for record, _, _ in due}.values())
    for record, piece, grant in due:
        key = GrantKey.of(record, grant.card.id)
        if key in known:
            work.state.credits.restore(known[key], record.id, work.now, work.ids)
            continue
        credit = _credit(work, record, piece, grant, at)
        until = credit.effective_until
        expires_at = None if until is None else local_midnight(until, work.organisation.zone)
        work.state.credits.grant(credit, expires_at, work.ids, invoice_id=record.id)
        work.state.credit_grants.add(key, credit)


def take_back(work: Work, void: InvoiceRecord) -> None:
    """Void what is left of the credits that were granted with an invoice that is void."""
    for name in work.state.credit_grants.of([void]).values():
        work.state.credits.void_with(name, void.id, work.now, work.ids)


def _credit(work: Work, record: InvoiceRecord, piece: Schedule | None, grant: PlanGrant, at: datetime) -> Credit:
    granted_on = local_date(at, work.organisation.zone)
    return grant.credit(
        account_id=record.account_id,
        customer_id=record.customer_id,
        granted_on=granted_on,
        cycle_ends_on=granted_on if piece is None else _cycle_end(work, piece, at),
        credit_id=work.ids.mint("cred"),
        now=work.now,
    )


def _cycle_end(work: Work, piece: Schedule, instant: datetime) -> date:
    """When the pricing cycle of an instant ends; behind the end of the piece, when it would by the same calendar."""
    zone = work.organisation.zone
    if piece.within.contains(instant):
        return local_date(piece.cycle_at(instant, zone).period.end, zone)
    return piece.rule.next_start_after(local_date(instant, zone))
