"""Looking through the three files of a stopped server, and mending what can be mended without guessing."""

from __future__ import annotations

import contextlib
import enum
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import duckdb

from tallystick.kernel.clock import SystemClock
from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.kernel.ids import IdSource
from tallystick.stores.directory import DataDirectory
from tallystick.stores.event_checks import CheckedEventStore
from tallystick.stores.event_log import SqliteEventLog
from tallystick.stores.id_folder import IdFolder
from tallystick.stores.known_ids import KnownIds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_RESTORE: Final = "restore the whole directory from a backup"
_SHOWN: Final = 3
_MOST_AT_ONCE: Final = 1
_MEMORY: Final = "1GB"
"""More than a server gives its event store: nothing else runs, and every key may have to be written anew."""


class Condition(enum.Enum):
    """How a check ended."""

    WELL = "ok"
    REPAIRED = "repaired"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, with figures; for what is broken, what to do."""

    subject: str
    condition: Condition
    said: str

    def __str__(self) -> str:
        return f"{self.condition.value:<9} {self.subject}: {self.said}"


def repaired(path: Path, *, with_state: bool) -> Iterator[Finding]:
    """Check and mend the files in a directory, one finding after the other; the state only if it is kept there.

    Raises:
        BillingError: of kind UNAVAILABLE, when a server runs on the directory; NOT_FOUND, when there is nothing in it.
    """
    if not (path / "events.duckdb").exists() and not (path / "events.log.db").exists():
        reason = f"there are no events.duckdb and no events.log.db in {path}: name the directory with --data"
        raise BillingError(Kind.NOT_FOUND, "no_data", Problem("", reason))
    directory = DataDirectory(path)
    directory.lock()
    try:
        if with_state:
            yield _sqlite_file("state.db", path / "state.db")
        yield from _events(directory)
    finally:
        directory.unlock()


def _events(directory: DataDirectory) -> Iterator[Finding]:
    log = _sqlite_file("events.log.db", directory.event_log)
    yield log
    with contextlib.ExitStack() as opened:
        try:
            if not directory.event_store.exists():
                raise FileNotFoundError("the file is missing")
            store = opened.enter_context(
                contextlib.closing(CheckedEventStore(directory.event_store, memory_limit=_MEMORY))
            )
            count = store.count_read()
        except (OSError, duckdb.Error, BillingError) as failure:
            yield _broken("events.duckdb", f"{_first_line(failure)}: {_RESTORE}")
            return
        yield _well("events.duckdb", f"every block is whole, {count:,} rows read")
        if log.condition is not Condition.BROKEN:
            yield _joined(directory, store)
        yield _within_offset(store)
        yield _keyed(store)
        yield _indexed(directory, store)
        yield _counted_once(store)
        yield _explained(store)
        yield _summed(store)


def _sqlite_file(name: str, path: Path) -> Finding:
    """Whether a SQLite file is whole: its structure, its indexes and its foreign keys."""
    if not path.exists():
        if name == "events.log.db":
            return Finding(
                name, Condition.REPAIRED, "is missing: what had not been processed is lost; a new one begins"
            )
        return _broken(name, f"is missing: {_RESTORE}")
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            said = [str(line) for (line,) in connection.execute("PRAGMA integrity_check").fetchall()]
            dangling = len(connection.execute("PRAGMA foreign_key_check").fetchall())
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
    except sqlite3.Error as failure:
        return _broken(name, f"{failure}: {_RESTORE}")
    if said != ["ok"] or dangling:
        reasons = [
            *(said[:_SHOWN] if said != ["ok"] else []),
            *([f"{dangling} rows refer to none"] if dangling else []),
        ]
        return _broken(name, f"{'; '.join(reasons)}: {_RESTORE}")
    return _well(name, f"structure, indexes and foreign keys are whole, {pages:,} pages")


def _joined(directory: DataDirectory, store: CheckedEventStore) -> Finding:
    """Whether the log goes on where the store ends; a log that ends before is moved on, as the server does it."""
    name = "log and store"
    offset = store.offset()
    clock = SystemClock()
    with contextlib.closing(SqliteEventLog(directory.event_log, clock, IdSource(clock))) as log:
        ended = log.end()
        try:
            log.continue_behind(offset)
            waiting = _count_waiting(log, offset)
        except BillingError as gap:
            return _broken(name, gap.message)
        if log.end() != ended:
            said = f"the log ended at row {ended} and the store at row {offset}: the log goes on behind that row"
            return Finding(name, Condition.REPAIRED, said)
        if log.end() - offset != waiting:
            missing = log.end() - offset - waiting
            return _broken(name, f"{missing} of the log's rows behind row {offset} are missing: {_RESTORE}")
    return _well(name, f"the store ends at row {offset}, {waiting} rows of the log wait to be processed")


def _count_waiting(log: SqliteEventLog, offset: int) -> int:
    """How many rows wait, each of which was read."""
    count = 0
    while rows := log.read(offset, _MOST_AT_ONCE):
        count += len(rows)
        offset = rows[-1].row
    return count


def _within_offset(store: CheckedEventStore) -> Finding:
    beyond = store.count_beyond_offset()
    if beyond:
        return _broken("offset", f"{beyond:,} events lie behind row {store.offset()}, where the store ends: {_RESTORE}")
    return _well("offset", f"no event lies behind row {store.offset()}, where the store ends")


def _keyed(store: CheckedEventStore) -> Finding:
    count, wrong = store.rewrite_wrong_keys()
    if wrong:
        return Finding(
            "keys", Condition.REPAIRED, f"{wrong:,} of {count:,} events had another key than that of their id"
        )
    return _well("keys", f"{count:,} events have the key of their id")


def _indexed(directory: DataDirectory, store: CheckedEventStore) -> Finding:
    """Whether the files of known ids have every id that was claimed up to the row at which they end."""
    name = "known ids"
    known = KnownIds(folder=IdFolder(directory.known_ids, store.identity))
    try:
        wrong = known.open(store.offset()) + known.check()
        count, missing = (0, 0) if wrong else store.count_missing(known)
        if not wrong and not missing:
            return _well(name, f"the {count:,} that were claimed up to row {known.offset} are in its files")
        known.clear()
        known.catch_up(store)
        known.close()
    except OSError as failure:
        return _broken(name, f"{failure}: mend it, or delete the folder while no server runs, since it is made anew")
    said = "; ".join(wrong) or f"{missing:,} of {count:,} were missing"
    return Finding(name, Condition.REPAIRED, f"made anew from the events: {said}")


def _counted_once(store: CheckedEventStore) -> Finding:
    twice = store.counted_twice()
    if not twice:
        return _well("ids", "none counts twice")
    shown = ", ".join(f"{event_id!r} of {organisation}" for organisation, event_id, _ in twice[:_SHOWN])
    more = "" if len(twice) <= _SHOWN else f" and {len(twice) - _SHOWN:,} more"
    advice = "take all events but one of each back with POST /events/correction (UNDO)"
    return _broken("ids", f"{shown}{more} count more than once: {advice}")


def _explained(store: CheckedEventStore) -> Finding:
    count, orphans = store.count_without_event()
    if orphans:
        return _broken("usage", f"{orphans:,} of {count:,} facts belong to no stored event: {_RESTORE}")
    return _well("usage", f"{count:,} facts belong to stored events")


def _summed(store: CheckedEventStore) -> Finding:
    """Whether the sums of days, which questions about usage read, are those of the facts."""
    count, wrong = store.count_wrong_days()
    if not wrong:
        return _well("days", f"{count:,} days of usage come to what their facts do")
    store.sum_days_anew()
    said = f"{wrong:,} of {count:,} days of usage did not come to what their facts do: summed anew"
    return Finding("days", Condition.REPAIRED, said)


def _well(subject: str, said: str) -> Finding:
    return Finding(subject, Condition.WELL, said)


def _broken(subject: str, said: str) -> Finding:
    return Finding(subject, Condition.BROKEN, said)


def _first_line(failure: Exception) -> str:
    return str(failure).partition("\n")[0]
