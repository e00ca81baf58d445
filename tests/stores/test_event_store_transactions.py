"""Reads beside commits: each sees another transaction whole or not at all; and the write-ahead log is kept small."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tallystick.stores import duck_event_store
from tallystick.stores.event_store_arrow import Arriving
from tests.stores.event_samples import RECEIVED, block, miles, trip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from decimal import Decimal
    from pathlib import Path

    from tallystick.stores.duck_event_store import DuckEventStore

MEANWHILE_S = 0.3
"""How long a commit is held up in which nobody may read."""

PATIENCE_S = 60


class LongCommit:
    """A cursor whose commit takes until a read has ended, or so long."""

    def __init__(
        self, cursor: duckdb.DuckDBPyConnection, begun: threading.Event, read: threading.Event, seconds: float
    ) -> None:
        self._cursor = cursor
        self._begun = begun
        self._read = read
        self._seconds = seconds

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever DuckDB's cursor has
        return getattr(self._cursor, name)

    def commit(self) -> None:
        self._begun.set()
        self._read.wait(self._seconds)
        self._cursor.commit()


class Watched:
    """A store whose next commit takes long, and a reader that asks as soon as it has begun."""

    def __init__(self, store: DuckEventStore, commit_s: float = MEANWHILE_S) -> None:
        self._store = store
        self._commit_s = commit_s
        self._begun = threading.Event()
        self._read = threading.Event()
        self.found: list[Decimal] = []
        self.was_read_meanwhile = False

    def run(self, change: Callable[[], object]) -> None:
        """Do what commits, and read beside it."""
        reader = threading.Thread(target=self._ask)
        reader.start()
        plain = self._store._cursor

        @contextlib.contextmanager
        def cursors() -> Iterator[Any]:
            with plain() as cursor:
                yield LongCommit(cursor, self._begun, self._read, self._commit_s)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self._store, "_cursor", cursors)
            change()
            self.was_read_meanwhile = self._read.is_set()
            self._begun.set()
            reader.join()

    def _ask(self) -> None:
        self._begun.wait()
        self.found.append(miles(self._store))
        self._read.set()


def add(store: DuckEventStore, row: int) -> None:
    store.apply([block(trip(f"e{row}", "1"), row=row)], row, RECEIVED)


def add_rows(store: DuckEventStore, row: int) -> None:
    """The same as in a burst, of which another process makes the rows."""
    arriving = Arriving.of([block(trip(f"e{row}", "1"), row=row)])
    assert arriving is not None
    store.apply_rows(arriving, row, RECEIVED)


CHANGES = pytest.mark.parametrize(
    ("change", "after"),
    [(lambda store: add(store, 2), 2), (lambda store: store.sort_portion(), 1)],
    ids=["add", "sort"],
)


@CHANGES
def test_a_read_that_comes_during_a_commit_begins_after_it(
    store: DuckEventStore, change: Callable[[DuckEventStore], object], after: int
) -> None:
    add(store, 1)
    watched = Watched(store)
    watched.run(lambda: change(store))
    assert (watched.was_read_meanwhile, watched.found) == (False, [after])


@CHANGES
def test_without_the_turn_it_would_begin_in_the_midst(
    store: DuckEventStore, change: Callable[[DuckEventStore], object], after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What makes the test above one that can fail."""
    add(store, 1)
    monkeypatch.setattr(store, "_turn", contextlib.nullcontext())
    watched = Watched(store, PATIENCE_S)
    watched.run(lambda: change(store))
    assert (watched.was_read_meanwhile, watched.found, miles(store)) == (True, [1], after)


def test_a_transaction_sees_what_was_there_when_it_began(store: DuckEventStore) -> None:
    add(store, 1)
    query = "SELECT count(*) FROM fact"
    with store._transaction() as cursor:
        add(store, 2)
        assert cursor.execute(query).fetchall() == [(1,)]
        store.sort_portion()
        assert cursor.execute("SELECT count(*) FROM fact_sorted").fetchall() == [(0,)]
        assert cursor.execute(query).fetchall() == [(1,)]
    assert store._read(query, {}) == [(2,)]


class TestCheckpoints:
    @pytest.fixture
    def wal(self, path: Path) -> Path:
        return path.with_name(f"{path.name}.wal")

    def test_the_write_ahead_log_grows_until_it_is_worth_one(
        self, store: DuckEventStore, wal: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for row in (1, 2):
            add(store, row)
        size = wal.stat().st_size
        assert size > 0
        monkeypatch.setattr(duck_event_store, "WORTH_CHECKPOINT", size)
        add(store, 3)
        assert not wal.exists() or wal.stat().st_size < size / 2
        assert miles(store) == 3

    def test_sorting_ends_with_one_when_it_is_worth_it(
        self, store: DuckEventStore, wal: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add(store, 1)
        monkeypatch.setattr(duck_event_store, "WORTH_CHECKPOINT", size := wal.stat().st_size)
        store.sort_portion()
        assert not wal.exists() or wal.stat().st_size < size / 2

    def test_it_waits_while_facts_are_sorted(
        self, store: DuckEventStore, wal: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add(store, 1)
        monkeypatch.setattr(duck_event_store, "WORTH_CHECKPOINT", 1)
        with store._transaction() as sorting:
            sorting.execute("INSERT INTO fact_sorted FROM fact_arrived")
            size = wal.stat().st_size
            add(store, 2)
            assert wal.stat().st_size > size
        add(store, 3)
        assert not wal.exists() or wal.stat().st_size < size
        assert miles(store) == 3

    def test_what_was_stored_can_be_read_while_it_is_made(
        self, store: DuckEventStore, wal: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add(store, 1)
        monkeypatch.setattr(duck_event_store, "WORTH_CHECKPOINT", size := wal.stat().st_size)
        goes_on = threading.Event()
        made = store._checkpoint_when_due

        def held_up() -> None:
            assert goes_on.wait(PATIENCE_S)
            made()

        monkeypatch.setattr(store, "_checkpoint_when_due", held_up)
        with ThreadPoolExecutor(1) as threads:
            added = threads.submit(add_rows, store, 2)
            assert store.wait_until(2, PATIENCE_S)
            assert (miles(store), wal.stat().st_size > size) == (2, True), "stored, and the log is as it was"
            goes_on.set()
            added.result()
        assert not wal.exists()

    def test_one_that_fails_is_told_and_the_next_portion_is_stored(
        self, store: DuckEventStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        failures = iter([duckdb.IOException("the disk is full")])

        def failing() -> None:
            for failure in failures:
                raise failure

        monkeypatch.setattr(store, "_checkpoint_when_due", failing)
        with pytest.raises(duckdb.IOException, match="full"):
            add_rows(store, 1)
        assert (store.offset(), miles(store)) == (1, 1)
        add_rows(store, 2)
        assert (store.offset(), miles(store)) == (2, 2)
