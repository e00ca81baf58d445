"""Running the gateway: both faces in front of an upstream, for callers who have its key."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from tallystick.cli.doors import Doors, address, listening
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
