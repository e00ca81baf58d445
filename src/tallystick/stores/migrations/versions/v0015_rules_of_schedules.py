"""The pricing rules that accounts agreed on in the place of those of their plans."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_TABLES = ("schedule", "schedule_draft")


def upgrade() -> None:
    """Make the change."""
    for table in _TABLES:
        op.add_column(table, sa.Column("pricing_rules", _TEXT, nullable=True))


def downgrade() -> None:
    """Take the change back."""
    for table in _TABLES:
        op.drop_column(table, "pricing_rules")
