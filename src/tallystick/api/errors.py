"""The one table that turns what went wrong into HTTP: a status and `{"message": ...}` of at most 500 characters."""

from __future__ import annotations

import logging
import re
from typing import Final

from starlette.responses import Response

from tallystick.kernel.document import encode
from tallystick.kernel.errors import BillingError, Kind

LONGEST_MESSAGE: Final = 500
_RUN: Final = re.compile(r"([^\s'\"]{200})[^\s'\"]+")
"""What is longer than any path or id, and was sent by the caller."""
RETRY_AFTER: Final = {"Retry-After": "1"}
STATUS: Final = {
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED: 415,
    Kind.UNPROCESSABLE: 422,
    Kind.LIMIT_EXCEEDED: 429,
    Kind.UNAVAILABLE: 503,
    Kind.BROKEN: 500,
}
_log = logging.getLogger("tallystick.api")


def error_response(failure: BillingError) -> Response:
    """The answer of an operation that did not do what was asked."""
    headers: dict[str, str] = {}
    if failure.kind is Kind.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = 'Bearer realm="tallystick"'
    if failure.kind in {Kind.UNAVAILABLE, Kind.LIMIT_EXCEEDED}:
        headers |= RETRY_AFTER
    return message_response(STATUS[failure.kind], failure.message, headers)


def message_response(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """An answer whose body is a message."""
    return Response(encode({"message": _shortened(message)}), status, headers, "application/json")


def _shortened(message: str) -> str:
    """A message within the limit: what a caller sent is cut first, so that what is said about it has its place."""
    if len(message) > LONGEST_MESSAGE:
        message = _RUN.sub(r"\1...", message)
    return message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 3] + "..."


def unexpected(failure: Exception, where: str) -> Response:
    """A defect of ours: logged in full, answered without a word about the inside."""
    _log.error("%s failed", where, exc_info=failure)
    return message_response(500, "Something went wrong here; the server's log says what.")
