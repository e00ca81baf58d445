"""Places in the JSON that a caller sent: what stands at a path, and which member of a map is the one that is wrong."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from tallystick.kernel.document import decode, encode

LONGEST_CAME: Final = 60
LARGEST_SEARCHED: Final = 1024 * 1024
"""Bytes of JSON in which the place of what is wrong is looked for by reading it all once more."""

LARGEST_NAMED: Final = 64 * 1024
"""Bytes of JSON in which the member of a map that is wrong is looked for by reading parts of it again and again."""

LONGEST_NAME: Final = 100
"""Characters of a name that a path repeats."""

_STEP: Final = re.compile(r"\[[^\]]*\]|[^.\[]+")
_SOME: Final = "[...]"
"""How a decoder writes the step to a member of a map: it does not say which."""

_NUL: Final = "\0"
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Place:
    """A place in JSON: its path, what stands there, and the name in it that is wrong, where a map has such a one."""

    path: str
    value: Any = _MISSING
    name: str | None = None

    @property
    def quoted(self) -> str:
        """What stands there, as at most 60 characters; empty where that is not known."""
        if self.value is _MISSING:
            return ""
        return cut(encode(self.value).decode(), LONGEST_CAME)


def steps_of(path: str) -> list[str]:
    """The steps of a path such as `slabs[1].rate`: names, and places in brackets."""
    return _STEP.findall(path)


def place_of(path: str, sent: Any, said: str, kind: Any, *, is_name: bool) -> Place:  # noqa: ANN401 - any JSON, any type
    """The place at which a decoder found something wrong, with the names of members of maps.

    `sent` is JSON text, or values decoded already; `said` is what the decoder said, `kind` what it decoded, and
    `is_name` whether a name in the map there is wrong.
    """
    try:
        is_text = isinstance(sent, (bytes, msgspec.Raw))
        if is_text and len(bytes(sent)) > LARGEST_SEARCHED:
            return Place(path)
        if _SOME in path and is_text and len(bytes(sent)) > LARGEST_NAMED:
            return Place(path)
        search = _Search(decode(bytes(sent), object) if is_text else sent, said, kind)
        return search.place(steps_of(path), is_name=is_name)
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError):
        return Place(path)


def nul_at(sent: bytes) -> str | None:
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
            pending += [(joined(path, cut(name)), below) for name, below in value.items()]
        elif isinstance(value, list):
            pending += [(f"{path}[{index}]", below) for index, below in enumerate(value)]
    return None


def cut(text: str, longest: int = LONGEST_NAME) -> str:
    """As much of a text as a message repeats."""
    return text if len(text) <= longest else text[:longest] + "..."


def joined(path: str, name: str) -> str:
    """The path of a member of what stands at a path."""
    return f"{path}.{name}" if path else name


@functools.cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401 - any decodable type, as many as there are routes
    return msgspec.json.Decoder(kind)


@dataclass(frozen=True, slots=True)
class _Search:
    """What was sent, and what was said of it."""

    whole: Any
    said: str
    kind: Any

    def place(self, steps: list[str], *, is_name: bool) -> Place:
        """The place behind these steps.

        Raises:
            LookupError: when what was sent is not like that.
        """
        walked: list[str | int] = []
        shown, value = "", self.whole
        for step in steps:
            key: str | int = step
            if step == _SOME:
                key = self._wrong_name(walked, value)
            elif step.startswith("["):
                key = int(step[1:-1])
            shown = f"{shown}[{key}]" if isinstance(key, int) else joined(shown, cut(key))
            value = value[key]
            walked.append(key)
        return Place(shown, value, self._wrong_name(walked, value) if is_name else None)

    def _wrong_name(self, walked: list[str | int], members: dict[str, Any]) -> str:
        """The first name of a map without which, and all that follow, the decoder would say something else."""
        names = list(members)
        few, many = 0, len(names)
        if not self._is_said_of(walked, members):
            raise LookupError(self.said)
        while many - few > 1:
            half = (few + many) // 2
            if self._is_said_of(walked, {name: members[name] for name in names[:half]}):
                many = half
            else:
                few = half
        return names[many - 1]

    def _is_said_of(self, walked: list[str | int], members: dict[str, Any]) -> bool:
        """Whether the same would be said with other members of the map behind these steps."""
        try:
            _decoder(self.kind).decode(encode(_replaced(self.whole, walked, members)))
        except msgspec.ValidationError as failure:
            return str(failure) == self.said
        return False


def _replaced(value: Any, walked: list[str | int], new: Any) -> Any:  # noqa: ANN401 - JSON
    """JSON with something else behind these steps."""
    if not walked:
        return new
    key, *rest = walked
    copied = value.copy()
    copied[key] = _replaced(value[key], rest, new)
    return copied
