"""Sending batches to a server, again and again until it has answered."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import httpx2
import msgspec
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, stop_when_event_set
from tenacity.nap import sleep_using_event
from tenacity.wait import wait_random_exponential

from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.remote.remote import Remote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATH: Final = "/ingestBatch"
_BETWEEN: Final = wait_random_exponential(multiplier=0.2, max=10)
_TIMEOUT: Final = httpx2.Timeout(60, connect=5)
_ACCEPTED, _PARTLY, _NOTHING, _TOO_MANY, _FAILED = 202, 207, 400, 429, 500


class _Rejected(msgspec.Struct):
    index: int
    message: str


class _Details(msgspec.Struct):
    rejected: list[_Rejected] = []


class _Answer(msgspec.Struct):
    message: str = ""
    details: _Details | None = None


class _NotNowError(BillingError):
    """The server did not answer, or asks to come again."""

    def __init__(self, reason: str) -> None:
        super().__init__(Kind.UNAVAILABLE, "server_unavailable", Problem("", reason))


class Sender:
    """One server and a key for it, which stands in no error and no representation."""

    def __init__(self, url: str, key: str, connections: int, patience: int) -> None:
        """Take the server's address; `patience` is for how many seconds one batch is tried.

        Raises:
            BillingError: of kind INVALID, for an address that is none.
        """
        remote = Remote(url, key)
        self.shows_key = remote.shows_key
        self._url = url
        self._patience = patience
        self._stopped = threading.Event()
        self._client = remote.client("ingest", _TIMEOUT, connections)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def give_up(self) -> None:
        """Let whoever waits to try again stop."""
        self._stopped.set()

    def send(self, events: Sequence[bytes]) -> Mapping[int, str]:
        """Send a batch of at most 1,000 events; answers which were rejected and why, by their index.

        Raises:
            BillingError: of kind UNAVAILABLE, when the server did not answer in time; of another kind, when it refuses
                all events whatever they are, for example for the key.
        """
        body = b'{"events":[' + b",".join(events) + b"]}"
        retrying = Retrying(
            stop=stop_after_delay(self._patience) | stop_when_event_set(self._stopped),
            wait=_BETWEEN,
            retry=retry_if_exception_type(_NotNowError),
            sleep=sleep_using_event(self._stopped),
            reraise=True,
        )
        return retrying(self._once, body, len(events))

    def _once(self, body: bytes, size: int) -> Mapping[int, str]:
        try:
            told = self._client.post(PATH, content=body)
        except httpx2.TransportError as failure:
            raise _NotNowError(f"{self._url} does not answer ({type(failure).__name__})") from None
        answer = _read(told.content)
        if told.status_code == _ACCEPTED:
            return {}
        if told.status_code == _PARTLY and answer.details is not None:
            return {one.index: one.message for one in answer.details.rejected}
        if told.status_code == _NOTHING and answer.message.startswith("events["):
            return dict.fromkeys(range(size), answer.message)
        said = f"{self._url} answers {told.status_code}: {answer.message or 'nothing that can be read'}"
        if told.status_code == _TOO_MANY or told.status_code >= _FAILED:
            raise _NotNowError(said)
        raise BillingError(Kind.FORBIDDEN, "refused", Problem("", said))


def _read(content: bytes) -> _Answer:
    try:
        return msgspec.json.decode(content, type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Answer(message=content.decode(errors="replace")[:200])
