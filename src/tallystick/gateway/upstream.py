"""The API behind the gateway: asked with its own token, with patience, and again only where that does no harm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx2
import msgspec
from tenacity import Retrying, retry_if_exception_type, retry_if_result, stop_after_attempt
from tenacity.wait import wait_random_exponential

from tallystick import __version__
from tallystick.kernel.document import encode
from tallystick.kernel.errors import BillingError, Kind, Problem, invalid
from tallystick.kernel.host import in_clear

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tallystick.gateway.calls import Asked, Call

ATTEMPTS: Final = 3
BETWEEN: Final = wait_random_exponential(max=2)
"""Up to one second after the first attempt and two after the second, so that many callers do not come at once."""
_PATIENCE: Final = httpx2.Timeout(30, connect=5)
_JSON: Final = "application/json"
_BUSY: Final = frozenset({429, 502, 503, 504})
"""Statuses that say: ask again."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the upstream answered, passed on as it is."""

    status: int
    body: bytes
    kind: str = _JSON

    @property
    def is_error(self) -> bool:
        """Whether it refused."""
        return self.status >= 400  # noqa: PLR2004 - where HTTP's errors begin

    @property
    def message(self) -> str:
        """What it said, as text."""
        try:
            return msgspec.json.decode(self.body, type=_Message).message
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return self.body.decode(errors="replace")[:500] or f"status {self.status} without a word"


class _Message(msgspec.Struct):
    message: str


class _List(msgspec.Struct):
    data: list[msgspec.Raw]


class Upstream:
    """One API and the token that it knows us by, which stands in no log, no error and no representation."""

    def __init__(self, address: str, token: str, transport: httpx2.BaseTransport | None = None) -> None:
        """Take the API's address and our token for it.

        Raises:
            BillingError: of kind INVALID, for an address that is none, or one to which the token would travel in clear.
        """
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise invalid("--upstream", f"{address!r} is no address such as https://api.example.com")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise invalid("--upstream", "holds more than an address: the token comes from TOGAI_API_TOKEN")
        if in_clear(parts.scheme, parts.hostname):
            raise invalid("--upstream", "over http the token would travel in clear: use https")
        self._client = httpx2.Client(
            base_url=address.rstrip("/"),
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": _JSON,
                "User-Agent": f"tallystick-gateway/{__version__}",
            },
            timeout=_PATIENCE,
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def told(self, call: Call, asked: Asked, name: str, headers: Mapping[str, str]) -> Told:
        """What the upstream says to a call.

        Raises:
            BillingError: of kind UNAVAILABLE, when there is no answer.
        """
        told = self._ask(asked, headers)
        if told.is_error:
            return told
        proof = call.proof(name)
        if proof is not None and _is_empty(told.body):
            exists = self._ask(proof, {})
            if exists.is_error:
                return exists
        return told if call.answer is None else Told(told.status, call.answer(told.body))

    def _ask(self, asked: Asked, headers: Mapping[str, str]) -> Told:
        if not asked.is_safe:
            return self._once(asked, headers)
        retrying = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=BETWEEN,
            retry=retry_if_exception_type(_NoAnswerError) | retry_if_result(lambda told: told.status in _BUSY),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome is not None else None,
        )
        told: Told = retrying(self._once, asked, headers)
        return told

    def _once(self, asked: Asked, headers: Mapping[str, str]) -> Told:
        sent = {**headers, "Content-Type": _JSON} if asked.body is not None else dict(headers)
        try:
            answer = self._client.request(
                asked.method, asked.path, params=dict(asked.query), content=asked.body, headers=sent
            )
        except httpx2.TimeoutException:
            raise _NoAnswerError("upstream_timeout", "the upstream took too long to answer", asked) from None
        except httpx2.TransportError as failure:
            reason = f"the upstream cannot be reached ({type(failure).__name__})"
            raise _NoAnswerError("upstream_unreachable", reason, asked) from None
        if answer.has_redirect_location:
            raise _NoAnswerError("upstream_moved", "the upstream answers with a redirect: give its new address", asked)
        body = answer.content or encode({})
        return Told(answer.status_code, body, answer.headers.get("content-type", _JSON))


class _NoAnswerError(BillingError):
    """The upstream said nothing; whether a command was carried out is unknown."""

    def __init__(self, code: str, reason: str, asked: Asked) -> None:
        unknown = "" if asked.is_safe else "; whether it was done is not known: look before you send it again"
        super().__init__(Kind.UNAVAILABLE, code, Problem("", reason + unknown))


def _is_empty(body: bytes) -> bool:
    try:
        return not msgspec.json.decode(body, type=_List).data
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
