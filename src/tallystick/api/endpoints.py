"""One endpoint for all routes: bind, run through the engine, encode; errors are translated in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.concurrency import run_in_threadpool

from tallystick.api.answers import response_of
from tallystick.api.binder import ASKS_FOR_A_JOB
from tallystick.api.official_client import NOTHING, is_official_client, parseable
from tallystick.api.requests import body_of, idempotency_of
from tallystick.engine.engine import Request as Operation
from tallystick.kernel.document import encode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from tallystick.api.binder import Route
    from tallystick.engine import Answer, Caller
    from tallystick.workers.running import Workers

    Endpoint = Callable[[Request, Caller], Awaitable[Response]]

_NO_CONTENT: Final = 204


def endpoint_of(route: Route, workers: Workers) -> Endpoint:
    """The endpoint that serves a route."""
    binding, as_job = route.binding, route.as_job

    async def endpoint(request: Request, caller: Caller) -> Response:
        body = await body_of(request)
        key, fingerprint = idempotency_of(request, body)
        for_client = is_official_client(request)

        def answered() -> Answer:
            query = request.query_params.multi_items()
            arguments, dry_run = binding.arguments(request.path_params, query, body)
            asked = route
            if as_job is not None:
                wishes = {name: arguments.pop(name) for name in ASKS_FOR_A_JOB}
                if any(wishes.values()):
                    asked, arguments["require_confirmation"] = as_job, wishes["require_confirmation"]

            def encoded(value: Any) -> tuple[int, bytes]:  # noqa: ANN401 - any answer
                shown = parseable(value) if for_client else value
                return (_NO_CONTENT, b"") if shown is NOTHING else (asked.status, encode(shown))

            operation = Operation(asked.operation, arguments, dry_run, key, fingerprint)
            return workers.answer(caller, operation, encoded)

        return response_of(await run_in_threadpool(answered))

    return endpoint
