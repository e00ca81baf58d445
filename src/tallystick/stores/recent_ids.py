"""The ids of the events that were stored last: who sends again does so soon, and DuckDB takes longer to ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tallystick.metering.event import COUNTED
from tallystick.stores.taken_ids import by_organisation, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tallystick.stores.taken_ids import TakenIds

MOST_HELD: Final = 262_144
"""Ids, of some 80 bytes each."""

WORTH_APART: Final = 16_384
"""Ids from which on those of the next transaction stand apart: many small ones would take long to look through."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """The ids that events of some transactions hold, by position; `first` is that of their first event."""

    first: int
    positions: NDArray[np.int64]
    organisations: pa.Array
    ids: pa.Array

    @classmethod
    def of(cls, events: pa.RecordBatch) -> _Stored:
        """Those of rows for the table of events; of the rows themselves nothing is kept."""
        positions = events.column("position").to_numpy()
        statuses = events.column("status").dictionary_encode()
        counts = np.array([text in COUNTED for text in statuses.dictionary.to_pylist()], dtype=np.bool_)
        is_named = events.column("event_id").is_valid().to_numpy(zero_copy_only=False)
        holding = np.flatnonzero(counts[statuses.indices.to_numpy()] & is_named)
        holding = holding[np.argsort(positions[holding], kind="stable")]
        taken = pa.array(holding)
        return cls(
            int(positions.min()),
            positions[holding],
            events.column("organisation").take(taken).cast(pa.string()),
            events.column("event_id").take(taken),
        )

    def followed_by(self, later: _Stored) -> _Stored:
        """These and later ones."""
        return _Stored(
            self.first,
            np.concatenate([self.positions, later.positions]),
            pa.concat_arrays([self.organisations, later.organisations]),
            pa.concat_arrays([self.ids, later.ids]),
        )

    def at(self, asked: NDArray[np.int64]) -> TakenIds:
        """The ids of those events at these positions that hold theirs."""
        near = np.searchsorted(self.positions, asked)
        is_inside = near < len(self.positions)
        near, asked = near[is_inside], asked[is_inside]
        places = pa.array(near[self.positions[near] == asked])
        return by_organisation(self.organisations.take(places), self.ids.take(places))


class RecentIds:
    """The ids that the newest events of a store hold; transactions come in the order of their positions."""

    def __init__(self, most_held: int = MOST_HELD, *, worth_apart: int = WORTH_APART) -> None:
        self._most_held = most_held
        self._worth_apart = worth_apart
        self._stored: tuple[_Stored, ...] = ()

    def add(self, events: pa.RecordBatch) -> None:
        """Hold those of a transaction, and let go of the oldest."""
        stored, newest = list(self._stored), _Stored.of(events)
        if stored and len(stored[-1].positions) < self._worth_apart:
            newest = stored.pop().followed_by(newest)
        stored.append(newest)
        while sum(len(one.positions) for one in stored) > self._most_held:
            del stored[0]
        self._stored = tuple(stored)

    def forget(self) -> None:
        """Hold nothing: what became of events was changed."""
        self._stored = ()

    def at(self, positions: NDArray[np.int64]) -> tuple[TakenIds, NDArray[np.int64]]:
        """The ids of those events at positions that hold theirs; and the older positions."""
        stored = self._stored
        if not stored:
            return {}, positions
        recent = positions[positions >= stored[0].first]
        return together(one.at(recent) for one in stored), positions[positions < stored[0].first]
