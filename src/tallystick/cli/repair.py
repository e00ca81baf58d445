"""`tallystick repair`: whether the files of a stopped server are whole, and mending what can be mended."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from tallystick.cli.options import data_option, database_option
from tallystick.kernel import quantity
from tallystick.stores.repair import Condition, repaired

if TYPE_CHECKING:
    from pathlib import Path


def _repair(data: Path, *, with_state: bool) -> int:
    """Print one line for each check; the exit status: 1 when something is broken.

    Raises:
        BillingError: when a server runs on the directory, or it holds nothing.
    """
    quantity.install()
    conditions: Counter[Condition] = Counter()
    for finding in repaired(data, with_state=with_state):
        conditions[finding.condition] += 1
        click.echo(str(finding))
    if not with_state:
        click.echo("The state is kept in PostgreSQL, whose own tools check it.")
    if conditions[Condition.BROKEN]:
        click.echo(f"{conditions[Condition.BROKEN]} of {conditions.total()} checks failed and cannot be repaired here.")
        return 1
    mended = conditions[Condition.REPAIRED]
    click.echo(f"All is well; {mended} things were repaired." if mended else "All is well.")
    return 0


@click.command("repair")
@data_option
@database_option
@click.pass_context
def repair_command(ctx: click.Context, *, data: Path, database: str | None) -> None:  # noqa: D103 - click shows the help below
    ctx.exit(_repair(data, with_state=database is None))


repair_command.help = """Check the files of a stopped server, and repair what can be repaired.

One line for each check, with figures. Exit status: 0 when all is well or was repaired, 1 when something is broken.
docs/operations.md says what each line means.
"""
