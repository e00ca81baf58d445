"""The gateway's REST face: the capability's eleven operations, each passed on, for callers with its key."""

from __future__ import annotations

import hmac
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mcp.server.transport_security import TransportSecurityMiddleware
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route as WebRoute

from tallystick.api.docs import docs_routes
from tallystick.api.errors import error_response, message_response, no_route
from tallystick.api.openapi import describe
from tallystick.api.requests import body_of
from tallystick.api.routes import CAPABILITY
from tallystick.engine import Caller
from tallystick.gateway.calls import CALLS
from tallystick.kernel.credential import credential_in
from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.kernel.quantity import ZERO
from tallystick.kernel.scope import EVERY_SCOPE

if TYPE_CHECKING:
    from mcp.server.transport_security import TransportSecuritySettings
    from starlette.requests import Request

    from tallystick.gateway.calls import Call
    from tallystick.gateway.upstream import Told, Upstream

INGEST: Final = "ingest-events"
_ANYBODY: Final = Caller("gateway", "gateway", EVERY_SCOPE, ZERO)
_BAD_GATEWAY: Final = 502
_TIMEOUT: Final = 504


class Gate:
    """Lets in who has the gateway's key; without one, everybody whom the loopback address lets through."""

    def __init__(self, key: str | None) -> None:
        self._key = None if key is None else key.encode()

    def caller_of(self, credential: str | None) -> Caller:
        """The one caller that a gateway knows.

        Raises:
            BillingError: of kind UNAUTHENTICATED, for another key than the gateway's.
        """
        if self._key is not None and not hmac.compare_digest((credential or "").encode(), self._key):
            reason = "the gateway's key is missing or wrong: send it as 'Authorization: Bearer <key>'"
            raise BillingError(Kind.UNAUTHENTICATED, "unauthenticated", Problem("", reason))
        return _ANYBODY


class RestFace:
    """Serves the eleven operations."""

    def __init__(self, upstream: Upstream, gate: Gate, security: TransportSecuritySettings) -> None:
        self._upstream = upstream
        self._gate = gate
        self._security = TransportSecurityMiddleware(security)

    def app(self) -> Starlette:
        """The application, with its description."""
        served = [(route.method, route.path, CALLS[route.name]) for route in CAPABILITY]
        served.append(("POST", "/v1/events", CALLS[INGEST]))
        routes = [WebRoute(path, partial(self._serve, call), methods=[method]) for method, path, call in served]
        home = docs_routes(partial(describe, CAPABILITY, by_hand=frozenset({INGEST})))
        healthy = WebRoute("/healthz", _healthy, methods=["GET"])
        handlers: Any = {404: _no_route, 405: _no_route}
        return Starlette(routes=[*routes, healthy, *home], exception_handlers=handlers)

    async def _serve(self, call: Call, request: Request) -> Response:
        try:
            is_post = request.method == "POST"
            refused = await self._security.validate_request(request, is_post=is_post)
            if refused is not None:
                return refused
            self._gate.caller_of(credential_in(request.headers))
            told = await run_in_threadpool(self._told, call, request, await body_of(request))
        except BillingError as failure:
            return _failed(failure)
        return Response(told.body, told.status, media_type=told.kind)

    def _told(self, call: Call, request: Request, body: bytes) -> Told:
        name = request.path_params.get(call.parameter or "", "")
        key = request.headers.get("idempotency-key")
        headers = {} if key is None else {"Idempotency-Key": key}
        return self._upstream.told(call, call.asked(name, dict(request.query_params), body), name, headers)


def _failed(failure: BillingError) -> Response:
    if failure.kind is not Kind.UNAVAILABLE:
        return error_response(failure)
    status = _TIMEOUT if failure.code == "upstream_timeout" else _BAD_GATEWAY
    return message_response(status, failure.message)


async def _healthy(_request: Request) -> Response:
    return message_response(200, "ok")


async def _no_route(request: Request, _failure: Exception) -> Response:
    return no_route(request)
