"""What accounts agreed on in the place of their plans' terms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the change."""
    op.add_column("schedule", sa.Column("override", _TEXT, nullable=True))


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("schedule", "override")
