"""Purchases and proposals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_TABLES = ("purchase", "proposal")


def upgrade() -> None:
    """Make the change."""
    for name in _TABLES:
        op.create_table(
            name,
            sa.Column("organisation_id", _TEXT, nullable=False),
            sa.Column("id", _TEXT, nullable=False),
            sa.Column("account_id", _TEXT, nullable=False),
            sa.Column("type", _TEXT, nullable=False),
            sa.Column("status", _TEXT, nullable=False),
            sa.Column("idempotency_key", _TEXT, nullable=True),
            sa.Column("invoice_id", _TEXT, nullable=True),
            sa.Column("schedule_id", _TEXT, nullable=True),
            sa.Column("due_at", sa.BigInteger(), nullable=True),
            sa.Column("created_at", sa.BigInteger(), nullable=False),
            sa.Column("updated_at", sa.BigInteger(), nullable=False),
            sa.Column("body", _TEXT, nullable=False),
            sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{name}")),
            sa.UniqueConstraint(
                "organisation_id",
                "account_id",
                "idempotency_key",
                name=op.f(f"uq_{name}_organisation_id_account_id_idempotency_key"),
            ),
            sa.UniqueConstraint("organisation_id", "invoice_id", name=op.f(f"uq_{name}_organisation_id_invoice_id")),
        )
        op.create_index(
            op.f(f"ix_{name}_organisation_id_account_id_created_at_id"),
            name,
            ["organisation_id", "account_id", "created_at", "id"],
        )
        op.create_index(op.f(f"ix_{name}_organisation_id_schedule_id"), name, ["organisation_id", "schedule_id"])
        op.create_index(f"ix_{name}_due", name, ["due_at", "organisation_id"])


def downgrade() -> None:
    """Take the change back."""
    for name in reversed(_TABLES):
        op.drop_index(f"ix_{name}_due", table_name=name)
        op.drop_index(op.f(f"ix_{name}_organisation_id_schedule_id"), table_name=name)
        op.drop_index(op.f(f"ix_{name}_organisation_id_account_id_created_at_id"), table_name=name)
        op.drop_table(name)
