"""Comparison: order of numbers, loose and strict equality, membership. Numbers count by value: 1.0 == 1."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tallystick.logic.evaluation import OperatorError
from tallystick.logic.moment import Moment, moment
from tallystick.logic.number import from_text
from tallystick.logic.value import Value, as_number, as_text, items, truthy

if TYPE_CHECKING:
    from collections.abc import Callable

_BLANKS: Final = "".join(map(chr, range(33)))
"""What Java's String.trim takes off: everything up to the space."""


def ordered(holds: Callable[[Decimal, Decimal], bool], *, between: bool) -> Callable[[list[Value]], Value]:
    """The operator that says whether two numbers, or three where `between`, stand in this order.

    Anything that is no number makes it false; of more than three arguments the first two are compared.
    """

    def apply(values: list[Value]) -> Value:
        match values:
            case [] | [_]:
                raise OperatorError(f"compares two values, got {len(values)}")
            case [_, _, _] if not between:
                raise OperatorError("compares two values, got three; only < and <= have a between form")
            case [_, _, _]:
                numbers = [as_number(value) for value in values]
            case _:
                numbers = [as_number(value) for value in values[:2]]
        pairs = pairwise(numbers)
        return all(one is not None and other is not None and holds(one, other) for one, other in pairs)

    return apply


def equality(equal: Callable[[Value, Value], bool], *, negated: bool = False) -> Callable[[list[Value]], Value]:
    """The operator that says whether exactly two values are equal, or are not where `negated`."""

    def apply(values: list[Value]) -> Value:
        match values:
            case [left, right]:
                return equal(left, right) is not negated
            case _:
                raise OperatorError(f"compares exactly two values, got {len(values)}")

    return apply


def loosely_equal(left: Value, right: Value) -> bool:  # noqa: PLR0911 - one for each pair of kinds
    """Equality that converts: a number to its text and to 0 or 1, a date to its text.

    Null equals only null; lists and objects equal only what is falsy like them.
    """
    if left is None or right is None:
        return left is right
    match left, right:
        case (bool(), bool()) | (str(), str()) | (Decimal(), Decimal()) | (Moment(), Moment()):
            return left == right
        case (bool(flag), str(text)) | (str(text), bool(flag)):
            return bool(text) is flag
        case (bool(flag), Decimal() as number) | (Decimal() as number, bool(flag)):
            return number == int(flag)
        case (str(text), Decimal() as number) | (Decimal() as number, str(text)):
            return from_text(text.strip(_BLANKS) or "0") == number
        case (str(text), Moment() as date) | (Moment() as date, str(text)):
            return moment(text.strip(_BLANKS)) == date
        case _:
            return not truthy(left) and not truthy(right)


def strictly_equal(left: Value, right: Value) -> bool:
    """Equality of one kind: numbers by value, dates with their offset; lists and objects are never equal."""
    if isinstance(left, Moment) and isinstance(right, Moment):
        return left == right and left.at.utcoffset() == right.at.utcoffset()
    return type(left) is type(right) and not isinstance(left, (list, dict)) and left == right


def contained(values: list[Value]) -> Value:
    """Whether the first stands in the second, a list or a text; with three or more arguments: among the rest.

    Membership in the rest is decided in domain.md 11.1; the fork looks for text in the second and no further.
    """
    match values:
        case [needle, list(members)]:
            return any(strictly_equal(needle, member) for member in items(members))
        case [str() | bool() | Decimal() | Moment() as needle, str(text)]:
            return as_text(needle) in text
        case [needle, _, _, *_]:
            return any(strictly_equal(needle, value) for value in values[1:])
        case _:
            return False
