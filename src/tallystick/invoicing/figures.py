"""Figures as they stand in the words of an explanation."""

from __future__ import annotations

import decimal
from decimal import Decimal
from typing import Final

from tallystick.kernel.quantity import EXACT, plain

_LONGEST_FRACTION: Final = 24
_CUT_STEP: Final = Decimal("0.000001")


def figure(number: Decimal) -> str:
    """A figure in full; one without end, as a division leaves it, is cut after six digits and shows that it is."""
    shortest = plain(number)
    if -int(shortest.as_tuple().exponent) <= _LONGEST_FRACTION:
        return f"{shortest:f}"
    return f"{shortest.quantize(_CUT_STEP, rounding=decimal.ROUND_DOWN, context=EXACT):f}..."


def operand(number: Decimal) -> str:
    """A figure within a calculation: a negative one in parentheses."""
    return f"({figure(number)})" if number < 0 else figure(number)
