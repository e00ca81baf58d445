"""Killed at every named point, started again, asked again: nothing is lost, doubled or half done (reliability.md F-02).

The same month of a small business is lived on copies of one directory: events, a customer whose events came before it,
enough rounds for the log to be pruned, a bill run. A client that got no answer asks again with the same ids and
Idempotency-Keys, as the documentation tells it to. The books must be those of a month in which nothing died.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import duckdb
import httpx
import pytest
from alembic import command
from sqlalchemy import create_engine

from benchmarks import world
from benchmarks.events import account_name
from benchmarks.server import KEY, Server, running
from tallystick.stores import faults
from tallystick.stores.duck_event_store import DuckEventStore
from tallystick.stores.migrations.upgrading import configuration
from tests.crash.books import books_of
from tests.crash.senders import BATCH, History, event_of, send
from tests.operations.shop import ADDRESS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.crash.books import Books
    from tests.crash.conftest import NewServer

CLOCK = "2026-01-01T00:00:00Z"
AFTER_THE_GRACE = "2026-02-04T00:00:00Z"
ACCOUNTS = 2
LATE = account_name(ACCOUNTS)
"""Its events come before it does."""

BATCHES = 10
"""Two more than the rounds after which the log is pruned."""

AT_THE_START = {faults.MIGRATION_STEP, faults.FOUNDING_BEFORE_COMMIT, faults.FOUNDED}
WRITES_IDS = {faults.IDS_HALF_WRITTEN, faults.IDS_BEFORE_RENAME, faults.IDS_RENAMED}
SORTS_FACTS = {faults.FACTS_BEFORE_COMMIT, faults.FACTS_SORTED}
AT_LENGTH = {
    faults.LOG_BEFORE_COMMIT,
    faults.LOG_COMMITTED,
    faults.EVENTS_BEFORE_COMMIT,
    faults.EVENTS_COMMITTED,
    faults.COMMAND_BEFORE_COMMIT,
    faults.INVOICES_BEFORE_COMMIT,
    faults.IDS_HALF_WRITTEN,
    faults.IDS_BEFORE_RENAME,
    faults.FACTS_BEFORE_COMMIT,
}
"""Those of `make test-crash`: tests/workers/test_crash_points.py dies at most of them too, the others undo little."""

AFTER_A_BURST = {faults.LOG_GIVEN_BACK}
"""Which this month has not: tests/workers/test_crash_points.py dies there."""

POINTS = sorted(faults.POINTS - AT_THE_START - AFTER_A_BURST - (set() if "CRASH_ROUNDS" in os.environ else AT_LENGTH))
PATIENCE_S = 60


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with two accounts on a plan, whose wishes for a second look are carried out already."""
    data = tmp_path_factory.mktemp("founded") / "data"
    world.build(data, ACCOUNTS, test_clock=datetime.fromisoformat(CLOCK), credit="5")
    with running(data, CLOCK):
        return data


@pytest.fixture(scope="module")
def undisturbed(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Books, list[Any]]:
    """What a month leaves behind in which nothing dies."""
    data = tmp_path_factory.mktemp("undisturbed") / "data"
    shutil.copytree(founded, data)
    with running(data, CLOCK) as server:
        history = History()
        lived(server, history)
        assert len(history.acknowledged) == (BATCHES + 1) * BATCH
    return books_of(data), usage_of(data)


@pytest.mark.parametrize("point", POINTS)
def test_a_month_in_which_the_server_dies_is_as_one_in_which_it_does_not(
    new_server: NewServer, founded: Path, undisturbed: tuple[Books, list[Any]], tmp_path: Path, point: str
) -> None:
    data = tmp_path / "data"
    shutil.copytree(founded, data)
    history = History()
    early = faults.SPILL_EARLY if point in WRITES_IDS else faults.SORT_EARLY if point in SORTS_FACTS else "nothing"
    asked = f"crash@{point},{early}"
    died_at(new_server(data, test_clock=CLOCK, faults=asked), lambda server: lived_on(server, history))
    check_lived_again(new_server(data, test_clock=CLOCK), history, undisturbed)


def test_a_migration_that_dies_again_and_again_is_done_by_the_next_start(
    new_server: NewServer, founded: Path, undisturbed: tuple[Books, list[Any]], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(founded, data)
    downgraded(data, "0003")
    for _ in range(2):
        dies_at_the_start(new_server(data, test_clock=CLOCK, faults=f"crash@{faults.MIGRATION_STEP}"))
    check_lived_again(new_server(data, test_clock=CLOCK), History(), undisturbed)


@pytest.mark.parametrize("point", [faults.FOUNDING_BEFORE_COMMIT, faults.FOUNDED])
def test_a_new_directory_whose_founding_dies_is_founded_by_the_next_start(
    new_server: NewServer, tmp_path: Path, point: str
) -> None:
    data = tmp_path / "data"
    dies_at_the_start(new_server(data, test_clock=CLOCK, faults=f"crash@{point}"))
    server = new_server(data, test_clock=CLOCK)
    server.start()
    assert server.client.get("/v1/organization")["name"]
    assert send(server.client, [event_of("e-1", random.Random(1))], History())
    assert server.stop() == 0


@pytest.mark.parametrize("at_first", [0, 1])
def test_an_event_store_that_dies_while_it_is_made_is_made_by_the_next_start(tmp_path: Path, at_first: int) -> None:
    """Its tables are made statement by statement, each of which may be the last."""
    path = tmp_path / "events.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE identity (id VARCHAR NOT NULL)")
        if at_first:
            connection.execute("CREATE TABLE schema_version (version INTEGER NOT NULL)")
    store = DuckEventStore(path)
    assert (store.offset(), len(store.identity)) == (0, 32)
    store.close()


