"""A migrated database with two organisations, on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, text

from tallystick.stores.state.database import Database
from tallystick.stores.state.metadata import METADATA
from tests import compiled  # noqa: F401 - being imported, it lets all databases share what is compiled
from tests.stores.state.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.stores.conftest import Postgres


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file, to be copied: that takes less time than to migrate anew."""
    path = tmp_path_factory.mktemp("state") / "state.db"
    Database(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def postgres_database(postgres: Postgres) -> Iterator[Database]:
    """A migrated database that every test leaves empty."""
    name, url = postgres.new_database()
    opened = Database(url)
    yield opened
    opened.close()
    postgres.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An open, migrated, empty database."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("sqlite_file"), tmp_path / "state.db")
        opened = Database(f"sqlite:///{path}")
        yield opened
        opened.close()
    else:
        shared: Database = request.getfixturevalue("postgres_database")
        yield shared
        _empty(shared)


@pytest.fixture
def world(database: Database) -> World:
    """The same with two organisations in it."""
    return World.begin(database)


def _empty(shared: Database) -> None:
    """Delete every row, also those that triggers protect."""
    with shared.write() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))
        connection.execute(text("SET LOCAL session_replication_role = 'replica'"))
        for table in METADATA.tables.values():
            connection.execute(delete(table))
