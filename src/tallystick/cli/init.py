"""`tallystick init`: a further organisation and its first key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tallystick.cli.options import data_option, database_option
from tallystick.engine import Settings
from tallystick.engine.administration import administration

if TYPE_CHECKING:
    from pathlib import Path


@click.command("init")
@click.option("--name", default="My organisation", show_default=True, help="The name on invoices.")
@click.option("--currency", default="USD", show_default=True, help="The base currency, an ISO 4217 code.")
@click.option("--timezone", default="UTC", show_default=True, help="The zone in which days and cycles begin.")
@data_option
@database_option
def init_command(*, name: str, currency: str, timezone: str, data: Path, database: str | None) -> None:
    """Create an organisation and show its first API key, once."""
    with administration(Settings(data=data, database_url=database)) as admin:
        organisation, secret = admin.add_organisation(name, currency, timezone)
    click.echo(f"Organisation {organisation.id} ({organisation.name}), {currency}, {timezone}")
    click.echo(f"API key, shown only now: {secret}")
