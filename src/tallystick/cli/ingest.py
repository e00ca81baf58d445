"""`tallystick ingest`: the events of a file, all of them, once."""

from __future__ import annotations

import importlib
import itertools
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from tallystick.cli.caller import FILE, KEY, key_file_option, key_of, url_option, warn_of_clear_text
from tallystick.feed.journal import Errand, Journal
from tallystick.feed.mapping import FIELDS, PLACES, Columns
from tallystick.feed.opening import FORMATS, opened
from tallystick.feed.row import START
from tallystick.feed.run import preview, run
from tallystick.kernel.errors import BillingError, Problem, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tallystick.feed.journal import Progress as HowFar
    from tallystick.feed.opening import Opened
    from tallystick.feed.sender import Sender

SOME_REJECTED: Final = 3
"""The exit status when the file came to its end and rows of it were rejected."""


class _Pair(click.ParamType[tuple[str, str]]):
    """`NAME=COLUMN`; where `short`, a name alone stands for the column of that name."""

    def __init__(self, name: str, *, short: bool) -> None:
        self.name = name
        self._short = short

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:  # noqa: ANN401 - click's signature
        if isinstance(value, tuple):
            return value
        name, found, column = value.partition("=")
        if not name or (found and not column) or not (found or self._short):
            self.fail(f"{value!r} is not of the form {self.name}", param, ctx)
        return name, column or name


class _Field(_Pair):
    """`FIELD=COLUMN` for the fields of an event that are neither numbers nor texts."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:  # noqa: ANN401 - click's signature
        name, column = super().convert(value, param, ctx)
        if name not in FIELDS:
            self.fail(f"{name!r} is none of {', '.join(FIELDS)}; see --attribute and --dimension", param, ctx)
        return name, column


_OUT: Final = click.Path(path_type=Path, dir_okay=False)


@click.command("ingest")
@click.argument("file", type=FILE)
@click.option("--map", "fields", type=_Field("FIELD=COLUMN", short=False), multiple=True, help="Where a field is.")
@click.option("--attribute", "attributes", type=_Pair("NAME[=COLUMN]", short=True), multiple=True, help="A number.")
@click.option("--dimension", "dimensions", type=_Pair("NAME[=COLUMN]", short=True), multiple=True, help="A text.")
@click.option("--schema", metavar="NAME", help="The event schema of every row.")
@click.option("--account", metavar="ID", help="The account (id or alias) of every row.")
@click.option(
    "--id", "id_template", metavar="TEMPLATE", help="Ids, such as 'flight-{carrier}-{number}' or 'jan-{row}'."
)
@click.option("--epoch", type=click.Choice([*PLACES]), help="Times are counted since 1970 in this unit.")
@click.option("--format", "kind", type=click.Choice(FORMATS), help="If its name says not.")
@click.option("--delimiter", metavar="CHAR", help="What is between the values of a CSV file, if not a comma.")
@url_option
@key_file_option
@click.option("--connections", type=click.IntRange(1, 64), default=4, show_default=True, help="Batches under way.")
@click.option("--patience", type=click.IntRange(0), default=300, show_default=True, help="Seconds to try a batch.")
@click.option("--progress", "journal", type=_OUT, help="How far it came (default: FILE.progress).")
@click.option("--rejects", type=_OUT, help="Rows that were not taken, as JSON Lines (default: FILE.rejects.jsonl).")
@click.option("--restart", is_flag=True, help="Send the file from its first row, whatever the progress file says.")
@click.option("--dry-run", is_flag=True, help="Show the first events that would be sent; no server is needed.")
@click.option("--rows", type=click.IntRange(1), default=5, show_default=True, help="How many --dry-run shows.")
@click.pass_context
def ingest_command(  # noqa: D103 - click shows the help below
    ctx: click.Context,
    *,
    file: Path,
    fields: tuple[tuple[str, str], ...],
    attributes: tuple[tuple[str, str], ...],
    dimensions: tuple[tuple[str, str], ...],
    schema: str | None,
    account: str | None,
    id_template: str | None,
    epoch: str | None,
    kind: str | None,
    delimiter: str | None,
    url: str,
    key_file: Path | None,
    connections: int,
    patience: int,
    journal: Path | None,
    rejects: Path | None,
    restart: bool,
    dry_run: bool,
    rows: int,
) -> None:
    if delimiter is not None and len(delimiter) != 1:
        raise invalid("--delimiter", f"{delimiter!r} is not one character")
    said = Columns(
        fields=_apart("--map", fields),
        attributes=_apart("--attribute", attributes),
        dimensions=_apart("--dimension", dimensions),
        schema=schema,
        account=account,
        id_template=id_template,
        epoch=epoch,
    )
    usage = opened(file, kind, delimiter, said)
    if dry_run:
        ctx.exit(_preview(usage, rows))
    rejects = rejects or file.with_name(f"{file.name}.rejects.jsonl")
    with (
        closing(_sender(url, key_of(key_file), connections, patience)) as sender,
        _journal(usage, journal or file.with_name(f"{file.name}.progress"), rejects, url, restart=restart) as kept,
    ):
        if sender.shows_key:
            warn_of_clear_text(url)
        _send(file, usage, kept, sender, connections)
    ctx.exit(_told(file, kept.progress, rejects))


ingest_command.help = f"""Send the events of FILE (JSON Lines, CSV, Parquet), all of them, once.

