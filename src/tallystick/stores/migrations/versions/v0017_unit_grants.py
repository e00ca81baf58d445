"""When the next cycle of a piece of a timeline starts whose units of features have not been granted yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; no piece that was agreed on before grants units."""
    op.add_column("schedule", sa.Column("next_grant_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_schedule_granting", "schedule", ["next_grant_at", "organisation_id"])


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_schedule_granting", table_name="schedule")
    op.drop_column("schedule", "next_grant_at")
