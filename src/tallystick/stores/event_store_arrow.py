"""From judged blocks to Arrow: the columns of one transaction, built once for all of its blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tallystick.kernel import quantity
from tallystick.kernel.micros import micros_of
from tallystick.metering.coded import CodedColumn
from tallystick.stores.taken_ids import by_organisation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from tallystick.metering.catalogue import MeterTerms
    from tallystick.metering.outcomes import Outcomes
    from tallystick.stores.event_facts import MeteredBlock, Revision
    from tallystick.stores.taken_ids import TakenIds

_TEXT: Final = pa.string()
_INSTANT: Final = pa.timestamp("us")
_UNITS: Final = pa.decimal128(quantity.STORED_DIGITS, quantity.STORED_SCALE)


@dataclass(frozen=True, slots=True)
class Arriving:
    """What one transaction adds: events, their usage facts, the series that these name, and the first position.

    The `series` of a fact is a row of `series` here; the store has a number for each of them.
    """

    events: pa.RecordBatch
    facts: pa.RecordBatch
    series: pa.RecordBatch
    first_position: int

    @classmethod
    def of(cls, blocks: Sequence[MeteredBlock]) -> Arriving | None:
        """The rows of judged blocks; None, when there are none."""
        held = [block for block in blocks if len(block.events)]
        if not held:
            return None
        tables = EventTables(held)
        return cls(tables.events(), *tables.usage(), min(int(block.positions[0]) for block in held))

    def packed(self) -> tuple[memoryview, memoryview, memoryview]:
        """The three tables as streams, for another process."""
        return _stream(self.events), _stream(self.facts), _stream(self.series)

    @classmethod
    def unpacked(cls, events: memoryview, facts: memoryview, series: memoryview, first_position: int) -> Arriving:
        """What `packed` packed; nothing is copied."""
        return cls(_batch(events), _batch(facts), _batch(series), first_position)

    def ids_at(self, positions: NDArray[np.int64]) -> TakenIds:
        """The ids of the events at these positions, all of which are here."""
        held = self.events.column("position").to_numpy()
        order = np.argsort(held, kind="stable")
        places = pa.array(order[np.searchsorted(held, positions, sorter=order)])
        return by_organisation(*(self.events.column(name).take(places) for name in ("organisation", "event_id")))


def _stream(batch: pa.RecordBatch) -> memoryview:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return memoryview(sink.getvalue())


def _batch(stream: memoryview) -> pa.RecordBatch:
    return pa.ipc.open_stream(pa.py_buffer(stream)).read_next_batch()


class EventTables:
    """The rows for the tables of events and of facts, as Arrow; column names are those of the tables."""

    def __init__(self, blocks: Sequence[MeteredBlock]) -> None:
        self._blocks = blocks
        counts = [len(block.events) for block in blocks]
        self._starts = np.cumsum(counts) - counts
        self._organisation = _joined([_repeated(block.events.organisation, len(block.events)) for block in blocks])
        self._position = np.concatenate([block.positions for block in blocks])
        self._event_at = np.concatenate([block.events.event_ats for block in blocks])
        self._account_id = self._of_outcomes(lambda outcomes: outcomes.account_ids)

    def events(self) -> pa.RecordBatch:
        """One row for each event."""
        return pa.RecordBatch.from_pydict(
            {
                "organisation": self._organisation,
                "position": self._position,
                "reserved": np.concatenate([block.reserved for block in self._blocks]),
                "event_id": pa.concat_arrays([block.events.columns.column("ids") for block in self._blocks]),
                "key": np.concatenate([block.keys for block in self._blocks]),
                "schema_name": _joined([block.events.schema_names.column for block in self._blocks]),
                "schema_version": self._of_outcomes(lambda outcomes: outcomes.schema_versions, pa.int32()),
                "account_ref": _joined([block.events.account_refs.column for block in self._blocks]),
                "account_id": self._account_id,
                "customer_id": self._of_outcomes(lambda outcomes: outcomes.customer_ids),
                "event_at": _instants(self._event_at),
                "received_at": _instants(np.concatenate([block.received_ats for block in self._blocks])),
                "source": _joined([block.events.sources.column for block in self._blocks]),
                "attributes": pa.concat_arrays([block.events.attributes for block in self._blocks]),
                "dimensions": _joined([block.events.dimensions.column for block in self._blocks]),
                "status": self._of_outcomes(lambda outcomes: outcomes.statuses),
                "status_description": self._of_outcomes(lambda outcomes: outcomes.descriptions),
                "filtered_out": self._of_outcomes(lambda outcomes: outcomes.filtered_out),
                "enrichments": self._of_outcomes(lambda outcomes: outcomes.enrichments),
            }
        )

    def usage(self) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """One row for each usage fact, and one for each series of theirs."""
        facts = [
            facts for start, block in zip(self._starts, self._blocks, strict=True) for facts in _facts(block, start)
        ]
        every = list(dict.fromkeys(meter for meters, _, _ in facts for meter in meters.values))
        places = {meter: place for place, meter in enumerate(every)}
        of_meter = np.concatenate(
            [np.empty(0, np.int32)]
            + [np.array([places[meter] for meter in meters.values], np.int32)[meters.codes] for meters, _, _ in facts]
        )
        of_event = np.concatenate([np.empty(0, np.int64), *(ordinals for _, ordinals, _ in facts)])
        series, names = self._series(of_event, of_meter, [meter.id for meter in every])
        made = pa.RecordBatch.from_pydict(
            {
                "series": series,
                "meter_version": np.array([meter.version for meter in every], dtype=np.int32)[of_meter],
                "event_at": _instants(self._event_at[of_event]),
                "value": pa.concat_arrays([pa.array([], _UNITS), *(units for _, _, units in facts)]),
                "position": self._position[of_event],
            }
        )
        return made, names

    def _series(
        self, of_event: NDArray[np.int64], of_meter: NDArray[np.int32], meter_ids: list[str]
    ) -> tuple[NDArray[np.int32], pa.RecordBatch]:
        """The series of each fact, as rows of the other table; an account's stand together there."""
        organisations, of_organisation = _distinct(self._organisation)
        accounts, of_account = _distinct(self._account_id)
        meters, of_version = _distinct(_texts(meter_ids).dictionary_encode())
        # One integer for the three names, of whose digits each name is found again.
        shape = tuple(max(len(names), 1) for names in (organisations, accounts, meters))
        named = of_organisation.astype(np.int64) * shape[1] + of_account
        met = pa.array(named[of_event] * shape[2] + of_version[of_meter]).dictionary_encode()
        distinct = met.dictionary.to_numpy()
        order = np.argsort(distinct)
        places = np.empty(len(order), np.int32)
        places[order] = np.arange(len(order), dtype=np.int32)
        organisation, account, meter = np.unravel_index(distinct[order], shape)
        names = {
            "organisation": organisations.take(pa.array(organisation)),
            "account_id": accounts.take(pa.array(account)),
            "meter_id": meters.take(pa.array(meter)),
        }
        return places[met.indices.to_numpy()], pa.RecordBatch.from_pydict(names)

    def _of_outcomes(self, column: Callable[[Outcomes], CodedColumn[Any]], of: pa.DataType = _TEXT) -> pa.Array:
        return _joined([_coded(column(block.outcomes), of) for block in self._blocks])


