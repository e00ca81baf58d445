"""Putting usage facts in order: by series and time, a portion at a time, so that a question reads few of them.

What is sorted is also summed by series and day of UTC: a question about whole days reads the sums in its place.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import duckdb

ROWS_PER_GROUP: Final = 40_960
PORTION: Final = 12 * ROWS_PER_GROUP
"""Facts that are sorted together: whole groups of rows, which DuckDB does not write again; 20 MB in memory."""

_BEHIND: Final = "SELECT min(rowid) + $portion FROM fact_arrived"
_MOVE: Final = "INSERT INTO fact_sorted FROM fact_arrived WHERE rowid < $behind ORDER BY series, event_at"
_REMOVE: Final = "DELETE FROM fact_arrived WHERE rowid < $behind"

_ARRIVED: Final = "FROM fact_arrived WHERE rowid < $behind"
_SORTED: Final = "FROM fact_sorted WHERE rowid >= $first AND rowid < $behind"
_SUMMABLE: Final = 10**20
"""A portion of values up to here comes to less than the 10^26 that a DECIMAL(38,12) holds."""

_MOST: Final = "SELECT max(abs(value)) FROM ({facts})"
_SUM: Final = f"""
INSERT INTO fact_day SELECT series, CAST(event_at AS DATE), sum(value) FROM ({{facts}})
WHERE abs(value) <= {_SUMMABLE} GROUP BY ALL ORDER BY ALL
"""  # noqa: S608 - constants
_COPY: Final = f"""
INSERT INTO fact_day SELECT series, CAST(event_at AS DATE), value FROM ({{facts}}) WHERE abs(value) > {_SUMMABLE}
"""  # noqa: S608 - constants


def move_portion(cursor: duckdb.DuckDBPyConnection) -> int:
    """Move those facts that arrived first, at most `PORTION`, to the sorted ones, in this transaction; how many.

    Facts may arrive meanwhile: this transaction does not see them.

    Raises:
        duckdb.Error: when they cannot be moved.
    """
    (behind,) = cursor.execute(_BEHIND, {"portion": PORTION}).fetchall()[0]
    (moved,) = cursor.execute(_MOVE, {"behind": behind}).fetchall()[0]
    add_days(cursor, _ARRIVED, {"behind": behind})
    (removed,) = cursor.execute(_REMOVE, {"behind": behind}).fetchall()[0]
    assert moved == removed, "a transaction sees the same rows twice"
    return int(moved)


def add_days(cursor: duckdb.DuckDBPyConnection, facts: str, parameters: Mapping[str, object]) -> None:
    """Sum a portion of facts by series and day; `facts` is the query for them.

    A series may have several sums of a day, one of each portion. Values too large to be summed within 38 digits stand
    there one by one, since an INSERT that overflows would end the whole transaction, and no fact could be sorted.

    Raises:
        duckdb.Error: when they cannot be read or stored.
    """
    (most,) = cursor.execute(_MOST.format(facts=facts), parameters).fetchall()[0]
    cursor.execute(_SUM.format(facts=facts), parameters)
    if most is not None and most > _SUMMABLE:
        cursor.execute(_COPY.format(facts=facts), parameters)


def sum_days_anew(cursor: duckdb.DuckDBPyConnection) -> None:
    """Sum every sorted fact again, a portion at a time, in this transaction.

    Raises:
        duckdb.Error: when they cannot be read or stored.
    """
    cursor.execute("DELETE FROM fact_day")
    (end,) = cursor.execute("SELECT coalesce(max(rowid) + 1, 0) FROM fact_sorted").fetchall()[0]
    for first in range(0, end, PORTION):
        add_days(cursor, _SORTED, {"first": first, "behind": first + PORTION})


@contextlib.contextmanager
def writing_columns(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let this cursor write whole groups of rows as columns at once, past the write-ahead log."""
    cursor.execute("SET SESSION enable_optimistic_write = true")
    try:
        yield
    finally:
        with contextlib.suppress(Exception):
            cursor.execute("SET SESSION enable_optimistic_write = false")
