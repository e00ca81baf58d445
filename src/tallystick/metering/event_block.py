"""Events as Arrow columns, as they lie in the log: what is judged wholesale and stored passes through untouched."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tallystick.kernel.micros import EPOCH, instant_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tallystick.metering.columns import EventColumns
    from tallystick.metering.identity import EventRow

TEXT: Final = pa.string()
_NEWLINE: Final = b"\n"
_NUL: Final = "\0"
COLUMNS: Final = pa.schema(
    [
        ("ids", TEXT),
        ("schema_names", TEXT),
        ("event_ats", pa.int64()),
        ("account_refs", TEXT),
        ("attributes", TEXT),
        ("dimensions", TEXT),
        ("sources", TEXT),
    ]
)
"""The columns of a block; times are microseconds since 1970, attributes and dimensions JSON."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EventBlock:
    """Events of one organisation, and what they order: as `EventColumns` says."""

    organisation: str
    columns: pa.RecordBatch
    undone: list[int] = field(default_factory=list)
    rejudged: list[int] = field(default_factory=list)
    ordered_by: str = ""
    remetered: list[int] = field(default_factory=list)
    meter: tuple[str, int] | None = None

    @classmethod
    def of(cls, columns: EventColumns) -> EventBlock:
        """The same events."""
        return cls(
            organisation=columns.organisation,
            columns=arrow_of([columns]),
            undone=columns.undone,
            rejudged=columns.rejudged,
            ordered_by=columns.ordered_by,
            remetered=columns.remetered,
            meter=columns.meter,
        )

    @classmethod
    def joined(cls, blocks: Sequence[EventBlock]) -> EventBlock:
        """Blocks of one organisation that order nothing, as one."""
        return cls(organisation=blocks[0].organisation, columns=pa.concat_batches([block.columns for block in blocks]))

    @property
    def orders(self) -> list[int]:
        """The positions of stored events that this block is about."""
        return self.undone + self.rejudged + self.remetered

    @cached_property
    def ids(self) -> list[str | None]:
        """The ids as Python has texts, since they are looked up one by one."""
        ids: list[str | None] = self.columns.column("ids").to_pylist()
        return ids

    @cached_property
    def schema_names(self) -> Coded:
        """The name of each event's schema."""
        return Coded.of(self.columns.column("schema_names"))

    @cached_property
    def account_refs(self) -> Coded:
        """The account or alias that each event names."""
        return Coded.of(self.columns.column("account_refs"))

    @cached_property
    def dimensions(self) -> Coded:
        """The dimensions of each event, JSON."""
        return Coded.of(self.columns.column("dimensions"))

    @cached_property
    def sources(self) -> Coded:
        """By which door each event came in."""
        return Coded.of(self.columns.column("sources"))

    @property
    def attributes(self) -> pa.StringArray:
        """The attributes of each event, JSON."""
        return self.columns.column("attributes")

    @property
    def event_ats(self) -> NDArray[np.int64]:
        """When each event happened, in microseconds since 1970."""
        ats: NDArray[np.int64] = self.columns.column("event_ats").to_numpy()
        return ats

    def with_ids(self, ids: Sequence[str | None]) -> EventBlock:
        """The same events under other ids."""
        columns = self.columns.set_column(0, COLUMNS.field(0), pa.array(ids, TEXT))
        return replace(self, columns=columns)

    def documents(self, ordinals: NDArray[np.int64]) -> Iterator[tuple[bytes, bytes]]:
        """(attributes, dimensions) of some events, JSON."""
        chosen = self.columns.select(["attributes", "dimensions"]).take(pa.array(ordinals))
        return zip(*(column.cast(pa.binary()).to_pylist() for column in chosen.columns), strict=True)

    def rows(self, ordinals: NDArray[np.int64] | None = None) -> Iterator[EventRow]:
        """(id, schema name, event time, account reference, attributes, dimensions) of each event, or of some."""
        some = np.arange(len(self)) if ordinals is None else ordinals
        chosen = self.columns.select(["ids", "schema_names", "event_ats", "account_refs"]).take(pa.array(some))
        named = zip(*(column.to_pylist() for column in chosen.columns), strict=True)
        for (event_id, schema_name, event_at, account_ref), (attributes, dimensions) in zip(
            named, self.documents(some), strict=True
        ):
            yield event_id, schema_name, instant_of(event_at), account_ref, attributes, dimensions

    def __len__(self) -> int:
        """How many events there are."""
        return int(self.columns.num_rows)


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A column of texts that many events share: event i has the text `texts[codes[i]]`."""

    column: pa.DictionaryArray
    texts: list[str]
    codes: NDArray[np.int32]

    @classmethod
    def of(cls, column: pa.StringArray) -> Coded:
        """The column with every text once."""
        coded = column.dictionary_encode()
        return cls(coded, coded.dictionary.to_pylist(), coded.indices.to_numpy())


def arrow_of(parts: Sequence[EventColumns]) -> pa.RecordBatch:
    """The events of requests as the columns of one block."""
    spans = [at - EPOCH for part in parts for at in part.event_ats]

    def texts(name: str) -> pa.StringArray:
        return _texts([text for part in parts for text in getattr(part, name)])

    return pa.RecordBatch.from_arrays(
        [
            texts("ids"),
            texts("schema_names"),
            pa.array(spans, pa.duration("us")).view(pa.int64()),
            texts("account_refs"),
            _pieces(b"".join([part.attributes for part in parts]), _NEWLINE),
            _pieces(b"".join([part.dimensions for part in parts]), _NEWLINE),
            _sources(parts),
        ],
        schema=COLUMNS,
    )


def _sources(parts: Sequence[EventColumns]) -> pa.StringArray:
    """By which door each event came in; requests one behind the other by the same door are told of at once."""
    runs = [(source, sum(map(len, run))) for source, run in itertools.groupby(parts, lambda part: part.source)]
    return pa.concat_arrays([pa.repeat(pa.scalar(source.value, TEXT), count) for source, count in runs])


def _texts(texts: list[str | None]) -> pa.StringArray:
    """Texts as a column; where all are there, in a third of the time that Arrow takes to look at each."""
    if None in texts:
        return pa.array(texts, TEXT)
    joined = _NUL.join([*texts, ""]).encode()  # type: ignore[list-item]
    return _pieces(joined, _NUL.encode()) if joined.count(_NUL.encode()) == len(texts) else pa.array(texts, TEXT)


def _pieces(text: bytes, end: bytes) -> pa.StringArray:
    """The pieces of a text that one character ends, as a column; JSON on a line holds no other end of a line."""
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == end[0])
    offsets = np.zeros(len(ends) + 1, dtype=np.int32)
    offsets[1:] = ends - np.arange(len(ends))
    return pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(text.replace(end, b"")))
