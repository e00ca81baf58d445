"""Texts: cat and substr. Positions count code points."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from tallystick.logic.evaluation import OperatorError
from tallystick.logic.value import Value, as_text

LONGEST_TEXT: Final = 10_000
"""Characters in the result of one `cat`."""


def joined(values: list[Value]) -> Value:
    """`cat`: the texts of all values, one after the other.

    Raises:
        OperatorError: for null, a list or an object, and for a result over LONGEST_TEXT characters.
    """
    texts = [as_text(value) for value in values]
    if sum(map(len, texts)) > LONGEST_TEXT:
        raise OperatorError(f"the result is longer than {LONGEST_TEXT:,} characters")
    return "".join(texts)


def part(values: list[Value]) -> Value:
    """`substr`: from a start, counted from the end when negative, to the end or for a length.

    A negative length leaves out so many characters at the end.
    Bounds are cut to whole numbers; an end beyond the text stops at its end (domain.md 3.3).

    Raises:
        OperatorError: for a start beyond the text (two arguments) or before it (three), for null, lists and
            objects, and for bounds that are no numbers.
    """
    match values:
        case [subject, Decimal() as start]:
            return _tail(as_text(subject), int(start))
        case [subject, Decimal() as start, Decimal() as length]:
            return _slice(as_text(subject), int(start), int(length))
        case _:
            raise OperatorError("takes a text, a start and perhaps a length, which are numbers")


def _tail(text: str, start: int) -> str:
    if start > len(text):
        raise OperatorError("the start lies beyond the text")
    first = start if start >= 0 else start + len(text)
    return text[first:] if first >= 0 else ""


def _slice(text: str, start: int, length: int) -> str:
    first = start if start >= 0 else start + len(text)
    if first < 0:
        raise OperatorError("the start lies before the text")
    end = first + length if length >= 0 else len(text) + length
    return text[first : max(first, end)]
