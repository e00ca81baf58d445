"""The REST application: every route behind the gatekeeper, every error as `{"message": ...}`."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.routing import Route as WebRoute

from tallystick.api.docs import docs_routes
from tallystick.api.endpoints import endpoint_of
from tallystick.api.errors import error_response, no_route, unexpected
from tallystick.api.figures import Figures
from tallystick.api.ingest import IngestDoor
from tallystick.api.openapi import describe
from tallystick.api.routes import ROUTES
from tallystick.api.server_routes import ServerDoor
from tallystick.kernel.credential import credential_in, credential_of
from tallystick.kernel.errors import BillingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from tallystick.api.direct import DirectEndpoint, DirectTake
    from tallystick.api.endpoints import Endpoint
    from tallystick.engine import Caller, Engine
    from tallystick.workers.running import Workers


def create_app(engine: Engine, workers: Workers) -> Starlette:
    """The REST API of an engine whose workers run."""
    guard = Guard(engine, workers)
    server = ServerDoor(engine, workers, guard.figures)
    ingest = IngestDoor(engine)
    routes = [
        guard.route("POST", "/ingest", ingest.single),
        guard.route("POST", "/ingestBatch", ingest.batch),
        WebRoute("/healthz", server.healthz, methods=["GET"]),
        WebRoute("/readyz", server.readyz, methods=["GET"]),
        *docs_routes(partial(describe, ROUTES)),
        guard.route("POST", "/entitled", ingest.entitled),
        guard.route("POST", "/v1/events", ingest.batch),
        guard.route("POST", "/v1/cloudevents", ingest.cloud_events),
        guard.route("POST", "/authenticate", server.authenticate),
        guard.route("GET", "/v1/test-clock", server.clock),
        guard.route("POST", "/v1/test-clock/advance", server.advance),
        guard.route("GET", "/internal/metrics", server.figures),
        *(guard.route(route.method, route.path, endpoint_of(route, workers)) for route in ROUTES),
    ]
    handlers: Any = {404: guard.no_route, 405: guard.no_route}
    app = _App(routes=routes, exception_handlers=handlers)
    app.direct = {
        b"/ingest": guard.direct("POST", "/ingest", ingest.directly(alone=True)),
        b"/ingestBatch": guard.direct("POST", "/ingestBatch", ingest.directly(alone=False)),
    }
    app.router.redirect_slashes = False
    return app


class _RestOfPath(PathConvertor):
    """Whatever stands in the path, also line ends: an event's id may hold any character."""

    regex = "(?s:.*)"


register_url_convertor("path", _RestOfPath())


class _App(Starlette):
    """An application with paths that are served directly where a connection knows how: half of the time is saved."""

    direct: Mapping[bytes, DirectEndpoint]


class Guard:
    """Lets callers in, turns what goes wrong into answers, and counts."""

    def __init__(self, engine: Engine, workers: Workers) -> None:
        self._gatekeeper = engine.gatekeeper
        self._let_in: dict[str | None, Caller] = {}
        self.figures = Figures(engine, workers)

    def route(self, method: str, path: str, endpoint: Endpoint) -> WebRoute:
        """A route that only known callers reach."""

        async def serve(request: Request) -> Response:
            started = time.perf_counter()
            try:
                caller = await self._caller_of(credential_in(request.headers))
                response = await endpoint(request, caller)
            except Exception as failure:  # noqa: BLE001 - the last line of defence: logged in full, answered as 500
                response = _answer_to(failure, f"{method} {path}")
            self.figures.count(method, path, response.status_code, time.perf_counter() - started)
            return response

        return WebRoute(path, serve, methods=[method])

    def direct(self, method: str, path: str, take: DirectTake) -> DirectEndpoint:
        """As `route`, for plain requests of callers who have been here before."""

        def serve(fields: Mapping[bytes, bytes], body: bytes, answer: Callable[[Response], None]) -> bool:
            started = time.perf_counter()
            authorization, api_key = fields.get(b"authorization", b""), fields.get(b"x-api-key")
            caller = self._known(
                credential_of(authorization.decode("latin-1"), None if api_key is None else api_key.decode("latin-1"))
            )
            if caller is None:
                return False

            def told(outcome: Response | BaseException) -> None:
                response = _answer_to(outcome, f"{method} {path}")
                self.figures.count(method, path, response.status_code, time.perf_counter() - started)
                answer(response)

            try:
                take(body, caller, told)
            except Exception as failure:  # noqa: BLE001 - the last line of defence, as in `route`
                told(failure)
            return True

        return serve

    async def _caller_of(self, credential: str | None) -> Caller:
        """Who calls."""
        caller = self._known(credential)
        if caller is None:  # the database is asked, and that must not hold up everybody else
            return await run_in_threadpool(self._gatekeeper.caller_of, credential)
        return caller

    def _known(self, credential: str | None) -> Caller | None:
        """Who calls, if that is remembered; who comes in by one turn of the event loop shares one look at the keys.

        Whoever revokes a key and then sends a request with it is in a later turn, and refused.
        """
        caller = self._let_in.get(credential)
        if caller is None:
            caller = self._gatekeeper.remembered(credential)
            if caller is not None:
                if not self._let_in:
                    asyncio.get_running_loop().call_soon(self._let_in.clear)
                self._let_in[credential] = caller
        return caller

    async def no_route(self, request: Request, _failure: Exception) -> Response:
        """The answer where no route is: 401 to strangers, so that they learn nothing about the paths."""
        try:
            await run_in_threadpool(self._gatekeeper.caller_of, credential_in(request.headers))
        except BillingError as refused:
            return error_response(refused)
        return no_route(request)


def _answer_to(outcome: Response | BaseException, route: str) -> Response:
    """What a caller is told: an answer, a refusal, or that something went wrong inside."""
    if isinstance(outcome, BillingError):
        return error_response(outcome)
    return unexpected(outcome, route) if isinstance(outcome, BaseException) else outcome
