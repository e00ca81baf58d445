"""The first tables, and the triggers that keep frozen invoices as they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tallystick.stores.migrations.frozen_rows import changed, keep_rows, on_sqlite, refuse

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_FROZEN_COLUMNS = [
    "id",
    "organisation_id",
    "account_id",
    "customer_id",
    "schedule_id",
    "price_plan_id",
    "class",
    "type",
    "cycle_start",
    "cycle_end",
    "nominal_start",
    "nominal_end",
    "cycle_ordinal",
    "freeze_at",
    "currency",
    "net_term_days",
    "sequence_id",
    "total_minor",
    "frozen_at",
    "frozen_position",
    "details",
    "created_at",
]
"""Everything about a frozen invoice but its status and what was paid."""


def _keep_what_was_billed() -> None:
    """Frozen invoices, their lines and the ledger are immutable."""
    if not on_sqlite():
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION '% rows are frozen', TG_TABLE_NAME; END $$"
        )
    edited = f"OLD.status <> 'DRAFT' AND (NEW.status = 'DRAFT' OR {changed(_FROZEN_COLUMNS)})"
    refuse("invoice_frozen", "UPDATE", "invoice", edited)
    refuse("invoice_kept", "DELETE", "invoice", "OLD.status <> 'DRAFT'")
    keep_rows("invoice_line", "credit_entry")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "account",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("customer_id", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("primary_email", _TEXT, nullable=True),
        sa.Column("invoice_currency", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("body", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_account")),
    )
    op.create_index(
        op.f("ix_account_organisation_id_customer_id"), "account", ["organisation_id", "customer_id"], unique=False
    )
    op.create_index(
        op.f("ix_account_organisation_id_updated_at_id"),
        "account",
        ["organisation_id", "updated_at", "id"],
        unique=False,
    )
    op.create_table(
        "addon",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("type", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("billable_name", _TEXT, nullable=True),
        sa.Column("display_name", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("body", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_addon")),
    )
    op.create_index(
        op.f("ix_addon_organisation_id_updated_at_id"), "addon", ["organisation_id", "updated_at", "id"], unique=False
    )
    op.create_index(
        "uq_addon_shelf_name",
        "addon",
        ["organisation_id", "display_name"],
        unique=True,
        sqlite_where=sa.text("status = 'ACTIVE'"),
        postgresql_where=sa.text("status = 'ACTIVE'"),
    )
    op.create_table(
        "alias",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("value", _TEXT, nullable=False),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("effective_from", sa.BigInteger(), nullable=False),
        sa.Column("effective_until", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_alias")),
        sa.UniqueConstraint(
            "organisation_id", "value", "effective_from", name=op.f("uq_alias_organisation_id_value_effective_from")
        ),
    )
    op.create_index(
        op.f("ix_alias_organisation_id_account_id"), "alias", ["organisation_id", "account_id"], unique=False
    )
    op.create_table(
        "audit",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("actor", _TEXT, nullable=False),
        sa.Column("operation", _TEXT, nullable=False),
        sa.Column("subject", _TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_audit")),
    )
    op.create_table(
        "credit",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("customer_id", _TEXT, nullable=False),
        sa.Column("purpose", _TEXT, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("currency", _TEXT, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("consumed_minor", sa.BigInteger(), nullable=False),
        sa.Column("lost_minor", sa.BigInteger(), nullable=False),
        sa.Column("effective_from", sa.String(10), nullable=False),
        sa.Column("effective_until", sa.String(10), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("applicable_entity_ids", _TEXT, nullable=False),
        sa.Column("grantor_id", _TEXT, nullable=True),
        sa.Column("idempotency_key", _TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_credit_amount")),
        sa.CheckConstraint("consumed_minor + lost_minor <= amount_minor", name=op.f("ck_credit_left")),
        sa.CheckConstraint("consumed_minor >= 0 AND lost_minor >= 0", name=op.f("ck_credit_used")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_credit")),
        sa.UniqueConstraint(
            "organisation_id",
            "account_id",
            "idempotency_key",
            name=op.f("uq_credit_organisation_id_account_id_idempotency_key"),
        ),
    )
    op.create_index("ix_credit_expiring", "credit", ["expires_at", "status"], unique=False)
    op.create_index(
        op.f("ix_credit_organisation_id_account_id_status"),
        "credit",
        ["organisation_id", "account_id", "status"],
        unique=False,
    )
    op.create_index(
        op.f("ix_credit_organisation_id_created_at_id"), "credit", ["organisation_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "credit_entry",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("credit_id", _TEXT, nullable=False),
        sa.Column("type", _TEXT, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", _TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_credit_entry")),
        sa.UniqueConstraint(
            "organisation_id",
            "credit_id",
            "invoice_id",
            "type",
            name=op.f("uq_credit_entry_organisation_id_credit_id_invoice_id_type"),
        ),
    )
    op.create_index(
        op.f("ix_credit_entry_organisation_id_invoice_id"),
        "credit_entry",
        ["organisation_id", "invoice_id"],
        unique=False,
    )
    op.create_table(
        "customer",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("primary_email", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("body", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_customer")),
    )
    op.create_index(
        op.f("ix_customer_organisation_id_updated_at_id"),
        "customer",
        ["organisation_id", "updated_at", "id"],
        unique=False,
    )
    op.create_table(
        "event_schema",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("description", _TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("body", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_event_schema")),
    )
    op.create_index(
        op.f("ix_event_schema_organisation_id_updated_at_id"),
        "event_schema",
        ["organisation_id", "updated_at", "id"],
        unique=False,
    )
    op.create_table(
        "event_schema_version",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "name", "version", name=op.f("pk_event_schema_version")),
    )
    op.create_table(
        "feature",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("body", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_feature")),
    )
    op.create_index(
        op.f("ix_feature_organisation_id_updated_at_id"),
        "feature",
        ["organisation_id", "updated_at", "id"],
        unique=False,
    )
    op.create_table(
        "feature_tie",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("schema_name", _TEXT, nullable=False),
        sa.Column("feature_id", _TEXT, nullable=False),
        sa.Column("attribute_name", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "schema_name", name=op.f("pk_feature_tie")),
    )
    op.create_index(
        op.f("ix_feature_tie_organisation_id_feature_id"),
        "feature_tie",
        ["organisation_id", "feature_id"],
        unique=False,
    )
    op.create_table(
        "idempotency",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("key", _TEXT, nullable=False),
        sa.Column("fingerprint", _TEXT, nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "key", name=op.f("pk_idempotency")),
    )
    op.create_index(op.f("ix_idempotency_created_at"), "idempotency", ["created_at"], unique=False)
    op.create_table(
        "invoice",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("customer_id", _TEXT, nullable=False),
        sa.Column("schedule_id", _TEXT, nullable=False),
        sa.Column("price_plan_id", _TEXT, nullable=False),
        sa.Column("class", _TEXT, nullable=False),
        sa.Column("type", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("cycle_start", sa.BigInteger(), nullable=False),
        sa.Column("cycle_end", sa.BigInteger(), nullable=False),
        sa.Column("nominal_start", sa.BigInteger(), nullable=False),
        sa.Column("nominal_end", sa.BigInteger(), nullable=False),
        sa.Column("cycle_ordinal", sa.Integer(), nullable=False),
        sa.Column("freeze_at", sa.BigInteger(), nullable=False),
        sa.Column("currency", _TEXT, nullable=False),
        sa.Column("net_term_days", sa.Integer(), nullable=False),
        sa.Column("sequence_id", _TEXT, nullable=True),
        sa.Column("total_minor", sa.BigInteger(), nullable=True),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("frozen_at", sa.BigInteger(), nullable=True),
        sa.Column("frozen_position", sa.BigInteger(), nullable=True),
        sa.Column("details", _TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("organisation_id", "sequence_id", name=op.f("uq_invoice_organisation_id_sequence_id")),
    )
    op.create_index(
        "ix_invoice_freezing",
        "invoice",
        ["freeze_at", "organisation_id"],
        unique=False,
        sqlite_where=sa.text("status = 'DRAFT'"),
        postgresql_where=sa.text("status = 'DRAFT'"),
    )
    op.create_index(
        op.f("ix_invoice_organisation_id_account_id_cycle_start"),
        "invoice",
        ["organisation_id", "account_id", "cycle_start"],
        unique=False,
    )
    op.create_index(
        op.f("ix_invoice_organisation_id_created_at_id"),
        "invoice",
        ["organisation_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "uq_invoice_cycle",
        "invoice",
        ["organisation_id", "account_id", "schedule_id", "cycle_start", "class", "type"],
        unique=True,
        sqlite_where=sa.text("status <> 'VOID'"),
        postgresql_where=sa.text("status <> 'VOID'"),
    )
    op.create_table(
        "meta",
        sa.Column("key", _TEXT, nullable=False),
        sa.Column("value", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "organisation",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("body", _TEXT, nullable=False),
        sa.Column("catalogue_version", sa.BigInteger(), nullable=False),
        sa.Column("last_invoice_number", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
    )
    op.create_table(
        "price_plan",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("type", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("description", _TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("body", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_price_plan")),
    )
    op.create_index(
        op.f("ix_price_plan_organisation_id_updated_at_id"),
        "price_plan",
        ["organisation_id", "updated_at", "id"],
        unique=False,
    )
    op.create_table(
        "schedule",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("account_id", _TEXT, nullable=False),
        sa.Column("price_plan_id", _TEXT, nullable=False),
        sa.Column("plan_version_id", _TEXT, nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("interval", _TEXT, nullable=False),
        sa.Column("day_offset", _TEXT, nullable=False),
        sa.Column("month_offset", _TEXT, nullable=False),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("anniversary", sa.Boolean(), nullable=False),
        sa.Column("next_cycle_at", sa.BigInteger(), nullable=True),
        sa.Column("next_ordinal", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_schedule_forward")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_schedule")),
        sa.UniqueConstraint(
            "organisation_id", "account_id", "starts_at", name=op.f("uq_schedule_organisation_id_account_id_starts_at")
        ),
    )
    op.create_index("ix_schedule_opening", "schedule", ["next_cycle_at", "organisation_id"], unique=False)
    op.create_table(
        "usage_meter",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("billable_name", _TEXT, nullable=True),
        sa.Column("aggregation", _TEXT, nullable=False),
        sa.Column("event_schema_name", _TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("body", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_usage_meter")),
        sa.UniqueConstraint("organisation_id", "name", name=op.f("uq_usage_meter_organisation_id_name")),
    )
    op.create_index(
        op.f("ix_usage_meter_organisation_id_updated_at_id"),
        "usage_meter",
        ["organisation_id", "updated_at", "id"],
        unique=False,
    )
    op.create_table(
        "api_key",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("digest", _TEXT, nullable=False),
        sa.Column("hint", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_api_key_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_key_digest")),
    )
    op.create_table(
        "invoice_line",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("invoice_id", _TEXT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("item_id", _TEXT, nullable=True),
        sa.Column("description", _TEXT, nullable=False),
        sa.Column("quantity", _TEXT, nullable=True),
        sa.Column("value_per_quantity", _TEXT, nullable=True),
        sa.Column("units", _TEXT, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("metadata", _TEXT, nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id", "invoice_id"],
            ["invoice.organisation_id", "invoice.id"],
            name=op.f("fk_invoice_line_organisation_id_invoice_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "invoice_id", "number", name=op.f("pk_invoice_line")),
    )
    _keep_what_was_billed()


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("invoice_line")
    op.drop_table("api_key")
    op.drop_index(op.f("ix_usage_meter_organisation_id_updated_at_id"), table_name="usage_meter")
    op.drop_table("usage_meter")
    op.drop_index("ix_schedule_opening", table_name="schedule")
    op.drop_table("schedule")
    op.drop_index(op.f("ix_price_plan_organisation_id_updated_at_id"), table_name="price_plan")
    op.drop_table("price_plan")
    op.drop_table("organisation")
    op.drop_table("meta")
    op.drop_index(
        "uq_invoice_cycle",
        table_name="invoice",
        sqlite_where=sa.text("status <> 'VOID'"),
        postgresql_where=sa.text("status <> 'VOID'"),
    )
    op.drop_index(op.f("ix_invoice_organisation_id_created_at_id"), table_name="invoice")
    op.drop_index(op.f("ix_invoice_organisation_id_account_id_cycle_start"), table_name="invoice")
    op.drop_index(
        "ix_invoice_freezing",
        table_name="invoice",
        sqlite_where=sa.text("status = 'DRAFT'"),
        postgresql_where=sa.text("status = 'DRAFT'"),
    )
    op.drop_table("invoice")
    op.drop_index(op.f("ix_idempotency_created_at"), table_name="idempotency")
    op.drop_table("idempotency")
    op.drop_index(op.f("ix_feature_tie_organisation_id_feature_id"), table_name="feature_tie")
    op.drop_table("feature_tie")
    op.drop_index(op.f("ix_feature_organisation_id_updated_at_id"), table_name="feature")
    op.drop_table("feature")
    op.drop_table("event_schema_version")
    op.drop_index(op.f("ix_event_schema_organisation_id_updated_at_id"), table_name="event_schema")
    op.drop_table("event_schema")
    op.drop_index(op.f("ix_customer_organisation_id_updated_at_id"), table_name="customer")
    op.drop_table("customer")
    op.drop_index(op.f("ix_credit_entry_organisation_id_invoice_id"), table_name="credit_entry")
    op.drop_table("credit_entry")
    op.drop_index(op.f("ix_credit_organisation_id_created_at_id"), table_name="credit")
    op.drop_index(op.f("ix_credit_organisation_id_account_id_status"), table_name="credit")
    op.drop_index("ix_credit_expiring", table_name="credit")
    op.drop_table("credit")
    op.drop_table("audit")
    op.drop_index(op.f("ix_alias_organisation_id_account_id"), table_name="alias")
    op.drop_table("alias")
    op.drop_index(
        "uq_addon_shelf_name",
        table_name="addon",
        sqlite_where=sa.text("status = 'ACTIVE'"),
        postgresql_where=sa.text("status = 'ACTIVE'"),
    )
    op.drop_index(op.f("ix_addon_organisation_id_updated_at_id"), table_name="addon")
    op.drop_table("addon")
    op.drop_index(op.f("ix_account_organisation_id_updated_at_id"), table_name="account")
    op.drop_index(op.f("ix_account_organisation_id_customer_id"), table_name="account")
    op.drop_table("account")
    if not on_sqlite():
        op.execute("DROP FUNCTION refuse_change()")
