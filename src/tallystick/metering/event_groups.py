"""Events of a meter told apart by their units: how many lie between which bounds, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final, TypeAlias

from tallystick.kernel.quantity import EXACT, STORED_DIGITS, STORED_SCALE

UNIT: Final = Decimal(1).scaleb(-STORED_SCALE, context=EXACT)
"""The finest that units of an event may be."""

MOST_UNITS: Final = Decimal(10**STORED_DIGITS - 1).scaleb(-STORED_SCALE, context=EXACT)
"""The most that an event may have."""

LEAST_UNITS: Final = EXACT.minus(MOST_UNITS)

MOST_CUTS: Final = 4


@dataclass(frozen=True, slots=True)
class EventCuts:
    """Which events of a meter are told apart: each group holds `(cut before, cut]`, the first and the last are open.

    At most `MOST_CUTS`, ascending, each a number that an event may have as its units.
    """

    meter_id: str
    cuts: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class EventGroup:
    """How many events one group has, and what their units come to."""

    events: int
    total: Decimal

    def plus(self, other: EventGroup) -> EventGroup:
        """The events of both."""
        return EventGroup(self.events + other.events, EXACT.add(self.total, other.total))


EventGroups: TypeAlias = Mapping[EventCuts, tuple[EventGroup, ...]]
"""The groups of the events of one account in one span of time, by how they were told apart."""

NO_EVENTS: Final[EventGroups] = MappingProxyType({})
