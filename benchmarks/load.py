"""The load generator, a process of its own: bodies are made beforehand, then sent over plain sockets.

`python -m benchmarks.load` answers "ready" on standard output once everything is encoded, begins when a line
arrives on standard input, and prints one JSON document when the server has shown every event processed.
"""

from __future__ import annotations

import itertools
import re
import selectors
import socket
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from benchmarks.events import SCHEMA, bodies
from benchmarks.server import HOST, KEY
from demo.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_ACCEPTED: Final = 202
_ENOUGH: Final = 1 << 16


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to send, and how: so many events in batches, over so many connections at once."""

    port: int
    events: int
    batch: int
    connections: int
    accounts: int
    seed: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds until the last answer and until all events were seen processed, and of each request."""

    accepted_s: float
    processed_s: float
    latencies_s: list[float]


def main() -> None:
    """Do one job, given as JSON in the first argument."""
    job = msgspec.json.decode(sys.argv[1], type=Job)
    begin = datetime.now(UTC)
    requests = [_request(job, body) for body in bodies(job.events, job.batch, job.accounts, begin, job.seed)]
    client = Client(HOST, job.port, KEY)
    before = _processed(client, begin)
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.perf_counter()
    latencies = _send_all(job, requests)
    accepted = time.perf_counter() - started
    while (seen := _processed(client, begin) - before) < job.events:
        pass
    if seen != job.events:
        raise RuntimeError(f"{job.events} events were sent, {seen} were counted")
    outcome = Outcome(accepted_s=accepted, processed_s=time.perf_counter() - started, latencies_s=latencies)
    sys.stdout.buffer.write(msgspec.json.encode(outcome))


def _request(job: Job, body: bytes) -> bytes:
    path = "/ingest" if job.batch == 1 else "/ingestBatch"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _processed(client: Client, about: datetime) -> int:
    """How many events a read counts as metered."""
    query: dict[str, Any] = {
        "id": "sent",
        "name": "EVENTS",
        "aggregationPeriod": "DAY",
        "filters": [
            {"fieldName": "EVENT_STATUS", "fieldValues": ["PROCESSED"]},
            {"fieldName": "SCHEMA_NAME", "fieldValues": [SCHEMA]},
        ],
    }
    window = {"startTime": about - timedelta(days=1), "endTime": about + timedelta(days=1)}
    answer = client.post("/metrics", {**window, "metricQueries": [query]})
    return int(sum(answer["results"][0]["data"][0]["metricValues"]))


@dataclass(slots=True)
class _Exchange:
    """One connection with the request that is under way on it."""

    socket: socket.socket
    unsent: memoryview
    started: float
    received: bytes = b""


def _send_all(job: Job, requests: list[bytes]) -> list[float]:
    """Send every request, each connection one after the other; the seconds that each took."""
    waiting = iter(requests)
    latencies: list[float] = []
    with selectors.DefaultSelector() as selector:
        for request in itertools.islice(waiting, job.connections):
            connection = socket.create_connection((HOST, job.port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setblocking(False)
            exchange = _Exchange(connection, memoryview(request), time.perf_counter())
            selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE, exchange)
        while selector.get_map():
            for key, _ in selector.select():
                _go_on(selector, key.data, waiting, latencies)
    return latencies


def _go_on(
    selector: selectors.BaseSelector, exchange: _Exchange, waiting: Iterator[bytes], latencies: list[float]
) -> None:
    if exchange.unsent:
        exchange.unsent = exchange.unsent[exchange.socket.send(exchange.unsent) :]
        if not exchange.unsent:
            selector.modify(exchange.socket, selectors.EVENT_READ, exchange)
        return
    received = exchange.socket.recv(_ENOUGH)
    exchange.received += received
    if not _is_whole(exchange.received, is_closed=not received):
        return
    latencies.append(time.perf_counter() - exchange.started)
    request = next(waiting, None)
    if request is None:
        selector.unregister(exchange.socket)
        exchange.socket.close()
        return
    exchange.received = b""
    exchange.started = time.perf_counter()
    exchange.unsent = memoryview(request)
    exchange.unsent = exchange.unsent[exchange.socket.send(exchange.unsent) :]
    if exchange.unsent:
        selector.modify(exchange.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, exchange)


def _is_whole(received: bytes, *, is_closed: bool) -> bool:
    """Whether the answer has arrived whole; anything but 202 ends the measurement."""
    head, divider, body = received.partition(b"\r\n\r\n")
    if divider:
        status = int(head[9:12])
        length = _LENGTH.search(head)
        is_whole = length is not None and len(body) >= int(length[1])
        if is_whole and status != _ACCEPTED:
            raise RuntimeError(f"answered {status}: {body[:500].decode(errors='replace')}")
        if is_whole:
            return True
    if is_closed:
        raise RuntimeError("the server closed a connection")
    return False


if __name__ == "__main__":
    main()
