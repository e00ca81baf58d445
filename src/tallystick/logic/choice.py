"""Choice: and, or, if, ! and !!. Only what decides is evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.logic.evaluation import OperatorError, Work
from tallystick.logic.value import Value, truthy

if TYPE_CHECKING:
    from tallystick.logic.rule import Rule


def first_falsy(arguments: tuple[Rule, ...], data: object, work: Work) -> Value:
    """`and`: the first value that is not truthy, else the last.

    Raises:
        OperatorError: without arguments.
    """
    return _deciding(arguments, data, work, wanted=False)


def first_truthy(arguments: tuple[Rule, ...], data: object, work: Work) -> Value:
    """`or`: the first value that is truthy, else the last.

    Raises:
        OperatorError: without arguments.
    """
    return _deciding(arguments, data, work, wanted=True)


def _deciding(arguments: tuple[Rule, ...], data: object, work: Work, *, wanted: bool) -> Value:
    if not arguments:
        raise OperatorError("needs at least one argument")
    for argument in arguments:
        value = argument.value(data, work)
        if truthy(value) is wanted:
            break
    return value


def chosen(arguments: tuple[Rule, ...], data: object, work: Work) -> Value:
    """`if`: condition, result, condition, result, ..., result otherwise; null where nothing is chosen."""
    for at in range(0, len(arguments) - 1, 2):
        if truthy(arguments[at].value(data, work)):
            return arguments[at + 1].value(data, work)
    return arguments[-1].value(data, work) if len(arguments) % 2 else None


def negation(values: list[Value]) -> Value:
    """Whether the first value is not truthy; nothing at all is not."""
    return not truth(values)


def truth(values: list[Value]) -> Value:
    """Whether the first value is truthy."""
    return truthy(values[0]) if values else False
