"""Feature credits: what accounts were granted of features, what events used of it, and the triggers that keep both."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tallystick.stores.migrations.frozen_rows import changed, keep_rows, refuse

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_KEY = ("organisation_id", "account_id", "feature_id", "id")
_FROZEN_COLUMNS = (*_KEY, "source", "effective_from", "created_at")


def _keep_what_was_granted() -> None:
    """What was granted to whom stays, and so does every debit; a voided entry stays void."""
    revived = "(OLD.status = 'VOIDED' AND NEW.status <> 'VOIDED')"
    refuse("feature_credit_frozen", "UPDATE", "feature_credit", f"{changed(_FROZEN_COLUMNS)} OR {revived}")
    refuse("feature_credit_kept", "DELETE", "feature_credit")
    keep_rows("feature_debit")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "feature_credit",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("feature_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("source", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("granted", sa.String(38), nullable=True),
        sa.Column("used", sa.String(38), nullable=False),
        sa.Column("effective_from", sa.BigInteger(), nullable=False),
        sa.Column("effective_until", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*_KEY, name=op.f("pk_feature_credit")),
        sa.CheckConstraint("granted IS NULL OR used <= granted", name=op.f("ck_feature_credit_left")),
        sa.CheckConstraint("granted IS NOT NULL OR source = 'OVERAGE'", name=op.f("ck_feature_credit_limit")),
        sa.CheckConstraint("effective_from < effective_until", name=op.f("ck_feature_credit_forward")),
    )
    op.create_table(
        "feature_debit",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("log_row", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("feature_id", _TEXT, nullable=False),
        sa.Column("entry_id", _TEXT, nullable=False),
        sa.Column("units", sa.String(38), nullable=False),
        sa.PrimaryKeyConstraint(
            "organisation_id", "log_row", "position", "kind", "entry_id", name=op.f("pk_feature_debit")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "account_id", "feature_id", "entry_id"],
            [f"feature_credit.{name}" for name in _KEY],
            name=op.f("fk_feature_debit_organisation_id_account_id_feature_id_entry_id"),
        ),
        sa.CheckConstraint("kind IN ('DEBIT', 'RETURN')", name=op.f("ck_feature_debit_kind")),
    )
    op.create_index("ix_feature_debit_organisation_id_position", "feature_debit", ["organisation_id", "position"])
    _keep_what_was_granted()


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_feature_debit_organisation_id_position", table_name="feature_debit")
    op.drop_table("feature_debit")
    op.drop_table("feature_credit")
