"""JSON that a caller sent as the type it should be, or what is wrong with it: where, what came, what would be right."""

from __future__ import annotations

import difflib
import functools
import re
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import inspect

from tallystick.kernel.document import decode
from tallystick.kernel.errors import Problem, invalid, refuse_if_any
from tallystick.kernel.json_path import LONGEST_CAME, cut, joined, nul_at, place_of, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_NEAREST: Final = 100
"""Characters of a name for which a similar one is looked for: that takes time by the square of its length."""

_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_WRITTEN: Final = re.compile(r"[0-9+\-.eE]+", re.ASCII)
_SPACED: Final = re.compile(rb'" +[-+.0-9]|[.0-9] +"')
"""A text that begins or ends as a number within spaces does."""
_NUL_ESCAPE: Final = rb"\u0000"
_AT: Final = " - at "
_WHERE: Final = re.compile(r" - at (?P<key>`key` in )?`\$\.?(?P<path>[^`]*)`")
_MISSING_FIELD: Final = re.compile(r"Object missing required field `(?P<name>.*)`", re.DOTALL)
_OF_FIELD: Final = re.compile(r"`(?P<name>\w+)` (?P<reason>is .*)", re.DOTALL)
_IN_WORDS: Final = ("Expected `str` matching regex", "Expected `array` of length <= 0")
"""Beginnings of what says little where the description of the type says it in words."""

_RIGHT: Final = {
    "Invalid decimal string": "a number such as 12.50",
    "Invalid RFC3339 encoded datetime": 'an instant such as "2026-01-31T12:00:00Z"',
    "Invalid RFC3339 encoded date": 'a day such as "2026-01-31"',
}
"""What the decoder says without saying what would be right."""

_WORDS: Final[tuple[tuple[type[inspect.Type], str], ...]] = (
    (inspect.NoneType, "null"),
    (inspect.BoolType, "bool"),
    (inspect.IntType, "int"),
    (inspect.DecimalType, "decimal"),
    (inspect.StrType, "str"),
    (inspect.DateTimeType, "datetime"),
    (inspect.DateType, "date"),
    (inspect.CollectionType, "array"),
    (inspect.StructType, "object"),
    (inspect.DictType, "object"),
)
"""Types, as the decoder calls them."""
_UNKNOWN_FIELD: Final = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)


def shaped(sent: bytes, decoder: msgspec.json.Decoder[Any], kind: Any) -> Any:  # noqa: ANN401 - any decodable type
    """What JSON decodes to.

    Raises:
        BillingError: of kind INVALID, for its shape.
    """
    try:
        return decoder.decode(sent)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as failure:
        found = shape_problem(failure, kind, sent)
        raise invalid(found.path, found.reason) from None


def storable(sent: bytes, decoder: msgspec.json.Decoder[Any], kind: Any) -> Any:  # noqa: ANN401 - any decodable type
    """What JSON decodes to, if all its texts can be stored.

    Raises:
        BillingError: of kind INVALID, for its shape or the character that no database takes.
    """
    if _NUL_ESCAPE in sent and (path := nul_at(sent)) is not None:
        raise invalid(path, r"the character \u0000 cannot be stored")
    return shaped(sent, decoder, kind)


def drafted(sent: bytes, decoder: msgspec.json.Decoder[Any], kind: Any) -> Any:  # noqa: ANN401 - any decodable type
    """What the JSON of a draft decodes to, if it says nothing but what it seems to say.

    The decoder does not look at the texts in parts that are kept as they came, and reads numbers in texts as Python
    does, to which `1_000` is a thousand, an Arabic digit a digit, and spaces around them nothing.

    Raises:
        BillingError: as `storable`, and of kind INVALID for what is not UTF-8 and for such numbers.
    """
    try:
        sent.decode()
    except UnicodeDecodeError as failure:
        raise invalid("", f"not valid JSON: {failure}") from None
    draft = storable(sent, decoder, kind)
    if b"_" in sent or b"\\" in sent or not sent.isascii() or _SPACED.search(sent):
        with suppress(
            msgspec.MsgspecError
        ):  # only a part that is kept as it came can be unreadable, and holds no number
            refuse_if_any([*_misread(draft, decode(sent, object), "")])
    return draft


def _misread(value: object, sent: object, path: str) -> Iterator[Problem]:
    """The numbers that were sent as texts which are more than digits, a sign, a point and an exponent."""
    if isinstance(value, Decimal) and isinstance(sent, str) and not _WRITTEN.fullmatch(sent):
        yield Problem(path, f"is {sent[:LONGEST_CAME]!r}, expected a number in plain digits, such as 1000.50")
    elif isinstance(value, msgspec.Struct) and isinstance(sent, dict):
        for field, name in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            yield from _misread(getattr(value, field), sent.get(name), joined(path, name))
    elif isinstance(value, dict) and isinstance(sent, dict):
        for name, member in value.items():
            yield from _misread(member, sent.get(name), joined(path, name))
    elif isinstance(value, (list, tuple)) and isinstance(sent, list):
        for index, (member, came) in enumerate(zip(value, sent, strict=False)):
            yield from _misread(member, came, f"{path}[{index}]")


def object_fields(sent: bytes) -> dict[str, msgspec.Raw]:
    """The fields of a JSON object, each as it was written.

    Raises:
        BillingError: of kind INVALID, when it is none.
    """
    fields: dict[str, msgspec.Raw] = shaped(sent, _OBJECT, dict[str, msgspec.Raw])
    return fields


