"""Running a server: open the engine, start the workers, listen on both ports, and drain on SIGTERM."""

from __future__ import annotations

import asyncio
import importlib
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from tallystick.api.app import create_app
from tallystick.cli.doors import Doors, address, listening
from tallystick.engine import Engine
from tallystick.workers.program import collecting_rarely, log_warnings
from tallystick.workers.running import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from socket import socket

    from tallystick.cli.doors import Door
    from tallystick.engine import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsPort:
    """How agents may come in: the port, further names of this server, whether they only read, and how often."""

    port: int
    hosts: Sequence[str]
    read_only: bool
    calls_per_minute: int


def serve(settings: Settings, host: str, port: int, agents: AgentsPort | None, request_seconds: float) -> None:
    """Serve until asked to stop; without `agents` there is no MCP port.

    A request that does not come in within `request_seconds` is refused.

    Raises:
        BillingError: when an address is taken, or the directory cannot be used.
    """
    log_warnings()
    with ExitStack() as opened:
        rest = opened.enter_context(listening(host, port, "--port"))
        mcp = None if agents is None else opened.enter_context(listening(host, agents.port, "--mcp-port"))
        engine, workers = opened.enter_context(_running(settings))

        async def rest_door() -> Any:  # noqa: ANN401 - an ASGI application
            return create_app(engine, workers)

        async def mcp_door() -> Any:  # noqa: ANN401 - an ASGI application
            assert agents is not None, "without them there is no such door"
            return await asyncio.to_thread(_agents_app, engine, workers, host, agents)

        doors: list[tuple[Door, socket]] = [(rest_door, rest)] + ([] if mcp is None else [(mcp_door, mcp)])
        _greet(engine, settings, address(host, rest), None if mcp is None else address(host, mcp))
        with collecting_rarely():
            Doors(request_seconds).run(doors)


def _agents_app(engine: Engine, workers: Workers, host: str, agents: AgentsPort) -> Any:  # noqa: ANN401 - an ASGI application
    """The MCP endpoint; its SDK takes most of a second to import, in which REST answers already."""
    room = importlib.import_module("tallystick.agents.opening")
    hosts = [host, *agents.hosts]
    return room.opened(engine, workers, hosts, read_only=agents.read_only, calls_per_minute=agents.calls_per_minute)


@contextmanager
def _running(settings: Settings) -> Iterator[tuple[Engine, Workers]]:
    engine = Engine(settings)
    workers = Workers(engine, apart=True)
    workers.start()
    try:
        yield engine, workers
    finally:
        workers.stop()
        engine.close()


def _greet(engine: Engine, settings: Settings, rest: str, mcp: str | None) -> None:
    """Say where the server is, and show the first key once."""
    click.echo(f"Tallystick serves {rest} (docs: /docs), data in {settings.data}")
    if mcp is not None:
        click.echo(f"Agents come in at {mcp}/mcp (the Model Context Protocol).")
    if engine.is_test:
        click.echo(f"The test clock stands at {engine.clock.now().isoformat()}.")
    if engine.first_key is not None and settings.first_key is not None:
        click.echo("The first API key is the value of TOGAI_API_TOKEN.")
    elif engine.first_key is not None:
        click.echo(f"API key, shown only now: {engine.first_key}")
    sys.stdout.flush()
