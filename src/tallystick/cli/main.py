"""The `tallystick` command: serve, send files of events, set up organisations, manage keys, repair."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from tallystick import __version__
from tallystick.cli.doors import REQUEST_SECONDS
from tallystick.cli.gateway import Secrets, serve_gateway
from tallystick.cli.ingest import ingest_command
from tallystick.cli.plans import plans_group
from tallystick.cli.repair import repair
from tallystick.cli.serve import AgentsPort, serve
from tallystick.engine import Settings
from tallystick.engine.administration import administration
from tallystick.kernel.errors import BillingError
from tallystick.kernel.period import in_utc
from tallystick.kernel.quantity import is_tame
from tallystick.kernel.scope import Scope


class _Commands(click.Group):
    """Commands whose refusals are one line on standard error and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        try:
            return super().invoke(ctx)
        except BillingError as refused:
            raise click.ClickException(refused.message) from None


class _Instant(click.ParamType[datetime]):
    """An ISO 8601 instant; without an offset it is UTC."""

    name = "INSTANT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:  # noqa: ANN401 - click's signature
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not an instant such as 2026-01-01T00:00:00Z", param, ctx)
        return in_utc(instant, "--test-clock")


class _Amount(click.ParamType[Decimal]):
    """An amount of money that is not negative."""

    name = "AMOUNT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:  # noqa: ANN401 - click's signature
        try:
            amount = Decimal(value)
        except InvalidOperation:
            self.fail(f"{value!r} is not an amount such as 100 or 99.50", param, ctx)
        if not is_tame(amount) or amount < 0:
            self.fail(f"{value!r} is no amount from 0 on", param, ctx)
        return amount


_PORT: Final = click.IntRange(0, 65535)
_data = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("tallystick-data"),
    envvar="TALLYSTICK_DATA",
    show_default=True,
    help="The directory that holds everything.",
)
_database = click.option(
    "--database",
    metavar="URL",
    envvar="TALLYSTICK_DATABASE_URL",
    help="Keep the state in PostgreSQL: postgresql+psycopg://... (default: SQLite in the data directory).",
)
_organisation = click.option("--organisation", metavar="ID", help="Whose keys, when there are several organisations.")


def _listed(scopes: frozenset[Scope]) -> str:
    return " ".join(scope for scope in Scope if scope in scopes)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tallystick")
def main() -> None:
    """Usage-based metering and billing that you host yourself."""


@main.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=_PORT, default=8080, show_default=True, help="The REST port; 0 takes a free one.")
@click.option("--mcp-port", type=_PORT, default=9080, show_default=True, help="The MCP port; 0 takes a free one.")
@click.option("--mcp/--no-mcp", default=True, help="Whether agents may come in at all (default: they may).")
@click.option("--mcp-read-only", is_flag=True, help="Offer agents only the tools that read.")
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
@_data
@_database
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


@main.command("gateway")
@click.option("--upstream", required=True, metavar="URL", help="The Togai-compatible API to stand in front of.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=_PORT, default=8080, show_default=True, help="The REST port; 0 takes a free one.")
@click.option("--mcp-port", type=_PORT, default=9080, show_default=True, help="The MCP port; 0 takes a free one.")
@click.option("--mcp-read-only", is_flag=True, help="Offer agents only the tools that read.")
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


main.add_command(ingest_command)
main.add_command(plans_group)


@main.command("init")
@click.option("--name", default="My organisation", show_default=True, help="The name on invoices.")
@click.option("--currency", default="USD", show_default=True, help="The base currency, an ISO 4217 code.")
@click.option("--timezone", default="UTC", show_default=True, help="The zone in which days and cycles begin.")
@_data
@_database
def init_command(*, name: str, currency: str, timezone: str, data: Path, database: str | None) -> None:
    """Create an organisation and show its first API key, once."""
    with administration(Settings(data=data, database_url=database)) as admin:
        organisation, secret = admin.add_organisation(name, currency, timezone)
    click.echo(f"Organisation {organisation.id} ({organisation.name}), {currency}, {timezone}")
    click.echo(f"API key, shown only now: {secret}")


@main.command("repair")
@_data
@_database
@click.pass_context
def repair_command(ctx: click.Context, *, data: Path, database: str | None) -> None:  # noqa: D103 - click shows the help below
    ctx.exit(repair(data, with_state=database is None))


repair_command.help = """Check the files of a stopped server, and repair what can be repaired.

One line for each check, with figures. Exit status: 0 when all is well or was repaired, 1 when something is broken.
docs/operations.md says what each line means.
"""


@main.group("keys")
def keys_group() -> None:
    """Create, list and revoke API keys; works beside a running server."""


@keys_group.command("create")
@click.option("--name", default="key", show_default=True, help="What the key is for.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    default=[scope.value for scope in Scope],
    help="What it may do; repeat it for several (default: everything).",
)
@click.option(
    "--credit-limit",
    type=_Amount(),
    default="100",
    show_default=True,
    help="The largest credit that an agent may grant with it without a preview, in the account's currency.",
)
@_organisation
@_data
@_database
def create_key(
    *,
    name: str,
    scopes: tuple[str, ...],
    credit_limit: Decimal,
    organisation: str | None,
    data: Path,
    database: str | None,
) -> None:
    """Create a key and show its secret, once; a lost key is replaced like this."""
    with administration(Settings(data=data, database_url=database)) as admin:
        key, secret = admin.create_key(organisation, name, frozenset(map(Scope, scopes)), credit_limit)
    click.echo(f"Key {key.id} ({key.name}): {_listed(key.scopes)}")
    click.echo(f"API key, shown only now: {secret}")


@keys_group.command("list")
@_organisation
@_data
@_database
def list_keys(*, organisation: str | None, data: Path, database: str | None) -> None:
    """List keys, revoked ones too; secrets are not kept, only their last four characters."""
    with administration(Settings(data=data, database_url=database)) as admin:
        keys = admin.keys(organisation)
    table = Table("id", "name", "ends in", "may", "created", "revoked")
    for key in keys:
        revoked = "" if key.revoked_at is None else f"{key.revoked_at:%Y-%m-%d %H:%M}"
        table.add_row(key.id, key.name, key.hint, _listed(key.scopes), f"{key.created_at:%Y-%m-%d %H:%M}", revoked)
    Console().print(table)


@keys_group.command("revoke")
@click.argument("key_id")
@_organisation
@_data
@_database
def revoke_key(*, key_id: str, organisation: str | None, data: Path, database: str | None) -> None:
    """Take a key out of use, effective on the next request."""
    with administration(Settings(data=data, database_url=database)) as admin:
        admin.revoke_key(organisation, key_id)
    click.echo(f"Key {key_id} is revoked.")
