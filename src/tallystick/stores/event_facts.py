"""The values that go into the event store and come out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    import numpy as np
    from numpy.typing import NDArray

    from tallystick.kernel.period import Period
    from tallystick.metering.columns import EventColumns
    from tallystick.metering.event import Event, EventSource, EventStatus
    from tallystick.metering.processing import Outcomes


@dataclass(frozen=True, slots=True)
class MeteredBlock:
    """Judged events of one block of a log row: event i has `position` + i, nanosecond `reserved` + i and `keys[i]`."""

    position: int
    reserved: int
    received_at: datetime
    columns: EventColumns
    outcomes: Outcomes
    keys: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class UsageWindow:
    """An account in a half-open span of time."""

    account_id: str
    period: Period


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it was sent, and what became of it.

    `reserved` is the nanosecond of its reference id. `filtered_out` names the (meter id, meter version) that said no.
    """

    position: int
    reserved: int
    event: Event
    schema_version: int | None
    account_id: str | None
    customer_id: str | None
    received_at: datetime
    source: EventSource
    status: EventStatus
    status_description: str | None
    filtered_out: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class UsageFact:
    """The units of one meter that the event at a position made."""

    position: int
    meter_id: str
    meter_version: int
    value: Decimal


@dataclass(frozen=True, slots=True)
class MeteredEvent:
    """An event of which one meter took units: the id it was sent with, when it happened, and the units."""

    event_id: str
    event_at: datetime
    value: Decimal
