"""The index of known ids agrees with a plain dictionary, whatever is put into it and in what portions."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.stores.event_log import position_of
from tallystick.stores.id_folder import IdFolder
from tallystick.stores.id_run import HEADER_BYTES
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
    assert len(known._young) <= 6


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


IDENTITY = "0123456789abcdef" * 2


class World:
    """An index with files that is closed, killed and opened again, beside a dictionary and the record of its rows."""

    def __init__(self, path: Path) -> None:
        self.folder = IdFolder(path / "ids", IDENTITY)
        self.claimed = Claimed({})
        self.known = self.opened()

    def opened(self, most_held: int = 4) -> KnownIds:
        self.known = KnownIds(folder=self.folder, most_held=most_held)
        self.known.catch_up(self.claimed)
        return self.known

    def claim(self, keys: list[int], *, told: bool = True) -> None:
        """The ids of one more row, which the index is told or not."""
        row = self.claimed.offset() + 1
        self.claimed.rows[row] = keys
        if told:
            self.known.add(array(keys), position_of(row) + np.arange(len(keys)), row)

    def check(self) -> None:
        """Every key of every row is found, and no other."""
        self.known.catch_up(self.claimed)
        oracle = {
            position_of(row, ordinal): key
            for row, keys in self.claimed.rows.items()
            for ordinal, key in enumerate(keys)
        }
        for asked in ([key] for key in {*oracle.values(), 77}):
            found = sorted(self.known.candidates(array(asked)).tolist())
            assert found == sorted(position for position, key in oracle.items() if [key] == asked)
        assert len(self.known) == len(oracle)
        assert self.known.offset == self.claimed.offset()

    def files(self) -> list[Path]:
        return sorted(self.folder._path.iterdir())


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


STEPS = st.one_of(
    st.tuples(st.just("claim"), st.lists(KEYS, max_size=9)),
    st.tuples(st.just("miss"), st.lists(KEYS, max_size=9)),
    st.tuples(st.sampled_from(["settle", "check", "close", "kill"]), st.just([])),
)


@given(steps=st.lists(STEPS, max_size=25), most_held=st.integers(1, 12))
def test_files_and_restarts_change_nothing(steps: list[tuple[str, list[int]]], most_held: int) -> None:
    with tempfile.TemporaryDirectory() as path:
        world = World(Path(path))
        for step, keys in steps:
            if step in {"claim", "miss"}:
                world.known.catch_up(world.claimed)
                world.claim(keys, told=step == "claim")
            elif step == "settle":
                world.known.settle()
            elif step == "check":
                world.check()
            else:
                getattr(world.known, "close" if step == "close" else "settle")()  # who is killed leaves what is there
                world.opened(most_held)
        world.check()
        world.known.close()


def many(world: World, rows: int = 41) -> None:
    """So many rows of two ids each, in several files of which none is merged yet with all others."""
    for row in range(rows):
        world.claim([row, 1_000 + row])
        world.known.settle()


def test_of_what_was_stored_only_the_young_is_learnt_again(world: World) -> None:
    many(world)
    stored = world.known._stored[-1].header.through_row
    assert 30 < stored < 41
    asked: list[int] = []
    learn = world.claimed.ids_after
    world.claimed.ids_after = lambda position: (asked.append(position), learn(position))[1]  # type: ignore[method-assign]
    world.opened()
    assert asked == [position_of(stored + 1) - 1]
    world.check()


def test_large_runs_are_asked_block_by_block(world: World) -> None:
    """Blocks that are full of one key, keys at the borders of blocks, and the last block, which is a part of one."""
    keys = [key for key in range(3_000) for _ in range(1 + (key == 700) * 1_500 + (key % 512 == 0))]
    world.claim(keys, told=False)
    world.opened()
    assert [len(run) for run in world.known._stored] == [len(keys)]
    asked = array([*range(0, 3_000, 2), 700, 701, 2_999, 3_000, 2**64 - 1])
    found = world.known.candidates(array(sorted(set(asked.tolist()))))
    wanted = [position_of(1, place) for place, key in enumerate(sorted(keys)) if key in set(asked.tolist())]
    assert sorted(found.tolist()) == wanted
    assert len(world.known.candidates(array([5_000]))) == 0


def damage(world: World, name: str) -> None:
    """What may become of files, by name; they are those of several runs."""
    first, *_, last = [path for path in world.files() if path.suffix == ".ids"]
    content = bytearray(first.read_bytes())
    match name:
        case "truncated":
            first.write_bytes(content[:-8])
        case "longer":
            first.write_bytes(content + b"12345678")
        case "empty":
            first.write_bytes(b"")
        case "its header":
            content[48] ^= 1
            first.write_bytes(content)
        case "its fence":
            content[-1] ^= 1
            first.write_bytes(content)
        case "missing":
            first.unlink()
        case "unfinished":
            (first.parent / "1-9.tmp").write_bytes(content[:5_000])
        case "misnamed":
            last.rename(last.with_name("0-999.ids"))


def test_an_id_that_is_learnt_again_and_again_takes_its_place_once(world: World) -> None:
    """As when a job judges the events of a month anew: each of its corrections claims ids that were claimed before."""
    world.claim(list(range(600)))
    again = array(range(600)), position_of(1) + np.arange(600)
    for row in range(2, 6):
        world.known.add(*again, row)
        world.known.settle()
    assert len(world.known) == 600
    assert world.known.candidates(array([7])).tolist() == [position_of(1, 7)]


DAMAGES = ["truncated", "longer", "empty", "its header", "its fence", "missing"]


@pytest.mark.parametrize("name", [*DAMAGES, "unfinished", "misnamed"])
def test_files_that_do_not_fit_are_learnt_again(world: World, caplog: pytest.LogCaptureFixture, name: str) -> None:
    many(world)
    assert len(world.known._stored) > 1
    damage(world, name)
    world.opened()
    world.check()
    assert len(caplog.records) == (name in DAMAGES)
    world.known.settle()
    world.opened()
    world.check()
    assert not [path for path in world.files() if path.suffix != ".ids"]


def test_files_of_another_store_or_of_rows_that_it_has_not_are_learnt_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    many(world)
    world.claimed.rows = {row: [5_000 + row] for row in range(1, 30)}
    world.opened()
    assert "the event store to row 29" in caplog.text
    assert world.known.offset == 29
    world.claimed.rows = {row: [7_000 + row] for row in range(1, 50)}
    world.folder = IdFolder(world.folder._path, IDENTITY[::-1])
    world.opened()
    world.check()
    assert "another event store" in caplog.text


@pytest.mark.parametrize("place", [HEADER_BYTES, -100])
def test_a_flipped_byte_is_found_after_the_start_and_its_ids_are_learnt_again(
    world: World, caplog: pytest.LogCaptureFixture, place: int
) -> None:
    many(world)
    first = world.known._stored[0].path
    content = bytearray(first.read_bytes())
    content[place] ^= 4
    first.write_bytes(content)
    world.opened()
    world.known.settle()
    world.check()
    assert "its content is damaged" in caplog.text


def test_a_flipped_byte_is_found_when_runs_are_merged(world: World) -> None:
    many(world)
    first = world.known._stored[0].path
    content = bytearray(first.read_bytes())
    content[HEADER_BYTES] ^= 4
    first.write_bytes(content)
    many(world, 200)
    world.known.settle()
    world.check()


def test_two_that_cover_the_same_rows_are_settled_for_the_one_that_was_merged(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A death after a merged file was renamed and before its parts were removed leaves both."""
    many(world)
    shutil.copytree(world.folder._path, tmp_path / "parts")
    many(world, 120)
    merged = world.files()
    for part in (tmp_path / "parts").glob("0-*"):  # the others are removed already
        shutil.copy(part, world.folder._path)
    assert len(world.files()) == len(merged) + 1
    world.opened()
    world.check()
    assert world.files() == merged
    assert not caplog.records, "nothing is learnt again"


def test_a_folder_that_cannot_be_written_keeps_ids_in_memory(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(world.folder, "write", full)
        many(world)
        world.check()
    assert "No space left on device" in caplog.text
    many(world)
    world.check()
    assert world.known._stored
