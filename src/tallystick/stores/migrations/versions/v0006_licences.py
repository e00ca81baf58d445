"""The ledger of licences, and the triggers that keep its entries as they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tallystick.stores.migrations.frozen_rows import changed, refuse

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_FROZEN_COLUMNS = [
    "organisation_id",
    "id",
    "license_id",
    "account_ref",
    "type",
    "quantity",
    "effective_from",
    "booked_at",
    "idempotency_key",
    "created_at",
]
"""Everything about an entry but its metadata, and whose it turns out to be when it was made before its account."""


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "licence_entry",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("license_id", _TEXT, nullable=False),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("account_ref", _TEXT, nullable=False),
        sa.Column("type", _TEXT, nullable=False),
        sa.Column("quantity", _TEXT, nullable=False),
        sa.Column("effective_from", sa.BigInteger(), nullable=False),
        sa.Column("booked_at", sa.BigInteger(), nullable=False),
        sa.Column("idempotency_key", _TEXT, nullable=True),
        sa.Column("metadata", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_licence_entry")),
        sa.UniqueConstraint(
            "organisation_id",
            "account_ref",
            "idempotency_key",
            name=op.f("uq_licence_entry_organisation_id_account_ref_idempotency_key"),
        ),
    )
    op.create_index(
        op.f("ix_licence_entry_organisation_id_account_id_license_id"),
        "licence_entry",
        ["organisation_id", "account_id", "license_id"],
    )
    op.create_index(
        op.f("ix_licence_entry_organisation_id_created_at_id"),
        "licence_entry",
        ["organisation_id", "created_at", "id"],
    )
    refuse("licence_entry_frozen", "UPDATE", "licence_entry", changed(_FROZEN_COLUMNS))  # corrected by another entry
    refuse("licence_entry_kept", "DELETE", "licence_entry")


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("licence_entry")
