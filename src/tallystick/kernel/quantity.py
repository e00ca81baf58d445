"""Exact decimals: one context, one way in, one way out.

A quantity is a plain `Decimal`. It is never rounded on its way; what cannot be held exactly is refused.
"""

from __future__ import annotations

import decimal
import re
from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)

EXACT: Final = decimal.Context(
    prec=1000,
    rounding=decimal.ROUND_HALF_UP,
    Emax=999_999,
    Emin=-999_999,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow, decimal.FloatOperation],
)
"""The one decimal context. Operators on `Decimal` use the thread's context: see `install`."""

STORED_DIGITS: Final = 38
STORED_SCALE: Final = 12

_LONGEST_SHOWN: Final = 40

_PLAIN_NUMBER: Final = re.compile(r"-?[0-9]{1,512}(\.[0-9]{1,512})?", re.ASCII)

_WRITTEN_NUMBER: Final = re.compile(r"-?[0-9]{1,512}(\.[0-9]{1,512})?([eE][+-]?[0-9]{1,4})?", re.ASCII)

MOST_DIGITS: Final = 512
"""What a number may have before its point on the wire, and behind it."""

LARGEST_EXPONENT: Final = 100
"""A number beyond 10^100, or with a digit finer than 10^-100, is refused instead of formatted."""


def install() -> None:
    """Make the exact context the one of this thread and of every thread started after it."""
    decimal.setcontext(EXACT.copy())
    decimal.DefaultContext.prec = EXACT.prec
    decimal.DefaultContext.rounding = EXACT.rounding
    decimal.DefaultContext.Emax = EXACT.Emax
    decimal.DefaultContext.Emin = EXACT.Emin
    decimal.DefaultContext.traps = EXACT.traps


def from_text(text: str) -> Decimal:
    """The decimal that plain digits stand for: optional minus, digits, optional fraction; ASCII only.

    Raises:
        ValueError: for anything else, such as an exponent, an underscore or a non-ASCII digit.
    """
    if not _PLAIN_NUMBER.fullmatch(text):
        raise ValueError(f"not a plain decimal number: {text[:60]!r}")
    return Decimal(text)


def written_out(text: str) -> str | None:
    """The digits of a number written as in JSON: as they came (1.50), an exponent written out (25e-4 -> 0.0025).

    None for what is no number, and for one that has more than 512 digits before its point or behind it.
    """
    found = _WRITTEN_NUMBER.fullmatch(text)
    if found is None or found[2] is None:
        return text if found else None
    number = Decimal(text)
    if not number:
        return "0"
    exponent = int(number.as_tuple().exponent)
    return f"{number:f}" if number.adjusted() < MOST_DIGITS and exponent >= -MOST_DIGITS else None


def plain(number: Decimal) -> Decimal:
    """The same number in its shortest form, never with a positive exponent: 2.50 -> 2.5, 1E+2 -> 100."""
    return EXACT.add(number.normalize(EXACT), ZERO)  # adding 0 writes a positive exponent out


def summed(numbers: Iterable[Decimal]) -> Decimal:
    """Their exact sum; of none it is 0."""
    return reduce(EXACT.add, numbers, ZERO)


def spelled(number: Decimal) -> str:
    """A number as messages show it: in plain digits, a long one cut; as it came, when it is too large to be tame."""
    digits = f"{number:f}" if is_tame(number) else str(number)
    return digits if len(digits) <= _LONGEST_SHOWN else f"{digits[:_LONGEST_SHOWN]}..."


def fits(number: Decimal) -> bool:
    """Whether DECIMAL(38,12) holds a number exactly."""
    steps = EXACT.scaleb(number, STORED_SCALE)
    return abs(steps) < 10**STORED_DIGITS and steps == int(steps)


def is_tame(number: Decimal) -> bool:
    """Whether a number is finite and small enough, in size and in digits, to be calculated with."""
    if not number.is_finite():
        return False
    _, digits, exponent = number.as_tuple()
    small = abs(number.adjusted()) <= LARGEST_EXPONENT and abs(int(exponent)) <= LARGEST_EXPONENT
    return small and len(digits) <= 2 * LARGEST_EXPONENT
