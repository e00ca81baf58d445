"""Jobs and their entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "job",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("type", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("instructions", _TEXT, nullable=False),
        sa.Column("progress", _TEXT, nullable=True),
        sa.Column("metadata", _TEXT, nullable=False),
        sa.Column("requires_confirmation", sa.Boolean(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("completed", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_job")),
    )
    op.create_index(
        "ix_job_unsettled",
        "job",
        ["organisation_id", "id"],
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_table(
        "job_entry",
        sa.Column("organisation_id", _TEXT, nullable=False),
        sa.Column("job_id", _TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("entity_id", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("reference", sa.BigInteger(), nullable=True),
        sa.Column("metadata", _TEXT, nullable=True),
        sa.Column("details", _TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "job_id"],
            ["job.organisation_id", "job.id"],
            name=op.f("fk_job_entry_organisation_id_job_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "job_id", "number", name=op.f("pk_job_entry")),
        sa.UniqueConstraint(
            "organisation_id", "job_id", "entity_id", name=op.f("uq_job_entry_organisation_id_job_id_entity_id")
        ),
    )
    op.create_index(
        op.f("ix_job_entry_organisation_id_job_id_status_number"),
        "job_entry",
        ["organisation_id", "job_id", "status", "number"],
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_index(op.f("ix_job_entry_organisation_id_job_id_status_number"), table_name="job_entry")
    op.drop_table("job_entry")
    op.drop_index(
        "ix_job_unsettled",
        table_name="job",
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.drop_table("job")
