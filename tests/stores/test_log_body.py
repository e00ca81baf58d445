"""What a row of the log holds is read back as it was written, also what a release before wrote."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from tallystick.metering.event import EventSource
from tallystick.metering.event_block import EventBlock
from tallystick.stores.log_body import packed, unpacked
from tests.unit.metering.samples import NOON, columns, flight

ORDERS = ("undone", "rejudged", "ordered_by", "remetered", "meter")


def said(block: EventBlock) -> dict[str, Any]:
    """Everything a block says."""
    sources = [block.sources.texts[code] for code in block.sources.codes]
    orders = {name: getattr(block, name) for name in ORDERS}
    return {"organisation": block.organisation, "rows": list(block.rows()), "sources": sources} | orders


def test_blocks_are_read_back_as_they_were_written() -> None:
    ordering = msgspec.structs.replace(
        columns(flight("again")), undone=[7], rejudged=[8], ordered_by="job.1", remetered=[9], meter=("um.1", 3)
    )
    parts = [
        columns(flight("a"), flight(None)),
        columns(flight("b"), organisation="org.2"),
        ordering,
        columns(flight("c", at=NOON + timedelta(microseconds=1)), source=EventSource.API),
    ]
    blocks = unpacked(packed(parts))
    together = EventBlock.joined([EventBlock.of(parts[0]), EventBlock.of(parts[3])])
    assert [said(block) for block in blocks] == [
        said(together),
        said(EventBlock.of(parts[1])),
        said(EventBlock.of(ordering)),
    ]


def test_a_row_without_events_holds_none() -> None:
    assert unpacked(packed([])) == []


def test_lists_of_a_release_before_are_read_as_what_they_were() -> None:
    """Written by hand as that release did: arrays of values, times as timestamps, a document for each event."""
    body = msgspec.msgpack.encode(
        [
            [
                "org.1",
                "BATCH",
                ["a", None],
                ["flight", "flight"],
                [NOON, NOON + timedelta(microseconds=1)],
                ["acme", "zenith"],
                [b'[{"name":"distance","value":"1"}]', b"[]"],
                [b'{"origin":"JFK"}', b"{}"],
                [7],
            ]
        ]
    )
    (block,) = unpacked(body)
    assert (block.organisation, block.undone, block.meter) == ("org.1", [7], None)
    assert list(block.rows()) == [
        ("a", "flight", NOON, "acme", b'[{"name":"distance","value":"1"}]', b'{"origin":"JFK"}'),
        (None, "flight", NOON + timedelta(microseconds=1), "zenith", b"[]", b"{}"),
    ]
