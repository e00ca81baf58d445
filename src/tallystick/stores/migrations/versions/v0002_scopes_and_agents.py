"""What keys may do, the calls of agents' tools, and previews that were used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the change; keys that there are may do everything, as before."""
    op.add_column("api_key", sa.Column("scopes", _TEXT, nullable=False, server_default="admin money read write"))
    op.add_column("api_key", sa.Column("credit_limit", _TEXT, nullable=False, server_default="100"))
    op.create_table(
        "tool_call",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("actor", _TEXT, nullable=False),
        sa.Column("client", _TEXT, nullable=False),
        sa.Column("tool", _TEXT, nullable=False),
        sa.Column("argument_digest", _TEXT, nullable=False),
        sa.Column("result", _TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_tool_call")),
    )
    op.create_table(
        "used_preview",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_used_preview")),
    )
    op.create_index(op.f("ix_used_preview_expires_at"), "used_preview", ["expires_at"])


def downgrade() -> None:
    """Take the change back."""
    op.drop_index(op.f("ix_used_preview_expires_at"), table_name="used_preview")
    op.drop_table("used_preview")
    op.drop_table("tool_call")
    op.drop_column("api_key", "credit_limit")
    op.drop_column("api_key", "scopes")
