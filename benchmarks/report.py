"""RESULTS.md: the machine, the commands, the medians, and which aims are met."""

from __future__ import annotations

import os
import platform
import sqlite3
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.figure import FULL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.figure import Figure, Scale

RESULTS: Final = Path(__file__).with_name("RESULTS.md")
_PACKAGES: Final = ("duckdb", "pyarrow", "msgspec", "sqlalchemy", "starlette", "uvicorn", "uvloop")
_INTRODUCTION: Final = """\
# Results

Written by `python -m benchmarks` (`make bench`). Each figure is the median of the runs beside it; the load generator
runs on the same machine. Events have about 260 bytes of JSON, random 128-bit ids, three dimensions and two
attributes; two meters sum them, one of them with a matcher. An event is accepted once it is on disk, and processed
once a read counts it. What is stored before a measure are such events of the last whole month, in order of time.
The API groups usage by meter, not by a dimension of events: a dimension is measured as the meter that matches it.
PostgreSQL is version 18 on the same disk, with fsync, synchronous commits and 1 GB of shared buffers.
"""


def written(
    measured: dict[str, tuple[str, list[Figure]]], scale: Scale, command: str, load: float, seconds: float
) -> str:
    """The page, from the title and figures of each measure; `load` is what the machine did before the run."""
    baselines = {figure.name: figure for _, figures in measured.values() for figure in figures}
    lines = [_INTRODUCTION, _extent(scale), *machine(command, load, seconds)]
    for title, figures in measured.values():
        lines += ["", f"## {title}", "", *_table(figures, baselines)]
    return "\n".join(lines) + "\n"


def _extent(scale: Scale) -> str:
    kind = "whole" if scale is FULL else "quick, for developers"
    stored = " and ".join(f"{events:,}" for events in scale.stored)
    return f"- Run: {kind}; {stored} events stored, {scale.accounts:,} accounts, {scale.runs} runs of most measures"


def machine(command: str, load: float, seconds: float) -> Iterator[str]:
    """What was run, where, and with which versions, as items of a list."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    yield f"- Command: `{command}`, {seconds / 60:.1f} minutes, {datetime.now(UTC):%Y-%m-%d}"
    hardware = f"{_processor()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB, {platform.system()}"
    yield f"- Machine: {hardware}, load {load:.1f} before the run"
    yield f"- Versions: Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}"


def _table(figures: list[Figure], baselines: dict[str, Figure]) -> Iterator[str]:
    yield "| What | Median | Runs | Aim | Compared with |"
    yield "|---|---:|---|---|---|"
    for figure in figures:
        runs = ", ".join(map(_shown, figure.runs))
        cells = (
            figure.name,
            f"{_shown(figure.median)} {figure.unit}",
            runs,
            _aim(figure),
            _ratio(figure, baselines),
        )
        yield f"| {' | '.join(cells)} |"
    for figure in figures:
        if figure.aim is not None and not figure.is_met:
            yield f"\nShort of its aim: {figure.name}. What limits it: {figure.aim.limit}."


def _aim(figure: Figure) -> str:
    if figure.aim is None:
        return ""
    sign = "≤" if figure.aim.at_most else "≥"
    return f"{sign} {_shown(figure.aim.value)}: {'met' if figure.is_met else '**not met**'}"


def _ratio(figure: Figure, baselines: dict[str, Figure]) -> str:
    others = [baselines[name] for name in figure.baselines if name in baselines]
    return "; ".join(f"{_shown(figure.median / other.median)} x {other.name}" for other in others)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    if not listed.exists():
        return platform.processor() or platform.machine()
    return next(line.partition(":")[2].strip() for line in listed.read_text().splitlines() if "model name" in line)


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
