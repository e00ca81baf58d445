"""The one table that turns what went wrong into HTTP: a status and `{"message": ...}` of at most 500 characters."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.routing import Match

from tallystick.kernel.document import encode
from tallystick.kernel.errors import BillingError, Kind

if TYPE_CHECKING:
    from starlette.requests import Request

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


def no_route(request: Request) -> Response:
    """The answer where no route is: 405 with the methods that the path has (RFC 9110 15.5.6), 404 when it has none."""
    at_path = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    methods = sorted({method for route in at_path for method in route.methods})
    status, what = (405, "this method is not known here") if methods else (404, "no such path")
    message = f"{request.method} {request.url.path}: {what}; /docs lists what there is"
    return message_response(status, message, {"Allow": ", ".join(methods)} if methods else None)


def _shortened(message: str) -> str:
    """A message within the limit: what a caller sent is cut first, so that what is said about it has its place."""
    if len(message) > LONGEST_MESSAGE:
        message = _RUN.sub(r"\1...", message)
    return message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 3] + "..."


def unexpected(failure: BaseException, where: str) -> Response:
    """A defect of ours: logged in full, answered without a word about the inside."""
    _log.error("%s failed", where, exc_info=failure)
    return message_response(500, "Something went wrong here; the server's log says what.")
