"""Measure (b): events per second over HTTP, durable, until accepted and until a read shows them processed."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Final

from benchmarks.baseline import APPEND, DECODE, FSYNC
from benchmarks.figure import Aim, Figure
from benchmarks.load import Job, sent
from benchmarks.postgres import ingested_into
from benchmarks.server import running
from benchmarks.store import Kept

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.figure import Scale
    from benchmarks.load import Outcome
    from benchmarks.server import Server

CONNECTIONS: Final = {1: 64, 100: 16, 1000: 8}
_LIMIT: Final = (
    "Python's one lock: decoding and metering take turns on one core, while DuckDB, the disk and the load generator "
    "share the other"
)
_SINGLE_LIMIT: Final = "the Python around a request, while the load generator has the other core"
_STORED_LIMIT: Final = "ids are looked up among more, and what is stored is rewritten as it grows"
_RATES: Final = {1: Aim(4_000, _SINGLE_LIMIT), 1000: Aim(100_000, _LIMIT)}
_SLOWEST: Final = {1: Aim(50, _SINGLE_LIMIT, at_most=True)}
_KEEPS: Final = 0.7


def measure(scale: Scale, scratch: Path) -> Iterator[Figure]:
    """Each batch size, with few events stored before and with many; every event has a new id, then is sent again."""
    fewest = scale.stored[0]
    reached: dict[int, Figure] = {}
    for stored in scale.stored:
        made = Kept.of(scale, scratch).copied(stored, f"ingest-{stored}")
        with running(made.data) as server:
            for batch in scale.ingested:
                name = f"batches of {batch:,} over {CONNECTIONS[batch]} connections, {stored:,} stored"
                runs = [_sent(server, scale, batch, seed) for seed in range(scale.runs)]
                processed = _processed(name, batch, stored, scale, runs, reached.get(batch))
                if stored == fewest:
                    reached[batch] = processed
                yield _accepted(name, batch, scale, runs, is_aimed=stored == fewest)
                yield processed
                yield _slowest(name, batch, runs, is_aimed=stored == fewest)
                yield _duplicates(name, batch, scale, runs, processed)


def job(server: Server, scale: Scale, batch: int, seed: int, times: int = 1) -> Job:
    """What is sent in one run, in batches of one size."""
    return Job(
        port=server.port,
        events=scale.ingested[batch],
        batch=batch,
        connections=CONNECTIONS[batch],
        accounts=scale.accounts,
        seed=seed,
        times=times,
    )


def _sent(server: Server, scale: Scale, batch: int, seed: int) -> list[Outcome]:
    """What came of the new events, and of the same sent again."""
    return sent(job(server, scale, batch, seed, times=2))


def _accepted(name: str, batch: int, scale: Scale, runs: list[list[Outcome]], *, is_aimed: bool) -> Figure:
    return Figure(
        name=f"{name}: accepted",
        unit="events/s",
        runs=[scale.ingested[batch] / new.accepted_s for new, _ in runs],
        aim=_RATES.get(batch) if is_aimed else None,
        baselines=(FSYNC if batch == 1 else DECODE,),
    )


def _processed(
    name: str, batch: int, stored: int, scale: Scale, runs: list[list[Outcome]], with_few: Figure | None
) -> Figure:
    baselines = {1: (), 100: (APPEND,), 1000: (APPEND, ingested_into(stored))}[batch]
    aim = _RATES.get(batch)
    if aim is not None and with_few is not None:
        aim = Aim(_KEEPS * with_few.median, _STORED_LIMIT)
    return Figure(
        name=f"{name}: processed",
        unit="events/s",
        runs=[scale.ingested[batch] / new.processed_s for new, _ in runs],
        aim=aim,
        baselines=baselines if with_few is None else (with_few.name, *baselines),
    )


def _slowest(name: str, batch: int, runs: list[list[Outcome]], *, is_aimed: bool) -> Figure:
    return Figure(
        name=f"{name}: p99 of requests",
        unit="ms",
        runs=[statistics.quantiles(new.latencies_s, n=100)[98] * 1000 for new, _ in runs],
        aim=_SLOWEST.get(batch) if is_aimed else None,
    )


def _duplicates(name: str, batch: int, scale: Scale, runs: list[list[Outcome]], new: Figure) -> Figure:
    limit = "what makes a new event known makes a duplicate recognised, and it is stored all the same"
    return Figure(
        name=f"{name}: the same sent again, processed as duplicates",
        unit="events/s",
        runs=[scale.ingested[batch] / again.processed_s for _, again in runs],
        aim=Aim(new.median, limit),
        baselines=(new.name,),
    )
