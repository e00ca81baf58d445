"""Taking events in: they are checked for shape, appended durably, and acknowledged. Nothing is looked up here."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tallystick.engine.engine import Answer, Request
from tallystick.kernel.document import Document, encode
from tallystick.kernel.errors import BillingError, Kind, Problem, invalid
from tallystick.kernel.period import in_utc
from tallystick.kernel.scope import Scope
from tallystick.kernel.shapes import shape_error
from tallystick.metering.columns import EventColumns
from tallystick.metering.event import MAX_BATCH, NEARLY_A_SECOND, Event, EventSource, never_rounded_up
from tallystick.operations.work import Work, command

if TYPE_CHECKING:
    from concurrent.futures import Future

    from tallystick.engine.engine import Engine
    from tallystick.engine.gatekeeper import Caller

FURTHEST_AHEAD: Final = timedelta(hours=24)
"""How far in the future an event may lie in real time (domain.md 2.2)."""

_END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)


class SingleEvent(msgspec.Struct, forbid_unknown_fields=True):
    """What `POST /ingest` takes."""

    event: Event


class _RawSingle(msgspec.Struct, forbid_unknown_fields=True):
    event: msgspec.Raw


class EventBatch(msgspec.Struct, forbid_unknown_fields=True):
    """What `POST /ingestBatch` takes."""

    events: Annotated[list[Event], Meta(min_length=1, max_length=MAX_BATCH)]


class _RawBatch(msgspec.Struct, forbid_unknown_fields=True):
    events: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MAX_BATCH)]


class _Either(msgspec.Struct):
    event: msgspec.Raw | UnsetType = UNSET
    events: msgspec.Raw | UnsetType = UNSET


class _IdOnly(msgspec.Struct):
    id: str | None = None


class IngestAnswer(Document, frozen=True, kw_only=True):
    """The answer of both ingest routes (domain.md 2.1)."""

    success: bool
    status_code: int
    message: str
    code: str | None = None
    details: dict[str, Any] | None = None


_SINGLE: Final = msgspec.json.Decoder(SingleEvent)
_RAW_SINGLE: Final = msgspec.json.Decoder(_RawSingle)
_BATCH: Final = msgspec.json.Decoder(EventBatch)
_RAW_BATCH: Final = msgspec.json.Decoder(_RawBatch)
_EVENT: Final = msgspec.json.Decoder(Event)
_EVENTS: Final = b'"events"'
_MAY_BE_ROUNDED_UP: Final = NEARLY_A_SECOND.encode()
_ACCEPTED: Final = IngestAnswer(success=True, status_code=202, message="Event accepted")


@dataclass(frozen=True, slots=True)
class _Refused:
    """An event of a batch that cannot be taken: its place, its id if it has a readable one, and why."""

    index: int
    id: str | None
    message: str

    @property
    def shown(self) -> dict[str, Any]:
        return {"index": self.index, "id": self.id, "message": self.message[:300]}


@dataclass(frozen=True, slots=True)
class Taken:
    """Events that can be appended, and what their sender is answered once they are durable."""

    columns: EventColumns
    answer: IngestAnswer

    @property
    def acknowledgement(self) -> Answer:
        """The answer as bytes."""
        return Answer(self.answer.status_code, encode(self.answer))


def is_batch(body: bytes) -> bool:
    """Whether a body holds `events` and no `event`."""
    if _EVENTS not in body:
        return False
    try:
        sent = msgspec.json.decode(body, type=_Either)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return sent.events is not UNSET and sent.event is UNSET


class Intake:
    """Takes events into the log of an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def single(self, body: bytes, caller: Caller) -> Taken:
        """One event, from `{"event": {...}}`.

        Raises:
            BillingError: of kind INVALID for its shape, UNPROCESSABLE for a timestamp too far ahead, FORBIDDEN for a
                key that may not write.
        """
        caller.require(Scope.WRITE)
        event: Event = _decoded(body, _SINGLE, SingleEvent).event
        if _MAY_BE_ROUNDED_UP in body:
            event = never_rounded_up(event, _RAW_SINGLE.decode(body).event)
        reason = _too_far_ahead(in_utc(event.timestamp, "event.timestamp"), self._latest())
        if reason is not None:
            raise BillingError(Kind.UNPROCESSABLE, "future_event", Problem("event.timestamp", reason))
        return Taken(EventColumns.of([event], caller.organisation, EventSource.API), _ACCEPTED)

    def batch(self, body: bytes, caller: Caller) -> Taken:
        """Up to 1,000 events, of which the good ones are taken, from `{"events": [...]}`.

        Raises:
            BillingError: of kind INVALID, when none can be taken; FORBIDDEN, for a key that may not write.
        """
        caller.require(Scope.WRITE)
        events, refused = self._sorted_out(body)
        columns = EventColumns.of(events, caller.organisation, EventSource.BATCH)
        return Taken(columns, _batch_answer(len(events), refused))

    def append(self, taken: Taken) -> Future[int]:
        """Append events; the future is done when they are durable."""
        return self._engine.log.append(taken.columns)

    def once(self, caller: Caller, taken: Taken, key: str, fingerprint: str) -> Answer:
        """Append under an idempotency key, so that a repeated request finds its answer; returns when durable.

        Raises:
            BillingError: of kind CONFLICT, when the key was used for another request.
        """

        @command
        def ingest(_work: Work) -> None:
            self.append(taken).result()

        request = Request(ingest, idempotency_key=key, fingerprint=fingerprint)
        acknowledgement = taken.acknowledgement
        return self._engine.answer(caller, request, lambda _: (acknowledgement.status, acknowledgement.body))

    def _sorted_out(self, body: bytes) -> tuple[list[Event], list[_Refused]]:
        """The events that can be taken, and what is wrong with each of the others."""
        latest = self._latest()
        taken: list[Event] = []
        refused: list[_Refused] = []
        for index, event in enumerate(_events_of(body)):
            if isinstance(event, _Refused):
                refused.append(event)
                continue
            reason = _untimely(event, latest)
            if reason is None:
                taken.append(event)
            else:
                refused.append(_Refused(index, event.id, reason))
        if not taken:
            first = refused[0]
            raise invalid(f"events[{first.index}]", f"{first.message} (none of the {len(refused)} events can be taken)")
        return taken, refused

    def _latest(self) -> datetime:
        """The latest time that an event may have now; on a test clock it may have any."""
        return _END_OF_TIME if self._engine.is_test else self._engine.clock.now() + FURTHEST_AHEAD


