"""Running a server: open the engine, start the workers, listen on both ports, and drain on SIGTERM."""

from __future__ import annotations

import asyncio
import importlib
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from tallystick.api.app import create_app
from tallystick.cli.doors import REQUEST_SECONDS, Doors, address, listening
from tallystick.cli.options import (
    data_option,
    database_option,
    host_option,
    mcp_port_option,
    port_option,
    read_only_option,
)
from tallystick.engine import Engine, Settings
from tallystick.kernel.period import in_utc
from tallystick.workers.program import collecting_rarely, log_warnings
from tallystick.workers.running import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from socket import socket

    from tallystick.cli.doors import Door


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


class _Instant(click.ParamType[datetime]):
    """An ISO 8601 instant; without an offset it is UTC."""

    name = "INSTANT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:  # noqa: ANN401 - click's signature
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not an instant such as 2026-01-01T00:00:00Z", param, ctx)
        return in_utc(instant, "--test-clock")


@click.command("serve")
@host_option
@port_option
@mcp_port_option
@click.option("--mcp/--no-mcp", default=True, help="Whether agents may come in at all (default: they may).")
@read_only_option
@click.option(
    "--mcp-host", "mcp_hosts", multiple=True, metavar="NAME", help="A further name by which agents may call the server."
)
@click.option(
    "--mcp-calls-per-minute",
    type=click.IntRange(1),
    default=600,
    show_default=True,
    help="How many tools one key may call within a minute.",
)
@click.option(
    "--request-seconds",
    type=click.FloatRange(min=1),
    default=REQUEST_SECONDS,
    show_default=True,
    help="How long a request may take to come in; a slower one is refused with 408.",
)
@data_option
@database_option
@click.option("--test-clock", type=_Instant(), help="Freeze time at an instant; it moves only when told.")
@click.option("--first-key", envvar="TOGAI_API_TOKEN", hidden=True)
def serve_command(  # noqa: D103 - click shows the help below
    *,
    host: str,
    port: int,
    mcp_port: int,
    mcp: bool,
    mcp_read_only: bool,
    mcp_hosts: tuple[str, ...],
    mcp_calls_per_minute: int,
    request_seconds: float,
    data: Path,
    database: str | None,
    test_clock: datetime | None,
    first_key: str | None,
) -> None:
    key = (first_key or "").strip() or None  # what reads it from a file often leaves a line feed behind
    settings = Settings(data=data, database_url=database, test_clock=test_clock, first_key=key)
    agents = AgentsPort(port=mcp_port, hosts=mcp_hosts, read_only=mcp_read_only, calls_per_minute=mcp_calls_per_minute)
    serve(settings, host, port, agents if mcp else None, request_seconds)


serve_command.help = (
    "Start the server: REST on --port, agents on --mcp-port, all else in the background of one process."
)
