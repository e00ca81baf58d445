"""The state tables. They are created by the migrations only; a test compares the two.

Every table of an organisation starts its key with it. Documents keep their JSON in `body`, beside the
columns that lists filter and sort by. Facts (schedules, and those of `bill_tables.py`, `feature_credit_tables.py`,
`payment_tables.py` and `job_tables.py`) have real columns.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)

from tallystick.stores.state import (  # noqa: F401 - METADATA knows their tables too
    bill_tables,
    feature_credit_tables,
    job_tables,
    payment_tables,
    purchase_tables,
)
from tallystick.stores.state.metadata import METADATA, TEXT, instant_column, text_column


def _document(name: str, *columns: Column[str], unique: tuple[str, ...] = ()) -> Table:
    """A table of documents: the JSON, and the columns that lists and rules look at."""
    return Table(
        name,
        METADATA,
        text_column("organisation_id"),
        text_column("id"),
        *columns,
        instant_column("created_at"),
        instant_column("updated_at"),
        text_column("body"),
        PrimaryKeyConstraint("organisation_id", "id"),
        *(UniqueConstraint("organisation_id", column) for column in unique),
        Index(None, "organisation_id", "updated_at", "id"),
    )


meta = Table("meta", METADATA, text_column("key"), text_column("value"), PrimaryKeyConstraint("key"))

organisation = Table(
    "organisation",
    METADATA,
    text_column("id"),
    text_column("body"),
    Column("catalogue_version", BigInteger, nullable=False),
    Column("last_invoice_number", BigInteger, nullable=False),
    instant_column("created_at"),
    PrimaryKeyConstraint("id"),
)

api_key = Table(
    "api_key",
    METADATA,
    text_column("id"),
    text_column("organisation_id"),
    text_column("name"),
    text_column("digest"),
    text_column("hint"),
    instant_column("created_at"),
    instant_column("revoked_at", optional=True),
    Column("scopes", TEXT, nullable=False, server_default="admin money read write"),
    Column("credit_limit", TEXT, nullable=False, server_default="100"),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("digest"),
    ForeignKeyConstraint(["organisation_id"], ["organisation.id"]),
)

idempotency = Table(
    "idempotency",
    METADATA,
    text_column("organisation_id"),
    text_column("key"),
    text_column("fingerprint"),
    Column("status", Integer, nullable=True),
    Column("body", LargeBinary, nullable=True),
    instant_column("created_at"),
    PrimaryKeyConstraint("organisation_id", "key"),
    Index(None, "created_at"),
)

audit = Table(
    "audit",
    METADATA,
    text_column("id"),
    text_column("organisation_id"),
    text_column("actor"),
    text_column("operation"),
    text_column("subject"),
    instant_column("at"),
    PrimaryKeyConstraint("organisation_id", "id"),
)

tool_call = Table(
    "tool_call",
    METADATA,
    text_column("organisation_id"),
    text_column("id"),
    text_column("actor"),
    text_column("client"),
    text_column("tool"),
    text_column("argument_digest"),
    text_column("result"),
    instant_column("at"),
    PrimaryKeyConstraint("organisation_id", "id"),
)

used_preview = Table(
    "used_preview",
    METADATA,
    text_column("organisation_id"),
    text_column("id"),
    instant_column("expires_at"),
    PrimaryKeyConstraint("organisation_id", "id"),
    Index(None, "expires_at"),
)

second_look = Table(
    "second_look",
    METADATA,
    text_column("organisation_id"),
    text_column("account_ref"),
    instant_column("created_at"),
    PrimaryKeyConstraint("organisation_id", "account_ref"),
)

customer = _document("customer", text_column("status"), text_column("name"), text_column("primary_email"))
account = _document(
    "account",
    text_column("customer_id"),
    text_column("status"),
    text_column("name"),
    text_column("primary_email", optional=True),
    text_column("invoice_currency"),
)
Index(None, account.c.organisation_id, account.c.customer_id)

alias = Table(
    "alias",
    METADATA,
    text_column("organisation_id"),
    text_column("id"),
    text_column("value"),
    text_column("account_id"),
    instant_column("effective_from"),
    instant_column("effective_until"),
    instant_column("created_at"),
    PrimaryKeyConstraint("organisation_id", "id"),
    UniqueConstraint("organisation_id", "value", "effective_from"),
    Index(None, "organisation_id", "account_id"),
)

event_schema = _document("event_schema", text_column("status"), text_column("description", optional=True))
event_schema_version = Table(
    "event_schema_version",
    METADATA,
    text_column("organisation_id"),
    text_column("name"),
    Column("version", Integer, nullable=False),
    text_column("body"),
    PrimaryKeyConstraint("organisation_id", "name", "version"),
)
usage_meter = _document(
    "usage_meter",
    text_column("status"),
    text_column("name"),
    text_column("billable_name", optional=True),
    text_column("aggregation"),
    text_column("event_schema_name", optional=True),
    unique=("name",),
)
addon = _document(
    "addon",
    text_column("status"),
    text_column("type"),
    text_column("name"),
    text_column("billable_name", optional=True),
    text_column("display_name"),
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
    text_column("setting_id"),
    text_column("namespace"),
    text_column("entity_type"),
    text_column("entity_id"),
)
Index(None, setting.c.organisation_id, setting.c.entity_type, setting.c.entity_id)

feature = _document("feature", text_column("name"))
feature_tie = Table(
    "feature_tie",
    METADATA,
    text_column("organisation_id"),
    text_column("schema_name"),
    text_column("feature_id"),
    text_column("attribute_name"),
    PrimaryKeyConstraint("organisation_id", "schema_name"),
    Index(None, "organisation_id", "feature_id"),
)
price_plan = _document(
    "price_plan",
    text_column("status"),
    text_column("type"),
    text_column("name"),
    text_column("description", optional=True),
)


def _agreed() -> tuple[Column[Any], ...]:
    """What a piece of a timeline says, in force and in draft alike."""
    return (
        text_column("price_plan_id"),
        text_column("plan_version_id"),
        instant_column("starts_at"),
        instant_column("ends_at"),
        text_column("interval"),
        text_column("day_offset"),
        text_column("month_offset"),
        Column("grace_days", Integer, nullable=False),
        Column("anniversary", Boolean, nullable=False),
    )


schedule = Table(
    "schedule",
    METADATA,
    text_column("organisation_id"),
    text_column("id"),
    text_column("account_id"),
    *_agreed(),
    instant_column("next_cycle_at", optional=True),
    Column("next_ordinal", Integer, nullable=False),
    instant_column("created_at"),
    Column("first_ordinal", Integer, nullable=False, server_default="0"),
    text_column("override", optional=True),
    text_column("pricing_rules", optional=True),
    instant_column("next_grant_at", optional=True),
    PrimaryKeyConstraint("organisation_id", "id"),
    UniqueConstraint("organisation_id", "account_id", "starts_at"),
    Index("ix_schedule_opening", "next_cycle_at", "organisation_id"),
    Index("ix_schedule_granting", "next_grant_at", "organisation_id"),
    CheckConstraint("starts_at < ends_at", name="forward"),
)
timeline_draft = Table(
    "timeline_draft",
    METADATA,
    text_column("organisation_id"),
    text_column("account_id"),
    text_column("base"),
    instant_column("updated_at"),
    PrimaryKeyConstraint("organisation_id", "account_id"),
)
schedule_draft = Table(
    "schedule_draft",
    METADATA,
    text_column("organisation_id"),
    text_column("account_id"),
    text_column("id"),
    *_agreed(),
    Column("first_ordinal", Integer, nullable=False),
    text_column("override", optional=True),
    text_column("pricing_rules", optional=True),
    PrimaryKeyConstraint("organisation_id", "account_id", "id"),
    UniqueConstraint("organisation_id", "id"),
    ForeignKeyConstraint(
        ["organisation_id", "account_id"], ["timeline_draft.organisation_id", "timeline_draft.account_id"]
    ),
    CheckConstraint("starts_at < ends_at", name="forward"),
)
