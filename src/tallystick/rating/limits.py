"""The least and the most that a slab or a whole card comes to."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tallystick.kernel.quantity import from_text

if TYPE_CHECKING:
    from decimal import Decimal

    from tallystick.catalog.rate_card import RateLimits


class Bound(enum.StrEnum):
    """Which limit decided an amount."""

    MINIMUM = "MINIMUM"
    MAXIMUM = "MAXIMUM"


@dataclass(frozen=True, slots=True)
class Limits:
    """A minimum and a maximum, in major units; either may be missing."""

    minimum: Decimal | None = None
    maximum: Decimal | None = None

    @classmethod
    def of(cls, wire: RateLimits | None) -> Limits:
        """The limits that the texts of a card stand for; no texts, no limits."""
        return NO_LIMITS if wire is None else cls(_number(wire.minimum_rate), _number(wire.maximum_rate))

    def __bool__(self) -> bool:
        return self.minimum is not None or self.maximum is not None

    def apply(self, amount: Decimal) -> tuple[Decimal, Bound | None]:
        """The amount, or else the limit that it breaks, and which one that is."""
        if self.minimum is not None and amount < self.minimum:
            return self.minimum, Bound.MINIMUM
        if self.maximum is not None and amount > self.maximum:
            return self.maximum, Bound.MAXIMUM
        return amount, None


NO_LIMITS: Final = Limits()


def _number(text: str | None) -> Decimal | None:
    return None if text is None else from_text(text)
