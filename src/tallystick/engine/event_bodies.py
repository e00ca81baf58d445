"""Events as they stand in the bodies of requests: read all at once, or one by one where each needs a look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tallystick.kernel.errors import BillingError
from tallystick.kernel.shapes import shaped, storable
from tallystick.metering.event import MAX_BATCH, NEARLY_A_SECOND, Event, UncheckedEvent, are_numbers, never_rounded_up

if TYPE_CHECKING:
    from collections.abc import Sequence


class SingleEvent(msgspec.Struct, forbid_unknown_fields=True):
    """What `POST /ingest` takes."""

    event: Event


class _RawSingle(msgspec.Struct, forbid_unknown_fields=True):
    event: msgspec.Raw


class EventBatch(msgspec.Struct, forbid_unknown_fields=True):
    """What `POST /ingestBatch` takes."""

    events: Annotated[list[Event], Meta(min_length=1, max_length=MAX_BATCH)]


class _UncheckedBatch(msgspec.Struct, forbid_unknown_fields=True):
    events: Annotated[list[UncheckedEvent], Meta(min_length=1, max_length=MAX_BATCH)]


class _RawBatch(msgspec.Struct, forbid_unknown_fields=True):
    events: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MAX_BATCH)]


class _Either(msgspec.Struct):
    event: msgspec.Raw | UnsetType = UNSET
    events: msgspec.Raw | UnsetType = UNSET


class _IdOnly(msgspec.Struct):
    id: str | None = None


_SINGLE: Final = msgspec.json.Decoder(SingleEvent)
_RAW_SINGLE: Final = msgspec.json.Decoder(_RawSingle)
_BATCH: Final = msgspec.json.Decoder(_UncheckedBatch)
_RAW_BATCH: Final = msgspec.json.Decoder(_RawBatch)
_EVENT: Final = msgspec.json.Decoder(Event)
_EVENTS: Final = b'"events"'
_EVENT_NAME: Final = b'"event"'
_MAY_BE_ROUNDED_UP: Final = NEARLY_A_SECOND.encode()


@dataclass(frozen=True, slots=True)
class Refused:
    """An event of a batch that cannot be taken: its place, its id if it has a readable one, and why."""

    index: int
    id: str | None
    message: str

    @property
    def shown(self) -> dict[str, Any]:
        """The reason as its sender is told."""
        return {"index": self.index, "id": self.id, "message": self.message[:300]}


def is_batch(body: bytes) -> bool:
    """Whether a body holds `events` and no `event`; where it cannot be read, whether it looks like that."""
    if _EVENTS not in body:
        return False
    try:
        sent = msgspec.json.decode(body, type=_Either)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _EVENT_NAME not in body
    return sent.events is not UNSET and sent.event is UNSET


def event_of(body: bytes) -> Event:
    """The event of `{"event": {...}}`.

    Raises:
        BillingError: of kind INVALID, for its shape.
    """
    event: Event = storable(body, _SINGLE, SingleEvent).event
    return never_rounded_up(event, _RAW_SINGLE.decode(body).event) if _MAY_BE_ROUNDED_UP in body else event


def events_of(body: bytes) -> Sequence[Event | Refused]:
    """The events of `{"events": [...]}`, or why one cannot be taken.

    Raises:
        BillingError: of kind INVALID, when the body is no batch.
    """
    plain = _plain_events(body)
    if plain is not None:
        return plain
    raws = shaped(body, _RAW_BATCH, _RawBatch).events
    return [_event_or_reason(index, raw) for index, raw in enumerate(raws)]


def _plain_events(body: bytes) -> Sequence[Event] | None:
    """All events of a batch; None, when something may be wrong with one of them."""
    if _MAY_BE_ROUNDED_UP in body:
        return None
    try:
        events: Sequence[Event] = storable(body, _BATCH, _UncheckedBatch).events
    except BillingError:
        return None
    values = [attribute.value for event in events for attribute in event.attributes]
    return events if are_numbers(values) else None


def readable_id(raw: msgspec.Raw) -> str | None:
    """The id of an event that may have any shape."""
    try:
        return msgspec.json.decode(raw, type=_IdOnly).id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _event_or_reason(index: int, raw: msgspec.Raw) -> Event | Refused:
    try:
        event: Event = storable(bytes(raw), _EVENT, Event)
    except BillingError as failure:
        return Refused(index, readable_id(raw), failure.message)
    return never_rounded_up(event, raw)
