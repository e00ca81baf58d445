"""Whether memory stays flat: a steady load at half of what the server can do, and its memory every ten seconds."""

from __future__ import annotations

import os
import statistics
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from benchmarks import ingest, report
from benchmarks.figure import FULL
from benchmarks.footprint import MEGABYTE
from benchmarks.load import PATIENCE_S, PROCESSED, counted, sent
from benchmarks.server import running
from benchmarks.steady import Pace, loading
from benchmarks.store import Kept

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.server import Memory, Server
    from benchmarks.steady import Kept as Sent

SOAK: Final = Path(__file__).with_name("SOAK.md")
_EVERY_S: Final = 10
_MARK_S: Final = 300
_BATCH: Final = 1000
_HOUR_S: Final = 3600
_KNOWN_ID_BYTES: Final = 16
_INTRODUCTION: Final = """\
# Memory under a load that goes on

Written by `python -m benchmarks --soak MINUTES` (`make bench-soak`). A steady load at half of what the server was just
seen to take in and process, in batches, from an empty event store on; memory is what is resident, looked at every ten
seconds. The ids that are known take 16 bytes each, so that much growth belongs to what is stored; the rest should not
grow.
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory at a time, in seconds since the load began."""

    at: float
    memory: Memory


def run(minutes: float, scratch: Path) -> None:
    """Load for so long, and write SOAK.md."""
    command = " ".join(["python -m benchmarks", *sys.argv[1:]])
    begun, load_before = time.perf_counter(), os.getloadavg()[0]
    made = Kept.of(FULL, scratch).copied(0, "soak")
    with running(made.data) as server:
        (full,) = sent(ingest.job(server, FULL, _BATCH, seed=0))
        rate = FULL.ingested[_BATCH] / full.processed_s / 2
        before = datetime.now(UTC), counted(server.client, datetime.now(UTC), PROCESSED)
        with loading(Pace(port=server.port, rate=rate, accounts=FULL.accounts)) as load:
            samples = list(_samples(server, minutes * 60))
        assert load.kept is not None, "the load has ended"
        ended = time.perf_counter()
        while counted(server.client, before[0], PROCESSED) - before[1] < load.kept.events:
            if time.perf_counter() - ended > PATIENCE_S:
                raise RuntimeError(f"not all of {load.kept.events:,} events are processed after {PATIENCE_S} seconds")
        behind = time.perf_counter() - ended
    machine = report.machine(command, load_before, time.perf_counter() - begun)
    lines = [_INTRODUCTION, *machine, *_summary(load.kept, behind, samples), "", *_table(samples)]
    SOAK.write_text("\n".join(lines) + "\n")
    click.echo(SOAK.read_text())


def slope(samples: list[Sample]) -> float:
    """How memory grows, by the line of least squares, in MB an hour."""
    times = [sample.at / _HOUR_S for sample in samples]
    return statistics.linear_regression(times, [sample.memory.total / MEGABYTE for sample in samples]).slope


def _samples(server: Server, seconds: float) -> Iterator[Sample]:
    begun = time.perf_counter()
    for number in range(int(seconds / _EVERY_S) + 1):
        time.sleep(max(0.0, begun + number * _EVERY_S - time.perf_counter()))
        yield Sample(time.perf_counter() - begun, server.memory)


def _summary(sent: Sent, behind: float, samples: list[Sample]) -> Iterator[str]:
    rate = sent.events / sent.seconds
    yield (
        f"- Load: {sent.events:,} events in {sent.seconds / 60:.1f} minutes, {rate:,.0f} a second; {sent.refused:,} "
        f"requests refused; the sender ended {sent.behind_s:.1f} s behind, the processing {behind:.1f} s"
    )
    late = [sample for sample in samples if sample.at >= samples[-1].at / 2]
    ids = rate * _KNOWN_ID_BYTES * _HOUR_S / MEGABYTE
    yield (
        f"- Slope: {slope(samples):+,.0f} MB an hour, in the second half {slope(late):+,.0f}; "
        f"known ids account for {ids:+,.0f}"
    )
    yield f"- Highest: {max(sample.memory.total for sample in samples) / MEGABYTE:,.0f} MB"


def _table(samples: list[Sample]) -> Iterator[str]:
    yield "| Minute | Server, MB | Judge, MB | Together, MB |"
    yield "|---:|---:|---:|---:|"
    marked = samples[:: _MARK_S // _EVERY_S]
    for sample in marked if samples[-1] in marked else [*marked, samples[-1]]:
        memory = sample.memory
        sizes = (memory.server, memory.judge, memory.total)
        yield f"| {sample.at / 60:.0f} | {' | '.join(f'{size / MEGABYTE:,.0f}' for size in sizes)} |"
