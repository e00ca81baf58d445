"""Key-set pages: a signed token carries the whole query and the last row seen.

The token carries everything; other parameters sent along with it are ignored (domain.md 1.5).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

import msgspec

from tallystick.kernel.errors import invalid

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


class PageRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a caller asks of a list; a token, when there is one, carries everything else."""

    page_size: int | None = None
    next_token: str | None = None
    search: str | None = msgspec.field(default=None, name="_search")
    sort: str | None = msgspec.field(default=None, name="_sort")


class BoundedPage(PageRequest, frozen=True, kw_only=True):
    """What a door asks that can show only so many rows, whatever the token says; never on the wire."""

    at_most: int


def size_of(requested: int | None, default: int, largest: int) -> int:
    """The page size: larger requests are cut to the largest (domain.md 1.5).

    Raises:
        BillingError: of kind INVALID, when less than 1 is asked for.
    """
    if requested is not None and requested < 1:
        raise invalid("pageSize", f"{requested} is too small: ask for 1 to {largest}")
    return min(requested or default, largest)


def sign(query: Query, secret: bytes) -> str:
    """The token of a query."""
    body = msgspec.json.encode(query)
    return base64.urlsafe_b64encode(_signature(body, secret) + body).decode().rstrip("=")


def read(token: str, *, listing: str, organisation: str, secret: bytes) -> Query:
    """The query that a token of this list and organisation carries.

    Raises:
        BillingError: of kind INVALID, for a token that was not signed here for this list.
    """
    query = _verified(token, secret)
    if query is None or query.listing != listing or query.organisation != organisation:
        raise invalid("nextToken", "Invalid nextToken: pass the value of the last answer unchanged")
    return query


def _verified(token: str, secret: bytes) -> Query | None:
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        signature, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        genuine = hmac.compare_digest(signature, _signature(body, secret))
        return msgspec.json.decode(body, type=Query) if genuine else None
    except ValueError:  # not base64, or signed by a release whose queries had another shape
        return None


def _signature(body: bytes, secret: bytes) -> bytes:
    return hmac.new(secret, b"page:" + body, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
