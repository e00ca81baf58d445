"""When usage facts are sorted: a portion at a time, not during a burst, unless too many have gathered."""

from __future__ import annotations

import logging
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tallystick.stores import faults
from tallystick.workers import fact_sorter
from tallystick.workers.fact_sorter import FactSorter
from tests.workers.test_event_processor import Plant, distance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FACTS = 2
"""Of each event: two meters take it."""

PORTION = 10
MOST = 30
"""Events."""


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plant]:
    monkeypatch.setattr(fact_sorter, "PORTION", PORTION * FACTS)
    monkeypatch.setattr(fact_sorter, "MOST_UNSORTED", MOST * FACTS)
    made = Plant(tmp_path)
    yield made
    made.close()


def sorter(plant: Plant) -> FactSorter:
    engine: Any = SimpleNamespace(events=plant.store, is_test=True)
    return FactSorter(engine, plant.processor)


def unsorted(plant: Plant) -> float:
    """Of how many events the facts are not sorted."""
    return plant.store.count_unsorted() / FACTS


def send(plant: Plant, count: int) -> None:
    """Events of one mile each, processed."""
    first = int(plant.miles())
    plant.send(*[distance(f"{first}-{number}", 1) for number in range(count)])
    plant.processor.drain()


def test_less_than_a_portion_stays_as_it_arrived(plant: Plant) -> None:
    send(plant, PORTION - 1)
    sorter(plant).catch_up()
    assert (unsorted(plant), plant.miles()) == (PORTION - 1, PORTION - 1)


def test_a_portion_is_sorted_when_the_processing_keeps_up(plant: Plant) -> None:
    send(plant, PORTION)
    sorter(plant).catch_up()
    assert (unsorted(plant), plant.miles()) == (0, PORTION)


def test_in_a_burst_facts_wait_until_too_many_have_gathered(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(plant.processor), "is_behind", property(lambda _: True))
    send(plant, MOST - 1)
    sorter(plant).catch_up()
    assert unsorted(plant) == MOST - 1
    send(plant, 1)
    sorter(plant).catch_up()
    assert (unsorted(plant), plant.miles()) == (0, MOST)


def test_the_processing_is_behind_while_full_rounds_leave_rows_waiting(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.workers.event_processor.MOST_IN_ROUND", 2)
    held, reached = threading.Event(), threading.Event()
    apply = plant.store.apply

    def slow(*arguments: Any) -> None:  # noqa: ANN401
        apply(*arguments)
        if arguments[1] == 2:
            reached.set()
            held.wait(60)

    monkeypatch.setattr(plant.store, "apply", slow)
    for number in range(4):
        plant.send(distance(f"{number}-a", 1), distance(f"{number}-b", 1))
    assert not plant.processor.is_behind
    plant.processor.start()
    assert reached.wait(60)
    assert plant.processor.is_behind
    held.set()
    assert plant.processor.wait_until(4, 60)
    assert not plant.processor.is_behind


def test_it_sorts_by_itself_and_on_a_test_clock_too(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_FAULTS", faults.SORT_EARLY)
    send(plant, 1)
    at_work = sorter(plant)
    at_work.start()
    patience = time.monotonic() + 60
    while unsorted(plant):
        assert time.monotonic() < patience
        time.sleep(0.01)
    at_work.stop()
    assert plant.miles() == 1


def test_a_failure_is_logged_once_and_tried_again(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    send(plant, PORTION)
    at_work = sorter(plant)
    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(fact_sorter, "PAUSE_SECONDS", 0.01)
        patch.setattr(plant.store, "sort_portion", lambda: (_ for _ in ()).throw(OSError("the disk is full")))
        for _ in range(3):
            at_work._look()
    assert [record.message for record in caplog.records] == [at_work._complaint]
    at_work._look()
    assert (unsorted(plant), plant.miles()) == (0, PORTION)
