"""Where a caller's API key or token stands in a request, at whichever door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_BEARER: Final = "bearer "


def credential_in(headers: Mapping[str, str]) -> str | None:
    """The API key or token that a request carries, in either of the two headers, which are named in small letters."""
    return credential_of(headers.get("authorization", ""), headers.get("x-api-key"))


def credential_of(authorization: str, api_key: str | None) -> str | None:
    """The API key or token in the two headers."""
    if authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip()
    return api_key
