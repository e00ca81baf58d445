"""From judged blocks to Arrow: the columns of one transaction, built once for all of its blocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import pyarrow as pa

from tallystick.kernel import quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from tallystick.stores.event_facts import MeteredBlock, Revision

T = TypeVar("T")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT: Final = pa.string()
_INSTANT: Final = pa.timestamp("us")
_UNITS: Final = pa.decimal128(quantity.STORED_DIGITS, quantity.STORED_SCALE)


@dataclass(frozen=True, slots=True)
class Arriving:
    """What one transaction adds: the rows of `event` and `usage`, and the first of their positions."""

    events: pa.RecordBatch
    usage: pa.RecordBatch
    first_position: int

    @classmethod
    def of(cls, blocks: Sequence[MeteredBlock]) -> Arriving | None:
        """The rows of judged blocks; None, when there are none."""
        if not blocks:
            return None
        tables = EventTables(blocks)
        return cls(tables.events(), tables.usage(), min(block.position for block in blocks))

    def packed(self) -> tuple[bytes, bytes]:
        """Both tables as streams, for another process."""
        return _stream(self.events), _stream(self.usage)

    @classmethod
    def unpacked(cls, events: bytes, usage: bytes, first_position: int) -> Arriving:
        """What `packed` packed; nothing is copied."""
        return cls(_batch(events), _batch(usage), first_position)

    def ids_at(self, positions: NDArray[np.int64]) -> list[tuple[str, str]]:
        """The (organisation, event id) of the events at these positions, all of which are here."""
        places = pa.array(np.searchsorted(self.events.column("position").to_numpy(), positions))
        held = [self.events.column(name).take(places).to_pylist() for name in ("organisation", "event_id")]
        return list(zip(*held, strict=True))


def _stream(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _batch(stream: bytes) -> pa.RecordBatch:
    return pa.ipc.open_stream(pa.py_buffer(stream)).read_next_batch()


class EventTables:
    """The rows for the tables `event` and `usage`, as Arrow; column names are those of the tables."""

    def __init__(self, blocks: Sequence[MeteredBlock]) -> None:
        self._blocks = blocks
        self._counts = np.array([len(block.columns) for block in blocks], dtype=np.int64)
        self._starts = np.cumsum(self._counts) - self._counts
        self._organisation = self._shared([block.columns.organisation for block in blocks])
        self._position = self._running([block.position for block in blocks])
        self._event_at = _micros(self._all(lambda block: block.columns.event_ats))
        self._account_id = _texts(self._all(lambda block: block.outcomes.account_ids))

    def events(self) -> pa.RecordBatch:
        """One row for each event."""
        return pa.RecordBatch.from_pydict(
            {
                "organisation": self._organisation,
                "position": self._position,
                "reserved": self._running([block.reserved for block in self._blocks]),
                "event_id": _texts(self._all(lambda block: block.columns.ids)),
                "key": np.concatenate([block.keys for block in self._blocks]),
                "schema_name": _texts(self._all(lambda block: block.columns.schema_names)),
                "schema_version": pa.array(self._all(lambda block: block.outcomes.schema_versions), pa.int32()),
                "account_ref": _texts(self._all(lambda block: block.columns.account_refs)),
                "account_id": self._account_id,
                "customer_id": _texts(self._all(lambda block: block.outcomes.customer_ids)),
                "event_at": _instants(self._event_at),
                "received_at": _instants(np.repeat(_micros(self._each("received_at")), self._counts)),
                "source": self._shared([block.columns.source.value for block in self._blocks]),
                "attributes": _texts(self._all(lambda block: block.columns.attributes)),
                "dimensions": _texts(self._all(lambda block: block.columns.dimensions)),
                "status": _texts(self._all(lambda block: block.outcomes.statuses)),
                "status_description": _texts(self._all(lambda block: block.outcomes.descriptions)),
                "filtered_out": _texts(self._all(lambda block: block.outcomes.filtered_out)),
                "enrichments": _texts(self._all(lambda block: block.outcomes.enrichments)),
            }
        )

    def usage(self) -> pa.RecordBatch:
        """One row for each usage fact."""
        facts = np.array([len(block.outcomes.usage_ordinals) for block in self._blocks], dtype=np.int64)
        ordinals = np.array(self._all(lambda block: block.outcomes.usage_ordinals), dtype=np.int64)
        columns = [
            (start, column)
            for start, block in zip(self._starts, self._blocks, strict=True)
            for column in block.outcomes.digit_columns
        ]
        of_event = np.concatenate(
            [
                ordinals + np.repeat(self._starts, facts),
                *(np.array(column.ordinals, dtype=np.int64) + start for start, column in columns),
            ]
        )
        used = self._all(lambda block: block.outcomes.usage_meters)
        every = dict.fromkeys([*used, *(column.meter for _, column in columns)])
        meters = {meter: place for place, meter in enumerate(every)}
        of_meter = np.concatenate(
            [
                np.array([meters[meter] for meter in used], dtype=np.int32),
                *(np.full(len(column.units), meters[column.meter], dtype=np.int32) for _, column in columns),
            ]
        )
        digits = pa.array(list(chain.from_iterable(column.units for _, column in columns)), _TEXT)
        values = [pa.array(self._all(lambda block: block.outcomes.usage_values), _UNITS), digits.cast(_UNITS)]
        return pa.RecordBatch.from_pydict(
            {
                "organisation": self._organisation.take(pa.array(of_event)),
                "account_id": self._account_id.take(pa.array(of_event)),
                "meter_id": pa.DictionaryArray.from_arrays(of_meter, _texts([meter.id for meter in meters])),
                "meter_version": np.array([meter.version for meter in meters], dtype=np.int32)[of_meter],
                "event_at": _instants(self._event_at[of_event]),
                "value": pa.concat_arrays(values),
                "position": self._position[of_event],
            }
        )

    def _all(self, column: Callable[[MeteredBlock], Iterable[T]]) -> list[T]:
        return list(chain.from_iterable(map(column, self._blocks)))

    def _each(self, field: str) -> list[Any]:
        return [getattr(block, field) for block in self._blocks]

    def _shared(self, texts: list[str]) -> pa.DictionaryArray:
        """A text for each block, as a column in which it stands once."""
        names = list(dict.fromkeys(texts))
        places = np.array([names.index(text) for text in texts], dtype=np.int32)
        return pa.DictionaryArray.from_arrays(np.repeat(places, self._counts), pa.array(names, _TEXT))

    def _running(self, firsts: list[int]) -> NDArray[np.int64]:
        """Consecutive numbers for each block, from its first one on."""
        offsets = np.array(firsts, dtype=np.int64) - self._starts
        return np.repeat(offsets, self._counts) + np.arange(self._counts.sum())


class RevisionTables:
    """The rows for the tables `revision` and `usage` of what became of stored events later."""

    def __init__(self, revisions: Sequence[Revision]) -> None:
        self._revisions = revisions

    def revisions(self) -> pa.RecordBatch:
        """One row for each revision."""
        return pa.RecordBatch.from_pydict(
            {
                "organisation": _texts(self._each("organisation")),
                "position": pa.array(self._each("position"), pa.int64()),
                "number": pa.array(self._each("number"), pa.int64()),
                "revised_at": _instants(_micros(self._each("revised_at"))),
                "status": _texts(self._each("status")),
                "status_description": _texts(self._each("status_description")),
                "before_reverting": _texts(self._each("before")),
                "schema_version": pa.array(self._each("schema_version"), pa.int32()),
                "account_id": _texts(self._each("account_id")),
                "customer_id": _texts(self._each("customer_id")),
                "filtered_out": _texts(self._each("filtered_out")),
                "enrichments": _texts(self._each("enrichments")),
            }
        )

    def usage(self) -> pa.RecordBatch:
        """One row for each new usage fact."""
        made = [(revision, meter, value) for revision in self._revisions for meter, value in revision.usage]
        return pa.RecordBatch.from_pydict(
            {
                "organisation": _texts([revision.organisation for revision, _, _ in made]),
                "account_id": _texts([revision.account_id for revision, _, _ in made]),
                "meter_id": _texts([meter.id for _, meter, _ in made]),
                "meter_version": pa.array([meter.version for _, meter, _ in made], pa.int32()),
                "event_at": _instants(_micros([revision.event_at for revision, _, _ in made])),
                "value": pa.array([value for _, _, value in made], _UNITS),
                "position": pa.array([revision.position for revision, _, _ in made], pa.int64()),
            }
        )

    def _each(self, field: str) -> list[Any]:
        return [getattr(revision, field) for revision in self._revisions]


def _texts(values: Sequence[str | bytes | None]) -> pa.Array:
    return pa.array(values, _TEXT)


def _micros(instants: list[datetime]) -> NDArray[np.int64]:
    """Microseconds since 1970, exact; much faster than letting Arrow read aware datetimes."""
    spans: list[timedelta] = [instant - _EPOCH for instant in instants]
    return np.array(
        [(span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds for span in spans], dtype=np.int64
    )


def _instants(micros: NDArray[np.int64]) -> pa.Array:
    return pa.array(micros).view(_INSTANT)
