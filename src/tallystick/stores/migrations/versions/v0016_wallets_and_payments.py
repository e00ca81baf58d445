"""Wallets and payments, the triggers that keep their entries, and what was paid of an invoice within its total."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tallystick.stores.migrations.frozen_rows import changed, keep_rows, on_sqlite, refuse

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_PAYMENT = [
    "id",
    "organisation_id",
    "account_id",
    "currency",
    "total_minor",
    "source_name",
    "source_type",
    "transaction_number",
    "reference",
    "description",
    "notes",
    "created_by",
    "created_at",
]
"""Everything about a payment but its version."""


def _keep_what_was_paid() -> None:
    """What money came in and went out is never edited, and an invoice is never paid beyond its total."""
    refuse("wallet_kept", "DELETE", "wallet")
    keep_rows("wallet_entry")
    refuse("payment_frozen", "UPDATE", "payment", f"NEW.version <> OLD.version + 1 OR {changed(_PAYMENT)}")
    refuse("payment_kept", "DELETE", "payment")
    keep_rows("payment_line")
    beyond = "NEW.paid_minor < 0 OR (NEW.paid_minor > 0 AND NEW.paid_minor > COALESCE(NEW.total_minor, 0))"
    refuse("invoice_paid", "UPDATE", "invoice", beyond)


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "wallet",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("customer_id", _TEXT, nullable=False),
        sa.Column("currency", _TEXT, nullable=False),
        sa.Column("credited_minor", sa.BigInteger(), nullable=False),
        sa.Column("consumed_minor", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("effective_from", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("consumed_minor >= 0 AND consumed_minor <= credited_minor", name=op.f("ck_wallet_balance")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_wallet")),
        sa.UniqueConstraint("organisation_id", "account_id", name=op.f("uq_wallet_organisation_id_account_id")),
    )
    _create_wallet_entries()
    _create_payments()
    op.create_index(
        "ix_invoice_refunding",
        "invoice",
        ["updated_at", "organisation_id"],
        unique=False,
        sqlite_where=sa.text("status = 'REFUND_INITIATED'"),
        postgresql_where=sa.text("status = 'REFUND_INITIATED'"),
    )
    _keep_what_was_paid()


def _create_wallet_entries() -> None:
    op.create_table(
        "wallet_entry",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("wallet_id", _TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("type", _TEXT, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("closing_minor", sa.BigInteger(), nullable=False),
        sa.Column("entity_id", _TEXT, nullable=True),
        sa.Column("description", _TEXT, nullable=False),
        sa.Column("idempotency_key", _TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0 AND closing_minor >= 0", name=op.f("ck_wallet_entry_amounts")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "wallet_id"],
            ["wallet.organisation_id", "wallet.id"],
            name=op.f("fk_wallet_entry_organisation_id_wallet_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "wallet_id", "number", name=op.f("pk_wallet_entry")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_wallet_entry_organisation_id_id")),
        sa.UniqueConstraint(
            "organisation_id",
            "wallet_id",
            "idempotency_key",
            name=op.f("uq_wallet_entry_organisation_id_wallet_id_idempotency_key"),
        ),
    )
    op.create_index(
        op.f("ix_wallet_entry_organisation_id_entity_id"),
        "wallet_entry",
        ["organisation_id", "entity_id"],
        unique=False,
    )


def _create_payments() -> None:
    op.create_table(
        "payment",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("currency", _TEXT, nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source_name", _TEXT, nullable=False),
        sa.Column("source_type", _TEXT, nullable=False),
        sa.Column("transaction_number", _TEXT, nullable=False),
        sa.Column("reference", _TEXT, nullable=False),
        sa.Column("description", _TEXT, nullable=True),
        sa.Column("notes", _TEXT, nullable=True),
        sa.Column("created_by", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("total_minor > 0 AND version > 0", name=op.f("ck_payment_positive")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_payment")),
    )
    op.create_index(
        op.f("ix_payment_organisation_id_created_at_id"),
        "payment",
        ["organisation_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "uq_payment_reference",
        "payment",
        ["organisation_id", "account_id", "source_type", "source_name", "transaction_number"],
        unique=True,
        sqlite_where=sa.text("source_type <> 'CASH'"),
        postgresql_where=sa.text("source_type <> 'CASH'"),
    )
    op.create_table(
        "payment_line",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("payment_id", _TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("type", _TEXT, nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("entity_id", _TEXT, nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_payment_line_amount")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "payment_id"],
            ["payment.organisation_id", "payment.id"],
            name=op.f("fk_payment_line_organisation_id_payment_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "payment_id", "version", "number", name=op.f("pk_payment_line")),
    )
    op.create_index(
        op.f("ix_payment_line_organisation_id_entity_id"),
        "payment_line",
        ["organisation_id", "entity_id"],
        unique=False,
    )


def downgrade() -> None:
    """Take the change back."""
    on_table = "" if on_sqlite() else " ON invoice"
    op.execute(f"DROP TRIGGER invoice_paid{on_table}")
    op.drop_index("ix_invoice_refunding", table_name="invoice")
    for table in ("payment_line", "payment", "wallet_entry", "wallet"):
        op.drop_table(table)
