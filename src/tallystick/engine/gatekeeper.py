"""Who may come in: long-lived API keys, and the short-lived tokens that they are exchanged for."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import jwt

from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.kernel.scope import EVERY_SCOPE, Scope
from tallystick.stores.state import access

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from tallystick.kernel.clock import Clock
    from tallystick.kernel.ids import IdSource
    from tallystick.stores.state.database import Database

KEY_PREFIX: Final = "tsk_"
TOKEN_LIFE: Final = timedelta(hours=24)
_ALGORITHM: Final = "HS256"
_CACHED_CALLERS: Final = 4096


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: an API key (or a token made from it) of one organisation, and what it may do."""

    organisation: str
    key_id: str
    scopes: frozenset[Scope]
    credit_limit: Decimal

    def require(self, scope: Scope) -> None:
        """Go on only if the key may do this.

        Raises:
            BillingError: of kind FORBIDDEN, naming the scope that is missing.
        """
        if scope not in self.scopes:
            has = ", ".join(sorted(self.scopes)) or "nothing"
            reason = f"this needs a key with the scope {scope}; the one that was sent has {has}"
            raise BillingError(Kind.FORBIDDEN, "insufficient_scope", Problem("", reason))


class Gatekeeper:
    """Recognises callers. A revoked key is refused at once, also when another process revoked it."""

    def __init__(self, database: Database, secret: bytes, wall_clock: Clock) -> None:
        self._database = database
        self._secret = secret
        self._clock = wall_clock
        self._known: dict[str, Caller] = {}
        self._seen: int | None = None
        self._remembering = threading.Lock()

    def remembered(self, credential: str | None) -> Caller | None:
        """Who a key belongs to, if it was read since the last change of the database; reads nothing itself."""
        changes = self._database.changes()
        return self._known.get(credential or "") if changes is not None and changes == self._seen else None

    def caller_of(self, credential: str | None) -> Caller:
        """Who a credential belongs to.

        Raises:
            BillingError: of kind UNAUTHENTICATED, for none, an unknown, expired or revoked one.
        """
        if not credential:
            raise _refused("no API key: send it as 'Authorization: Bearer <key>'")
        if credential.count(".") == 2 and not credential.startswith(KEY_PREFIX):  # noqa: PLR2004 - a JWT has three parts
            caller = self._token_caller(credential)
            if caller is not None:
                return caller
        return self._key_caller(credential)

    def exchange(self, credential: str) -> str:
        """A token that is good for 24 hours; a token is given back as it is (domain.md 1.7)."""
        caller = self.caller_of(credential)
        if self._claims(credential) is not None:
            return credential
        expires = self._clock.now() + TOKEN_LIFE
        claims = {"sub": caller.key_id, "org": caller.organisation, "exp": expires}
        return jwt.encode(claims, self._secret, _ALGORITHM)

    def _key_caller(self, secret: str) -> Caller:
        changes = self._database.changes()
        with self._database.read() as connection:
            key = access.key_of_secret(connection, secret)
        if key is None:
            raise _refused("the API key is unknown or was revoked")
        caller = _caller(key)
        self._remember(secret, caller, changes)
        return caller

    def _remember(self, secret: str, caller: Caller, changes: int | None) -> None:
        """Keep what was read when the database had changed so often, and nothing older."""
        with self._remembering:
            if changes != self._seen or len(self._known) >= _CACHED_CALLERS:
                self._known = {}
                self._seen = changes
            self._known[secret] = caller

    def _token_caller(self, token: str) -> Caller | None:
        claims = self._claims(token)
        if claims is None:
            return None
        with self._database.read() as connection:
            key = access.key_of_id(connection, claims["sub"])
        if key is None or key.organisation_id != claims["org"]:
            raise _refused("the API key behind this token was revoked")
        return _caller(key)

    def _claims(self, token: str) -> dict[str, Any] | None:
        """What a token of ours says, or None when it is none; expiry is judged by the wall clock."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._secret,
                [_ALGORITHM],
                options={"verify_exp": False, "require": ["exp", "sub", "org"]},
            )
        except jwt.InvalidTokenError:
            return None
        if claims["exp"] <= self._clock.now().timestamp():
            raise _refused("the token has expired: exchange the API key for a new one")
        return claims


def _caller(key: access.ApiKey) -> Caller:
    return Caller(key.organisation_id, key.id, key.scopes, key.credit_limit)


def new_key(
    connection: Any,  # noqa: ANN401 - the stores' connection, which this room must not name
    ids: IdSource,
    organisation: str,
    name: str,
    now: datetime,
    secret: str | None = None,
    *,
    scopes: frozenset[Scope] = EVERY_SCOPE,
    credit_limit: Decimal = access.DEFAULT_CREDIT_LIMIT,
) -> tuple[access.ApiKey, str]:
    """Make and keep a new key; its secret is returned here and never again."""
    secret = secret or KEY_PREFIX + secrets.token_urlsafe(30)
    key = access.ApiKey(ids.mint("key"), organisation, name, secret[-4:], now, None, scopes, credit_limit)
    access.add_key(connection, key, secret)
    return key, secret


def _refused(reason: str) -> BillingError:
    return BillingError(Kind.UNAUTHENTICATED, "unauthenticated", Problem("", reason))
