"""`python -m benchmarks [--quick] [--only ingest,usage]`: measure, and write RESULTS.md."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from benchmarks import agents, baseline, footprint, ingest, invoices, meters, report, usage
from benchmarks.figure import FULL, QUICK

if TYPE_CHECKING:
    from benchmarks.figure import Figure

MEASURES: Final = {
    "baseline": ("Parts of the way alone", baseline.measure),
    "ingest": ("(a) Events over HTTP", ingest.measure),
    "usage": ("(b) Usage of January", usage.measure),
    "invoices": ("(c) Invoices", invoices.measure),
    "footprint": ("(d) Start and footprint", footprint.measure),
    "agents": ("(e) Tools", agents.measure),
    "meters": ("(f) Meters, on one thread", meters.measure),
}


@click.command()
@click.option("--quick", is_flag=True, help="A small run that only shows that all of it works.")
@click.option("--only", metavar="A,B", help=f"Some measures: {', '.join(MEASURES)}.")
def main(*, quick: bool, only: str | None) -> None:
    """Measure the engine; a whole run replaces RESULTS.md, any other prints the same page."""
    chosen = list(MEASURES) if only is None else only.split(",")
    unknown = set(chosen) - set(MEASURES)
    if unknown:
        raise click.UsageError(f"unknown measure: {', '.join(sorted(unknown))}")
    begun, load = time.perf_counter(), os.getloadavg()[0]
    measured: dict[str, tuple[str, list[Figure]]] = {}
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as scratch:
        for name in chosen:
            title, measure = MEASURES[name]
            measured[name] = (title, [])
            for figure in measure(QUICK if quick else FULL, Path(scratch)):
                measured[name][1].append(figure)
                click.echo(f"{title}: {figure.name}: {figure.median:,.3g} {figure.unit}", err=True)
    command = " ".join(["python -m benchmarks", *sys.argv[1:]])
    page = report.written(measured, command, load, time.perf_counter() - begun)
    if quick or only is not None:
        click.echo(page)
    else:
        report.RESULTS.write_text(page)


if __name__ == "__main__":
    main()
