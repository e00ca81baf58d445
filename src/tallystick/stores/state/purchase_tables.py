"""The state tables of purchases and proposals: documents, beside what lists, orders and the billing clock look at."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint, Table, UniqueConstraint

from tallystick.stores.state.metadata import METADATA, instant_column, text_column


def _bought(name: str) -> Table:
    """`due_at` is when the clock has to look at it next; `schedule_id` the piece that its order is about."""
    return Table(
        name,
        METADATA,
        text_column("organisation_id"),
        text_column("id"),
        text_column("account_id"),
        text_column("type"),
        text_column("status"),
        text_column("idempotency_key", optional=True),
        text_column("invoice_id", optional=True),
        text_column("schedule_id", optional=True),
        instant_column("due_at", optional=True),
        instant_column("created_at"),
        instant_column("updated_at"),
        text_column("body"),
        PrimaryKeyConstraint("organisation_id", "id"),
        UniqueConstraint("organisation_id", "account_id", "idempotency_key"),
        UniqueConstraint("organisation_id", "invoice_id"),
        Index(None, "organisation_id", "account_id", "created_at", "id"),
        Index(None, "organisation_id", "schedule_id"),
        Index(f"ix_{name}_due", "due_at", "organisation_id"),
    )


purchase = _bought("purchase")
proposal = _bought("proposal")
