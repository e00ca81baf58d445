"""Killed at every named point of a job, again and again: what comes out is what an undisturbed run makes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tallystick.catalog.plan_migration import MigrationMode, PlanMigrationDraft
from tallystick.engine.administration import Administration
from tallystick.kernel.document import decode, encode
from tallystick.kernel.job import JobStatus
from tallystick.metering.correction import CorrectionAction
from tallystick.operations.correction_jobs import start_correction
from tallystick.operations.corrections import CorrectionRequest
from tallystick.operations.plan_migrations import migrate_price_plan
from tallystick.operations.simulations import SimulationDraft, start_simulation
from tallystick.stores import faults
from tests.operations.shop import Shop, tiered
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tallystick.operations.work import Work
    from tests.servers import Inside

ROOT = Path(__file__).parents[2]
EVENTS = 5
PROGRAM = """
import os
import signal
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from tallystick.kernel.document import encode
from tallystick.kernel.job import EntryStatus
from tallystick.metering.correction import refusal
from tallystick.operations.simulations import Simulation, SimulationProgress
from tallystick.stores import faults
from tallystick.workers import correction_task, migration_task, remetering_task, simulation_task
from tests.servers import inside

correction_task.LISTED_AT_ONCE = 3
correction_task.CORRECTED_AT_ONCE = 2
remetering_task.EVENTS_AT_ONCE = 2
simulation_task.LISTED_AT_ONCE = 2
simulation_task.COMPARED_AT_ONCE = 2
migration_task.MOVED_AT_ONCE = 2
def forgetful():
    able = {}
    orders_about = correction_task.orders_about
    def remembering(work, job, events):
        able.update({event.position: refusal(event.status, "REDO") is None for event in events})
        return orders_about(work, job, events)
    correction_task.orders_about = remembering
    correction_task.outcome_of = lambda job, entry, event: entry.moved(
        EntryStatus.COMPLETED if able[event.position] else EntryStatus.FAILED
    )
def hasty():
    begun = remetering_task.RemeteringTask._begun
    def unwritten(task, desk, asked, progress):
        with desk.reading() as work:
            events = remetering_task._next(work, asked, progress.after)
            if not events:
                return None
            purses = remetering_task.ForeseenPurses()
            found = remetering_task._assessed(desk, work, asked, events, set(), purses)
        changing = [one.stored.position for one in found if one.outcome is not None]
        totals = remetering_task.totals_of(asked, found)
        return remetering_task.Chunk(positions=changing, through=events[-1].position, totals=totals)
    remetering_task.RemeteringTask._begun = unwritten
def halved():
    def in_two(task, desk, job):
        with desk.reading() as work:
            entries = work.state.jobs.next_entries(job.id, [EntryStatus.PENDING], 2)
            names = [entry.entity_id for entry in entries]
            found = list(simulation_task.simulated(work, Simulation.of(job), names))
        comparisons = [one.comparison for one in found]
        with desk.writing() as (work, current):
            totals = simulation_task.added(SimulationProgress.of(current).totals, comparisons)
            progress = SimulationProgress(listed=SimulationProgress.of(current).listed, totals=totals)
            work.state.jobs.store(replace(current, progress=encode(progress).decode()))
        faults.reach(faults.JOB_ORDERED)
        with desk.writing() as (work, current):
            work.state.simulations.add(job.id, comparisons)
            settled = [entry.begun().moved(EntryStatus.COMPLETED, cycles="1") for entry in entries]
            work.state.jobs.move_entries(current, settled)
        return not entries
    simulation_task.SimulationTask.carry_out = in_two
def careless():
    def apart(task, desk, entry):
        with desk.writing() as (work, job):
            settled = migration_task.migrate_account(work, job, entry)
        with desk.writing() as (work, job):
            work.state.jobs.move_entries(job, [settled])
            migration_task.faults.reach(migration_task.faults.MOVE_BEFORE_COMMIT)
    migration_task.MigrationTask._move = apart
builds = {"good": lambda: None, "forgetful": forgetful, "hasty": hasty, "halved": halved, "careless": careless}

def run(data, build, fault):
    signal.alarm(60)
    os.environ["TALLYSTICK_FAULTS"] = fault
    try:
        builds[build]()
        with inside(Path(data)):
            pass
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        run(*line[:-1].split(chr(9)))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Starts a server for each line that it reads, in a process of its own that is forked: importing takes longest."""


Run = Callable[..., int]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """A function that gives the exit code of a server which does what is to be done, then stops."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as forking:
        assert forking.stdin is not None
        assert forking.stdout is not None
        asked, told = forking.stdin, forking.stdout

        def run(data: Path, fault: str = "", build: str = "good") -> int:
            asked.write(f"{data}\t{build}\t{fault}\n")
            return int(told.readline())

        yield run
        asked.close()


