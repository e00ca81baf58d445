"""Taking events in: they are checked for shape, appended durably, and acknowledged.

Nothing is looked up here, but for CloudEvents the names that a schema has: which part of their data is a number to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallystick.engine.cloud_bodies import events_of_cloud
from tallystick.engine.engine import Answer, Request
from tallystick.engine.event_bodies import Refused, event_of, events_of
from tallystick.engine.plain_batch import PlainBatches
from tallystick.kernel.document import Document, encode
from tallystick.kernel.errors import BillingError, Kind, Problem, invalid
from tallystick.kernel.scope import Scope
from tallystick.metering.cloud_event import DataNames
from tallystick.metering.columns import EventColumns
from tallystick.metering.event import Event, EventSource, timely
from tallystick.metering.predefined import license_schema, usage_schema
from tallystick.operations.work import Work, command

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from concurrent.futures import Future
    from datetime import datetime

    from tallystick.engine.engine import Engine
    from tallystick.engine.gatekeeper import Caller
    from tallystick.stores.group_commit import Waiter


class IngestAnswer(Document, frozen=True, kw_only=True):
    """The answer of every route that takes events (domain.md 2.1)."""

    success: bool
    status_code: int
    message: str
    code: str | None = None
    details: dict[str, Any] | None = None


_ACCEPTED: Final = IngestAnswer(success=True, status_code=202, message="Event accepted")


@dataclass(frozen=True, slots=True)
class _Words:
    """How senders call the place of an event in what they sent, and its time."""

    place: str
    time: str


_IN_BATCH: Final = _Words("events[{}]", "timestamp")
_IN_CLOUD_BATCH: Final = _Words("[{}]", "time")
_PREDEFINED: Final = {
    terms.name: DataNames(terms.attributes, terms.dimensions) for terms in (usage_schema(()), license_schema(()))
}


@dataclass(frozen=True, slots=True)
class Taken:
    """Events that can be appended, and what their sender is answered once they are durable."""

    columns: EventColumns
    answer: IngestAnswer

    @property
    def acknowledgement(self) -> Answer:
        """The answer as bytes."""
        return Answer(self.answer.status_code, encode(self.answer))


class Intake:
    """Takes events into the log of an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._plain = PlainBatches()

    def single(self, body: bytes, caller: Caller) -> Taken:
        """One event, from `{"event": {...}}`.

        Raises:
            BillingError: of kind INVALID for its shape, UNPROCESSABLE for a timestamp too far ahead, FORBIDDEN for a
                key that may not write.
        """
        caller.require(Scope.WRITE)
        return self._alone(event_of(body), caller, "event.timestamp", _ACCEPTED)

    def batch(self, body: bytes, caller: Caller) -> Taken:
        """Up to 1,000 events, of which the good ones are taken, from `{"events": [...]}`.

        Raises:
            BillingError: of kind INVALID, when none can be taken; FORBIDDEN, for a key that may not write.
        """
        caller.require(Scope.WRITE)
        plain = self._plain.read(body, caller.organisation, EventSource.BATCH, self._engine.latest_event_at())
        if plain is not None:
            return Taken(plain, _batch_answer(len(plain), []))
        return self._taken(events_of(body), caller, _IN_BATCH)

    def cloud_events(self, body: bytes, caller: Caller, *, is_batch: bool) -> Taken:
        """One CloudEvent or up to 1,000, of which the good ones are taken.

        Raises:
            BillingError: as `batch`, or for one by itself as `single`.
        """
        caller.require(Scope.WRITE)
        events = events_of_cloud(body, lambda types: self._names(caller, types), is_batch=is_batch)
        if is_batch:
            return self._taken(events, caller, _IN_CLOUD_BATCH)
        if isinstance(events[0], Refused):
            raise invalid("", events[0].message)
        return self._alone(events[0], caller, "time", _batch_answer(1, []))

    def entitled(self, body: bytes, caller: Caller) -> Taken:
        """One event that uses a feature, from `{"event": {...}}`; its answer is yet to be found out.

        Raises:
            BillingError: of kind UNPROCESSABLE for its shape, its time, or a schema that is tied to no feature;
                FORBIDDEN for a key that may not write.
        """
        caller.require(Scope.WRITE)
        try:
            columns = self.single(body, caller).columns
        except BillingError as failure:
            if failure.kind is Kind.INVALID:
                raise BillingError(Kind.UNPROCESSABLE, failure.code, *failure.problems) from None
            raise
        name = columns.schema_names[0]
        with self._engine.work_for(caller.organisation, caller.key_id, writes=False) as (work, _):
            if work.state.ties.of_schema(name) is None:
                reason = f"event schema {name!r} is tied to no feature: tie it to one, or send the event to /ingest"
                raise BillingError(Kind.UNPROCESSABLE, "no_feature", Problem("event.schemaName", reason))
        return Taken(msgspec.structs.replace(columns, source=EventSource.ENTITLED), _ACCEPTED)

    def append(self, taken: Taken) -> Future[int]:
        """Append events; the future is done when they are durable."""
        return self._engine.log.append(taken.columns)

    def append_for(self, waiter: Waiter, taken: Taken) -> None:
        """Append events; the waiter is told when they are durable."""
        self._engine.log.append_for(waiter, taken.columns)

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

    def _alone(self, event: Event, caller: Caller, path: str, answer: IngestAnswer) -> Taken:
        """An event that was sent by itself; `path` is where its time stands."""
        timely(event.timestamp, self._engine.latest_event_at(), path)
        return Taken(EventColumns.of([event], caller.organisation, EventSource.API), answer)

    def _taken(self, sent: Sequence[Event | Refused], caller: Caller, words: _Words) -> Taken:
        events, refused = self._sorted_out(sent, words)
        columns = EventColumns.of(events, caller.organisation, EventSource.BATCH)
        return Taken(columns, _batch_answer(len(events), refused))

    def _names(self, caller: Caller, schemas: Collection[str]) -> Mapping[str, DataNames]:
        """The names that these schemas have, as they are now; a schema that does not exist is left out."""
        with self._engine.work_for(caller.organisation, caller.key_id, writes=False) as (work, _):
            found = work.state.event_schemas.among(schemas)
        return _PREDEFINED | {
            name: DataNames(
                {attribute.name for attribute in schema.attributes},
                {dimension.name for dimension in schema.dimensions},
            )
            for name, schema in found.items()
        }

    def _sorted_out(self, sent: Sequence[Event | Refused], words: _Words) -> tuple[list[Event], list[Refused]]:
        """The events that can be taken, and what is wrong with each of the others."""
        latest = self._engine.latest_event_at()
        in_time = [
            one for one in sent if isinstance(one, Event) and one.timestamp.tzinfo is UTC and one.timestamp <= latest
        ]
        if len(in_time) == len(sent):
            return in_time, []
        taken: list[Event] = []
        refused: list[Refused] = []
        for index, event in enumerate(sent):
            if isinstance(event, Refused):
                refused.append(event)
                continue
            reason = _untimely(event, latest, words.time)
            if reason is None:
                taken.append(event)
            else:
                refused.append(Refused(index, event.id, reason))
        if not taken:
            first = refused[0]
            every = f" (none of the {len(refused)} events can be taken)"
            raise invalid(words.place.format(first.index), first.message + every)
        return taken, refused


def _untimely(event: Event, latest: datetime, path: str) -> str | None:
    """Why an event of a batch is refused for its time, if it is."""
    try:
        timely(event.timestamp, latest, path)
    except BillingError as refused:
        return refused.message
    return None


def _batch_answer(accepted: int, refused: list[Refused]) -> IngestAnswer:
    if not refused:
        return IngestAnswer(success=True, status_code=202, message="Event accepted", details={"accepted": accepted})
    return IngestAnswer(
        success=False,
        status_code=207,
        code="PARTIAL_SUCCESS",
        message=f"{len(refused)} of {accepted + len(refused)} events were rejected",
        details={"accepted": accepted, "rejected": [one.shown for one in refused]},
    )
