"""Variables: var, missing and missing_some, the operators that read the data."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tallystick.logic.evaluation import OperatorError, Work
from tallystick.logic.rule import evaluated
from tallystick.logic.value import Value, items, known, weight

if TYPE_CHECKING:
    from tallystick.logic.rule import Rule

_CHARACTERS: Final = 8
_SOUGHT: Final = 4
"""Units of work to look whether something of a name is there."""

_INDEX: Final = re.compile(r"[+-]?[0-9]{1,9}")


def look_up(arguments: tuple[Rule, ...], data: object, work: Work) -> Value:
    """`var`: what the data holds under a name or index, or the default where that is nothing or null.

    The empty name and null stand for the whole data. The default is evaluated first and without data, as in
    the fork.

    Raises:
        OperatorError: for a name that is neither text, number nor null, and for a name inside a list.
    """
    default = arguments[1].value(None, work) if len(arguments) > 1 else None
    if data is None:
        return default
    name = arguments[0].value(data, work) if arguments else None
    if isinstance(name, str):
        work.weigh(name_weight(name))
    found = _walk(data, name) if isinstance(name, str) else _indexed(data, name)
    return default if found is None else known(found)


def name_weight(name: str) -> int:
    """The further units of work that a long name costs: it is cut at every point in turn."""
    return len(name) // _CHARACTERS


def _weight_of_names(names: list[Value]) -> int:
    return weight(names) + _SOUGHT * len(names)


def _walk(data: object, name: str) -> object:
    """The whole name as one key, else part by part, at each step first trying the rest as one key."""
    rest = name
    while rest:
        found = data.get(rest) if isinstance(data, dict) else None
        if found is not None:
            return found
        part, _, rest = rest.partition(".")
        data = _member(data, part)
        if data is None:
            return None
    return data


def _member(data: object, key: str) -> object:
    if isinstance(data, dict):
        return data.get(key)
    if not isinstance(data, list):
        return None
    if not _INDEX.fullmatch(key):
        raise OperatorError(f"a list has no member {key[:40]!r}")
    return _indexed(data, Decimal(key))


def _indexed(data: object, index: Value) -> object:
    if index is None:
        return data
    if not isinstance(index, Decimal):
        raise OperatorError("a variable's name must be a text, a number or null")
    at = int(index)
    return data[at] if isinstance(data, list) and 0 <= at < len(data) else None


def missing(arguments: tuple[Rule, ...], data: object, work: Work) -> Value:
    """`missing`: the names for which the data holds no value; one that is there as null counts as there."""
    names = evaluated(arguments, data, work)
    work.weigh(_weight_of_names(names))
    return _absent(names, data)


def missing_some(arguments: tuple[Rule, ...], data: object, work: Work) -> Value:
    """`missing_some`: no names where the data holds at least that many of them, else those it does not hold.

    Raises:
        OperatorError: unless the arguments are a number and a list of names.
    """
    match evaluated(arguments, data, work):
        case [Decimal() as needed, list(names), *_]:
            wanted = items(names)
            work.weigh(_weight_of_names(wanted))
            absent = _absent(wanted, data)
            return [] if len(set(wanted)) - len(absent) >= int(needed) else absent
        case _:
            raise OperatorError("takes a number and a list of names")


def _absent(names: list[Value], data: object) -> list[Value]:
    """Each name once that the data does not hold, in order."""
    if any(isinstance(name, (list, dict)) for name in names):
        raise OperatorError("a name must be a text")
    return [name for name in dict.fromkeys(names) if not (isinstance(name, str) and _holds(data, name))]


def _holds(data: object, name: str) -> bool:
    """Whether the data, its objects flattened, has a value of that name: {"a": {"b": 1}} holds only "a.b"."""
    pending = [(data, name)]
    while pending:
        level, rest = pending.pop()
        if not isinstance(level, dict):
            continue
        if rest in level and not isinstance(level[rest], dict):
            return True
        pending.extend((below, rest[len(key) + 1 :]) for key, below in level.items() if rest.startswith(f"{key}."))
    return False
