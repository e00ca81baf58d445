"""What simulations found for each account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tallystick.stores.migrations.frozen_rows import keep_rows

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "simulated_account",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("simulation_id", _TEXT, nullable=False),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("currency", _TEXT, nullable=False),
        sa.Column("cycles", sa.Integer(), nullable=False),
        sa.Column("old_minor", sa.BigInteger(), nullable=False),
        sa.Column("new_minor", sa.BigInteger(), nullable=False),
        sa.Column("difference_minor", sa.BigInteger(), nullable=False),
        sa.Column("lines", _TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "simulation_id"],
            ["job.organisation_id", "job.id"],
            name=op.f("fk_simulated_account_organisation_id_simulation_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "simulation_id", "account_id", name=op.f("pk_simulated_account")),
    )
    op.create_index(
        "ix_simulated_account_difference",
        "simulated_account",
        ["organisation_id", "simulation_id", "currency", "difference_minor", "account_id"],
    )
    keep_rows("simulated_account")


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_simulated_account_difference", table_name="simulated_account")
    op.drop_table("simulated_account")
