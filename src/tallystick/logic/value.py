"""The values that rules calculate with: what data may hold, and how one kind is read as another."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, TypeAlias

from tallystick.logic import number
from tallystick.logic.evaluation import OperatorError
from tallystick.logic.moment import Moment

HEAVIEST: Final = 128
"""The most that one value weighs."""

_DIGITS: Final = 16
_TEXT: Final = 8
_LIST: Final = 2
"""Digits, characters and members for one more unit of work."""

Value: TypeAlias = "Decimal | str | bool | Moment | list[Value] | dict[str, Value] | None"


def known(found: object) -> Value:
    """A value from the data as rules know it: ints become decimals; lists and objects are read when used.

    Raises:
        OperatorError: for a float or anything else that is no exact JSON value.
        decimal.DecimalException: for a number with too many digits.
    """
    if isinstance(found, Decimal):
        return number.bounded(found)
    if found is None or isinstance(found, (str, bool, list, dict, Moment)):
        return found
    if isinstance(found, int):
        return number.bounded(Decimal(found))
    raise OperatorError(f"the data holds a {type(found).__name__}, which is no JSON value with exact numbers")


def items(values: list[Value]) -> list[Value]:
    """The members of a list that may come straight from the data."""
    return [known(value) for value in values]


def truthy(value: Value) -> bool:
    """Whether a value counts as true: null, false, zero, "" and [] do not; "0" and every object do."""
    return bool(value) or isinstance(value, dict)


def weight(values: list[Value]) -> int:
    """The further units of work that an operator's arguments cost: long numbers, texts and lists take their time.

    A number is as long as it would be written out, since some operators do that.
    """
    total = 0
    for value in values:
        if isinstance(value, Decimal):
            total += min((len(str(value)) + abs(value.adjusted())) // _DIGITS, HEAVIEST)
        elif isinstance(value, str):
            total += min(len(value) // _TEXT, HEAVIEST)
        elif isinstance(value, list):
            total += min(len(value) // _LIST, HEAVIEST)
    return total


def kind_of(value: Value) -> str:
    """What a value is, for people."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, Decimal):
        return "a number"
    return "a text" if isinstance(value, str) else "a list" if isinstance(value, list) else "another value"


def as_number(value: Value) -> Decimal | None:
    """The number that a value is or that its text spells, else None.

    Raises:
        decimal.DecimalException: for a text with too many digits.
    """
    if isinstance(value, Decimal):
        return value
    return number.from_text(value) if isinstance(value, str) else None


def as_text(value: Value) -> str:
    """The text of a value.

    Raises:
        OperatorError: for null, lists and objects, which have none.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return number.to_text(value)
    if isinstance(value, Moment):
        return str(value)
    kind = "null" if value is None else "a list" if isinstance(value, list) else "an object"
    raise OperatorError(f"{kind} has no text")