def shape_error(failure: Exception, kind: Any, sent: Any) -> str:  # noqa: ANN401 - any decodable type, any JSON
    """What is wrong with a body's shape, in one line."""
    return str(shape_problem(failure, kind, sent))


def shape_problem(failure: Exception, kind: Any, sent: Any) -> Problem:  # noqa: ANN401 - any decodable type, any JSON
    """What is wrong with a body's shape: the JSON path, what came, what was expected, the nearest name."""
    if isinstance(failure, RecursionError):
        return Problem("", "not valid JSON: nested too deeply")
    if not isinstance(failure, msgspec.ValidationError):
        return Problem("", f"not valid JSON: {failure}")
    said = str(failure)
    reason, path, is_name = _parted(said)
    expected = described_at(kind, path)
    place = place_of(path, sent, said, kind, is_name=is_name)
    if is_name:
        which = "a name" if place.name is None else f"the name {cut(place.name)!r}"
        return Problem(place.path, f"{which} in it: {reason}")
    found = _OF_FIELD.fullmatch(reason)
    if found is not None and found["name"] in field_names(expected):
        return Problem(joined(place.path, found["name"]), found["reason"])
    return Problem(place.path, _explained(reason, expected, place.quoted))


def _explained(reason: str, expected: inspect.Type | None, came: str) -> str:
    """What the decoder said, with what came and what would be right."""
    unknown, missing = _UNKNOWN_FIELD.fullmatch(reason), _MISSING_FIELD.fullmatch(reason)
    if unknown is not None:
        return _unknown_field(unknown["name"], field_names(expected))
    if missing is not None:
        name = missing["name"]
        return f"required field {name!r} is missing{choices(described_at(expected, name))}"
    if reason.startswith("Invalid enum value"):
        return reason + choices(expected)
    if ", got " in reason:
        return reason if came in {"", "null"} else f"{reason} {came}"
    said = _with_what_is_right(reason.rstrip(), expected)
    return f"{said}, got {came}" if came else said


def _with_what_is_right(reason: str, expected: inspect.Type | None) -> str:
    """What the decoder said of a value, with what would be right where it did not say that."""
    if reason in _RIGHT:
        return f"{reason}, expected {_RIGHT[reason]}"
    if reason == "Number out of range":
        return reason + (choices(expected) or _kinds(expected))
    if reason.startswith(_IN_WORDS) and (words := in_words(expected)):
        return f"expected {words}"
    return reason


def _unknown_field(name: str, known: list[str]) -> str:
    meant = nearest(name, known) or (f", expected one of {', '.join(known)}" if known else "")
    return f"unknown field {cut(name)!r}{meant}"


def _parted(said: str) -> tuple[str, str, bool]:
    """What msgspec says, the path, and whether a name there is meant: it may quote one of any length before."""
    ends_at = said.rfind(_AT)
    found = _WHERE.fullmatch(said, ends_at) if ends_at >= 0 else None
    return (said, "", False) if found is None else (said[:ends_at], found["path"], found["key"] is not None)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at the known name that looks most like this one, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1) if len(name) <= LONGEST_NEAREST else []
    return f": did you mean {close[0]!r}?" if close else ""


def described_at(kind: Any, path: str) -> inspect.Type | None:  # noqa: ANN401 - a type, or one described already
    """The description of what belongs at a path such as `slabs[1].rate`; None where that is not known."""
    described = kind if kind is None or isinstance(kind, inspect.Type) else _described(kind)
    for step in steps_of(path):
        described = next((below for option in _options(described) for below in _below(option, step)), None)
    return described


@functools.cache
def _described(kind: Any) -> inspect.Type:  # noqa: ANN401 - any decodable type, of which there are as many as routes
    """The description of a type: it takes a millisecond, and a thousand events of a batch may ask for it."""
    return inspect.type_info(kind)


def field_names(described: inspect.Type | None) -> list[str]:
    """The fields of an object, as the wire writes them."""
    return [
        field.encode_name
        for option in _options(described)
        if isinstance(option, inspect.StructType)
        for field in option.fields
    ]


def choices(described: inspect.Type | None) -> str:
    """The values that an enumeration has or that are named one by one, as a hint; nothing for any other type."""
    for option in _options(described):
        if isinstance(option, inspect.EnumType):
            return f", expected one of {', '.join(str(member.value) for member in option.cls)}"
        if isinstance(option, inspect.LiteralType):
            values = ", ".join(map(str, option.values))
            return f", expected {'one of ' if len(option.values) > 1 else ''}{values}"
    return ""


def in_words(described: inspect.Type | None) -> str:
    """What a type is, as its description says it, within a sentence; nothing, when it has none."""
    options = described.types if isinstance(described, inspect.UnionType) else [described]
    for option in options:
        if isinstance(option, inspect.Metadata) and option.extra_json_schema:
            said = str(option.extra_json_schema.get("description", ""))
            return said[:1].lower() + said[1:]
    return ""


def _kinds(described: inspect.Type | None) -> str:
    """The kinds of JSON that a type takes, as a hint."""
    words = [word for option in _options(described) for kind, word in _WORDS if isinstance(option, kind)]
    return f", expected `{' | '.join(words)}`" if words else ""


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
