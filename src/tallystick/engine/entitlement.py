"""Asking whether an account may use a feature, by the event that uses it: judged in the place of the log it gets.

Nothing is decided here. The event is appended like any other, and what became of it is the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.engine.engine import Answer
from tallystick.kernel.document import encode
from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.kernel.scope import Scope
from tallystick.metering.event import COUNTED, EventStatus
from tallystick.operations.answers import DONE
from tallystick.stores.event_log import row_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tallystick.engine.engine import Engine
    from tallystick.engine.gatekeeper import Caller
    from tallystick.engine.intake import Intake, Taken
    from tallystick.stores.event_store import StoredEvent

PATIENCE_S: Final = 5.0
"""How long the answer may take; the event is judged all the same."""

_REFUSALS: Final[Mapping[EventStatus, Kind]] = {
    EventStatus.INSUFFICIENT_CREDITS: Kind.FORBIDDEN,
    EventStatus.DUPLICATE: Kind.CONFLICT,
    EventStatus.ACCOUNT_NOT_FOUND: Kind.INVALID,
}
"""What the caller is told of an event that does not count; of all others, that it cannot be processed."""


class Entitlements:
    """Lets events use features, and says whether they might."""

    def __init__(self, engine: Engine, intake: Intake) -> None:
        self._engine = engine
        self._intake = intake

    def answer(self, body: bytes, caller: Caller, key: str | None, fingerprint: str) -> Answer:
        """Judge the event of a body, and answer when it counts; under an idempotency key, as it was answered before.

        Raises:
            BillingError: of kind FORBIDDEN, when the account has too few units left; CONFLICT, for an id that counted
                before; UNPROCESSABLE or INVALID, for an event that cannot be processed; UNAVAILABLE, when that takes
                too long.
        """
        caller.require(Scope.WRITE)
        stored = None if key is None else self._engine.recall(caller, key, fingerprint)
        if stored is not None:
            return stored
        self._judge(caller, self._intake.entitled(body, caller))
        answer = Answer(200, encode(DONE))
        return answer if key is None else self._engine.keep(caller, key, fingerprint, answer)

    def _judge(self, caller: Caller, taken: Taken) -> None:
        """Have an event judged.

        Raises:
            BillingError: unless it counts.
        """
        position = self._engine.log.append_placed(taken.columns).result()
        if not self._engine.events.wait_until(row_of(position), PATIENCE_S):
            reason = "the event is not judged yet: send it again with the same id, which counts once"
            raise BillingError(Kind.UNAVAILABLE, "not_judged_yet", Problem("", reason))
        (event,) = self._engine.events.events_at(caller.organisation, [position])
        status = event.before_reverting or event.status
        if status not in COUNTED:
            raise _refusal(event, status)


def _refusal(event: StoredEvent, status: EventStatus) -> BillingError:
    kind = _REFUSALS.get(status, Kind.UNPROCESSABLE)
    reason = event.status_description or status
    return BillingError(kind, status.removeprefix("INGESTION_FAILED_").lower(), Problem("event", reason))
