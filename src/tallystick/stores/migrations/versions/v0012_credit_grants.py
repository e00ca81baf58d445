"""Which credits plans granted with which bills, and the triggers that keep that as it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tallystick.stores.migrations.frozen_rows import keep_rows

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "credit_grant",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("schedule_id", _TEXT, nullable=False),
        sa.Column("cycle_start", sa.BigInteger(), nullable=False),
        sa.Column("invoice_type", _TEXT, nullable=False),
        sa.Column("item_id", _TEXT, nullable=False),
        sa.Column("credit_id", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "organisation_id",
            "schedule_id",
            "cycle_start",
            "invoice_type",
            "item_id",
            name=op.f("pk_credit_grant"),
        ),
        sa.UniqueConstraint("organisation_id", "credit_id", name=op.f("uq_credit_grant_organisation_id_credit_id")),
    )
    keep_rows("credit_grant")


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("credit_grant")
