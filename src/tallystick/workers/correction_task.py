"""Jobs that correct events: their matches are listed, then ordered to be corrected in the event log, in portions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tallystick.kernel.job import EntryStatus
from tallystick.operations.correction_jobs import (
    Correction,
    at_once,
    entry_about,
    listed_until,
    next_matches,
    orders_about,
    outcome_of,
)

if TYPE_CHECKING:
    from tallystick.kernel.job import Job
    from tallystick.workers.job_desk import Desk

LISTED_AT_ONCE: Final = 1_000
CORRECTED_AT_ONCE: Final = 500
_OPEN: Final = (EntryStatus.IN_PROGRESS, EntryStatus.PENDING)


class CorrectionTask:
    """Corrects events, each by an order of its own; an order that is given again, after a crash, changes nothing."""

    def prepare(self, desk: Desk, job: Job) -> bool:
        """List the next matches as entries; whether those were the last ones."""
        desk.pass_row(Correction.of(job).through_row)
        with desk.reading() as work:
            found = next_matches(work, job, LISTED_AT_ONCE)
        if found:
            with desk.writing() as (work, current):
                entries = [entry_about(work, event, current.total + place) for place, event in enumerate(found)]
                work.state.jobs.add_entries(replace(current, progress=listed_until(found[-1])), entries)
        return len(found) < LISTED_AT_ONCE

    def carry_out(self, desk: Desk, job: Job) -> bool:
        """Correct the events of the next entries; whether there were none any more.

        Entries are in progress from before their orders until after: those are ordered again after a crash, and
        whether it was this job that took an event back stands in the event's own outcome.
        """
        with desk.writing() as (work, current):
            entries = work.state.jobs.next_entries(job.id, _OPEN, at_once(job, CORRECTED_AT_ONCE))
            if not entries:
                return True
            entries = [entry.begun() for entry in entries]
            work.state.jobs.move_entries(current, entries)
        positions = [entry.reference for entry in entries if entry.reference is not None]
        with desk.reading() as work:
            orders = orders_about(work, job, work.events.events_at(work.organisation.id, positions))
        desk.order(orders)
        with desk.reading() as work:
            after = {event.position: event for event in work.events.events_at(work.organisation.id, positions)}
        with desk.writing() as (work, current):
            settled = [outcome_of(job, entry, after[entry.reference or 0]) for entry in entries]
            work.state.jobs.move_entries(current, settled)
        return False
