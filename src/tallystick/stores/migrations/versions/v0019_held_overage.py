"""Overage that the bill of its cycle leaves to a later one, and the triggers that keep what has been asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tallystick.stores.migrations.frozen_rows import refuse

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_TABLE = "held_overage"


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        _TABLE,
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("schedule_id", _TEXT, nullable=False),
        sa.Column("cycle_start", sa.BigInteger(), nullable=False),
        sa.Column("cycle_end", sa.BigInteger(), nullable=False),
        sa.Column("feature_id", _TEXT, nullable=False),
        sa.Column("invoice_id", _TEXT, nullable=False),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("price_plan_id", _TEXT, nullable=False),
        sa.Column("tag", _TEXT, nullable=True),
        sa.Column("body", _TEXT, nullable=False),
        sa.Column("asked_schedule_id", _TEXT, nullable=True),
        sa.Column("asked_cycle_start", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id", "invoice_id"],
            ["invoice.organisation_id", "invoice.id"],
            name=op.f("fk_held_overage_organisation_id_invoice_id"),
        ),
        sa.PrimaryKeyConstraint(
            "organisation_id", "schedule_id", "cycle_start", "feature_id", name=op.f("pk_held_overage")
        ),
    )
    op.create_index(op.f("ix_held_overage_organisation_id_account_id"), _TABLE, ["organisation_id", "account_id"])
    for event, trigger in (("UPDATE", "frozen"), ("DELETE", "kept")):
        refuse(f"{_TABLE}_{trigger}", event, _TABLE, "OLD.asked_schedule_id IS NOT NULL")


def downgrade() -> None:
    """Take the change back."""
    op.drop_index(op.f("ix_held_overage_organisation_id_account_id"), table_name=_TABLE)
    op.drop_table(_TABLE)
