"""Where calls of tools are done: argument by argument, through the engine, with an audit row for each."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from tallystick.agents.limits import CALLS_PER_MINUTE, Limits
from tallystick.agents.replies import Reply, answered, fits, paged, refused
from tallystick.agents.steps import call_of
from tallystick.agents.toolbox import INGEST
from tallystick.engine.engine import Request
from tallystick.engine.intake import Intake
from tallystick.engine.previews import Previews, Proposal
from tallystick.kernel.document import decode, encode
from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.kernel.paging import BoundedPage

if TYPE_CHECKING:
    from tallystick.agents.arguments import Given
    from tallystick.agents.tool import Tool
    from tallystick.agents.visit import Visit
    from tallystick.engine import Caller, Engine
    from tallystick.workers.running import Workers

_OK: Final = 200
_log = logging.getLogger("tallystick.agents")


class Desk(Protocol):
    """Something that does calls of tools."""

    def call(self, visit: Visit, tool: Tool, sent: bytes) -> Reply:
        """Do a call whose arguments are this JSON; whatever goes wrong is in the reply."""
        ...


class EngineDesk:
    """Does calls of tools on this server's own engine."""

    def __init__(self, engine: Engine, workers: Workers, calls_per_minute: int = CALLS_PER_MINUTE) -> None:
        self._engine = engine
        self._workers = workers
        self._intake = Intake(engine)
        self._previews = Previews(engine)
        self._limits = Limits(calls_per_minute)

    def call(self, visit: Visit, tool: Tool, sent: bytes) -> Reply:
        """Do a call; whatever goes wrong is in the reply."""
        reply = self._replied(visit, tool, sent)
        try:
            self._engine.record_tool_call(
                visit.caller,
                client=visit.client,
                tool=tool.name,
                argument_digest=hashlib.sha256(sent).hexdigest()[:32],
                result=reply.outcome,
            )
        except Exception:  # noqa: BLE001 - what was done must be told, or it would be done again
            _log.exception("a call of the tool %s, which ended with %s, could not be noted", tool.name, reply.outcome)
        return reply

    def _replied(self, visit: Visit, tool: Tool, sent: bytes) -> Reply:
        try:
            self._limits.count(visit.caller.key_id)
            visit.caller.require(tool.scope)
            return self._done(visit.caller, tool, sent)
        except BillingError as failure:
            return refused(failure, tool.name, visit.tools, sent)
        except Exception:  # noqa: BLE001 - the last line of defence: logged in full, told as a defect of ours
            _log.exception("the tool %s failed", tool.name)
            reason = "Something went wrong here; the server's log says what."
            return refused(BillingError(Kind.BROKEN, "broken", Problem("", reason)), tool.name, visit.tools)

    def _done(self, caller: Caller, tool: Tool, sent: bytes) -> Reply:
        if tool is INGEST:
            return self._ingested(caller, sent)
        given = tool.arguments.given(sent)
        if tool.watch is not None:
            return self._money_moved(caller, tool, given, sent)
        return self._answered(caller, tool, given)

    def _answered(self, caller: Caller, tool: Tool, given: Given) -> Reply:
        """An answer; a page that is too large is asked for again with fewer entries, so that nothing is lost."""
        assert tool.operation is not None, "only ingestion has none"
        request = Request(tool.operation, given.arguments, False, given.idempotency_key, _fingerprint(tool, given))
        reply = self._run(caller, request)
        page = tool.arguments.paged
        if page is None or fits(reply):
            return answered(reply.encode())
        size: int = given.arguments[page].page_size
        while not fits(reply) and size > 1:
            size //= 2
            fewer = BoundedPage(**msgspec.structs.asdict(given.arguments[page]), at_most=size)
            reply = self._run(caller, Request(tool.operation, given.arguments | {page: fewer}))
        return answered(paged(reply).encode())

    def _run(self, caller: Caller, request: Request) -> str:
        return self._workers.answer(caller, request, lambda value: (_OK, encode(value))).body.decode()

    def _money_moved(self, caller: Caller, tool: Tool, given: Given, sent: bytes) -> Reply:
        """Show the effect first, and commit what was shown; what the key's limit allows is done at once."""
        assert tool.operation is not None, "what moves money is an operation"
        assert tool.watch is not None, "the caller looked"
        proposal = Proposal(caller, tool.name, tool.operation, tool.watch, given.arguments, given.digest)
        if given.preview_token is not None and not given.preview:
            body = self._previews.carry_out(
                proposal,
                given.preview_token,
                lambda request: self._run(caller, request),
                given.idempotency_key,
                _fingerprint(tool, given),
            )
            return answered(body.encode())
        if not given.preview and _is_small(caller, given):
            return self._answered(caller, tool, given)
        effect, token, expires_at = self._previews.show(proposal)
        shown = {
            "preview": True,
            "effect": {
                "before": effect.before.state | effect.before.figures,
                "after": effect.after.state | effect.after.figures,
            },
            "previewToken": token,
            "expiresAt": expires_at,
            "nextSteps": [
                "Nothing has been changed. Tell the person you work for what would be, unless they asked for just this",
                f"To commit it, call {call_of(tool.name, _commit(sent, token))}",
            ],
        }
        return answered(encode(shown))

    def _ingested(self, caller: Caller, sent: bytes) -> Reply:
        arguments: Any = INGEST.arguments.decoded(sent)
        body = b'{"events":' + bytes(arguments.events) + b"}"
        taken = self._intake.batch(body, caller)
        if arguments.idempotency_key is None:
            self._intake.append(taken).result()
            return answered(taken.acknowledgement.body)
        fingerprint = hashlib.sha256(b"ingest-events" + body).hexdigest()
        return answered(self._intake.once(caller, taken, arguments.idempotency_key, fingerprint).body)


def _is_small(caller: Caller, given: Given) -> bool:
    """Whether a call grants a credit that the key may grant without a preview."""
    draft: Any = given.arguments.get("draft")
    amount = getattr(draft, "credit_amount", None)
    return amount is not None and amount <= caller.credit_limit


def _commit(sent: bytes, token: str) -> dict[str, Any]:
    """The arguments that commit a preview of these ones."""
    arguments = decode(sent, dict[str, Any])
    arguments.pop("preview", None)
    return arguments | {"previewToken": token}


def _fingerprint(tool: Tool, given: Given) -> str:
    return hashlib.sha256(f"{tool.name} {given.digest}".encode()).hexdigest()
