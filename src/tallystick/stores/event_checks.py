"""What must hold of the rows of an event store, checked over all of them in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tallystick.stores.duck_event_store import DuckEventStore
from tallystick.stores.event_log import position_of
from tallystick.stores.event_store_queries import CLAIMING
from tallystick.stores.event_store_sorting import sum_days_anew, writing_columns
from tallystick.stores.event_store_usage import WIDE_SUM
from tallystick.stores.known_ids import keys_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tallystick.stores.known_ids import KnownIds

_PORTION: Final = 100_000
_KEY_BITS: Final = 64
_SLICE_BITS: Final = 5
"""Ids are compared in 32 slices by their key, so that what is compared at once fits the memory."""

_TABLES: Final = ("event", "series", "fact_sorted", "fact_arrived", "fact_day", "revision")
_TWICE: Final = """
SELECT organisation, event_id, count(*) FROM judged
WHERE key >= $first AND key <= $last AND event_id IS NOT NULL AND list_contains($claiming, status)
GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL
"""
_CLAIMED: Final = """
SELECT key, position FROM judged ANTI JOIN (SELECT position FROM revision WHERE number >= $behind) USING (position)
WHERE position < $behind AND list_contains($claiming, status)
"""
_DAYS: Final = f"""
SELECT count(*), count(*) FILTER (held IS DISTINCT FROM counted) FROM (
    SELECT series, day, ({WIDE_SUM}) AS held FROM fact_day GROUP BY ALL
) FULL JOIN (
    SELECT series, CAST(event_at AS DATE) AS day, ({WIDE_SUM}) AS counted FROM fact_sorted GROUP BY ALL
) USING (series, day)
"""  # noqa: S608 - constants
_REWRITE: Final = """
UPDATE event SET key = wrong.key FROM memory.main.wrong AS wrong WHERE event.position = wrong.position
"""


class CheckedEventStore(DuckEventStore):
    """An event store that nobody else uses meanwhile."""

    def count_read(self) -> int:
        """Read every value of every row, which DuckDB holds against the checksums of its blocks; how many rows.

        Raises:
            BillingError: of kind BROKEN, when a block is damaged.
        """
        count = 0
        for table in _TABLES:
            query = f"SELECT count(*), bit_xor(hash({table})) FROM {table}"  # noqa: S608 - constants
            count += self._read(query, {})[0][0]
        return count

    def rewrite_wrong_keys(self) -> tuple[int, int]:
        """Give every event whose key is not that of its id the right one; how many events, and how many were wrong."""
        count = wrong = 0
        with self._cursor() as cursor:
            cursor.execute("CREATE OR REPLACE TABLE memory.main.wrong (position BIGINT NOT NULL, key UBIGINT NOT NULL)")
            for positions, held, right in self._keys():
                differs = held != right
                count += len(held)
                if differs.any():
                    wrong += int(differs.sum())
                    cursor.register("found", pa.table({"position": positions[differs], "key": right[differs]}))
                    cursor.execute("INSERT INTO memory.main.wrong SELECT position, key FROM found")
                    cursor.unregister("found")
            if wrong:
                cursor.execute(_REWRITE)
            cursor.execute("DROP TABLE memory.main.wrong")
        return count, wrong

    def _keys(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint64]]]:
        """(positions, keys as stored, keys as they should be), in portions of one organisation each."""
        organisations = [name for (name,) in self._read("SELECT DISTINCT organisation FROM event ORDER BY 1", {})]
        query = "SELECT position, key, event_id FROM event WHERE organisation = $organisation"
        for organisation in organisations:
            with self._transaction() as cursor:
                found = cursor.sql(query, params={"organisation": organisation})
                for batch in found.to_arrow_reader(_PORTION):
                    ids = batch.column(2).to_pylist()
                    yield batch.column(0).to_numpy(), batch.column(1).to_numpy(), keys_of(organisation, ids)

    def count_missing(self, known: KnownIds) -> tuple[int, int]:
        """How many events up to the last row of an index claimed their id there, and how many of them it lacks.

        What a correction behind that row made of an event is left out: it is learnt with the correction.
        """
        count = missing = 0
        with self._transaction() as cursor:
            behind = position_of(known.offset + 1)
            claimed = cursor.sql(_CLAIMED, params={"behind": behind, "claiming": CLAIMING})
            for batch in claimed.to_arrow_reader(_PORTION):
                keys, positions = batch.column(0).to_numpy(), batch.column(1).to_numpy()
                count += len(positions)
                missing += int((~np.isin(positions, known.candidates(keys))).sum())
        return count, missing

    def counted_twice(self) -> list[tuple[str, str, int]]:
        """(organisation, id, how often) of the ids that count more than once."""
        found: list[tuple[str, str, int]] = []
        width = 1 << (_KEY_BITS - _SLICE_BITS)
        for first in range(0, 1 << _KEY_BITS, width):
            found += self._read(_TWICE, {"first": first, "last": first + width - 1, "claiming": CLAIMING})
        return found

    def count_without_event(self) -> tuple[int, int]:
        """How many usage facts there are, and how many of them have no series, or no stored event of theirs."""
        query = "SELECT count(*) FROM fact"
        orphans = """
            SELECT count(*) FROM (SELECT organisation, position FROM fact LEFT JOIN series USING (series))
            ANTI JOIN event USING (organisation, position)
        """
        return self._read(query, {})[0][0], self._read(orphans, {})[0][0]

    def count_wrong_days(self) -> tuple[int, int]:
        """How many days of a series have sorted usage facts or a sum of them, and in how many the two differ."""
        count, wrong = self._read(_DAYS, {})[0]
        return count, wrong

    def sum_days_anew(self) -> None:
        """Replace the sums of days by those of the sorted facts."""
        with self._transaction() as cursor, writing_columns(cursor):
            sum_days_anew(cursor)
            self._commit(cursor)

    def count_beyond_offset(self) -> int:
        """How many events come from rows that the store does not say it has passed: they would come in once more."""
        query = "SELECT count(*) FROM event WHERE position >= $next"
        return int(self._read(query, {"next": position_of(self.offset() + 1)})[0][0])