def _facts(block: MeteredBlock, start: int) -> Iterator[tuple[CodedColumn[MeterTerms], NDArray[np.int64], pa.Array]]:
    """The usage facts of a block in portions: whose meters', of which events counted through all blocks, how much."""
    outcomes = block.outcomes
    for column in outcomes.digit_columns:
        yield CodedColumn(len(column.units), column.meter), start + column.ordinals, column.units.cast(_UNITS)
    if outcomes.usage_meters:
        meters = CodedColumn(len(outcomes.usage_meters), outcomes.usage_meters[0])
        for place, meter in enumerate(outcomes.usage_meters):
            meters[place] = meter
        yield meters, start + np.array(outcomes.usage_ordinals), pa.array(outcomes.usage_values, _UNITS)


def _repeated(text: str, count: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(np.zeros(count, dtype=np.int32), _texts([text]))


def _coded(column: CodedColumn[Any], of: pa.DataType) -> pa.Array:
    """A column of outcomes; what is None there is null."""
    present = [value for value in column.values if value is not None]
    places = np.cumsum([value is not None for value in column.values], dtype=np.int32) - 1
    absent = np.array([value is None for value in column.values], dtype=np.bool_)
    codes = pa.array(places[column.codes], mask=absent[column.codes] if absent.any() else None)
    return pa.DictionaryArray.from_arrays(codes, pa.array(present, of))


def _distinct(column: pa.DictionaryArray) -> tuple[pa.Array, NDArray[np.int32]]:
    """The texts of a column, none of them twice, and which of them each row has; any, where it has none."""
    texts = column.dictionary.dictionary_encode()
    if not len(texts):
        return texts.dictionary, np.zeros(len(column), np.int32)
    return texts.dictionary, texts.indices.to_numpy()[column.indices.fill_null(0).to_numpy()]


def _joined(columns: Sequence[pa.DictionaryArray]) -> pa.DictionaryArray:
    """Columns one behind the other."""
    if len(columns) == 1:
        return columns[0]
    return pa.chunked_array(columns).unify_dictionaries().combine_chunks()


class RevisionTables:
    """The rows for the tables of revisions and of facts of what became of stored events later."""

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

    def usage(self) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """One row for each new usage fact, and one for each series of theirs."""
        made = [(revision, meter, value) for revision in self._revisions for meter, value in revision.usage]
        names = [(revision.organisation, revision.account_id, meter.id) for revision, meter, _ in made]
        series = {name: place for place, name in enumerate(dict.fromkeys(names))}
        facts = pa.RecordBatch.from_pydict(
            {
                "series": pa.array([series[name] for name in names], pa.int32()),
                "meter_version": pa.array([meter.version for _, meter, _ in made], pa.int32()),
                "event_at": _instants(_micros([revision.event_at for revision, _, _ in made])),
                "value": pa.array([value for _, _, value in made], _UNITS),
                "position": pa.array([revision.position for revision, _, _ in made], pa.int64()),
            }
        )
        columns = {"organisation": 0, "account_id": 1, "meter_id": 2}
        named = {column: _texts([name[place] for name in series]) for column, place in columns.items()}
        return facts, pa.RecordBatch.from_pydict(named)

    def _each(self, field: str) -> list[Any]:
        return [getattr(revision, field) for revision in self._revisions]


def _texts(values: Sequence[str | bytes | None]) -> pa.Array:
    return pa.array(values, _TEXT)


def _micros(instants: list[datetime]) -> NDArray[np.int64]:
    """Microseconds since 1970."""
    return np.array([micros_of(instant) for instant in instants], dtype=np.int64)


def _instants(micros: NDArray[np.int64]) -> pa.Array:
    return pa.array(micros).view(_INSTANT)
