"""Killed at every named point between request and usage, the product counts each acknowledged event once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tallystick.stores import faults
from tests.workers.test_event_processor import Plant, distance

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path
from tests.workers.test_event_processor import Plant, distance

plant = Plant(Path(sys.argv[1]))
for number in range(5):
    plant.send(distance(f"{sys.argv[2]}-{number}", 1))
    print(number, flush=True)
    plant.processor.drain()
plant.close()
"""


def run(directory: Path, name: str, fault: str) -> tuple[int, int]:
    """The exit code of a process that sends five events, and how many it acknowledged."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(directory), name],
        env={**os.environ, "TALLYSTICK_FAULTS": fault, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, len(done.stdout.split())


@pytest.mark.parametrize(
    "point",
    sorted({faults.LOG_BEFORE_COMMIT, faults.LOG_COMMITTED, faults.EVENTS_BEFORE_COMMIT, faults.EVENTS_COMMITTED}),
)
def test_killed_at_a_named_point(tmp_path: Path, point: str) -> None:
    """reliability.md F-02: acknowledged is stored, and after the same ids are sent again all are stored once."""
    code, acknowledged = run(tmp_path, "first", f"crash@{point}")
    assert code == -signal.SIGKILL
    assert acknowledged == (1 if point.startswith("events") else 0)
    plant = Plant(tmp_path)
    plant.processor.drain()
    assert acknowledged <= plant.miles() <= 1
    for number in range(5):
        plant.send(distance(f"first-{number}", 1))
    plant.processor.drain()
    assert plant.miles() == 5
    plant.close()


def test_without_a_fault_nothing_dies(tmp_path: Path) -> None:
    assert run(tmp_path, "first", "") == (0, 5)
    assert run(tmp_path, "second", "crash@elsewhere") == (0, 5)


def test_the_points_that_the_code_passes_are_those_that_are_listed() -> None:
    """So that tests/crash/test_named_points.py dies at each of them: it takes them from the same list."""
    source = "".join(path.read_text() for path in (ROOT / "src" / "tallystick").rglob("*.py"))
    passed = re.findall(r"faults\.reach\(([^)]*)\)", source)
    assert {getattr(faults, name.removeprefix("faults.")) for name in passed} == faults.POINTS | faults.JOB_POINTS
