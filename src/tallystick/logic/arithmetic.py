"""Arithmetic: + - * / % min max, exact; anything that is no number makes the result null."""

from __future__ import annotations

from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING, Final

from tallystick.logic.evaluation import OperatorError
from tallystick.logic.number import EXACT
from tallystick.logic.value import Value, as_number

if TYPE_CHECKING:
    from collections.abc import Callable

_QUOTIENT_DIGITS: Final = 4
"""Decimal places of every quotient, rounded half up (jsonlogic.md section 2)."""

_QUOTIENT_STEP: Final = Decimal(1).scaleb(-_QUOTIENT_DIGITS)


def add(values: list[Value]) -> Value:
    """The sum of all; a single text is cast to its number.

    Raises:
        OperatorError: for a single text that is no number.
    """
    if len(values) == 1 and isinstance(values[0], str) and as_number(values[0]) is None:
        raise OperatorError(f"{values[0][:40]!r} is no number")
    return _sum(values)


def subtract(values: list[Value]) -> Value:
    """The first less the second, or the negative of a single one; further arguments are ignored."""
    match _numbers(values[:2]):
        case [only]:
            return EXACT.minus(only)
        case [one, other]:
            return EXACT.subtract(one, other)
        case _:
            return None


def divide(values: list[Value]) -> Value:
    """The first over the second to four decimal places, half up; further arguments are ignored.

    Raises:
        OperatorError: for a division by zero.
    """
    match _numbers(values[:2]):
        case [dividend, divisor]:
            return quotient(dividend, divisor)
        case _:
            return None


def remainder(values: list[Value]) -> Value:
    """What division by the second leaves of the first, with the sign of the first; a single one is itself.

    Raises:
        OperatorError: for a division by zero.
    """
    match _numbers(values[:2]):
        case [only]:
            return only
        case [dividend, divisor]:
            return EXACT.plus(EXACT.remainder(dividend, _divisor(divisor)))
        case _:
            return None


def _numbers(values: list[Value]) -> list[Decimal]:
    """All values as numbers; none at all when one of them is not a number."""
    numbers = [as_number(value) for value in values]
    return [number for number in numbers if number is not None] if None not in numbers else []


def quotient(dividend: Decimal, divisor: Decimal) -> Decimal:
    """The first over the second to four decimal places, half up.

    Found in whole steps of the last place, so that nothing is rounded twice.

    Raises:
        OperatorError: for a division by zero.
    """
    steps = EXACT.scaleb(dividend, _QUOTIENT_DIGITS)
    whole = EXACT.divide_int(steps, _divisor(divisor))
    rest = EXACT.remainder(steps, divisor)
    if EXACT.multiply(2, rest.copy_abs()) >= divisor.copy_abs():
        whole = EXACT.add(whole, -1 if dividend.is_signed() != divisor.is_signed() else 1)
    return EXACT.plus(EXACT.quantize(EXACT.scaleb(whole, -_QUOTIENT_DIGITS), _QUOTIENT_STEP))


def _divisor(number: Decimal) -> Decimal:
    if not number:
        raise OperatorError("division by zero")
    return number


def _fold(step: Callable[[Decimal, Decimal], Decimal]) -> Callable[[list[Value]], Value]:
    def apply(values: list[Value]) -> Value:
        numbers = _numbers(values)
        # The plus takes the minus sign off a zero: the dialect has no negative zero.
        return EXACT.plus(reduce(step, numbers)) if numbers else None

    return apply


_sum: Final = _fold(EXACT.add)
multiply: Final = _fold(EXACT.multiply)
least: Final = _fold(min)
greatest: Final = _fold(max)
