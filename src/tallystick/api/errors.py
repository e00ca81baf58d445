"""The one table that turns what went wrong into HTTP: a status and `{"message": ...}` of at most 500 characters."""

from __future__ import annotations

import difflib
import logging
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.responses import Response

from tallystick.api.shapes import came_at, choices, described_at, field_names
from tallystick.kernel.document import encode
from tallystick.kernel.errors import BillingError, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_MESSAGE: Final = 500
RETRY_SECONDS: Final = 1
STATUS: Final = {
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.TOO_LARGE: 413,
    Kind.UNPROCESSABLE: 422,
    Kind.LIMIT_EXCEEDED: 429,
    Kind.UNAVAILABLE: 503,
    Kind.BROKEN: 500,
}
_WHERE: Final = re.compile(r"(?P<reason>.*?)(?: - at (?:`key` in )?`\$\.?(?P<path>[^`]*)`)?", re.DOTALL)
_MISSING_FIELD: Final = re.compile(r"Object missing required field `(?P<name>.*)`", re.DOTALL)
_UNKNOWN_FIELD: Final = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_log = logging.getLogger("tallystick.api")


def error_response(failure: BillingError) -> Response:
    """The answer of an operation that did not do what was asked."""
    headers = {}
    if failure.kind is Kind.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = 'Bearer realm="tallystick"'
    if failure.kind in {Kind.UNAVAILABLE, Kind.LIMIT_EXCEEDED}:
        headers["Retry-After"] = str(RETRY_SECONDS)
    return message_response(STATUS[failure.kind], failure.message, headers)


def message_response(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """An answer whose body is a message."""
    cut = message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 3] + "..."
    return Response(encode({"message": cut}), status, headers, "application/json")


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
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f": did you mean {close[0]!r}?" if close else ""


def unexpected(failure: Exception, where: str) -> Response:
    """A defect of ours: logged in full, answered without a word about the inside."""
    _log.error("%s failed", where, exc_info=failure)
    return message_response(500, "Something went wrong here; the server's log says what.")
