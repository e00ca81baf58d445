"""When something falls due next: a cycle that starts or grants units, a draft, a refund, a credit, a purchase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, case, select, union_all

from tallystick.stores.state.among import among_given
from tallystick.stores.state.bill_tables import credit, credit_entry, invoice
from tallystick.stores.state.columns import Instant
from tallystick.stores.state.purchase_tables import proposal, purchase
from tallystick.stores.state.tables import schedule

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import BindParameter, ColumnElement, Connection, Select


def next_due(
    connection: Connection, end: datetime, parked: Collection[str], without: Collection[str]
) -> tuple[str, datetime] | None:
    """The organisation and instant of the first thing that falls due by `end`, or None.

    Parked invoices, the organisations in `without`, and credits that can still be burned are left out. A credit that
    was granted or changed after its time falls due with that change: it is not ended before what happened to it.
    """
    row = connection.execute(_FIRST, {"end": end, "parked": parked, "without": without}).first()
    return None if row is None else (row.organisation, row.at)


def over(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Whether the time of a credit is over and nobody can still burn it.

    A draft of an earlier cycle may, and so may the successor of a void invoice that gave some of it back; an order that
    credit paid a part of has no successor.
    """
    successor = invoice.alias("successor")
    drafted = select(invoice.c.id).where(
        invoice.c.organisation_id == credit.c.organisation_id,
        invoice.c.account_id == credit.c.account_id,
        invoice.c.status == "DRAFT",
        invoice.c.cycle_end <= credit.c.expires_at,
    )
    succeeded = select(successor.c.id).where(
        successor.c.organisation_id == invoice.c.organisation_id,
        successor.c.schedule_id == invoice.c.schedule_id,
        successor.c.cycle_start == invoice.c.cycle_start,
        successor.c.type == invoice.c.type,
        successor.c.status != "VOID",
    )
    returned = (
        select(credit_entry.c.id)
        .join(
            invoice,
            and_(
                invoice.c.organisation_id == credit_entry.c.organisation_id,
                invoice.c.id == credit_entry.c.invoice_id,
            ),
        )
        .where(
            credit_entry.c.organisation_id == credit.c.organisation_id,
            credit_entry.c.credit_id == credit.c.id,
            credit_entry.c.type == "CREDITED",
            invoice.c.status == "VOID",
            invoice.c["class"] != "ORDER",
            ~succeeded.exists(),
        )
    )
    return and_(credit.c.status == "ACTIVE", credit.c.expires_at <= now, ~drafted.exists(), ~returned.exists())


def _first() -> Select[Any]:
    """The organisation and instant of the first thing that falls due by `end`."""
    end = bindparam("end", type_=Instant)

    def served(organisation: ColumnElement[Any]) -> ColumnElement[bool]:
        return ~among_given(organisation, "without")

    opening = select(schedule.c.next_cycle_at.label("at"), schedule.c.organisation_id.label("organisation")).where(
        schedule.c.next_cycle_at <= end, served(schedule.c.organisation_id)
    )
    granting = select(schedule.c.next_grant_at, schedule.c.organisation_id).where(
        schedule.c.next_grant_at <= end, served(schedule.c.organisation_id)
    )
    freezing = select(invoice.c.freeze_at, invoice.c.organisation_id).where(
        invoice.c.status == "DRAFT",
        invoice.c.freeze_at <= end,
        ~among_given(invoice.c.id, "parked"),
        served(invoice.c.organisation_id),
    )
    refunding = select(invoice.c.updated_at, invoice.c.organisation_id).where(
        invoice.c.status == "REFUND_INITIATED", invoice.c.updated_at <= end, served(invoice.c.organisation_id)
    )
    ended = case((credit.c.updated_at > credit.c.expires_at, credit.c.updated_at), else_=credit.c.expires_at)
    expiring = select(ended, credit.c.organisation_id).where(over(end), served(credit.c.organisation_id))
    attended = [
        select(table.c.due_at, table.c.organisation_id).where(table.c.due_at <= end, served(table.c.organisation_id))
        for table in (purchase, proposal)
    ]
    steps = union_all(opening, granting, freezing, refunding, expiring, *attended).subquery()
    return select(steps.c.organisation, steps.c.at).order_by(steps.c.at, steps.c.organisation).limit(1)


_FIRST: Final = _first()
"""Built once: the billing clock asks after each instant, and building it takes longer than running it."""
