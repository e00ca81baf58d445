"""Attributes of many events at once: nearly all senders write the same names in the same order, with other digits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tallystick.metering.event_data import SentAttribute

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

MOST_LAYOUTS: Final = 8
"""Ways of writing attributes that are looked for in a block; whoever writes yet another way is read by itself."""

_ATTRIBUTES: Final = msgspec.json.Decoder(list[SentAttribute])
_VALUE: Final = re.compile(r'(?<="value":")[^"]*')
_NOTHING: Final = "[]"


class AttributeLayout:
    """A way of writing attributes: their names, and the text around their digits."""

    __slots__ = ("_pattern", "_places", "names")

    def __init__(self, names: Sequence[str], around: Sequence[str]) -> None:
        """Take the names of the attributes in their order, and the texts before, between and behind their digits."""
        digits = [f"{re.escape(text)}(?P<g{place}>[-.0-9]*)" for place, text in enumerate(around[:-1])]
        self._pattern = f"^{''.join(digits)}{re.escape(around[-1])}$"
        self._places = {name: place for place, name in enumerate(names)}  # the last of two equal names counts
        self.names = frozenset(names)

    @classmethod
    def of(cls, document: str) -> AttributeLayout | None:
        """The way in which the attributes of an event are written; None, where their texts are escaped."""
        names = [attribute.name for attribute in _ATTRIBUTES.decode(document)]
        around = _VALUE.split(document)
        return None if "\\" in document or len(around) != len(names) + 1 else cls(names, around)

    def digits(self, documents: pa.StringArray) -> tuple[NDArray[np.bool_], Mapping[str, pa.StringArray]]:
        """Which documents are written in this way, and the digits of each of their attributes by its name."""
        if not self._places:
            return pc.equal(documents, _NOTHING).to_numpy(zero_copy_only=False), {}
        found = pc.extract_regex(documents, self._pattern)
        digits = {name: found.field(place) for name, place in self._places.items()}
        return found.is_valid().to_numpy(zero_copy_only=False), digits
