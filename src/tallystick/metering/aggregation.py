"""How the units of events become usage where they do not just add up (domain.md 3.1). Pure."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tallystick.catalog.usage_meter import Aggregation
from tallystick.kernel.quantity import EXACT, ONE, STORED_SCALE, ZERO

if TYPE_CHECKING:
    from collections.abc import Sequence

_STEP: Final = Decimal(1).scaleb(-STORED_SCALE)


def aggregated(aggregation: Aggregation, units: Sequence[Decimal]) -> Decimal:
    """What the units of events come to, which stand in the order in which they happened; of no event, 0."""
    if not units:
        return ZERO
    match aggregation:
        case Aggregation.MAX:
            return max(units)
        case Aggregation.MIN:
            return min(units)
        case Aggregation.LATEST:
            return units[-1]
        case Aggregation.DISTINCT_COUNT:
            return Decimal(len(set(units)))
    total = functools.reduce(EXACT.add, units)
    return average(total, len(units)) if aggregation is Aggregation.AVERAGE else total


def grown(aggregation: Aggregation, units: Decimal, later: Decimal) -> Decimal:
    """The usage of a time and of one after it together, from what each comes to.

    Of DISTINCT_COUNT, `later` are the values that were not there before. Two averages come to none.
    """
    match aggregation:
        case Aggregation.MAX:
            return max(units, later)
        case Aggregation.MIN:
            return min(units, later)
        case Aggregation.LATEST:
            return later
    assert aggregation is not Aggregation.AVERAGE
    return EXACT.add(units, later)


def average(total: Decimal, count: int) -> Decimal:
    """The total over the count, rounded half up to the 12 digits behind the point that usage has."""
    return total if count == 1 else EXACT.quantize(EXACT.divide(total, Decimal(count)), _STEP)


def told_units(aggregation: Aggregation, units: Decimal) -> Decimal:
    """The units of one event as people are told of them: what stands for a value that is told apart is one unit."""
    return ONE if aggregation is Aggregation.DISTINCT_COUNT else units
