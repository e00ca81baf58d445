"""What a row of the event log holds: events as Arrow lays them out, so that nobody ever takes them apart again.

A row is written by copying some buffers and read by pointing at them. Rows of releases before hold lists of values.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec
import pyarrow as pa

from tallystick.metering.columns import EventColumns, grouped
from tallystick.metering.event import EventSource
from tallystick.metering.event_block import COLUMNS, EventBlock, arrow_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_MARK: Final = b"\xc1"
"""With what a body begins, unless a release before wrote it: a byte that msgpack never uses."""


class _Block(msgspec.Struct, frozen=True, array_like=True):
    """A block as it is written; `events` is a record batch of `COLUMNS`."""

    organisation: str
    events: memoryview
    undone: list[int]
    rejudged: list[int]
    ordered_by: str
    remetered: list[int]
    meter: tuple[str, int] | None

    def opened(self) -> EventBlock:
        return EventBlock(
            organisation=self.organisation,
            columns=pa.ipc.read_record_batch(pa.py_buffer(self.events), COLUMNS),
            undone=self.undone,
            rejudged=self.rejudged,
            ordered_by=self.ordered_by,
            remetered=self.remetered,
            meter=self.meter,
        )


class _Lists(msgspec.Struct, frozen=True, array_like=True):
    """A block as releases before wrote it: a list for each column."""

    organisation: str
    source: EventSource
    ids: list[str | None]
    schema_names: list[str]
    event_ats: list[datetime]
    account_refs: list[str]
    attributes: list[bytes]
    dimensions: list[bytes]
    undone: list[int] = []
    rejudged: list[int] = []
    ordered_by: str = ""
    remetered: list[int] = []
    meter: tuple[str, int] | None = None

    def opened(self) -> EventBlock:
        fields = msgspec.structs.asdict(self)
        lines = {name: b"".join(b"%b\n" % text for text in fields[name]) for name in ("attributes", "dimensions")}
        return EventBlock.of(EventColumns(**fields | lines))


_BLOCKS: Final = msgspec.msgpack.Decoder(list[_Block])
_LISTS: Final = msgspec.msgpack.Decoder(list[_Lists])


def packed(parts: Sequence[EventColumns]) -> bytes:
    """The events of requests, one block for each organisation, in the order in which they came in."""
    blocks = [
        _Block(
            organisation=first.organisation,
            events=memoryview(arrow_of(group).serialize()),
            undone=first.undone,
            rejudged=first.rejudged,
            ordered_by=first.ordered_by,
            remetered=first.remetered,
            meter=first.meter,
        )
        for group in grouped(parts)
        for first in group[:1]
    ]
    return _MARK + msgspec.msgpack.encode(blocks)


def first_ordinals(parts: Sequence[EventColumns]) -> list[int]:
    """Of each request, the place of its first event among all that are in a row together."""
    found: dict[int, int] = {}
    ordinal = 0
    for group in grouped(parts):
        for part in group:
            found[id(part)] = ordinal
            ordinal += len(part)
    return [found[id(part)] for part in parts]


def unpacked(body: bytes) -> list[EventBlock]:
    """The blocks of a row; nothing of their events is copied."""
    if body[:1] != _MARK:
        return [block.opened() for block in _LISTS.decode(body)]
    return [block.opened() for block in _BLOCKS.decode(memoryview(body)[1:])]
