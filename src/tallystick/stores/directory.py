"""The one directory that a server keeps everything in, and the lock that lets only one server use it."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Final

from tallystick.kernel.errors import BillingError, Kind, Problem

if TYPE_CHECKING:
    from pathlib import Path

_LOCK: Final = "server.lock"
_SQLITE: Final = (0, b"SQLite format 3\x00")
_DUCKDB: Final = (8, b"DUCK")
"""Where in a file its kind is written, and how."""


class DataDirectory:
    """A directory with the state, the event log and the event store."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as failure:
            raise _unusable(f"cannot create the data directory {path}: {failure.strerror}") from None

    @property
    def state_url(self) -> str:
        """The database URL of the embedded state store."""
        return f"sqlite:///{self.path / 'state.db'}"

    @property
    def event_log(self) -> Path:
        """The file of the event log."""
        return self.path / "events.log.db"

    @property
    def event_store(self) -> Path:
        """The file of the event store."""
        return self.path / "events.duckdb"

    @property
    def known_ids(self) -> Path:
        """The folder of the index of known ids, which is made anew when it is lost."""
        return self.path / "ids"

    def lock(self) -> None:
        """Keep other servers out until this process ends.

        Raises:
            BillingError: of kind UNAVAILABLE, when another server runs on the directory.
        """
        try:
            self._lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.unlock()
            raise BillingError(
                Kind.UNAVAILABLE,
                "directory_in_use",
                Problem("", f"another server runs on {self.path}: stop it, or serve another --data directory"),
            ) from None
        except OSError as failure:
            raise _unusable(f"cannot write to the data directory {self.path}: {failure.strerror}") from None

    def check(self, *, with_state: bool) -> None:
        """See that the files that are there are what their names say, before anything is made beside them.

        Raises:
            BillingError: of kind BROKEN, when one is not, or cannot be opened to read and write.
        """
        kinds = {self.event_store: _DUCKDB, self.event_log: _SQLITE}
        if with_state:
            kinds[self.path / "state.db"] = _SQLITE
        for path, (place, mark) in kinds.items():
            try:
                with path.open("r+b") as file:
                    begins = file.read(place + len(mark))
            except FileNotFoundError:
                continue
            except OSError as failure:
                raise _unusable(f"cannot open {path} to read and write ({failure.strerror})") from None
            if begins and begins[place:] != mark:
                kind = "SQLite" if mark == _SQLITE[1] else "DuckDB"
                reason = f"{path} is no {kind} database, so it is left as it is: put it elsewhere, or restore it"
                raise _unusable(reason)

    def unlock(self) -> None:
        """Let other servers in again."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _unusable(reason: str) -> BillingError:
    return BillingError(Kind.BROKEN, "unusable_directory", Problem("", reason))
