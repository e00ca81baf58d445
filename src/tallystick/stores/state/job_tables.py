"""The tables of jobs, of what they are about, and of what simulations found."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
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

job = Table(
    "job",
    METADATA,
    text_column("organisation_id"),
    text_column("id"),
    text_column("type"),
    text_column("status"),
    text_column("instructions"),
    text_column("progress", optional=True),
    text_column("metadata"),
    Column("requires_confirmation", Boolean, nullable=False),
    Column("total", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("completed", Integer, nullable=False),
    Column("cancelled", Integer, nullable=False),
    instant_column("created_at"),
    instant_column("updated_at"),
    instant_column("settled_at", optional=True),
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
    text_column("organisation_id"),
    text_column("job_id"),
    Column("number", BigInteger, nullable=False),
    text_column("entity_id"),
    text_column("status"),
    Column("reference", BigInteger, nullable=True),
    text_column("metadata", optional=True),
    text_column("details", optional=True),
    instant_column("created_at"),
    PrimaryKeyConstraint("organisation_id", "job_id", "number"),
    UniqueConstraint("organisation_id", "job_id", "entity_id"),
    ForeignKeyConstraint(["organisation_id", "job_id"], ["job.organisation_id", "job.id"]),
    Index(None, "organisation_id", "job_id", "status", "number"),
)

simulated_account = Table(
    "simulated_account",
    METADATA,
    text_column("organisation_id"),
    text_column("simulation_id"),
    text_column("account_id"),
    text_column("currency"),
    Column("cycles", Integer, nullable=False),
    Column("old_minor", BigInteger, nullable=False),
    Column("new_minor", BigInteger, nullable=False),
    Column("difference_minor", BigInteger, nullable=False),
    text_column("lines"),
    PrimaryKeyConstraint("organisation_id", "simulation_id", "account_id"),
    ForeignKeyConstraint(["organisation_id", "simulation_id"], ["job.organisation_id", "job.id"]),
)
Index(
    "ix_simulated_account_difference",
    simulated_account.c.organisation_id,
    simulated_account.c.simulation_id,
    simulated_account.c.currency,
    simulated_account.c.difference_minor,
    simulated_account.c.account_id,
)
