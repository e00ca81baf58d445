"""What single events of a percentage card cost, within a least and a most for each (docs/adr/0038).

The fee of an event above zero is its percentage and the fixed amount, raised to the minimum or lowered to the maximum;
one below zero, such as a refund, gives its percentage back, at most the maximum. All events between two bounds are
priced alike, so how many there are and what they come to decides the charge, and nobody has to read them one by one.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from tallystick.kernel.quantity import EXACT, STORED_SCALE, ZERO
from tallystick.metering.event_groups import LEAST_UNITS, MOST_UNITS, UNIT, EventCuts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallystick.catalog.rate_card import EventRates

PER_CENT: Final = Decimal("0.01")


class EventFee(enum.StrEnum):
    """How events are priced that are priced alike."""

    REFUND_MAXIMUM = "REFUND_MAXIMUM"
    REFUND = "REFUND"
    MINIMUM = "MINIMUM"
    PERCENTAGE = "PERCENTAGE"
    MAXIMUM = "MAXIMUM"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeLimits:
    """The fee of one event: `rate` per cent of its amount and `fixed`, at least `minimum`, at most `maximum`."""

    rate: Decimal
    fixed: Decimal = ZERO
    minimum: Decimal | None = None
    maximum: Decimal | None = None

    @classmethod
    def of(cls, rate: Decimal, rates: EventRates) -> FeeLimits:
        """The limits that a card in one currency has for each event; its rate is above zero."""
        return cls(
            rate=rate,
            fixed=rates.fixed_amount or ZERO,
            minimum=rates.minimum_amount,
            maximum=rates.maximum_amount,
        )

    def fees(self) -> tuple[EventFee, ...]:
        """How the events of each group are priced, in the order of the groups."""
        return tuple(fee for fee, _ in self._groups())

    def cuts(self, meter_id: str) -> EventCuts:
        """Which events have to be told apart; the last group has no bound above it."""
        return EventCuts(meter_id, tuple(cut for _, cut in self._groups() if cut is not None))

    def charge(self, fee: EventFee, events: int, total: Decimal) -> Decimal:
        """What events come to together that are priced alike and whose amounts come to a total."""
        if fee is EventFee.MINIMUM:
            return EXACT.multiply(self.minimum or ZERO, events)
        if fee is EventFee.MAXIMUM:
            return EXACT.multiply(self.maximum or ZERO, events)
        if fee is EventFee.REFUND_MAXIMUM:
            return EXACT.multiply(self.maximum or ZERO, -events)
        share = percentage(self.rate, total)
        return share if fee is EventFee.REFUND else EXACT.add(share, EXACT.multiply(self.fixed, events))

    def _groups(self) -> Iterator[tuple[EventFee, Decimal | None]]:
        """Each group with the greatest amount that belongs to it; none for the last."""
        if self.maximum is not None:
            least = _greatest_below(-self._amount_for(self.maximum))
            if least >= LEAST_UNITS:
                yield EventFee.REFUND_MAXIMUM, least
        yield EventFee.REFUND, ZERO
        if self.minimum is not None:
            yield EventFee.MINIMUM, _within(_greatest_below(self._amount_for(EXACT.subtract(self.minimum, self.fixed))))
        if self.maximum is None:
            yield EventFee.PERCENTAGE, None
        else:
            yield (
                EventFee.PERCENTAGE,
                _within(_greatest_up_to(self._amount_for(EXACT.subtract(self.maximum, self.fixed)))),
            )
            yield EventFee.MAXIMUM, None

    def _amount_for(self, share: Decimal) -> Fraction:
        """The amount of which the rate is that share; often no decimal."""
        return Fraction(share) * 100 / Fraction(self.rate)


def percentage(rate: Decimal, amount: Decimal) -> Decimal:
    """So many per cent of an amount: 2.9 of 100 is 2.9."""
    return EXACT.multiply(EXACT.multiply(rate, amount), PER_CENT)


def _greatest_below(bound: Fraction) -> Decimal:
    """The greatest amount that an event may have below a bound."""
    return _units(math.ceil(bound * 10**STORED_SCALE) - 1)


def _greatest_up_to(bound: Fraction) -> Decimal:
    """The greatest amount that an event may have up to a bound."""
    return _units(math.floor(bound * 10**STORED_SCALE))


def _units(steps: int) -> Decimal:
    return EXACT.multiply(UNIT, steps)


def _within(cut: Decimal) -> Decimal:
    """A cut among events above zero."""
    return min(max(cut, ZERO), MOST_UNITS)
