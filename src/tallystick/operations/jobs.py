"""Jobs: list them, see how far they are, let one run that waits for that, or call it off (domain.md 8.6).

The Togai wire knows some types of jobs only and its client refuses others, so that its routes tell of those alone;
the routes under `/v1` tell of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tallystick.kernel.document import Document, encode
from tallystick.kernel.errors import invalid, not_found
from tallystick.kernel.job import MONEY_TYPES, TOGAI_TYPES, EntryStatus, Job, JobEntry, JobStatus, JobType
from tallystick.kernel.paging import PageRequest
from tallystick.operations.answers import Listed
from tallystick.operations.principals import require_money
from tallystick.operations.work import Work, command, query


class JobSummary(Document, frozen=True, kw_only=True):
    """A job as lists show it."""

    id: str
    type: JobType
    status: JobStatus
    updated_at: datetime


class JobView(JobSummary, frozen=True, kw_only=True):
    """A job with its counters; a pending entry is one that has not come to its end."""

    settled_at: datetime | None = None
    total_job_entries: int
    pending_job_entries: int
    failed_job_entries: int
    completed_job_entries: int
    metadata: Mapping[str, str] = {}


class JobEntryView(Document, frozen=True, kw_only=True):
    """What became of one thing that a job is about; of one that failed, `metadata` says why."""

    entity_id: str
    job_id: str
    status: EntryStatus
    created_at: datetime
    metadata: Mapping[str, str] = {}


class JobStarted(Document, frozen=True, kw_only=True):
    """The answer of what goes on as a job."""

    success: bool
    job_id: str


@query
def list_jobs(work: Work, page: PageRequest) -> Listed[JobSummary]:
    """Page through jobs, newest first; those of types that only /v1 knows are left out."""
    return _listed(work, page, every_type=False)


@query
def list_all_jobs(work: Work, page: PageRequest) -> Listed[JobSummary]:
    """Page through jobs of every type, newest first."""
    return _listed(work, page, every_type=True)


@query
def get_job(work: Work, job_id: str) -> JobView:
    """How far a job is."""
    return told(_togai(work, job_id))


@query
def get_any_job(work: Work, job_id: str) -> JobView:
    """How far a job of any type is."""
    return told(work.state.jobs.get(job_id))


@query
def list_job_entries(work: Work, page: PageRequest, job_id: str) -> Listed[JobEntryView]:
    """Page through what a job is about, and what became of each."""
    return _entries(work, page, _togai(work, job_id))


@query
def list_entries_of_any_job(work: Work, page: PageRequest, job_id: str) -> Listed[JobEntryView]:
    """Page through what a job of any type is about, and what became of each."""
    return _entries(work, page, work.state.jobs.get(job_id))


@command
def confirm_job(work: Work, job_id: str) -> JobView:
    """Let a job run that waits for a confirmation; what touches money needs a key that may do that."""
    return _confirmed(work, _togai(work, job_id))


@command
def confirm_any_job(work: Work, job_id: str) -> JobView:
    """Let a job of any type run that waits for a confirmation; what touches money needs a key that may do that."""
    return _confirmed(work, work.state.jobs.get(job_id))


@command
def reject_job(work: Work, job_id: str) -> JobView:
    """Call off a job that waits for a confirmation; nothing of it has had an effect."""
    return _rejected(work, _togai(work, job_id))


@command
def reject_any_job(work: Work, job_id: str) -> JobView:
    """Call off a job of any type that waits for a confirmation; nothing of it has had an effect."""
    return _rejected(work, work.state.jobs.get(job_id))


def told(job: Job) -> JobView:
    """A job as people see it."""
    return JobView(
        id=job.id,
        type=job.type,
        status=job.status,
        updated_at=job.updated_at,
        settled_at=job.settled_at,
        total_job_entries=job.total,
        pending_job_entries=job.pending,
        failed_job_entries=job.failed,
        completed_job_entries=job.completed,
        metadata=job.metadata,
    )


def started(work: Work, kind: JobType, instructions: Document, *, requires_confirmation: bool, **metadata: str) -> Job:
    """A new job, stored, which the server's own thread begins with once this transaction is committed."""
    job = Job(
        id=work.ids.mint("job"),
        type=kind,
        status=JobStatus.SCHEDULED,
        instructions=encode(instructions).decode(),
        metadata=metadata,
        requires_confirmation=requires_confirmation,
        created_at=work.now,
        updated_at=work.now,
    )
    work.state.jobs.add(job)
    return job


def _listed(work: Work, page: PageRequest, *, every_type: bool) -> Listed[JobSummary]:
    jobs, token = work.state.jobs.page(page, every_type=every_type)
    shown = [JobSummary(id=job.id, type=job.type, status=job.status, updated_at=job.updated_at) for job in jobs]
    return Listed(data=shown, next_token=token)


def _entries(work: Work, page: PageRequest, job: Job) -> Listed[JobEntryView]:
    entries, token = work.state.jobs.page_entries(page, job.id)
    return Listed(data=[_entry(job, entry) for entry in entries], next_token=token)


def _entry(job: Job, entry: JobEntry) -> JobEntryView:
    return JobEntryView(
        entity_id=entry.entity_id,
        job_id=job.id,
        status=entry.status,
        created_at=entry.created_at,
        metadata=entry.metadata,
    )


def _togai(work: Work, job_id: str) -> Job:
    job = work.state.jobs.get(job_id)
    if job.type not in TOGAI_TYPES:
        raise not_found("job", job_id)
    return job


def _confirmed(work: Work, job: Job) -> JobView:
    _refuse_key(work, job)
    _refuse_unless_waiting(job, "confirm")
    running = job.moved(JobStatus.IN_PROGRESS, work.now)
    work.state.jobs.store(running)
    return told(running)


def _rejected(work: Work, job: Job) -> JobView:
    _refuse_key(work, job)
    _refuse_unless_waiting(job, "reject")
    return told(work.state.jobs.close_entries(job.moved(JobStatus.CANCELLED, work.now), EntryStatus.CANCELLED))


def _refuse_unless_waiting(job: Job, verb: str) -> None:
    if job.status is not JobStatus.WAITING_FOR_CONFIRMATION:
        reason = f"job {job.id!r} is {job.status}: only a job that is WAITING_FOR_CONFIRMATION can be {verb}ed"
        raise invalid("", reason)


def _refuse_key(work: Work, job: Job) -> None:
    """What a job does is allowed to the keys that may start it."""
    if job.type in MONEY_TYPES:
        require_money(work, f"a job of type {job.type}")
