"""The event store: one transaction for events, usage and offset; each row of the log once, whatever happens."""

from __future__ import annotations

import resource
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from tallystick.kernel.errors import BillingError, Kind
from tallystick.metering.event import EventSource, EventStatus
from tallystick.stores.duck_event_store import DuckEventStore
from tallystick.stores.event_log import position_of
from tests.stores.event_samples import JANUARY, RECEIVED, block, miles, trip
from tests.unit.metering.samples import ORGANISATION, catalogue, departures, flight, meter, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NO_LIMIT = resource.getrlimit(resource.RLIMIT_FSIZE)[1]


def test_an_event_comes_back_as_it_was_sent_with_what_became_of_it(store: DuckEventStore) -> None:
    known = catalogue(schema(meter(), departures()))
    sent = flight("e1", at=JANUARY, attributes={"distance": "007.50"}, dimensions={"origin": "LGA", "näme": "✈"})
    failed = flight(None, at=JANUARY - timedelta(days=1), account="nobody", attributes={})
    store.apply([block(sent, failed, row=1, ordinal=4, known=known)], 1, RECEIVED)
    first, second = store.page_events(ORGANISATION, size=10)
    assert first.event == sent
    assert (first.position, first.reserved) == (position_of(1, 4), 1_000_004)
    assert (first.account_id, first.customer_id, first.schema_version) == ("acme", "customer of acme", 3)
    assert (first.received_at, first.source) == (RECEIVED, EventSource.BATCH)
    assert (first.status, first.status_description) == (EventStatus.METERED, None)
    assert first.filtered_out == (("um.departures", 1),)
    assert second.event == failed
    assert (second.position, second.reserved) == (position_of(1, 5), 1_000_005)
    assert (second.account_id, second.customer_id, second.schema_version) == (None, None, None)
    assert second.status is EventStatus.NO_EVENT_ID
    assert second.status_description == "the event has no id, and its schema has no eventIdTemplate"


def test_a_transaction_may_hold_blocks_of_several_organisations_and_rows(store: DuckEventStore) -> None:
    store.apply(
        [
            block(trip("a", "1"), trip("b", "2"), row=1),
            block(trip("c", "4"), row=1, ordinal=2, organisation="org.2"),
            block(trip("d", "8"), row=2),
        ],
        2,
        RECEIVED,
    )
    assert (miles(store), miles(store, "org.2"), miles(store, "org.3")) == (11, 4, 0)
    positions = [event.position for event in store.page_events(ORGANISATION, size=10)]
    assert positions == [position_of(1, 0), position_of(1, 1), position_of(2, 0)]


def test_a_batch_that_is_there_already_changes_nothing(store: DuckEventStore) -> None:
    store.apply([block(trip("a", "1"), row=1)], 1, RECEIVED)
    store.apply([block(trip("b", "2"), row=2)], 2, RECEIVED)
    for row in (1, 2):
        store.apply([block(trip("x", "100"), row=row)], row, RECEIVED)
    assert miles(store) == 3
    assert store.offset() == 2


def test_a_batch_that_is_there_in_part_is_refused_whole(store: DuckEventStore) -> None:
    store.apply([block(trip("a", "1"), row=1)], 1, RECEIVED)
    with pytest.raises(ValueError, match="must not be stored twice"):
        store.apply([block(trip("a", "1"), row=1), block(trip("b", "2"), row=2)], 2, RECEIVED)
    assert (miles(store), store.offset()) == (1, 1)


def test_rows_without_events_still_move_the_offset(store: DuckEventStore) -> None:
    store.apply([], 7, RECEIVED)
    assert store.offset() == 7


def test_the_offset_is_stored_with_its_effects_and_both_survive(path: Path) -> None:
    store = DuckEventStore(path)
    assert (store.offset(), store.processed_until()) == (0, None)
    store.apply([block(trip("a", "1.5"), row=3)], 3, RECEIVED)
    assert (store.offset(), store.processed_until()) == (3, RECEIVED)
    store.close()
    again = DuckEventStore(path)
    assert (again.offset(), again.processed_until(), miles(again)) == (3, RECEIVED, Decimal("1.5"))
    again.close()


@pytest.mark.parametrize("is_zeros", [True, False])
def test_a_write_ahead_log_that_a_power_cut_has_torn_loses_what_was_never_synced(
    path: Path, tmp_path: Path, *, is_zeros: bool
) -> None:
    """reliability.md F-04: its end is missing, or its length reached the disk and its content did not."""
    wal = tmp_path / "events.duckdb.wal"
    store = DuckEventStore(path)
    store.apply([block(trip("a", "1"), row=1)], 1, RECEIVED)
    synced = wal.stat().st_size
    store.apply([block(trip("b", "10"), row=2)], 2, RECEIVED)
    file, log = path.read_bytes(), wal.read_bytes()
    store.close()
    cut = (synced + len(log)) // 2
    path.write_bytes(file)
    wal.write_bytes(log[:cut] + bytes(len(log) - cut if is_zeros else 0))
    again = DuckEventStore(path)
    assert (again.offset(), miles(again)) == (1, 1)
    again.apply([block(trip("b", "10"), row=2)], 2, RECEIVED)
    again.close()
    again = DuckEventStore(path)
    assert (again.offset(), miles(again)) == (2, 11)
    again.close()
    assert wal.with_name(f"{wal.name}.torn").exists() == is_zeros


