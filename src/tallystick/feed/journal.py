"""How far a file has come, kept beside it: what was acknowledged, and what was rejected with its reason."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallystick.feed.row import START, Place
from tallystick.kernel.errors import conflict, invalid

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Self

BETWEEN_SAVES_SECONDS: Final = 0.2


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent where: the digest of the file, what makes events of its rows, and the server."""

    file: str
    terms: str
    server: str


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Everything up to `place` was answered by the server; `rejects_size` is how long the list of rejects was then."""

    errand: Errand
    place: Place = START
    taken: int = 0
    rejected: int = 0
    rejects_size: int = 0
    is_done: bool = False


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was not taken, and why; `event` is what became of it, or the row itself where nothing did."""

    row: int
    reason: str
    event: Any


class Journal:
    """The progress file and the list of rejects; both tell of the same rows after a crash."""

    def __init__(self, path: Path, rejects: Path, errand: Errand, *, restart: bool) -> None:
        """Go on where the progress file says, or begin.

        Raises:
            BillingError: of kind CONFLICT, when the progress is that of another file, mapping or server; of kind
                INVALID, when it cannot be read.
        """
        self._path = path
        found = None if restart else _read(path)
        if found is not None:
            _refuse_another(found.errand, errand, path)
        self.progress = found or Progress(errand=errand)
        self._rejects_path = rejects
        self._rejects = rejects.open("ab")
        kept = min(self.progress.rejects_size, self._rejects.tell())
        self._rejects.truncate(kept)  # what came after it was not yet answered for
        self.progress = msgspec.structs.replace(self.progress, rejects_size=kept)
        self._saved_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._save()
        self._rejects.close()
        if not self.progress.rejects_size:
            self._rejects_path.unlink()

    def answered(self, place: Place, taken: int, rejects: Iterable[Reject]) -> None:
        """Note that everything up to a place was answered."""
        before = self.progress
        lines = [msgspec.json.encode(reject) + b"\n" for reject in rejects]
        self._rejects.write(b"".join(lines))
        self.progress = msgspec.structs.replace(
            before,
            place=place,
            taken=before.taken + taken,
            rejected=before.rejected + len(lines),
            rejects_size=before.rejects_size + sum(map(len, lines)),
        )
        if time.monotonic() - self._saved_at > BETWEEN_SAVES_SECONDS:
            self._save()

    def done(self) -> None:
        """Note that the file has come to its end."""
        self.progress = msgspec.structs.replace(self.progress, is_done=True)

    def _save(self) -> None:
        """Rejects first: the progress says how many of them count."""
        self._rejects.flush()
        os.fsync(self._rejects.fileno())
        new = self._path.with_name(f"{self._path.name}.new")
        with new.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(self.progress)))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
        self._saved_at = time.monotonic()


def _read(path: Path) -> Progress | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Progress)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        reason = "is no progress file of tallystick: name another one with --progress"
        raise invalid(str(path), reason) from None


def _refuse_another(found: Errand, wanted: Errand, path: Path) -> None:
    again = "--restart sends it from its first row, --progress FILE keeps the two apart"
    if found.file != wanted.file:
        reason = (
            "the file is another one than when it was sent, so that rows without ids of their own would count again: "
            f"send what is new as a file of its own; or {again}"
        )
        raise conflict(reason, str(path))
    if found.terms != wanted.terms:
        raise conflict(f"the rows before were mapped otherwise: {again}", str(path))
    if found.server != wanted.server:
        raise conflict(f"the rows before were sent to {found.server}: {again}", str(path))
