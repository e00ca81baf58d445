"""What the demo prints: pace, unprocessed events, the year's table, one invoice, and what to try next."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.table import Table
from rich.text import Text

from demo import figures

if TYPE_CHECKING:
    from rich.console import Console

    from demo.client import Client
    from demo.figures import CarrierYear, Unprocessed
    from demo.year import Pace


OWN_SERVER: Final = "http://127.0.0.1:8080"
"""Where `make serve` listens."""


def show_pace(console: Console, pace: Pace) -> None:
    """How fast events went in, this client's own work included."""
    accepted, processed = pace.events / pace.accepting_s, pace.events / pace.processing_s
    console.print(
        f"[bold]{pace.events:,}[/] events, this client included: [bold]{accepted:,.0f}[/] per second safely stored, "
        f"[bold]{processed:,.0f}[/] per second metered."
    )


def show_unprocessed(console: Console, failures: list[Unprocessed]) -> None:
    """How many events were not billed, and why."""
    for failure in failures:
        console.print(
            f"[bold]{failure.count:,}[/] events are not billed: [yellow]{failure.status}[/], "
            f'"{failure.reason}". They stay in the list of events, to be mended and sent again.'
        )


def show_year(console: Console, years: list[CarrierYear], months: int) -> None:
    """The table of carriers, with a line of totals."""
    span = "2013" if months == 12 else f"the first {months} months of 2013"  # noqa: PLR2004 - a year
    table = Table(title=f"Revenue of {span}, in USD", box=box.SIMPLE, padding=0, show_footer=True)
    table.add_column("", "")
    table.add_column("Carrier", "All", no_wrap=True, max_width=22)  # so that all fits into 80 columns
    totals = [
        f"{sum(year.flights for year in years):,}",
        f"{sum(year.miles for year in years):,}",
        f"{sum(year.departures for year in years):,}",
        f"{sum(year.charged for year in years):,.2f}",
        f"{sum(year.credits for year in years):,.2f}",
    ]
    heads = ("Flights", "Miles", "From JFK", "Revenue", "Credits")
    for head, total in zip(heads, totals, strict=True):
        table.add_column(head, total, justify="right", no_wrap=True)
    for year in years:
        counts = (f"{year.flights:,}", f"{year.miles:,}", f"{year.departures:,}")
        table.add_row(year.code, year.name, *counts, f"{year.charged:,.2f}", f"{year.credits:,.2f}")
    console.print(table)


def show_invoice(console: Console, invoice: dict[str, Any]) -> None:
    """One invoice with its tree of lines; each line is the sum of those under it."""
    period = f"{invoice['startDate'][:10]} to {invoice['endDateInclusive'][:10]}"
    title = f"Invoice {invoice.get('sequenceId') or invoice['id']} of {invoice['ownerId']}, {period}"
    due = f"{invoice['status']} since {invoice['invoiceDate'][:10]}, payable by {invoice['dueDate'][:10]}"
    table = Table(title=title, caption=due, box=box.SIMPLE)
    table.add_column("Line", no_wrap=True)
    for head in ("Quantity", "Rate", "Amount"):
        table.add_column(head, justify="right", no_wrap=True)
    for line, depth in figures.lines(invoice):
        style = "" if "lineItems" not in line else "bold"
        quantity, rate = _explained(line)
        value = f"{Decimal(line['value']):,.2f}"
        table.add_row(Text("  " * depth + line["description"]), quantity, rate, value, style=style)
    console.print(table)


def show_next_steps(console: Console, client: Client, invoice: dict[str, Any], *, is_running: bool) -> None:
    """What to type next: against this server while it runs, or else how to get one."""
    if not is_running:
        console.print(
            "Next: [bold]make serve[/] starts a server of your own and shows its API key. Then, in a browser:"
        )
        console.print(f"  {OWN_SERVER}/docs")
        console.print("and in another terminal, with that key:")
        console.print(f"  curl -H 'Authorization: Bearer KEY' '{OWN_SERVER}/invoices'", highlight=False)
        return
    header = f"-H 'Authorization: Bearer {client.key}'"
    console.print(f"\nThe server is still running. Its API: [bold]{client.url}/docs[/]\n\nIn another terminal:")
    for path in (f"/invoices?owner_id={invoice['ownerId']}", f"/invoices/{invoice['id']}", "/events?pageSize=1"):
        console.print(f"  curl {header} '{client.url}{path}'", soft_wrap=True, highlight=False)
    console.print("\nPress [bold]Ctrl-C[/] to stop the server and delete the demo's data.")


def _explained(line: dict[str, Any]) -> tuple[str, str]:
    """Quantity and rate of a line as far as it has them; a package's rate names the packages."""
    quantity = f"{Decimal(line['quantity']):,f}" if "quantity" in line else ""
    how = line.get("metadata", {})
    if "packages" in how:
        return quantity, f"{how['packages']} x {Decimal(how['rate']):.2f} per {how['packageSize']}"
    return quantity, f"{line['valuePerQuantity']}" if "valuePerQuantity" in line else ""
