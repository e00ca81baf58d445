"""Which meters of an organisation have usage that is not the sum of what events made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from tallystick.catalog.usage_meter import Aggregation
from tallystick.stores.state.tables import usage_meter

if TYPE_CHECKING:
    from sqlalchemy import Connection

_ADDING_UP: Final = [kind.value for kind in Aggregation if kind.adds_up]


def of(connection: Connection, organisation: str) -> dict[str, Aggregation]:
    """The aggregations of those meters by id, of archived ones too: what they metered stays."""
    columns = usage_meter.c
    rows = connection.execute(
        select(columns.id, columns.aggregation).where(
            columns.organisation_id == organisation, *(columns.aggregation != kind for kind in _ADDING_UP)
        )
    )
    return {meter_id: Aggregation(aggregation) for meter_id, aggregation in rows}
