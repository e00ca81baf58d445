"""Transactions on the event store's file, and what its failures mean to those who ask."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, Final

import duckdb

from tallystick.kernel.errors import BillingError, Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

ATTACHED: Final = "kept"
"""The name under which DuckDB knows the file."""

AT_ONCE: Final = "immediate_transaction_mode"
"""The setting by which a transaction begins when it is told to, not with its first statement."""

_DAMAGE: Final = ("corrupt database", "corrupt wal", "failed to deserialize", "serialization error")
"""What DuckDB says of a file whose content is not what was written; it has no class of errors for it."""

_AWAY: Final = (duckdb.FatalException, duckdb.InternalException, duckdb.ConnectionException, duckdb.IOException)


class EventTransactions:
    """Cursors and transactions; each has a connection of its own, so any thread may ask.

    A transaction sees every other one whole or not at all. DuckDB alone does not see to it: one that begins while
    another commits sees what of that is marked as committed so far (ADR 0023). So none begins meanwhile.
    """

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self._database = database
        self._turn = threading.Lock()
        """Held while a transaction begins, and while one commits."""

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor that is in no transaction."""
        with contextlib.closing(self._database.cursor()) as cursor:
            cursor.execute(f"USE {ATTACHED}")
            yield cursor

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor in a transaction, which ends with it: nothing was done unless it was committed."""
        with self._cursor() as cursor:
            with self._turn:
                cursor.begin()
            yield cursor

    def _commit(self, cursor: duckdb.DuckDBPyConnection) -> None:
        with self._turn:
            cursor.commit()

    def _read(self, query: str, parameters: Mapping[str, object], **tables: pa.Table) -> list[Any]:
        with readable(), self._transaction() as cursor:
            for name, table in tables.items():
                cursor.register(name, table)
            return cursor.execute(query, parameters).fetchall()


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """A store that cannot be read is no defect of the question: it is opened anew soon, or has to be restored.

    Raises:
        BillingError: of kind UNAVAILABLE; BROKEN, when a block of the file is damaged.
    """
    try:
        yield
    except duckdb.Error as failure:
        if any(word in str(failure).lower() for word in _DAMAGE):
            raise unreadable(failure, "read") from failure
        if not isinstance(failure, _AWAY):
            raise
        reason = f"the event store cannot be read now ({_first_line(failure)}): try again in a moment"
        raise BillingError(Kind.UNAVAILABLE, "event_store_unavailable", Problem("", reason)) from failure


def unreadable(failure: duckdb.Error, what: str) -> BillingError:
    """The file itself is damaged."""
    reason = f"events.duckdb cannot be {what} ({_first_line(failure)}): restore the data directory from a backup"
    return BillingError(Kind.BROKEN, "event_store_damaged", Problem("", reason))


def _first_line(failure: Exception) -> str:
    return str(failure).partition("\n")[0]
