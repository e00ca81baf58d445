"""Jobs that move accounts to other plan versions: they are listed, then moved, each in a transaction of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.job import EntryStatus
from tallystick.operations.plan_migrations import accounts_to_migrate, listed_until, migrate_account
from tallystick.stores import faults

if TYPE_CHECKING:
    from tallystick.kernel.job import Job, JobEntry
    from tallystick.workers.job_desk import Desk

LISTED_AT_ONCE: Final = 1_000
MOVED_AT_ONCE: Final = 20


class MigrationTask:
    """Moves accounts; one that was moved is settled in the same transaction, so that none moves twice."""

    def prepare(self, desk: Desk, job: Job) -> bool:
        """List the next accounts as entries; whether those were the last ones."""
        with desk.reading() as work:
            found = accounts_to_migrate(work, job, LISTED_AT_ONCE)
        if found:
            with desk.writing() as (work, current):
                work.state.jobs.add_entries(replace(current, progress=listed_until(found[-1])), found)
        return len(found) < LISTED_AT_ONCE

    def carry_out(self, desk: Desk, job: Job) -> bool:
        """Move the next accounts; whether there were none any more."""
        with desk.reading() as work:
            entries = work.state.jobs.next_entries(job.id, [EntryStatus.PENDING], MOVED_AT_ONCE)
            row = work.log.barrier()
        desk.pass_row(row)  # events that came before are judged by the timelines that stood then
        for entry in entries:
            self._move(desk, entry)
        return not entries

    def _move(self, desk: Desk, entry: JobEntry) -> None:
        """Move one account; one that cannot be moved says why, and holds nothing up."""
        try:
            with desk.writing() as (work, job):
                work.state.jobs.move_entries(job, [migrate_account(work, job, entry)])
                faults.reach(faults.MOVE_BEFORE_COMMIT)
        except BillingError as refused:
            if refused.kind is Kind.UNAVAILABLE:
                raise
            with desk.writing() as (work, job):
                failed = entry.moved(EntryStatus.FAILED, outcome="FAILED", reason=refused.message)
                work.state.jobs.move_entries(job, [failed])
