"""One byte of a file is another than was written: whoever needs it says so; no total is wrong in silence (F-17).

A byte may be one that nothing needs, as in the free part of a page; then everything is as it was. What is stored in
`state.db` has no checksum: there only damage to the structure is found, as `docs/operations.md` says.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from click.testing import CliRunner

from tallystick.cli.main import main
from tallystick.kernel.errors import BillingError
from tests.operations.shop import Shop, event
from tests.servers import inside

if TYPE_CHECKING:
    from pathlib import Path

FLIPS = int(os.environ.get("CRASH_ROUNDS", "12"))
EVENTS = 400
BATCH = 40
CALLS = 777_777
PAGE = 4_096
JOIN_S = 60
Outcome = tuple[str, Any]


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with events in the store, and as many that wait in the log."""
    data = tmp_path_factory.mktemp("founded") / "data"
    with inside(data) as server:
        Shop(server.api()).metered_plan((0, 2))
        send(server.api(), "stored")
        server.api().get("/events").ok()
    with inside(data, works=False) as server:
        send(server.api(), "waiting")
    return data


def send(api: Any, name: str) -> None:  # noqa: ANN401
    for first in range(0, EVENTS, BATCH):
        events = [event(f"{name}-{number}", calls=CALLS) for number in range(first, first + BATCH)]
        api.post("/ingestBatch", {"events": events}).ok()


def flipped(founded: Path, copy: Path, name: str, seed: int) -> Path:
    """A copy with one byte of a file flipped, in any of its pages."""
    shutil.copytree(founded, copy)
    chance = random.Random(seed)
    content = bytearray((copy / name).read_bytes())
    place = chance.randrange(len(content) // PAGE) * PAGE + chance.randrange(PAGE)
    content[place] ^= 1 << chance.randrange(8)
    (copy / name).write_bytes(content)
    return copy


def outcome(copy: Path) -> Outcome:
    """What the product makes of a directory: the usage that it bills, or what it says instead."""
    try:
        with inside(copy, works=False) as server:
            server.workers.processor.drain()
            window = {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-02-01T00:00:00Z"}
            query = {"id": "q", "name": "USAGE", "aggregationPeriod": "MONTH"}
            answer = server.api().post("/metrics", {**window, "metricQueries": [query]})
            if answer.status != 200:
                return "said", answer.body["message"]
            ((series,),) = [result["data"] for result in answer.body["results"]]
            return "billed", sum(series["metricValues"])
    except (BillingError, sqlite3.Error, duckdb.Error) as said:  # as the command or /readyz would say it
        return "said", str(said)


@pytest.mark.parametrize("name", ["events.log.db", "events.duckdb"])
def test_a_total_is_right_or_somebody_says_why_there_is_none(founded: Path, tmp_path: Path, name: str) -> None:
    outcomes = [outcome(flipped(founded, tmp_path / f"{seed}", name, seed)) for seed in range(FLIPS)]
    billed = {figure for kind, figure in outcomes if kind == "billed"}
    assert billed <= {2 * EVENTS * CALLS}, outcomes
    assert all(text for kind, text in outcomes if kind == "said")
    assert {kind for kind, _ in outcomes} >= {"said"}, "no byte that was flipped was needed: flip more"


def damaged(founded: Path, copy: Path, *, with_checksum: bool) -> Path:
    """A copy in whose log one digit of one event's calls is another."""
    shutil.copytree(founded, copy)
    with contextlib.closing(sqlite3.connect(copy / "events.log.db", isolation_level=None)) as log:
        row, body = log.execute("SELECT row, body FROM log ORDER BY row DESC LIMIT 1").fetchone()
        place = body.index(b"777777")
        log.execute("UPDATE log SET body = ? WHERE row = ?", (body[:place] + b"9" + body[place + 1 :], row))
        if not with_checksum:
            log.execute("UPDATE log SET checksum = NULL")
    return copy


def test_a_row_of_the_log_that_is_damaged_stops_the_processing_and_says_so(founded: Path, tmp_path: Path) -> None:
    copy = damaged(founded, tmp_path / "copy", with_checksum=True)
    with inside(copy) as server:
        patience = time.monotonic() + JOIN_S
        while server.workers.failure is None:
            assert time.monotonic() < patience
            time.sleep(0.01)
        said = server.api().get("/readyz").refused(503)
        assert "of events.log.db is not as it was written: stop the server, run 'tallystick repair'" in said
    done = CliRunner().invoke(main, ["repair", "--data", str(copy)])
    assert done.exit_code == 1
    assert "broken    log and store: row " in done.output


def test_without_a_checksum_the_same_damage_is_billed(founded: Path, tmp_path: Path) -> None:
    """The control; and the log of a release that wrote none is read as it is."""
    copy = damaged(founded, tmp_path / "copy", with_checksum=False)
    assert outcome(copy) == ("billed", 2 * EVENTS * CALLS + 200_000)


def test_a_log_of_a_release_without_checksums_goes_on(founded: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(founded, copy)
    with contextlib.closing(sqlite3.connect(copy / "events.log.db", isolation_level=None)) as log:
        log.execute("ALTER TABLE log DROP COLUMN checksum")
    with inside(copy) as server:
        server.api().post("/ingest", {"event": event("another", calls=1)}).ok()
    assert outcome(copy) == ("billed", 2 * EVENTS * CALLS + 1)


def test_a_state_that_cannot_be_read_is_said_to_be_damaged(founded: Path, tmp_path: Path) -> None:
    """The root of the schema: the start needs it."""
    copy = tmp_path / "copy"
    shutil.copytree(founded, copy)
    with (copy / "state.db").open("r+b") as file:
        file.seek(100)
        file.write(b"\xff")
    assert outcome(copy)[1].startswith("state.db is damaged (")


def test_damage_to_the_structure_of_the_state_is_found(founded: Path, tmp_path: Path) -> None:
    """The headers of pages: repair must find each of these."""
    content = (founded / "state.db").read_bytes()
    for page in random.Random(3).sample(range(1, len(content) // PAGE), 4):
        copy = tmp_path / f"{page}"
        shutil.copytree(founded, copy)
        with (copy / "state.db").open("r+b") as file:
            file.seek(page * PAGE)
            file.write(b"\xff")
        done = CliRunner().invoke(main, ["repair", "--data", str(copy)])
        assert done.exit_code == 1
        assert done.output.startswith("broken    state.db: ")
