"""What a tool answers: compact JSON of at most 40 kB, cleaned of characters that only deceive."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from tallystick.agents.steps import field_of, steps_after
from tallystick.kernel.document import decode, encode
from tallystick.kernel.errors import BillingError, Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

LARGEST: Final = 40_000
"""Bytes of an answer's JSON."""

_DECEIVING: Final = re.compile(
    r"(\\\\)"  # an escaped backslash is kept, so that what follows it is not taken for an escape
    r"|\\u00(?:[01][0-9a-f]|7f)|\\[bf]"
    "|[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufdd0-\ufdef\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)
"""Control characters, marks that turn or hide text, and tags and selectors that are invisible altogether."""

_RETRYABLE: Final = frozenset({Kind.UNAVAILABLE, Kind.LIMIT_EXCEEDED})
_HINT: Final = "This answer was too large and was cut at truncatedAt: ask for less, or for the parts one by one."
_PAGES: Final = "This answer was too large and has fewer entries than asked for: nextToken leads to the others."
_LEFT: Final[Mapping[type, int]] = {str: 200, list: 1, dict: 40}
"""What is left of each, if that is enough; no object of ours has so many fields: what has more is a map."""
_NOTHING: Final[Mapping[type, int]] = {str: 0, list: 0, dict: 0}


@dataclass(frozen=True, slots=True)
class Reply:
    """The JSON of an answer or of an error, and the word for its outcome that the audit row keeps."""

    json: str
    is_error: bool = False
    outcome: str = "ok"


def answered(body: bytes) -> Reply:
    """The reply of a call that did what was asked."""
    text = cleaned(body.decode())
    return Reply(text if fits(text) else _cut(text))


def refused(failure: BillingError, tool: str, tools: Collection[str], sent: bytes = b"") -> Reply:
    """The reply of a call that did not; `tools` are those that its caller can see, `sent` the JSON of its arguments."""
    error: dict[str, Any] = {
        "code": failure.code,
        "message": failure.message,
        "field": field_of(failure, sent),
        "retryable": failure.kind in _RETRYABLE,
        "nextSteps": steps_after(failure, tool, tools, sent),
    }
    return Reply(cleaned(encode({"error": error}).decode()), is_error=True, outcome=failure.code)


def fits(text: str) -> bool:
    """Whether an answer is small enough."""
    return len(text.encode()) <= LARGEST


def paged(text: str) -> str:
    """A page that has fewer entries than asked for, which says so."""
    return encode(decode(text, dict[str, Any]) | {"truncated": True, "hint": _PAGES}).decode()


def cleaned(text: str) -> str:
    """JSON text without the characters that only deceive a reader."""
    return _DECEIVING.sub(lambda found: found[1] or "", text)


def _cut(text: str) -> str:
    """The answer with its longest lists and texts shortened until it fits, and a word about where."""
    answer = decode(text, dict[str, Any])
    cuts: list[str] = []
    while True:
        shown = encode(answer | {"truncated": True, "truncatedAt": cuts[:20], "hint": _HINT}).decode()
        if fits(shown):
            return shown
        parts = list(_parts(answer, _LEFT)) or list(_parts(answer, _NOTHING))
        path, holder, key = max(parts, key=lambda part: len(encode(part[1][part[2]])))
        holder[key] = _shortened(holder[key])
        if path not in cuts:
            cuts.append(path)


def _shortened(part: Any) -> Any:  # noqa: ANN401 - a list, a map or a text
    half = len(part) // 2
    if isinstance(part, dict):
        return dict(islice(part.items(), half))
    return part[:half] if isinstance(part, list) else part[: min(half, _LEFT[str])]


def _parts(node: Any, least: Mapping[type, int], path: str = "") -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401 - any JSON
    """Every list, map and text that is longer than what must be left: its path, what holds it, and under which key."""
    entries = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in entries:
        here = f"{path}[{key}]" if isinstance(node, list) else f"{path}.{key}" if path else str(key)
        if isinstance(value, list | dict | str) and len(value) > least[type(value)]:
            yield here, node, key
        if isinstance(value, dict | list):
            yield from _parts(value, least, here)
