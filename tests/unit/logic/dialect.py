"""How the tests of the dialect state and compare: a rule as JSON text, a value as Python writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.logic import evaluate, parse

if TYPE_CHECKING:
    from tallystick.logic import Value


def value(rule: str, data: object = None) -> Value:
    """The value of a rule given as JSON text."""
    return evaluate(parse(rule), data)


def alike(got: object, expected: object) -> bool:
    """Equal, numbers by value, but a truth value is no number."""
    if isinstance(expected, list) and isinstance(got, list):
        return len(got) == len(expected) and all(map(alike, got, expected))
    return got == expected and isinstance(got, bool) == isinstance(expected, bool)
