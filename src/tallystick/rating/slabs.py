"""How a quantity spreads over the slabs of a card (domain.md 4.4).

A slab holds `(start, next start]`: the lower bound exclusive, the upper inclusive, the last one open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.catalog.rate_card import PricingModel
from tallystick.kernel.quantity import EXACT, ZERO

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal


def spread(quantity: Decimal, starts: Sequence[Decimal], model: PricingModel) -> list[Decimal]:
    """The units that fall into each slab, given where each slab starts; they add up to the quantity.

    A negative quantity, such as refunds leave, falls into the first slab whole.
    """
    if model is PricingModel.VOLUME:
        return _volume(quantity, starts)
    return _tiered(quantity, starts)


def _volume(quantity: Decimal, starts: Sequence[Decimal]) -> list[Decimal]:
    """One slab takes all units: the last one that starts below the quantity, or else the first."""
    taker = max((slab for slab, start in enumerate(starts) if quantity > start), default=0)
    return [quantity if slab == taker else ZERO for slab in range(len(starts))]


def _tiered(quantity: Decimal, starts: Sequence[Decimal]) -> list[Decimal]:
    """Each slab takes the units between its bounds: `max(0, min(U, b) - a)`."""
    if quantity < 0:
        return [quantity, *(ZERO for _ in starts[1:])]
    ends = [*starts[1:], quantity]
    return [max(ZERO, EXACT.subtract(min(quantity, end), start)) for start, end in zip(starts, ends, strict=True)]
