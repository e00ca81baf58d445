"""The flights that left New York in 2013, as customers and as usage events."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA: Final = Path(__file__).with_name("flights.parquet")
YEAR: Final = 2013
BATCH: Final = 1000

_CARRIERS: Final = "select distinct carrier, carrier_name from read_parquet($data) order by carrier"
_COUNT: Final = "select count(*) from read_parquet($data) where month(departs_at) <= $months"
# A carrier uses a flight number at most once a day at each airport, so these four make an id.
_EVENTS: Final = """
select concat_ws('-', carrier, flight, origin, strftime(departs_at, '%Y-%m-%d')),
       strftime(departs_at, '%Y-%m-%dT%H:%M:%SZ'), carrier, origin, dest, distance::varchar, air_time::varchar
from read_parquet($data)
where month(departs_at) = $month
order by departs_at, carrier, flight, origin
"""


def carriers() -> dict[str, str]:
    """The carriers' names by their two-character codes."""
    return dict(_rows(_CARRIERS))


def count(months: int) -> int:
    """How many flights the first months of the year have."""
    return int(_rows(_COUNT, months=months)[0][0])


def first_of(month: int) -> datetime:
    """The start of a month; month 13 is the January after."""
    return datetime(YEAR + (month - 1) // 12, (month - 1) % 12 + 1, 1, tzinfo=UTC)


def batches(month: int) -> Iterator[tuple[int, bytes]]:
    """The month's flights as bodies of `POST /ingestBatch`, each with the number of its events."""
    rows = iter(_rows(_EVENTS, month=month))
    while batch := [_event(*row) for row in itertools.islice(rows, BATCH)]:
        yield len(batch), msgspec.json.encode({"events": batch})


def _event(
    name: str, departs_at: str, carrier: str, origin: str, dest: str, distance: str, air_time: str | None
) -> dict[str, object]:
    """A flight as a usage event. One whose air time is unknown is sent as it is: without that attribute."""
    attributes = [{"name": "distance", "value": distance}]
    if air_time is not None:
        attributes.append({"name": "air_time", "value": air_time})
    return {
        "schemaName": "flight",
        "id": name,
        "timestamp": departs_at,
        "accountId": carrier,
        "attributes": attributes,
        "dimensions": {"origin": origin, "dest": dest, "carrier": carrier},
    }


def _rows(sql: str, **parameters: object) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(sql, {"data": str(DATA), **parameters}).fetchall()
