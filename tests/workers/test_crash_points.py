"""Killed at every named point between request and usage, the product counts each acknowledged event once."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tallystick.stores import faults
from tallystick.stores.id_folder import IdFolder
from tests.workers.test_event_processor import Plant, distance

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path
from tallystick.stores import faults
from tests.workers.test_event_processor import Plant, distance

plant = Plant(Path(sys.argv[1]))
for number in range(5):
    plant.send(distance(f"{sys.argv[2]}-{number}", 1))
    print(number, flush=True)
    plant.processor.drain()
    plant.processor._known.settle()
    if faults.armed(faults.SORT_EARLY):
        plant.store.sort_portion()
plant.close()
"""

BURST = 60_000
AFTER_A_BURST = f"""
import sys
from pathlib import Path
from tests.workers.test_event_processor import Plant, distance

plant = Plant(Path(sys.argv[1]))
plant.send(*[distance(f"{{sys.argv[2]}}-{{number}}", 1) for number in range({BURST})])
plant.processor.drain()
plant.send(distance("last", 1))
print("both", flush=True)
plant.processor.drain()
plant.close()
"""


def run(directory: Path, name: str, fault: str, program: str = PROGRAM) -> tuple[int, int]:
    """The exit code of a process that sends five events, or what its program says, and how many it acknowledged."""
    done = subprocess.run(
        [sys.executable, "-c", program, str(directory), name],
        env={**os.environ, "TALLYSTICK_FAULTS": fault, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
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


@pytest.mark.parametrize("point", sorted({faults.IDS_HALF_WRITTEN, faults.IDS_BEFORE_RENAME, faults.IDS_RENAMED}))
def test_killed_while_known_ids_are_written(tmp_path: Path, point: str) -> None:
    """The files hold what they held before, or all that they were to hold; again and again, also while they merge."""
    times = 2
    for name in range(times):
        assert run(tmp_path, f"{name}", faults.SPILL_EARLY) == (0, 5)
        assert run(tmp_path, f"dies-{name}", f"crash@{point},{faults.SPILL_EARLY}")[0] == -signal.SIGKILL
    files = {path.suffix for path in (tmp_path / "ids").iterdir()}
    assert files == {".ids"} | (set() if point == faults.IDS_RENAMED else {".tmp"})
    plant = Plant(tmp_path)
    plant.processor.drain()
    before = plant.miles()
    assert before == 6 * times
    for name in range(times):
        plant.send(distance(f"dies-{name}-0", 1), *[distance(f"{name}-{number}", 1) for number in range(5)])
    plant.processor.drain()
    assert plant.miles() == before
    plant.processor._known.settle()
    assert {path.suffix for path in (tmp_path / "ids").iterdir()} == {".ids"}
    plant.close()


@pytest.mark.parametrize("point", sorted({faults.FACTS_BEFORE_COMMIT, faults.FACTS_SORTED}))
def test_killed_while_facts_are_sorted(tmp_path: Path, point: str) -> None:
    """Each fact is there once, sorted or not; again and again, with facts that were sorted before."""
    for times in range(1, 4):
        assert run(tmp_path, f"{times}", faults.SORT_EARLY) == (0, 5)
        assert run(tmp_path, f"dies-{times}", f"crash@{point},{faults.SORT_EARLY}") == (-signal.SIGKILL, 1)
        plant = Plant(tmp_path)
        assert plant.miles() == 6 * times
        assert plant.store.count_unsorted() == (2 if point == faults.FACTS_BEFORE_COMMIT else 0)
        plant.close()


def test_an_index_that_lost_an_id_would_count_it_again(tmp_path: Path) -> None:
    """What the tests of killed writers would see if a file were not whole."""
    assert run(tmp_path, "first", faults.SPILL_EARLY) == (0, 5)
    plant = Plant(tmp_path)
    plant.processor.drain()
    folder = IdFolder(tmp_path / "ids", plant.store.identity)
    folder.write([], 0, folder.opened(5)[0][-1].header.through_row)
    plant.send(*[distance(f"first-{number}", 1) for number in range(5)])
    plant.processor.drain()
    assert plant.miles() == 10
    plant.close()


@pytest.mark.parametrize(("fault", "code"), [(f"crash@{faults.LOG_GIVEN_BACK}", -signal.SIGKILL), ("", 0)])
def test_killed_while_the_log_gives_space_back(tmp_path: Path, fault: str, code: int) -> None:
    """The newest row is there, and the next start or stop gives back what this one has not."""
    assert run(tmp_path, "first", fault, AFTER_A_BURST) == (code, 1)
    log = tmp_path / "log.db"
    assert (log.stat().st_size > 1_000_000) == (code != 0)
    plant = Plant(tmp_path)
    assert [row.row for row in plant.log.read(0, 10)] == [2]
    assert plant.send(distance("last", 1), distance("next", 1)) == 3
    plant.processor.drain()
    assert plant.miles() == BURST + 2
    plant.close()
    assert log.stat().st_size < 100_000
    with closing(sqlite3.connect(log)) as other:
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_without_a_fault_nothing_dies(tmp_path: Path) -> None:
    assert run(tmp_path, "first", "") == (0, 5)
    assert run(tmp_path, "second", "crash@elsewhere") == (0, 5)


def test_the_points_that_the_code_passes_are_those_that_are_listed() -> None:
    """So that tests/crash/test_named_points.py dies at each of them: it takes them from the same list."""
    source = "".join(path.read_text() for path in (ROOT / "src" / "tallystick").rglob("*.py"))
    passed = re.findall(r"faults\.reach\(([^)]*)\)", source)
    listed = faults.POINTS | faults.JOB_POINTS | faults.MOVE_POINTS | faults.DEBIT_POINTS
    assert {getattr(faults, name.removeprefix("faults.")) for name in passed} == listed
