"""JSON that a caller sent as the type it should be, or what is wrong with it: where, what came, what would be right."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import inspect

from tallystick.kernel.document import decode, encode
from tallystick.kernel.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_CAME: Final = 60
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_STEP: Final = re.compile(r"\[[^\]]*\]|[^.\[]+")
_WHERE: Final = re.compile(r"(?P<reason>.*?)(?: - at (?:`key` in )?`\$\.?(?P<path>[^`]*)`)?", re.DOTALL)
_MISSING_FIELD: Final = re.compile(r"Object missing required field `(?P<name>.*)`", re.DOTALL)
_UNKNOWN_FIELD: Final = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)


def shaped(sent: bytes, decoder: msgspec.json.Decoder[Any], kind: Any) -> Any:  # noqa: ANN401 - any decodable type
    """What JSON decodes to.

    Raises:
        BillingError: of kind INVALID, for its shape.
    """
    try:
        return decoder.decode(sent)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as failure:
        raise invalid("", shape_error(failure, kind, sent)) from None


def storable(sent: bytes, decoder: msgspec.json.Decoder[Any], kind: Any) -> Any:  # noqa: ANN401 - any decodable type
    """What JSON decodes to, if all its texts can be stored.

    Raises:
        BillingError: of kind INVALID, for its shape or the character that no database takes.
    """
    if rb"\u0000" in sent:
        raise invalid("", r"the character \u0000 cannot be stored")
    return shaped(sent, decoder, kind)


def object_fields(sent: bytes) -> dict[str, msgspec.Raw]:
    """The fields of a JSON object, each as it was written.

    Raises:
        BillingError: of kind INVALID, when it is none.
    """
    fields: dict[str, msgspec.Raw] = shaped(sent, _OBJECT, dict[str, msgspec.Raw])
    return fields


def shape_error(failure: Exception, kind: Any, sent: Any) -> str:  # noqa: ANN401 - any decodable type, any JSON
    """What is wrong with a body's shape: the JSON path, what came, what was expected, the nearest name."""
    if isinstance(failure, RecursionError):
        return "not valid JSON: nested too deeply"
    if not isinstance(failure, msgspec.ValidationError):
        return f"not valid JSON: {failure}"
    found = _WHERE.fullmatch(str(failure))
    assert found is not None, "the pattern takes any text"
    path, reason = found["path"] or "", found["reason"]
    expected = described_at(kind, path)
    unknown, missing = _UNKNOWN_FIELD.fullmatch(reason), _MISSING_FIELD.fullmatch(reason)
    if unknown is not None:
        reason = f"unknown field {unknown['name']!r}{nearest(unknown['name'], field_names(expected))}"
    elif missing is not None:
        reason = f"required field {missing['name']!r} is missing{choices(described_at(expected, missing['name']))}"
    elif reason.startswith("Invalid enum value"):
        reason += choices(expected)
    elif ", got " not in reason:
        reason += came_at(sent, path)
    return f"{path}: {reason}" if path else reason


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at the known name that looks most like this one, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f": did you mean {close[0]!r}?" if close else ""


def described_at(kind: Any, path: str) -> inspect.Type | None:  # noqa: ANN401 - a type, or one described already
    """The description of what belongs at a path such as `slabs[1].rate`; None where that is not known."""
    described = kind if kind is None or isinstance(kind, inspect.Type) else inspect.type_info(kind)
    for step in _STEP.findall(path):
        described = next((below for option in _options(described) for below in _below(option, step)), None)
    return described


def came_at(sent: Any, path: str) -> str:  # noqa: ANN401 - JSON text, or values decoded already
    """What was sent at a path, as a hint of at most 60 characters; nothing when it cannot be found."""
    try:
        value: Any = decode(bytes(sent), object) if isinstance(sent, (bytes, msgspec.Raw)) else sent
        for step in _STEP.findall(path):
            value = value[int(step[1:-1])] if step.startswith("[") else value[step]
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError):
        return ""
    text = encode(value).decode()
    return f", got {text if len(text) <= LONGEST_CAME else text[:LONGEST_CAME] + '...'}"


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
