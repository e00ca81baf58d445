"""Putting usage facts in order: by series and time, a portion at a time, so that a question reads few of them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

ROWS_PER_GROUP: Final = 40_960
PORTION: Final = 12 * ROWS_PER_GROUP
"""Facts that are sorted together: whole groups of rows, which DuckDB does not write again; 20 MB in memory."""

_BEHIND: Final = "SELECT min(rowid) + $portion FROM fact_arrived"
_MOVE: Final = "INSERT INTO fact_sorted FROM fact_arrived WHERE rowid < $behind ORDER BY series, event_at"
_REMOVE: Final = "DELETE FROM fact_arrived WHERE rowid < $behind"


def move_portion(cursor: duckdb.DuckDBPyConnection) -> int:
    """Move those facts that arrived first, at most `PORTION`, to the sorted ones, in this transaction; how many.

    Facts may arrive meanwhile: this transaction does not see them.

    Raises:
        duckdb.Error: when they cannot be moved.
    """
    (behind,) = cursor.execute(_BEHIND, {"portion": PORTION}).fetchall()[0]
    (moved,) = cursor.execute(_MOVE, {"behind": behind}).fetchall()[0]
    (removed,) = cursor.execute(_REMOVE, {"behind": behind}).fetchall()[0]
    assert moved == removed, "a transaction sees the same rows twice"
    return int(moved)


@contextlib.contextmanager
def writing_columns(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let this cursor write whole groups of rows as columns at once, past the write-ahead log."""
    cursor.execute("SET SESSION enable_optimistic_write = true")
    try:
        yield
    finally:
        with contextlib.suppress(Exception):
            cursor.execute("SET SESSION enable_optimistic_write = false")
