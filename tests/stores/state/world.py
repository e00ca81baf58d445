"""Two organisations in one database, and short ways to look into them, for tests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import select

from tallystick.accounts.organisation import Organisation
from tallystick.kernel.clock import FrozenClock
from tallystick.kernel.ids import IdSource
from tallystick.stores.state.metadata import METADATA
from tallystick.stores.state.organisations import add_organisation
from tallystick.stores.state.state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

    from tallystick.stores.state.database import Database

T = TypeVar("T")

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = b"the secret of this server"
HOME = "org.home"
ABROAD = "org.abroad"


def later(minutes: int) -> datetime:
    """An instant so many minutes after `NOW`."""
    return NOW + timedelta(minutes=minutes)


def organisation(name: str = HOME, /, **more: object) -> Organisation:
    return Organisation(
        **{
            "id": name,
            "name": name,
            "base_currency": "USD",
            "time_zone": "UTC",
            "invoice_number_format": "INV-{number:06d}",
            "net_term_days": 30,
        }
        | more
    )


@dataclass(frozen=True, slots=True)
class World:
    """A database in which `HOME` and `ABROAD` exist, and a source of ids."""

    database: Database
    ids: IdSource

    @classmethod
    def begin(cls, database: Database) -> World:
        """Add the two organisations to an empty database."""
        with database.write() as connection:
            for name in (HOME, ABROAD):
                add_organisation(connection, organisation(name), NOW)
        return cls(database, IdSource(FrozenClock(NOW)))

    @contextmanager
    def reading(self, name: str = HOME) -> Iterator[State]:
        """The state of an organisation, to look at."""
        with self.database.read() as connection:
            yield State(connection, name, SECRET)

    @contextmanager
    def writing(self, name: str = HOME) -> Iterator[State]:
        """The state of an organisation in one transaction."""
        with self.database.write() as connection:
            yield State(connection, name, SECRET)

    def rows(self) -> dict[str, list[tuple[object, ...]]]:
        """Everything that stands in the database, by table."""
        with self.database.read() as connection:
            return all_rows(connection)


def all_rows(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, in the order of the keys."""
    return {
        table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
        for table in METADATA.sorted_tables
    }


def at_once(tasks: Sequence[Callable[[], T]]) -> list[T | Exception]:
    """Run tasks on a thread each, all at the same time: what each returned, or the exception it raised."""
    start = Barrier(len(tasks))

    def outcome(task: Callable[[], T]) -> T | Exception:
        start.wait()
        try:
            return task()
        except Exception as failure:  # noqa: BLE001 - the test looks at it
            return failure

    with ThreadPoolExecutor(len(tasks)) as threads:
        return list(threads.map(outcome, tasks))
