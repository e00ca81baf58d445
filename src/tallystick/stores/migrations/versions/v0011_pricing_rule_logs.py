"""The logs of pricing rules, as they were when their invoice froze."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tallystick.stores.migrations.frozen_rows import keep_rows

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_TABLE = "pricing_rule_log"


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        _TABLE,
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("invoice_id", _TEXT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rule_id", _TEXT, nullable=False),
        sa.Column("type", _TEXT, nullable=False),
        sa.Column("body", _TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "invoice_id"],
            ["invoice.organisation_id", "invoice.id"],
            name=op.f("fk_pricing_rule_log_organisation_id_invoice_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "invoice_id", "number", name=op.f("pk_pricing_rule_log")),
    )
    keep_rows(_TABLE)


def downgrade() -> None:
    """Take the change back."""
    op.drop_table(_TABLE)
