"""Routes about the server itself: tokens, the test clock, health and figures."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from tallystick.api.answers import response_of
from tallystick.api.errors import RETRY_AFTER, message_response
from tallystick.api.figures import CONTENT_TYPE
from tallystick.api.requests import body_of, idempotency_of
from tallystick.engine import Answer
from tallystick.kernel.credential import credential_in
from tallystick.kernel.document import Document, Draft, encode
from tallystick.kernel.errors import conflict, invalid
from tallystick.kernel.scope import Scope
from tallystick.kernel.shapes import shaped
from tallystick.operations.bill_runs import Tally

if TYPE_CHECKING:
    from starlette.requests import Request

    from tallystick.api.figures import Figures
    from tallystick.engine import Caller, Engine
    from tallystick.workers.running import Workers


class Token(Document, frozen=True, kw_only=True):
    """The answer of `POST /authenticate`."""

    token: str


class ClockReading(Document, frozen=True, kw_only=True):
    """Where the test clock stands."""

    now: datetime


class Advance(Draft, frozen=True, kw_only=True):
    """What `POST /v1/test-clock/advance` takes."""

    to: datetime


_ADVANCE: Final = msgspec.json.Decoder(Advance)


class Advanced(Document, frozen=True, kw_only=True, omit_defaults=False):
    """What fell due on the way; `issues` are invoices that could not be made, with the reason."""

    now: datetime
    drafts_opened: int
    invoices_frozen: int
    credits_expired: int
    issues: dict[str, str]


class ServerDoor:
    """Serves what is about the server and not about one organisation's data."""

    def __init__(self, engine: Engine, workers: Workers, figures: Figures) -> None:
        self._engine = engine
        self._workers = workers
        self._figures = figures

    async def authenticate(self, request: Request, _caller: Caller) -> Response:
        """`POST /authenticate`: an API key in, a token for 24 hours out."""
        credential = credential_in(request.headers) or ""
        return _answer(Token(token=await run_in_threadpool(self._engine.gatekeeper.exchange, credential)))

    async def clock(self, _request: Request, caller: Caller) -> Response:
        """`GET /v1/test-clock`: where the test clock stands.

        Raises:
            BillingError: of kind CONFLICT, on a server that runs in real time.
        """
        caller.require(Scope.READ)
        if not self._engine.is_test:
            raise conflict("this server runs in real time: start it with --test-clock to move time")
        return _answer(ClockReading(now=self._engine.clock.now()))

    async def advance(self, request: Request, caller: Caller) -> Response:
        """`POST /v1/test-clock/advance`: move time forward and do all that falls due on the way."""
        caller.require(Scope.ADMIN)
        body = await body_of(request)
        to: datetime = shaped(body, _ADVANCE, Advance).to
        if to.utcoffset() is None:
            raise invalid("to", "send an instant with its offset, such as 2026-02-01T00:00:00Z")
        key, fingerprint = idempotency_of(request, body)
        return response_of(await run_in_threadpool(self._advanced, caller, to, key, fingerprint))

    def _advanced(self, caller: Caller, to: datetime, key: str | None, fingerprint: str) -> Answer:
        """Advance once under an idempotency key; the counts are those of the caller's organisation."""
        stored = None if key is None else self._engine.recall(caller, key, fingerprint)
        if stored is not None:
            return stored
        tally = self._workers.billing.advance(to).get(caller.organisation, Tally())
        advanced = Advanced(
            now=self._engine.clock.now(),
            drafts_opened=tally.opened,
            invoices_frozen=tally.frozen,
            credits_expired=tally.expired,
            issues=tally.issues,
        )
        answer = Answer(200, encode(advanced))
        return answer if key is None else self._engine.keep(caller, key, fingerprint, answer)

    async def figures(self, _request: Request, caller: Caller) -> Response:
        """`GET /internal/metrics`: figures for Prometheus."""
        caller.require(Scope.READ)
        return Response(self._figures.text(), media_type=CONTENT_TYPE)

    async def healthz(self, _request: Request) -> Response:
        """`GET /healthz`: the process answers."""
        return message_response(200, "ok")

    async def readyz(self, _request: Request) -> Response:
        """`GET /readyz`: events can be taken and processed, and the state written; else why not."""
        if self._engine.database.failure is not None:  # nobody else may try again
            await run_in_threadpool(self._engine.database.check)
        failure = self._workers.failure
        return message_response(200, "ready") if failure is None else message_response(503, failure, RETRY_AFTER)


def _answer(value: Document) -> Response:
    return Response(encode(value), media_type="application/json")
