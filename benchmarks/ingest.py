"""Measure (a): events per second over HTTP, durable, until accepted and until a read shows them processed."""

from __future__ import annotations

import statistics
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import msgspec

from benchmarks import world
from benchmarks.baseline import APPEND, DECODE, FSYNC
from benchmarks.figure import Aim, Figure
from benchmarks.load import Job, Outcome
from benchmarks.server import Server, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.figure import Scale

CONNECTIONS: Final = {1: 64, 100: 16, 1000: 8}
_LIMIT: Final = (
    "Python's one lock: decoding and metering take turns on one core, while DuckDB, the disk and the load generator "
    "share the other"
)
_AIMS: Final = {1000: Aim(50_000, _LIMIT)}


def measure(scale: Scale, scratch: Path) -> Iterator[Figure]:
    """Accepted, processed and the slowest of a hundred requests, for each batch size; each event has a new id."""
    made = world.build(scratch / "ingest", scale.accounts, test_clock=None)
    with running(made.data) as server:
        for batch, events in scale.ingested.items():
            outcomes = [_send(server, batch, events, scale.accounts, seed) for seed in range(scale.runs)]
            name = f"batches of {batch:,} over {CONNECTIONS[batch]} connections"
            yield Figure(
                name=f"{name}: accepted",
                unit="events/s",
                runs=[events / outcome.accepted_s for outcome in outcomes],
                aim=_AIMS.get(batch),
                baseline=FSYNC if batch == 1 else DECODE,
            )
            yield Figure(
                name=f"{name}: processed",
                unit="events/s",
                runs=[events / outcome.processed_s for outcome in outcomes],
                aim=_AIMS.get(batch),
                baseline=None if batch == 1 else APPEND,
            )
            yield Figure(
                name=f"{name}: p99 of requests",
                unit="ms",
                runs=[statistics.quantiles(outcome.latencies_s, n=100)[98] * 1000 for outcome in outcomes],
            )


def _send(server: Server, batch: int, events: int, accounts: int, seed: int) -> Outcome:
    """Let a process of its own send so many events and wait until all are processed."""
    connections = CONNECTIONS[batch]
    job = Job(port=server.port, events=events, batch=batch, connections=connections, accounts=accounts, seed=seed)
    command = [sys.executable, "-m", "benchmarks.load", msgspec.json.encode(job).decode()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as generator:
        assert generator.stdout is not None, "it was asked for"
        is_ready = generator.stdout.readline() == b"ready\n"
        said, _ = generator.communicate(b"\n")
    if not is_ready or generator.returncode != 0:
        raise RuntimeError(f"the load generator ended with status {generator.returncode}")
    return msgspec.json.decode(said, type=Outcome)
