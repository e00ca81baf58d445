"""Timelines in draft, with their pieces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "timeline_draft",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("base", _TEXT, nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "account_id", name=op.f("pk_timeline_draft")),
    )
    op.create_table(
        "schedule_draft",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("price_plan_id", _TEXT, nullable=False),
        sa.Column("plan_version_id", _TEXT, nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("interval", _TEXT, nullable=False),
        sa.Column("day_offset", _TEXT, nullable=False),
        sa.Column("month_offset", _TEXT, nullable=False),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("anniversary", sa.Boolean(), nullable=False),
        sa.Column("first_ordinal", sa.Integer(), nullable=False),
        sa.Column("override", _TEXT, nullable=True),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_schedule_draft_forward")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "account_id"],
            ["timeline_draft.organisation_id", "timeline_draft.account_id"],
            name=op.f("fk_schedule_draft_organisation_id_account_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "account_id", "id", name=op.f("pk_schedule_draft")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_schedule_draft_organisation_id_id")),
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("schedule_draft")
    op.drop_table("timeline_draft")
