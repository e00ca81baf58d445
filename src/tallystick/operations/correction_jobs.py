"""Corrections of all events that match, as a job: any number of them, after the answer, and only when confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tallystick.kernel.document import Document, decode, encode
from tallystick.kernel.ids import event_reference
from tallystick.kernel.job import EntryStatus, Job, JobEntry, JobType
from tallystick.kernel.scope import Scope
from tallystick.metering.columns import EventColumns
from tallystick.metering.correction import CLOSED, DONE, CorrectionAction, CorrectionOutcome, refusal, taken_back_by
from tallystick.metering.event import Event, EventStatus
from tallystick.operations.corrections import (
    CorrectionRequest,
    Matches,
    matches_of,
    order_about,
    replacement_of,
)
from tallystick.operations.jobs import JobStarted, started
from tallystick.operations.work import Work, event_command, needs
from tallystick.stores.event_store import StoredEvent


class Correction(Document, frozen=True, kw_only=True):
    """What a job is to correct: the matches among the events of the log up to a row, as they are found then."""

    action: CorrectionAction
    matches: Matches
    replacement: Event | None = None
    through_row: int

    @classmethod
    def of(cls, job: Job) -> Correction:
        """What a job was started with."""
        return decode(job.instructions, cls)


class Listing(Document, frozen=True, kw_only=True):
    """How far the matches are listed: the position of the last one."""

    last: int | None = None


@needs(Scope.MONEY)
@event_command
def start_correction(
    work: Work,
    draft: CorrectionRequest,
    *,
    action: CorrectionAction,
    account_id: str | None = None,
    id: str | None = None,
    event_id: str | None = None,
    event_source_time: datetime | None = None,
    created_at: datetime | None = None,
    require_confirmation: bool = False,
) -> JobStarted:
    """Correct all events of an account that match, by a job; when asked for, only once that is confirmed."""
    matches = matches_of(work, draft, account_id, id, event_id, event_source_time, created_at)
    correction = Correction(
        action=action,
        matches=matches,
        replacement=replacement_of(work, draft, action, matches),
        through_row=work.log.end(),
    )
    job = started(
        work,
        JobType.EVENT_CORRECTIONS,
        correction,
        requires_confirmation=require_confirmation,
        action=action,
        accountId=matches.account_id,
    )
    return JobStarted(success=True, job_id=job.id)


def next_matches(work: Work, job: Job, size: int) -> list[StoredEvent]:
    """The matches of a job that are not among its entries yet, the next ones of so many."""
    correction = Correction.of(job)
    last = Listing() if job.progress is None else decode(job.progress, Listing)
    seen = [] if last.last is None else work.events.events_at(work.organisation.id, [last.last])
    return correction.matches.found(work, size, through_row=correction.through_row, after=seen[0] if seen else None)


def listed_until(event: StoredEvent) -> str:
    """The progress of a job whose matches are listed up to this one."""
    return encode(Listing(last=event.position)).decode()


def entry_about(work: Work, event: StoredEvent, number: int) -> JobEntry:
    """The entry of a job about one event: its reference id, and beside it the id it was sent with."""
    return JobEntry(
        number=number,
        entity_id=event_reference(event.reserved, work.secret),
        reference=event.position,
        metadata={} if event.event.id is None else {"eventId": event.event.id},
        created_at=work.now,
    )


def orders_about(work: Work, job: Job, events: Sequence[StoredEvent]) -> list[EventColumns]:
    """The orders that correct those of these events that can be corrected as they are now.

    An event is replaced once: by the order about the first one, while nothing of the job is done.
    """
    correction = Correction.of(job)
    able = [event for event in events if refusal(event.status, correction.action) is None]
    return [
        order_about(work, event, correction.action, correction.replacement if not job.completed else None, job.id)
        for event in able
    ]


def outcome_of(job: Job, entry: JobEntry, event: StoredEvent) -> JobEntry:
    """The entry with what became of its event: corrected by this job, or the reason why not."""
    action = Correction.of(job).action
    if event.status is EventStatus.REVERTED and event.status_description == taken_back_by(job.id):
        return entry.moved(EntryStatus.COMPLETED, outcome=DONE[action][0])
    return entry.moved(
        EntryStatus.FAILED, outcome=CorrectionOutcome.FAILED, reason=refusal(event.status, action) or CLOSED
    )


def at_once(job: Job, most: int) -> int:
    """How many events may be corrected together: one by one, as long as one of them has to be replaced."""
    return 1 if Correction.of(job).action is CorrectionAction.REDO_EVENT and not job.completed else most
