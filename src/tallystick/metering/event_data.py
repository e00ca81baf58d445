"""What one event says, as meters read it."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.logic.source import LONGEST_READ

if TYPE_CHECKING:
    from collections.abc import Mapping


class SentAttribute(msgspec.Struct, gc=False):
    """An attribute that was checked at the door: here it is only read."""

    name: str
    value: str


_ATTRIBUTES: Final = msgspec.json.Decoder(list[SentAttribute])
_DIMENSIONS: Final = msgspec.json.Decoder(dict[str, str])
_NO_DEPENDENCIES: Final[Mapping[str, object]] = {}

MOST_REMEMBERED: Final = 4096
"""Combinations of dimensions: those that are worth metering by come again and again."""


class EventData:
    """Attributes as the digits that were sent, dimensions as text; the last of two equal attribute names counts.

    `texts` are the dimensions as compiled rules read them. What the event is enriched with comes beside it, here and
    never in what is stored as sent.
    """

    __slots__ = ("_dependencies", "_for_rules", "attributes", "dimensions", "texts")

    def __init__(self, attributes: bytes, dimensions: bytes) -> None:
        self.attributes = {attribute.name: attribute.value for attribute in _ATTRIBUTES.decode(attributes)}
        self.dimensions = self.texts = _dimensions(dimensions)
        self._dependencies = _NO_DEPENDENCIES
        self._for_rules: dict[str, object] | None = None

    def depend_on(self, dependencies: Mapping[str, object]) -> None:
        """Let rules read these values too, by name."""
        self._dependencies = dependencies
        self._for_rules = None

    def add_attribute(self, name: str, digits: str) -> None:
        """Enrich the event with a number."""
        self.attributes[name] = digits
        self._for_rules = None

    def add_dimension(self, name: str, text: str) -> None:
        """Enrich the event with a text."""
        self.dimensions = {**self.dimensions, name: text}
        self.texts = {name: text for name, text in self.dimensions.items() if len(text) <= LONGEST_READ}
        self._for_rules = None

    def for_rules(self) -> dict[str, object]:
        """The data that `evaluate` takes: attributes as exact decimals, dimensions as text (domain.md 3.2).

        Both spellings of every kind of variable lead to the same values (domain.md 10, X-05).
        """
        if self._for_rules is None:
            numbers = {name: Decimal(digits) for name, digits in self.attributes.items()}
            self._for_rules = {
                "attributes": numbers,
                "attribute": numbers,
                "dimensions": self.dimensions,
                "dimension": self.dimensions,
                "dependencies": self._dependencies,
            }
        return self._for_rules


@functools.lru_cache(maxsize=MOST_REMEMBERED)
def _dimensions(document: bytes) -> Mapping[str, str]:
    """The dimensions that a document holds; events share them."""
    dimensions: dict[str, str] = _DIMENSIONS.decode(document)
    return dimensions
