"""The folder with the runs of known ids that belong to one event store: written once, chosen at a start, removed.

The event store is the record. What does not fit it is deleted, and its ids are learnt from there again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from itertools import groupby
from typing import IO, TYPE_CHECKING, Final

import numpy as np
import xxhash

from tallystick.stores import faults
from tallystick.stores.id_run import BLOCK, HEADER_BYTES, Header, StoredRun, UnfitRunError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tallystick.stores.id_run import Keys, Portion, Positions

_SUFFIX: Final = ".ids"
_UNFINISHED: Final = ".tmp"
_COPIED_AT_ONCE: Final = 1 << 20


class IdFolder:
    """A folder of files, each of which holds the ids of some rows of the log."""

    def __init__(self, path: Path, identity: str) -> None:
        self._path = path
        self._identity = identity

    def opened(self, offset: int) -> tuple[list[StoredRun], list[str]]:
        """Runs of consecutive rows from the first one on, none behind an offset, and what was unfit; the rest goes.

        A run that was merged from others holds their rows: of two that begin at one row, the longer is taken.

        Raises:
            OSError: when the folder cannot be made, read or cleared.
        """
        self._path.mkdir(mode=0o700, exist_ok=True)
        for left in self._path.glob(f"*{_UNFINISHED}"):
            left.unlink()
        fit, unfit = [], []
        for path in sorted(self._path.glob(f"*{_SUFFIX}")):
            try:
                fit.append(self._fit(path, offset))
            except UnfitRunError as reason:
                unfit.append(f"{path.name}: {reason}")
                path.unlink()
        runs, through = [], 0
        fit.sort(key=lambda run: (run.header.after_row, -run.header.through_row))
        for after, beginning in groupby(fit, lambda run: run.header.after_row):
            longest, *others = beginning
            if after == through:
                runs.append(longest)
                through = longest.header.through_row
            else:
                others = [longest, *others]
                unfit += [f"{run.path.name}: the rows before it are missing" for run in others if after > through]
            self.remove(others)
        return runs, unfit

    def write(self, portions: Iterable[Portion], after_row: int, through_row: int) -> StoredRun:
        """Write a run, which is there as a whole or not at all.

        Raises:
            OSError: when the disk refuses.
            UnfitRunError: when the portions were read from a file that is not as it was written.
        """
        path = self._path / f"{after_row}-{through_row}{_SUFFIX}"
        unfinished = path.with_suffix(_UNFINISHED)
        try:
            with unfinished.open("wb") as file, tempfile.TemporaryFile(dir=self._path) as aside:
                written = _Written(file, aside)
                for keys, positions in portions:
                    written.append(keys, positions)
                    faults.reach(faults.IDS_HALF_WRITTEN)
                written.finish(self._identity, after_row, through_row)
            faults.reach(faults.IDS_BEFORE_RENAME)
            unfinished.replace(path)
            self._sync()
        finally:
            unfinished.unlink(missing_ok=True)
        faults.reach(faults.IDS_RENAMED)
        return StoredRun(path)

    def remove(self, runs: Iterable[StoredRun]) -> None:
        """Delete runs; who has them open can go on with them.

        Raises:
            OSError: when the disk refuses.
        """
        for run in runs:
            run.path.unlink(missing_ok=True)

    def _fit(self, path: Path, offset: int) -> StoredRun:
        run = StoredRun(path)
        if run.header.identity != self._identity:
            raise UnfitRunError("it belongs to another event store")
        if run.header.through_row > offset:
            raise UnfitRunError(f"it goes to row {run.header.through_row}, the event store to row {offset}")
        return run

    def _sync(self) -> None:
        folder = os.open(self._path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class _Written:
    """A file under way: the keys are behind the header, the positions in a file aside until all keys are there."""

    def __init__(self, file: IO[bytes], aside: IO[bytes]) -> None:
        self._file = file
        self._aside = aside
        self._digests = xxhash.xxh3_64(), xxhash.xxh3_64()
        self._fence: list[Keys] = []
        self._count = 0
        file.write(bytes(HEADER_BYTES))

    def append(self, keys: Keys, positions: Positions) -> None:
        self._fence.append(keys[-self._count % BLOCK :: BLOCK].copy())
        self._count += len(keys)
        for file, digest, values in zip((self._file, self._aside), self._digests, (keys, positions), strict=True):
            content = np.ascontiguousarray(values).data.cast("B")
            digest.update(content)
            file.write(content)

    def finish(self, identity: str, after_row: int, through_row: int) -> None:
        """Put the parts together, and wait until the disk has them."""
        self._aside.seek(0)
        shutil.copyfileobj(self._aside, self._file, _COPIED_AT_ONCE)
        fence = np.concatenate(self._fence).tobytes() if self._fence else b""
        self._file.write(fence)
        digests = (*(digest.intdigest() for digest in self._digests), xxhash.xxh3_64_intdigest(fence))
        self._file.seek(0)
        self._file.write(Header(identity, after_row, through_row, self._count, *digests).packed())
        self._file.flush()
        os.fsync(self._file.fileno())