Without options about columns the lines of a JSON Lines file are events as POST /ingest takes them. Else say which
column is what; fields that are not named come from the columns called schemaName, accountId, timestamp and id.

Interrupted, it goes on where it stopped when it is started again. A row without an id gets one made of the file's
digest, the schema and the row's number, so that sending it again counts nothing twice.

Numbers are exact: texts and decimals as they are, exponents written out. A Parquet float is sent as the shortest
decimal that means the same float: 0.1, not 0.1000000000000000055.

The API key comes from {KEY} or --key-file, never from an option that others could see.

Exit status: 0 when every row was taken, {SOME_REJECTED} when rows were rejected, 1 when it stopped before the end.
"""


def _sender(url: str, key: str, connections: int, patience: int) -> Sender:
    """What sends; its HTTP client takes a third of a second to import, which other commands need not wait for."""
    room = importlib.import_module("tallystick.feed.sender")
    sender: Sender = room.Sender(url, key, connections, patience)
    return sender


def _apart(option: str, pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The pairs by name.

    Raises:
        BillingError: of kind INVALID, when one name is given two columns.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        raise invalid(option, f"one name twice: {', '.join(name for name, _ in pairs)}")
    return found


def _journal(usage: Opened, path: Path, rejects: Path, url: str, *, restart: bool) -> Journal:
    errand = Errand(file=usage.digest, terms=usage.to_event.terms.decode(), server=url)
    return Journal(path, rejects, errand, restart=restart)


def _preview(usage: Opened, count: int) -> int:
    """Show the first events; the exit status."""
    status = 0
    shown = preview(usage.file, usage.to_event, usage.digest, START)
    for row, event in itertools.islice(shown, count):
        if isinstance(event, str):
            status = SOME_REJECTED
            click.echo(f"row {row} would be rejected: {event}", err=True)
        else:
            click.echo(event)
    return status


def _send(file: Path, usage: Opened, journal: Journal, sender: Sender, connections: int) -> None:
    progress = journal.progress
    if progress.is_done:
        click.echo(f"{file.name} was sent to its end before; --restart sends it again.")
        return
    if progress.place.row:
        click.echo(f"Going on behind row {progress.place.row:,}.")
    try:
        with _bar(usage.file.size, progress) as watch:
            run(usage.file, usage.to_event, journal, sender, connections, watch)
    except BillingError as stopped:
        reason = f"stopped behind row {journal.progress.place.row:,}; the same command goes on from there"
        raise BillingError(stopped.kind, stopped.code, *stopped.problems, Problem("", reason)) from None


@contextmanager
def _bar(size: int, progress: HowFar) -> Iterator[Callable[[HowFar], None]]:
    """A progress bar on a terminal, else nothing."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.fields[told]}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=size, completed=progress.place.end, told="")

        def watch(now: HowFar) -> None:
            told = f"{now.taken:,} taken" + (f", {now.rejected:,} rejected" if now.rejected else "")
            bar.update(task, completed=now.place.end, told=told)

        yield watch


def _told(file: Path, progress: HowFar, rejects: Path) -> int:
    """Say what became of the file; the exit status."""
    click.echo(f"{file.name}: {progress.taken:,} events taken, {progress.rejected:,} rows rejected.")
    if not progress.rejected:
        return 0
    click.echo(f"Why they were rejected stands in {rejects}.", err=True)
    return SOME_REJECTED
