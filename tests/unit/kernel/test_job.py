"""Where a job and its entries may go from where they stand (domain.md 1.4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tallystick.kernel.errors import BillingError
from tallystick.kernel.job import EntryStatus, Job, JobEntry, JobStatus, JobType

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)
JOB = Job(
    id="job.1",
    type=JobType.BILL_RUN,
    status=JobStatus.SCHEDULED,
    instructions="{}",
    created_at=NOW,
    updated_at=NOW,
)
STEPS = {
    "SCHEDULED": {"INITIALIZED", "FAILED"},
    "PENDING": {"INITIALIZED", "FAILED"},
    "INITIALIZED": {"WAITING_FOR_CONFIRMATION", "IN_PROGRESS", "FAILED"},
    "WAITING_FOR_CONFIRMATION": {"IN_PROGRESS", "CANCELLED"},
    "IN_PROGRESS": {"COMPLETED", "FAILED"},
    "COMPLETED": set(),
    "FAILED": set(),
    "CANCELLED": set(),
}
ENTRY_STEPS = {
    "PENDING": {"IN_PROGRESS", "FAILED", "CANCELLED"},
    "IN_PROGRESS": {"COMPLETED", "FAILED"},
    "COMPLETED": set(),
    "FAILED": set(),
    "CANCELLED": set(),
}


@pytest.mark.parametrize("to", JobStatus)
@pytest.mark.parametrize("status", JobStatus)
def test_a_job_goes_along_these_steps_and_no_others(status: JobStatus, to: JobStatus) -> None:
    job = replace(JOB, status=status)
    if to in STEPS[status]:
        moved = job.moved(to, LATER)
        assert (moved.status, moved.updated_at) == (to, LATER)
        assert moved.settled_at == (None if STEPS[to] else LATER)
    else:
        with pytest.raises(BillingError, match=f"it cannot become {to}"):
            job.moved(to, LATER)


@pytest.mark.parametrize("to", EntryStatus)
@pytest.mark.parametrize("status", EntryStatus)
def test_an_entry_goes_along_these_steps_and_no_others(status: EntryStatus, to: EntryStatus) -> None:
    entry = JobEntry(number=1, entity_id="e", status=status, metadata={"a": "b"}, created_at=NOW)
    if to in ENTRY_STEPS[status]:
        assert entry.moved(to, reason="why").metadata == {"a": "b", "reason": "why"}
    else:
        with pytest.raises(ValueError, match=f"it cannot become {to}"):
            entry.moved(to)


@pytest.mark.parametrize("status", [EntryStatus.PENDING, EntryStatus.IN_PROGRESS])
def test_an_entry_that_was_begun_can_be_begun_again(status: EntryStatus) -> None:
    entry = JobEntry(number=1, entity_id="e", status=status, created_at=NOW)
    assert entry.begun() == replace(entry, status=EntryStatus.IN_PROGRESS)


def test_only_a_job_that_waits_for_a_confirmation_waits_for_somebody() -> None:
    waiting = {"WAITING_FOR_CONFIRMATION", "COMPLETED", "FAILED", "CANCELLED"}
    assert {status for status in JobStatus if not status.is_runnable} == waiting


@pytest.mark.parametrize(
    ("completed", "failed", "outcome"),
    [(0, 0, "COMPLETED"), (3, 0, "COMPLETED"), (1, 2, "COMPLETED"), (0, 3, "FAILED")],
)
def test_a_job_has_failed_when_nothing_of_it_was_completed(completed: int, failed: int, outcome: str) -> None:
    job = replace(JOB, total=5, completed=completed, failed=failed)
    assert (job.outcome, job.pending) == (outcome, 5 - completed - failed)
