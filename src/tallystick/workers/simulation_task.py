"""Jobs that price past cycles by other terms: accounts are listed as entries, then compared, in portions.

What is found for a portion is stored in the transaction in which its entries come to their end: each account counts
once, whatever interrupts the job, and a portion that is begun again has left nothing behind.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.invoicing.comparison import added
from tallystick.kernel.document import encode
from tallystick.kernel.job import EntryStatus, JobEntry
from tallystick.operations.simulated_revenue import next_accounts, simulated
from tallystick.operations.simulations import Simulation, SimulationProgress

if TYPE_CHECKING:
    from tallystick.kernel.job import Job
    from tallystick.operations.simulated_revenue import Simulated
    from tallystick.workers.job_desk import Desk

LISTED_AT_ONCE: Final = 5_000
COMPARED_AT_ONCE: Final = 2_500
"""So many accounts share one query of their usage."""

_LOOK_EVERY: Final = 100
_OPEN: Final = (EntryStatus.PENDING,)


class SimulationTask:
    """Compares what accounts paid with what they would have paid; nothing that is billed changes."""

    def prepare(self, desk: Desk, job: Job) -> bool:
        """List the next accounts as entries; whether those were the last ones."""
        asked, progress = Simulation.of(job), SimulationProgress.of(job)
        desk.pass_row(asked.through_row)
        with desk.reading() as work:
            found = next_accounts(work, asked, progress.listed, LISTED_AT_ONCE)
        if found:
            with desk.writing() as (work, current):
                entries = [
                    JobEntry(number=current.total + place, entity_id=name, created_at=work.now)
                    for place, name in enumerate(found)
                ]
                listed = msgspec.structs.replace(progress, listed=found[-1])
                work.state.jobs.add_entries(replace(current, progress=_text(listed)), entries)
        return len(found) < LISTED_AT_ONCE

    def carry_out(self, desk: Desk, job: Job) -> bool:
        """Compare the next accounts; whether there were none any more."""
        found: list[Simulated] = []
        with desk.reading() as work:
            entries = work.state.jobs.next_entries(job.id, _OPEN, COMPARED_AT_ONCE)
            if not entries:
                return True
            for one in simulated(work, Simulation.of(job), [entry.entity_id for entry in entries]):
                if len(found) % _LOOK_EVERY == 0:
                    desk.refuse_when_stopping()
                found.append(one)
        comparisons = [one.comparison for one in found if one.comparison is not None]
        with desk.writing() as (work, current):
            progress = SimulationProgress.of(current)
            totals = msgspec.structs.replace(progress, totals=added(progress.totals, comparisons))
            work.state.simulations.add(job.id, comparisons)
            settled = [_settled(entry, one) for entry, one in zip(entries, found, strict=True)]
            work.state.jobs.move_entries(replace(current, progress=_text(totals)), settled)
        return False


def _settled(entry: JobEntry, found: Simulated) -> JobEntry:
    """An entry at its end: what kept an account from being compared stands in what it says."""
    if found.failure is not None:
        return entry.begun().moved(EntryStatus.FAILED, reason=found.failure)
    cycles = 0 if found.comparison is None else found.comparison.cycles
    return entry.begun().moved(EntryStatus.COMPLETED, cycles=str(cycles))


def _text(progress: SimulationProgress) -> str:
    return encode(progress).decode()
