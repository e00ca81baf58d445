"""The numbers of series: an organisation's account and a meter, which usage facts name by one integer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray

MOST_REMEMBERED: Final = 131_072
"""Series whose numbers are kept in memory, some 20 MB; those beyond are looked up again, by one join for a round."""

_STORED: Final = "SELECT place, series FROM asked JOIN series USING (organisation, account_id, meter_id)"
_NEXT: Final = "SELECT coalesce(max(series) + 1, 0) FROM series"
_ADD: Final = "INSERT INTO series SELECT series, organisation, account_id, meter_id FROM asked"


class SeriesNumbers:
    """Finds the numbers of series and gives new ones theirs; one thread calls it, within its transactions."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._known: dict[tuple[str, str], dict[str, int]] = {}
        self._count = 0
        self._learnt: list[tuple[str, str, str, int]] = []

    def numbers_of(self, cursor: duckdb.DuckDBPyConnection, wanted: pa.RecordBatch) -> NDArray[np.int32]:
        """The number of each series, of which none is there twice; those that are new are stored with this transaction.

        Raises:
            duckdb.Error: when they cannot be looked up or stored.
        """
        names = [wanted.column(name).to_pylist() for name in ("organisation", "meter_id", "account_id")]
        numbers = np.fromiter(map(self._remembered, *names), np.int32, len(wanted))
        unknown = np.flatnonzero(numbers < 0)
        if len(unknown):
            asked = pa.table(wanted.take(pa.array(unknown))).append_column("place", pa.array(unknown))
            cursor.register("asked", asked)
            found = cursor.execute(_STORED).fetchnumpy()
            cursor.unregister("asked")
            numbers[found["place"]] = found["series"]
            self._add(cursor, wanted, numbers)
            organisations, meters, accounts = names
            for place in unknown.tolist():
                self._learnt.append((organisations[place], meters[place], accounts[place], int(numbers[place])))
        return numbers

    def remember(self) -> None:
        """The transaction was committed: remember the numbers that it looked up and gave."""
        if self._count + len(self._learnt) > self._most:
            self._known.clear()
            self._count = 0
        for organisation, meter_id, account_id, number in self._learnt[: self._most]:
            self._known.setdefault((organisation, meter_id), {})[account_id] = number
        self._count += len(self._learnt)
        self._learnt.clear()

    def forget(self) -> None:
        """The transaction was rolled back: nobody has the numbers that it gave."""
        self._learnt.clear()

    def _remembered(self, organisation: str, meter_id: str, account_id: str) -> int:
        return self._known.get((organisation, meter_id), {}).get(account_id, -1)

    @staticmethod
    def _add(cursor: duckdb.DuckDBPyConnection, wanted: pa.RecordBatch, numbers: NDArray[np.int32]) -> None:
        """Give the next numbers to those that have none."""
        new = np.flatnonzero(numbers < 0)
        if not len(new):
            return
        (first,) = cursor.execute(_NEXT).fetchall()[0]
        numbers[new] = first + np.arange(len(new))
        asked = pa.table(wanted.take(pa.array(new))).append_column("series", pa.array(numbers[new]))
        cursor.register("asked", asked)
        cursor.execute(_ADD)
        cursor.unregister("asked")
