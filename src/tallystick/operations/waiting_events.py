"""Events that were acknowledged and are not processed yet: they are shown as what they are, in progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.metering.event import Attribute, Event, EventSource, EventStatus
from tallystick.operations.work import Work
from tallystick.stores.event_log import position_of
from tallystick.stores.event_store import StoredEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallystick.metering.event_block import EventBlock
    from tallystick.stores.event_log import LogRow

MOST_SHOWN: Final = 10_000
"""Events of a long queue that are looked at, the first ones."""

WAITING: Final = "acknowledged, waiting to be processed"
_ATTRIBUTES: Final = msgspec.json.Decoder(list[Attribute])
_DIMENSIONS: Final = msgspec.json.Decoder(dict[str, str])


def waiting_events(work: Work) -> list[StoredEvent]:
    """The organisation's events that the processing has yet to pass.

    Whoever reads the event store too reads it afterwards: what was processed meanwhile is then in both, not in none.
    """
    passed = work.events.offset()
    if work.log.end() <= passed:
        return []
    return [event for row in work.log.read(passed, MOST_SHOWN) for event in _of_row(row, work.organisation.id)]


def _of_row(row: LogRow, organisation: str) -> Iterator[StoredEvent]:
    ordinal = 0
    for block in row.blocks:
        if block.organisation == organisation:
            yield from _of_block(row, block, ordinal)
        ordinal += len(block)


def _of_block(row: LogRow, block: EventBlock, first: int) -> Iterator[StoredEvent]:
    sources = map(block.sources.texts.__getitem__, block.sources.codes.tolist())
    for ordinal, (source, (event_id, schema_name, event_at, account_ref, attributes, dimensions)) in enumerate(
        zip(sources, block.rows(), strict=True), start=first
    ):
        yield StoredEvent(
            position=position_of(row.row, ordinal),
            reserved=row.reserved + ordinal,
            event=Event(
                schema_name=schema_name,
                id=event_id,
                timestamp=event_at,
                account_id=account_ref,
                attributes=_ATTRIBUTES.decode(attributes),
                dimensions=_DIMENSIONS.decode(dimensions),
            ),
            schema_version=None,
            account_id=None,
            customer_id=None,
            received_at=row.received_at,
            source=EventSource(source),
            status=EventStatus.IN_PROGRESS,
            status_description=WAITING,
            filtered_out=(),
        )
