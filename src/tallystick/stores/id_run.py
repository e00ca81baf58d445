"""One run of known ids: keys in ascending order and the position that goes with each, in memory or in a file.

A file is never changed once it is there: a header of one page, the keys, the positions, and the fence, which is the
first key of each block of keys. The fence is in memory; of the keys, a lookup touches one block for each that is asked.
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import numpy as np
import xxhash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Keys: TypeAlias = NDArray[np.uint64]
    Positions: TypeAlias = NDArray[np.int64]
    Portion: TypeAlias = tuple[Keys, Positions]

BLOCK: Final = 512
"""Keys in a block: a page of memory."""

HEADER_BYTES: Final = 4096
WORD: Final = 8
_MAGIC: Final = b"tallyids"
_LAYOUT: Final = 1
_HEADER: Final = struct.Struct("<8sQ32sQQQQQQ")
_DIGEST: Final = struct.Struct("<Q")
_PORTION: Final = 65_536
_MAPPED_AT_ONCE: Final = 64 * 1024
"""What the kernel maps around a page that is touched."""

_MOST_MAPPED: Final = 64 << 20
"""About so many bytes of one file are mapped: the kernel keeps what it likes, but more would count as ours."""


class UnfitRunError(Exception):
    """A file is no run, or not as it was written."""


class Run(Protocol):
    """Keys in ascending order, and the position that goes with each."""

    def __len__(self) -> int:
        """How many ids."""
        ...

    def found(self, keys: Keys) -> Positions:
        """The positions of all of its keys that are among these, which are in ascending order."""
        ...

    def portions(self) -> Iterator[Portion]:
        """Everything, from the lowest key to the highest, so much at once as fits the caches."""
        ...


@dataclass(frozen=True, slots=True)
class HeldRun:
    """A run in memory."""

    keys: Keys
    positions: Positions

    @classmethod
    def of(cls, portions: Iterable[Portion]) -> HeldRun:
        """The run of portions that follow one another."""
        keys, positions = zip(*portions, strict=True)
        return cls(np.concatenate(keys), np.concatenate(positions))

    def __len__(self) -> int:
        """How many ids."""
        return len(self.keys)

    def found(self, keys: Keys) -> Positions:
        """The positions of all of its keys that are among these, which are in ascending order."""
        return _found(self.keys, self.positions, keys, np.searchsorted(self.keys, keys, side="left"))

    def portions(self) -> Iterator[Portion]:
        """Everything, from the lowest key to the highest, so much at once as fits the caches."""
        for start in range(0, len(self.keys), _PORTION):
            yield self.keys[start : start + _PORTION], self.positions[start : start + _PORTION]


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself: the event store it belongs to, the rows (after, through] whose ids it holds."""

    identity: str
    after_row: int
    through_row: int
    count: int
    keys_digest: int
    positions_digest: int
    fence_digest: int

    def packed(self) -> bytes:
        """The first page of the file."""
        rows = (self.after_row, self.through_row, self.count)
        digests = (self.keys_digest, self.positions_digest, self.fence_digest)
        said = _HEADER.pack(_MAGIC, _LAYOUT, self.identity.encode(), *rows, *digests)
        return (said + _DIGEST.pack(xxhash.xxh3_64_intdigest(said))).ljust(HEADER_BYTES, b"\0")

    @classmethod
    def unpacked(cls, page: bytes) -> Header:
        """The header on a page.

        Raises:
            UnfitRunError: when there is none, or it is damaged.
        """
        said = page[: _HEADER.size]
        if page != said + _DIGEST.pack(xxhash.xxh3_64_intdigest(said)) + bytes(HEADER_BYTES - len(said) - WORD):
            raise UnfitRunError("its header is damaged")
        magic, layout, identity, *numbers = _HEADER.unpack(said)
        if (magic, layout) != (_MAGIC, _LAYOUT):
            raise UnfitRunError("another release wrote it")
        return cls(identity.decode(), *numbers)

    @property
    def size(self) -> int:
        """The bytes of the whole file."""
        return HEADER_BYTES + 2 * WORD * self.count + WORD * -(-self.count // BLOCK)


class StoredRun:
    """A run in a file, of which memory holds the fence."""

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            UnfitRunError: when its header, its fence or its size are not as they were written.
            OSError: when it cannot be read.
        """
        self.path = path
        with path.open("rb") as file:
            self.header = header = Header.unpacked(file.read(HEADER_BYTES))
            if os.fstat(file.fileno()).st_size != header.size:
                raise UnfitRunError("it has another size than its header says")
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._behind_keys = HEADER_BYTES + WORD * header.count
            self._behind_positions = self._behind_keys + WORD * header.count
            file.seek(self._behind_positions)
            fence = file.read()
        if xxhash.xxh3_64_intdigest(fence) != header.fence_digest:
            raise UnfitRunError("its fence is damaged")
        self._fence = np.frombuffer(fence, np.uint64)
        self._keys = np.frombuffer(self._map, np.uint64, header.count, HEADER_BYTES)
        self._positions = np.frombuffer(self._map, np.int64, header.count, self._behind_keys)
        self._mapped = 0

    def __len__(self) -> int:
        """How many ids."""
        return self.header.count

    def found(self, keys: Keys) -> Positions:
        """The positions of all of its keys that are among these, which are in ascending order."""
        most = min(WORD * len(self), len(keys) * _MAPPED_AT_ONCE)
        pieces = most // _MOST_MAPPED + 1
        parts = []
        for asked in np.array_split(keys, pieces):
            self._release(most // pieces)
            parts.append(_found(self._keys, self._positions, asked, self._first_places(asked)))
        return np.concatenate(parts)

    def portions(self) -> Iterator[Portion]:
        """Everything, from the lowest key to the highest; read, not mapped.

        Raises:
            UnfitRunError: at the end, when it was not as it was written.
        """
        digests = xxhash.xxh3_64(), xxhash.xxh3_64()
        with self.path.open("rb") as file:
            for start in range(0, len(self), _PORTION):
                size = WORD * min(_PORTION, len(self) - start)
                keys = os.pread(file.fileno(), size, HEADER_BYTES + WORD * start)
                positions = os.pread(file.fileno(), size, self._behind_keys + WORD * start)
                digests[0].update(keys)
                digests[1].update(positions)
                yield np.frombuffer(keys, np.uint64), np.frombuffer(positions, np.int64)
        if [digest.intdigest() for digest in digests] != [self.header.keys_digest, self.header.positions_digest]:
            raise UnfitRunError("its content is damaged")

    def _first_places(self, keys: Keys) -> NDArray[np.intp]:
        """Where each key is, or would be: its block by the fence, then by halves in all blocks at once."""
        if len(self) <= BLOCK:
            return np.searchsorted(self._keys, keys, side="left")
        blocks = np.maximum(np.searchsorted(self._fence, keys, side="left"), 1) - 1
        places: NDArray[np.intp] = np.minimum(blocks * BLOCK, len(self) - BLOCK)
        half = BLOCK // 2
        while half:
            places += half * (self._keys[places + (half - 1)] < keys)
            half //= 2
        places += self._keys[places] < keys
        return places

    def _release(self, size: int) -> None:
        """Let go of mapped pages, before with so many bytes more they are too many."""
        self._mapped += size
        if self._mapped > _MOST_MAPPED:
            self._map.madvise(mmap.MADV_DONTNEED)
            self._mapped = size


def merged(runs: Iterable[Iterator[Portion]]) -> Iterator[Portion]:
    """All runs in one, portion by portion; each is read once, from its lowest key to its highest."""
    sources = [(source, head) for source in runs for head in [next(source, None)] if head is not None]
    while sources:
        bound = min(keys[-1] for _, (keys, _) in sources)
        taken, left = [], []
        for source, (keys, positions) in sources:
            cut = int(np.searchsorted(keys, bound, side="right"))
            taken.append((keys[:cut], positions[:cut]))
            rest = (keys[cut:], positions[cut:]) if cut < len(keys) else next(source, None)
            if rest is not None:
                left.append((source, rest))
        yield _sorted(taken)
        sources = left


def _sorted(portions: list[Portion]) -> Portion:
    """Portions in one; an id that was learnt again, since a correction claimed it once more, stands there once."""
    if len(portions) == 1:
        return portions[0]
    keys = np.concatenate([keys for keys, _ in portions])
    positions = np.concatenate([positions for _, positions in portions])
    order = np.argsort(keys, kind="stable")  # which finds the ascending pieces and merges them
    keys, positions = keys[order], positions[order]
    again = (keys[1:] == keys[:-1]) & (positions[1:] == positions[:-1])
    if not again.any():
        return keys, positions
    first = np.concatenate([[True], ~again])
    return keys[first], positions[first]


def _found(held: Keys, positions: Positions, keys: Keys, first: NDArray[np.intp]) -> Positions:
    """The positions of the keys, each of which is at a place or nowhere, and behind it as often as it is there."""
    hit = held[np.minimum(first, len(held) - 1)] == keys if len(held) else np.zeros(len(keys), dtype=np.bool_)
    first = first[hit]
    if not len(first):
        return np.empty(0, dtype=np.int64)
    hits, lengths = keys[hit], np.ones(len(first), dtype=np.intp)
    while (again := held[np.minimum(first + lengths, len(held) - 1)] == hits).any():
        again &= first + lengths < len(held)
        if not again.any():
            break
        lengths += again
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    found: Positions = positions[np.repeat(first, lengths) + within]
    return found
