"""What a rule is in Python source: an expression, with what is known of its value before there is any data."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence


class Kind(enum.Enum):
    """What is known of a value before there is any data."""

    NUMBER = "a number"
    TEXT = "a text"
    TRUTH = "true or false"
    SCALAR = "one of these, null or a moment"
    ANY = "anything, also a list or an object"


SAME_IN_PYTHON: Final = (Kind.NUMBER, Kind.TEXT, Kind.TRUTH)
"""Kinds whose values are equal, each among its own, when Python says so."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A Python expression for a rule's value, and one that is true whenever the value counts as true.

    `made` bounds the length of the text or list that the value can be; `steps` the work that the interpreter would
    count for it, less what the expression leaves to the interpreter, which counts for itself.
    """

    value: str
    kind: Kind
    condition: str
    made: int = 0
    steps: int = 0


def plain(value: str, kind: Kind, made: int = 0) -> Expression:
    """An expression whose value is judged by Python as the dialect judges it: anything but an object."""
    return Expression(value, kind, value, made)


def joined(parts: Sequence[Expression], separator: str = ", ") -> str:
    """The values one after the other."""
    return separator.join(part.value for part in parts)


def shared_kind(parts: Sequence[Expression]) -> Kind:
    """The kind of a value that is one of these."""
    kinds = {part.kind for part in parts}
    return kinds.pop() if len(kinds) == 1 else Kind.ANY if Kind.ANY in kinds else Kind.SCALAR


def longest(parts: Sequence[Expression]) -> int:
    """The length that a value cannot exceed which is one of these."""
    return max((part.made for part in parts), default=0)
