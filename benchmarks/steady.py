"""A load that goes on at a fixed rate, whatever the server does: a process of its own, told when to end.

`python -m benchmarks.steady` says "ready" on standard output, sends until a line arrives on standard input, and prints
one JSON document. A batch that is due goes out over the next free connection, and its latency counts from the instant
at which it was due.
"""

from __future__ import annotations

import http.client
import queue
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from benchmarks.events import bodies, renewed
from benchmarks.server import HOST, KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTIONS: Final = 8
_WORTH_BATCHES_OF_1000: Final = 20_000
_PATTERNS: Final = 20


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """So many events a second, of so many accounts."""

    port: int
    rate: float
    accounts: int

    @property
    def batch(self) -> int:
        """How many events a request has, so that requests are due every few hundredths of a second."""
        return 1000 if self.rate >= _WORTH_BATCHES_OF_1000 else 100


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a load came to: events that were accepted, requests that were not, and how late the last one went out."""

    events: int
    seconds: float
    refused: int
    behind_s: float


class Load:
    """A load that runs; `kept` is there once it has ended."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.kept: Kept | None = None

    def end(self) -> None:
        """Stop sending, and wait for the answers that are due.

        Raises:
            RuntimeError: when it ended before, or badly.
        """
        said, _ = self._process.communicate(b"\n")
        if self._process.returncode != 0:
            raise RuntimeError(f"the steady load ended with status {self._process.returncode}")
        self.kept = msgspec.json.decode(said, type=Kept)


@contextmanager
def loading(pace: Pace) -> Iterator[Load]:
    """A load that runs while the block does.

    Raises:
        RuntimeError: as `Load.end`.
    """
    command = [sys.executable, "-m", "benchmarks.steady", msgspec.json.encode(pace).decode()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None, "it was asked for"
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError("the steady load did not begin")
        load = Load(process)
        try:
            yield load
            load.end()
        finally:
            process.kill()


class _Sender:
    """Connections that share what is due."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._due: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._accepted: list[int] = [0] * CONNECTIONS
        self._refused: list[int] = [0] * CONNECTIONS
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(CONNECTIONS)]

    def run(self, stopped: threading.Event) -> Kept:
        """Send until told to stop."""
        pace = self._pace
        made = bodies(_PATTERNS * pace.batch, pace.batch, pace.accounts, datetime.now(UTC), seed=0)
        endless = renewed(made)
        for thread in self._threads:
            thread.start()
        begun = due = time.perf_counter()
        while not stopped.wait(max(0.0, due - time.perf_counter())):
            self._due.put(next(endless))
            due += pace.batch / pace.rate
        waiting = self._due.qsize()
        for _ in self._threads:
            self._due.put(None)
        for thread in self._threads:
            thread.join()
        return Kept(
            events=sum(self._accepted) * pace.batch,
            seconds=time.perf_counter() - begun,
            refused=sum(self._refused),
            behind_s=waiting * pace.batch / pace.rate,
        )

    def _send(self, number: int) -> None:
        connection = http.client.HTTPConnection(HOST, self._pace.port)
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        while (body := self._due.get()) is not None:
            connection.request("POST", "/ingestBatch", body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status == http.HTTPStatus.ACCEPTED:
                self._accepted[number] += 1
            else:
                self._refused[number] += 1
        connection.close()


def _set_at_a_line(stopped: threading.Event) -> None:
    sys.stdin.readline()
    stopped.set()


def main() -> None:
    """Send at the pace given as JSON in the first argument."""
    sender = _Sender(msgspec.json.decode(sys.argv[1], type=Pace))
    stopped = threading.Event()
    print("ready", flush=True)
    threading.Thread(target=_set_at_a_line, args=(stopped,), daemon=True).start()
    sys.stdout.buffer.write(msgspec.json.encode(sender.run(stopped)))


if __name__ == "__main__":
    main()
