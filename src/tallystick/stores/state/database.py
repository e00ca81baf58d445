"""Opening the state database: SQLite or PostgreSQL, its pragmas, its transactions, its migrations."""

from __future__ import annotations

import importlib
import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.stores.state.shadows import cast_shadows

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITES: Final = "tallystick_writes"
"""The execution option that tells a connection that writes from one that reads."""

_MIGRATIONS: Final = Path(__file__).parent.parent / "migrations" / "versions"
_VERSIONS: Final = "alembic_version"
_MIGRATION_LOCK: Final = 7_414_911
_SQLITE_PRAGMAS: Final = {
    "busy_timeout": 10_000,
    "journal_mode": "wal",
    "synchronous": 2,  # FULL: a commit is on the disk when it returns
    "foreign_keys": 1,
}
_WAL_PATIENCE_SECONDS: Final = 10.0
_WAL_PAUSE_SECONDS: Final = 0.01
_POOL: Final[dict[str, Any]] = {
    "poolclass": QueuePool,
    "pool_size": 20,
    "max_overflow": 44,
    "pool_timeout": 10,
    "hide_parameters": True,
}
"""Enough for every thread that serves requests, and for the workers beside them."""

_PRIMARY_CODE: Final = 0xFF
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_POSTGRES_DURABILITY: Final = ("fsync", "synchronous_commit", "full_page_writes")


class Database:
    """A migrated database, with one way to read and one way to write."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._engine = _sqlite(url) if self.is_sqlite else create_engine(url, pool_pre_ping=True, **_POOL)
        # On PostgreSQL a transaction sees one state of everything only when told; on SQLite it always does.
        isolation = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        self._snapshots = self._engine.execution_options(**isolation)
        self._watch: sqlite3.Connection | None = None
        self._watching = threading.Lock()
        self.failure: str | None = None
        """Why nothing could be written when that was tried last, or None."""
        try:
            self._migrate()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A snapshot to read from; whatever is written on it is lost.

        Raises:
            BillingError: of kind UNAVAILABLE, when the database cannot be used now.
        """
        with _available(), self._snapshots.connect() as connection:
            yield connection
            connection.rollback()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises:
            BillingError: of kind UNAVAILABLE, when the database cannot be used now; nothing was written.
        """
        with (
            _available(),
            self._noting(),
            self._engine.connect().execution_options(**{WRITES: True}) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def rehearse(self, organisation: str) -> Iterator[Connection]:
        """One transaction of one organisation that changes its catalogue, and is rolled back when the block ends.

        On SQLite, where all writers take turns, it writes on shadows and keeps nobody waiting.

        Raises:
            BillingError: of kind UNAVAILABLE, when the database cannot be used now.
        """
        locks = {WRITES: not self.is_sqlite}
        with _available(), self._engine.connect().execution_options(**locks) as connection:
            if self.is_sqlite:
                cast_shadows(connection, organisation)
            yield connection
            connection.rollback()

    def check(self) -> None:
        """Try whether something can be written, by something that changes nothing; `failure` tells."""
        with suppress(BillingError), self.write() as connection:
            connection.execute(text("PRAGMA user_version = 0" if self.is_sqlite else "SELECT 1"))

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Remember whether writing works; a database that is only busy does work."""
        try:
            yield
        except OperationalError as failure:
            if getattr(failure.orig, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
                self.failure = str(failure.orig)
            raise
        self.failure = None

    def changes(self) -> int | None:
        """A number that moves whenever anybody commits, also another process; None where there is none."""
        if not self.is_sqlite:
            return None
        with self._watching:
            return self._commits_of_others()

    def _commits_of_others(self) -> int:
        if self._watch is None:
            # One connection of its own that never writes: SQLite counts the commits of all others for it.
            self._watch = sqlite3.connect(self.url.database or "", check_same_thread=False, isolation_level=None)
        row: tuple[int] = self._watch.execute("PRAGMA data_version").fetchone()
        return row[0]

    def close(self) -> None:
        """Give back every connection."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        self._engine.dispose()

    def _migrate(self) -> None:
        with self.write() as connection:
            if not self.is_sqlite:
                _refuse_unsafe_postgres(connection)
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            if _version(connection) != newest_version():
                # Few starts have something to migrate, and Alembic is a tenth of what a start imports.
                importlib.import_module("tallystick.stores.migrations.upgrading").upgrade(connection)


def newest_version() -> str:
    """The version that the migrations lead to, as the name of the last of their files begins."""
    return max(_MIGRATIONS.glob("v*.py")).name[1:5]


def _version(connection: Connection) -> str | None:
    """The version of the tables, or None in a new database."""
    if not inspect(connection).has_table(_VERSIONS):
        return None
    version: str = connection.execute(text(f"SELECT version_num FROM {_VERSIONS}")).scalar_one()  # noqa: S608 - a constant
    return version


def is_passing(failure: BaseException) -> bool:
    """Whether a failure says that the database cannot be used now, and what failed may work when it is tried again."""
    return isinstance(failure, (OperationalError, PoolTimeoutError))


@contextmanager
def _available() -> Iterator[None]:
    """A database that cannot be reached, is locked or full is a matter of trying again, not a defect."""
    try:
        yield
    except (OperationalError, PoolTimeoutError) as failure:
        # The driver's own words name no values; the statement and its parameters would.
        said = failure.orig if isinstance(failure, OperationalError) else "every connection is in use"
        reason = f"the state database cannot be used now ({said}): try again in a moment"
        raise BillingError(Kind.UNAVAILABLE, "database_unavailable", Problem("", reason)) from failure
    except DatabaseError as failure:
        if getattr(failure.orig, "sqlite_errorcode", 0) & _PRIMARY_CODE not in _DAMAGED:
            raise
        raise _unusable(f"state.db is damaged ({failure.orig}): restore the data directory from a backup") from failure


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"check_same_thread": False}, **_POOL)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's record
        # The driver must not open transactions by itself: `begin` below decides which lock to take.
        connection.isolation_level = None
        _into_wal(connection)
        for pragma, wanted in _SQLITE_PRAGMAS.items():
            connection.execute(f"PRAGMA {pragma} = {wanted}").close()
            got = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
            if got != wanted:
                raise _unusable(f"SQLite refuses PRAGMA {pragma} = {wanted}: it says {got}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes its lock at once: a reader that turns writer would fail in the middle.
        immediate = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _into_wal(connection: sqlite3.Connection) -> None:
    """Switch the journal: two who open a new file at once collide here, and SQLite lets neither of them wait."""
    last_try = time.monotonic() + _WAL_PATIENCE_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = wal").close()
        except sqlite3.OperationalError as failure:
            if failure.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > last_try:
                raise
            time.sleep(_WAL_PAUSE_SECONDS)
        else:
            return


def _refuse_unsafe_postgres(connection: Connection) -> None:
    for setting in _POSTGRES_DURABILITY:
        value = connection.execute(text(f"SHOW {setting}")).scalar_one()
        if value != "on":
            raise _unusable(f"PostgreSQL runs with {setting} = {value}: switch it on, or invoices may be lost")


def _unusable(reason: str) -> BillingError:
    return BillingError(Kind.BROKEN, "unusable_database", Problem("", reason))
