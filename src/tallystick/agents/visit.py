"""One request of an agent: whose key it carries, what it asks for, and its exact bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import UNSET, UnsetType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tallystick.agents.exact import ExactSend
    from tallystick.agents.tool import Tool
    from tallystick.engine import Caller

SCOPE: Final = "tallystick.visit"
"""Where a visit stands in the ASGI scope of its request."""

_NO_ARGUMENTS: Final = b"{}"
_NULL: Final = b"null"
_LONGEST_CLIENT: Final = 200
_CLIENT: Final = "io.modelcontextprotocol/clientInfo"
CALL: Final = "tools/call"


class _Client(msgspec.Struct):
    name: str = ""
    version: str = ""


class _Params(msgspec.Struct):
    name: Any = None
    arguments: msgspec.Raw | UnsetType = UNSET
    meta: Any = msgspec.field(default=None, name="_meta")


class Asked(msgspec.Struct):
    """What a request asks for, read from its bytes; empty where it is no request."""

    method: Any = None
    params: _Params = msgspec.field(default_factory=_Params)

    @property
    def tool(self) -> str | None:
        """The tool that is called, if one is."""
        name = self.params.name
        return name if self.method == CALL and isinstance(name, str) else None

    @property
    def arguments(self) -> bytes:
        """The exact JSON of a call's arguments; empty where nothing is called."""
        if self.tool is None:
            return b""
        sent = self.params.arguments
        return _NO_ARGUMENTS if isinstance(sent, UnsetType) or bytes(sent) == _NULL else bytes(sent)

    def client(self, user_agent: str) -> str:
        """By what program it came, as far as it says."""
        meta = self.params.meta
        try:
            client = msgspec.convert(meta.get(_CLIENT) if isinstance(meta, dict) else None, _Client)
        except msgspec.ValidationError:
            client = _Client()
        return (f"{client.name} {client.version}".strip() or user_agent)[:_LONGEST_CLIENT]


@dataclass(frozen=True, slots=True)
class Visit:
    """A request whose caller was let in; `tools` are those that this caller can see at this path, by name.

    `arguments` are the exact JSON of those of a call; empty where the bytes of the request could not be read here,
    whatever the SDK made of them.
    """

    caller: Caller
    client: str
    tools: Mapping[str, Tool]
    arguments: bytes
    answers: ExactSend


def asked_of(body: bytes) -> Asked:
    """What a body asks for; whatever is wrong with it, the SDK says."""
    try:
        return msgspec.json.decode(body, type=Asked)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Asked()


def visit_of(context: Any) -> Visit:  # noqa: ANN401 - the SDK's context
    """The visit of a request that the SDK hands on."""
    visit: Visit = context.request.scope[SCOPE]
    return visit
