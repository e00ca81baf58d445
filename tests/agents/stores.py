"""What a server keeps, as one digest: every table of the state, the event log and the event store."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Inside

    Ask = Callable[[str], list[tuple[Any, ...]]]

CALLS: Final = "tool_call"
"""The one table that a preview may write: that it was asked for."""
_SQLITE_TABLES: Final = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
_DUCK_TABLES: Final = "SELECT table_name FROM duckdb_tables()"


def digest(server: Inside) -> str:
    """The same as long as nothing is changed but the record of tool calls."""
    folder = server.engine.directory
    kept = hashlib.sha256()
    for path in (folder.path / "state.db", folder.event_log):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            _add(kept, lambda sql, asked=connection: asked.execute(sql).fetchall(), _SQLITE_TABLES)
    with server.engine.events._transaction() as cursor:
        _add(kept, lambda sql: cursor.execute(sql).fetchall(), _DUCK_TABLES)
    return kept.hexdigest()


def _add(kept: Any, ask: Ask, tables: str) -> None:  # noqa: ANN401 - a hash of the standard library
    names = sorted(name for (name,) in ask(tables))
    assert names
    for name in names:
        if name != CALLS:
            kept.update(repr((name, sorted(map(repr, ask(f'SELECT * FROM "{name}"'))))).encode())
