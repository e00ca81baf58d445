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

from tallystick.kernel.document import decode, encode
from tallystick.kernel.errors import Problem, invalid, refuse_if_any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

LONGEST_CAME: Final = 60
LONGEST_NEAREST: Final = 100
"""Characters of a name for which a similar one is looked for: that takes time by the square of its length."""

LARGEST_SEARCHED: Final = 1024 * 1024
"""Bytes of JSON in which the place of what is wrong is looked for by reading it all once more."""

LARGEST_NAMED: Final = 64 * 1024
"""Bytes of JSON in which the member of a map that is wrong is looked for by reading parts of it again and again."""

_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_STEP: Final = re.compile(r"\[[^\]]*\]|[^.\[]+")
_WRITTEN: Final = re.compile(r"[0-9+\-.eE]+", re.ASCII)
_SPACED: Final = re.compile(rb'" +[-+.0-9]|[.0-9] +"')
"""A text that begins or ends as a number within spaces does."""
_NUL_ESCAPE: Final = rb"\u0000"
_NUL: Final = "\0"
_SOME: Final = "[...]"
"""How msgspec calls the members of a map, whichever of them it means."""
_AT: Final = " - at "
_WHERE: Final = re.compile(r" - at (?:`key` in )?`\$\.?(?P<path>[^`]*)`")
_MISSING_FIELD: Final = re.compile(r"Object missing required field `(?P<name>.*)`", re.DOTALL)
_UNLIKE: Final = "Expected `str` matching regex"
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
    if _NUL_ESCAPE in sent and (path := _nul_at(sent)) is not None:
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
            yield from _misread(getattr(value, field), sent.get(name), f"{path}.{name}" if path else name)
    elif isinstance(value, dict) and isinstance(sent, dict):
        for name, member in value.items():
            yield from _misread(member, sent.get(name), f"{path}.{name}" if path else name)
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
    reason, path = _reason_and_path(str(failure))
    expected = described_at(kind, path)
    steps = _steps(failure, path, kind, sent)
    unknown, missing = _UNKNOWN_FIELD.fullmatch(reason), _MISSING_FIELD.fullmatch(reason)
    if unknown is not None:
        name = unknown["name"]
        reason = f"unknown field {_cut(name)!r}{nearest(name, field_names(expected))}"
    elif missing is not None:
        reason = f"required field {missing['name']!r} is missing{choices(described_at(expected, missing['name']))}"
    elif reason.startswith("Invalid enum value"):
        reason += choices(expected)
    elif reason.startswith(_UNLIKE) and (words := in_words(expected)):
        reason = f"expected {words}{_came_at(sent, steps)}"
    elif ", got " not in reason:
        reason += _came_at(sent, steps)
    return Problem(_written(steps), reason)


def _reason_and_path(said: str) -> tuple[str, str]:
    """What msgspec says, parted: it names the path at the end, and before it may quote a name of any length."""
    ends_at = said.rfind(_AT)
    found = _WHERE.fullmatch(said, ends_at) if ends_at >= 0 else None
    return (said, "") if found is None else (said[:ends_at], found["path"])


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at the known name that looks most like this one, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1) if len(name) <= LONGEST_NEAREST else []
    return f": did you mean {close[0]!r}?" if close else ""


def described_at(kind: Any, path: str) -> inspect.Type | None:  # noqa: ANN401 - a type, or one described already
    """The description of what belongs at a path such as `slabs[1].rate`; None where that is not known."""
    described = kind if kind is None or isinstance(kind, inspect.Type) else _described(kind)
    for step in _STEP.findall(path):
        described = next((below for option in _options(described) for below in _below(option, step)), None)
    return described


@functools.cache
def _described(kind: Any) -> inspect.Type:  # noqa: ANN401 - any decodable type, of which there are as many as routes
    """The description of a type: it takes a millisecond, and a thousand events of a batch may ask for it."""
    return inspect.type_info(kind)


