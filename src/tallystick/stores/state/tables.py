"""The state tables. They are created by the migrations only; a test compares the two.

Every table of an organisation starts its key with it. Documents keep their JSON in `body`, beside the
columns that lists filter and sort by. Facts (schedules, credits, invoices, their lines) have real columns; amounts are
whole minor units.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from tallystick.stores.state.columns import Day, Instant

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that sorts by code point on both databases, so that pages have one order."""


def _text(name: str, *, optional: bool = False) -> Column[str]:
    return Column(name, _TEXT, nullable=optional)


def _instant(name: str, *, optional: bool = False) -> Column[object]:
    return Column(name, Instant, nullable=optional)


def _document(name: str, *columns: Column[str], unique: tuple[str, ...] = ()) -> Table:
    """A table of documents: the JSON, and the columns that lists and rules look at."""
    return Table(
        name,
        METADATA,
        _text("organisation_id"),
        _text("id"),
        *columns,
        _instant("created_at"),
        _instant("updated_at"),
        _text("body"),
        PrimaryKeyConstraint("organisation_id", "id"),
        *(UniqueConstraint("organisation_id", column) for column in unique),
        Index(None, "organisation_id", "updated_at", "id"),
    )


meta = Table("meta", METADATA, _text("key"), _text("value"), PrimaryKeyConstraint("key"))

organisation = Table(
    "organisation",
    METADATA,
    _text("id"),
    _text("body"),
    Column("catalogue_version", BigInteger, nullable=False),
    Column("last_invoice_number", BigInteger, nullable=False),
    _instant("created_at"),
    PrimaryKeyConstraint("id"),
)

api_key = Table(
    "api_key",
    METADATA,
    _text("id"),
    _text("organisation_id"),
    _text("name"),
    _text("digest"),
    _text("hint"),
    _instant("created_at"),
    _instant("revoked_at", optional=True),
    Column("scopes", _TEXT, nullable=False, server_default="admin money read write"),
    Column("credit_limit", _TEXT, nullable=False, server_default="100"),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("digest"),
    ForeignKeyConstraint(["organisation_id"], ["organisation.id"]),
)

idempotency = Table(
    "idempotency",
    METADATA,
    _text("organisation_id"),
    _text("key"),
    _text("fingerprint"),
    Column("status", Integer, nullable=True),
    Column("body", LargeBinary, nullable=True),
    _instant("created_at"),
    PrimaryKeyConstraint("organisation_id", "key"),
    Index(None, "created_at"),
)

audit = Table(
    "audit",
    METADATA,
    _text("id"),
    _text("organisation_id"),
    _text("actor"),
    _text("operation"),
    _text("subject"),
    _instant("at"),
    PrimaryKeyConstraint("organisation_id", "id"),
)

tool_call = Table(
    "tool_call",
    METADATA,
    _text("organisation_id"),
    _text("id"),
    _text("actor"),
    _text("client"),
    _text("tool"),
    _text("argument_digest"),
    _text("result"),
    _instant("at"),
    PrimaryKeyConstraint("organisation_id", "id"),
)

used_preview = Table(
    "used_preview",
    METADATA,
    _text("organisation_id"),
    _text("id"),
    _instant("expires_at"),
    PrimaryKeyConstraint("organisation_id", "id"),
    Index(None, "expires_at"),
)

second_look = Table(
    "second_look",
    METADATA,
    _text("organisation_id"),
    _text("account_ref"),
    _instant("created_at"),
    PrimaryKeyConstraint("organisation_id", "account_ref"),
)

customer = _document("customer", _text("status"), _text("name"), _text("primary_email"))
account = _document(
    "account",
    _text("customer_id"),
    _text("status"),
    _text("name"),
    _text("primary_email", optional=True),
    _text("invoice_currency"),
)
Index(None, account.c.organisation_id, account.c.customer_id)

alias = Table(
    "alias",
    METADATA,
    _text("organisation_id"),
    _text("id"),
    _text("value"),
    _text("account_id"),
    _instant("effective_from"),
    _instant("effective_until"),
    _instant("created_at"),
    PrimaryKeyConstraint("organisation_id", "id"),
    UniqueConstraint("organisation_id", "value", "effective_from"),
    Index(None, "organisation_id", "account_id"),
)

event_schema = _document("event_schema", _text("status"), _text("description", optional=True))
event_schema_version = Table(
    "event_schema_version",
    METADATA,
    _text("organisation_id"),
    _text("name"),
    Column("version", Integer, nullable=False),
    _text("body"),
    PrimaryKeyConstraint("organisation_id", "name", "version"),
)
usage_meter = _document(
    "usage_meter",
    _text("status"),
    _text("name"),
    _text("billable_name", optional=True),
    _text("aggregation"),
    _text("event_schema_name", optional=True),
    unique=("name",),
)
addon = _document(
    "addon",
    _text("status"),
    _text("type"),
    _text("name"),
    _text("billable_name", optional=True),
    _text("display_name"),
)
Index(
    "uq_addon_shelf_name",
    addon.c.organisation_id,
    addon.c.display_name,
    unique=True,
    sqlite_where=text("status = 'ACTIVE'"),
    postgresql_where=text("status = 'ACTIVE'"),
)
setting = _document(
    "setting",
    _text("setting_id"),
    _text("namespace"),
    _text("entity_type"),
    _text("entity_id"),
)
Index(None, setting.c.organisation_id, setting.c.entity_type, setting.c.entity_id)

