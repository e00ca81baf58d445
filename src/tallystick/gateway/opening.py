"""Opening the gateway: both faces in front of one upstream."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallystick.agents.app import AgentsApp, Exposure
from tallystick.agents.resources import Resources
from tallystick.agents.server import mcp_server
from tallystick.gateway.desk import INSTRUCTIONS, TOOLS, UpstreamDesk
from tallystick.gateway.rest import Gate, RestFace
from tallystick.gateway.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from starlette.applications import Starlette


@dataclass(frozen=True, slots=True)
class Faces:
    """The two applications of a gateway."""

    rest: Starlette
    mcp: AgentsApp


@contextmanager
def opened(address: str, token: str, key: str | None, hosts: Sequence[str], *, read_only: bool) -> Iterator[Faces]:
    """Both faces in front of an address that knows us by `token`.

    `key` is what callers must send, `hosts` are further names by which they may call.

    Raises:
        BillingError: as `Upstream`.
    """
    exposure = Exposure(hosts=[*Exposure().hosts, *hosts], read_only=read_only)
    gate = Gate(key)
    with closing(Upstream(address, token)) as upstream:
        server = mcp_server(UpstreamDesk(upstream), Resources(None), prompts=(), instructions=INSTRUCTIONS)
        rest = RestFace(upstream, gate, exposure.security).app()
        yield Faces(rest, AgentsApp(server, gate.caller_of, TOOLS, exposure))
