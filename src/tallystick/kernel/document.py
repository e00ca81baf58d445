"""The frozen Struct base: one class is the domain value, the stored JSON and the wire shape."""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Document(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A value whose fields are written in camelCase; fields at their default are left out."""


class Draft(Document, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document that a caller sends: unknown fields are refused by name."""


def encode(value: object) -> bytes:
    """The JSON text of a value, decimals as exact numbers."""
    return _ENCODER.encode(value)


def decode(text: bytes | str, kind: type[T]) -> T:
    """The value of that type that a JSON text stands for; decimals never pass through a float.

    Raises:
        msgspec.ValidationError: when the text has another shape.
        msgspec.DecodeError: when the text is not JSON.
    """
    return msgspec.json.decode(text, type=kind)
