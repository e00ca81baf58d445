"""Batches as nearly all senders write them, read without making an object of every field.

A program writes its events alike: the same fields in the same order, the same few dimensions again and again, numbers
that are digits. So attributes and dimensions are left as text; the text of the one is matched as a whole against how
its first event is written, and that of the other is looked up among texts that were read before. A batch in which
anything is otherwise, or wrong, is left to `event_bodies`, which tells what.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from tallystick.metering.columns import EventColumns
from tallystick.metering.event import (
    LONGEST_NAME,
    LONGEST_REFERENCE,
    MAX_BATCH,
    NEARLY_A_SECOND,
    Attributes,
    Dimensions,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.metering.event import EventSource

MOST_REMEMBERED: Final = 16_384
"""Texts of dimensions; those of senders whose events all differ are forgotten together."""


class _PlainEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, gc=False):
    schema_name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    id: Annotated[str, Meta(max_length=LONGEST_REFERENCE)] | None = None
    timestamp: datetime
    account_id: Annotated[str, Meta(max_length=LONGEST_REFERENCE)]
    attributes: msgspec.Raw
    dimensions: msgspec.Raw


class _PlainBatch(msgspec.Struct, forbid_unknown_fields=True):
    events: Annotated[list[_PlainEvent], Meta(min_length=1, max_length=MAX_BATCH)]


_BATCH: Final = msgspec.json.Decoder(_PlainBatch)
_ATTRIBUTES: Final = msgspec.json.Decoder(Attributes)
_DIMENSIONS: Final = msgspec.json.Decoder(list[Dimensions])
_ENCODER: Final = msgspec.json.Encoder()
_WORTH_REMEMBERING: Final = 0.5
"""Where most events of a batch have dimensions of their own, they will not come again."""

_LINE: Final = b"\n"
_SPACE: Final = b" "
_ESCAPE: Final = b"\\"
_NUL_ESCAPE: Final = rb"\u0000"
_MAY_BE_ROUNDED_UP: Final = NEARLY_A_SECOND.encode()[:5]
"""Python looks for up to five bytes several times as fast as for more."""

_VALUE: Final = re.compile(rb'("value" ?: ?")[^"]*')
_NUMBER_HERE: Final = b"\0"
_NUMBER: Final = rb"-?+[0-9]{1,512}+(?:\.[0-9]{1,512}+)?+"


class PlainBatches:
    """Reads batches, and remembers the dimensions that it has read; one thread uses it."""

    def __init__(self) -> None:
        self._dimensions: dict[bytes, bytes] = {}

    def read(self, body: bytes, organisation: str, source: EventSource, latest: datetime) -> EventColumns | None:
        """The events of `{"events": [...]}`, all of them no later than that; None, when one is not plain."""
        if (_ESCAPE in body and _NUL_ESCAPE in body) or _MAY_BE_ROUNDED_UP in body:
            return None
        try:
            events = _BATCH.decode(body).events
            attributes = _attributes([event.attributes for event in events])
            dimensions = self._known([event.dimensions for event in events])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        event_ats = [event.timestamp for event in events]
        if attributes is None or dimensions is None or {at.tzinfo for at in event_ats} != {UTC}:
            return None
        if max(event_ats) > latest:
            return None
        return EventColumns(
            organisation=organisation,
            source=source,
            ids=[event.id for event in events],
            schema_names=[event.schema_name for event in events],
            event_ats=event_ats,
            account_refs=[event.account_id for event in events],
            attributes=attributes,
            dimensions=dimensions,
        )

    def _known(self, sent: Sequence[msgspec.Raw]) -> bytes | None:
        """The dimensions as lines; None, where white space ends lines among them.

        Raises:
            msgspec.MsgspecError: for what is not of their shape.
        """
        texts = _LINE.join(sent).split(_LINE)
        if len(texts) != len(sent):
            return None
        lines = [self._dimensions.get(text) for text in texts]
        if None not in lines:
            return b"".join(lines)  # type: ignore[arg-type]
        new = list({text for text, line in zip(texts, lines, strict=True) if line is None})
        read = _DIMENSIONS.decode(b"[%b]" % b",".join(new))
        fresh = dict(zip(new, _ENCODER.encode_lines(read).splitlines(keepends=True), strict=True))
        if len(new) < len(texts) * _WORTH_REMEMBERING:
            if len(self._dimensions) + len(new) > MOST_REMEMBERED:
                self._dimensions = {}
            self._dimensions.update(fresh)
        return b"".join([line or fresh[text] for text, line in zip(texts, lines, strict=True)])


def _attributes(sent: Sequence[msgspec.Raw]) -> bytes | None:
    """The attributes as lines; None, when they are not all written like those of the first event.

    Raises:
        msgspec.MsgspecError: for what is not of their shape.
    """
    lines = _lines_of(_VALUE.sub(rb"\1\0", bytes(sent[0])))
    text = _LINE.join([*sent, b""])
    if lines is None or not lines.fullmatch(text):
        return None
    return text.replace(_SPACE, b"")


@functools.lru_cache(maxsize=256)
def _lines_of(written: bytes) -> re.Pattern[bytes] | None:
    """Lines of attributes that are written like these, in which NUL stands for each number; None, where none can be.

    White space there is what some encoders put between the parts, and nowhere else.

    Raises:
        msgspec.MsgspecError: for what is not of their shape.
    """
    document = written.replace(_NUMBER_HERE, b"0")
    attributes = _ATTRIBUTES.decode(document)
    if _ENCODER.encode(attributes) != document.replace(_SPACE, b""):
        return None
    if b"\\" in written or written.count(_NUMBER_HERE) != len(attributes):
        return None
    line = _NUMBER.join(re.escape(text) for text in written.split(_NUMBER_HERE))
    return re.compile(rb"(?:%b\n)*+" % line)
