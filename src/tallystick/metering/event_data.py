"""What one event says, as meters read it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec


class _Attribute(msgspec.Struct, gc=False):
    """An attribute that was checked at the door: here it is only read."""

    name: str
    value: str


_ATTRIBUTES: Final = msgspec.json.Decoder(list[_Attribute])
_DIMENSIONS: Final = msgspec.json.Decoder(dict[str, str])


class EventData:
    """Attributes as the digits that were sent, dimensions as text; the last of two equal attribute names counts."""

    __slots__ = ("_for_rules", "attributes", "dimensions")

    def __init__(self, attributes: bytes, dimensions: bytes) -> None:
        self.attributes = {attribute.name: attribute.value for attribute in _ATTRIBUTES.decode(attributes)}
        self.dimensions = _DIMENSIONS.decode(dimensions)
        self._for_rules: dict[str, object] | None = None

    def for_rules(self) -> dict[str, object]:
        """The data handed to a rule: attributes as exact decimals, dimensions as text (domain.md 3.2)."""
        if self._for_rules is None:
            numbers = {name: Decimal(digits) for name, digits in self.attributes.items()}
            self._for_rules = rule_data(numbers, self.dimensions)
        return self._for_rules


def rule_data(attributes: dict[str, Decimal], dimensions: dict[str, str]) -> dict[str, object]:
    """Both spellings of every kind of variable lead to the same values (domain.md 10, X-05)."""
    return {
        "attributes": attributes,
        "attribute": attributes,
        "dimensions": dimensions,
        "dimension": dimensions,
        "dependencies": {},
    }
