"""Parquet files: columns become text without losing a digit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import parquet, types

from tallystick.feed.row import Place, Row
from tallystick.kernel.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

AT_ONCE: Final = 10_000
"""Rows that are turned into text together."""


class ParquetFile:
    """A Parquet file; a part of a nested column is named with dots, and places are counted in rows."""

    def __init__(self, path: Path) -> None:
        """Read what the file has.

        Raises:
            BillingError: of kind INVALID, when it is not Parquet.
        """
        self._name = path.name
        try:
            self._file = parquet.ParquetFile(path)
        except (pa.ArrowException, OSError) as failure:
            raise invalid(path.name, f"is not a Parquet file: {failure}") from None
        self.size: int = self._file.metadata.num_rows
        self.columns: list[str] = _flat(self._file.schema_arrow.empty_table()).column_names

    def rows(self, after: Place, columns: Collection[str]) -> Iterator[Row]:
        """The rows behind a place, with these columns only; groups of rows before it are not read.

        Raises:
            BillingError: of kind INVALID, for a column that holds neither numbers nor texts, or a broken file.
        """
        number, groups = self._groups_behind(after.end)
        try:
            for batch in self._file.iter_batches(AT_ONCE, row_groups=groups, columns=list(columns)):
                texts = _flat(pa.Table.from_batches([batch]))
                cells = [_texts(name, texts[name]) for name in columns]
                for values in zip(*cells, strict=True) if cells else ((),) * batch.num_rows:
                    number += 1
                    if number > after.row:
                        yield Row(Place(number, number), dict(zip(columns, values, strict=True)))
        except (pa.ArrowException, OSError) as failure:
            raise invalid(self._name, f"cannot be read behind row {number}: {failure}") from None

    def _groups_behind(self, row: int) -> tuple[int, list[int]]:
        """How many rows come before the group of rows that holds the next one, and that group and all behind it."""
        metadata = self._file.metadata
        before = 0
        for group in range(metadata.num_row_groups):
            size: int = metadata.row_group(group).num_rows
            if before + size > row:
                return before, list(range(group, metadata.num_row_groups))
            before += size
        return before, []


def _flat(table: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    """The same table with the parts of nested columns as columns."""
    while any(types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table


def _texts(name: str, column: Any) -> list[str | None]:  # noqa: ANN401 - pyarrow has no types
    """The values of a column as text: numbers as plain digits, floats by the shortest that means the same."""
    kind = column.type
    if types.is_dictionary(kind):
        return _texts(name, column.cast(kind.value_type))
    if types.is_floating(kind):
        return [None if value is None else _shortest(value, kind) for value in column.to_pylist()]
    if types.is_decimal(kind):
        return [None if value is None else f"{value:f}" for value in column.to_pylist()]
    if types.is_timestamp(kind) and kind.tz is not None:
        column = column.cast(pa.timestamp(kind.unit, "UTC"))
    if types.is_binary(kind) or types.is_large_binary(kind):
        return [None if value is None else value.decode(errors="surrogateescape") for value in column.to_pylist()]
    try:
        found: list[str | None] = column.cast(pa.string()).to_pylist()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise invalid(name, f"the column holds {kind}, which is neither a number nor a text") from None
    return found


def _shortest(value: Any, kind: Any) -> str:  # noqa: ANN401 - a float of that kind
    exact = np.float64 if types.is_float64(kind) else np.float32 if types.is_float32(kind) else np.float16
    return np.format_float_positional(exact(value), unique=True, trim="-")
