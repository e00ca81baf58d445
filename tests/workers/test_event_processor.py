"""From the log to the store: each event once, whatever repeats, collides, fails or dies on the way."""

from __future__ import annotations

import random
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pytest

from tallystick.kernel.clock import FrozenClock
from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.ids import IdSource
from tallystick.kernel.period import BEGINNING, FOREVER, Period
from tallystick.metering.event import EventSource, EventStatus
from tallystick.stores.duck_event_store import DuckEventStore
from tallystick.stores.event_log import SqliteEventLog
from tallystick.stores.event_store import UsageWindow
from tallystick.stores.id_folder import IdFolder
from tallystick.stores.known_ids import KnownIds
from tallystick.workers import event_processor
from tallystick.workers.event_processor import EventProcessor
from tests.unit.metering.samples import (
    ORGANISATION,
    FixedCatalogue,
    catalogue,
    columns,
    departures,
    flight,
    meter,
    schema,
    span,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tallystick.metering.catalogue import Catalogue
    from tallystick.metering.event import Event
    from tallystick.metering.purse import PurseSource

KNOWN = catalogue(schema(meter(), departures()), accounts={"acme": [span("acme")], "zenith": [span("zenith")]})
STATUS = "status"


class Plant:
    """A log, a store and a processor on the files of one directory."""

    def __init__(
        self,
        directory: Path,
        known: KnownIds | None = None,
        *,
        sold: Catalogue = KNOWN,
        purses: PurseSource | None = None,
    ) -> None:
        self.clock = FrozenClock(datetime(2026, 4, 1, tzinfo=UTC))
        self.log = SqliteEventLog(directory / "log.db", self.clock, IdSource(self.clock))
        self.store = DuckEventStore(directory / "events.duckdb")
        self.catalogues = FixedCatalogue(sold)
        if known is None:
            known = KnownIds(folder=IdFolder(directory / "ids", self.store.identity))
        self.processor = EventProcessor(self.log, self.store, self.catalogues, known=known, purses=purses)

    def send(self, *events: Event, organisation: str = ORGANISATION, source: EventSource = EventSource.BATCH) -> int:
        """Append events and return their row."""
        return self.log.append(columns(*events, organisation=organisation, source=source)).result(60)

    def miles(self, account: str = "acme", organisation: str = ORGANISATION) -> Decimal:
        """The miles of an account."""
        asked = [UsageWindow(account, Period(BEGINNING, FOREVER))]
        return self.store.usage_totals(organisation, asked)[0].get("um.miles", Decimal(0))

    def statuses(self, organisation: str = ORGANISATION) -> dict[str | None, int]:
        """How many events have each status."""
        counts = self.store.event_counts(organisation, [BEGINNING, FOREVER], by=STATUS)  # type: ignore[arg-type]
        return {status: count for status, _, count in counts}

    def close(self) -> None:
        """Stop and let go of the files."""
        self.processor.stop()
        self.log.close()
        self.store.close()


@pytest.fixture
def new_plant(tmp_path: Path) -> Iterator[Callable[..., Plant]]:
    """A function that opens the files of this test; a plant that was opened before is closed first."""
    opened: list[Plant] = []

    def new(**options: Any) -> Plant:  # noqa: ANN401
        for plant in opened:
            plant.close()
        opened[:] = [Plant(tmp_path, **options)]
        return opened[0]

    yield new
    for plant in opened:
        plant.close()


@pytest.fixture
def plant(new_plant: Callable[..., Plant]) -> Plant:
    return new_plant()


def distance(event_id: str, miles: int, **others: Any) -> Event:  # noqa: ANN401
    return flight(event_id, attributes={"distance": str(miles)}, **others)


def test_the_first_of_two_with_one_id_counts_by_whatever_doors_they_came(plant: Plant) -> None:
    plant.send(distance("a", 1), source=EventSource.API)
    plant.send(distance("x", 20), organisation="org.2")
    plant.send(distance("x", 300), source=EventSource.BATCH)
    plant.send(distance("x", 4000), source=EventSource.API)
    plant.processor.drain()
    assert plant.miles() == 301
    assert [(one.source, one.status) for one in plant.store.events_with_id(ORGANISATION, "x")] == [
        (EventSource.BATCH, EventStatus.METERED),
        (EventSource.API, EventStatus.DUPLICATE),
    ]


def test_what_was_appended_is_metered_and_the_offset_moves(plant: Plant) -> None:
    plant.send(distance("a", 100), distance("b", 20, account="zenith"))
    plant.send(distance("c", 3), flight("d", account="nobody"))
    plant.processor.drain()
    assert (plant.miles(), plant.miles("zenith")) == (103, 20)
    assert plant.statuses() == {EventStatus.METERED: 3, EventStatus.ACCOUNT_NOT_FOUND: 1}
    assert plant.processor.passed() == plant.log.end() == 2
    first = plant.store.events_with_id(ORGANISATION, "a")[0]
    assert first.received_at == plant.clock.now()


def test_reserved_nanoseconds_tell_all_events_apart(plant: Plant) -> None:
    plant.send(flight("a"), flight("b"))
    plant.send(flight("c"), organisation="org.2")
    plant.processor.drain()
    found = plant.store.page_events(ORGANISATION, size=9) + plant.store.page_events("org.2", size=9)
    assert len({event.reserved for event in found}) == 3
    assert all(event.reserved >= 1_775_001_600_000_000_000 for event in found), "2026-04-01 in nanoseconds"


def test_a_repeated_id_counts_once_in_a_request_a_round_and_for_ever(
    plant: Plant, new_plant: Callable[..., Plant]
) -> None:
    """reliability.md F-06, F-08; domain.md 2.3: an id counts once, for ever."""
    plant.send(distance("a", 1), distance("a", 10))
    plant.send(distance("a", 100))
    plant.processor.drain()
    plant.send(distance("a", 1_000), distance("b", 10_000))
    plant.processor.drain()
    again = new_plant()
    again.send(distance("b", 100_000), distance("c", 1_000_000))
    again.processor.drain()
    assert again.miles() == 1_010_001
    assert again.statuses() == {EventStatus.METERED: 3, EventStatus.DUPLICATE: 4}


def test_the_same_id_in_another_organisation_is_another_event(plant: Plant) -> None:
    """reliability.md F-07."""
    for organisation in (ORGANISATION, "org.2", ORGANISATION, "org.2"):
        plant.send(distance("a", 5), organisation=organisation)
        plant.processor.drain()
    assert (plant.miles(), plant.miles(organisation="org.2")) == (5, 5)


def tiny_keys(organisation: str, ids: Sequence[str | None]) -> NDArray[np.uint64]:
    """Keys of which there are only three, so that nearly all ids collide."""
    return np.array([len(organisation + (event_id or "")) % 3 for event_id in ids], dtype=np.uint64)


def test_ids_whose_keys_collide_are_told_apart_by_their_text(new_plant: Callable[..., Plant]) -> None:
    """A false duplicate would lose money: a hit in the index is confirmed on the stored id."""
    plant = new_plant(known=KnownIds(tiny_keys))
    for batch in range(5):
        plant.send(*[distance(f"{batch}-{number}", 1) for number in range(20)], distance("0-7", 1_000))
        plant.processor.drain()
    assert plant.miles() == 100
    assert plant.statuses() == {EventStatus.METERED: 100, EventStatus.DUPLICATE: 5}


def test_an_event_that_failed_can_be_sent_again_under_its_id_and_then_counts_once(plant: Plant) -> None:
    plant.send(flight("a", account="nobody"))
    plant.processor.drain()
    for _ in range(2):
        plant.send(flight("a"))
        plant.processor.drain()
    assert plant.statuses() == {
        EventStatus.ACCOUNT_NOT_FOUND: 1,
        EventStatus.METERED: 1,
        EventStatus.DUPLICATE: 1,
    }


def test_events_without_id_do_not_hinder_each_other(plant: Plant) -> None:
    for _ in range(2):
        plant.send(flight(None), flight(""), distance("a", 1))
        plant.processor.drain()
    assert plant.statuses() == {EventStatus.NO_EVENT_ID: 4, EventStatus.METERED: 1, EventStatus.DUPLICATE: 1}


@pytest.mark.parametrize("seed", range(6))
def test_order_batching_and_rounds_do_not_change_usage(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """reliability.md F-60: the same events in random order, in random requests, in rounds of random size."""
    dice = random.Random(seed)
    events = [
        flight(
            f"e{number}",
            at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number),
            account="acme" if number % 3 else "zenith",
            attributes={"distance": f"{number}.{number:03}"},
        )
        for number in range(300)
    ]
    dice.shuffle(events)
    monkeypatch.setattr(event_processor, "MOST_IN_ROUND", dice.choice([1, 7, 50, 1000]))
    while events:
        size = dice.randint(1, 40)
        plant.send(*events[:size], *dice.choices(events[:size], k=3))
        events = events[size:]
        if dice.random() < 0.3:
            plant.processor.drain()
    plant.processor.drain()
    # by hand: n + n/1000 summed over n below 300 that are, or are not, multiples of 3
    assert plant.miles("zenith") == Decimal(14850) + Decimal("14.850")
    assert plant.miles("acme") == Decimal(30000) + Decimal("30.000")
    assert plant.statuses()[EventStatus.METERED] == 300


def test_the_catalogue_is_asked_after_the_rows_were_read(plant: Plant) -> None:
    """What is activated once the processor has passed everything before it meets only later events (design.md 4)."""
    plant.send(distance("a", 1))
    plant.send(distance("b", 2, account="zenith"), flight("c", schema="boat"), organisation="org.2")
    plant.processor.drain()
    assert plant.catalogues.asked == [
        (ORGANISATION, {"flight"}, {"acme"}),
        ("org.2", {"flight", "boat"}, {"zenith", "acme"}),
    ]
    plant.catalogues.fixed = catalogue(schema(meter("miles", (None, "1000"))))
    plant.send(distance("d", 4))
    plant.processor.drain()
    assert plant.miles() == 1_001


class DiesError(Exception):
    """The process ends here."""


@pytest.mark.parametrize("point", ["before the store", "after the store", "after the index"])
def test_a_replay_after_a_death_changes_nothing(
    plant: Plant, new_plant: Callable[..., Plant], monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    def die(*_: object) -> None:
        raise DiesError

    plant.send(distance("a", 1), distance("b", 10))
    plant.processor.drain()
    plant.send(distance("a", 100), distance("c", 1_000))
    plant.send(distance("d", 10_000))
    victims = {
        "before the store": (plant.store, "apply"),
        "after the store": (plant.processor._known, "add"),
        "after the index": (plant.log, "prune"),
    }
    monkeypatch.setattr(event_processor, "ROUNDS_PER_PRUNING", 1)
    with monkeypatch.context() as patch:
        patch.setattr(*victims[point], die)
        with pytest.raises(DiesError):
            plant.processor.drain()
    again = new_plant()
    for _ in range(2):
        again.processor.drain()
        again.send(distance("c", 7), distance("a", 7))
    again.processor.drain()
    assert again.miles() == 11_011
    assert again.statuses() == {EventStatus.METERED: 4, EventStatus.DUPLICATE: 5}


def test_an_index_that_missed_a_batch_catches_up(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    plant.send(distance("a", 1))
    with monkeypatch.context() as patch:
        patch.setattr(plant.processor._known, "add", fail)
        with pytest.raises(MemoryError):
            plant.processor.drain()
    plant.send(distance("a", 10), distance("b", 100))
    plant.processor.drain()
    assert plant.miles() == 101


def test_the_log_is_pruned_behind_the_offset_and_never_before_it(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_processor, "ROUNDS_PER_PRUNING", 3)
    for number in range(8):
        plant.send(distance(f"e{number}", 1))
        plant.processor.drain()
    plant.send(distance("last", 1))
    for _ in range(3):
        plant.log.barrier()
    assert [row.row for row in plant.log.read(0, 1_000)] == [7, 8, 9]
    plant.processor.drain()
    assert plant.miles() == 9


def test_the_rows_of_a_large_round_are_pruned_at_once(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_processor, "WORTH_PRUNING", 3)
    plant.send(distance("e1", 1), distance("e2", 1))
    plant.processor.drain()
    plant.send(distance("e3", 1), distance("e4", 1))
    plant.processor.drain()
    plant.log.barrier()
    plant.log.barrier()
    assert [row.row for row in plant.log.read(0, 1_000)] == [1, 2], "the control: two small rounds"
    plant.send(distance("e5", 1), distance("e6", 1), distance("e7", 1))
    plant.processor.drain()
    plant.log.barrier()
    plant.log.barrier()
    assert [row.row for row in plant.log.read(0, 1_000)] == [3]


@pytest.mark.parametrize(("most", "is_burst"), [(4, True), (16, False)])
def test_the_rows_of_a_burst_are_pruned_at_its_end(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, most: int, *, is_burst: bool
) -> None:
    """A round that is half full is one; the rows of others are left for the next pruning."""
    monkeypatch.setattr(event_processor, "MOST_IN_ROUND", most)
    plant.send(distance("e1", 1), distance("e2", 1))
    plant.send(distance("e3", 1), distance("e4", 1))
    plant.processor.start()
    for number in range(3):
        assert plant.processor.wait_until(plant.send(distance(f"later-{number}", 1)), 60)
        time.sleep(0.05)
    plant.log.barrier()
    plant.log.barrier()
    assert (plant.log.read(0, 1_000)[0].row > 1) == is_burst


def test_a_clean_stop_leaves_the_newest_row_alone(plant: Plant) -> None:
    for number in range(5):
        plant.send(distance(f"e{number}", 1))
        plant.processor.drain()
    plant.send(distance("last", 1))
    plant.processor.stop()
    plant.log.barrier()
    plant.log.barrier()
    assert [row.row for row in plant.log.read(0, 1_000)] == [6]


def test_in_the_background_readers_are_served_at_once(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits does not sit out the pause in which events gather."""
    monkeypatch.setattr(event_processor, "PAUSE_SECONDS", 60)
    plant.processor.start()
    for number in range(3):
        row = plant.send(distance(f"e{number}", 1))
        assert plant.processor.wait_until(row, 60)
        assert plant.miles() == number + 1
    assert plant.processor.failure is None


def test_in_the_background_events_are_processed_also_when_nobody_waits(plant: Plant) -> None:
    plant.processor.start()
    passed = threading.Event()
    rise = plant.store.watermark.rise

    def heard(row: int, received_at: datetime | None) -> None:
        rise(row, received_at)
        passed.set()

    plant.store.watermark.rise = heard  # type: ignore[method-assign]
    plant.send(distance("a", 1))
    assert passed.wait(60)
    assert plant.miles() == 1


def test_stopping_is_quick_and_leaves_the_rest_for_the_next_start(
    plant: Plant, new_plant: Callable[..., Plant], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_processor, "PAUSE_SECONDS", 60)
    plant.processor.start()
    plant.send(distance("a", 1))
    again = new_plant()
    again.processor.start()
    assert again.processor.wait_until(1, 60)
    assert again.miles() == 1


def test_a_failure_is_seen_and_tried_again_until_it_works(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    apply = plant.store.apply
    fails = 3
    failures: list[str | None] = []

    def flaky(*arguments: Any) -> None:  # noqa: ANN401
        failures.append(plant.processor.failure)
        if len(failures) <= fails:
            raise duckdb.IOException("disk full")
        apply(*arguments)

    monkeypatch.setattr(plant.store, "apply", flaky)
    monkeypatch.setattr(event_processor, "FIRST_BACKOFF_SECONDS", 0.01)
    plant.processor.start()
    row = plant.send(distance("a", 1))
    assert plant.processor.wait_until(row, 60)
    plant.processor.stop()
    assert failures == [None, *["disk full"] * fails]
    assert plant.processor.failure is None
    assert caplog.text.count("events cannot be processed") == 1
    assert plant.miles() == 1


def test_a_store_that_was_lost_is_noticed_before_anything_is_billed(
    plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """reliability.md F-35: never bill zero because the event store was empty."""
    monkeypatch.setattr(event_processor, "ROUNDS_PER_PRUNING", 1)
    for number in range(3):
        plant.send(distance(f"e{number}", 1))
        plant.processor.drain()
    for _ in range(2):
        plant.log.barrier()
    plant.close()
    (tmp_path / "events.duckdb").unlink()
    log = SqliteEventLog(tmp_path / "log.db", plant.clock, IdSource(plant.clock))
    empty = DuckEventStore(tmp_path / "events.duckdb")
    with pytest.raises(BillingError, match="restore both files") as refusal:
        EventProcessor(log, empty, plant.catalogues)
    assert refusal.value.kind is Kind.BROKEN
    log.close()
    empty.close()
