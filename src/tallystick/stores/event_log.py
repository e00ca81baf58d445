"""The event log: what was acknowledged is in here, on disk, before the answer goes out.

One row holds the events of one commit as columns, with the instant at which they were received. The position of an
event is its row and its ordinal in it, in one BIGINT. The log is a buffer: the event store is the record, and rows
that are durable there are pruned here.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
import xxhash

from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.kernel.micros import instant_of, micros_of
from tallystick.stores import faults
from tallystick.stores.group_commit import GroupCommit
from tallystick.stores.log_body import packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from datetime import datetime
    from pathlib import Path

    from tallystick.kernel.clock import Clock
    from tallystick.kernel.ids import IdSource
    from tallystick.metering.columns import EventColumns
    from tallystick.metering.event_block import EventBlock
    from tallystick.stores.group_commit import Waiter

ORDINAL_BITS: Final = 20

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS log (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    count INTEGER NOT NULL,
    body BLOB NOT NULL,
    checksum INTEGER
) STRICT
"""
_ADD_CHECKSUM: Final = "ALTER TABLE log ADD COLUMN checksum INTEGER"
_PAGE_BYTES: Final = 32_768
"""Of a new file: rows are long, and cost SQLite 40 % less of the processor in such pages than in those of 4 KB."""

_PAGES_PER_CHECKPOINT: Final = 128
_INSERT: Final = "INSERT INTO log (row, received_at, reserved, count, body, checksum) VALUES (?, ?, ?, ?, ?, ?)"
_BITS: Final = 64
_PRUNE: Final = "DELETE FROM log WHERE row IN (SELECT row FROM log WHERE row <= ? ORDER BY row LIMIT ?)"
_ROWS_PER_TIDYING: Final = 8
_WORTH_GIVING_BACK: Final = 4_000_000
"""Free bytes in the file from which on the disk gets them back; below, the next events fill them anyway."""

_NEXT_ROWS: Final = """
SELECT row, received_at, reserved, count, body, checksum FROM log WHERE row > ? AND row <= ? ORDER BY row
"""


def position_of(row: int, ordinal: int = 0) -> int:
    """The position of an event: its row, then its ordinal in the row."""
    return row << ORDINAL_BITS | ordinal


def checksum_of(row: int, received: int, reserved: int, count: int, body: bytes) -> int:
    """What tells whether a row is as it was written: xxh3 of its body, seeded by the rest, as a signed integer."""
    seed = xxhash.xxh3_64_intdigest(b"%d %d %d %d" % (row, received, reserved, count))
    return xxhash.xxh3_64_intdigest(body, seed) - (1 << _BITS - 1)


def row_of(position: int) -> int:
    """The row of a position."""
    return position >> ORDINAL_BITS


class RawRow(msgspec.Struct, frozen=True, array_like=True):
    """A row as the log holds it: when it was received in microseconds since 1970, and its blocks still packed."""

    row: int
    received: int
    reserved: int
    count: int
    body: bytes

    @property
    def received_at(self) -> datetime:
        """When it was received."""
        return instant_of(self.received)

    def unpacked(self) -> LogRow:
        """The row with its blocks."""
        return LogRow(self.row, self.received_at, self.reserved, self.count, unpacked(self.body))


@dataclass(frozen=True, slots=True)
class LogRow:
    """The events of one commit, counted through all blocks; event i has the nanosecond `reserved` + i."""

    row: int
    received_at: datetime
    reserved: int
    count: int
    blocks: list[EventBlock]


class EventLog(Protocol):
    """An append-only log of events, in the order in which they were acknowledged."""

    def append(self, columns: EventColumns) -> Future[int]:
        """Take events; the future holds their row once they are durable.

        Raises:
            BillingError: of kind UNAVAILABLE, at once or by the future, when the log cannot take them now.
        """
        ...

    def append_for(self, waiter: Waiter, columns: EventColumns) -> None:
        """As `append`, for whoever wants no future."""
        ...

    def append_placed(self, columns: EventColumns) -> Future[int]:
        """As `append`; the future holds the position of the first event."""
        ...

    def end(self) -> int:
        """The last durable row, 0 before the first."""
        ...

    def barrier(self) -> int:
        """The last durable row, once everything is durable that was received before this call."""
        ...

    def read(self, after_row: int, most_events: int) -> list[LogRow]:
        """The next durable rows: as many as hold no more events than that, but one if there is one."""
        ...

    def read_raw(self, after_row: int, most_events: int) -> list[RawRow]:
        """As `read`, with the blocks still packed."""
        ...

    @property
    def failure(self) -> str | None:
        """Why nothing can be made durable now, or None."""
        ...

    def listen(self, arrived: Callable[[], None]) -> None:
        """Call this, on the log's own thread, each time a row has become durable."""
        ...

    def continue_behind(self, row: int) -> None:
        """Make sure that the rows after this one, which the event store has passed, are here or yet to come."""
        ...

    def prune(self, through_row: int) -> None:
        """Rows up to this one are durable elsewhere and may go."""
        ...

    def close(self) -> None:
        """Make everything durable that was taken, and take no more."""
        ...


