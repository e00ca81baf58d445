"""Which event ids were claimed before: 64-bit keys with positions, the young ones in memory, the others in files.

A key can stand for two ids, so what is found here is only a candidate: the ids stored at its positions decide.
The event store is the record: what is in no file is learnt from there after a start, and so is what a lost file held.
"""

from __future__ import annotations

import logging
import threading
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

import numpy as np
import xxhash

from tallystick.stores import faults
from tallystick.stores.event_log import position_of
from tallystick.stores.id_run import HeldRun, UnfitRunError, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tallystick.stores.id_folder import IdFolder
    from tallystick.stores.id_run import Keys, Portion, Positions, Run, StoredRun

    KeysOf: TypeAlias = Callable[[str, Sequence[str | None]], Keys]

_GROWTH: Final = 4
"""A run is at least so many times as long as the next, so there are few, and an id is copied a few times for each."""

_MOST_HELD: Final = 1 << 18
"""So many ids in memory are worth a file, and are learnt again after a start in no time."""

_log = logging.getLogger(__name__)


class ClaimedIds(Protocol):
    """Where an index that is behind, or was lost, gets the ids it lacks."""

    def offset(self) -> int:
        """The last log row whose events are there."""
        ...

    def ids_after(self, position: int) -> Iterator[Portion]:
        """(keys, positions) of the events behind a position that claimed their id, by ascending key, in portions."""
        ...


def keys_of(organisation: str, ids: Sequence[str | None]) -> Keys:
    """The keys of ids of an organisation: xxh3, seeded by the organisation; that of no id means nothing."""
    digest = xxhash.xxh3_64_intdigest
    seed = digest(organisation.encode())
    return np.array([digest((event_id or "").encode(), seed) for event_id in ids], dtype=np.uint64)


class _StoppedError(Exception):
    """The index was closed while a file was under way."""


class _Damage(NamedTuple):
    """A file is not as it was written: its place among the files, and what is said of it."""

    place: int
    said: str


