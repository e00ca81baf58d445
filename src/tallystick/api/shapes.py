"""What a type expects at a JSON path, so that errors can say what would have been right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from msgspec import inspect

if TYPE_CHECKING:
    from collections.abc import Iterator

_STEP: Final = re.compile(r"\[[^\]]*\]|[^.\[]+")


def described_at(kind: Any, path: str) -> inspect.Type | None:  # noqa: ANN401 - a type, or one described already
    """The description of what belongs at a path such as `slabs[1].rate`; None where that is not known."""
    described = kind if kind is None or isinstance(kind, inspect.Type) else inspect.type_info(kind)
    for step in _STEP.findall(path):
        described = next((below for option in _options(described) for below in _below(option, step)), None)
    return described


def field_names(described: inspect.Type | None) -> list[str]:
    """The fields of an object, as the wire writes them."""
    return [
        field.encode_name
        for option in _options(described)
        if isinstance(option, inspect.StructType)
        for field in option.fields
    ]


def choices(described: inspect.Type | None) -> str:
    """The values that an enumeration has, as a hint; nothing for any other type."""
    for option in _options(described):
        if isinstance(option, inspect.EnumType):
            return f", expected one of {', '.join(str(member.value) for member in option.cls)}"
    return ""


def _options(described: inspect.Type | None) -> Iterator[inspect.Type]:
    if isinstance(described, inspect.UnionType):
        for option in described.types:
            yield from _options(option)
    elif isinstance(described, inspect.Metadata):
        yield from _options(described.type)
    elif described is not None:
        yield described


def _below(described: inspect.Type, step: str) -> Iterator[inspect.Type]:
    if isinstance(described, inspect.StructType):
        yield from (field.type for field in described.fields if field.encode_name == step)
    elif isinstance(described, inspect.ListType):
        yield described.item_type
    elif isinstance(described, inspect.DictType):
        yield described.value_type
