"""The server whose catalogue a folder is compared with: what it has, what would change, and changing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx2
import msgspec

from tallystick.kernel.document import Document, decode, encode
from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.remote.remote import Remote

if TYPE_CHECKING:
    from collections.abc import Mapping

PATH: Final = "/v1/catalogue"
_PATIENCE: Final = httpx2.Timeout(300, connect=5)
_FAILED: Final = 400


class Change(Document, frozen=True, kw_only=True):
    """One change, as the server tells it."""

    kind: str
    name: str
    text: str
    affected_accounts: int
    keeping_accounts: int


class LeftAlone(Document, frozen=True, kw_only=True):
    """A thing that stays as it is, and why."""

    kind: str
    name: str
    reason: str


class Fault(Document, frozen=True, kw_only=True):
    """Something that keeps a catalogue from being applied."""

    path: str
    reason: str


class Outcome(Document, frozen=True, kw_only=True):
    """What a catalogue changes, or would change."""

    digest: str
    changes: list[Change]
    left_alone: list[LeftAlone]
    problems: list[Fault]


class Held(Document, frozen=True, kw_only=True):
    """What the server has."""

    catalogue: dict[str, list[dict[str, Any]]]
    left_out: list[LeftAlone]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a catalogue is to be applied: whether other things go, and when accounts move to new versions of plans."""

    prune: bool
    migrate: str
    all_versions: bool

    @property
    def query(self) -> dict[str, str]:
        """The same for the server."""
        wanted = {"migrationMode": self.migrate}
        if self.prune:
            wanted["prune"] = "true"
        if self.all_versions:
            wanted["versionsToMigrate"] = "ALL_VERSION"
        return wanted


class _Refusal(msgspec.Struct):
    message: str


class Counterpart:
    """One server, asked with one key."""

    def __init__(self, url: str, key: str) -> None:
        """Take the server's address.

        Raises:
            BillingError: of kind INVALID, for an address that is none.
        """
        remote = Remote(url, key)
        self.shows_key = remote.shows_key
        self._url = url
        self._client = remote.client("plans", _PATIENCE)

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def held(self) -> Held:
        """The catalogue that the server has.

        Raises:
            BillingError: of kind UNAVAILABLE without an answer, of another kind for a refusal.
        """
        return decode(self._ask("GET", PATH), Held)

    def preview(self, things: object, wishes: Wishes) -> Outcome:
        """What a catalogue would change; nothing is changed.

        Raises:
            BillingError: as `held`.
        """
        return decode(self._ask("POST", f"{PATH}/preview", things, wishes.query), Outcome)

    def apply(self, things: object, wishes: Wishes, digest: str) -> Outcome:
        """Make exactly the changes that a preview showed.

        Raises:
            BillingError: as `held`; nothing was changed, unless there was no answer.
        """
        return decode(self._ask("PUT", PATH, things, wishes.query | {"digest": digest}), Outcome)

    def _ask(self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None) -> bytes:
        try:
            told = self._client.request(
                method, path, params=dict(query or {}), content=None if body is None else encode(body)
            )
        except httpx2.TransportError as failure:
            reason = (
                f"{self._url} does not answer ({type(failure).__name__}): 'tallystick plans diff' shows what is done"
            )
            raise BillingError(Kind.UNAVAILABLE, "server_unavailable", Problem("", reason)) from None
        if told.status_code >= _FAILED:
            reason = f"{self._url} answers {told.status_code}: {_message(told.content)}"
            raise BillingError(Kind.FORBIDDEN, "refused", Problem("", reason))
        return told.content


def _message(content: bytes) -> str:
    try:
        return msgspec.json.decode(content, type=_Refusal).message
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return content.decode(errors="replace")[:200] or "nothing that can be read"
