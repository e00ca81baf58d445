"""kill -9 while events come in: what was acknowledged is there, once, and counts exactly (reliability.md F-01)."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from benchmarks import world
from benchmarks.events import MATCHED_REGION, SCHEMA
from tests.crash.senders import ACCOUNTS, BATCH, History, send, start_clients

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.server import Server
    from demo.client import Client
    from tests.crash.conftest import NewServer

KILLS = int(os.environ.get("CRASH_ROUNDS", "5"))
START = "2026-01-01T00:00:00Z"
SOONEST_KILL_S, LATEST_KILL_S = 0.05, 0.6
JOINED_S = 60
SHOWN = 40
METERED = "INGESTION_COMPLETED_EVENT_METERED"
DUPLICATE = "INGESTION_FAILED_DUPLICATE_EVENT"


class LostError(AssertionError):
    """Acknowledged events are not in the store."""


def test_every_acknowledged_event_counts_exactly_once_however_often_the_server_is_killed(
    new_server: NewServer, tmp_path: Path
) -> None:
    server = new_server(_new_world(tmp_path / "data"), test_clock=START)
    history = _killed_again_and_again(server, KILLS, seed=1)
    stored = _check_what_survived(server, history)
    again = _resend_unknown(server, history)
    assert set(history.sent) == history.acknowledged
    _check_by_api(server, history, again, stored)
    _check_in_files(server, history)


def test_a_build_that_acknowledges_before_the_commit_fails_the_same_check(
    new_server: NewServer, tmp_path: Path
) -> None:
    server = new_server(_new_world(tmp_path / "data"), test_clock=START, faults="ack_before_commit")
    history = _killed_again_and_again(server, 2, seed=2)
    with pytest.raises(LostError):
        _check_what_survived(server, history)


def _new_world(data: Path) -> Path:
    return world.build(data, ACCOUNTS, test_clock=datetime.fromisoformat(START).astimezone(UTC)).data


def _killed_again_and_again(server: Server, rounds: int, seed: int) -> History:
    """Start, let clients send, kill at a random moment; each start must be ready, which `Server.start` waits for.

    Every second time that is counted from the first answer on, so that there are some on the slowest machine.
    """
    chance = random.Random(seed)
    history = History()
    for number in range(rounds):
        server.start()
        known = len(history.acknowledged)
        threads = start_clients(server.client, history, f"round{number}", seed=chance.randrange(1_000_000))
        if number % 2:
            _wait_for_an_answer(history, known)
        time.sleep(chance.uniform(SOONEST_KILL_S, LATEST_KILL_S))
        server.kill()
        for thread in threads:
            thread.join(JOINED_S)
            assert not thread.is_alive()
    assert history.acknowledged, "no round lasted long enough for an answer"
    assert history.unknown, "no kill hit a request on its way"
    return history


def _wait_for_an_answer(history: History, known: int) -> None:
    patience = time.monotonic() + JOINED_S
    while len(history.acknowledged) == known:
        assert time.monotonic() < patience, "nothing was acknowledged"
        time.sleep(0.005)


def _check_what_survived(server: Server, history: History) -> set[str]:
    """Acknowledged within stored within sent, before anything is sent again; the ids that are stored."""
    with _running(server) as client:
        _settle(client)
    stored = {name for name, _ in _stored_events(server.data)}
    if lost := history.acknowledged - stored:
        raise LostError(f"{len(lost)} of {len(history.acknowledged)} acknowledged events are lost")
    assert stored <= set(history.sent)
    return stored


def _resend_unknown(server: Server, history: History) -> set[str]:
    """Send what nobody answered again, under the same ids; which ones those were."""
    unknown = history.unknown
    with _running(server) as client:
        for start in range(0, len(unknown), BATCH):
            assert send(client, unknown[start : start + BATCH], history)
    return {event.id for event in unknown}


def _check_by_api(server: Server, history: History, again: set[str], stored: set[str]) -> None:
    duplicates = len(again & stored)
    with _running(server) as client:
        assert _by_group(client, "EVENTS", "RAW_EVENT_STATUS") == {
            METERED: len(history.sent),
            **({DUPLICATE: duplicates} if duplicates else {}),
        }
        usage = _by_group(client, "METER_USAGE", "BILLABLE_ID")
        assert sorted(usage.values()) == sorted([history.total_size, history.total_matched_seconds])
        twice = sum(len(client.get(f"/events/{name}")["events"]) > 1 for name in sorted(again)[:SHOWN])
        assert twice == len(stored & set(sorted(again)[:SHOWN])), "the first one counts, the second is shown beside it"


def _check_in_files(server: Server, history: History) -> None:
    """The same from the files, read without the product: each event and each fact once, databases whole."""
    metered = [name for name, status in _stored_events(server.data) if status == METERED]
    assert len(metered) == len(set(metered))
    assert set(metered) == set(history.sent)
    with duckdb.connect(server.data / "events.duckdb", read_only=True) as connection:
        facts = connection.execute(
            "SELECT count(*), count(DISTINCT (position, meter_id)), sum(value) FROM usage"
        ).fetchone()
    matched = sum(event.region == MATCHED_REGION for event in history.sent.values())
    expected = len(history.sent) + matched
    assert facts == (expected, expected, history.total_size + history.total_matched_seconds)
    for name in ("state.db", "events.log.db"):
        with contextlib.closing(sqlite3.connect(server.data / name)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@contextlib.contextmanager
def _running(server: Server) -> Iterator[Client]:
    server.start()
    try:
        yield server.client
    finally:
        assert server.stop() == 0


def _settle(client: Client) -> None:
    """Wait until everything acknowledged is processed: a read says when it waited in vain."""
    while not client.send("GET", "/events?pageSize=1").is_settled:
        pass


def _stored_events(data: Path) -> list[tuple[str, str]]:
    with duckdb.connect(data / "events.duckdb", read_only=True) as connection:
        return connection.execute("SELECT event_id, status FROM event").fetchall()


def _by_group(client: Client, name: str, group: str) -> dict[str, Decimal]:
    """The figures of January by group."""
    _settle(client)
    query: dict[str, Any] = {"id": "q", "name": name, "aggregationPeriod": "MONTH", "groupBy": group}
    if name == "EVENTS":
        query["filters"] = [{"fieldName": "SCHEMA_NAME", "fieldValues": [SCHEMA]}]
    window = {"startTime": START, "endTime": "2026-02-01T00:00:00Z"}
    (result,) = client.post("/metrics", {**window, "metricQueries": [query]})["results"]
    return {
        points["groupedBy"]["fieldValue"]: sum(map(Decimal, points["metricValues"]), Decimal())
        for points in result["data"]
    }
