"""Shadows of tables: what a rehearsal writes on, so that on SQLite it needs no lock and nobody waits for it.

SQLite looks for a name among temporary tables first: what has a shadow is read and written there, all else is read from
the snapshot of the transaction. A rollback takes the shadows away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import MetaData, Table, insert, select
from sqlalchemy.schema import CreateTable

from tallystick.stores.state import job_tables, tables

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SHADOWED: Final = (
    tables.organisation,
    tables.event_schema,
    tables.event_schema_version,
    tables.usage_meter,
    tables.addon,
    tables.feature,
    tables.feature_tie,
    tables.price_plan,
    job_tables.job,
)
"""All that a changed catalogue writes; a write elsewhere would take the lock of the file."""


class _Shadow(NamedTuple):
    """A temporary table that stands before a stored one."""

    source: Table
    table: Table


def cast_shadows(connection: Connection, organisation: str) -> None:
    """Put a copy of what one organisation has before the stored tables, until the transaction ends."""
    for source, shadow in _SHADOWS:
        connection.execute(CreateTable(shadow))
        owner = source.c.id if "organisation_id" not in source.c else source.c.organisation_id
        mine = select(source).where(owner == organisation)
        connection.execute(insert(shadow).from_select(list(shadow.c.keys()), mine))


def _shadow_of(table: Table) -> _Shadow:
    source, shadow = (table.to_metadata(MetaData(), schema=schema) for schema in ("main", "temp"))
    for key in list(shadow.foreign_key_constraints):
        shadow.constraints.discard(key)  # a temporary table refers to no stored one
    return _Shadow(source, shadow)


_SHADOWS: Final = tuple(_shadow_of(table) for table in _SHADOWED)
