"""A full disk: nothing is acknowledged that is not durable, reads go on, space heals it (reliability.md F-15).

The disk is made full in two ways: the kernel forbids the server to write beyond the first bytes of any file, which
SQLite sees as an I/O error; and a small file system in memory runs out of space, where the machine lets one be mounted.
"""

from __future__ import annotations

import random
import resource
import shutil
import subprocess
import time
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import httpx
import pytest

from benchmarks import world
from benchmarks.events import account_name
from benchmarks.server import KEY
from tests.crash.senders import ACCOUNTS, BATCH, Sent, event_of
from tests.operations.shop import ADDRESS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.server import Server
    from tests.crash.conftest import NewServer

CLOCK = "2026-01-01T00:00:00Z"
NO_LIMIT = resource.RLIM_INFINITY
PATIENCE_S = 60
HEALED_S = 90
"""The processing looks every five seconds at the latest; the rest is for a busy machine."""

LARGE_BATCH = 1_000
TMPFS_BYTES = 24_000_000
MANY = 30
"""Senders that try again while the disk is full; what is logged must not grow with them."""

MOST_SAID = 20_000


class Disk:
    """A server, the events that it was sent, and what was acknowledged."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.sent: list[Sent] = []
        self.acknowledged: list[Sent] = []
        self.http = httpx.Client(
            base_url=server.client.url, headers={"X-API-Key": KEY}, timeout=PATIENCE_S, trust_env=False
        )

    def send(self, size: int = BATCH) -> httpx.Response:
        """Send new events, one by itself or a batch."""
        chance = random.Random(len(self.sent))
        events = [event_of(f"e-{len(self.sent) + place}", chance) for place in range(size)]
        self.sent += events
        return self._answer(events)

    def send_refused_again(self) -> None:
        """Send what was not taken, with its ids."""
        refused = [event for event in self.sent if event not in self.acknowledged]
        for start in range(0, len(refused), BATCH):
            assert self._answer(refused[start : start + BATCH]).status_code == 202

    def _answer(self, events: list[Sent]) -> httpx.Response:
        if len(events) == 1:
            answer = self.http.post("/ingest", json={"event": events[0].wire})
        else:
            answer = self.http.post("/ingestBatch", json={"events": [event.wire for event in events]})
        if answer.is_success:
            self.acknowledged += events
        return answer

    def get(self, path: str, **query: int) -> httpx.Response:
        return self.http.get(path, params=query)

    def new_customer(self) -> httpx.Response:
        """A command that writes several documents."""
        account = {"id": "new", "name": "new", "invoiceCurrency": "USD", "netTermDays": 30}
        customer = {"id": "new", "name": "new", "primaryEmail": "a@b.example", "address": ADDRESS, "account": account}
        return self.http.post("/customers", json=customer, headers={"Idempotency-Key": "make"})

    def limit(self, size: int) -> None:
        """Forbid the server to write behind so many bytes of any file."""
        resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE, (size, NO_LIMIT))

    def size(self, name: str) -> int:
        return (self.server.data / name).stat().st_size


@pytest.fixture
def new_disk(new_server: NewServer, tmp_path: Path) -> Iterator[Callable[..., Disk]]:
    """A function that starts a server in a directory with some accounts."""
    opened: list[Disk] = []

    def new(folder: Path | None = None, faults: str | None = None) -> Disk:
        data = (folder or tmp_path) / "data"
        world.build(data, ACCOUNTS, test_clock=datetime.fromisoformat(CLOCK))
        server = new_server(data, test_clock=CLOCK, faults=faults)
        server.start()
        opened.append(Disk(server))
        return opened[-1]

    yield new
    for disk in opened:
        disk.http.close()


def test_a_disk_that_takes_nothing(new_disk: Callable[..., Disk]) -> None:
    disk = new_disk()
    check(disk, lambda: disk.limit(8_192), lambda: disk.limit(NO_LIMIT))


def test_a_file_system_without_space(new_disk: Callable[..., Disk], tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    with_tmpfs(folder)
    filler = folder / "filler"
    disk = None
    try:
        disk = new_disk(folder)
        check(disk, lambda: fill(filler), filler.unlink)
    finally:
        if disk is not None:
            disk.server.kill()
        # Lazily: a child of the server may hold its log open for a moment longer.
        subprocess.run(["umount", "--lazy", folder], check=True, timeout=PATIENCE_S)


def test_a_build_that_acknowledges_before_the_commit_fails_the_same_check(new_disk: Callable[..., Disk]) -> None:
    disk = new_disk(faults="ack_before_commit")
    with pytest.raises(AssertionError, match="202"):
        check(disk, lambda: disk.limit(8_192), lambda: disk.limit(NO_LIMIT))


def test_an_event_store_that_cannot_grow_catches_up_when_it_can(new_disk: Callable[..., Disk]) -> None:
    """Events are durable in the log, so they are taken; what they come to is late, and says so."""
    disk = new_disk()
    for _ in range(4):
        assert disk.send(LARGE_BATCH).status_code == 202
        assert disk.get("/events", pageSize=1).status_code == 200
    disk.limit(disk.size("events.duckdb.wal") + 4_096)
    for size in (1, 100, 1, 100):
        assert disk.send(size).status_code == 202
    wait_until(lambda: disk.get("/readyz").status_code == 503)
    assert "events are not processed" in disk.get("/readyz").json()["message"]
    assert disk.get("/healthz").status_code == 200
    late = disk.get("/events", pageSize=1)
    assert late.status_code == 200
    assert "Tallystick-Usage-As-Of" in late.headers
    disk.limit(NO_LIMIT)
    wait_until(lambda: disk.get("/readyz").status_code == 200)
    assert disk.new_customer().status_code == 201
    check_stored(disk)


def check(disk: Disk, fill_up: Callable[[], object], free: Callable[[], object]) -> None:
    """What holds when everything that is written fails, and after there is space again."""
    assert {disk.send(size).status_code for size in (BATCH, 1)} == {202}
    assert disk.get("/events", pageSize=1).status_code == 200
    fill_up()
    check_while_full(disk)
    free()
    wait_until(lambda: disk.get("/readyz").status_code == 200)
    assert disk.new_customer().status_code == 201
    taken = {event.id for event in disk.acknowledged}
    wait_until(lambda: disk.get("/events", pageSize=1).headers.get("Tallystick-Usage-As-Of") is None)
    shown = disk.get("/events", pageSize=100).json()["events"]
    assert {event["eventPayload"]["id"] for event in shown} == taken
    disk.send_refused_again()
    check_stored(disk)


def check_while_full(disk: Disk) -> None:
    for size in (BATCH, 1) * MANY:
        answer = disk.send(size)
        assert answer.status_code in {503, 507}, answer.status_code
        assert answer.headers["Retry-After"]
        assert "disk" in answer.json()["message"]
    refused = disk.new_customer()
    assert refused.status_code in {503, 507}
    assert refused.headers["Retry-After"]
    assert disk.get("/customers/new").status_code == 404
    assert disk.get(f"/accounts/{account_name(0)}").status_code == 200
    assert disk.get("/events", pageSize=1).status_code == 200
    assert disk.get("/healthz").status_code == 200
    unready = disk.get("/readyz")
    assert unready.status_code == 503
    assert unready.headers["Retry-After"]
    assert "events cannot be taken: events.log.db: " in unready.json()["message"]
    assert len(disk.server.said) < MOST_SAID


def check_stored(disk: Disk) -> None:
    """Everything that was sent counts once, and exactly."""
    assert len(disk.acknowledged) == len(disk.sent)
    wait_until(lambda: disk.get("/events", pageSize=1).headers.get("Tallystick-Usage-As-Of") is None)
    assert disk.server.stop() == 0
    with duckdb.connect(disk.server.data / "events.duckdb", read_only=True) as store:
        ids = [name for (name,) in store.execute("SELECT event_id FROM event").fetchall()]
        (sizes,) = store.execute(
            "SELECT sum(total) FROM (SELECT sum(value) AS total FROM usage GROUP BY meter_id ORDER BY 1 DESC LIMIT 1)"
        ).fetchall()[0]
    assert sorted(ids) == sorted(event.id for event in disk.sent)
    assert sizes == sum((event.size for event in disk.sent), Decimal())


def wait_until(is_so: Callable[[], bool]) -> None:
    patience = time.monotonic() + HEALED_S
    while not is_so():
        assert time.monotonic() < patience
        time.sleep(0.05)


def with_tmpfs(folder: Path) -> None:
    if shutil.which("mount") is None:
        pytest.skip("there is no mount command here")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    if mounted.returncode:
        pytest.skip(f"a file system cannot be mounted here: {mounted.stderr.strip()}")


def fill(filler: Path) -> None:
    """Take the last byte of the file system, a page at a time at the end."""
    with filler.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
