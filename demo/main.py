"""The demo from start to end, and how it ends when something goes wrong."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from demo import figures, flights, report, year
from demo.server import ServerError, running_server

if TYPE_CHECKING:
    import subprocess

    from demo.client import Client

START: Final = "2013-01-01T00:00:00Z"


@click.command()
@click.option("--months", type=click.IntRange(1, 12), default=12, show_default=True, help="How much of the year.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the server [default: a free one].")
def main(months: int, port: int | None) -> None:
    """Bill a year of New York flights, from an empty directory, over the public HTTP API."""
    for stop in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, _leave)
    console = Console(highlight=False)
    try:
        with running_server(START, port) as (client, process):
            run(console, client, months, process if sys.stdin.isatty() else None)
    except KeyboardInterrupt:
        console.print("\nInterrupted: the server and its data are gone.")
        sys.exit(130)
    except ServerError as error:
        sys.exit(f"The demo failed: {error}")


def run(console: Console, client: Client, months: int, process: subprocess.Popen[bytes] | None) -> None:
    """Set up, bill and report; then leave the server up until Ctrl-C if there is somebody to press it."""
    console.print(f"[bold]Tallystick[/] runs at {client.url}; its clock says 1 January 2013.")
    setup = year.set_up(client)
    console.print("Set up: 16 airlines, 2 meters, 1 price plan, 1 credit. Now their flights:")
    pace = _bill(console, client, months)
    billed = figures.invoices(client)
    report.show_pace(console, pace)
    report.show_unprocessed(console, figures.unprocessed(client, months))
    report.show_year(console, figures.carrier_years(client, setup, months, billed), months)
    invoice = figures.shown_invoice(billed)
    report.show_invoice(console, invoice)
    report.show_next_steps(console, client, invoice, is_running=process is not None)
    if process is not None:
        with suppress(KeyboardInterrupt):
            process.wait()
        console.print("\nStopping the server and deleting its data.")


def _bill(console: Console, client: Client, months: int) -> year.Pace:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        events = progress.add_task("Flights ingested", total=flights.count(months))
        invoices = progress.add_task("Months billed", total=months)
        watch = year.Watch(
            sent=lambda number: progress.advance(events, number),
            billed=lambda number: progress.advance(invoices, number),
        )
        return year.bill(client, months, watch)


def _leave(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)
