"""Many events at once are judged by a process of their own: with the same outcome, and whatever becomes of it."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import pytest

from tallystick.stores.known_ids import _Damage
from tallystick.workers import event_processor
from tallystick.workers.rounds_apart import MOST_UNSTORED, WORTH_SENDING
from tests.operations.shop import Shop, event
from tests.servers import KEY, inside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from tallystick.workers.judging_apart import JudgeApart
    from tests.servers import Inside

EVENTS = 3 * WORTH_SENDING


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Inside]:
    """A server whose rounds run when the test says so, with a judge that is ready."""
    with inside(tmp_path / "data") as running:
        Shop(running.api()).metered_plan((0, 2))
    with inside(tmp_path / "data", works=False, apart=True) as running:
        judge(running).start()
        ready(running)
        yield running
        judge(running).stop()


def judge(server: Inside) -> JudgeApart:
    apart = server.workers.processor._apart
    assert apart is not None
    return apart


def ready(server: Inside) -> None:
    patience = time.monotonic() + 60
    while not judge(server).is_ready:
        assert time.monotonic() < patience
        time.sleep(0.02)


def process(server: Inside) -> Any:  # noqa: ANN401 - the process
    return judge(server)._process


def send(server: Inside, first: int = 0, count: int = EVENTS, **more: object) -> None:
    api = server.api()
    for start in range(first, first + count, 1000):
        numbers = range(start, min(start + 1000, first + count))
        batch = [event(f"e-{number}", calls=number % 7) | more for number in numbers]
        api.post("/ingestBatch", {"events": batch}).ok()


def usage(server: Inside) -> int:
    series = Shop(server.api()).metric("USAGE", "2026-01-01", "2026-02-01")
    return int(sum(series[0]["metricValues"]))


def expected(count: int = EVENTS) -> int:
    return sum(number % 7 for number in range(count))


def test_the_outcome_is_that_of_judging_here(server: Inside) -> None:
    send(server)
    server.workers.processor.drain()
    assert server.workers.processor.rounds_apart > 0
    assert usage(server) == expected()
    send(server)  # every one of them again
    server.workers.processor.drain()
    assert usage(server) == expected(), "an id counts once"
    found = server.api().get("/events/e-5").ok()["events"]
    assert [one["ingestionStatus"]["status"].removeprefix("INGESTION_") for one in found] == [
        "COMPLETED_EVENT_METERED",
        "FAILED_DUPLICATE_EVENT",
    ]


def test_the_next_rows_are_begun_while_these_are_stored_and_none_is_skipped(server: Inside) -> None:
    processor = server.workers.processor
    rounds = 0
    send(server, 0, WORTH_SENDING)
    send(server, WORTH_SENDING, WORTH_SENDING)
    send(server, 2 * WORTH_SENDING, WORTH_SENDING)
    while processor.passed() < server.engine.log.end():
        assert processor._round() > 0
        rounds += 1
    assert (usage(server), rounds > 0) == (expected(), True)


def test_the_rows_of_a_small_round_are_read_once(server: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    log, asked = server.engine.log, list[int]()
    read = log.read_raw

    def noted(after_row: int, most_events: int) -> Any:  # noqa: ANN401 - the log's own
        asked.append(after_row)
        return read(after_row, most_events)

    send(server, 0, 10)
    monkeypatch.setattr(log, "read_raw", noted)
    server.workers.processor.drain()
    assert (usage(server), len(asked)) == (expected(10), 1)


@pytest.fixture
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two requests make a round, so that there are many."""
    monkeypatch.setattr(event_processor, "MOST_IN_ROUND", WORTH_SENDING)


@pytest.mark.usefixtures("short_rounds")
def test_an_id_that_a_round_took_is_known_in_the_next_before_the_first_is_stored(server: Inside) -> None:
    send(server)
    send(server, WORTH_SENDING, EVENTS)  # two thirds of them again
    send(server, 0, EVENTS)
    server.workers.processor.drain()
    assert server.workers.processor.rounds_apart == 3 * EVENTS // WORTH_SENDING
    assert usage(server) == expected(EVENTS + WORTH_SENDING), "an id counts once"


