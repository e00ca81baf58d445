"""What one event says, as meters read it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Attribute(msgspec.Struct, gc=False):
    """An attribute that was checked at the door: here it is only read."""

    name: str
    value: str


_ATTRIBUTES: Final = msgspec.json.Decoder(list[_Attribute])
_DIMENSIONS: Final = msgspec.json.Decoder(dict[str, str])
_NO_DEPENDENCIES: Final[Mapping[str, object]] = {}


class EventData:
    """Attributes as the digits that were sent, dimensions as text; the last of two equal attribute names counts.

    What the event is enriched with comes beside it, here and never in what is stored as sent.
    """

    __slots__ = ("_dependencies", "_for_rules", "attributes", "dimensions")

    def __init__(self, attributes: bytes, dimensions: bytes) -> None:
        self.attributes = {attribute.name: attribute.value for attribute in _ATTRIBUTES.decode(attributes)}
        self.dimensions = _DIMENSIONS.decode(dimensions)
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
        self.dimensions[name] = text
        self._for_rules = None

    def for_rules(self) -> dict[str, object]:
        """The data handed to a rule: attributes as exact decimals, dimensions as text (domain.md 3.2)."""
        if self._for_rules is None:
            numbers = {name: Decimal(digits) for name, digits in self.attributes.items()}
            self._for_rules = rule_data(numbers, self.dimensions, self._dependencies)
        return self._for_rules


def rule_data(
    attributes: Mapping[str, Decimal],
    dimensions: Mapping[str, str],
    dependencies: Mapping[str, object] = _NO_DEPENDENCIES,
) -> dict[str, object]:
    """Both spellings of every kind of variable lead to the same values (domain.md 10, X-05)."""
    return {
        "attributes": attributes,
        "attribute": attributes,
        "dimensions": dimensions,
        "dimension": dimensions,
        "dependencies": dependencies,
    }
