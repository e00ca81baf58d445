"""The state tables of money that came in: wallets with their entries, and payments with what each part of them paid.

They are facts with real columns; amounts are whole minor units.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)

from tallystick.stores.state.metadata import METADATA, instant_column, text_column

wallet = Table(
    "wallet",
    METADATA,
    text_column("organisation_id"),
    text_column("id"),
    text_column("account_id"),
    text_column("customer_id"),
    text_column("currency"),
    Column("credited_minor", BigInteger, nullable=False),
    Column("consumed_minor", BigInteger, nullable=False),
    Column("entries", BigInteger, nullable=False),
    text_column("status"),
    instant_column("effective_from"),
    instant_column("created_at"),
    instant_column("updated_at"),
    PrimaryKeyConstraint("organisation_id", "id"),
    UniqueConstraint("organisation_id", "account_id"),
    CheckConstraint("consumed_minor >= 0 AND consumed_minor <= credited_minor", name="balance"),
)
wallet_entry = Table(
    "wallet_entry",
    METADATA,
    text_column("organisation_id"),
    text_column("wallet_id"),
    Column("number", BigInteger, nullable=False),
    text_column("id"),
    text_column("type"),
    Column("amount_minor", BigInteger, nullable=False),
    Column("closing_minor", BigInteger, nullable=False),
    text_column("entity_id", optional=True),
    text_column("description"),
    text_column("idempotency_key", optional=True),
    instant_column("created_at"),
    PrimaryKeyConstraint("organisation_id", "wallet_id", "number"),
    UniqueConstraint("organisation_id", "id"),
    UniqueConstraint("organisation_id", "wallet_id", "idempotency_key"),
    ForeignKeyConstraint(["organisation_id", "wallet_id"], ["wallet.organisation_id", "wallet.id"]),
    Index(None, "organisation_id", "entity_id"),
    CheckConstraint("amount_minor > 0 AND closing_minor >= 0", name="amounts"),
)
payment = Table(
    "payment",
    METADATA,
    text_column("organisation_id"),
    text_column("id"),
    text_column("account_id"),
    text_column("currency"),
    Column("total_minor", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    text_column("source_name"),
    text_column("source_type"),
    text_column("transaction_number"),
    text_column("reference"),
    text_column("description", optional=True),
    text_column("notes", optional=True),
    text_column("created_by"),
    instant_column("created_at"),
    PrimaryKeyConstraint("organisation_id", "id"),
    Index(None, "organisation_id", "created_at", "id"),
    CheckConstraint("total_minor > 0 AND version > 0", name="positive"),
)
Index(
    "uq_payment_reference",
    payment.c.organisation_id,
    payment.c.account_id,
    payment.c.source_type,
    payment.c.source_name,
    payment.c.transaction_number,
    unique=True,
    sqlite_where=text("source_type <> 'CASH'"),
    postgresql_where=text("source_type <> 'CASH'"),
)
payment_line = Table(
    "payment_line",
    METADATA,
    text_column("organisation_id"),
    text_column("payment_id"),
    Column("version", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    text_column("type"),
    Column("rank", Integer, nullable=False),
    text_column("entity_id", optional=True),
    Column("amount_minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("organisation_id", "payment_id", "version", "number"),
    ForeignKeyConstraint(["organisation_id", "payment_id"], ["payment.organisation_id", "payment.id"]),
    Index(None, "organisation_id", "entity_id"),
    CheckConstraint("amount_minor >= 0", name="amount"),
)
