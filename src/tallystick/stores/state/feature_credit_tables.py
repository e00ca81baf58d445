"""The state tables of feature credits: what accounts were granted of features, and what events used of it."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKeyConstraint, Index, PrimaryKeyConstraint, Table

from tallystick.stores.state.columns import Units
from tallystick.stores.state.metadata import METADATA, instant_column, text_column

feature_credit = Table(
    "feature_credit",
    METADATA,
    text_column("organisation_id"),
    text_column("account_id"),
    text_column("feature_id"),
    text_column("id"),
    text_column("source"),
    text_column("status"),
    Column("granted", Units, nullable=True),
    Column("used", Units, nullable=False),
    instant_column("effective_from"),
    instant_column("effective_until"),
    Column("revision", BigInteger, nullable=False),
    instant_column("created_at"),
    instant_column("updated_at"),
    PrimaryKeyConstraint("organisation_id", "account_id", "feature_id", "id"),
    CheckConstraint("granted IS NULL OR used <= granted", name="left"),
    CheckConstraint("granted IS NOT NULL OR source = 'OVERAGE'", name="limit"),
    CheckConstraint("effective_from < effective_until", name="forward"),
)
feature_debit = Table(
    "feature_debit",
    METADATA,
    text_column("organisation_id"),
    Column("log_row", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    text_column("kind"),
    text_column("account_id"),
    text_column("feature_id"),
    text_column("entry_id"),
    Column("units", Units, nullable=False),
    PrimaryKeyConstraint("organisation_id", "log_row", "position", "kind", "entry_id"),
    ForeignKeyConstraint(
        ["organisation_id", "account_id", "feature_id", "entry_id"],
        [
            "feature_credit.organisation_id",
            "feature_credit.account_id",
            "feature_credit.feature_id",
            "feature_credit.id",
        ],
    ),
    Index(None, "organisation_id", "position"),
    CheckConstraint("kind IN ('DEBIT', 'RETURN')", name="kind"),
)