def _started(data: Path, begin: Callable[[Inside, Shop, str], None]) -> Path:
    """A directory in which a job was started about five events, and nothing of it is done."""
    with inside(data) as server:
        shop = Shop(server.api())
        meter = shop.metered_plan((0, 2))
        for number in range(EVENTS):
            shop.use(10**number)
        begin(server, shop, meter)
    return data


@contextmanager
def work_of(server: Inside) -> Iterator[Work]:
    """A transaction beside every worker."""
    organisation = Administration(server.engine.database).organisations()[0].id
    with server.engine.work_for(organisation, "test", writes=True) as (work, _):
        yield work


def correcting(server: Inside, _shop: Shop, _meter: str) -> None:
    with work_of(server) as work:
        start_correction(work, CorrectionRequest(), action=CorrectionAction.REDO, account_id="acme")


def metering_anew(server: Inside, shop: Shop, meter: str) -> None:
    """Ten times as many units as before, in a job that is previewed and confirmed."""
    shop.api.post(f"/usage_meters/{meter}/deactivate").ok()
    rule = {"computation": '{"*":[10,{"var":"attributes.calls"}]}', "order": 1}
    shop.api.patch(f"/usage_meters/{meter}", {"computations": [rule]}).ok()
    shop.api.post(f"/usage_meters/{meter}/activate").ok()
    span = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    job_id = shop.api.post(f"/v1/usage-meters/{meter}/remeterings", span).ok()["jobId"]
    with work_of(server) as work:
        job = work.state.jobs.get(job_id)
        work.state.jobs.store(job.moved(JobStatus.IN_PROGRESS, work.now))


def simulating(server: Inside, shop: Shop, meter: str) -> None:
    """Twice the price, for five accounts that used 10 each in January."""
    plan = shop.api.get("/price_plans").ok()["data"][0]["id"]
    for number in range(EVENTS - 1):
        shop.account(f"more-{number}")
        shop.associate(plan, f"more-{number}")
        shop.use(10, account=f"more-{number}")
    shop.api.advance("2026-02-01")
    twice = {"supportedCurrencies": ["USD"], "usageRateCards": [tiered(meter, (0, 4))]}
    asked = {"from": "2026-01-01", "to": "2026-02-01", "plan": {"pricePlanDetails": twice}}
    with work_of(server) as work:
        start_simulation(work, decode(encode(asked), SimulationDraft))


def moving_accounts(server: Inside, shop: Shop, meter: str) -> None:
    """Four more accounts on the plan, which costs 3 instead of 2 from tomorrow on."""
    (plan,) = shop.api.get("/price_plans").ok()["data"]
    for number in range(EVENTS - 1):
        shop.associate(plan["id"], shop.account(f"account-{number}"))
    dearer = {"pricePlanDetails": {"usageRateCards": [tiered(meter, (0, 3))]}}
    shop.api.patch(f"/price_plans/{plan['id']}", dearer).ok()
    with work_of(server) as work:
        draft = PlanMigrationDraft(
            source_id=plan["id"], source_version=1, target_id=plan["id"], migration_mode=MigrationMode.IMMEDIATE
        )
        migrate_price_plan(work, draft)


STARTS = {
    "correction": correcting,
    "remetering": metering_anew,
    "migration": moving_accounts,
    "simulation": simulating,
}
POINTS = {"migration": faults.MOVE_POINTS, "simulation": (faults.JOB_STEP_TAKEN,)}
"""Those that a type reaches, where these are not all or not only the points of jobs."""
CONTROL_POINTS = {"migration": faults.MOVE_POINTS}
"""Those that the build which has to fail reaches."""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """For each type of job a directory in which one was started, and nothing of it is done."""
    return {name: _started(tmp_path_factory.mktemp("begun") / "data", start) for name, start in STARTS.items()}


def outcome(data: Path) -> dict[str, Any]:
    """Everything that a finished job leaves behind, by what people can see of it."""
    with inside(data) as server:
        shop = Shop(server.api())
        (job,) = shop.api.get("/v1/jobs").ok()["data"]
        names = [f"e-{number}" for number in range(2, EVENTS + 2)]
        seen = {
            "job": shop.api.get(f"/v1/jobs/{job['id']}").ok(),
            "entries": shop.api.pages(f"/v1/jobs/{job['id']}/entries"),
            "total": shop.invoices()[0]["totalAmount"],
            "events": {name: _events(shop, name) for name in names},
        }
        if job["type"] == "PRICE_PLAN":
            seen["timelines"] = [_timeline(shop, account["id"]) for account in shop.api.get("/accounts").ok()["data"]]
        if job["type"] == "REMETERING":
            seen["result"] = shop.api.get(f"/v1/remeterings/{job['id']}").ok()["result"]
        if job["type"] == "SIMULATION":
            seen["result"] = shop.api.get(f"/v1/simulations/{job['id']}").ok()
            seen["accounts"] = shop.api.pages(f"/v1/simulations/{job['id']}/accounts")
        return seen


