"""Operators that are given what they can make nothing of, whatever the event: texts in sums, numbers in lists of texts.

Only what can never work is told: a rule that works for some events is left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.logic.rule import Constant, Listing, Operation, Rule
from tallystick.logic.temporal import COUNTED_UNITS, UNITS
from tallystick.logic.value_type import Types, ValueType, spells_a_number, told, types_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tallystick.logic.place import Place

    Misuse = tuple[str, Place]
    Found = Iterator[Misuse]
    Arguments = tuple[Rule, ...]

_NUMBERS: Final[Types] = frozenset({ValueType.NUMBER, ValueType.NUMERAL})
_TEXTS: Final[Types] = frozenset({ValueType.TEXT, ValueType.NUMERAL})
_LISTS: Final[Types] = frozenset({ValueType.LIST})
_WITH_TEXT: Final[Types] = _NUMBERS | _TEXTS | {ValueType.TRUTH, ValueType.MOMENT}
_COMPARED: Final = 2


def misuses(operation: Operation, arguments: Arguments) -> Found:
    """(what is wrong, where) of an operation with the arguments that it will see."""
    find = _RULES.get(operation.operator)
    if find is not None:
        yield from find(operation.operator, arguments)


def _calculates(operator: str, arguments: Arguments) -> Found:
    for argument in arguments:
        yield from _unless(argument, _NUMBERS, f"{operator!r} calculates with numbers")


def _orders(operator: str, arguments: Arguments) -> Found:
    for argument in arguments:
        yield from _unless(argument, _NUMBERS, f"{operator!r} compares numbers")


def _equals_loosely(operator: str, arguments: Arguments) -> Found:
    """A number equals a text that spells it, a blank one when it is zero, and no other text that is written out."""
    if len(arguments) == _COMPARED:
        for one, other in (arguments, arguments[::-1]):
            if types_of(one) == {ValueType.NUMBER} and _is_a_word(other):
                yield f"{operator!r} compares {_shown(one)}, with {_shown(other)}, which spells none", other.place


def _equals_strictly(operator: str, arguments: Arguments) -> Found:
    if ValueType.NULL in {kind for argument in arguments for kind in types_of(argument)}:
        return  # whether something is there may be asked of what always is
    if len(arguments) == _COMPARED and not _plain(arguments[0]) & _plain(arguments[1]):
        left, right = map(_shown, arguments)
        yield f"{operator!r} compares {left} with {right}, which are never the same: use == or !=", arguments[0].place


def _is_in(operator: str, arguments: Arguments) -> Found:
    """Membership counts values of one type only; a text is searched for a text."""
    if len(arguments) < _COMPARED:
        return
    needle, *members = arguments
    if len(members) == 1 and not isinstance(members[0], Listing):
        yield from _unless(members[0], _TEXTS | _LISTS, f"{operator!r} looks into a list or a text")
        if types_of(members[0]) <= _TEXTS:
            yield from _unless(needle, _TEXTS, f"{operator!r} looks for a text in a text")
        return
    held = members[0].members if isinstance(members[0], Listing) else tuple(members)
    if held and all(isinstance(member, Constant) for member in held):
        types = frozenset[ValueType]().union(*map(_plain, held))
        if not _plain(needle) & types:
            yield f"{operator!r} looks for {_shown(needle)} among {_many(types)}, where it never is", held[0].place


def _joins(operator: str, arguments: Arguments) -> Found:
    for argument in arguments:
        yield from _unless(argument, _WITH_TEXT, f"{operator!r} joins texts")


def _cuts(operator: str, arguments: Arguments) -> Found:
    for subject in arguments[:1]:
        yield from _unless(subject, _WITH_TEXT, f"{operator!r} cuts a text")
    for bound in arguments[1:]:
        yield from _unless(bound, frozenset({ValueType.NUMBER}), f"{operator!r} counts from and to numbers")


def _goes_through(operator: str, arguments: Arguments) -> Found:
    for items in arguments[:1]:
        yield from _unless(items, _LISTS, f"{operator!r} goes through a list")


def _reads_texts(operator: str, arguments: Arguments) -> Found:
    for argument in arguments:
        yield from _unless(argument, _TEXTS, f"{operator!r} reads ISO 8601 texts")


def _has_unit(units: tuple[str, ...], amount: Types, noun: str) -> Callable[[str, Arguments], Found]:
    def find(operator: str, arguments: Arguments) -> Found:
        for subject in arguments[:1]:
            yield from _unless(subject, amount, f"{operator!r} takes {noun}")
        for unit in arguments[1:2]:
            if isinstance(unit, Constant) and unit.constant not in units:
                yield f"{operator!r} knows the units {', '.join(units)}, not {_shown(unit)}", unit.place

    return find


def _unless(argument: Rule, wanted: Types, what: str) -> Found:
    """Say what an operator wants, unless the argument can be that."""
    types = types_of(argument)
    if not types & wanted:
        advice = ""
        if ValueType.NUMBER in wanted and isinstance(argument, Operation) and argument.operator.startswith("duration."):
            advice = ': make a number of it with {"duration.as": [..., "DAYS"]}'
        yield f"{what}, got {_shown(argument)}{advice}", argument.place


def _is_a_word(rule: Rule) -> bool:
    """Whether it is a text that no number equals."""
    if not isinstance(rule, Constant) or not isinstance(rule.constant, str):
        return False
    return bool(rule.constant.strip()) and not spells_a_number(rule.constant.strip())


def _plain(rule: Rule) -> Types:
    """The types of a rule, where a text that spells a number is a text like any other."""
    types = types_of(rule)
    return types - {ValueType.NUMERAL} | {ValueType.TEXT} if ValueType.NUMERAL in types else types


def _many(types: Types) -> str:
    return "texts" if types == {ValueType.TEXT} else "numbers" if types == {ValueType.NUMBER} else told(types)


def _shown(argument: Rule) -> str:
    """An argument and its type, for people."""
    match argument:
        case Constant(constant=str(text)):
            return f"the text {text[:40]!r}"
        case Constant(constant=None):
            return "null"
        case Constant():
            return str(argument.constant).lower()[:40]
        case Operation(operator="var", arguments=(Constant(constant=str(name)), *_)):
            return f"{name[:60]}, {told(types_of(argument))}"
        case Operation():
            return f"{told(types_of(argument))} from {argument.operator[:40]!r}"
        case _:
            return told(types_of(argument))


_RULES: Final[Mapping[str, Callable[[str, Arguments], Found]]] = {
    **dict.fromkeys(("+", "-", "*", "/", "%", "min", "max"), _calculates),
    **dict.fromkeys(("<", "<=", ">", ">="), _orders),
    **dict.fromkeys(("==", "!="), _equals_loosely),
    **dict.fromkeys(("===", "!=="), _equals_strictly),
    **dict.fromkeys(("map", "filter", "reduce", "all", "some", "none"), _goes_through),
    **dict.fromkeys(("date", "date.add", "date.sub", "duration.between"), _reads_texts),
    "in": _is_in,
    "cat": _joins,
    "substr": _cuts,
    "duration.of": _has_unit(UNITS, _NUMBERS, "a whole number"),
    "duration.as": _has_unit(COUNTED_UNITS, _TEXTS, "an ISO 8601 duration"),
}
