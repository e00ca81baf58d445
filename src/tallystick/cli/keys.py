"""`tallystick keys`: make, list and revoke API keys beside a running server."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from tallystick.cli.options import data_option, database_option
from tallystick.engine import Settings
from tallystick.engine.administration import administration
from tallystick.kernel.quantity import is_tame
from tallystick.kernel.scope import Scope

if TYPE_CHECKING:
    from pathlib import Path


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


_organisation = click.option("--organisation", metavar="ID", help="Whose keys, when there are several organisations.")


def _listed(scopes: frozenset[Scope]) -> str:
    return " ".join(scope for scope in Scope if scope in scopes)


@click.group("keys")
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
@data_option
@database_option
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
@data_option
@database_option
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
@data_option
@database_option
def revoke_key(*, key_id: str, organisation: str | None, data: Path, database: str | None) -> None:
    """Take a key out of use, effective on the next request."""
    with administration(Settings(data=data, database_url=database)) as admin:
        admin.revoke_key(organisation, key_id)
    click.echo(f"Key {key_id} is revoked.")