def _steps(failure: Exception, path: str, kind: Any, sent: Any) -> list[str | int]:  # noqa: ANN401 - see `shape_problem`
    """The names and positions that a path is made of, also of the member of a map that cannot be taken."""
    steps = [_position(step) if step[0] == "[" and step != _SOME else step for step in _STEP.findall(path)]
    if _SOME in steps and isinstance(sent, (bytes, msgspec.Raw)) and len(bytes(sent)) <= LARGEST_NAMED:
        with suppress(msgspec.MsgspecError, LookupError, TypeError):
            return _with_names(steps, failure, kind, decode(bytes(sent), object))
    return steps


def _position(step: str) -> int:
    return int(step[1:-1])


def _with_names(steps: Sequence[str | int], failure: Exception, kind: Any, whole: Any) -> list[str | int]:  # noqa: ANN401
    """The same steps to what failed in a body, with the names of the members of its maps.

    Raises:
        LookupError: when no member fails so by itself.
    """

    def fails_so() -> bool:
        try:
            _decoder(kind).decode(encode(whole))
        except msgspec.ValidationError as other:
            return str(other) == str(failure)
        return False

    value, named = whole, []
    for step in steps:
        named.append(_first_wrong(value, fails_so) if step == _SOME else step)
        value = value[named[-1]]
    return named


@functools.cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401 - see `_described`, for which it is as costly
    return msgspec.json.Decoder(kind)


def _first_wrong(members: dict[str, Any], fails: Callable[[], bool]) -> str:
    """The first member of a map with which alone a body fails; the map is as it was in the end.

    Raises:
        LookupError: when there is none.
    """
    known, suspects = dict(members), list(members.items())
    while len(suspects) > 1:
        half = suspects[: len(suspects) // 2]
        _hold(members, half)
        suspects = half if fails() else suspects[len(half) :]
    _hold(members, suspects)
    is_found = fails()
    _hold(members, known.items())
    if not is_found:
        raise LookupError("no member of the map fails by itself")
    return suspects[0][0]


def _hold(members: dict[str, Any], items: Iterable[tuple[str, Any]]) -> None:
    members.clear()
    members.update(items)


def _written(steps: Iterable[str | int]) -> str:
    """A path of names and positions, such as `slabs[1].rate`."""
    texts = (f"[{step}]" if isinstance(step, int) else step if step == _SOME else f".{_cut(step)}" for step in steps)
    return "".join(texts).removeprefix(".")


def _came_at(sent: Any, steps: Iterable[str | int]) -> str:  # noqa: ANN401 - JSON text, or values decoded already
    """What was sent at a place, as a hint of at most 60 characters; nothing when it cannot be found."""
    try:
        is_text = isinstance(sent, (bytes, msgspec.Raw))
        if is_text and len(bytes(sent)) > LARGEST_SEARCHED:
            return ""
        value: Any = decode(bytes(sent), object) if is_text else sent
        for step in steps:
            value = value[step]
    except (msgspec.MsgspecError, LookupError, TypeError):
        return ""
    text = encode(value).decode()
    return f", got {text if len(text) <= LONGEST_CAME else text[:LONGEST_CAME] + '...'}"


def _nul_at(sent: bytes) -> str | None:
    """The path of a text with the character NUL, empty where that is not known; None when a backslash was meant."""
    if len(sent) > LARGEST_SEARCHED:
        return ""
    try:
        pending: list[tuple[str, object]] = [("", decode(sent, object))]
    except msgspec.MsgspecError:
        return ""
    while pending:
        path, value = pending.pop()
        if isinstance(value, str) and _NUL in value:
            return path
        if isinstance(value, dict):
            if any(_NUL in name for name in value):
                return path
            pending += [(f"{path}.{name}" if path else name, below) for name, below in value.items()]
        elif isinstance(value, list):
            pending += [(f"{path}[{index}]", below) for index, below in enumerate(value)]
    return None


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


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_NEAREST else name[:LONGEST_NEAREST] + "..."


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
