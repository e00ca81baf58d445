"""Runs the migrations on the connection that `stores/state/database.py` hands over."""

from __future__ import annotations

from alembic import context

from tallystick.stores import faults
from tallystick.stores.state.metadata import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    on_version_apply=lambda *_, **__: faults.reach(faults.MIGRATION_STEP),
)
with context.begin_transaction():
    context.run_migrations()
