"""The event store: every event with what became of it, and every usage fact; the record behind the log."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import threading
from datetime import UTC
from typing import TYPE_CHECKING, Final

import duckdb
import pyarrow as pa

from tallystick.kernel.errors import BillingError
from tallystick.stores import faults
from tallystick.stores.event_log import row_of
from tallystick.stores.event_store_arrow import Arriving, RevisionTables
from tallystick.stores.event_store_queries import EventQueries
from tallystick.stores.event_store_series import SeriesNumbers
from tallystick.stores.event_store_sorting import ROWS_PER_GROUP, move_portion, writing_columns
from tallystick.stores.event_store_tables import laid_out
from tallystick.stores.event_store_transactions import AT_ONCE, ATTACHED, unreadable
from tallystick.stores.recent_ids import RecentIds
from tallystick.stores.taken_ids import together
from tallystick.stores.watermark import Watermark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from tallystick.stores.event_facts import MeteredBlock, Revision
    from tallystick.stores.taken_ids import TakenIds


WORTH_CHECKPOINT: Final = 32_000_000
"""Bytes in the write-ahead log at which DuckDB has to rewrite it as columns.

That is some 75,000 events, and two groups of rows, the second partly filled, which DuckDB never merges later. Between
16 and 128 MB the CPU time and the bytes of an event are the same; the more there is, the longer events wait for it.
"""

_NEVER: Final = "1TB"
"""DuckDB by itself would do so within a commit, for which those who want to read have to wait."""

_TORN: Final = re.compile(r"Corrupt WAL file: entry at byte position (\d+)")
_log = logging.getLogger(__name__)


class DuckEventStore(EventQueries):
    """The store in one DuckDB file; one thread applies, any thread reads."""

    def __init__(self, path: Path, *, memory_limit: str = "384MB", threads: int = 2) -> None:
        """Open or create the file; an end of its write-ahead log that a power cut has torn is put aside.

        Raises:
            BillingError: of kind BROKEN, when the file cannot be opened, or a newer release wrote it.
        """
        self._path = path
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit,
            "threads": threads,
            "checkpoint_threshold": _NEVER,
            AT_ONCE: True,
            "temp_directory": f"{path}.tmp",
            "enable_optimistic_write": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        try:
            super().__init__(self._opened_torn())
        except duckdb.Error as failure:
            raise unreadable(failure, "opened") from failure
        self._watermark = Watermark(*self._progress())
        self._applying = threading.Lock()
        self._series = SeriesNumbers()
        self._recent = RecentIds()

    @property
    def watermark(self) -> Watermark:
        """How far the store has come in the log."""
        return self._watermark

    @property
    def identity(self) -> str:
        """What tells this store from every other one; made with the file."""
        identity: str = self._read("SELECT id FROM identity", {})[0][0]
        return identity

    def offset(self) -> int:
        """The last log row whose events are in here, 0 before the first."""
        return self._watermark.row

    def processed_until(self) -> datetime | None:
        """When that row was received; None before the first."""
        return self._watermark.received_at

    def wait_until(self, row: int, timeout: float) -> bool:
        """Wait at most so many seconds until a log row is in here; whether it is."""
        return self._watermark.wait_until(row, timeout)

    def apply(
        self,
        blocks: Sequence[MeteredBlock],
        through_row: int,
        received_at: datetime,
        revisions: Sequence[Revision] = (),
    ) -> None:
        """Store judged events, revisions, usage and the offset in one transaction, unless the offset is there.

        Raises:
            ValueError: when some of the blocks, but not all, are in here already.
            duckdb.Error: when nothing was stored, or the write-ahead log cannot be rewritten; `offset` tells.
        """
        self._apply(Arriving.of(blocks), through_row, received_at, revisions)

    def apply_rows(self, arriving: Arriving, through_row: int, received_at: datetime) -> None:
        """As `apply`, for events whose rows were made elsewhere.

        Raises:
            ValueError: as `apply`.
            duckdb.Error: as `apply`.
        """
        self._apply(arriving, through_row, received_at, ())

    def _apply(
        self, arriving: Arriving | None, through_row: int, received_at: datetime, revisions: Sequence[Revision]
    ) -> None:
        with self._applying, self._recovering():
            with self._transaction() as cursor:
                self._store(cursor, arriving, through_row, received_at, revisions)
            faults.reach(faults.EVENTS_COMMITTED)
            self._hold(arriving, revisions)
            self._watermark.rise(through_row, received_at)
            self._checkpoint_when_due()

    @contextlib.contextmanager
    def _recovering(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error:
            self._recover()
            raise

    def ids_at(self, positions: NDArray[np.int64]) -> TakenIds:
        """The ids of those events at these positions that hold theirs."""
        found, older = self._recent.at(positions)
        return together([found, super().ids_at(older)]) if len(older) else found

    def count_unsorted(self) -> int:
        """How many usage facts have arrived and are not sorted yet."""
        return int(self._read("SELECT count(*) FROM fact_arrived", {})[0][0])

    def sort_portion(self) -> int:
        """Sort those usage facts that arrived first, at most `PORTION`, while others may arrive; how many.

        Raises:
            duckdb.Error: when nothing was sorted, or the write-ahead log cannot be rewritten.
        """
        try:
            with self._transaction() as cursor, writing_columns(cursor):
                moved = move_portion(cursor)
                faults.reach(faults.FACTS_BEFORE_COMMIT)
                self._commit(cursor)
            faults.reach(faults.FACTS_SORTED)
            with self._applying:
                self._checkpoint_when_due()
        except duckdb.Error:
            with self._applying:
                self._recover()
            raise
        return moved

    def close(self) -> None:
        """Write everything into the one file and let go of it."""
        with self._applying:
            self._database.close()

    def _store(
        self,
        cursor: duckdb.DuckDBPyConnection,
        arriving: Arriving | None,
        through_row: int,
        received_at: datetime,
        revisions: Sequence[Revision],
    ) -> None:
        """Every value comes from Arrow, in one stream for each table: binding rows one by one is far slower."""
        try:
            (offset,) = cursor.execute("SELECT through_row FROM progress").fetchall()[0]
            if through_row <= offset:
                return
            if arriving is not None:
                _refuse_overlap(arriving, offset)
                _insert(cursor, "INSERT INTO event BY NAME SELECT * FROM arriving", arriving.events)
                self._add_facts(cursor, arriving.facts, arriving.series)
            if revisions:
                self._revise(cursor, revisions)
            moved = [through_row, received_at.replace(tzinfo=None)]
            cursor.execute("UPDATE progress SET through_row = ?, received_at = ?", moved)
            faults.reach(faults.EVENTS_BEFORE_COMMIT)
            self._commit(cursor)
        except BaseException:
            self._series.forget()
            raise
        self._series.remember()

    def _hold(self, arriving: Arriving | None, revisions: Sequence[Revision]) -> None:
        """Hold the ids of what was stored, unless an id may have been given back."""
        if revisions:
            self._recent.forget()
        elif arriving is not None:
            self._recent.add(arriving.events)

    def _revise(self, cursor: duckdb.DuckDBPyConnection, revisions: Sequence[Revision]) -> None:
        """Add outcomes and usage; what is taken back is reversed fact by fact, never edited."""
        outcomes = RevisionTables([revision for revision in revisions if revision.is_outcome])
        _insert(cursor, "INSERT INTO revision BY NAME SELECT * FROM arriving", outcomes.revisions())
        self._add_facts(cursor, *RevisionTables(revisions).usage())

    def _add_facts(self, cursor: duckdb.DuckDBPyConnection, facts: pa.RecordBatch, series: pa.RecordBatch) -> None:
        """Add facts whose series are rows of another table."""
        numbers = self._series.numbers_of(cursor, series)
        place = facts.schema.get_field_index("series")
        numbered = facts.set_column(place, "series", pa.array(numbers[facts.column(place).to_numpy()], pa.int32()))
        _insert(cursor, "INSERT INTO fact_arrived BY NAME SELECT * FROM arriving", numbered)

    def _opened(self) -> duckdb.DuckDBPyConnection:
        database = duckdb.connect(":memory:", config=self._config)
        path = str(self._path).replace("'", "''")
        database.execute(f"ATTACH '{path}' AS {ATTACHED} (ROW_GROUP_SIZE {ROWS_PER_GROUP})")
        database.execute(f"USE {ATTACHED}")
        try:
            laid_out(database, self._path.name)
        except BaseException:
            database.close()
            raise
        return database

    def _opened_torn(self) -> duckdb.DuckDBPyConnection:
        """The file, opened without the torn end of its write-ahead log.

        What is torn was never synced, so the event log still has it. If the log has not, since the disk lost what it
        said it had, the log refuses to go on behind this store.
        """
        try:
            return self._opened()
        except duckdb.Error as failure:
            torn = _TORN.search(str(failure))
            if torn is None:
                raise
        wal = self._path.with_name(f"{self._path.name}.wal")
        shutil.copyfile(wal, wal.with_name(f"{wal.name}.torn"))
        with wal.open("r+b") as file:
            file.truncate(int(torn[1]))
            os.fsync(file.fileno())
        _log.warning("%s was torn at byte %s, as by a power cut; as it was it is kept as %s.torn", wal, torn[1], wal)
        return self._opened()

    def _checkpoint_when_due(self) -> None:
        """Rewrite the write-ahead log as columns once it is worth it, unless facts are being sorted meanwhile."""
        try:
            size = self._path.with_name(f"{self._path.name}.wal").stat().st_size
        except FileNotFoundError:
            return
        if size >= WORTH_CHECKPOINT:
            with self._cursor() as cursor, contextlib.suppress(duckdb.TransactionException):
                cursor.execute("CHECKPOINT")

    def _recover(self) -> None:
        """Be ready for the next try, whether or not the failed one was stored after all.

        After some errors, such as a full disk, DuckDB refuses everything until the file is opened anew.
        """
        with contextlib.suppress(duckdb.Error, BillingError):
            try:
                progress = self._progress()
            except (duckdb.Error, BillingError):
                self._database.close()
                self._database = self._opened()
                progress = self._progress()
            self._watermark.rise(*progress)

    def _progress(self) -> tuple[int, datetime | None]:
        row, received_at = self._read("SELECT through_row, received_at FROM progress", {})[0]
        return row, None if received_at is None else received_at.replace(tzinfo=UTC)


def _refuse_overlap(arriving: Arriving, offset: int) -> None:
    if row_of(arriving.first_position) <= offset:
        raise ValueError(f"events up to row {offset} are here: they must not be stored twice")


def _insert(cursor: duckdb.DuckDBPyConnection, statement: str, arriving: pa.RecordBatch) -> None:
    cursor.register("arriving", pa.RecordBatchReader.from_batches(arriving.schema, [arriving]))
    cursor.execute(statement)
    cursor.unregister("arriving")
