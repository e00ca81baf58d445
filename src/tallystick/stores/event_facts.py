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
    from tallystick.metering.event import Event, EventSource, EventStatus
    from tallystick.metering.event_block import EventBlock
    from tallystick.metering.outcomes import Outcomes


@dataclass(frozen=True, slots=True, eq=False)
class MeteredBlock:
    """Judged events: event i has `positions[i]`, nanosecond `reserved[i]` and `keys[i]`.

    It was received at `received_ats[i]`, in microseconds since 1970.
    """

    positions: NDArray[np.int64]
    reserved: NDArray[np.int64]
    received_ats: NDArray[np.int64]
    events: EventBlock
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

    `reserved` is the nanosecond of its reference id. `filtered_out` names the (meter id, meter version) that said no;
    `enrichments` is the JSON of an `EnrichmentTrace`.
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
    enrichments: str | None = None
    before_reverting: EventStatus | None = None


@dataclass(frozen=True, slots=True)
class MeterVersion:
    """A meter as it was when a usage fact was made."""

    id: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What became of a stored event later: an outcome in the place of the one before, which stays where it is.

    `number` orders the revisions of an event, in the same numbers as positions. `usage` are the facts that come with
    it: those that reverse earlier ones, with the other sign, and new ones. `before` is the status of an event that was
    taken back. Where only usage changes, `is_outcome` is false, and the outcome before stands.
    """

    position: int
    number: int
    organisation: str
    revised_at: datetime
    status: EventStatus
    status_description: str | None
    before: EventStatus | None = None
    schema_version: int | None = None
    account_id: str | None = None
    customer_id: str | None = None
    filtered_out: str | None = None
    enrichments: str | None = None
    event_at: datetime
    usage: tuple[tuple[MeterVersion, Decimal], ...] = ()
    is_outcome: bool = True


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


@dataclass(frozen=True, slots=True)
class OtherUnits:
    """The units that an event would have of a meter in the place of those that it has, if any; None is none at all."""

    account_id: str
    meter_id: str
    position: int
    event_at: datetime
    value: Decimal | None
