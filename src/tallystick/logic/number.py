"""Exact numbers: the context in which rules calculate, and the way from text to number."""

from __future__ import annotations

import decimal
import re
from decimal import Decimal
from typing import Final

from tallystick.logic.evaluation import OperatorError

MOST_DIGITS: Final = 2_048
"""Enough for the product of two event attributes with 512 digits on either side of the point."""

EXACT: Final = decimal.Context(
    prec=MOST_DIGITS,
    rounding=decimal.ROUND_HALF_UP,
    Emax=MOST_DIGITS,
    Emin=-MOST_DIGITS,
    traps=[
        decimal.Inexact,
        decimal.Overflow,
        decimal.Subnormal,
        decimal.InvalidOperation,
        decimal.DivisionByZero,
        decimal.FloatOperation,
    ],
)
"""Not the kernel's context: a rule must fail, not round, when a result needs more digits than it may have."""

_NUMERAL: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def bounded(number: Decimal) -> Decimal:
    """The same number, digit for digit; a zero loses its minus sign.

    Raises:
        OperatorError: when it is not finite.
        decimal.DecimalException: when it has more than MOST_DIGITS digits.
    """
    if not number.is_finite():
        raise OperatorError(f"{number} is no finite number")
    return EXACT.plus(number)


def from_text(text: str) -> Decimal | None:
    """The number that a text spells, or None: sign, digits, point, exponent; nothing is trimmed.

    Raises:
        decimal.DecimalException: when it has more than MOST_DIGITS digits.
    """
    return EXACT.plus(EXACT.create_decimal(text)) if _NUMERAL.fullmatch(text) else None


def to_text(number: Decimal) -> str:
    """Plain digits as the number was written, never an exponent; one final ".0" is left out, as in the fork.

    2.50 -> "2.50", 7.0 -> "7", 1E+2 -> "100".
    """
    return format(number, "f").removesuffix(".0")
