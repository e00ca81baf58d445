"""Measure (d): seconds until ready, memory when idle, and what an event takes on disk."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from benchmarks import store, world
from benchmarks.figure import Aim, Figure
from benchmarks.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.figure import Scale

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_REPEATED: Final = 2
_IDLE_S: Final = 3
_MEGABYTE: Final = 1_000_000
_READY: Final = Aim(2, "importing Python modules, and the migrations of a new directory", at_most=True)
_IDLE: Final = Aim(250, "DuckDB, Arrow, SQLAlchemy and Starlette as they are loaded", at_most=True)


def measure(scale: Scale, scratch: Path) -> Iterator[Figure]:
    """An empty directory, made anew for each start, and one with the smaller number of stored events."""
    events = scale.stored[0]
    made = world.build(scratch / "footprint", scale.billed_accounts, test_clock=START)
    before = _size(made.data)
    store.fill(made, events, scale.billed_accounts, START, START, timedelta(days=31))
    directories = {
        "an empty directory": (scratch / "empty", True),
        f"{events:,} events": (made.data, False),
    }
    for name, (data, is_new) in directories.items():
        seconds, memory = [], []
        for _ in range(scale.runs * _REPEATED):
            if is_new:
                shutil.rmtree(data, ignore_errors=True)
            server = Server(data, test_clock=START.isoformat())
            seconds.append(server.start())
            time.sleep(_IDLE_S)
            memory.append(server.resident_bytes / _MEGABYTE)
            server.stop()
        yield Figure(name=f"ready, {name}", unit="s", runs=seconds, aim=_READY)
        yield Figure(name=f"resident memory when idle, {name}", unit="MB", runs=memory, aim=_IDLE)
    yield Figure(name="on disk for each event and its usage", unit="bytes", runs=[(_size(made.data) - before) / events])


def _size(data: Path) -> int:
    return sum(file.stat().st_size for file in data.iterdir())
