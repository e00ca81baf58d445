"""What can be asked of the event store. Sums are exact: DECIMAL throughout, and wider where 38 digits do not do."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import duckdb
import msgspec
import numpy as np
import pyarrow as pa

from tallystick.kernel import quantity
from tallystick.metering.event import Attribute, Event, EventSource, EventStatus
from tallystick.stores.event_facts import StoredEvent, UsageFact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from tallystick.kernel.period import Period
    from tallystick.stores.event_facts import UsageWindow

SeriesBy: TypeAlias = Literal["account", "meter"]
CountsBy: TypeAlias = Literal["account", "schema", "status"]

_USAGE_GROUPS: Final[Mapping[SeriesBy | None, str]] = {"account": "account_id", "meter": "meter_id", None: "NULL"}
_EVENT_GROUPS: Final[Mapping[CountsBy | None, str]] = {
    "account": "coalesce(account_id, account_ref)",
    "schema": "schema_name",
    "status": "status",
    None: "NULL",
}
_EVENT_COLUMNS: Final = (
    "position, reserved, event_id, schema_name, event_at, account_ref, attributes, dimensions, schema_version, "
    "account_id, customer_id, received_at, source, status, status_description, filtered_out"
)
_NARROW: Final = "sum(value), NULL"
_WIDE: Final = "sum(CAST(trunc(value) AS HUGEINT)), sum(value - trunc(value))"
_PORTION: Final = 1_000_000
_METERS: Final = msgspec.json.Decoder(tuple[tuple[str, int], ...])


class EventQueries:
    """The reading side: each query has a cursor of its own, so any thread may ask."""

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self._database = database

    def usage_totals(self, organisation: str, windows: Sequence[UsageWindow]) -> list[dict[str, Decimal]]:
        """The usage by meter id in each window, in the order of the windows; one query, however many there are."""
        totals: list[dict[str, Decimal]] = [{} for _ in windows]
        if len({window.period for window in windows}) == 1:
            for ordinal, meter_id, total in self._totals_in(windows[0].period, organisation, windows):
                totals[ordinal][meter_id] = total
        elif windows:
            for ordinal, meter_id, total in self._totals_of_each(organisation, windows):
                totals[ordinal][meter_id] = total
        return totals

    def usage_series(
        self,
        organisation: str,
        bounds: Sequence[datetime],
        *,
        account_ids: Sequence[str] | None = None,
        meter_ids: Sequence[str] | None = None,
        by: SeriesBy | None = None,
    ) -> list[tuple[str | None, int, Decimal]]:
        """(group, index of the bucket, usage) between consecutive ascending bounds; empty buckets are left out."""
        where, parameters = _conditions(
            organisation, bounds, {"account_id": _texts(account_ids), "meter_id": _texts(meter_ids)}
        )
        query = f"SELECT {_USAGE_GROUPS[by]}, {_bucket(bounds)}, {{total}} FROM usage WHERE {where} GROUP BY ALL"
        return [(group, bucket, total) for group, bucket, total in self._sums(query, parameters)]