def test_a_build_that_acknowledges_before_the_commit_fails_the_same_check(
    new_server: NewServer, founded: Path, undisturbed: tuple[Books, list[Any]], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(founded, data)
    history = History()
    lying = f"{faults.ACK_BEFORE_COMMIT},crash@{faults.LOG_BEFORE_COMMIT}"
    died_at(new_server(data, test_clock=CLOCK, faults=lying), lambda server: lived(server, history))
    with pytest.raises(AssertionError, match="lost"):
        check_lived_again(new_server(data, test_clock=CLOCK), history, undisturbed)


def died_at(server: Server, life: Callable[[Server], None]) -> None:
    """Start a server and live until it dies, which it must."""
    server.start()
    with pytest.raises((httpx.TransportError, UnansweredError)):
        life(server)
    assert server.ended() == -signal.SIGKILL


def dies_at_the_start(server: Server) -> None:
    with pytest.raises(RuntimeError, match="not ready"):
        server.start()
    assert server.ended() == -signal.SIGKILL


def check_lived_again(server: Server, history: History, undisturbed: tuple[Books, list[Any]]) -> None:
    """Start again: acknowledged within stored, and all that was asked before is asked once more."""
    server.start()
    settle(server)
    stored = ids_shown(server)
    assert history.acknowledged <= stored, f"{len(history.acknowledged - stored)} acknowledged events are lost"
    assert stored <= set(history.sent)
    lived(server, history)
    assert server.stop() == 0
    assert history.acknowledged == set(history.sent)
    assert (books_of(server.data), usage_of(server.data)) == undisturbed
    with contextlib.closing(sqlite3.connect(server.data / "events.log.db")) as log:
        assert log.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


class UnansweredError(Exception):
    """A batch was not acknowledged."""


def lived(server: Server, history: History) -> None:
    """A month; what was acknowledged before is not sent again, every command is asked under the key it had before.

    Raises:
        UnansweredError: when the server is gone while events are sent.
        httpx.TransportError: when it is gone while something else is asked.
    """
    chance = random.Random(5)
    with httpx.Client(
        base_url=server.client.url, headers={"X-API-Key": KEY}, timeout=PATIENCE_S, trust_env=False
    ) as http:
        sent = [[event_of(f"e-{batch}-{i}", chance, ACCOUNTS) for i in range(BATCH)] for batch in range(BATCHES)]
        early = [event_of(f"early-{i}", chance, account=LATE) for i in range(BATCH)]
        for batch in [*sent, early]:
            unknown = [event for event in batch if event.id not in history.acknowledged]
            if unknown and not send(server.client, unknown, history):
                raise UnansweredError
            http.get("/events", params={"pageSize": 1})  # a reader waits for the events, so each batch is a round
        (plan,) = asked(http, "GET", "/price_plans")["data"]
        asked(http, "POST", "/customers", customer(), key="make")
        asked(http, "POST", f"/accounts/{LATE}/price_plans", term(plan["id"]), key="plan")
        assert asked(http, "POST", "/v1/test-clock/advance", {"to": AFTER_THE_GRACE})["issues"] == {}


def lived_on(server: Server, history: History) -> None:
    """A month and some moments, in which the server does what it does by itself.

    Raises:
        UnansweredError: as `lived`.
        httpx.TransportError: as `lived`, and when it is gone in these moments.
    """
    lived(server, history)
    patience = time.monotonic() + PATIENCE_S
    while time.monotonic() < patience:
        httpx.get(f"{server.client.url}/healthz", trust_env=False)
        time.sleep(0.1)


def asked(http: httpx.Client, method: str, path: str, body: object = None, key: str | None = None) -> Any:  # noqa: ANN401 - JSON
    answer = http.request(method, path, json=body, headers={"Idempotency-Key": key} if key else {})
    assert answer.is_success, f"{method} {path}: {answer.text}"
    return answer.json()


def customer() -> dict[str, object]:
    account = {"id": LATE, "name": LATE, "invoiceCurrency": "USD", "netTermDays": 30}
    named = {"id": LATE, "name": LATE, "primaryEmail": "billing@customer.example"}
    return named | {"address": ADDRESS, "account": account}


def term(plan: str) -> dict[str, str]:
    span = {"effectiveFrom": CLOCK[:10], "effectiveUntil": "9999-01-01"}
    return {"mode": "ASSOCIATE", "pricePlanId": plan} | span


def settle(server: Server) -> None:
    patience = time.monotonic() + PATIENCE_S
    while not server.client.send("GET", "/events?pageSize=1").is_settled:
        assert time.monotonic() < patience


def ids_shown(server: Server) -> set[str]:
    """Every id, page by page."""
    page = server.client.get("/events", pageSize=100)
    shown = page["events"]
    while page.get("nextToken") is not None:
        page = server.client.get("/events", nextToken=page["nextToken"])
        shown += page["events"]
    return {event["eventPayload"]["id"] for event in shown}


def usage_of(data: Path) -> list[Any]:
    """The usage of every event that counts, by id, and how often each id counts."""
    query = """
        SELECT event_id, usage.account_id, meter_id, sum(value), count(DISTINCT position) FROM usage JOIN event
        USING (position) GROUP BY ALL ORDER BY ALL
    """
    with duckdb.connect(data / "events.duckdb", read_only=True) as store:
        return store.execute(query).fetchall()


def downgraded(data: Path, revision: str) -> None:
    """Take the state back to how an older release left it."""
    config = configuration()
    engine = create_engine(f"sqlite:///{data / 'state.db'}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    engine.dispose()
