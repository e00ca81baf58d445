"""What the work on one job stands on: transactions of its organisation, and orders in the event log."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.stores import faults
from tallystick.workers.background import LOOK_EVERY_SECONDS

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence

    from tallystick.engine import Engine
    from tallystick.kernel.job import Job
    from tallystick.metering.catalogue import Catalogue, CatalogueSource
    from tallystick.metering.columns import EventColumns
    from tallystick.operations.work import Work

ACTOR: Final = "jobs"


class Desk:
    """One job's view of the server; each transaction is one step, and what a step has done stays done."""

    def __init__(
        self,
        engine: Engine,
        catalogues: CatalogueSource,
        organisation: str,
        job_id: str,
        stopping: threading.Event,
        processing_failure: Callable[[], str | None],
    ) -> None:
        self._engine = engine
        self._catalogues = catalogues
        self._organisation = organisation
        self._job_id = job_id
        self._stopping = stopping
        self._processing_failure = processing_failure

    @contextmanager
    def reading(self) -> Iterator[Work]:
        """A snapshot of the organisation."""
        self.refuse_when_stopping()
        with self._engine.work_for(self._organisation, ACTOR, writes=False) as (work, _):
            yield work

    def catalogue(self, schema_names: set[str], account_refs: set[str]) -> Catalogue:
        """What events of the organisation are judged by, as it is now."""
        return self._catalogues.snapshot(self._organisation, schema_names, account_refs)

    @contextmanager
    def writing(self) -> Iterator[tuple[Work, Job]]:
        """One transaction of the organisation, with the job as it is in it; committed at the end."""
        with self._engine.work_for(self._organisation, ACTOR, writes=True) as (work, _):
            job = work.state.jobs.get(self._job_id)
            yield work, replace(job, updated_at=work.now)

    def order(self, blocks: Sequence[EventColumns]) -> None:
        """Put orders into the event log, and wait until they are carried out.

        Raises:
            BillingError: of kind UNAVAILABLE, when events cannot be processed or the server stops meanwhile; what is
                in the log is carried out all the same, and may be ordered again.
        """
        rows = [self._engine.log.append(block) for block in blocks]
        if rows:
            self.pass_row(max(row.result() for row in rows))
        faults.reach(faults.JOB_ORDERED)

    def pass_row(self, row: int) -> None:
        """Wait, without a time limit, until a row of the log is processed.

        Raises:
            BillingError: of kind UNAVAILABLE, when events cannot be processed or the server stops meanwhile.
        """
        while not self._engine.events.wait_until(row, LOOK_EVERY_SECONDS):
            self.refuse_when_stopping()
            if self._processing_failure() is not None:
                raise _interrupted("events cannot be processed now")

    def refuse_when_stopping(self) -> None:
        """Go on only while the server does.

        Raises:
            BillingError: of kind UNAVAILABLE, when the server stops.
        """
        if self._stopping.is_set():
            raise _interrupted("the server is shutting down")


class Task(Protocol):
    """What jobs of one type do, step by step; a step that is taken again, after a crash, changes nothing."""

    def prepare(self, desk: Desk, job: Job) -> bool:
        """List further entries of a job; whether that were the last ones."""
        ...

    def carry_out(self, desk: Desk, job: Job) -> bool:
        """Carry out further entries of a job; whether all have come to their end."""
        ...


def _interrupted(reason: str) -> BillingError:
    return BillingError(Kind.UNAVAILABLE, "job_interrupted", Problem("", f"jobs have to wait: {reason}"))
