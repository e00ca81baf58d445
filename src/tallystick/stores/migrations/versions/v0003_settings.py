"""Settings of the organisation, its customers and accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "setting",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("setting_id", _TEXT, nullable=False),
        sa.Column("namespace", _TEXT, nullable=False),
        sa.Column("entity_type", _TEXT, nullable=False),
        sa.Column("entity_id", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("body", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_setting")),
    )
    op.create_index(
        op.f("ix_setting_organisation_id_updated_at_id"), "setting", ["organisation_id", "updated_at", "id"]
    )
    op.create_index(
        op.f("ix_setting_organisation_id_entity_type_entity_id"),
        "setting",
        ["organisation_id", "entity_type", "entity_id"],
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_index(op.f("ix_setting_organisation_id_entity_type_entity_id"), table_name="setting")
    op.drop_index(op.f("ix_setting_organisation_id_updated_at_id"), table_name="setting")
    op.drop_table("setting")
