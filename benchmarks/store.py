"""Filling a directory with events without HTTP: as a server does, or in bulk from events that it judged once."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks import world
from benchmarks.events import columns
from tallystick.engine import Engine, Settings
from tallystick.stores.duck_event_store import DuckEventStore
from tallystick.stores.event_log import position_of
from tallystick.stores.event_store_arrow import Arriving
from tallystick.stores.event_store_sorting import PORTION
from tallystick.stores.known_ids import keys_of
from tallystick.stores.state.catalogues import StateCatalogues
from tallystick.workers.event_processor import EventProcessor

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.figure import Scale
    from benchmarks.world import World

EVENTS: Final = "events.duckdb"
_AT_ONCE: Final = 10_000
_PROCESSED_AFTER: Final = 100_000
_PATTERN: Final = 65_536
_ID_BYTES: Final = 16
_RECENT: Final = timedelta(minutes=50)


def last_month() -> tuple[datetime, datetime]:
    """The last calendar month that is over: its first instant, and the one behind it."""
    end = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (end - timedelta(days=1)).replace(day=1), end


def fill(
    made: World, events: int, accounts: int, test_clock: datetime | None, start: datetime, span: timedelta
) -> None:
    """Add so many events, spread over accounts and a span of time, as a server does: by the log and the processing."""
    with closing(Engine(Settings(data=made.data, test_clock=test_clock))) as engine:
        processor = EventProcessor(engine.log, engine.events, StateCatalogues(engine.database))
        for number in range(0, events, _AT_ONCE):
            count = min(_AT_ONCE, events - number)
            engine.log.append(columns(count, made.organisation, accounts, start, span, seed=number)).result()
            if (number + count) % _PROCESSED_AFTER == 0:
                processor.drain()
        processor.drain()


class Kept:
    """Worlds that hold many events of last month; each is made once in a run, and measured in a copy."""

    def __init__(self, scratch: Path, accounts: int) -> None:
        self._scratch = scratch
        self._accounts = accounts
        self._made: dict[int, World] = {}

    @classmethod
    def of(cls, scale: Scale, scratch: Path) -> Kept:
        """The one of this run."""
        return _KEPT.setdefault(scratch, cls(scratch, scale.accounts))

    def holding(self, events: int) -> World:
        """The world with so many events, 0 for one without; only to be read."""
        if events not in self._made:
            data = self._scratch / f"kept-{events}"
            if events == 0:
                self._made[0] = world.build(data, self._accounts, test_clock=None)
            else:
                self._made[events] = made = _copied(self.holding(0), data)
                _fill_in_bulk(made.data, events, self._pattern())
        return self._made[events]

    def copied(self, events: int, name: str) -> World:
        """A copy to be changed, in a directory of that name."""
        return _copied(self.holding(events), self._scratch / name)

    def _pattern(self) -> _Pattern:
        made = self.copied(0, "pattern")
        fill(made, _PATTERN, self._accounts, None, datetime.now(UTC) - _RECENT, _RECENT)
        pattern = _Pattern.read(made)
        shutil.rmtree(made.data)
        return pattern


_KEPT: Final[dict[Path, Kept]] = {}


def _copied(made: World, data: Path) -> World:
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(made.data, data)
    return replace(made, data=data)


@dataclass(frozen=True, slots=True)
class _Pattern:
    """Processed events, their facts and the series of these as they arrive; `of_event` is the event of each fact."""

    organisation: str
    events: pa.Table
    facts: pa.Table
    series: pa.Table
    of_event: NDArray[np.int64]

    @classmethod
    def read(cls, made: World) -> _Pattern:
        """What a directory holds."""
        with duckdb.connect(made.data / EVENTS, read_only=True) as database:
            events = database.sql("FROM event ORDER BY position").to_arrow_table()
            facts = database.sql("FROM fact ORDER BY position").to_arrow_table()
            series = database.sql("FROM series ORDER BY series").to_arrow_table()
        of_event = np.searchsorted(events["position"].to_numpy(), facts["position"].to_numpy())
        facts = _replaced(facts, series=np.searchsorted(series["series"].to_numpy(), facts["series"].to_numpy()))
        return cls(made.organisation, events, facts, series.drop_columns(["series"]), of_event)

    def renewed(self, row: int, reserved: int, start: datetime, span: timedelta) -> Arriving:
        """The same with new ids and other times, as the events of one row of the log."""
        count = len(self.events)
        ids = os.urandom(_ID_BYTES * count).hex()
        names = [ids[place : place + 2 * _ID_BYTES] for place in range(0, len(ids), 2 * _ID_BYTES)]
        positions = position_of(row) + np.arange(count)
        seconds = int(start.timestamp()) + np.random.default_rng(row).integers(int(span.total_seconds()), size=count)
        events = _replaced(
            self.events,
            event_id=names,
            key=keys_of(self.organisation, names),
            position=positions,
            reserved=reserved + np.arange(count),
            event_at=_instants(seconds),
        )
        facts = _replaced(self.facts, position=positions[self.of_event], event_at=_instants(seconds[self.of_event]))
        return Arriving(_batch(events), _batch(facts), _batch(self.series), position_of(row))

    def first(self, count: int) -> _Pattern:
        """The pattern of only so many events."""
        facts = int(np.searchsorted(self.of_event, count))
        return replace(self, events=self.events[:count], facts=self.facts[:facts], of_event=self.of_event[:facts])


def _fill_in_bulk(data: Path, events: int, pattern: _Pattern) -> None:
    """Add events by the same transactions as a server, but without judging each; they come in order of time.

    Facts are sorted as by a server that keeps up.
    """
    start, end = last_month()
    rows = -(-events // _PATTERN)
    span = (end - start) / rows
    received_at = datetime.now(UTC)
    reserved = pattern.events["reserved"][0].as_py()
    with closing(DuckEventStore(data / EVENTS)) as store:
        for row in range(1, rows + 1):
            count = min(_PATTERN, events - (row - 1) * _PATTERN)
            arriving = pattern.first(count).renewed(row, reserved + row * _PATTERN, start + (row - 1) * span, span)
            store.apply_rows(arriving, row, received_at)
            if store.count_unsorted() >= PORTION:
                store.sort_portion()


def _replaced(table: pa.Table, **given: Any) -> pa.Table:  # noqa: ANN401 - whatever Arrow makes a column of
    for name, values in given.items():
        place = table.schema.get_field_index(name)
        field = table.schema.field(place)
        table = table.set_column(place, field, pa.array(values, field.type))
    return table


def _instants(seconds: NDArray[np.int64]) -> pa.Array:
    return pa.array(seconds * 1_000_000).view(pa.timestamp("us"))


def _batch(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]
