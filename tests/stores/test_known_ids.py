"""The index of known ids agrees with a plain dictionary, whatever is put into it and in what portions."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.stores.event_log import position_of
from tallystick.stores.known_ids import KnownIds, keys_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray


def array(values: Sequence[int], kind: type = np.uint64) -> NDArray[np.uint64]:
    return np.array(values, dtype=kind)


KEYS = st.integers(0, 12) | st.sampled_from([2**64 - 1, 2**63, 2**63 - 1])


@given(batches=st.lists(st.lists(KEYS, max_size=30), max_size=12), asked=st.lists(KEYS, min_size=1, max_size=8))
def test_candidates_are_all_positions_of_the_keys(batches: list[list[int]], asked: list[int]) -> None:
    known = KnownIds()
    oracle: defaultdict[int, list[int]] = defaultdict(list)
    for row, keys in enumerate(batches, start=1):
        positions = [position_of(row, ordinal) for ordinal in range(len(keys))]
        known.add(array(keys), array(positions, np.int64), row)
        for key, position in zip(keys, positions, strict=True):
            oracle[key].append(position)
    unique = sorted(set(asked))
    found = sorted(known.candidates(array(unique)).tolist())
    assert found == sorted(position for key in unique for position in oracle[key])
    assert len(known) == sum(map(len, batches))
    assert known.offset == len(batches)


def test_nothing_is_found_in_an_empty_index() -> None:
    assert KnownIds().candidates(array([1, 2])).tolist() == []


def test_there_are_few_runs_however_many_batches_came() -> None:
    known = KnownIds()
    generator = np.random.default_rng(7)
    for row in range(1, 301):
        keys = generator.integers(0, 2**63, 100).astype(np.uint64)
        known.add(keys, position_of(row) + np.arange(100), row)
    assert len(known) == 30_000
    assert len(known._runs) <= 6


def test_keys_differ_by_organisation_and_id_and_are_always_the_same() -> None:
    first = keys_of("org.1", ["a", "b", None, ""])
    assert first.dtype == np.uint64
    assert first.tolist() == keys_of("org.1", ["a", "b", None, ""]).tolist()
    assert len({*first.tolist()[:2], *keys_of("org.2", ["a", "b"]).tolist()}) == 4
    assert keys_of("org.1", []).tolist() == []


class Claimed:
    """Ids that were claimed without the index."""

    def __init__(self, rows: dict[int, list[int]]) -> None:
        self.rows = rows

    def offset(self) -> int:
        return max(self.rows, default=0)

    def ids_after(self, position: int) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
        claimed = sorted(
            (key, position_of(row, ordinal))
            for row, keys in self.rows.items()
            for ordinal, key in enumerate(keys)
            if position_of(row, ordinal) > position
        )
        for start in range(0, len(claimed), 2):
            keys, positions = zip(*claimed[start : start + 2], strict=True)
            yield array(keys), array(positions, np.int64)


@pytest.mark.parametrize("rows_seen", [0, 1, 2, 3])
def test_an_index_that_is_behind_catches_up_and_learns_nothing_twice(rows_seen: int) -> None:
    rows = {1: [5, 9], 2: [1, 5, 7], 3: [2]}
    known = KnownIds()
    for row in range(1, rows_seen + 1):
        known.add(array(rows[row]), position_of(row) + np.arange(len(rows[row])), row)
    known.catch_up(Claimed(rows))
    known.catch_up(Claimed(rows))
    assert known.offset == 3
    assert len(known) == 6
    assert sorted(known.candidates(array([5])).tolist()) == [position_of(1, 0), position_of(2, 1)]
