"""Opening the door: the MCP endpoint of an engine, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.agents.app import AgentsApp, Exposure
from tallystick.agents.desk import EngineDesk
from tallystick.agents.resources import Resources
from tallystick.agents.server import mcp_server
from tallystick.agents.toolbox import TOOLS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.engine import Engine
    from tallystick.workers.running import Workers


def opened(
    engine: Engine,
    workers: Workers,
    hosts: Sequence[str],
    *,
    read_only: bool,
    calls_per_minute: int,
) -> AgentsApp:
    """The MCP endpoint of an engine whose workers run; `hosts` are further names by which it may be called."""
    exposure = Exposure(hosts=[*Exposure().hosts, *hosts], read_only=read_only)
    server = mcp_server(EngineDesk(engine, workers, calls_per_minute), Resources(workers))
    return AgentsApp(server, engine.gatekeeper.caller_of, TOOLS, exposure)
