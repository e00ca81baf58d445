"""A column that says the same few things again and again: each once, and for every event the number of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from numpy.typing import NDArray

T = TypeVar("T", bound="Hashable")


class CodedColumn(Generic[T]):
    """Entry i is `values[codes[i]]`; it reads and takes single entries as a list does, and many at once as arrays."""

    __slots__ = ("_places", "codes", "values")

    def __init__(self, count: int, value: T) -> None:
        """A column of so many entries, all of them this value."""
        self.values: list[T] = [value]
        self.codes: NDArray[np.int32] = np.zeros(count, dtype=np.int32)
        self._places: dict[T, int] | None = None
        """The code of each value; found out when it is asked for."""

    def __len__(self) -> int:
        """How many entries there are."""
        return len(self.codes)

    def __iter__(self) -> Iterator[T]:
        """Every entry."""
        return map(self.values.__getitem__, self.codes.tolist())

    def __getitem__(self, place: int) -> T:
        """One entry."""
        return self.values[int(self.codes[place])]

    def __setitem__(self, place: int, value: T) -> None:
        """Set one entry."""
        self.codes[place] = self._code(value)

    def __eq__(self, other: object) -> bool:
        """Whether it has the entries of a list or of another column."""
        return isinstance(other, list | CodedColumn) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def put(self, places: NDArray[np.int64], codes: NDArray[np.integer[Any]], values: Sequence[T]) -> None:
        """Set many entries: that at `places[i]` to `values[codes[i]]`; a value may get a code once more."""
        self.codes[places] = codes + len(self.values)
        self.values += values
        self._places = None

    def put_same(self, places: NDArray[np.int64], value: T) -> None:
        """Set many entries to one value."""
        if len(places):
            self.codes[places] = self._code(value)

    def _code(self, value: T) -> int:
        if self._places is None:
            self._places = {known: code for code, known in enumerate(self.values)}
        code = self._places.get(value)
        if code is None:
            code = self._places[value] = len(self.values)
            self.values.append(value)
        return code
