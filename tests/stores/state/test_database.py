"""Opening the state database: durable settings, snapshots to read, transactions to write, changes of others."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url, text

from tallystick.kernel.errors import BillingError, Kind
from tallystick.stores.state import database as module
from tallystick.stores.state.database import Database
from tallystick.stores.state.organisations import remember, remembered
from tests.stores.state.world import at_once

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
on_postgres = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


def test_what_a_transaction_wrote_is_there_when_it_ends(database: Database) -> None:
    with database.write() as connection:
        remember(connection, "colour", "red")
    with database.read() as connection:
        assert remembered(connection, "colour") == "red"


def test_what_a_transaction_wrote_is_gone_when_it_raises(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            remember(connection, "colour", "red")
            raise ValueError("something went wrong")

    with pytest.raises(ValueError, match="went wrong"):
        fail()
    with database.read() as connection:
        assert remembered(connection, "colour") is None


def test_what_is_written_on_a_snapshot_is_lost(database: Database) -> None:
    with database.read() as connection:
        remember(connection, "colour", "red")
    with database.read() as connection:
        assert remembered(connection, "colour") is None


def test_a_reader_sees_one_state_of_everything_whatever_others_commit(database: Database) -> None:
    with database.read() as snapshot:
        assert remembered(snapshot, "colour") is None
        with database.write() as connection:
            remember(connection, "colour", "red")
        assert remembered(snapshot, "colour") is None
    with database.read() as connection:
        assert remembered(connection, "colour") == "red"


def test_writers_take_turns_so_that_no_count_is_lost(database: Database) -> None:
    with database.write() as connection:
        remember(connection, "count", "0")

    def count() -> None:
        with database.write() as connection:
            connection.execute(
                text("UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE key = 'count'")
            )

    assert at_once([count] * 20) == [None] * 20
    with database.read() as connection:
        assert remembered(connection, "count") == "20"


def test_two_servers_that_start_at_once_migrate_once(url: str) -> None:
    opened = at_once([lambda: Database(url)] * 4)
    assert [type(database) for database in opened] == [Database] * 4
    with opened[0].read() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).all() == [("0019",)]
    for database in opened:
        database.close()


def test_a_database_is_opened_again_as_it_was_left(url: str) -> None:
    first = Database(url)
    with first.write() as connection:
        remember(connection, "colour", "red")
    first.close()
    second = Database(url)
    with second.read() as connection:
        assert remembered(connection, "colour") == "red"
    second.close()


def test_a_database_that_cannot_be_made_durable_is_refused() -> None:
    with pytest.raises(BillingError, match="SQLite refuses PRAGMA journal_mode = wal: it says memory") as refused:
        Database("sqlite://")
    assert refused.value.kind is Kind.BROKEN


@pytest.mark.parametrize("url", ["sqlite:///{place}/state.db", "postgresql+psycopg://postgres@/nowhere?host={place}"])
def test_a_database_that_is_not_there_is_unavailable(url: str, tmp_path: Path) -> None:
    with pytest.raises(BillingError, match="try again in a moment") as refused:
        Database(url.format(place=tmp_path / "missing"))
    assert refused.value.kind is Kind.UNAVAILABLE


@on_sqlite
def test_every_connection_is_durable_and_checks_references(database: Database) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
    for opened in (database.read, database.write):
        with opened() as connection:
            held = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in wanted}
        assert held == wanted


@on_sqlite
def test_the_number_of_changes_moves_when_anybody_commits_and_only_then(database: Database) -> None:
    before = database.changes()
    assert database.changes() == before
    with database.read() as connection:
        remember(connection, "colour", "red")
    assert database.changes() == before
    with database.write() as connection:
        remember(connection, "colour", "red")
    after = database.changes()
    assert after != before
    other = Database(database.url.render_as_string())
    with other.write() as connection:
        remember(connection, "colour", "blue")
    other.close()
    assert database.changes() != after


@pytest.mark.parametrize("new_url", ["sqlite"], indirect=True)
def test_a_database_that_somebody_keeps_locked_is_unavailable(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module._SQLITE_PRAGMAS, "busy_timeout", 50)
    database = Database(url)
    with closing(sqlite3.connect(make_url(url).database or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BillingError, match="try again in a moment") as refused, database.write():
            pass
    assert refused.value.kind is Kind.UNAVAILABLE
    database.close()


@on_postgres
def test_it_is_version_18(database: Database) -> None:
    with database.read() as connection:
        assert connection.execute(text("SHOW server_version")).scalar_one().startswith("18.")


@pytest.mark.parametrize("new_url", ["postgresql"], indirect=True)
def test_a_server_that_may_lose_commits_is_refused(new_url: Callable[[], str]) -> None:
    url = new_url()
    first = Database(url)
    with first.write() as connection:
        name = first.url.database
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit TO off"))
    first.close()
    with pytest.raises(BillingError, match="PostgreSQL runs with synchronous_commit = off") as refused:
        Database(url)
    assert refused.value.kind is Kind.BROKEN


@on_postgres
def test_there_is_no_number_of_changes(database: Database) -> None:
    assert database.changes() is None
