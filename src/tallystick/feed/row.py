"""One row of a file of usage, and what a file of any format gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping


class Place(NamedTuple):
    """How far a file was read: its last row, counted from 1, and where the next begins in the unit of its format."""

    row: int
    end: int


START = Place(0, 0)


class Row(NamedTuple):
    """A row: JSON as it stands in the file, or texts by column, None where there is nothing.

    `problem` says why it cannot be read; the content is then whatever stood there.
    """

    place: Place
    content: bytes | Mapping[str, str | None]
    problem: str | None = None


class UsageFile(Protocol):
    """A file of rows."""

    @property
    def columns(self) -> Collection[str] | None:
        """The names of the columns; None when every row brings its own."""

    @property
    def size(self) -> int:
        """Where the last row ends."""

    def rows(self, after: Place, columns: Collection[str]) -> Iterator[Row]:
        """The rows behind a place, with at least these columns.

        Raises:
            BillingError: of kind INVALID, when the file is not what its name says.
        """