class SqliteEventLog:
    """The log in a SQLite file of its own; its newest row is never pruned, so that time and rows only go up."""

    def __init__(self, path: Path, clock: Clock, ids: IdSource, *, most_waiting: int = 200_000) -> None:
        """Open or create the file; `most_waiting` bounds the events that are taken but not durable yet.

        Raises:
            BillingError: of kind BROKEN, when the file cannot be opened, or is no database.
        """
        try:
            self._file = _File(path, clock, ids)
            self._reader = _opened(path)
        except sqlite3.Error as failure:
            reason = f"{path.name} cannot be opened ({failure}): restore the data directory from a backup"
            raise BillingError(Kind.BROKEN, "event_log_damaged", Problem("", reason)) from failure
        self._reading = threading.Lock()
        self._group_commit = GroupCommit(self._file, most_waiting)

    def append(self, columns: EventColumns) -> Future[int]:
        """Take events; the future holds their row once they are durable.

        Raises:
            BillingError: of kind UNAVAILABLE, at once or by the future, when the log cannot take them now.
        """
        return self._group_commit.append(columns)

    def append_for(self, waiter: Waiter, columns: EventColumns) -> None:
        """As `append`, for whoever wants no future.

        Raises:
            BillingError: as `append`, at once.
        """
        self._group_commit.append_for(waiter, columns)

    def append_placed(self, columns: EventColumns) -> Future[int]:
        """As `append`; the future holds the position of the first event.

        Raises:
            BillingError: as `append`, at once.
        """
        return self._group_commit.append_placed(columns, position_of)

    def end(self) -> int:
        """The last durable row, 0 before the first."""
        return self._file.end()

    def barrier(self) -> int:
        """The last durable row, once everything is durable that was received before this call.

        Raises:
            BillingError: of kind UNAVAILABLE, when the log is closed.
        """
        return self._group_commit.barrier()

    def read(self, after_row: int, most_events: int) -> list[LogRow]:
        """The next durable rows: as many as hold no more events than that, but one if there is one."""
        return [row.unpacked() for row in self.read_raw(after_row, most_events)]

    def read_raw(self, after_row: int, most_events: int) -> list[RawRow]:
        """As `read`, with the blocks still packed.

        Raises:
            BillingError: of kind BROKEN, when the next row is not as it was written; those before it can be read.
        """
        rows: list[RawRow] = []
        total = 0
        try:
            with self._reading, contextlib.closing(self._reader.cursor()) as cursor:
                for *row, checksum in cursor.execute(_NEXT_ROWS, (after_row, self.end())):
                    total += row[3]
                    if rows and total > most_events:
                        break
                    if checksum not in {None, checksum_of(*row)}:  # releases before did not write one
                        if rows:
                            break
                        raise _damaged(f"row {row[0]} of events.log.db is not as it was written")
                    rows.append(RawRow(*row))
        except sqlite3.OperationalError:  # such as a disk that does not answer: it is tried again
            raise
        except sqlite3.DatabaseError as failure:
            raise _damaged(f"events.log.db cannot be read behind row {after_row} ({failure})") from failure
        return rows

    @property
    def failure(self) -> str | None:
        """Why nothing can be made durable now, or None; it is tried again every second."""
        return self._group_commit.failure

    def listen(self, arrived: Callable[[], None]) -> None:
        """Call this, on the log's own thread, each time a row has become durable."""
        self._group_commit.listeners.append(arrived)

    def continue_behind(self, row: int) -> None:
        """Make sure that the rows after this one, which the event store has passed, are here or yet to come.

        A log that was lost goes on behind what the store has, so that no new row is taken for an old one.

        Raises:
            BillingError: of kind BROKEN, when rows are missing between that one and the log's first.
        """
        try:
            with self._reading:
                first = self._reader.execute("SELECT min(row) FROM log WHERE row > ?", (row,)).fetchone()[0]
        except sqlite3.DatabaseError as failure:
            raise _damaged(f"events.log.db cannot be read ({failure})") from failure
        if first is not None and first > row + 1:
            reason = f"the event store ends at row {row}, but the event log begins at row {first}: restore both files"
            raise BillingError(Kind.BROKEN, "events_missing", Problem("", reason))
        if self.end() < row:
            self._file.skip_to(row)

    def prune(self, through_row: int) -> None:
        """Rows up to this one are durable elsewhere and may go."""
        self._file.prunable = through_row
        self._group_commit.tidy_soon()

    def close(self) -> None:
        """Make everything durable that was taken, and take no more."""
        self._group_commit.close()
        self._file.close()
        self._reader.close()


