"""The running of jobs: what was started goes on step by step, whatever interrupts it.

A job goes from step to step by what is stored of it alone, so a server that starts again goes on where the last one
stood. Jobs that run at the same time take turns.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.job import JobStatus
from tallystick.stores import faults
from tallystick.stores.state import jobs
from tallystick.stores.state.catalogues import StateCatalogues
from tallystick.workers.background import Background
from tallystick.workers.job_desk import Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tallystick.engine import Engine
    from tallystick.kernel.job import Job, JobType
    from tallystick.workers.job_desk import Task

MOST_TRIES: Final = 3
"""How often in a row a step may break before the job has failed."""

BROKEN: Final = "the job broke off; the server's log says why"
_log = logging.getLogger("tallystick.jobs")


class JobRunner(Background):
    """Goes on with jobs, those that were there already and those that are started."""

    def __init__(
        self, engine: Engine, tasks: Mapping[JobType, Task], processing_failure: Callable[[], str | None]
    ) -> None:
        super().__init__(engine, processing_failure, "jobs", _log, "jobs cannot go on; trying again")
        self._tasks = tasks
        self._catalogues = StateCatalogues(engine.database)
        self._broken: dict[str, int] = {}

    def catch_up(self) -> None:
        """Take steps, in turns, until no job has anything to do any more.

        Raises:
            BillingError: of kind UNAVAILABLE, when events cannot be processed or the server stops meanwhile.
        """
        while self.step():
            pass

    def step(self) -> bool:
        """Take one step of each job that can go on; whether there was one.

        Raises:
            BillingError: as `catch_up`.
        """
        with self._one_run:
            with self._engine.database.read() as connection:
                found = jobs.unsettled(connection)
            for organisation, job_id in found:
                self._step(organisation, job_id)
            return bool(found)

    def _step(self, organisation: str, job_id: str) -> None:
        desk = Desk(self._engine, self._catalogues, organisation, job_id, self._stopping, self._processing_failure)
        try:
            with desk.reading() as work:
                job = work.state.jobs.get(job_id)
            self._advance(desk, job)
            self._broken.pop(job_id, None)
        except Exception as failure:
            if isinstance(failure, BillingError) and failure.kind is Kind.UNAVAILABLE:
                raise
            self._break(desk, job_id, failure)

    def _advance(self, desk: Desk, job: Job) -> None:
        """One step of a job, from where it stands."""
        task = self._tasks[job.type]
        if job.status is JobStatus.IN_PROGRESS:
            if task.carry_out(desk, job):
                with desk.writing() as (work, last):
                    work.state.jobs.store(last.moved(last.outcome, work.now))
        elif job.status is not JobStatus.INITIALIZED:
            if task.prepare(desk, job):
                self._move(desk, JobStatus.INITIALIZED)
        else:
            waits = job.requires_confirmation
            self._move(desk, JobStatus.WAITING_FOR_CONFIRMATION if waits else JobStatus.IN_PROGRESS)
        faults.reach(faults.JOB_STEP_TAKEN)

    def _move(self, desk: Desk, status: JobStatus, **metadata: str) -> None:
        with desk.writing() as (work, job):
            work.state.jobs.store(job.moved(status, work.now).saying(**metadata))

    def _break(self, desk: Desk, job_id: str, failure: Exception) -> None:
        """Try a step that broke again for a few times; a refusal is final at once, and says itself why."""
        self._broken[job_id] = self._broken.get(job_id, 0) + 1
        if isinstance(failure, BillingError):
            self._move(desk, JobStatus.FAILED, reason=failure.message)
        else:
            _log.error("job %s broke off", job_id, exc_info=failure)
            if self._broken[job_id] < MOST_TRIES:
                return
            self._move(desk, JobStatus.FAILED, reason=BROKEN)
        del self._broken[job_id]
