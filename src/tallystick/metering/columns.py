"""The events of one request as parallel lists: transposed once at the door, never again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.kernel.period import in_utc
from tallystick.metering.event import EventSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallystick.metering.event import Event

_JSON: Final = msgspec.json.Encoder()


class EventColumns(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Events of one organisation that came in by one door; entry i of every list, and line i, belongs to event i.

    `attributes` and `dimensions` are lines of JSON, one document for each event: text travels through the log and the
    event store untouched, and is read only where a rule or a person looks at it.

    A block may order what becomes of events that are stored already, by their positions: `undone` are taken back
    before its own events are judged, which happens only if all of them could be; `rejudged` are judged again;
    `remetered` are metered anew by the one `meter`, an id and a version, as long as it is active in that version.
    """

    organisation: str
    source: EventSource
    ids: list[str | None]
    schema_names: list[str]
    event_ats: list[datetime]
    account_refs: list[str]
    attributes: bytes
    dimensions: bytes
    undone: list[int] = []
    rejudged: list[int] = []
    ordered_by: str = ""
    """The job that ordered it, if it was one."""
    remetered: list[int] = []
    meter: tuple[str, int] | None = None

    @property
    def orders(self) -> list[int]:
        """The positions of stored events that this block is about."""
        return self.undone + self.rejudged + self.remetered

    @classmethod
    def of(cls, events: Sequence[Event], organisation: str, source: EventSource) -> EventColumns:
        """The events of a request as columns; a timestamp without an offset is read as UTC (domain.md 1.9).

        Raises:
            BillingError: of kind INVALID, for a timestamp that lies outside the years 1 to 9999 in UTC.
        """
        return cls(
            organisation=organisation,
            source=source,
            ids=[event.id for event in events],
            schema_names=[event.schema_name for event in events],
            event_ats=[
                event.timestamp
                if event.timestamp.tzinfo is UTC
                else in_utc(event.timestamp, f"events[{index}].timestamp")
                for index, event in enumerate(events)
            ],
            account_refs=[event.account_id for event in events],
            attributes=_JSON.encode_lines([event.attributes for event in events]),
            dimensions=_JSON.encode_lines([event.dimensions for event in events]),
        )

    def rows(self) -> Iterator[tuple[str | None, str, datetime, str, bytes, bytes]]:
        """(id, schema name, event time, account reference, attributes, dimensions) of each event."""
        return zip(
            self.ids,
            self.schema_names,
            self.event_ats,
            self.account_refs,
            self.attributes.splitlines(),
            self.dimensions.splitlines(),
            strict=True,
        )

    def __len__(self) -> int:
        """How many events there are."""
        return len(self.ids)


def grouped(parts: Sequence[EventColumns]) -> list[list[EventColumns]]:
    """The same events by organisation, in the order in which they came in.

    A block that orders something stays by itself: its events depend on it.
    """
    groups: dict[tuple[object, ...], list[EventColumns]] = {}
    for number, part in enumerate(parts):
        alone = (number,) if part.orders else ()
        groups.setdefault((part.organisation, *alone), []).append(part)
    return list(groups.values())
