"""Pieces of a timeline that go on counting cycles, and that never overlap."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_OVERLAPS = (
    "SELECT 1 FROM schedule AS other WHERE other.organisation_id = NEW.organisation_id"
    " AND other.account_id = NEW.account_id AND other.id <> NEW.id"
    " AND other.starts_at < NEW.ends_at AND other.ends_at > NEW.starts_at"
)
_TRIGGERS = {"schedule_put_in_apart": "INSERT", "schedule_moved_apart": "UPDATE OF starts_at, ends_at"}


def upgrade() -> None:
    """Make the change."""
    op.add_column("schedule", sa.Column("first_ordinal", sa.Integer(), nullable=False, server_default="0"))
    on_postgres = op.get_bind().dialect.name == "postgresql"
    if on_postgres:
        op.execute(
            "CREATE FUNCTION refuse_overlap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF EXISTS ({_OVERLAPS}) THEN RAISE EXCEPTION 'pieces overlap' USING ERRCODE = 'exclusion_violation';"
            " END IF; RETURN NEW; END $$"
        )
    for trigger, event in _TRIGGERS.items():
        if on_postgres:
            op.execute(
                f"CREATE TRIGGER {trigger} BEFORE {event} ON schedule FOR EACH ROW EXECUTE FUNCTION refuse_overlap()"
            )
        else:
            op.execute(
                f"CREATE TRIGGER {trigger} BEFORE {event} ON schedule WHEN EXISTS ({_OVERLAPS})"
                " BEGIN SELECT RAISE(ABORT, 'pieces overlap'); END"
            )


def downgrade() -> None:
    """Take the change back."""
    on_postgres = op.get_bind().dialect.name == "postgresql"
    for trigger in _TRIGGERS:
        op.execute(f"DROP TRIGGER {trigger}{' ON schedule' if on_postgres else ''}")
    if on_postgres:
        op.execute("DROP FUNCTION refuse_overlap()")
    op.drop_column("schedule", "first_ordinal")
