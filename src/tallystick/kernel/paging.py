"""Key-set pages: a signed token carries the whole query and the last row seen.

The token carries everything; other parameters sent along with it are ignored (domain.md 1.5).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final, Generic, TypeVar

import msgspec

from tallystick.kernel.errors import invalid

T = TypeVar("T")
_SIGNATURE_BYTES: Final = 12


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What one list was asked: whose, which, in what order, how many, and after which row."""

    listing: str
    organisation: str
    filters: dict[str, str] = {}
    search: str | None = None
    sort: list[tuple[str, bool]] = []
    size: int
    after: list[str | int] | None = None


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One page of a list, and the token of the next one if there is one."""

    items: list[T]
    next_token: str | None = None


def sign(query: Query, secret: bytes) -> str:
    """The token of a query."""
    body = msgspec.json.encode(query)
    return base64.urlsafe_b64encode(_signature(body, secret) + body).decode().rstrip("=")


def read(token: str, *, listing: str, organisation: str, secret: bytes) -> Query:
    """The query that a token of this list and organisation carries.

    Raises:
        BillingError: of kind INVALID, for a token that was not signed here for this list.
    """
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise _bad_token() from None
    signature, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(body, secret)):
        raise _bad_token()
    query = msgspec.json.decode(body, type=Query)
    if query.listing != listing or query.organisation != organisation:
        raise _bad_token()
    return query


def _signature(body: bytes, secret: bytes) -> bytes:
    return hmac.new(secret, b"page:" + body, hashlib.sha256).digest()[:_SIGNATURE_BYTES]


def _bad_token() -> Exception:
    return invalid("nextToken", "Invalid nextToken: pass the value of the last answer unchanged")
