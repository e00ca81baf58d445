"""SIGTERM under load: whoever got a connection gets a whole answer, and what was acknowledged is stored (F-19).

Every request has a connection of its own, so that each either is answered in full or cannot connect. On a connection
that is kept open a server may end it just as the next request comes; that one may be sent again, with the same ids.
"""

from __future__ import annotations

import itertools
import json
import random
import signal
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb
import pytest

from benchmarks import world
from benchmarks.server import KEY
from tests.crash.senders import ACCOUNTS, BATCH, event_of

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.server import Server
    from tests.crash.conftest import NewServer

CLOCK = "2026-01-01T00:00:00Z"
SENDERS = 16
ANSWERED_BEFORE = 100
JOIN_S = 60
TIMEOUT_S = 60
PIECE = 65_536


@dataclass
class Seen:
    """What senders saw: how their requests ended, and the ids that were acknowledged."""

    ends: Counter[str] = field(default_factory=Counter)
    acknowledged: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)


def under_load(server: Server, *, signals: int, batched: bool) -> Seen:
    """Many senders, until the server has ended with status 0 after so many SIGTERMs."""
    seen = Seen()
    ended = threading.Event()
    senders = [
        threading.Thread(target=keep_sending, args=(server.port, n, seen, ended, batched)) for n in range(SENDERS)
    ]
    for sender in senders:
        sender.start()
    patience = time.monotonic() + JOIN_S
    while seen.ends["202"] < ANSWERED_BEFORE:
        assert time.monotonic() < patience
        time.sleep(0.01)
    for _ in range(signals):
        server.signal(signal.SIGTERM)
        time.sleep(0.02)
    assert server.ended() == 0
    ended.set()
    for sender in senders:
        sender.join(JOIN_S)
        assert not sender.is_alive()
    return seen


def keep_sending(port: int, number: int, seen: Seen, ended: threading.Event, batched: bool) -> None:  # noqa: FBT001
    chance = random.Random(number)
    for batch in itertools.count():
        if ended.is_set():
            return
        events = [event_of(f"e-{number}-{batch}-{i}", chance) for i in range(BATCH if batched else 1)]
        names = [event.id for event in events]
        body = {"events": [event.wire for event in events]} if batched else {"event": events[0].wire}
        seen.sent += names
        end = one_request(port, "/ingestBatch" if batched else "/ingest", json.dumps(body).encode())
        seen.ends[end] += 1
        if end == "202":
            seen.acknowledged += names
        if end == "refused":
            return


def one_request(port: int, path: str, body: bytes) -> str:
    """How a request ends: its status if the answer is whole, `refused` if there is no connection, or what broke it."""
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"X-API-Key: {KEY}", "Connection: close"]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
    try:
        connection = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
    except ConnectionRefusedError:
        return "refused"
    with connection:
        try:
            connection.sendall(head.encode() + body)
            answer = b"".join(iter(lambda: connection.recv(PIECE), b""))
        except OSError as broken:
            return type(broken).__name__
    answered, found, content = answer.partition(b"\r\n\r\n")
    if not found:
        return f"cut off after {len(answer)} bytes"
    length = next(int(line[15:]) for line in answered.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return answered.split()[1].decode() if len(content) == length else f"{len(content)} of {length} bytes"


@pytest.mark.parametrize(("signals", "batched"), [(1, True), (2, False)])
def test_every_request_that_was_let_in_is_answered_in_full(
    new_server: NewServer, tmp_path: Path, signals: int, *, batched: bool
) -> None:
    server = new_server(
        world.build(tmp_path / "data", ACCOUNTS, test_clock=datetime.fromisoformat(CLOCK)).data, test_clock=CLOCK
    )
    server.start()
    seen = under_load(server, signals=signals, batched=batched)
    assert set(seen.ends) <= {"202", "503", "refused"}, seen.ends
    assert "Traceback" not in server.said
    server.start()
    while not server.client.send("GET", "/events?pageSize=1").is_settled:
        pass
    assert server.stop() == 0
    with duckdb.connect(server.data / "events.duckdb", read_only=True) as store:
        stored = Counter(name for (name,) in store.execute("SELECT event_id FROM event").fetchall())
    assert set(seen.acknowledged) == set(stored)
    assert set(stored.values()) == {1}
