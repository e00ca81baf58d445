"""Invoices: list, read, move to another status, and make anew after a void."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta

from tallystick.invoicing.invoice import (
    Invoice,
    InvoiceClass,
    InvoicePatch,
    InvoiceStatus,
    InvoiceSummary,
    InvoiceType,
    RequestedStatus,
)
from tallystick.invoicing.record import InvoiceRecord
from tallystick.invoicing.rows import tree_of
from tallystick.invoicing.states import ON_REQUEST, may_request
from tallystick.kernel.errors import conflict, invalid
from tallystick.kernel.paging import PageRequest
from tallystick.kernel.period import Period
from tallystick.kernel.recurrence import Cycle
from tallystick.kernel.scope import Scope
from tallystick.operations.answers import Listed
from tallystick.operations.bill_runs import freeze, void_draft
from tallystick.operations.drafts import draft_bills
from tallystick.operations.payments import mark_as_paid
from tallystick.operations.settlement import settle, void
from tallystick.operations.work import Work, catalogue_command, event_query, needs

EpochMillis = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
"""Milliseconds since 1970, until the end of the year 9999."""


@event_query
def list_invoices(
    work: Work,
    page: PageRequest,
    *,
    status: InvoiceStatus | None = None,
    owner_id: str | None = None,
    customer_id: str | None = None,
    price_plan_id: str | None = None,
    invoice_class: InvoiceClass | None = None,
    start_time: EpochMillis | None = None,
    end_time: EpochMillis | None = None,
) -> Listed[InvoiceSummary]:
    """Page through invoices, newest first; the totals of drafts are computed with one usage query.

    `start_time` and `end_time` are epoch milliseconds: cycles that start at or after, and end at or before.
    """
    records, token = work.state.invoices.page(
        page,
        status=status,
        account_id=owner_id,
        customer_id=customer_id,
        price_plan_id=price_plan_id,
        **{"class": invoice_class},
        start_time=None if start_time is None else str(start_time * 1000),
        end_time=None if end_time is None else str(end_time * 1000),
    )
    return Listed(data=summaries(work, records), next_token=token)


@event_query
def get_invoice(work: Work, invoice_id: str) -> Invoice:
    """One invoice with its lines: a draft as it stands now, any other as it was frozen."""
    return shown(work, work.state.invoices.get(invoice_id))


@needs(Scope.MONEY)
@catalogue_command
def update_invoice(work: Work, invoice_id: str, patch: InvoicePatch) -> Invoice:
    """Move an invoice to another status: make a draft due, mark one as paid, void it, give it up, refund it."""
    record = work.state.invoices.get(invoice_id)
    for field, name in (
        ("start_date", "startDate"),
        ("end_date", "endDate"),
        ("line_items", "lineItems"),
        ("auto_advance", "autoAdvance"),
    ):
        if getattr(patch, field) is not UNSET:
            raise invalid(name, "only custom drafts can be edited, and there are none yet")
    if patch.status is UNSET:
        raise invalid("status", f"is missing: send {', '.join(RequestedStatus)}")
    wanted = InvoiceStatus(patch.status)
    refusal = _refusal(work, record, wanted)
    if refusal is not None:
        raise invalid("status", refusal)
    match wanted:
        case InvoiceStatus.DUE:
            _make_due(work, record)
        case InvoiceStatus.PAID:
            mark_as_paid(work, record)
        case InvoiceStatus.VOID if record.is_draft:
            void_draft(work, record)
        case InvoiceStatus.VOID:
            void(work, record)
        case _:
            settle(work, record, wanted)
    return shown(work, work.state.invoices.get(invoice_id))


@needs(Scope.MONEY)
@catalogue_command
def reissue_invoice(work: Work, invoice_id: str) -> Invoice:
    """Make a new invoice for the cycle of a void one, from usage and terms as they are now; it is due at once."""
    void = work.state.invoices.get(invoice_id)
    if void.status is not InvoiceStatus.VOID:
        raise conflict(f"invoice {invoice_id!r} is {void.status}: only the cycle of a void one is billed again")
    record = dataclasses.replace(
        void,
        id=work.ids.mint("inv"),
        status=InvoiceStatus.DRAFT,
        freeze_at=work.now,
        sequence_id=None,
        total=None,
        frozen_at=None,
        frozen_position=None,
        details=None,
        cycle=_cycle_now(work, void),
        net_term_days=work.state.accounts.get(void.account_id).net_term_days,
        created_at=work.now,
        updated_at=work.now,
    )
    work.state.invoices.add_drafts([record])
    _freeze(work, record)
    return shown(work, work.state.invoices.get(record.id))


def summaries(work: Work, records: Sequence[InvoiceRecord]) -> list[InvoiceSummary]:
    """Invoices as lists show them; the totals of drafts are computed with one usage query."""
    drafted = draft_bills(work, {record.account_id for record in records if record.is_draft})
    zone = work.organisation.zone
    return [record.summary(drafted.total(record) if record.total is None else record.total, zone) for record in records]


def shown(work: Work, record: InvoiceRecord) -> Invoice:
    """An invoice with its lines."""
    zone = work.organisation.zone
    if record.total is None:
        bill = draft_bills(work, [record.account_id]).bill(record)
        return record.invoice(bill.total, zone, bill.usage_info, bill.revenue_info)
    usage_info, revenue_info = tree_of(work.state.invoices.lines_of(record.id))
    return record.invoice(record.total, zone, usage_info, revenue_info)


def _cycle_now(work: Work, void: InvoiceRecord) -> Cycle:
    """The cycle of a void invoice as it is now: a change of plan may have cut it since, or taken it away.

    Raises:
        BillingError: of kind CONFLICT, when it is no more.
    """
    start = void.cycle.period.start
    piece = work.state.schedules.among([void.schedule_id]).get(void.schedule_id)
    if piece is None and void.invoice_type is InvoiceType.AD_HOC:
        raise conflict(f"invoice {void.id!r} was made for a purchase, which has failed with it: buy anew")
    cycle = piece.cycle_at(start, work.organisation.zone) if piece and piece.within.contains(start) else None
    if cycle is not None and void.invoice_type is InvoiceType.ADHOC_ADVANCED:
        return Cycle(Period(start, cycle.period.end), cycle.nominal)
    if cycle is None or cycle.period.start != start:
        raise conflict(
            f"the plan of invoice {void.id!r} was changed from the start of its cycle on: that is billed anew"
        )
    return cycle


def _refusal(work: Work, record: InvoiceRecord, wanted: InvoiceStatus) -> str | None:
    """Why a caller may not move an invoice to another status, if there is a reason (domain.md 7.2).

    One that credits paid whole is PAID too, and may be voided: no money was received for it.
    """
    if wanted is InvoiceStatus.VOID and record.status is InvoiceStatus.PAID and not record.paid:
        return None
    if not may_request(record.status, wanted):
        ways = ", ".join(sorted(ON_REQUEST.get(record.status, ()))) or "nothing else"
        return f"an invoice that is {record.status} cannot become {wanted}, but {ways}"
    if wanted is InvoiceStatus.REFUND_INITIATED and not record.paid:
        return f"nothing was paid for invoice {record.id!r}: send VOID to give its credits back"
    over_at = record.cycle.period.end if record.invoice_type is InvoiceType.STANDARD else record.freeze_at
    if record.is_draft and over_at > work.now:
        return f"what invoice {record.id!r} bills is not over before {over_at.isoformat()}: wait until then"
    return None


def _make_due(work: Work, record: InvoiceRecord) -> None:
    """Let a draft fall due now, before its grace is over: what comes in later for its cycle is on no invoice."""
    now_due = dataclasses.replace(record, freeze_at=work.now)
    work.state.invoices.move_cycle(now_due, work.now)
    _freeze(work, now_due)


def _freeze(work: Work, record: InvoiceRecord) -> None:
    """Make one draft due.

    Raises:
        BillingError: of kind INVALID, when it cannot be billed, with the reason.
    """
    issues = freeze(work, [record]).issues
    if issues:
        raise invalid("", issues[record.id])
