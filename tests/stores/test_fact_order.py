"""Usage facts by series: numbers that never change, and sorting that changes no answer, whatever happens meanwhile."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from tallystick.metering.event import EventStatus
from tallystick.stores import duck_event_store, event_store_sorting
from tallystick.stores.duck_event_store import DuckEventStore
from tallystick.stores.event_facts import MeterVersion, Revision
from tallystick.stores.event_log import position_of
from tallystick.stores.event_store import UsageWindow
from tallystick.stores.event_store_arrow import Arriving
from tallystick.stores.event_store_series import SeriesNumbers
from tests.stores.event_samples import ALWAYS, JANUARY, RECEIVED, block, total, trip
from tests.unit.metering.samples import ORGANISATION

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNTS = ("acme", "zenith", "apex")
OTHER = "org.2"


def fill(store: DuckEventStore, rows: int, start: int = 1) -> None:
    """Three events of ours and one of another organisation in each row."""
    for row in range(start, start + rows):
        mine = [trip(f"{account}-{row}", "1.5", day=row % 28, account=account) for account in ACCOUNTS]
        theirs = block(trip(f"t-{row}", "100"), row=row, ordinal=3, organisation=OTHER)
        store.apply([block(*mine, row=row), theirs], row, RECEIVED)


def answers(store: DuckEventStore) -> list[Any]:
    """What the store says to each question about usage."""
    bounds = [JANUARY + timedelta(days=day) for day in range(32)]
    windows = [UsageWindow(account, ALWAYS) for account in ACCOUNTS]
    positions = [position_of(row, ordinal) for row in (1, 2, 3) for ordinal in range(4)]
    return [
        [store.usage_totals(organisation, windows) for organisation in (ORGANISATION, OTHER)],
        [store.usage_series(ORGANISATION, bounds, account_ids=chosen, by="account") for chosen in (None, ["apex"], [])],
        [store.usage_series(ORGANISATION, bounds, meter_ids=chosen, by="meter") for chosen in (None, ["um.miles"])],
        store.usage_series(ORGANISATION, bounds),
        [store.units_of(organisation, positions) for organisation in (ORGANISATION, OTHER)],
        store.metered_events(ORGANISATION, windows[0], "um.miles", first=2),
    ]


def series(path: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect(path, read_only=True) as database:
        return database.execute("FROM series ORDER BY series").fetchall()


def test_sorting_changes_no_answer_and_ends_with_everything_in_order(
    store: DuckEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_store_sorting, "PORTION", 8)
    fill(store, rows=5)
    before = answers(store)
    assert total(store.usage_totals(OTHER, [UsageWindow("acme", ALWAYS)])[0]) == 500
    while count := store.count_unsorted():
        assert store.sort_portion() == min(count, 8)
        assert answers(store) == before
    assert store.sort_portion() == 0
    held = store._read("SELECT series, event_at, rowid FROM fact_sorted ORDER BY rowid", {})
    assert [row[:2] for row in held[:8]] == sorted(row[:2] for row in held[:8])
    fill(store, rows=2, start=6)
    assert len(held) + store.count_unsorted() == 28


def test_what_was_sorted_is_there_after_a_restart(store: DuckEventStore, path: Path) -> None:
    fill(store, rows=3)
    before = answers(store)
    store.sort_portion()
    store.close()
    again = DuckEventStore(path)
    assert (answers(again), again.count_unsorted()) == (before, 0)
    again.close()


def test_a_fact_that_is_sorted_is_reversed_like_any_other(store: DuckEventStore) -> None:
    fill(store, rows=1)
    store.sort_portion()
    undone = Revision(
        position=position_of(1),
        number=position_of(2),
        organisation=ORGANISATION,
        revised_at=RECEIVED,
        status=EventStatus.REVERTED,
        status_description=None,
        account_id="acme",
        event_at=JANUARY + timedelta(days=1),
        usage=((MeterVersion("um.miles", 1), Decimal("-1.5")),),
    )
    store.apply([], 2, RECEIVED, [undone])
    for _ in range(2):
        assert total(store.usage_totals(ORGANISATION, [UsageWindow("acme", ALWAYS)])[0]) == 0
        assert store.units_of(ORGANISATION, [position_of(1)]) == []
        assert store.metered_events(ORGANISATION, UsageWindow("acme", ALWAYS), "um.miles", first=9) == (0, [])
        store.sort_portion()


def test_facts_arrive_and_are_read_while_others_are_sorted(
    store: DuckEventStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_store_sorting, "PORTION", 50)
    monkeypatch.setattr(duck_event_store, "WORTH_CHECKPOINT", 50_000)  # some ten times, by the store's own steps
    fill(store, rows=20)
    ended = threading.Event()
    failures: list[BaseException] = []

    def sort() -> None:
        try:
            while not ended.is_set():
                store.sort_portion()
        except BaseException as failure:  # noqa: BLE001 - shown by the test
            failures.append(failure)

    sorting = threading.Thread(target=sort)
    sorting.start()
    for row in range(21, 120):
        fill(store, rows=1, start=row)
        assert total(store.usage_totals(ORGANISATION, [UsageWindow("acme", ALWAYS)])[0]) == Decimal("1.5") * row
    ended.set()
    sorting.join()
    assert failures == []
    store.close()
    again = DuckEventStore(path)
    assert total(again.usage_totals(ORGANISATION, [UsageWindow("apex", ALWAYS)])[0]) == Decimal("1.5") * 119
    again.close()


def test_sorting_that_fails_half_way_changes_nothing(store: DuckEventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, rows=3)
    before = answers(store)
    monkeypatch.setattr(event_store_sorting, "_REMOVE", "SELECT error('no') WHERE $behind > 0")
    with pytest.raises(duckdb.Error, match="no"):
        store.sort_portion()
    assert (answers(store), store.count_unsorted()) == (before, 12)
    monkeypatch.undo()
    assert store.sort_portion() == 12
    assert answers(store) == before


def test_a_series_keeps_its_number_over_rounds_and_restarts(path: Path) -> None:
    for row in (1, 3):
        store = DuckEventStore(path)
        fill(store, rows=2, start=row)
        store.close()
        held = series(path)
        assert [row[0] for row in held] == [0, 1, 2, 3]
        assert {row[1:] for row in held} == {
            *((ORGANISATION, account, "um.miles") for account in ACCOUNTS),
            (OTHER, "acme", "um.miles"),
        }


def test_a_series_of_a_transaction_that_failed_is_stored_with_the_next(
    store: DuckEventStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(duck_event_store.faults, "reach", lambda point: (_ for _ in ()).throw(OSError(point)))
        with pytest.raises(OSError, match="events_before_commit"):
            fill(store, rows=1)
    fill(store, rows=1)
    assert store._read("SELECT count(*) FROM usage", {}) == [(4,)]
    store.close()
    assert len(series(path)) == 4


def test_each_series_arrives_once_whatever_codes_its_names_have(store: DuckEventStore) -> None:
    judged = block(trip("a", "1"), trip("b", "2", account="apex"), trip("c", "4"), row=1)
    accounts = judged.outcomes.account_ids
    accounts.put(np.array([0, 2]), np.array([0, 1]), ["acme", "acme"])
    arriving = Arriving.of([judged, block(trip("d", "8"), row=2)])
    assert arriving is not None
    assert sorted(arriving.series.column("account_id").to_pylist()) == ["acme", "apex"]
    store.apply_rows(arriving, 2, RECEIVED)
    windows = [UsageWindow(account, ALWAYS) for account in ("acme", "apex")]
    assert [total(found) for found in store.usage_totals(ORGANISATION, windows)] == [13, 2]


def test_no_more_series_are_remembered_than_were_allowed_and_all_are_found(store: DuckEventStore) -> None:
    numbers = SeriesNumbers(most=5)

    def asked(first: int, last: int) -> list[int]:
        accounts = [f"account-{number}" for number in range(first, last)]
        count = len(accounts)
        columns = {"organisation": ["org.1"] * count, "account_id": accounts, "meter_id": ["um.1"] * count}
        with store._cursor() as cursor:
            found = numbers.numbers_of(cursor, pa.RecordBatch.from_pydict(columns)).tolist()
        numbers.remember()
        assert sum(map(len, numbers._known.values())) <= 5
        return found

    assert asked(0, 4) == [0, 1, 2, 3]
    assert asked(2, 7) == [2, 3, 4, 5, 6]
    assert asked(0, 9) == list(range(9))
    assert asked(8, 3) == []
