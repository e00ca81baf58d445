"""The load generator, a process of its own: bodies are made beforehand, then sent over plain sockets.

`python -m benchmarks.load` answers "ready" on standard output once everything is encoded, begins when a line
arrives on standard input, and prints one JSON document when the server has shown every event processed. A job may
want the same sent once more, when every event is a duplicate.
"""

from __future__ import annotations

import itertools
import re
import selectors
import socket
import subprocess
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

PATIENCE_S: Final = 600
PROCESSED: Final = "PROCESSED"
DUPLICATE: Final = "INGESTION_FAILED_DUPLICATE_EVENT"
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
    times: int = 1


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds until the last answer and until all events were seen processed, and of each request."""

    accepted_s: float
    processed_s: float
    latencies_s: list[float]


def sent(job: Job) -> list[Outcome]:
    """Let a process of its own do a job; what came of each time that it sent the events.

    Raises:
        RuntimeError: when it ends early; what it said stands on the standard error.
    """
    command = [sys.executable, "-m", "benchmarks.load", msgspec.json.encode(job).decode()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as generator:
        assert generator.stdout is not None, "it was asked for"
        is_ready = generator.stdout.readline() == b"ready\n"
        said, _ = generator.communicate(b"\n")
    if not is_ready or generator.returncode != 0:
        raise RuntimeError(f"the load generator ended with status {generator.returncode}")
    return msgspec.json.decode(said, type=list[Outcome])


def request_of(batch: int, body: bytes) -> bytes:
    """The bytes of a request that sends a body of so many events."""
    path = "/ingest" if batch == 1 else "/ingestBatch"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def main() -> None:
    """Do one job, given as JSON in the first argument."""
    job = msgspec.json.decode(sys.argv[1], type=Job)
    begin = datetime.now(UTC)
    made = bodies(job.events, job.batch, job.accounts, begin, job.seed)
    requests = [request_of(job.batch, body) for body in made]
    client = Client(HOST, job.port, KEY)
    print("ready", flush=True)
    sys.stdin.readline()
    outcomes = [_done(job, requests, client, begin, DUPLICATE if number else PROCESSED) for number in range(job.times)]
    sys.stdout.buffer.write(msgspec.json.encode(outcomes))


def _done(job: Job, requests: list[bytes], client: Client, begin: datetime, status: str) -> Outcome:
    """Send everything, and wait until all of it is seen to have this status."""
    before = counted(client, begin, status)
    started = time.perf_counter()
    latencies = _send_all(job, requests)
    accepted = time.perf_counter() - started
    while (seen := counted(client, begin, status) - before) < job.events:
        if time.perf_counter() - started > PATIENCE_S:
            break
    if seen != job.events:
        raise RuntimeError(f"{job.events} events were sent, {seen} became {status}")
    return Outcome(accepted_s=accepted, processed_s=time.perf_counter() - started, latencies_s=latencies)


def counted(client: Client, about: datetime, status: str) -> int:
    """How many events of these days a read counts with a status."""
    query: dict[str, Any] = {
        "id": "sent",
        "name": "EVENTS",
        "aggregationPeriod": "DAY",
        "filters": [
            {"fieldName": "EVENT_STATUS", "fieldValues": [status]},
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
