"""What simulations found for each account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_REFUSED = {"simulated_account_frozen": "UPDATE", "simulated_account_kept": "DELETE"}


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
    on_postgres = op.get_bind().dialect.name != "sqlite"
    for trigger, event in _REFUSED.items():
        does = (
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            if on_postgres
            else "BEGIN SELECT RAISE(ABORT, 'simulated_account rows are frozen'); END"
        )
        op.execute(f"CREATE TRIGGER {trigger} BEFORE {event} ON simulated_account {does}")


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_simulated_account_difference", table_name="simulated_account")
    op.drop_table("simulated_account")
