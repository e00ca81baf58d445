"""Who may come in, what was answered before, and what was done: API keys, idempotency answers, audit rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from tallystick.kernel.errors import not_found
from tallystick.kernel.scope import EVERY_SCOPE, Scope
from tallystick.stores.state.tables import api_key, audit, idempotency, tool_call, used_preview

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


SHORTEST_WITH_HINT: Final = 12
"""Four of fewer characters would give too much of a secret away."""
DEFAULT_CREDIT_LIMIT: Final = Decimal(100)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; its secret is never kept, only a digest of it.

    `credit_limit` is the largest credit that an agent grants with it without a preview, in the account's currency.
    """

    id: str
    organisation_id: str
    name: str
    hint: str
    created_at: datetime
    revoked_at: datetime | None = None
    scopes: frozenset[Scope] = EVERY_SCOPE
    credit_limit: Decimal = DEFAULT_CREDIT_LIMIT


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What was answered under an idempotency key; status and body are empty while the first call runs."""

    fingerprint: str
    status: int | None
    body: bytes | None


_KEY_COLUMNS = (
    api_key.c.id,
    api_key.c.organisation_id,
    api_key.c.name,
    api_key.c.hint,
    api_key.c.created_at,
    api_key.c.revoked_at,
    api_key.c.scopes,
    api_key.c.credit_limit,
)


def digest(secret: str) -> str:
    """The digest under which a key's secret is kept.

    Without salt, because a key that is minted here has far more random bits than anybody can try; one that the
    environment gave is as hard to guess as its author made it.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def add_key(connection: Connection, key: ApiKey, secret: str) -> None:
    """Keep a new key; of a short secret, not even the hint."""
    connection.execute(
        insert(api_key).values(
            id=key.id,
            organisation_id=key.organisation_id,
            name=key.name,
            digest=digest(secret),
            hint=key.hint if len(secret) >= SHORTEST_WITH_HINT else "",
            created_at=key.created_at,
            scopes=" ".join(sorted(key.scopes)),
            credit_limit=f"{key.credit_limit:f}",
        )
    )


def key_of_secret(connection: Connection, secret: str) -> ApiKey | None:
    """The key whose secret this is, unless it was revoked; found by its digest, so in constant time."""
    row = connection.execute(
        select(*_KEY_COLUMNS).where(api_key.c.digest == digest(secret), api_key.c.revoked_at.is_(None))
    ).one_or_none()
    return None if row is None else _key(row)


def key_of_id(connection: Connection, name: str) -> ApiKey | None:
    """The key of that id, unless it was revoked."""
    row = connection.execute(
        select(*_KEY_COLUMNS).where(api_key.c.id == name, api_key.c.revoked_at.is_(None))
    ).one_or_none()
    return None if row is None else _key(row)


def keys(connection: Connection, organisation: str) -> list[ApiKey]:
    """Every key of an organisation, revoked ones too, oldest first."""
    rows = connection.execute(
        select(*_KEY_COLUMNS)
        .where(api_key.c.organisation_id == organisation)
        .order_by(api_key.c.created_at, api_key.c.id)
    )
    return [_key(row) for row in rows]


def _key(row: Any) -> ApiKey:  # noqa: ANN401 - a row of the key's columns
    known = row._asdict()
    known["scopes"] = frozenset(map(Scope, known["scopes"].split()))
    known["credit_limit"] = Decimal(known["credit_limit"])
    return ApiKey(**known)


def revoke_key(connection: Connection, organisation: str, name: str, now: datetime) -> None:
    """Take a key out of use.

    Raises:
        BillingError: of kind NOT_FOUND, when the organisation has no such key in use.
    """
    changed = connection.execute(
        update(api_key)
        .where(api_key.c.organisation_id == organisation, api_key.c.id == name, api_key.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    if not changed.rowcount:
        raise not_found("key in use", name)


def claim_answer(
    connection: Connection, organisation: str, key: str, fingerprint: str, now: datetime
) -> StoredAnswer | None:
    """Claim an idempotency key for this transaction, or give the answer that stands under it."""
    values = {"organisation_id": organisation, "key": key, "fingerprint": fingerprint, "created_at": now}
    try:
        with connection.begin_nested():
            connection.execute(insert(idempotency).values(values))
    except IntegrityError:
        return stored_answer(connection, organisation, key)
    return None


def stored_answer(connection: Connection, organisation: str, key: str) -> StoredAnswer | None:
    """The answer that stands under an idempotency key, or None."""
    row = connection.execute(
        select(idempotency.c.fingerprint, idempotency.c.status, idempotency.c.body).where(
            idempotency.c.organisation_id == organisation, idempotency.c.key == key
        )
    ).one_or_none()
    return None if row is None else StoredAnswer(*row)


def store_answer(connection: Connection, organisation: str, key: str, status: int, body: bytes) -> None:
    """Keep the answer of the call that claimed the key."""
    connection.execute(
        update(idempotency)
        .where(idempotency.c.organisation_id == organisation, idempotency.c.key == key)
        .values(status=status, body=body)
    )


def forget_answers(connection: Connection, before: datetime) -> None:
    """Drop answers that are too old to be asked for again."""
    connection.execute(delete(idempotency).where(idempotency.c.created_at < before))


def add_tool_call(
    connection: Connection,
    *,
    name: str,
    organisation: str,
    actor: str,
    client: str,
    tool: str,
    argument_digest: str,
    result: str,
    at: datetime,
) -> None:
    """Note which tool a key's agent called and how it ended; of the arguments, a digest."""
    connection.execute(
        insert(tool_call).values(
            id=name,
            organisation_id=organisation,
            actor=actor,
            client=client,
            tool=tool,
            argument_digest=argument_digest,
            result=result,
            at=at,
        )
    )


def use_preview(connection: Connection, organisation: str, name: str, expires_at: datetime) -> bool:
    """Note that a preview is committed in this transaction; False, when that was done before."""
    try:
        with connection.begin_nested():
            connection.execute(
                insert(used_preview).values(organisation_id=organisation, id=name, expires_at=expires_at)
            )
    except IntegrityError:
        return False
    return True


def forget_previews(connection: Connection, before: datetime) -> None:
    """Drop what is known of previews that nobody can commit any more, because they have expired."""
    connection.execute(delete(used_preview).where(used_preview.c.expires_at < before))


def add_audit(
    connection: Connection,
    *,
    name: str,
    organisation: str,
    actor: str,
    operation: str,
    subject: str,
    at: datetime,
) -> None:
    """Note who did what to which entity; never what it contained."""
    connection.execute(
        insert(audit).values(
            id=name, organisation_id=organisation, actor=actor, operation=operation, subject=subject, at=at
        )
    )
