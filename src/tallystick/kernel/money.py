"""Money: an amount that never travels without its currency.

Minor-unit exponents come from Babel's CLDR table. Rounding happens in `invoicing/totals.py` and nowhere else.
"""

from __future__ import annotations

import decimal
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Final

from babel.core import get_global
from babel.numbers import get_currency_precision

from tallystick.kernel.errors import invalid
from tallystick.kernel.quantity import EXACT, ZERO, spelled, summed

if TYPE_CHECKING:
    from collections.abc import Sequence

_KNOWN: Final = frozenset(get_global("all_currencies"))

LARGEST_MINOR: Final = 10**15
"""The most that a caller may name, in minor units: thousands of such entries still add up in 64 bits."""


def is_currency(code: str) -> bool:
    """Whether this is a three-letter ISO 4217 code in capitals that the table knows."""
    return code in _KNOWN


@cache
def minor_digits(currency: str) -> int:
    """Digits behind the point of the smallest unit: USD 2, JPY 0, KWD 3."""
    return get_currency_precision(currency)


@cache
def _minor_step(currency: str) -> Decimal:
    return Decimal(1).scaleb(-minor_digits(currency))


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in major units of one currency."""

    amount: Decimal
    currency: str

    def _same(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise ValueError(f"cannot combine {self.currency} with {other.currency}")
        return other

    def __add__(self, other: Money) -> Money:
        return Money(EXACT.add(self.amount, self._same(other).amount), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(EXACT.subtract(self.amount, self._same(other).amount), self.currency)

    def __neg__(self) -> Money:
        return Money(EXACT.minus(self.amount), self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other).amount

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other).amount

    def __bool__(self) -> bool:
        return bool(self.amount)

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    @property
    def minor(self) -> int:
        """The amount in whole minor units.

        Raises:
            ValueError: when the amount is finer than the minor unit.
        """
        units = self.amount.scaleb(minor_digits(self.currency), context=EXACT)
        if units != units.to_integral_value():
            raise ValueError(f"{self} is finer than the minor unit of {self.currency}")
        return int(units)


def zero(currency: str) -> Money:
    """Nothing, in that currency."""
    return Money(ZERO, currency)


def from_minor(units: int, currency: str) -> Money:
    """The money that so many minor units are: 170000 USD -> 1700.00 USD."""
    return Money(Decimal(units).scaleb(-minor_digits(currency), context=EXACT), currency)


def round_half_up(money: Money) -> Money:
    """To the minor unit, halves away from zero: 10.275 USD -> 10.28, 1000.5 JPY -> 1001 (domain.md 1.9)."""
    step = _minor_step(money.currency)
    rounded = money.amount.quantize(step, rounding=decimal.ROUND_HALF_UP, context=EXACT)
    return Money(EXACT.plus(rounded), money.currency)  # plus turns -0.00 into 0.00


def exact_in_minor_unit(amount: Decimal, currency: str, path: str) -> Money:
    """The money of an amount that a caller sent.

    Raises:
        BillingError: of kind INVALID, when the amount is finer than the currency's minor unit or too large.
    """
    most = from_minor(LARGEST_MINOR, currency)
    if not amount.is_finite() or amount.copy_abs() > most.amount:
        raise invalid(path, f"{spelled(amount)} is out of range, the most is {most}")
    money = round_half_up(Money(amount, currency))
    if money.amount != amount:
        unit = f"the smallest unit of {currency} ({minor_digits(currency)} decimals)"
        raise invalid(path, f"{spelled(amount)} is finer than {unit}")
    return money


def allocate(money: Money, weights: Sequence[Decimal]) -> list[Money]:
    """Split rounded money by weight so that the parts add up exactly, by largest remainder.

    Ties go to the earlier part. Zero weights get nothing.

    Raises:
        ValueError: when a weight is negative or all are zero, or the money is finer than its minor unit.
    """
    total = summed(weights)
    if total <= 0 or any(weight < 0 for weight in weights):
        raise ValueError("weights must be non-negative and not all zero")
    sign, units = (-1, -money.minor) if money.minor < 0 else (1, money.minor)
    shares = [EXACT.divmod(EXACT.multiply(units, weight), total) for weight in weights]
    left = units - sum(int(floor) for floor, _ in shares)
    by_remainder = sorted(range(len(shares)), key=lambda part: shares[part][1], reverse=True)
    lucky = set(by_remainder[:left])
    return [from_minor(sign * (int(floor) + (part in lucky)), money.currency) for part, (floor, _) in enumerate(shares)]
