"""Killed at every named point of a job, again and again: what comes out is what an undisturbed run makes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tallystick.engine.administration import Administration
from tallystick.metering.correction import CorrectionAction
from tallystick.operations.correction_jobs import start_correction
from tallystick.operations.corrections import CorrectionRequest
from tallystick.stores import faults
from tests.operations.shop import Shop
from tests.servers import inside

ROOT = Path(__file__).parents[2]
EVENTS = 5
PROGRAM = """
import sys
from pathlib import Path
from tallystick.kernel.job import EntryStatus
from tallystick.metering.correction import refusal
from tallystick.workers import correction_task
from tests.servers import inside

correction_task.LISTED_AT_ONCE = 3
correction_task.CORRECTED_AT_ONCE = 2
if sys.argv[2] == "forgetful":
    able = {}
    orders_about = correction_task.orders_about
    def remembering(work, job, events):
        able.update({event.position: refusal(event.status, "REDO") is None for event in events})
        return orders_about(work, job, events)
    correction_task.orders_about = remembering
    correction_task.outcome_of = lambda job, entry, event: entry.moved(
        EntryStatus.COMPLETED if able[event.position] else EntryStatus.FAILED
    )
with inside(Path(sys.argv[1])):
    pass
"""


def run(data: Path, fault: str = "", build: str = "good") -> int:
    """The exit code of a server that does what is to be done, then stops."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(data), build],
        env={**os.environ, "TALLYSTICK_FAULTS": fault, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    ).returncode


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which a job that sends events again was started and nothing of it is done."""
    data = tmp_path_factory.mktemp("begun") / "data"
    with inside(data) as server:
        shop = Shop(server.api())
        shop.metered_plan((0, 2))
        for number in range(EVENTS):
            shop.use(10**number)
        organisation = Administration(server.engine.database).organisations()[0].id
        with server.engine.work_for(organisation, "test", writes=True) as (work, _):
            start_correction(work, CorrectionRequest(), action=CorrectionAction.REDO, account_id="acme")
    return data


def outcome(data: Path) -> dict[str, Any]:
    """Everything that a finished job leaves behind, by what people can see of it."""
    with inside(data) as server:
        shop = Shop(server.api())
        (job,) = shop.api.get("/jobs").ok()["data"]
        names = [f"e-{number}" for number in range(2, EVENTS + 2)]
        return {
            "job": shop.api.get(f"/jobs/{job['id']}").ok(),
            "entries": shop.api.pages(f"/jobs/{job['id']}/entries"),
            "total": shop.invoices()[0]["totalAmount"],
            "events": {name: _events(shop, name) for name in names},
        }


def _events(shop: Shop, name: str) -> list[tuple[str, Any]]:
    found = shop.api.get(f"/events/{name}").ok()["events"]
    return [(one["ingestionStatus"]["status"], one["eventPipelineInfo"].get("usageMeters", [])) for one in found]


@pytest.fixture(scope="module")
def undisturbed(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    data = tmp_path_factory.mktemp("undisturbed") / "data"
    shutil.copytree(begun, data)
    assert run(data) == 0
    return outcome(data)


def killed_again_and_again(data: Path, build: str = "good") -> int:
    """Kill the server at each named point in turns until the job is done; how often that was."""
    points = sorted(faults.JOB_POINTS)
    for kills in range(200):
        code = run(data, f"crash@{points[kills % len(points)]}", build)
        if code == 0:
            return kills
        assert code == -signal.SIGKILL
    raise AssertionError("the job does not come to its end")


def test_a_job_that_is_killed_again_and_again_does_what_an_undisturbed_one_does(
    begun: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(begun, tmp_path / "data")
    assert killed_again_and_again(tmp_path / "data") > 4
    assert outcome(tmp_path / "data") == undisturbed
    assert undisturbed["job"]["completedJobEntries"] == EVENTS
    assert undisturbed["total"] == 22_222  # (1 + 10 + 100 + 1,000 + 10,000) x 2


def test_a_build_that_does_not_know_its_own_work_again_fails_the_same_check(
    begun: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(begun, tmp_path / "data")
    killed_again_and_again(tmp_path / "data", "forgetful")
    found = outcome(tmp_path / "data")
    assert found["total"] == undisturbed["total"]
    assert found["job"]["failedJobEntries"] > 0


def test_every_point_of_a_job_is_reached_somewhere() -> None:
    source = "".join(path.read_text() for path in (ROOT / "src" / "tallystick").rglob("*.py"))
    names = {value: name for name, value in vars(faults).items() if isinstance(value, str)}
    assert all(f"faults.reach(faults.{names[point]})" in source for point in faults.JOB_POINTS)
