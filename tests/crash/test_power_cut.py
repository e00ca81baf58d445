"""The power goes: what a disk with an honest fsync still holds opens, and has what was acknowledged (F-04).

What a power cut leaves is every file as it was at one instant, less what had not been synced by then. The instant is
made by stopping the server (SIGSTOP) while its files are copied: it cannot write meanwhile, so all files are of one
moment, as they are when the power goes. Copying them one after the other from a running server would not model a cut,
in any order: a checkpoint between the copies of a database and its write-ahead log, or a pruning of the event log
between the copies of store and log, makes a set of files that never was on the disk at once.

What is not synced can be missing, or be there as zeros when only the length of the file had reached the disk.
Everything acknowledged before an earlier stop was synced then, so the part of a write-ahead log that was appended
since may be cut anywhere, each log by itself. That is harsher than a cut: a row of the event log is synced before the
store sees it, while here the log may lose rows that the store has; it then goes on behind them. Pages of the main
files are only written after the write-ahead log that holds them was synced, and it is emptied only after they were;
so they are left as they are.

A cut behind the back of fsync (a disk that lies) may lose more. If the event log still has what the store lost, that
is processed again; if it was pruned already, the start is refused.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import duckdb
import pytest
from click.testing import CliRunner

from benchmarks import world
from benchmarks.server import KEY
from tallystick.cli.main import main
from tallystick.kernel.errors import BillingError
from tests.crash.senders import ACCOUNTS, History, start_clients
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.server import Server
    from tests.crash.conftest import NewServer

T = TypeVar("T")

CUTS = int(os.environ.get("CRASH_ROUNDS", "5"))
CLOCK = "2026-01-01T00:00:00Z"
BEHIND = ("events.log.db-wal", "events.duckdb.wal", "state.db-wal")
LATEST_S = 0.25
JOIN_S = 60
FEW = 200
"""Acknowledged events that the first cut waits for."""


class LostError(AssertionError):
    """Acknowledged events are not in the copy."""


def test_whatever_a_power_cut_leaves_opens_with_all_that_was_acknowledged(
    new_server: NewServer, tmp_path: Path
) -> None:
    for (acknowledged, history), copy in copies(new_server, tmp_path, CUTS):
        check_opens(copy, acknowledged, history, copy.name)


def test_a_build_that_acknowledges_before_the_commit_fails_the_same_check(
    new_server: NewServer, tmp_path: Path
) -> None:
    ((acknowledged, history), copy), *_ = copies(new_server, tmp_path, 1, faults="ack_before_commit")
    with pytest.raises(LostError):
        check_opens(copy, acknowledged, history, "control")


def test_what_a_lying_disk_takes_from_the_store_is_processed_again_or_missed(
    new_server: NewServer, tmp_path: Path
) -> None:
    chance = random.Random(3)
    for (acknowledged, history), copy in copies(new_server, tmp_path, 3):
        wal = copy / "events.duckdb.wal"
        wal.write_bytes(torn(contents(wal), 0, chance))
        refusal = refused(copy)
        if refusal is None:
            check_opens(copy, acknowledged, history, copy.name)
        else:
            assert "restore both files" in refusal, "rows of the log that the store lost are pruned already"


def refused(copy: Path) -> str | None:
    """Why a server does not start on a copy, if it does not."""
    try:
        with inside(copy, now=CLOCK, works=False):
            return None
    except BillingError as refusal:
        return refusal.message


def copies(
    new_server: NewServer, folder: Path, count: int, faults: str | None = None
) -> list[tuple[tuple[set[str], History], Path]]:
    """Directories as cuts left them; each with what was acknowledged by then, and what was ever sent."""
    data = world.build(folder / "data", ACCOUNTS, test_clock=datetime.fromisoformat(CLOCK)).data
    server = new_server(data, test_clock=CLOCK, faults=faults)
    server.start()
    chance = random.Random(7)
    history = History()
    threads = start_clients(server.client, history, "cut", seed=1)
    made = []
    try:
        wait_until(lambda: len(history.acknowledged) > FEW)
        for number in range(count):
            time.sleep(chance.uniform(0, LATEST_S))
            acknowledged = set(history.acknowledged)
            before = stopped(server, lambda: {name: contents(data / name) for name in BEHIND})
            time.sleep(chance.uniform(0, LATEST_S))
            copy = folder / f"cut-{number}"
            stopped(server, partial(shutil.copytree, data, copy))
            for name in BEHIND:
                tear(copy / name, before[name], chance)
            made.append(((acknowledged, history), copy))
    finally:
        server.kill()
        for thread in threads:
            thread.join(JOIN_S)
    return made


def stopped(server: Server, look: Callable[[], T]) -> T:
    """What is seen while the server cannot do anything."""
    server.signal(signal.SIGSTOP)
    try:
        wait_until(lambda: state_of(server.pid) == "T")
        return look()
    finally:
        server.signal(signal.SIGCONT)


def state_of(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def tear(path: Path, before: bytes, chance: random.Random) -> None:
    """Take away some of what was appended since; a log that has begun anew meanwhile is left as it is."""
    after = contents(path)
    if len(after) > len(before) and after.startswith(before):
        path.write_bytes(torn(after, len(before), chance))


def contents(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def torn(content: bytes, kept: int, chance: random.Random) -> bytes:
    """A file that lost its end, or whose end is zeros; or one that lost nothing."""
    cut = chance.randint(kept, len(content))
    return chance.choice([content[:cut], content[:cut] + bytes(len(content) - cut), content])


def check_opens(copy: Path, acknowledged: set[str], history: History, name: str) -> None:
    """A new server starts on the copy; what was acknowledged is there once; after all is sent again, all is."""
    with inside(copy, now=CLOCK) as server:
        assert server.api(KEY).get("/events", pageSize=1).status == 200
        server.workers.processor.drain()
    stored = ids_in(copy)
    if lost := acknowledged - set(stored):
        raise LostError(f"{name}: {len(lost)} of {len(acknowledged)} acknowledged events are lost")
    assert set(stored) <= set(history.sent)
    assert set(stored.values()) == {1}
    done = CliRunner().invoke(main, ["repair", "--data", str(copy)])
    assert done.exit_code == 0, done.output
    sent = list(history.sent.values())
    with inside(copy, now=CLOCK) as server:
        for start in range(0, len(sent), 500):
            batch = [event.wire for event in sent[start : start + 500]]
            server.api(KEY).post("/ingestBatch", {"events": batch}).ok()
        server.workers.processor.drain()
    with duckdb.connect(copy / "events.duckdb", read_only=True) as store:
        totals = store.execute("SELECT sum(value) FROM usage GROUP BY meter_id ORDER BY 1").fetchall()
    assert totals == [(history.total_matched_seconds,), (history.total_size,)]


def ids_in(copy: Path) -> Counter[str]:
    with duckdb.connect(copy / "events.duckdb", read_only=True) as store:
        return Counter(name for (name,) in store.execute("SELECT event_id FROM event").fetchall())


def wait_until(is_so: Callable[[], bool]) -> None:
    patience = time.monotonic() + JOIN_S
    while not is_so():
        assert time.monotonic() < patience
        time.sleep(0.001)
