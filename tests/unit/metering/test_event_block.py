"""Events as Arrow columns say what the lists said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from tallystick.metering.event import EventSource
from tallystick.metering.event_block import EventBlock
from tests.unit.metering.samples import NOON, block, columns, flight

ODD = 'a\u2028b\x85c\u00e9"\\\n\t\x0b'
EARLY = datetime(1, 1, 1, tzinfo=UTC)
LATE = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def test_every_row_is_as_it_was_in_the_lists() -> None:
    """Times before 1970 and to the microsecond, texts with everything that could be taken for the end of a line."""
    sent = columns(
        flight(None, at=EARLY, dimensions={"origin": ODD}),
        flight("", at=LATE, attributes={}, dimensions={}),
        flight(ODD, at=NOON + timedelta(microseconds=1), account=ODD, schema=ODD, attributes={ODD: "1"}),
    )
    assert list(EventBlock.of(sent).rows()) == list(sent.rows())


def test_a_text_may_hold_what_ends_texts_while_they_are_joined() -> None:
    sent = columns(flight("a\0b", account="\0"), flight("\0"), flight("c"))
    assert list(EventBlock.of(sent).rows()) == list(sent.rows())


def test_no_events_are_a_block_too() -> None:
    assert list(EventBlock.of(columns()).rows()) == []


def test_some_rows_are_had_in_the_order_in_which_they_are_asked_for() -> None:
    ids = [row[0] for row in block(flight("a"), flight("b"), flight("c")).rows(np.array([2, 0]))]
    assert ids == ["c", "a"]


def test_blocks_are_joined_and_every_event_keeps_its_door() -> None:
    first = EventBlock.of(columns(flight("a"), flight("b", account="zenith")))
    second = EventBlock.of(columns(flight("c", schema="other"), source=EventSource.API))
    joined = EventBlock.joined([first, second])
    assert list(joined.rows()) == [*first.rows(), *second.rows()]
    assert [joined.sources.texts[code] for code in joined.sources.codes] == ["BATCH", "BATCH", "API"]


def test_a_text_stands_once() -> None:
    held = block(flight("a"), flight("b", account="zenith"), flight("c")).account_refs
    assert (held.texts, held.codes.tolist()) == (["acme", "zenith"], [0, 1, 0])


def test_other_ids_change_nothing_else() -> None:
    sent = block(flight(None), flight("b"))
    made = sent.with_ids(["x", "b"])
    assert made.ids == ["x", "b"]
    assert [row[1:] for row in made.rows()] == [row[1:] for row in sent.rows()]
