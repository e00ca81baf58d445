"""Which event ids were claimed before: 64-bit keys in memory, 16 bytes for each id, rebuilt from the event store.

A key can stand for two ids, so what is found here is only a candidate: the ids stored at its positions decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import numpy as np
import xxhash

from tallystick.stores.event_log import position_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Keys: TypeAlias = NDArray[np.uint64]
    Positions: TypeAlias = NDArray[np.int64]
    KeysOf: TypeAlias = Callable[[str, Sequence[str | None]], Keys]

_GROWTH: Final = 4
"""A run is at least so many times as long as the next, so there are few, and an id is copied a few times for each."""


class ClaimedIds(Protocol):
    """Where an index that is behind, or was lost, gets the ids it lacks."""

    def offset(self) -> int:
        """The last log row whose events are there."""
        ...

    def ids_after(self, position: int) -> Iterator[tuple[Keys, Positions]]:
        """(keys, positions) of the events behind a position that claimed their id, by ascending key, in portions."""
        ...


def keys_of(organisation: str, ids: Sequence[str | None]) -> Keys:
    """The keys of ids of an organisation: xxh3, seeded by the organisation; that of no id means nothing."""
    digest = xxhash.xxh3_64_intdigest
    seed = digest(organisation.encode())
    return np.array([digest((event_id or "").encode(), seed) for event_id in ids], dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class _Run:
    """Keys in ascending order, and the position that goes with each."""

    keys: Keys
    positions: Positions

    def found(self, keys: Keys) -> Positions:
        """The positions of all of its keys that are among these, which are in ascending order."""
        first = np.searchsorted(self.keys, keys, side="left")
        hit = self.keys[np.minimum(first, len(self.keys) - 1)] == keys
        first, last = first[hit], np.searchsorted(self.keys, keys[hit], side="right")
        lengths = last - first
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        places: NDArray[np.intp] = np.repeat(first, lengths) + within
        found: Positions = self.positions[places]
        return found

    def merged(self, later: _Run) -> _Run:
        """Both runs in one."""
        places = np.searchsorted(self.keys, later.keys, side="right") + np.arange(len(later.keys))
        is_own = np.ones(len(self.keys) + len(later.keys), dtype=np.bool_)
        is_own[places] = False
        keys, positions = np.empty(len(is_own), dtype=np.uint64), np.empty(len(is_own), dtype=np.int64)
        keys[is_own], positions[is_own] = self.keys, self.positions
        keys[places], positions[places] = later.keys, later.positions
        return _Run(keys, positions)


class KnownIds:
    """The index: sorted runs that are merged as they grow. One thread uses it, in whole batches."""

    def __init__(self, keys: KeysOf = keys_of) -> None:
        self.keys_of = keys
        self._runs: list[_Run] = []
        self._offset = 0

    def __len__(self) -> int:
        """How many ids are known."""
        return sum(len(run.keys) for run in self._runs)

    @property
    def offset(self) -> int:
        """The last log row whose ids are in here."""
        return self._offset

    def candidates(self, keys: Keys) -> Positions:
        """The positions of known ids that have one of these keys."""
        ascending = np.sort(keys)
        found = [run.found(ascending) for run in self._runs]
        return np.concatenate(found) if found else np.empty(0, dtype=np.int64)

    def add(self, keys: Keys, positions: Positions, through_row: int) -> None:
        """Know these ids too, the last of which came with a row."""
        order = np.argsort(keys)
        self._add_run(_Run(keys[order], positions[order]))
        self._offset = through_row

    def catch_up(self, claimed: ClaimedIds) -> None:
        """Learn what happened without this index: after a start, or when it missed a batch."""
        through_row = claimed.offset()
        if self._offset < through_row:
            portions = list(claimed.ids_after(position_of(self._offset + 1) - 1))
            if portions:
                keys, positions = zip(*portions, strict=True)
                self._add_run(_Run(np.concatenate(keys), np.concatenate(positions)))
            self._offset = through_row

    def _add_run(self, run: _Run) -> None:
        if not len(run.keys):
            return
        while self._runs and len(self._runs[-1].keys) < _GROWTH * len(run.keys):
            run = self._runs.pop().merged(run)
        self._runs.append(run)
