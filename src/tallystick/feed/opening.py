"""From a path and what was said about it to a file that can be sent."""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tallystick.feed.mapping import Columns, WholeEvents, completed
from tallystick.feed.text_lines import Delimited, JsonLines
from tallystick.kernel.errors import invalid

if TYPE_CHECKING:
    from pathlib import Path

    from tallystick.feed.mapping import ToEvent
    from tallystick.feed.row import UsageFile

FORMATS: Final = ("jsonl", "csv", "tsv", "parquet")
_BY_SUFFIX: Final = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_DIGITS: Final = 32
"""Of the file's SHA-256 in ids, as hexadecimal: 128 bits are told apart in any number of files."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file, what makes events of its rows, and the digest that tells it from others."""

    file: UsageFile
    to_event: ToEvent
    digest: str


def opened(path: Path, kind: str | None, delimiter: str | None, said: Columns) -> Opened:
    """A file of a format, by default that of its name.

    Raises:
        BillingError: of kind INVALID, for an unknown format, or when what was said does not fit the file.
    """
    kind = kind or _BY_SUFFIX.get(path.suffix.lower())
    if kind is None:
        raise invalid(path.name, f"say what it is: --format {' or '.join(FORMATS)}")
    if path.stat().st_size == 0:
        raise invalid(path.name, "is empty")
    file = _file(path, kind, delimiter)
    whole = file.columns is None and said == Columns()
    return Opened(file, WholeEvents() if whole else completed(said, file.columns), _digest(path))


def _file(path: Path, kind: str, delimiter: str | None) -> UsageFile:
    if kind == "parquet":
        # pyarrow takes half a second to import, which other files need not wait for.
        file: UsageFile = importlib.import_module("tallystick.feed.parquet").ParquetFile(path)
        return file
    if kind == "jsonl":
        return JsonLines(path)
    return Delimited(path, delimiter or ("\t" if kind == "tsv" else ","))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:_DIGITS]
