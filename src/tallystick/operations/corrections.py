"""Corrections: take events back, or take them back and send them again, while their cycle is open (domain.md 2.8).

A correction is an order in the event log like any event: it is durable before it is answered, is carried out once and
in its place among the events, and leaves what was there before as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from tallystick.kernel.document import Document, Draft
from tallystick.kernel.errors import BillingError, Kind, Problem, invalid
from tallystick.kernel.ids import event_reference, reserved_of
from tallystick.kernel.period import in_utc
from tallystick.kernel.scope import Scope
from tallystick.metering.columns import EventColumns
from tallystick.metering.correction import CLOSED, DONE, CorrectionAction, CorrectionOutcome, refusal
from tallystick.metering.event import Event, EventStatus, timely
from tallystick.metering.event_view import EventView
from tallystick.operations.events import view
from tallystick.operations.work import Work, log_command, needs
from tallystick.stores.event_store import StoredEvent

MOST_AT_ONCE: Final = 30
"""Events that are corrected while the caller waits."""

PATIENCE_S: Final = 30


class CorrectionRequest(Draft, frozen=True, kw_only=True):
    """What `POST /events/correction` takes: for REDO_EVENT the event that comes in the place of the other."""

    event: Event | UnsetType = UNSET


class CorrectionInfo(EventView, frozen=True, kw_only=True):
    """One event that was to be corrected, and what became of that."""

    status: CorrectionOutcome
    reason: str


class CorrectionList(Document, frozen=True, kw_only=True, omit_defaults=False):
    """The answer of `POST /events/correction`."""

    data: list[CorrectionInfo]


class Matches(Document, frozen=True, kw_only=True):
    """Which events a correction is about: those of an account, and of those what the other filters leave."""

    account_id: str
    reserved: int | None = None
    event_id: str | None = None
    event_at: datetime | None = None
    received_at: datetime | None = None

    def found(
        self, work: Work, size: int, *, through_row: int | None = None, after: StoredEvent | None = None
    ) -> list[StoredEvent]:
        """The next of these events by event time, newest first, behind one of them, from the log up to a row."""
        return work.events.events_matching(
            work.organisation.id,
            self.account_id,
            reserved=self.reserved,
            event_id=self.event_id,
            event_at=self.event_at,
            received_at=self.received_at,
            through_row=through_row,
            after=None if after is None else (after.event.timestamp, after.event.id or "", after.position),
            size=size,
        )


@needs(Scope.MONEY)
@log_command
def correct_events(
    work: Work,
    draft: CorrectionRequest,
    *,
    action: CorrectionAction,
    account_id: str | None = None,
    id: str | None = None,
    event_id: str | None = None,
    event_source_time: datetime | None = None,
    created_at: datetime | None = None,
) -> CorrectionList:
    """Correct the events of an account that match, at most the first 30 by event time, newest first.

    With `async=true` all that match are corrected, by a job that is answered with 202 and found under /jobs; with
    `require_confirmation=true` that job lists them and waits until it is confirmed.
    """
    matches = matches_of(work, draft, account_id, id, event_id, event_source_time, created_at)
    replacement = replacement_of(work, draft, action, matches)
    found = matches.found(work, MOST_AT_ONCE)
    ordered = [event for event in found if refusal(event.status, action) is None]
    _carry_out(
        work, [order_about(work, event, action, replacement if event is ordered[0] else None) for event in ordered]
    )
    after = {
        event.position: event for event in work.events.events_at(work.organisation.id, [e.position for e in found])
    }
    return CorrectionList(data=[_told(work, event, after[event.position], action) for event in found])


def matches_of(
    work: Work,
    draft: CorrectionRequest,
    account_id: str | None,
    reference: str | None,
    event_id: str | None,
    event_source_time: datetime | None,
    created_at: datetime | None,
) -> Matches:
    """What is asked for; what the query does not say is taken from the event in the body.

    Raises:
        BillingError: of kind INVALID, for filters that do not go together.
    """
    if not isinstance(draft.event, UnsetType):
        account_id = account_id or draft.event.account_id
        if reference is None and event_id is None and event_source_time is None:
            event_id = draft.event.id
    if not account_id:
        raise invalid("account_id", "is missing: say whose events are to be corrected")
    given = {
        name
        for name, value in (
            ("id", reference),
            ("event_id", event_id),
            ("event_source_time", event_source_time),
            ("created_at", created_at),
        )
        if value is not None
    }
    if given not in _FILTERS:
        offered = "; ".join(" + ".join(sorted(one)) for one in _FILTERS if one)
        raise invalid(min(given), f"these filters do not go together: beside account_id, send one of: {offered}")
    reserved = None
    if reference is not None:
        reserved = reserved_of(reference)
        if reserved is None or event_reference(reserved, work.secret) != reference:
            reserved = -1  # no event has it: nothing matches
    return Matches(
        account_id=account_id,
        reserved=reserved,
        event_id=event_id,
        event_at=None if event_source_time is None else in_utc(event_source_time, "event_source_time"),
        received_at=None if created_at is None else in_utc(created_at, "created_at"),
    )


_FILTERS: Final[tuple[set[str], ...]] = (
    set(),
    {"id"},
    {"event_id"},
    {"event_source_time"},
    {"event_id", "created_at"},
    {"event_id", "event_source_time"},
)


def replacement_of(work: Work, draft: CorrectionRequest, action: CorrectionAction, matches: Matches) -> Event | None:
    """The event that comes in the place of another, for REDO_EVENT.

    Raises:
        BillingError: of kind INVALID, when it is missing, or has another id than the one that it replaces; of kind
            UNPROCESSABLE, when it lies too far in the future.
    """
    if action is not CorrectionAction.REDO_EVENT:
        return None
    if isinstance(draft.event, UnsetType):
        raise invalid("event", "is missing: REDO_EVENT needs the event that comes in the place of the other")
    if matches.event_id is not None and draft.event.id != matches.event_id:
        raise invalid("event.id", f"is {draft.event.id!r}, expected {matches.event_id!r}: the event keeps its id")
    return msgspec.structs.replace(draft.event, timestamp=timely(draft.event.timestamp, work.latest_event_at))


def order_about(
    work: Work, event: StoredEvent, action: CorrectionAction, replacement: Event | None, ordered_by: str = ""
) -> EventColumns:
    """The order about one event; of several that one event replaces, the first is replaced and the others end."""
    again = event.event if action is CorrectionAction.REDO else replacement
    columns = EventColumns.of([] if again is None else [again], work.organisation.id, event.source)
    return msgspec.structs.replace(columns, undone=[event.position], ordered_by=ordered_by)


def _carry_out(work: Work, orders: Sequence[EventColumns]) -> None:
    """Append orders, and wait until they are carried out.

    Raises:
        BillingError: of kind UNAVAILABLE, when that takes too long or cannot be done now; they are carried out all the
            same.
    """
    rows = [work.log.append(order) for order in orders]
    last = max((row.result() for row in rows), default=0)
    if not work.events.watermark.wait_until(last, PATIENCE_S, while_it_rises=True):
        reason = "the correction is taken and will be carried out: read the events in a moment"
        raise BillingError(Kind.UNAVAILABLE, "correction_pending", Problem("", reason))


def _told(work: Work, before: StoredEvent, after: StoredEvent, action: CorrectionAction) -> CorrectionInfo:
    shown = view(work, after)
    outcome, reason = DONE[action]
    if before.status is EventStatus.REVERTED or after.status is not EventStatus.REVERTED:
        outcome, reason = CorrectionOutcome.FAILED, refusal(before.status, action) or CLOSED
    fields = {field: getattr(shown, field) for field in EventView.__struct_fields__}
    return CorrectionInfo(**fields, status=outcome, reason=reason)
