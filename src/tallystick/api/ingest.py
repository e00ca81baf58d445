"""The hot door: events in, acknowledged when they are durable."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool

from tallystick.api.answers import response_of
from tallystick.api.cloud_events import structured
from tallystick.api.durable import Durable
from tallystick.api.requests import body_of, idempotency_of
from tallystick.engine.entitlement import Entitlements
from tallystick.engine.event_bodies import is_batch
from tallystick.engine.intake import Intake

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from tallystick.api.direct import DirectTake
    from tallystick.engine import Caller, Engine
    from tallystick.engine.intake import Taken


class IngestDoor:
    """Serves the routes that take events."""

    def __init__(self, engine: Engine) -> None:
        self._intake = Intake(engine)
        self._entitlements = Entitlements(engine, self._intake)
        self._durable = Durable()

    async def single(self, request: Request, caller: Caller) -> Response:
        """`POST /ingest`: one event; a batch, where somebody sends the capability's `{"events": [...]}` here.

        Raises:
            BillingError: as `Intake.single`.
        """
        body = await body_of(request)
        return await self._acknowledge(request, caller, body, self._taken_alone(body, caller))

    async def batch(self, request: Request, caller: Caller) -> Response:
        """`POST /ingestBatch`: up to 1,000 events, of which the good ones are taken.

        Raises:
            BillingError: as `Intake.batch`.
        """
        body = await body_of(request)
        return await self._acknowledge(request, caller, body, self._intake.batch(body, caller))

    def directly(self, *, alone: bool) -> DirectTake:
        """Take the events of a plain request with `single` or `batch`, and have somebody told when they are durable."""
        take = self._taken_alone if alone else self._intake.batch

        def take_events(body: bytes, caller: Caller, told: Callable[[Response | BaseException], None]) -> None:
            taken = take(body, caller)
            acknowledgement = taken.acknowledgement

            def settled(outcome: int | BaseException) -> None:
                told(outcome if isinstance(outcome, BaseException) else _acknowledged(acknowledgement))

            self._durable.tell(partial(self._intake.append_for, taken=taken), settled)

        return take_events

    async def entitled(self, request: Request, caller: Caller) -> Response:
        """`POST /entitled`: one event that uses a feature, answered when it was judged.

        Raises:
            BillingError: as `Entitlements.answer`.
        """
        body = await body_of(request)
        key, fingerprint = idempotency_of(request, body)
        return response_of(await run_in_threadpool(self._entitlements.answer, body, caller, key, fingerprint))

    async def cloud_events(self, request: Request, caller: Caller) -> Response:
        """`POST /v1/cloudevents`: one CloudEvent or up to 1,000, of which the good ones are taken.

        Raises:
            BillingError: as `Intake.cloud_events`; of kind INVALID, for another content type.
        """
        body = await body_of(request)
        sent, many = structured(request.headers, body)
        taken = await run_in_threadpool(self._intake.cloud_events, sent, caller, is_batch=many)
        return await self._acknowledge(request, caller, sent, taken)

    def _taken_alone(self, body: bytes, caller: Caller) -> Taken:
        return self._intake.batch(body, caller) if is_batch(body) else self._intake.single(body, caller)

    async def _acknowledge(self, request: Request, caller: Caller, body: bytes, taken: Taken) -> Response:
        """Append, wait until it is durable, answer; once only under an idempotency key."""
        key, fingerprint = idempotency_of(request, body)
        if key is not None:
            return response_of(await run_in_threadpool(self._intake.once, caller, taken, key, fingerprint))
        await self._durable.wait(partial(self._intake.append_for, taken=taken))
        return _acknowledged(taken.acknowledgement)


_acknowledged: Final = lru_cache(maxsize=16)(response_of)
"""The response of an acknowledgement, which is the same for most requests."""
