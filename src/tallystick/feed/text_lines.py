"""Files of lines: JSON Lines, and delimited text such as CSV."""

from __future__ import annotations

import csv
from collections import deque
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from tallystick.feed.row import Place, Row
from tallystick.kernel.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

LONGEST_LINE: Final = 1024 * 1024
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class JsonLines:
    """A file with one JSON object on each line."""

    columns = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = path.stat().st_size

    def rows(self, after: Place, columns: Collection[str]) -> Iterator[Row]:  # noqa: ARG002 - a line has what it has
        """The lines behind a place; blank ones are counted and left out.

        Raises:
            BillingError: of kind INVALID, for a line of more than a megabyte.
        """
        number, end = after
        with self._path.open("rb") as file:
            file.seek(end)
            while line := _line(file):
                number, end = number + 1, end + len(line)
                content = line.removeprefix(_BYTE_ORDER_MARK).strip()
                if content:
                    yield Row(Place(number, end), content)


class Delimited:
    """A file of delimited text whose first line names its columns."""

    def __init__(self, path: Path, delimiter: str) -> None:
        """Read the names of the columns.

        Raises:
            BillingError: of kind INVALID, for a file without them.
        """
        self._path = path
        self._delimiter = delimiter
        self.size = path.stat().st_size
        with path.open("rb") as file:
            lines = _Lines(file)
            try:
                self.columns = next(self._reader(lines))
            except (StopIteration, csv.Error):
                raise invalid(path.name, "the first line does not name the columns") from None
            self._first_row = lines.end
        if not self.columns or "" in self.columns or len(set(self.columns)) < len(self.columns):
            raise invalid(path.name, f"the first line names columns twice or not at all: {', '.join(self.columns)}")

    def rows(self, after: Place, columns: Collection[str]) -> Iterator[Row]:  # noqa: ARG002 - a line has what it has
        """The rows behind a place; one whose quotes or number of values are wrong has a problem.

        Raises:
            BillingError: of kind INVALID, for a line of more than a megabyte.
        """
        number, end = after
        with self._path.open("rb") as file:
            file.seek(max(end, self._first_row))
            lines = _Lines(file)
            reader = self._reader(lines)
            while (read := self._next(reader, lines)) is not None:
                if read:
                    number += 1
                    yield self._row(Place(number, lines.end), read)

    def _reader(self, lines: _Lines) -> Iterator[list[str]]:
        return csv.reader(lines, delimiter=self._delimiter, strict=True)

    def _next(self, reader: Iterator[list[str]], lines: _Lines) -> list[str] | _Unreadable | None:
        """The next values; empty for a blank line, None at the end."""
        lines.taken.clear()
        try:
            return next(reader, None)
        except csv.Error as failure:
            lines.give_back_all_but_one()
            return _Unreadable(lines.taken[0], f"cannot be read: {failure}")

    def _row(self, place: Place, read: list[str] | _Unreadable) -> Row:
        if isinstance(read, _Unreadable):
            return Row(place, read.line, read.reason)
        problem = f"has {len(read)} values, the first line names {len(self.columns)} columns"
        content = dict(zip(self.columns, read, strict=False))
        return Row(place, content, None if len(read) == len(self.columns) else problem)


class _Unreadable(NamedTuple):
    line: bytes
    reason: str


class _Lines:
    """The lines of a file as text; `taken` are those since it was last cleared, and `end` is where they end.

    A quote that is never closed swallows what follows. All but the line with the quote can then be given back.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._again: deque[bytes] = deque()
        self.end = file.tell()
        self.taken: list[bytes] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else _line(self._file)
        if not line:
            raise StopIteration
        text = line.removeprefix(_BYTE_ORDER_MARK) if self.end == 0 else line
        self.end += len(line)
        self.taken.append(line)
        # What is no UTF-8 is let through as characters that cannot be encoded, so that only its own row is refused.
        return text.decode(errors="surrogateescape")

    def give_back_all_but_one(self) -> None:
        """Read all lines that were taken but the first once more."""
        back = self.taken[1:]
        self._again.extendleft(reversed(back))
        self.end -= sum(map(len, back))
        del self.taken[1:]


def _line(file: BinaryIO) -> bytes:
    line = file.readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE:
        begins = file.tell() - len(line)
        raise invalid(f"byte {begins}", "a line of more than a megabyte begins here: is this the right --format?")
    return line
