"""Remeterings: start to meter the past of a usage meter anew, and see what that changes (ADR 0018)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from tallystick.catalog.fields import Lifecycle
from tallystick.catalog.usage_meter import Aggregation
from tallystick.kernel.document import Document, Draft, decode
from tallystick.kernel.errors import Problem, invalid, not_found, refuse_if_any
from tallystick.kernel.job import Job, JobEntry, JobStatus, JobType
from tallystick.kernel.paging import PageRequest
from tallystick.kernel.period import Period, in_utc
from tallystick.kernel.quantity import ZERO
from tallystick.kernel.scope import Scope
from tallystick.operations.jobs import JobStarted, started
from tallystick.operations.usage_meters import live_meter
from tallystick.operations.work import Work, event_command, needs, query

MOST_ACCOUNTS = 1000


class RemeteringDraft(Draft, frozen=True, kw_only=True):
    """What `POST /v1/usage-meters/{id}/remeterings` takes: which events, by when they happened and by account."""

    since: datetime = msgspec.field(name="from")
    until: datetime = msgspec.field(name="to")
    account_ids: Annotated[list[str], Meta(min_length=1, max_length=MOST_ACCOUNTS)] | None = None


class Remetering(Document, frozen=True, kw_only=True):
    """What a job is to meter anew: a meter in one version, and the events of its schema in the log up to a row.

    The meter's aggregation is told where its units do not add up.
    """

    usage_meter_id: str
    usage_meter_name: str
    usage_meter_version: int
    usage_meter_aggregation: Aggregation | None = None
    event_schema_name: str
    since: datetime
    until: datetime
    account_ids: list[str] | None = None
    through_row: int

    @classmethod
    def of(cls, job: Job) -> Remetering:
        """What a job was started with."""
        return decode(job.instructions, cls)

    @property
    def span(self) -> Period:
        """When the events happened."""
        return Period(self.since, self.until)


class ChangedEvent(Document, frozen=True, kw_only=True):
    """An event that comes to count, or ceases to."""

    reference_id: str
    event_id: str | None = None
    account_id: str
    timestamp: datetime
    reason: str


class RemeteringTotals(Document, frozen=True, kw_only=True, omit_defaults=False):
    """What becomes of events: how many change, and how many stay because their cycle is closed.

    Of those that change, `nowCounted` failed for their units and count from now on; `noLongerCounted` the reverse.
    `difference` are units of the meter; null where they do not add up, as of a maximum: then each account tells.
    """

    changed_events: int = 0
    now_counted: int = 0
    no_longer_counted: int = 0
    closed_events: int = 0
    difference: Decimal | None = ZERO

    def plus(self, other: RemeteringTotals) -> RemeteringTotals:
        """Both together."""
        return RemeteringTotals(
            changed_events=self.changed_events + other.changed_events,
            now_counted=self.now_counted + other.now_counted,
            no_longer_counted=self.no_longer_counted + other.no_longer_counted,
            closed_events=self.closed_events + other.closed_events,
            difference=None
            if self.difference is None or other.difference is None
            else self.difference + other.difference,
        )


class ChangedInvoice(Document, frozen=True, kw_only=True, omit_defaults=False):
    """A draft invoice of an account, and what it comes to before and after; null where it cannot be billed."""

    invoice_id: str
    invoice_type: str
    start_date: date
    end_date: date
    currency: str
    amount_before: Decimal | None
    amount_after: Decimal | None


class AccountRemetering(Document, frozen=True, kw_only=True, omit_defaults=False):
    """What metering anew changes for one account; units are those of the meter in the whole span that was asked for."""

    account_id: str
    changed_events: int
    closed_events: int
    units_before: Decimal
    units_after: Decimal
    difference: Decimal
    invoices: list[ChangedInvoice]


class RemeteringPreview(RemeteringTotals, frozen=True, kw_only=True, omit_defaults=False):
    """What metering anew would change, with the first of the events that come to count or cease to."""

    first_now_counted: list[ChangedEvent] = []
    first_no_longer_counted: list[ChangedEvent] = []


class Chunk(Document, frozen=True, kw_only=True):
    """A portion of events that is being ordered: those that change, and the position of the last one looked at."""

    positions: list[int]
    through: int
    totals: RemeteringTotals


class RemeteringProgress(Document, frozen=True, kw_only=True):
    """How far a job is: what was previewed, what is carried out, and the portion at hand."""

    preview: RemeteringPreview
    result: RemeteringTotals = RemeteringTotals()
    after: int = -1
    chunk: Chunk | None = None

    @classmethod
    def of(cls, job: Job) -> RemeteringProgress | None:
        """How far a job is; None, while its preview is being made."""
        return None if job.progress is None else decode(job.progress, cls)


class RemeteringView(Document, frozen=True, kw_only=True, omit_defaults=False):
    """A remetering: what it would change, and what it has changed so far; a page of its accounts."""

    job_id: str
    status: JobStatus
    usage_meter_id: str
    usage_meter_name: str
    usage_meter_version: int
    since: datetime = msgspec.field(name="from")
    until: datetime = msgspec.field(name="to")
    preview: RemeteringPreview | None
    result: RemeteringTotals | None
    accounts: list[AccountRemetering]
    next_token: str | None


@needs(Scope.MONEY)
@event_command
def start_remetering(work: Work, usage_meter_id: str, draft: RemeteringDraft) -> JobStarted:
    """Let a job compute what the meter, as it is now, makes of the events of a span of time, and wait.

    Nothing changes until the job is confirmed. Read what it would change at /v1/remeterings/{jobId}; events of cycles
    whose invoice is frozen stay as they are.
    """
    meter = live_meter(work, usage_meter_id)
    if meter.status is not Lifecycle.ACTIVE:
        raise invalid("", f"usage meter {meter.id!r} is {meter.status}: activate it first")
    if meter.event_schema_name is None:
        raise invalid("", f"usage meter {meter.id!r} reads no event schema: there are no events to meter anew")
    since, until = in_utc(draft.since, "from"), in_utc(draft.until, "to")
    if since >= until:
        raise invalid("to", f"{until.isoformat()} must lie after from: it is the first instant that does not count")
    _refuse_unknown(work, draft.account_ids or [])
    remetering = Remetering(
        usage_meter_id=meter.id,
        usage_meter_name=meter.name,
        usage_meter_version=meter.version,
        usage_meter_aggregation=None if meter.aggregation.adds_up else meter.aggregation,
        event_schema_name=meter.event_schema_name,
        since=since,
        until=until,
        account_ids=draft.account_ids,
        through_row=work.log.end(),
    )
    span = {"from": since.isoformat(), "to": until.isoformat()}
    job = started(work, JobType.REMETERING, remetering, requires_confirmation=True, usageMeterId=meter.id, **span)
    return JobStarted(success=True, job_id=job.id)


@query
def get_remetering(work: Work, page: PageRequest, remetering_id: str) -> RemeteringView:
    """What metering anew would change, in all and account by account, and what it has changed; named by its job."""
    job = work.state.jobs.get(remetering_id)
    if job.type is not JobType.REMETERING:
        raise not_found("remetering", remetering_id)
    asked, progress = Remetering.of(job), RemeteringProgress.of(job)
    entries, token = work.state.jobs.page_entries(page, job.id)
    has_run = job.status in {JobStatus.IN_PROGRESS, JobStatus.COMPLETED, JobStatus.FAILED}
    return RemeteringView(
        job_id=job.id,
        status=job.status,
        usage_meter_id=asked.usage_meter_id,
        usage_meter_name=asked.usage_meter_name,
        usage_meter_version=asked.usage_meter_version,
        since=asked.since,
        until=asked.until,
        preview=None if progress is None else progress.preview,
        result=progress.result if progress is not None and has_run else None,
        accounts=[_account(entry) for entry in entries],
        next_token=token,
    )


def _account(entry: JobEntry) -> AccountRemetering:
    return decode(entry.details or "", AccountRemetering)


def _refuse_unknown(work: Work, account_ids: list[str]) -> None:
    known = work.state.accounts.among(account_ids)
    refuse_if_any(
        [
            Problem(f"accountIds[{index}]", f"account {name!r} not found")
            for index, name in enumerate(account_ids)
            if name not in known
        ]
    )
