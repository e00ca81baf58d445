"""Units of events as they would be: many of them, as columns, for questions that are asked as if they were so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from tallystick.kernel import quantity
from tallystick.stores.event_store_spans import naive

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tallystick.stores.event_facts import OtherUnits

_COLUMNS: Final = pa.schema(
    {
        "account_id": pa.string(),
        "meter_id": pa.string(),
        "position": pa.int64(),
        "event_at": pa.timestamp("us"),
        "value": pa.decimal128(quantity.STORED_DIGITS, quantity.STORED_SCALE),
    }
)


class Replacements:
    """Units that would stand in the place of others; some hundred bytes each, so that a million fit into memory."""

    def __init__(self) -> None:
        self._portions: list[pa.RecordBatch] = []

    def add(self, units: Sequence[OtherUnits]) -> None:
        """Keep some more; an event has its units of a meter here at most once."""
        if not units:
            return
        columns = {
            "account_id": [one.account_id for one in units],
            "meter_id": [one.meter_id for one in units],
            "position": [one.position for one in units],
            "event_at": [naive(one.event_at) for one in units],
            "value": [one.value for one in units],
        }
        self._portions.append(pa.RecordBatch.from_pydict(columns, schema=_COLUMNS))

    def of(self, account_ids: Collection[str]) -> pa.Table:
        """Those of some accounts."""
        wanted = pa.array(list(account_ids), pa.string())
        kept = [one.filter(pc.is_in(one.column("account_id"), value_set=wanted)) for one in self._portions]
        return pa.Table.from_batches(kept, schema=_COLUMNS)
