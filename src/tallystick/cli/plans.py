"""`tallystick plans`: the catalogue as YAML files - written, compared with a server, applied to it."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tallystick.catalog.plan_migration import MigrationMode
from tallystick.cli.caller import KEY, key_file_option, key_of, url_option, warn_of_clear_text
from tallystick.kernel.errors import BillingError, invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

    from tallystick.pricebook.counterpart import Counterpart, Outcome
    from tallystick.pricebook.folder import Folder

DIFFERENT: Final = 3
"""The exit status of `diff --exit-code` when there are changes, and of `export` when something was left out."""

_FOLDER: Final = click.Path(path_type=Path, file_okay=False)
_folder = click.argument("folder", metavar="DIR", type=_FOLDER)


@click.group("plans")
def plans_group() -> None:
    """Keep price plans, meters, event schemas, add-ons and features in YAML files: export, diff, apply."""


_migrate = click.option(
    "--migrate",
    type=click.Choice([mode.value for mode in MigrationMode], case_sensitive=False),
    default=MigrationMode.NONE.value,
    show_default=True,
    help="When accounts move to a new version of their plan.",
)
_all_versions = click.option(
    "--all-versions", is_flag=True, help="Move accounts of every older version, not only of the last one."
)


@plans_group.command("export")
@_folder
@click.option("--prune", is_flag=True, help="Delete files of things that the server does not have.")
@url_option
@key_file_option
@click.pass_context
def export_command(ctx: click.Context, *, folder: Path, prune: bool, url: str, key_file: Path | None) -> None:  # noqa: D103 - click shows the help below
    with _told_line_by_line(ctx):
        there = _room("folder").Folder(folder)
        with _counterpart(url, key_file) as server:
            held = server.held()
        done = there.write(held.catalogue, prune=prune)
    things = sum(map(len, held.catalogue.values()))
    click.echo(f"{folder}: {things} things, {len(done.files)} files written.")
    for path in done.stale:
        click.echo(f"Deleted: {path}" if prune else f"Not on the server, left alone: {path}", err=True)
    _say(_room("report").left(held.left_out), err=True)
    ctx.exit(DIFFERENT if held.left_out else 0)


export_command.help = f"""Write the server's catalogue into DIR, one YAML file for each thing.

Files that say what the server has already stay as they are, also their comments. Exit status: 0, or {DIFFERENT} when
something cannot be told by its name and was left out, or 1 when nothing was written.
"""


@plans_group.command("diff")
@_folder
@click.option("--prune", is_flag=True, help="As if whatever DIR does not have were to be archived.")
@_migrate
@_all_versions
@click.option("--exit-code", is_flag=True, help=f"Exit with {DIFFERENT} when there are changes.")
@url_option
@key_file_option
@click.pass_context
def diff_command(  # noqa: D103 - click shows the help below
    ctx: click.Context,
    *,
    folder: Path,
    prune: bool,
    migrate: str,
    all_versions: bool,
    exit_code: bool,
    url: str,
    key_file: Path | None,
) -> None:
    wishes = _room("counterpart").Wishes(prune=prune, migrate=migrate, all_versions=all_versions)
    with _told_line_by_line(ctx):
        there = _room("folder").existing(folder)
        with _counterpart(url, key_file) as server:
            outcome = server.preview(there.things, wishes)
    _show(ctx, outcome, there)
    ctx.exit(DIFFERENT if exit_code and outcome.changes else 0)


diff_command.help = """Show what DIR would change on the server, in sentences, and how many accounts it is about.

Nothing is changed, and a key that may read is enough. Exit status: 1 when DIR could not be applied, with every reason,
its file and line.
"""


@plans_group.command("apply")
@_folder
@click.option("--prune", is_flag=True, help="Archive whatever DIR does not have, where that is possible.")
@_migrate
@_all_versions
@click.option("--yes", is_flag=True, help="Do not ask.")
@url_option
@key_file_option
@click.pass_context
def apply_command(  # noqa: D103 - click shows the help below
    ctx: click.Context,
    *,
    folder: Path,
    prune: bool,
    migrate: str,
    all_versions: bool,
    yes: bool,
    url: str,
    key_file: Path | None,
) -> None:
    wishes = _room("counterpart").Wishes(prune=prune, migrate=migrate, all_versions=all_versions)
    with _told_line_by_line(ctx):
        there = _room("folder").existing(folder)
        with _counterpart(url, key_file) as server:
            outcome = server.preview(there.things, wishes)
            _show(ctx, outcome, there)
            if not outcome.changes:
                return
            _ask(yes=yes)
            server.apply(there.things, wishes, outcome.digest)
    click.echo("Applied.")


apply_command.help = f"""Make the server's catalogue what DIR says: all of it, or nothing.

What would change is shown first, and exactly that is done, or nothing when the server has changed meanwhile. What DIR
does not have is left alone. New terms of an active plan are its next version: accounts keep the one that they have,
unless they are to --migrate. The API key comes from {KEY} or --key-file and needs the scope money.
"""


def _room(module: str) -> ModuleType:
    """A module of the room, when it is needed: other commands need not wait for YAML and HTTP."""
    return importlib.import_module(f"tallystick.pricebook.{module}")


@contextmanager
def _counterpart(url: str, key_file: Path | None) -> Iterator[Counterpart]:
    server: Counterpart = _room("counterpart").Counterpart(url, key_of(key_file))
    if server.shows_key:
        warn_of_clear_text(url)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def _told_line_by_line(ctx: click.Context) -> Iterator[None]:
    """Tell every problem on a line of its own: there may be one in each file."""
    try:
        yield
    except BillingError as refused:
        _say((f"Error: {problem}" for problem in refused.problems), err=True)
        ctx.exit(1)


def _show(ctx: click.Context, outcome: Outcome, folder: Folder) -> None:
    report = _room("report")
    _say(report.told(outcome, folder))
    if outcome.problems:
        _say((f"Error: {fault}" for fault in report.faults(outcome, folder)), err=True)
        ctx.exit(1)


def _ask(*, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise invalid("--yes", "is needed where nobody can be asked")
    click.confirm("Apply?", abort=True)


def _say(lines: Iterable[str], *, err: bool = False) -> None:
    for line in lines:
        click.echo(line, err=err)