@pytest.mark.usefixtures("short_rounds")
def test_an_id_that_a_round_took_is_known_in_the_very_next(server: Inside) -> None:
    for first in (0, 0, WORTH_SENDING, WORTH_SENDING, 0):
        send(server, first, WORTH_SENDING)
    server.workers.processor.drain()
    assert server.workers.processor.rounds_apart == 5
    assert usage(server) == expected(2 * WORTH_SENDING), "an id counts once"


@pytest.mark.usefixtures("short_rounds")
def test_ids_of_a_damaged_file_are_learnt_again_before_more_is_judged(server: Inside) -> None:
    processor = server.workers.processor
    send(server)
    assert processor._round() == WORTH_SENDING
    processor._known._damaged = _Damage(0, "0-9.ids: a byte has changed")
    assert processor._round() == WORTH_SENDING, "this one was begun"
    assert processor.passed() == server.engine.log.read_raw(0, 2 * WORTH_SENDING)[-1].row
    assert processor._round() == WORTH_SENDING
    assert not processor._known.is_damaged
    assert usage(server) == expected()


@pytest.mark.usefixtures("short_rounds")
def test_nothing_is_stored_behind_a_round_that_could_not_be(server: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    processor, events = server.workers.processor, server.engine.events
    stored, goes_on, tried = events.apply_rows, threading.Event(), list[int]()

    def failing_first(arriving: Any, through_row: int, received_at: datetime) -> None:  # noqa: ANN401 - the store's own
        tried.append(through_row)
        if len(tried) == 1:
            assert goes_on.wait(60)
            raise RuntimeError("the disk is full")
        stored(arriving, through_row, received_at)

    monkeypatch.setattr(events, "apply_rows", failing_first)
    send(server)
    assert processor._round() == processor._round() == WORTH_SENDING
    goes_on.set()
    processor._apart_rounds._storing.submit(int).result()  # whatever was to be stored has been tried
    assert (len(tried), processor.passed()) == (1, 0)
    with pytest.raises(RuntimeError, match="full"):
        processor.drain()
    processor.drain()
    assert usage(server) == expected()


@pytest.mark.usefixtures("short_rounds")
def test_a_round_that_cannot_be_stored_is_judged_again_with_those_behind_it(
    server: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor, events = server.workers.processor, server.engine.events
    stored = events.apply_rows
    failures = iter([False, True, True, False, True])

    def failing(*arguments: Any) -> None:  # noqa: ANN401 - the store's own
        if next(failures, False):
            raise RuntimeError("the disk is full")
        stored(*arguments)

    send(server)
    send(server)
    monkeypatch.setattr(events, "apply_rows", failing)
    for _ in range(3):
        with pytest.raises(RuntimeError, match="full"):
            processor.drain()
    processor.drain()
    assert usage(server) == expected()


@pytest.fixture
def storing(server: Inside, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """What has been judged by the other process is stored once this is set."""
    goes_on = threading.Event()
    events = server.engine.events
    stored = events.apply_rows

    def held_up(*arguments: Any) -> None:  # noqa: ANN401 - the store's own
        assert goes_on.wait(60)
        stored(*arguments)

    monkeypatch.setattr(events, "apply_rows", held_up)
    yield goes_on
    goes_on.set()


@pytest.mark.usefixtures("short_rounds")
def test_rounds_are_judged_while_others_are_stored_up_to_a_limit(server: Inside, storing: threading.Event) -> None:
    processor = server.workers.processor
    send(server, 0, 5 * WORTH_SENDING)
    with ThreadPoolExecutor(1) as threads:
        for _ in range(MOST_UNSTORED):
            assert processor._round() == WORTH_SENDING
        waits = threads.submit(processor._round)
        assert not wait([waits], 0.5).done
        assert (processor.passed(), processor.rounds_apart) == (0, MOST_UNSTORED)
        storing.set()
        assert waits.result() == WORTH_SENDING
    processor.drain()
    assert usage(server) == expected(5 * WORTH_SENDING)


@pytest.mark.usefixtures("short_rounds")
def test_a_stop_lets_go_of_what_is_judged_and_it_is_judged_again(server: Inside, storing: threading.Event) -> None:
    processor = server.workers.processor
    send(server)
    send(server, EVENTS)
    rows = server.engine.log.read_raw(0, WORTH_SENDING)
    assert processor._round() == processor._round() == WORTH_SENDING
    threading.Timer(0.2, storing.set).start()
    processor.stop()
    assert processor.passed() == rows[-1].row
    judge(server).start()
    ready(server)
    processor.drain()
    assert usage(server) == expected(2 * EVENTS)


@pytest.mark.usefixtures("short_rounds")
def test_a_judge_that_dies_between_rounds_loses_nothing_that_it_judged(
    server: Inside, storing: threading.Event
) -> None:
    send(server)
    assert server.workers.processor._round() == WORTH_SENDING
    assert server.workers.processor.passed() == 0, "judged, and not stored"
    os.kill(process(server).pid, signal.SIGKILL)
    process(server).wait()
    storing.set()
    server.workers.processor.drain()
    assert usage(server) == expected()


def test_a_judge_that_dies_leaves_its_rows_to_be_judged_here_and_is_started_anew(server: Inside) -> None:
    first = process(server)
    send(server)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    server.workers.processor.drain()
    assert usage(server) == expected()
    ready(server)
    assert process(server).pid != first.pid
    send(server, EVENTS)
    before = server.workers.processor.rounds_apart
    server.workers.processor.drain()
    assert server.workers.processor.rounds_apart > before
    assert usage(server) == sum(number % 7 for number in range(2 * EVENTS))


def test_a_judge_that_dies_at_work_changes_nothing_that_is_stored(server: Inside) -> None:
    send(server)
    rows = server.engine.log.read_raw(0, 10**6)
    judge(server).begin(rows)
    os.kill(process(server).pid, signal.SIGKILL)
    server.workers.processor.drain()
    assert usage(server) == expected()


def test_a_round_that_orders_something_is_judged_here(server: Inside) -> None:
    send(server, 0, 10)
    server.workers.processor.start()
    corrected = server.api().send("POST", "/events/correction?action=UNDO&account_id=acme&event_id=e-6", None).ok()
    assert [one["status"] for one in corrected["data"]] == ["REVERTED"]
    server.workers.processor.stop()
    judge(server).start()
    ready(server)
    send(server, 10, EVENTS)
    position = server.engine.events.events_with_id(server.engine.gatekeeper.caller_of(KEY).organisation, "e-5")[0]
    server.workers.processor.drain()
    assert position.event.id == "e-5"
    assert usage(server) == sum(number % 7 for number in range(EVENTS + 10)) - 6


def test_what_the_judge_knows_of_the_catalogue_is_what_stands_after_the_rows(server: Inside) -> None:
    send(server)
    server.workers.processor.drain()
    with server.engine.work_for(server.engine.gatekeeper.caller_of(KEY).organisation, "t", writes=True) as (work, _):
        work.state.catalogue_changed()
    send(server, EVENTS, accountId="nobody")
    server.workers.processor.drain()
    assert usage(server) == expected()
    found = server.api().get(f"/events/e-{EVENTS}").ok()["events"]
    assert found[0]["ingestionStatus"]["status"] == "INGESTION_FAILED_ACCOUNT_NOT_FOUND"


def test_the_judge_ends_when_its_parent_does(server: Inside) -> None:
    child = process(server)
    judge(server).stop()
    assert child.returncode == 0
