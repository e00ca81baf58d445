"""When something falls due next: a cycle that starts, a draft to freeze, a credit whose time is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, union_all

from tallystick.stores.state.tables import credit, invoice, schedule

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection


def next_due(connection: Connection, end: datetime, parked: Collection[str]) -> tuple[str, datetime] | None:
    """The organisation and instant of the first thing that falls due by `end`, or None.

    Parked invoices are left out, and so are credits that a draft of an earlier cycle can still burn.
    """
    opening = select(schedule.c.next_cycle_at.label("at"), schedule.c.organisation_id.label("organisation")).where(
        schedule.c.next_cycle_at <= end
    )
    freezing = select(invoice.c.freeze_at, invoice.c.organisation_id).where(
        invoice.c.status == "DRAFT", invoice.c.freeze_at <= end, invoice.c.id.not_in(parked)
    )
    held = select(invoice.c.id).where(
        invoice.c.organisation_id == credit.c.organisation_id,
        invoice.c.account_id == credit.c.account_id,
        invoice.c.status == "DRAFT",
        invoice.c.cycle_end <= credit.c.expires_at,
    )
    expiring = select(credit.c.expires_at, credit.c.organisation_id).where(
        credit.c.status == "ACTIVE", credit.c.expires_at <= end, ~held.exists()
    )
    steps = union_all(opening, freezing, expiring).subquery()
    row = connection.execute(
        select(steps.c.organisation, steps.c.at).order_by(steps.c.at, steps.c.organisation).limit(1)
    ).first()
    return None if row is None else (row.organisation, row.at)
