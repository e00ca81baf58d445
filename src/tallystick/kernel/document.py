"""The frozen Struct base: one class is the domain value, the stored JSON and the wire shape."""

from __future__ import annotations

import functools
from decimal import Decimal, InvalidOperation
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec

from tallystick.kernel.quantity import is_tame, spelled

T = TypeVar("T")

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Document(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A value whose fields are written in camelCase; fields at their default are left out."""


class Draft(Document, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document that a caller sends: unknown fields are refused by name, and so are numbers like 1e999."""

    def __post_init__(self) -> None:
        """Refuse a number that cannot be calculated with, also a quoted NaN, which a Decimal field lets in.

        Raises:
            ValueError: naming the field; msgspec adds the JSON path.
        """
        for field, name in _number_fields(type(self)):
            value = getattr(self, field)
            if isinstance(value, Decimal) and not is_tame(value):
                raise ValueError(f"`{name}` is {spelled(value)}, expected a number between 1e-100 and 1e100")


@functools.cache
def _number_fields(kind: type[Draft]) -> tuple[tuple[str, str], ...]:
    """The fields that may hold a number, and their names on the wire: most drafts have none, and there are many."""
    return tuple(
        (field.name, field.encode_name) for field in msgspec.structs.fields(kind) if _may_be_number(field.type)
    )


def _may_be_number(kind: Any) -> bool:  # noqa: ANN401 - a type, a union of types, or one with bounds
    if kind in {Decimal, Any, object} or isinstance(kind, TypeVar):
        return True
    if get_origin(kind) not in {Annotated, Union, UnionType}:
        return False
    return any(_may_be_number(one) for one in get_args(kind) if not isinstance(one, msgspec.Meta))


def _exact(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text[:40]} is beyond any number") from None


def encode(value: object) -> bytes:
    """The JSON text of a value, decimals as exact numbers."""
    return _ENCODER.encode(value)


def decode(text: bytes | str, kind: type[T]) -> T:
    """The value of that type that a JSON text stands for; no number passes through a float, typed or not.

    Raises:
        msgspec.ValidationError: when the text has another shape.
        msgspec.DecodeError: when the text is not JSON in UTF-8, or nested too deep to read.
    """
    try:
        return msgspec.json.Decoder(kind, float_hook=_exact).decode(text)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(f"JSON is malformed: {error}") from None


def given(patch: msgspec.Struct) -> dict[str, Any]:
    """The fields of a patch that the caller sent, by name."""
    fields = ((name, getattr(patch, name)) for name in patch.__struct_fields__)
    return {name: value for name, value in fields if value is not msgspec.UNSET}


def wire_name(kind: type[msgspec.Struct], field: str) -> str:
    """What a field of a document is called on the wire."""
    return kind.__struct_encode_fields__[kind.__struct_fields__.index(field)]