class KnownIds:
    """The index: sorted runs that are merged as they grow. One thread uses it, in whole batches.

    Another thread writes runs into files and merges these, while those that it merges are still asked.
    """

    def __init__(self, keys: KeysOf = keys_of, *, folder: IdFolder | None = None, most_held: int = _MOST_HELD) -> None:
        """An index without ids; with a folder, `catch_up` finds what is there, and more than `most_held` go there."""
        self.keys_of = keys
        self._folder = folder
        self._most_held = 1 if faults.armed(faults.SPILL_EARLY) else most_held
        self._is_open = self._is_checked = folder is None
        self._stored: list[StoredRun] = []
        self._leaving: list[HeldRun] = []
        self._young: list[HeldRun] = []
        self._offset = 0
        self._swapping = threading.Lock()
        self._writer: threading.Thread | None = None
        self._damaged: _Damage | None = None
        self._is_closed = False

    def __len__(self) -> int:
        """How many ids are known."""
        return sum(map(len, self._runs()))

    @property
    def offset(self) -> int:
        """The last log row whose ids are in here."""
        return self._offset

    @property
    def is_damaged(self) -> bool:
        """Whether a file turned out not to be as it was written: its ids are learnt again when the index catches up."""
        return self._damaged is not None

    def candidates(self, keys: Keys) -> Positions:
        """The positions of known ids that have one of these keys."""
        ascending = np.sort(keys)
        found = [run.found(ascending) for run in self._runs()]
        return np.concatenate(found) if found else np.empty(0, dtype=np.int64)

    def add(self, keys: Keys, positions: Positions, through_row: int) -> None:
        """Know these ids too, the last of which came with a row."""
        order = np.argsort(keys)
        self._hold(HeldRun(keys[order], positions[order]), through_row)

    def catch_up(self, claimed: ClaimedIds) -> None:
        """Learn what happened without this index: after a start, when it missed a batch, or when a file was lost.

        Raises:
            OSError: when the folder cannot be read or written.
        """
        through_row = claimed.offset()
        unfit = self.open(through_row)
        if unfit:
            _log.warning("files of known ids are made anew from the event store: %s", "; ".join(unfit))
        if not self._is_checked and not self._is_busy:
            self._is_checked = True
            self._begin(self.check)
        if self._damaged is not None:
            self.settle()
            _log.warning("ids are learnt from the event store again: %s", self._damaged.said)
            self._keep(self._stored[: self._damaged.place])
        if self._offset < through_row:
            self._learn(claimed.ids_after(position_of(self._offset + 1) - 1), through_row)

    def open(self, offset: int) -> list[str]:
        """Take the files that fit an event store with this offset, delete the others; why these do not fit.

        Raises:
            OSError: when the folder cannot be made, read or cleared.
        """
        if self._is_open or self._folder is None:
            return []
        self._stored, unfit = self._folder.opened(offset)
        self._offset = self._stored_through
        self._is_open = True
        self._is_checked = not self._stored
        return unfit

    def check(self) -> list[str]:
        """Read all files once, since a byte that is not as it was written could let an id count twice; what is wrong.

        What is damaged is learnt again when the index catches up.
        """
        for place, run in enumerate(self._stored):
            try:
                for _ in self._unless_closed(run.portions()):
                    pass
            except _StoppedError:
                break
            except (UnfitRunError, OSError) as failure:
                self._damaged = _Damage(place, f"{run.path.name}: {failure}")
                return [self._damaged.said]
        return []

    def clear(self) -> None:
        """Know nothing, and delete all files.

        Raises:
            OSError: when the disk refuses.
        """
        self.settle()
        self._keep([])

    def settle(self) -> None:
        """Wait until no file is under way."""
        if self._writer is not None:
            self._writer.join()
            self._writer = None

    def close(self) -> None:
        """Write no more files; one that is under way is given up."""
        self._is_closed = True
        self.settle()

    def _runs(self) -> list[Run]:
        with self._swapping:
            return [*self._stored, *self._leaving, *self._young]

    @property
    def _stored_through(self) -> int:
        return self._stored[-1].header.through_row if self._stored else 0

    def _keep(self, kept: list[StoredRun]) -> None:
        """Keep the oldest files; all that is younger is to be learnt again."""
        if self._folder is not None:
            self._folder.remove(self._stored[len(kept) :])
        self._stored, self._leaving, self._young, self._damaged = kept, [], [], None
        self._offset = self._stored_through

    def _learn(self, portions: Iterator[Portion], through_row: int) -> None:
        """Take ids that come by ascending key: into memory, or if they are many into a file, a portion at a time."""
        first: list[Portion] = []
        for portion in portions:
            first.append(portion)
            if self._folder is not None and sum(len(keys) for keys, _ in first) > self._most_held:
                self.settle()
                held = [run.portions() for run in (*self._leaving, *self._young)]
                learnt = merged([*held, chain(first, portions)])
                run = self._folder.write(learnt, self._stored_through, through_row)
                self._stored, self._leaving, self._young = [*self._stored, run], [], []
                self._offset = through_row
                return
        self._hold(HeldRun.of(first) if first else None, through_row)

    def _hold(self, run: HeldRun | None, through_row: int) -> None:
        if run is not None and len(run):
            kept = _outgrowing(self._young, len(run))
            later = [*self._young[kept:], run]
            self._young[kept:] = [run if len(later) == 1 else HeldRun.of(merged([each.portions() for each in later]))]
        self._offset = through_row
        if self._folder is not None and sum(map(len, self._young)) >= self._most_held and not self._is_busy:
            self._leaving, self._young = [*self._leaving, *self._young], []
            self._begin(self._write, self._folder, through_row)

    @property
    def _is_busy(self) -> bool:
        """Whether the other thread is at work, or nothing shall be begun any more."""
        return self._is_closed or (self._writer is not None and self._writer.is_alive())

    def _begin(self, work: Callable[..., object], *arguments: object) -> None:
        self._writer = threading.Thread(target=work, args=arguments, name="known-ids", daemon=True)
        self._writer.start()

    def _write(self, folder: IdFolder, through_row: int) -> None:
        """Put what leaves the memory into a file, together with the files that are not much longer than it."""
        kept = _outgrowing(self._stored, sum(map(len, self._leaving)))
        taken = self._stored[kept:]
        after_row = taken[0].header.after_row if taken else self._stored_through
        sources: list[Run] = [*taken, *self._leaving]
        portions = self._unless_closed(merged([run.portions() for run in sources]))
        try:
            run = folder.write(portions, after_row, through_row)
            with self._swapping:
                self._stored, self._leaving = [*self._stored[:kept], run], []
            folder.remove(taken)
        except UnfitRunError:
            self.check()
        except OSError as failure:
            _log.warning("known ids stay in memory, they cannot be written: %s", failure)
        except _StoppedError:
            pass

    def _unless_closed(self, portions: Iterator[Portion]) -> Iterator[Portion]:
        for portion in portions:
            if self._is_closed:
                raise _StoppedError
            yield portion


def _outgrowing(runs: Sequence[Run], size: int) -> int:
    """How many runs, the first of which are the longest, stay as they are when so many ids come behind them."""
    kept = len(runs)
    while kept and len(runs[kept - 1]) < _GROWTH * size:
        kept -= 1
        size += len(runs[kept])
    return kept