feature = _document("feature", _text("name"))
feature_tie = Table(
    "feature_tie",
    METADATA,
    _text("organisation_id"),
    _text("schema_name"),
    _text("feature_id"),
    _text("attribute_name"),
    PrimaryKeyConstraint("organisation_id", "schema_name"),
    Index(None, "organisation_id", "feature_id"),
)
price_plan = _document("price_plan", _text("status"), _text("type"), _text("name"), _text("description", optional=True))


def _agreed() -> tuple[Column[Any], ...]:
    """What a piece of a timeline says, in force and in draft alike."""
    return (
        _text("price_plan_id"),
        _text("plan_version_id"),
        _instant("starts_at"),
        _instant("ends_at"),
        _text("interval"),
        _text("day_offset"),
        _text("month_offset"),
        Column("grace_days", Integer, nullable=False),
        Column("anniversary", Boolean, nullable=False),
    )


schedule = Table(
    "schedule",
    METADATA,
    _text("organisation_id"),
    _text("id"),
    _text("account_id"),
    *_agreed(),
    _instant("next_cycle_at", optional=True),
    Column("next_ordinal", Integer, nullable=False),
    _instant("created_at"),
    Column("first_ordinal", Integer, nullable=False, server_default="0"),
    _text("override", optional=True),
    PrimaryKeyConstraint("organisation_id", "id"),
    UniqueConstraint("organisation_id", "account_id", "starts_at"),
    Index("ix_schedule_opening", "next_cycle_at", "organisation_id"),
    CheckConstraint("starts_at < ends_at", name="forward"),
)
timeline_draft = Table(
    "timeline_draft",
    METADATA,
    _text("organisation_id"),
    _text("account_id"),
    _text("base"),
    _instant("updated_at"),
    PrimaryKeyConstraint("organisation_id", "account_id"),
)
schedule_draft = Table(
    "schedule_draft",
    METADATA,
    _text("organisation_id"),
    _text("account_id"),
    _text("id"),
    *_agreed(),
    Column("first_ordinal", Integer, nullable=False),
    _text("override", optional=True),
    PrimaryKeyConstraint("organisation_id", "account_id", "id"),
    UniqueConstraint("organisation_id", "id"),
    ForeignKeyConstraint(
        ["organisation_id", "account_id"], ["timeline_draft.organisation_id", "timeline_draft.account_id"]
    ),
    CheckConstraint("starts_at < ends_at", name="forward"),
)

credit = Table(
    "credit",
    METADATA,
    _text("organisation_id"),
    _text("id"),
    _text("account_id"),
    _text("customer_id"),
    _text("purpose"),
    Column("priority", Integer, nullable=False),
    _text("currency"),
    Column("amount_minor", BigInteger, nullable=False),
    Column("consumed_minor", BigInteger, nullable=False),
    Column("lost_minor", BigInteger, nullable=False),
    Column("effective_from", Day, nullable=False),
    Column("effective_until", Day, nullable=True),
    _instant("expires_at", optional=True),
    _text("status"),
    _text("applicable_entity_ids"),
    _text("grantor_id", optional=True),
    _text("idempotency_key", optional=True),
    _instant("created_at"),
    _instant("updated_at"),
    PrimaryKeyConstraint("organisation_id", "id"),
    UniqueConstraint("organisation_id", "account_id", "idempotency_key"),
    Index(None, "organisation_id", "account_id", "status"),
    Index(None, "organisation_id", "created_at", "id"),
    Index("ix_credit_expiring", "expires_at", "status"),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("consumed_minor >= 0 AND lost_minor >= 0", name="used"),
    CheckConstraint("consumed_minor + lost_minor <= amount_minor", name="left"),
)
credit_entry = Table(
    "credit_entry",
    METADATA,
    _text("organisation_id"),
    _text("id"),
    _text("credit_id"),
    _text("type"),
    Column("amount_minor", BigInteger, nullable=False),
    _text("invoice_id", optional=True),
    _instant("created_at"),
    PrimaryKeyConstraint("organisation_id", "id"),
    UniqueConstraint("organisation_id", "credit_id", "invoice_id", "type"),
    Index(None, "organisation_id", "invoice_id"),
)

credit_grant = Table(
    "credit_grant",
    METADATA,
    _text("organisation_id"),
    _text("schedule_id"),
    _instant("cycle_start"),
    _text("invoice_type"),
    _text("item_id"),
    _text("credit_id"),
    _instant("created_at"),
    PrimaryKeyConstraint("organisation_id", "schedule_id", "cycle_start", "invoice_type", "item_id"),
    UniqueConstraint("organisation_id", "credit_id"),
)

