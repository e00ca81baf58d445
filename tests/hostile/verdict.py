"""What is wrong with an answer to a hostile request; nothing, when it is as it should be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_ANSWER: Final = 10_000
"""Bytes: what came may be quoted, never repeated in full."""

LONGEST_MESSAGE: Final = 500
MAY_BE_TAKEN: Final = frozenset({200, 201, 202, 207})


def complaints(status: int, content: bytes, *, may_be_taken: bool = False) -> list[str]:
    """Everything that is wrong with an answer of the REST API."""
    return [*_about(status, content, may_be_taken=may_be_taken)]


def _about(status: int, content: bytes, *, may_be_taken: bool) -> Iterator[str]:
    if len(content) > LONGEST_ANSWER and status not in {200, 201}:
        yield f"the answer has {len(content)} bytes"
    if status in MAY_BE_TAKEN:
        if not may_be_taken:
            yield f"was taken with {status}: {content[:200]!r}"
        return
    if not 400 <= status < 500:
        yield f"the status is {status}"
    body = _json(content)
    if not isinstance(body, dict) or set(body) != {"message"} or not isinstance(body["message"], str):
        yield f"is no message: {content[:200]!r}"
        return
    message = body["message"]
    if not 0 < len(message) <= LONGEST_MESSAGE:
        yield f"the message has {len(message)} characters"
    if any(character < " " for character in message):
        yield f"the message holds control characters: {message!r}"


def _json(content: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(content)
    except ValueError:
        return None
