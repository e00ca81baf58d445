"""Names of accounts that have appeared, for which events may have come before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "second_look",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("account_ref", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "account_ref", name=op.f("pk_second_look")),
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("second_look")