def test_a_file_that_is_no_store_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("this is a diary, not a database; " * 200)
    with pytest.raises(BillingError, match=r"events\.duckdb cannot be opened .*: restore") as refusal:
        DuckEventStore(path)
    assert refusal.value.kind is Kind.BROKEN
    assert path.read_text() == "this is a diary, not a database; " * 200


def test_a_transaction_that_fails_half_way_leaves_nothing(
    store: DuckEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_point: str) -> None:
        raise duckdb.Error("power cut")

    with monkeypatch.context() as patch:
        patch.setattr("tallystick.stores.faults.reach", fail)
        with pytest.raises(duckdb.Error, match="power cut"):
            store.apply([block(trip("a", "1"), row=1)], 1, RECEIVED)
    assert (miles(store), store.offset(), store.page_events(ORGANISATION, size=5)) == (0, 0, [])
    store.apply([block(trip("a", "1"), row=1)], 1, RECEIVED)
    assert (miles(store), store.offset()) == (1, 1)


def test_a_store_of_a_newer_release_is_refused(path: Path) -> None:
    DuckEventStore(path).close()
    with duckdb.connect(path) as database:
        database.execute("UPDATE schema_version SET version = 99")
    with pytest.raises(BillingError, match="use the release that wrote it") as refusal:
        DuckEventStore(path)
    assert refusal.value.kind is Kind.BROKEN


def test_waiting_ends_when_the_row_is_there_and_otherwise_in_time(store: DuckEventStore) -> None:
    assert store.wait_until(0, 0)
    assert not store.wait_until(1, 0.01)
    store.watermark.listen(lambda: store.apply([block(trip("a", "1"), row=1)], 1, RECEIVED))
    assert store.wait_until(1, 5)


def test_nothing_is_downloaded_and_limits_are_set(store: DuckEventStore) -> None:
    names = ("autoinstall_known_extensions", "autoload_known_extensions", "threads", "memory_limit")
    held = [store._read(f"SELECT current_setting('{name}')", {})[0][0] for name in names]
    assert held[:3] == [False, False, 2]
    assert held[3] == "366.2 MiB"


def test_a_reader_on_another_thread_sees_whole_transactions(store: DuckEventStore) -> None:
    size, rows = 3_000, 6
    batches = [block(*[trip(f"{row}-{n}", "1") for n in range(size)], row=row) for row in range(1, rows + 1)]
    seen: set[Decimal] = set()
    with ThreadPoolExecutor(2) as pool:
        stopping = threading.Event()

        def look() -> None:
            while not stopping.is_set():
                seen.add(miles(store))

        readers = [pool.submit(look) for _ in range(2)]
        for row, batch in enumerate(batches, start=1):
            store.apply([batch], row, RECEIVED)
        stopping.set()
        for reader in readers:
            reader.result(60)
    assert seen <= {Decimal(size * row) for row in range(rows + 1)}
    assert miles(store) == size * rows


@pytest.fixture
def full_disk() -> Iterator[Callable[[int], None]]:
    """A function that forbids this process to let any file grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_after_a_full_disk_the_store_goes_on_without_a_restart(path: Path, full_disk: Callable[[int], None]) -> None:
    """reliability.md F-15: what failed is not there, and is there after the next try."""
    store = DuckEventStore(path)
    store.apply([block(trip("a", "1"), row=1)], 1, RECEIVED)
    big = [block(*[trip(f"{n}" * 60, "1") for n in range(20_000)], row=2)]
    full_disk(200_000)
    for _ in range(3):
        with pytest.raises(duckdb.Error):
            store.apply(big, 2, RECEIVED)
    full_disk(NO_LIMIT)
    assert (store.offset(), miles(store)) == (1, 1)
    store.apply(big, 2, RECEIVED)
    assert (store.offset(), miles(store)) == (2, 20_001)
    store.close()
    again = DuckEventStore(path)
    assert (again.offset(), miles(again)) == (2, 20_001)
    again.close()


def test_a_database_that_refuses_everything_is_opened_anew(path: Path, full_disk: Callable[[int], None]) -> None:
    """A checkpoint that fails makes DuckDB refuse even reads; the next try to apply puts an end to that."""
    store = DuckEventStore(path)
    store.apply([block(*[trip(f"{n}", "1") for n in range(3_000)], row=1)], 1, RECEIVED)
    full_disk(20_000)
    with pytest.raises(duckdb.Error):
        store._database.execute("CHECKPOINT")
    with pytest.raises(BillingError, match="cannot be read now") as refusal:
        miles(store)
    assert refusal.value.kind is Kind.UNAVAILABLE
    full_disk(NO_LIMIT)
    more = [block(trip("b", "1"), row=2)]
    with pytest.raises(duckdb.Error):
        store.apply(more, 2, RECEIVED)
    assert miles(store) == 3_000
    store.apply(more, 2, RECEIVED)
    assert (store.offset(), miles(store)) == (2, 3_001)
    store.close()
