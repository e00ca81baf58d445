"""Previews of operations and the tokens that commit them: bound to key, tool, arguments and state, good once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import jwt

from tallystick.engine.engine import Request
from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.operations.previews import Effect, Preview, committed, previewed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tallystick.engine.engine import Engine
    from tallystick.engine.gatekeeper import Caller
    from tallystick.operations.previews import Operation, Watch

PREVIEW_LIFE: Final = timedelta(minutes=10)
"""How long a preview may be committed, by the wall clock."""

_ALGORITHM: Final = "HS256"
_PATH: Final = "previewToken"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A call that may be previewed and committed: who asks which tool for what."""

    caller: Caller
    tool: str
    operation: Operation
    watch: Watch
    arguments: Mapping[str, Any]
    argument_digest: str


class Previews:
    """Shows effects and hands out tokens for them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._secret = hmac.new(engine.secret, b"preview", hashlib.sha256).digest()

    def show(self, proposal: Proposal) -> tuple[Effect, str, datetime]:
        """What a call would change, the token that commits it, and until when; nothing is changed.

        Raises:
            BillingError: whatever the operation raises.
        """
        seen: list[Effect] = []

        def keep(effect: Effect) -> tuple[int, bytes]:
            seen.append(effect)
            return 200, b""

        request = Request(previewed(proposal.operation, proposal.watch), proposal.arguments, dry_run=True)
        self._engine.answer(proposal.caller, request, keep)
        (effect,) = seen
        expires_at = (self._engine.wall_clock.now() + PREVIEW_LIFE).replace(microsecond=0)
        claims = self._bound_to(proposal) | {
            "jti": secrets.token_urlsafe(9),
            "eff": effect.digest,
            "exp": int(expires_at.timestamp()),
        }
        return effect, jwt.encode(claims, self._secret, _ALGORITHM), expires_at

    def carry_out(
        self, proposal: Proposal, token: str, run: Callable[[Request], Any], key: str | None, fingerprint: str
    ) -> Any:  # noqa: ANN401 - what `run` answers
        """Do what a preview showed; `run` runs the request through the engine.

        Raises:
            BillingError: of kind INVALID for a token of another call or none of ours; of kind CONFLICT when it
                expired, was used, or the state has changed.
        """
        claims = self._claims(token)
        for name, bound in self._bound_to(proposal).items():
            if claims.get(name) != bound:
                raise _refused(Kind.INVALID, "preview_mismatch", _MISMATCHES[name])
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        if expires_at <= self._engine.wall_clock.now():
            raise _refused(Kind.CONFLICT, "preview_expired", "the preview has expired: look at a new one")
        preview = Preview(claims["jti"], claims["eff"], expires_at)
        operation = committed(proposal.operation, proposal.watch, preview)
        return run(Request(operation, proposal.arguments, idempotency_key=key, fingerprint=fingerprint))

    def _bound_to(self, proposal: Proposal) -> dict[str, str]:
        return {"key": proposal.caller.key_id, "tool": proposal.tool, "arg": proposal.argument_digest}

    def _claims(self, token: str) -> dict[str, Any]:
        required = ["jti", "eff", "exp", "key", "tool", "arg"]
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._secret, [_ALGORITHM], options={"verify_exp": False, "require": required}
            )
        except jwt.InvalidTokenError:
            reason = "is no token of a preview: pass the one that the preview gave, unchanged"
            raise _refused(Kind.INVALID, "preview_invalid", reason) from None
        return claims


_MISMATCHES: Final = {
    "key": "belongs to a preview of another API key",
    "tool": "belongs to a preview of another tool",
    "arg": "belongs to a preview with other arguments: pass the same ones, or look at a new preview",
}


def _refused(kind: Kind, code: str, reason: str) -> BillingError:
    return BillingError(kind, code, Problem(_PATH, reason))