def _untimely(event: Event, latest: datetime) -> str | None:
    """Why an event of a batch is refused for its time, if it is."""
    try:
        reason = _too_far_ahead(in_utc(event.timestamp, "timestamp"), latest)
    except BillingError as unknown_year:
        return unknown_year.message
    return None if reason is None else f"timestamp: {reason}"


def _too_far_ahead(instant: datetime, latest: datetime) -> str | None:
    if instant <= latest:
        return None
    return f"{instant.isoformat()} lies more than 24 hours in the future"


def _decoded(body: bytes, decoder: msgspec.json.Decoder[Any], kind: type) -> Any:  # noqa: ANN401 - the decoder's type
    if rb"\u0000" in body:
        raise invalid("", r"the character \u0000 cannot be stored")
    return _shaped(body, decoder, kind)


def _shaped(body: bytes, decoder: msgspec.json.Decoder[Any], kind: type) -> Any:  # noqa: ANN401 - the decoder's type
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as failure:
        raise invalid("", shape_error(failure, kind, body)) from None


def _events_of(body: bytes) -> list[Event | _Refused]:
    """The events of a batch: decoded all at once, or one by one where each needs a look."""
    if _MAY_BE_ROUNDED_UP not in body:
        with suppress(BillingError):
            return [*_decoded(body, _BATCH, EventBatch).events]
    raws = _shaped(body, _RAW_BATCH, _RawBatch).events
    return [_event_or_reason(index, raw) for index, raw in enumerate(raws)]


def _event_or_reason(index: int, raw: msgspec.Raw) -> Event | _Refused:
    try:
        event: Event = _decoded(bytes(raw), _EVENT, Event)
    except BillingError as failure:
        return _Refused(index, _readable_id(raw), failure.message)
    return never_rounded_up(event, raw)


def _readable_id(raw: msgspec.Raw) -> str | None:
    try:
        return msgspec.json.decode(raw, type=_IdOnly).id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _batch_answer(accepted: int, refused: list[_Refused]) -> IngestAnswer:
    if not refused:
        return IngestAnswer(success=True, status_code=202, message="Event accepted", details={"accepted": accepted})
    return IngestAnswer(
        success=False,
        status_code=207,
        code="PARTIAL_SUCCESS",
        message=f"{len(refused)} of {accepted + len(refused)} events were rejected",
        details={"accepted": accepted, "rejected": [one.shown for one in refused]},
    )
