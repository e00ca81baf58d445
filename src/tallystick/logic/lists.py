"""Lists: map, filter, reduce, all, some, none, merge. A body sees only its item, as its whole data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.logic.evaluation import OperatorError, Work
from tallystick.logic.value import Value, items, truthy

if TYPE_CHECKING:
    from tallystick.logic.rule import Rule

LONGEST_LIST: Final = 10_000
"""Items in the result of one `merge`."""


def mapped(arguments: tuple[Rule, ...], data: object, work: Work) -> Value:
    """`map`: what the body makes of each item; of anything but a list, the empty list."""
    source, body = _exactly(2, arguments)
    found = source.value(data, work)
    return [body.value(item, work) for item in items(found)] if isinstance(found, list) else []


def filtered(arguments: tuple[Rule, ...], data: object, work: Work) -> Value:
    """`filter`: the items for which the body is truthy.

    Raises:
        OperatorError: when the first argument is no list.
    """
    source, body = _exactly(2, arguments)
    return [item for item in _list(source.value(data, work)) if truthy(body.value(item, work))]


def reduced(arguments: tuple[Rule, ...], data: object, work: Work) -> Value:
    """`reduce`: the body of each item as `current` and of the result so far as `accumulator`."""
    source, body, initial = _exactly(3, arguments)
    found = source.value(data, work)
    result = initial.value(data, work)
    for item in items(found) if isinstance(found, list) else ():
        result = body.value({"current": item, "accumulator": result}, work)
    return result


def every(arguments: tuple[Rule, ...], data: object, work: Work) -> Value:
    """`all`: whether the body is truthy for each item; false for the empty list.

    Raises:
        OperatorError: when the first argument is no list.
    """
    source, body = _exactly(2, arguments)
    found = _list(source.value(data, work))
    return bool(found) and all(truthy(body.value(item, work)) for item in found)


def some(arguments: tuple[Rule, ...], data: object, work: Work) -> Value:
    """`some`: whether the body is truthy for one item; false for null.

    Raises:
        OperatorError: when the first argument is neither a list nor null.
    """
    source, body = _exactly(2, arguments)
    found = source.value(data, work)
    return found is not None and any(truthy(body.value(item, work)) for item in _list(found))


def none(arguments: tuple[Rule, ...], data: object, work: Work) -> Value:
    """`none`: whether the body is truthy for no item; true for null.

    Raises:
        OperatorError: when the first argument is neither a list nor null.
    """
    return not some(arguments, data, work)


def merged(values: list[Value]) -> Value:
    """`merge`: one list of all values, where lists give their items.

    Raises:
        OperatorError: for a result over LONGEST_LIST items.
    """
    if sum(len(value) if isinstance(value, list) else 1 for value in values) > LONGEST_LIST:
        raise OperatorError(f"the result has more than {LONGEST_LIST:,} items")
    return [item for value in values for item in (items(value) if isinstance(value, list) else [value])]


def _exactly(count: int, arguments: tuple[Rule, ...]) -> tuple[Rule, ...]:
    if len(arguments) != count:
        raise OperatorError(f"takes exactly {count} arguments, got {len(arguments)}")
    return arguments


def _list(value: Value) -> list[Value]:
    if not isinstance(value, list):
        raise OperatorError("the first argument must be a list")
    return items(value)
