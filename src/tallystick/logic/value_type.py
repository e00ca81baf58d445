"""What a rule can give, told from its text alone: attributes are numbers, dimensions texts (domain.md 3.2).

Pricing rules read usage and revenue, which are numbers, and the dates of an invoice, which are texts (domain.md 4.8).
"""

from __future__ import annotations

import enum
from decimal import Decimal, DecimalException
from typing import TYPE_CHECKING, Final, TypeAlias

from tallystick.logic.rule import Constant, Listing, Operation, Rule
from tallystick.logic.value import as_number

if TYPE_CHECKING:
    from collections.abc import Mapping


class ValueType(enum.Enum):
    """A type of values, by the words in which people are told of it."""

    NUMBER = "a number"
    NUMERAL = "a text that spells a number"
    TEXT = "a text"
    TRUTH = "true or false"
    NULL = "null"
    LIST = "a list"
    MOMENT = "a date"
    OBJECT = "an object"


Types: TypeAlias = frozenset[ValueType]

ANYTHING: Final[Types] = frozenset(ValueType)
_NUMBER: Final[Types] = frozenset({ValueType.NUMBER})
_TEXT: Final[Types] = frozenset({ValueType.TEXT})
_NULL: Final[Types] = frozenset({ValueType.NULL})
_TRUTH: Final[Types] = frozenset({ValueType.TRUTH})
_LIST: Final[Types] = frozenset({ValueType.LIST})

_VARIABLES: Final[Mapping[str, Types]] = {
    "attributes": _NUMBER,
    "attribute": _NUMBER,
    "dimensions": _TEXT,
    "dimension": _TEXT,
    "usage": _NUMBER,
    "revenue": _NUMBER,
    "invoice": _TEXT,
}
"""By the head of a name; what stands below another head may be anything."""

_RESULTS: Final[Mapping[str, Types]] = {
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!=", "===", "!==", "in", "!", "!!", "all", "some", "none"), _TRUTH),
    **dict.fromkeys(("map", "filter", "merge", "missing", "missing_some"), _LIST),
    **dict.fromkeys(("cat", "substr"), _TEXT),
    **dict.fromkeys(("date.add", "date.sub", "duration.of", "duration.between"), _TEXT | _NULL),
    "duration.as": _NUMBER | _NULL,
    "date": frozenset({ValueType.MOMENT, ValueType.NULL, ValueType.TRUTH}),
}
_ARITHMETIC: Final = frozenset({"+", "-", "*", "/", "%", "min", "max"})


def types_of(rule: Rule) -> Types:  # noqa: PLR0911 - one for each form of a rule
    """Every type that the rule's value can have; one that is missing here cannot come up for any event."""
    match rule:
        case Constant():
            return frozenset({_type_of_constant(rule.constant)})
        case Listing():
            return _LIST
        case Operation(operator="var"):
            return _of_variable(rule)
        case Operation(operator="and" | "or"):
            return _joined(rule.arguments)
        case Operation(operator="if" | "?:"):
            return _of_choice(rule.arguments)
        case Operation(operator=operator) if operator in _ARITHMETIC:
            certain = all(types_of(argument) == _NUMBER for argument in rule.arguments)
            return _NUMBER if certain and rule.arguments else _NUMBER | _NULL
        case Operation():
            return _RESULTS.get(rule.operator, ANYTHING)
        case _:
            return ANYTHING


def told(types: Types) -> str:
    """Some types in words; texts that spell numbers are texts, and told only where no other text can be."""
    named = types - {ValueType.NUMERAL} if ValueType.TEXT in types else types
    return " or ".join(kind.value for kind in ValueType if kind in named)


def _type_of_constant(constant: Decimal | str | bool | None) -> ValueType:  # noqa: FBT001 - JSON's own
    match constant:
        case None:
            return ValueType.NULL
        case bool():
            return ValueType.TRUTH
        case Decimal():
            return ValueType.NUMBER
        case str():
            return ValueType.NUMERAL if spells_a_number(constant) else ValueType.TEXT


def spells_a_number(text: str) -> bool:
    """Whether calculating reads the text as a number."""
    try:
        return as_number(text) is not None
    except DecimalException:  # of too many digits, but a number
        return True


def _of_variable(variable: Operation) -> Types:
    """The type of what is named, or of its default."""
    named: Types = ANYTHING
    if variable.arguments and isinstance(variable.arguments[0], Constant):
        named = _VARIABLES.get(str(variable.arguments[0].constant).partition(".")[0], ANYTHING)
    return named | _joined(variable.arguments[1:])


def _of_choice(arguments: tuple[Rule, ...]) -> Types:
    """Each second argument, and a last one that stands alone; without that, null."""
    pairs, rest = arguments[: len(arguments) // 2 * 2], arguments[len(arguments) // 2 * 2 :]
    return _joined(pairs[1::2]) | (_joined(rest) if rest else _NULL)


def _joined(rules: tuple[Rule, ...]) -> Types:
    return frozenset().union(*map(types_of, rules))
