"""`python -m benchmarks [--quick] [--only ingest,usage] [--soak MINUTES]`: measure, and write RESULTS.md or SOAK.md."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from benchmarks import (
    agents,
    baseline,
    footprint,
    ingest,
    invoices,
    meters,
    postgres,
    ratings,
    report,
    simulations,
    soaking,
    usage,
    visible,
)
from benchmarks.figure import FULL, QUICK

if TYPE_CHECKING:
    from benchmarks.figure import Figure

MEASURES: Final = {
    "baseline": ("Parts of the way alone", baseline.measure),
    "postgres": ("(a) The same events in PostgreSQL", postgres.measure),
    "ingest": ("(b) Events over HTTP", ingest.measure),
    "visible": ("(c) From an event to its usage, at half load", visible.measure),
    "usage": ("(d) Usage of a month", usage.measure),
    "footprint": ("(e) Start and footprint", footprint.measure),
    "invoices": ("(f) Invoices", invoices.measure),
    "agents": ("(g) Tools", agents.measure),
    "meters": ("(h) Meters, on one thread", meters.measure),
    "ratings": ("(i) Usage cards rated, on one thread", ratings.measure),
    "simulations": ("(j) Simulations", simulations.measure),
}


@click.command()
@click.option("--quick", is_flag=True, help="A run of some minutes: fewer runs, and no more than a million stored.")
@click.option("--only", metavar="A,B", help=f"Some measures: {', '.join(MEASURES)}.")
@click.option("--soak", metavar="MINUTES", type=click.FloatRange(min=1), help="Watch memory under load instead.")
def main(*, quick: bool, only: str | None, soak: float | None) -> None:
    """Measure the engine; a whole run replaces RESULTS.md, any other prints the same page."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that every server it started ends too
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as scratch:
        if soak is None:
            _measure(Path(scratch), only, is_quick=quick)
        else:
            soaking.run(soak, Path(scratch))


def _measure(scratch: Path, only: str | None, *, is_quick: bool) -> None:
    scale = QUICK if is_quick else FULL
    chosen = list(MEASURES) if only is None else only.split(",")
    unknown = set(chosen) - set(MEASURES)
    if unknown:
        raise click.UsageError(f"unknown measure: {', '.join(sorted(unknown))}")
    begun, load = time.perf_counter(), os.getloadavg()[0]
    measured: dict[str, tuple[str, list[Figure]]] = {}
    for name in chosen:
        title, measure = MEASURES[name]
        measured[name] = (title, [])
        for figure in measure(scale, scratch):
            measured[name][1].append(figure)
            click.echo(f"{title}: {figure.name}: {figure.median:,.3g} {figure.unit}", err=True)
    command = " ".join(["python -m benchmarks", *sys.argv[1:]])
    page = report.written(measured, scale, command, load, time.perf_counter() - begun)
    if is_quick or only is not None:
        click.echo(page)
    else:
        report.RESULTS.write_text(page)


if __name__ == "__main__":
    main()