def _events(shop: Shop, name: str) -> list[tuple[str, Any]]:
    found = shop.api.get(f"/events/{name}").ok()["events"]
    return [(one["ingestionStatus"]["status"], one["eventPipelineInfo"].get("usageMeters", [])) for one in found]


def _timeline(shop: Shop, account: str) -> tuple[str, list[tuple[str, int]]]:
    pieces = shop.api.get(f"/accounts/{account}/pricing_schedules").ok()["data"]
    return account, [(piece["startDate"][:10], piece["version"]) for piece in pieces]


@pytest.fixture(scope="module")
def undisturbed(
    run: Run, begun: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    found = {}
    for name, started in begun.items():
        data = tmp_path_factory.mktemp("undisturbed") / "data"
        shutil.copytree(started, data)
        assert run(data) == 0
        found[name] = outcome(data)
    return found


def killed_again_and_again(run: Run, data: Path, points: Iterable[str], build: str = "good") -> int:
    """Kill the server at each of these points in turns until the job is done; how often that was."""
    points = sorted(points)
    for kills in range(200):
        code = run(data, f"crash@{points[kills % len(points)]}", build)
        if code == 0:
            return kills
        assert code == -signal.SIGKILL
    raise AssertionError("the job does not come to its end")


@pytest.mark.parametrize("kind", STARTS)
def test_a_job_that_is_killed_again_and_again_does_what_an_undisturbed_one_does(
    run: Run, begun: dict[str, Path], undisturbed: dict[str, dict[str, Any]], tmp_path: Path, kind: str
) -> None:
    shutil.copytree(begun[kind], tmp_path / "data")
    assert killed_again_and_again(run, tmp_path / "data", POINTS.get(kind, faults.JOB_POINTS)) > 3
    assert outcome(tmp_path / "data") == undisturbed[kind]


def test_an_undisturbed_job_does_what_it_should(undisturbed: dict[str, dict[str, Any]]) -> None:
    """The first event is 1 call, each next one ten times as many; a call costs 2."""
    assert undisturbed["correction"]["job"]["completedJobEntries"] == EVENTS
    assert undisturbed["correction"]["total"] == 22_222  # 11,111 x 2
    (totals,) = undisturbed["simulation"]["result"]["totals"]
    assert (totals["accounts"], totals["oldRevenue"], totals["newRevenue"]) == (EVENTS, 22_302, 44_604)  # and 80, 160
    assert undisturbed["remetering"]["total"] == 222_220  # 111,110 x 2
    assert undisturbed["migration"]["job"]["completedJobEntries"] == EVENTS
    moved = [("2026-01-01", 1), ("2026-01-02", 2)]
    assert [pieces for _, pieces in undisturbed["migration"]["timelines"]] == [moved] * EVENTS
    assert undisturbed["remetering"]["result"] == {
        "changedEvents": EVENTS,
        "nowCounted": 0,
        "noLongerCounted": 0,
        "closedEvents": 0,
        "difference": 99_999,  # 111,110 - 11,111
    }


@pytest.mark.parametrize(
    ("kind", "build"),
    [("correction", "forgetful"), ("remetering", "hasty"), ("migration", "careless"), ("simulation", "halved")],
)
def test_a_build_that_does_not_know_its_own_work_again_fails_the_same_check(
    run: Run, begun: dict[str, Path], undisturbed: dict[str, dict[str, Any]], tmp_path: Path, kind: str, build: str
) -> None:
    shutil.copytree(begun[kind], tmp_path / "data")
    killed_again_and_again(run, tmp_path / "data", CONTROL_POINTS.get(kind, faults.JOB_POINTS), build)
    found = outcome(tmp_path / "data")
    assert found["total"] == undisturbed[kind]["total"], "what is ordered twice counts once all the same"
    assert found != undisturbed[kind]


def test_every_point_of_a_job_is_reached_somewhere() -> None:
    source = "".join(path.read_text() for path in (ROOT / "src" / "tallystick").rglob("*.py"))
    names = {value: name for name, value in vars(faults).items() if isinstance(value, str)}
    assert all(f"faults.reach(faults.{names[point]})" in source for point in faults.JOB_POINTS | faults.MOVE_POINTS)
