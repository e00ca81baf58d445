"""The running of jobs: by turns, step by step, past what breaks, and again after whatever ended the server."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tallystick.engine.administration import Administration
from tallystick.kernel.errors import BillingError, Kind, Problem, invalid
from tallystick.kernel.job import EntryStatus, Job, JobEntry, JobStatus, JobType
from tallystick.operations.jobs import started
from tallystick.operations.organisations import OrganisationPatch
from tallystick.operations.remeterings import RemeteringDraft, start_remetering
from tallystick.stores.state.catalogues import StateCatalogues
from tallystick.workers import remetering_task
from tallystick.workers.job_desk import Desk
from tallystick.workers.job_runner import BROKEN, MOST_TRIES, JobRunner
from tallystick.workers.remetering_task import RemeteringTask
from tallystick.workers.running import TASKS
from tests.operations.shop import Shop
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import Inside


@dataclass
class Counting:
    """A task of so many entries, one in each step; `failing` fail, and `breaks` is raised as often as it says."""

    entries: int = 3
    failing: tuple[int, ...] = ()
    breaks: list[Exception] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)

    def prepare(self, desk: Desk, job: Job) -> bool:
        self.steps.append(f"prepare {job.metadata['name']}")
        with desk.writing() as (work, current):
            number = current.total
            entry = JobEntry(number=number, entity_id=f"thing {number}", created_at=work.now)
            return work.state.jobs.add_entries(current, [entry]).total == self.entries

    def carry_out(self, desk: Desk, job: Job) -> bool:
        self.steps.append(f"carry out {job.metadata['name']}")
        if self.breaks:
            raise self.breaks.pop()
        with desk.writing() as (work, current):
            found = work.state.jobs.next_entries(job.id, [EntryStatus.PENDING], 1)
            failed = {entry.number for entry in found} & set(self.failing)
            begun = [replace(entry, status=EntryStatus.IN_PROGRESS) for entry in found]
            settled = [entry.moved(EntryStatus.FAILED if failed else EntryStatus.COMPLETED) for entry in begun]
            work.state.jobs.move_entries(current, settled)
            return not found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Inside]:
    with inside(tmp_path / "data") as running:
        yield running


def runner(server: Inside, task: Counting) -> JobRunner:
    return JobRunner(server.engine, {JobType.BILL_RUN: task, JobType.REMETERING: RemeteringTask()}, lambda: None)


def begin(server: Inside, name: str = "a", *, requires_confirmation: bool = False) -> str:
    organisation = Administration(server.engine.database).organisations()[0].id
    with server.engine.work_for(organisation, "test", writes=True) as (work, _):
        return started(
            work, JobType.BILL_RUN, OrganisationPatch(), requires_confirmation=requires_confirmation, name=name
        ).id


def begin_remetering(server: Inside, meter: str) -> str:
    organisation = Administration(server.engine.database).organisations()[0].id
    draft = RemeteringDraft(since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 2, 1, tzinfo=UTC))
    with server.engine.work_for(organisation, "test", writes=True) as (work, _):
        return start_remetering(work, meter, draft).job_id


def told(server: Inside, job_id: str) -> Job:
    organisation = Administration(server.engine.database).organisations()[0].id
    with server.engine.work_for(organisation, "test", writes=False) as (work, _):
        return work.state.jobs.get(job_id)


def test_a_job_goes_from_step_to_step_to_its_end(server: Inside) -> None:
    job_id, seen = begin(server), []
    running = runner(server, Counting(entries=2))
    while running.step():
        job = told(server, job_id)
        seen.append((job.status.value, job.total, job.completed))
    assert seen == [
        ("SCHEDULED", 1, 0),
        ("INITIALIZED", 2, 0),
        ("IN_PROGRESS", 2, 0),
        ("IN_PROGRESS", 2, 1),
        ("IN_PROGRESS", 2, 2),
        ("COMPLETED", 2, 2),
    ]


def test_a_job_that_has_ended_is_never_touched_again(server: Inside) -> None:
    job_id, task = begin(server), Counting()
    runner(server, task).catch_up()
    ended, steps = told(server, job_id), list(task.steps)
    runner(server, task).catch_up()
    assert (told(server, job_id), task.steps) == (ended, steps)


def test_an_entry_that_fails_holds_nothing_up(server: Inside) -> None:
    job_id = begin(server)
    runner(server, Counting(failing=(1,))).catch_up()
    job = told(server, job_id)
    assert (job.status, job.completed, job.failed, job.pending) == (JobStatus.COMPLETED, 2, 1, 0)


def test_jobs_take_turns(server: Inside) -> None:
    for name in "ab":
        begin(server, name)
    task = Counting(entries=1)
    runner(server, task).catch_up()
    assert task.steps == [
        "prepare a",
        "prepare b",
        "carry out a",
        "carry out b",
        "carry out a",
        "carry out b",
    ]


def test_a_job_that_waits_is_left_alone_until_it_is_confirmed(server: Inside) -> None:
    job_id, task = begin(server, requires_confirmation=True), Counting()
    runner(server, task).catch_up()
    assert told(server, job_id).status is JobStatus.WAITING_FOR_CONFIRMATION
    assert task.steps == ["prepare a"] * 3


def test_another_server_goes_on_where_the_last_one_stood(server: Inside) -> None:
    job_id, task = begin(server), Counting()
    for _ in range(5):
        runner(server, task).step()
    assert told(server, job_id).completed == 1
    runner(server, Counting()).catch_up()
    assert (told(server, job_id).status, told(server, job_id).completed) == (JobStatus.COMPLETED, 3)


def test_a_step_that_breaks_is_tried_again(server: Inside, caplog: pytest.LogCaptureFixture) -> None:
    job_id = begin(server)
    runner(server, Counting(breaks=[RuntimeError("disk")] * (MOST_TRIES - 1))).catch_up()
    assert told(server, job_id).status is JobStatus.COMPLETED
    assert f"job {job_id} broke off" in caplog.text


def test_a_step_that_goes_on_breaking_ends_the_job_and_no_other(server: Inside) -> None:
    job_id, other = begin(server), begin(server, "b")
    running = runner(server, Counting(breaks=[]))
    task = Counting(breaks=[])

    def carry_out(desk: Desk, job: Job) -> bool:
        if job.id == job_id:
            raise RuntimeError("disk")
        return Counting.carry_out(task, desk, job)

    task.carry_out = carry_out  # type: ignore[method-assign]
    running = runner(server, task)
    running.catch_up()
    job = told(server, job_id)
    assert (job.status, job.metadata["reason"], job.pending) == (JobStatus.FAILED, BROKEN, 3)
    assert told(server, other).status is JobStatus.COMPLETED


def test_a_refusal_ends_the_job_at_once_and_says_why(server: Inside) -> None:
    job_id = begin(server)
    runner(server, Counting(breaks=[invalid("meter", "has changed")])).catch_up()
    job = told(server, job_id)
    assert (job.status, job.metadata["reason"]) == (JobStatus.FAILED, "meter: has changed")


def test_what_is_away_for_a_moment_leaves_the_job_where_it_is(server: Inside) -> None:
    away = BillingError(Kind.UNAVAILABLE, "away", Problem("", "away"))
    job_id = begin(server)
    running = runner(server, Counting(breaks=[away]))
    with pytest.raises(BillingError, match="away"):
        running.catch_up()
    assert told(server, job_id).status is JobStatus.IN_PROGRESS
    running.catch_up()
    assert told(server, job_id).status is JobStatus.COMPLETED


@pytest.mark.parametrize("kind", ["EVENT_CORRECTIONS", "REMETERING"])
def test_a_server_that_dies_once_all_is_listed_lists_nothing_twice(server: Inside, kind: str) -> None:
    shop = Shop(server.api())
    meter = shop.metered_plan((0, 1))
    shop.use(5)
    span = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    path, body = {
        "EVENT_CORRECTIONS": ("/events/correction?action=UNDO&account_id=acme&require_confirmation=true", None),
        "REMETERING": (f"/v1/usage-meters/{meter}/remeterings", span),
    }[kind]
    job = told(server, shop.api.post(path, body).ok()["jobId"])
    organisation = Administration(server.engine.database).organisations()[0].id
    desk = Desk(
        server.engine, StateCatalogues(server.engine.database), organisation, job.id, threading.Event(), lambda: None
    )
    assert job.total == 1
    assert TASKS[JobType(kind)]().prepare(desk, job)
    assert told(server, job.id).total == 1


def steps_until_previewed(server: Inside, running: JobRunner, job_id: str, most: int = 99) -> int:
    """Take steps until a job has its preview, but no more than that; how many those were."""
    for taken in range(most):
        if told(server, job_id).status is not JobStatus.SCHEDULED:
            return taken
        running.step()
    return most


def test_a_preview_is_made_in_steps_between_which_others_take_turns(
    server: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes to the same in fewer steps, and when another server begins it anew."""
    shop = Shop(server.api())
    meter = shop.metered_plan((0, 1))
    for _ in range(5):
        shop.use(1)

    def preview(job_id: str) -> object:
        told = shop.api.get(f"/v1/remeterings/{job_id}").ok()
        return told["preview"], told["accounts"]

    at_once = begin_remetering(server, meter)
    assert steps_until_previewed(server, runner(server, Counting()), at_once) == len(["events", "accounts", "end"])
    monkeypatch.setattr(remetering_task, "EVENTS_AT_ONCE", 2)
    in_steps, other = begin_remetering(server, meter), begin(server)
    assert steps_until_previewed(server, runner(server, Counting(entries=1)), in_steps) == 3 + 2
    assert told(server, other).status is JobStatus.COMPLETED
    interrupted = begin_remetering(server, meter)
    assert steps_until_previewed(server, runner(server, Counting()), interrupted, most=2) == 2
    assert told(server, interrupted).total == 0
    assert steps_until_previewed(server, runner(server, Counting()), interrupted) == 3 + 2
    assert preview(at_once) == preview(in_steps) == preview(interrupted)
    assert told(server, interrupted).total == 1


def test_in_real_time_a_job_runs_by_itself(tmp_path: Path) -> None:
    with inside(tmp_path / "data", now=None) as server:
        shop = Shop(server.api())
        path = "/events/correction?action=UNDO&account_id=nobody&async=true"
        job = shop.api.post(path).ok()["jobId"]
        patience = time.monotonic() + 60
        while shop.api.get(f"/jobs/{job}").ok()["status"] != "COMPLETED":
            assert time.monotonic() < patience
            time.sleep(0.05)
