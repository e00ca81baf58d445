"""Measure (b): events per second over HTTP, durable, until accepted and until a read shows them processed."""

from __future__ import annotations

import re
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
    "both cores are busy: HTTP and decoding under Python's one lock, judging in the other process, DuckDB's insert and "
    "its checkpoints, and the load generator"
)
_SINGLE_LIMIT: Final = "the Python around a request, while the load generator has the other core"
_STORED_LIMIT: Final = "ids are looked up among more, and what is stored is rewritten as it grows"
_RATES: Final = {1: Aim(4_000, _SINGLE_LIMIT), 1000: Aim(100_000, _LIMIT)}
_SLOWEST: Final = {1: Aim(50, _SINGLE_LIMIT, at_most=True)}
_AGAIN_LIMIT: Final = "a duplicate is looked up as a new event is, read back from the store, and stored all the same"
_KEEPS: Final = 0.7
_WARM_UP: Final = 100
_STORED: Final = re.compile(r", [\d,]+ stored")


def measure(scale: Scale, scratch: Path) -> Iterator[Figure]:
    """Each batch size, with few events stored before and with many; every event has a new id, then is sent again."""
    with_few: dict[str, Figure] = {}
    for stored in scale.stored:
        made = Kept.of(scale, scratch).copied(stored, "ingest")
        with running(made.data) as server:
            sent(job(server, scale, min(scale.ingested), seed=0, events=_WARM_UP))  # the known ids are loaded by then
            server.settle()
            for batch in scale.ingested:
                runs = [sent(job(server, scale, batch, seed, times=2)) for seed in range(scale.runs)]
                for figure in _figures(batch, stored, scale, runs, with_few):
                    with_few.setdefault(_without_stored(figure.name), figure)
                    yield figure


def _figures(
    batch: int, stored: int, scale: Scale, runs: list[list[Outcome]], with_few: dict[str, Figure]
) -> Iterator[Figure]:
    """Of one batch size in one stage; `runs` are what came of the new events, and of the same sent again."""
    events = scale.ingested[batch]
    name = f"batches of {batch:,} over {CONNECTIONS[batch]} connections, {stored:,} stored"
    alone = FSYNC if batch == 1 else DECODE
    yield _rate(f"{name}: accepted", batch, [events / new.accepted_s for new, _ in runs], with_few, (alone,))
    others = {1: (), 100: (APPEND,), 1000: (APPEND, ingested_into(stored))}[batch]
    processed = _rate(f"{name}: processed", batch, [events / new.processed_s for new, _ in runs], with_few, others)
    yield processed
    slowest = [statistics.quantiles(new.latencies_s, n=100)[98] * 1000 for new, _ in runs]
    yield Figure(name=f"{name}: p99 of requests", unit="ms", runs=slowest, aim=_SLOWEST.get(batch))
    yield Figure(
        name=f"{name}: the same sent again, processed as duplicates",
        unit="events/s",
        runs=[events / again.processed_s for _, again in runs],
        aim=Aim(processed.median, _AGAIN_LIMIT),
        baselines=(processed.name,),
    )


def _rate(name: str, batch: int, runs: list[float], with_few: dict[str, Figure], baselines: tuple[str, ...]) -> Figure:
    """A rate that has to reach its aim with few events stored, and to keep most of what it reached with many."""
    aim, few = _RATES.get(batch), with_few.get(_without_stored(name))
    if few is None:
        return Figure(name=name, unit="events/s", runs=runs, aim=aim, baselines=baselines)
    kept = None if aim is None else Aim(_KEEPS * few.median, _STORED_LIMIT)
    return Figure(name=name, unit="events/s", runs=runs, aim=kept, baselines=(few.name, *baselines))


def _without_stored(name: str) -> str:
    return _STORED.sub("", name)


def job(server: Server, scale: Scale, batch: int, seed: int, *, times: int = 1, events: int | None = None) -> Job:
    """What is sent in one run, in batches of one size."""
    return Job(
        port=server.port,
        events=events or scale.ingested[batch],
        batch=batch,
        connections=CONNECTIONS[batch],
        accounts=scale.accounts,
        seed=seed,
        times=times,
    )
