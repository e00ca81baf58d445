"""Which credits plans granted with which bills, and the triggers that keep that as it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _create_triggers() -> None:
    """What was granted stays granted, whoever holds a connection."""
    for name, event in (("credit_grant_frozen", "UPDATE"), ("credit_grant_kept", "DELETE")):
        if op.get_bind().dialect.name == "sqlite":
            refuse = "BEGIN SELECT RAISE(ABORT, 'credit_grant rows are frozen'); END"
            op.execute(f"CREATE TRIGGER {name} BEFORE {event} ON credit_grant {refuse}")
        else:
            refuse = "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            op.execute(f"CREATE TRIGGER {name} BEFORE {event} ON credit_grant {refuse}")


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
    _create_triggers()


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("credit_grant")
