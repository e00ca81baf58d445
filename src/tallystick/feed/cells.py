"""The values of one row by the names of their columns, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.kernel.errors import Problem
from tallystick.kernel.quantity import written_out
from tallystick.kernel.shapes import object_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT: Final = msgspec.json.Decoder(str)


class Cells:
    """A row whose values can be asked for; `problems` are those that were asked for and cannot be used.

    A part of an object in a JSON row is named with dots: `customer.id`.
    """

    def __init__(self, content: bytes | Mapping[str, str | None]) -> None:
        """Read a row.

        Raises:
            BillingError: of kind INVALID, when it is no JSON object.
        """
        self._content = object_fields(content) if isinstance(content, bytes) else content
        self.problems: list[Problem] = []

    def refuse(self, path: str, reason: str) -> str:
        """Note what is wrong; an empty text stands for the value."""
        self.problems.append(Problem(path, reason))
        return ""

    def text(self, column: str) -> str:
        """A value, empty where there is none."""
        try:
            value = self._at(self._content, column)
            return self._plain(column, bytes(value)) if isinstance(value, msgspec.Raw) else value or ""
        except UnicodeDecodeError:  # in a text that was only skipped when the row was read
            return self.refuse(column, "is not UTF-8")

    def required(self, path: str, column: str) -> str:
        """A value that the event cannot be without."""
        return self.text(column) or self.refuse(path, f"the row has nothing under {column!r}")

    def number(self, path: str, column: str) -> str:
        """A number's plain digits, empty where there is none."""
        text = self.text(column)
        digits = written_out(text)
        if digits is None and text:
            return self.refuse(path, f"is {text[:60]!r} under {column!r}, expected a number such as 12 or 0.5")
        return digits or ""

    def _at(
        self, content: Mapping[str, msgspec.Raw] | Mapping[str, str | None], column: str
    ) -> msgspec.Raw | str | None:
        if column in content or "." not in column:
            return content.get(column)
        outer, _, inner = column.partition(".")
        value = content.get(outer)
        is_object = isinstance(value, msgspec.Raw) and bytes(value).startswith(b"{")
        return self._at(_OBJECT.decode(value), inner) if is_object and value else None

    def _plain(self, column: str, value: bytes) -> str:
        """A JSON text as what it says, a number or a truth value as it is written."""
        if value[:1] == b'"':
            return _TEXT.decode(value)
        if value[:1] in {b"{", b"["}:
            return self.refuse(column, "holds an object or a list: name a part of it, such as customer.id")
        return "" if value == b"null" else value.decode()
