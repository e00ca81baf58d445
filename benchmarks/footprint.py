"""Measure (f): seconds until ready, memory when idle and after a load, and what an event takes on disk."""

from __future__ import annotations

import http.client
import shutil
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from benchmarks import ingest
from benchmarks.events import account_name
from benchmarks.figure import Aim, Figure
from benchmarks.load import sent
from benchmarks.server import HOST, Memory, Server, running
from benchmarks.store import EVENTS, Kept
from benchmarks.usage import ask, questions
from benchmarks.visible import Prober

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.figure import Scale
    from benchmarks.world import World

    Aims = tuple[Aim | None, Aim | None, Aim | None]

MEGABYTE: Final = 1_000_000
_REPEATED: Final = 2
_IDLE_S: Final = 3
_SAMPLE_S: Final = 0.2
_BATCH: Final = 1000
_READY: Final = Aim(2, "importing Python modules, and the migrations of a new directory", at_most=True)
_IDLE: Final = Aim(250, "DuckDB, Arrow, SQLAlchemy and Starlette as they are loaded", at_most=True)
_RESIDENT: Final = Aim(1_000, "DuckDB's buffers, mapped pages of known ids, and the rounds under way", at_most=True)
_TOGETHER: Final = (_RESIDENT, None, None)
_ON_DISK: Final = Aim(120, "ids are random, 32 characters each, and do not compress below 16 bytes", at_most=True)


def measure(scale: Scale, scratch: Path) -> Iterator[Figure]:
    """An empty directory, made anew for each start, and ones with stored events."""
    yield from _started("an empty directory", scratch / "empty", scale, is_new=True, aims=(None, _IDLE, None))
    for events in scale.stored:
        kept = Kept.of(scale, scratch)
        yield from _on_disk(kept.holding(events).data, events, _size(kept.holding(0).data), "as it is after a stop")
        made = kept.copied(events, "footprint")
        yield from _started(f"{events:,} events", made.data, scale, is_new=False, aims=_TOGETHER)
        yield from _loaded(made, events, scale)
        total = events + scale.ingested[_BATCH]
        yield from _on_disk(made.data, total, _size(kept.holding(0).data), "after a load and a stop")


def _started(name: str, data: Path, scale: Scale, *, is_new: bool, aims: Aims) -> Iterator[Figure]:
    seconds, memory = [], []
    for _ in range(scale.runs * _REPEATED):
        if is_new:
            shutil.rmtree(data, ignore_errors=True)
        server = Server(data)
        seconds.append(server.start())
        time.sleep(_IDLE_S)
        memory.append(server.memory)
        server.stop()
    yield Figure(name=f"ready, {name}", unit="s", runs=seconds, aim=_READY)
    yield from _held(f"when idle, {name}", memory, aims)


def _loaded(made: World, events: int, scale: Scale) -> Iterator[Figure]:
    """Memory after events were taken and usage was read, and at its highest; the first event loads the known ids."""
    name = f"{events:,} events"
    with running(made.data) as server:
        first = Prober(server.client, made, account_name(0)).seconds()
        with _watched(server) as seen:
            sent(ingest.job(server, scale, _BATCH, seed=0))
            after_load = server.memory
            with closing(http.client.HTTPConnection(HOST, server.port)) as connection:
                for body in questions(made).values():
                    ask(connection, body)
            after_questions = server.memory
    yield Figure(name=f"until the first event after a start counts, {name}", unit="s", runs=[first])
    yield from _held(f"after {scale.ingested[_BATCH]:,} more, {name}", [after_load], _TOGETHER)
    yield from _held(f"after reading a month's usage too, {name}", [after_questions], _TOGETHER)
    yield from _held(f"at most on the way, {name}", [max(seen, key=lambda memory: memory.total)], (None, None, None))


@contextmanager
def _watched(server: Server) -> Iterator[list[Memory]]:
    """What the server holds, looked at again and again while the block runs."""
    seen = [server.memory]
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_SAMPLE_S):
            seen.append(server.memory)

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield seen
    finally:
        ended.set()
        watching.join()


def _held(when: str, memory: list[Memory], aims: Aims) -> Iterator[Figure]:
    """The server and its judge together, and each alone."""
    parts = {
        "server and judge": [one.total for one in memory],
        "server alone": [one.server for one in memory],
        "judge alone": [one.judge for one in memory],
    }
    for (part, sizes), aim in zip(parts.items(), aims, strict=True):
        runs = [size / MEGABYTE for size in sizes]
        yield Figure(name=f"resident memory {when}: {part}", unit="MB", runs=runs, aim=aim)


def _on_disk(data: Path, events: int, empty: int, when: str) -> Iterator[Figure]:
    name = f"on disk for each of {events:,} events, {when}"
    yield Figure(name=f"{name}: {EVENTS}", unit="bytes", runs=[(data / EVENTS).stat().st_size / events])
    runs = [(_size(data) - empty) / events]
    yield Figure(name=f"{name}: the whole directory", unit="bytes", runs=runs, aim=_ON_DISK)


def _size(data: Path) -> int:
    return sum(file.stat().st_size for file in data.rglob("*"))