class _File:
    """The writing side: only the thread of the group commit commits and tidies."""

    def __init__(self, path: Path, clock: Clock, ids: IdSource) -> None:
        self._path = path
        self._clock = clock
        self._ids = ids
        self._connection: sqlite3.Connection | None = None
        self._end = 0
        self._received = 0
        self.prunable = 0
        self._connected()

    def end(self) -> int:
        """The last durable row."""
        return self._end

    def commit(self, parts: list[EventColumns]) -> int:
        """Write one row and wait until the disk has it.

        Raises:
            OSError: when the disk refuses; the file is opened anew for the next commit.
        """
        count = sum(map(len, parts))
        try:
            connection = self._connected()
            received = max(micros_of(self._clock.now()), self._received)
            values = (self._end + 1, received, self._ids.reserve(count), count, packed(parts))
            faults.reach(faults.LOG_BEFORE_COMMIT)
            connection.execute(_INSERT, (*values, checksum_of(*values)))
        except sqlite3.Error as failure:
            self.close()
            raise OSError(f"{self._path.name}: {failure}") from failure
        self._end, self._received = self._end + 1, received
        faults.reach(faults.LOG_COMMITTED)
        return self._end

    def check(self) -> None:
        """Write a page that is the same as before.

        Raises:
            OSError: when the disk refuses.
        """
        try:
            self._connected().execute("PRAGMA user_version = 0")
        except sqlite3.Error as failure:
            self.close()
            raise OSError(f"{self._path.name}: {failure}") from failure

    def tidy(self) -> bool:
        """Delete a few of the rows that may go, so that no commit waits long; whether there are more.

        Raises:
            OSError: when the disk refuses.
        """
        try:
            connection = self._connected()
            deleted = connection.execute(_PRUNE, (min(self.prunable, self._end - 1), _ROWS_PER_TIDYING))
            if deleted.rowcount < _ROWS_PER_TIDYING:
                self._give_back(connection)
        except sqlite3.Error as failure:
            self.close()
            raise OSError(f"{self._path.name}: {failure}") from failure
        if deleted.rowcount:
            faults.reach(faults.LOG_PRUNED)
        return deleted.rowcount == _ROWS_PER_TIDYING

    def _give_back(self, connection: sqlite3.Connection) -> None:
        """Give free space back to the disk, once only the newest row is left: what is left is written anew."""
        free, page, oldest = (
            connection.execute(asked).fetchone()[0]
            for asked in ("PRAGMA freelist_count", "PRAGMA page_size", "SELECT min(row) FROM log")
        )
        if free * page >= _WORTH_GIVING_BACK and oldest == self._end:
            connection.execute("VACUUM")
            faults.reach(faults.LOG_GIVEN_BACK)
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")  # what the file lost is cut off by a checkpoint only

    def skip_to(self, row: int) -> None:
        """Let the next row be the one after this; only before anything is appended."""
        values = (row, self._received, 0, 0, packed([]))
        self._connected().execute(_INSERT, (*values, checksum_of(*values)))
        self._end = row

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _connected(self) -> sqlite3.Connection:
        """The open file; opened anew after a failure, when a row may be there that nobody was told of."""
        if self._connection is None:
            self._connection = _opened(self._path)
            newest = self._connection.execute("SELECT row, received_at FROM log ORDER BY row DESC LIMIT 1").fetchone()
            self._end, self._received = newest or (0, 0)
        return self._connection


def _opened(path: Path) -> sqlite3.Connection:
    """A connection that commits each statement, and only once the disk has it."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_PER_CHECKPOINT}")
    connection.execute("PRAGMA temp_store = MEMORY")  # one row is all that is ever put aside, by a VACUUM
    held = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    if held != ["wal", 2]:
        raise sqlite3.OperationalError(f"journal_mode and synchronous are {held}, they must be WAL and FULL")
    connection.execute(_TABLE)
    if "checksum" not in [column[1] for column in connection.execute("PRAGMA table_info(log)")]:
        with contextlib.suppress(sqlite3.OperationalError):  # somebody else was quicker; else the next statement says
            connection.execute(_ADD_CHECKSUM)
    return connection


def _damaged(what: str) -> BillingError:
    reason = f"{what}: stop the server, run 'tallystick repair', and restore the data directory from a backup"
    return BillingError(Kind.BROKEN, "event_log_damaged", Problem("", reason))
