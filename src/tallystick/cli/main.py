"""The `tallystick` command: serve, send files of events, set up organisations, manage keys, repair."""

from __future__ import annotations

import importlib
from typing import Any, Final

import click

from tallystick import __version__
from tallystick.kernel.errors import BillingError

_COMMANDS: Final = {
    "gateway": "gateway_command",
    "ingest": "ingest_command",
    "init": "init_command",
    "keys": "keys_group",
    "plans": "plans_group",
    "repair": "repair_command",
    "serve": "serve_command",
}
"""What each is called in the module of its name."""


class _Commands(click.Group):
    """Commands whose refusals are one line on standard error and exit status 1.

    Each is imported when it is wanted: a server takes seconds to import, which whoever sends a file need not wait for.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"tallystick.cli.{cmd_name}"), _COMMANDS[cmd_name])
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        try:
            return super().invoke(ctx)
        except BillingError as refused:
            raise click.ClickException(refused.message) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tallystick")
def main() -> None:
    """Usage-based metering and billing that you host yourself."""
