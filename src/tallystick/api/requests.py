"""Reading a request: its body within the limit, and under which key it is done once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from starlette.requests import ClientDisconnect

from tallystick.kernel.errors import BillingError, Kind, Problem, invalid

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.requests import Request

LARGEST_BODY: Final = 8 * 1024 * 1024
LONGEST_IDEMPOTENCY_KEY: Final = 255
_AS_IT_IS: Final = "identity"
_MOST_DIGITS: Final = 20
"""Of a length; one with more of them begins with zeros."""


async def body_of(request: Request) -> bytes:
    """The whole body.

    Raises:
        BillingError: of kind UNSUPPORTED, when it is compressed; of kind TOO_LARGE, beyond 8 MB; of kind INVALID, when
            the caller hangs up before its end.
    """
    refuse_compressed(request.headers)
    if (declared_length(request.headers.get("content-length", "")) or 0) > LARGEST_BODY:
        raise _too_large()
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > LARGEST_BODY:
                raise _too_large()
            chunks.append(chunk)
    except ClientDisconnect:
        raise invalid("", "the connection was closed before the whole body had come") from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def declared_length(text: str | bytes) -> int | None:
    """The length that a head declares; None for none, and for one that is found out by reading only."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def refuse_compressed(headers: Headers) -> None:
    """Refuse a body that is said to be compressed: a few megabytes could stand for any number of gigabytes.

    Raises:
        BillingError: of kind UNSUPPORTED.
    """
    encoding = headers.get("content-encoding", _AS_IT_IS).strip().lower()
    if encoding not in {_AS_IT_IS, ""}:
        reason = f"is {encoding[:60]!r}, which is not offered: send the body as it is, without this header"
        raise BillingError(Kind.UNSUPPORTED, "unsupported_encoding", Problem("Content-Encoding", reason))


def idempotency_of(request: Request, body: bytes) -> tuple[str | None, str]:
    """The request's idempotency key, and the fingerprint of what it asks for.

    Raises:
        BillingError: of kind INVALID, for an empty or overlong key.
    """
    key = request.headers.get("idempotency-key")
    if key is None or request.method != "POST":
        return None, ""
    if not 0 < len(key) <= LONGEST_IDEMPOTENCY_KEY:
        raise invalid("Idempotency-Key", f"must have 1 to {LONGEST_IDEMPOTENCY_KEY} characters")
    asked = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return key, hashlib.sha256(asked + body).hexdigest()


def _too_large() -> BillingError:
    reason = f"the body is larger than {LARGEST_BODY // 1024 // 1024} MB: send it in smaller parts"
    return BillingError(Kind.TOO_LARGE, "too_large", Problem("", reason))