licence_entry = Table(
    "licence_entry",
    METADATA,
    _text("organisation_id"),
    _text("id"),
    _text("license_id"),
    _text("account_id"),
    _text("account_ref"),
    _text("type"),
    _text("quantity"),
    _instant("effective_from"),
    _instant("booked_at"),
    _text("idempotency_key", optional=True),
    _text("metadata"),
    _instant("created_at"),
    PrimaryKeyConstraint("organisation_id", "id"),
    UniqueConstraint("organisation_id", "account_ref", "idempotency_key"),
    Index(None, "organisation_id", "account_id", "license_id"),
    Index(None, "organisation_id", "created_at", "id"),
)

invoice = Table(
    "invoice",
    METADATA,
    _text("organisation_id"),
    _text("id"),
    _text("account_id"),
    _text("customer_id"),
    _text("schedule_id"),
    _text("price_plan_id"),
    _text("class"),
    _text("type"),
    _text("status"),
    _instant("cycle_start"),
    _instant("cycle_end"),
    _instant("nominal_start"),
    _instant("nominal_end"),
    Column("cycle_ordinal", Integer, nullable=False),
    _instant("freeze_at"),
    _text("currency"),
    Column("net_term_days", Integer, nullable=False),
    _text("sequence_id", optional=True),
    Column("total_minor", BigInteger, nullable=True),
    Column("paid_minor", BigInteger, nullable=False),
    _instant("frozen_at", optional=True),
    Column("frozen_position", BigInteger, nullable=True),
    _text("details", optional=True),
    _instant("created_at"),
    _instant("updated_at"),
    PrimaryKeyConstraint("organisation_id", "id"),
    UniqueConstraint("organisation_id", "sequence_id"),
    Index(None, "organisation_id", "account_id", "cycle_start"),
    Index(None, "organisation_id", "created_at", "id"),
)
Index(
    "uq_invoice_cycle",
    invoice.c.organisation_id,
    invoice.c.account_id,
    invoice.c.schedule_id,
    invoice.c.cycle_start,
    invoice.c["class"],
    invoice.c.type,
    unique=True,
    sqlite_where=text("status <> 'VOID'"),
    postgresql_where=text("status <> 'VOID'"),
)
Index(
    "ix_invoice_freezing",
    invoice.c.freeze_at,
    invoice.c.organisation_id,
    sqlite_where=text("status = 'DRAFT'"),
    postgresql_where=text("status = 'DRAFT'"),
)
invoice_line = Table(
    "invoice_line",
    METADATA,
    _text("organisation_id"),
    _text("invoice_id"),
    Column("number", Integer, nullable=False),
    Column("parent", Integer, nullable=True),
    Column("depth", Integer, nullable=False),
    Column("type", String(64), nullable=False),
    _text("item_id", optional=True),
    _text("description"),
    _text("quantity", optional=True),
    _text("value_per_quantity", optional=True),
    _text("units"),
    Column("amount_minor", BigInteger, nullable=True),
    _text("metadata", optional=True),
    PrimaryKeyConstraint("organisation_id", "invoice_id", "number"),
    ForeignKeyConstraint(["organisation_id", "invoice_id"], ["invoice.organisation_id", "invoice.id"]),
)
pricing_rule_log = Table(
    "pricing_rule_log",
    METADATA,
    _text("organisation_id"),
    _text("invoice_id"),
    Column("number", Integer, nullable=False),
    _text("rule_id"),
    _text("type"),
    _text("body"),
    PrimaryKeyConstraint("organisation_id", "invoice_id", "number"),
    ForeignKeyConstraint(["organisation_id", "invoice_id"], ["invoice.organisation_id", "invoice.id"]),
)

job = Table(
    "job",
    METADATA,
    _text("organisation_id"),
    _text("id"),
    _text("type"),
    _text("status"),
    _text("instructions"),
    _text("progress", optional=True),
    _text("metadata"),
    Column("requires_confirmation", Boolean, nullable=False),
    Column("total", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("completed", Integer, nullable=False),
    Column("cancelled", Integer, nullable=False),
    _instant("created_at"),
    _instant("updated_at"),
    _instant("settled_at", optional=True),
    PrimaryKeyConstraint("organisation_id", "id"),
)
Index(
    "ix_job_unsettled",
    job.c.organisation_id,
    job.c.id,
    sqlite_where=text("settled_at IS NULL"),
    postgresql_where=text("settled_at IS NULL"),
)
job_entry = Table(
    "job_entry",
    METADATA,
    _text("organisation_id"),
    _text("job_id"),
    Column("number", BigInteger, nullable=False),
    _text("entity_id"),
    _text("status"),
    Column("reference", BigInteger, nullable=True),
    _text("metadata", optional=True),
    _text("details", optional=True),
    _instant("created_at"),
    PrimaryKeyConstraint("organisation_id", "job_id", "number"),
    UniqueConstraint("organisation_id", "job_id", "entity_id"),
    ForeignKeyConstraint(["organisation_id", "job_id"], ["job.organisation_id", "job.id"]),
    Index(None, "organisation_id", "job_id", "status", "number"),
)
