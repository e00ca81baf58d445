"""Running the gateway: both faces in front of an upstream, for callers who have its key."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from tallystick.cli.doors import Doors, address, listening
from tallystick.cli.options import host_option, mcp_port_option, port_option, read_only_option
from tallystick.kernel.errors import invalid
from tallystick.kernel.host import LOOPBACK
from tallystick.workers.program import log_warnings

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Secrets:
    """The upstream's token, and the key that the gateway's own callers need; neither is ever shown."""

    token: str = field(repr=False)
    key: str | None = field(repr=False)


def serve_gateway(
    upstream: str,
    secrets: Secrets,
    host: str,
    port: int,
    mcp_port: int,
    hosts: Sequence[str],
    *,
    mcp_read_only: bool,
) -> None:
    """Serve until asked to stop.

    Raises:
        BillingError: without the upstream's token, for an open gateway beyond this machine, for an address that is
            taken or is none.
    """
    log_warnings()
    if not secrets.token:
        raise invalid("TOGAI_API_TOKEN", "is empty: it is what the upstream knows this gateway by")
    if secrets.key is None and host not in LOOPBACK:
        reason = f"set it before listening on {host}: anybody could spend the upstream's money through an open gateway"
        raise invalid("TALLYSTICK_GATEWAY_KEY", reason)
    room = importlib.import_module("tallystick.gateway.opening")  # the SDK takes most of a second to import
    with (
        room.opened(upstream, secrets.token, secrets.key, [host, *hosts], read_only=mcp_read_only) as faces,
        listening(host, port, "--port") as rest,
        listening(host, mcp_port, "--mcp-port") as mcp,
    ):

        async def rest_door() -> Any:  # noqa: ANN401 - an ASGI application
            return faces.rest

        async def mcp_door() -> Any:  # noqa: ANN401 - an ASGI application
            return faces.mcp

        click.echo(f"The gateway serves {address(host, rest)} (docs: /docs) in front of {upstream}")
        click.echo(f"Agents come in at {address(host, mcp)}/mcp (the Model Context Protocol).")
        if secrets.key is None:
            click.echo("Without TALLYSTICK_GATEWAY_KEY only this machine may call.")
        sys.stdout.flush()
        Doors().run([(rest_door, rest), (mcp_door, mcp)])


@click.command("gateway")
@click.option("--upstream", required=True, metavar="URL", help="The Togai-compatible API to stand in front of.")
@host_option
@port_option
@mcp_port_option
@read_only_option
@click.option(
    "--allow-host", "hosts", multiple=True, metavar="NAME", help="A further name by which the gateway may be called."
)
@click.option("--token", envvar="TOGAI_API_TOKEN", hidden=True)
@click.option("--key", envvar="TALLYSTICK_GATEWAY_KEY", hidden=True)
def gateway_command(  # noqa: D103 - click shows the help below
    *,
    upstream: str,
    host: str,
    port: int,
    mcp_port: int,
    mcp_read_only: bool,
    hosts: tuple[str, ...],
    token: str | None,
    key: str | None,
) -> None:
    secrets = Secrets(token=(token or "").strip(), key=(key or "").strip() or None)
    serve_gateway(upstream, secrets, host, port, mcp_port, hosts, mcp_read_only=mcp_read_only)


gateway_command.help = """Serve the capability's two faces in front of another Togai-compatible API.

The upstream's token comes from TOGAI_API_TOKEN. Callers of the gateway send the value of TALLYSTICK_GATEWAY_KEY;
without one only this machine may call, and no other --host is taken.
"""
