"""The whole demo against a real server: invoices and print agree to the cent with plain SQL over the flights."""

from __future__ import annotations

import io
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from rich.console import Console

from demo import figures, flights
from demo.main import START, run
from demo.server import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.client import Client

ORACLE = Path(__file__).with_name("oracle.sql")


@dataclass(frozen=True)
class Lived:
    """A server on which the year was lived: what the demo printed, and the invoices that stand there."""

    client: Client
    printed: str
    billed: list[dict[str, Any]]


@dataclass(frozen=True)
class Expected:
    """What plain SQL says about one carrier in one month."""

    carrier: str
    month: int
    flights: int
    miles: Decimal
    departures: Decimal
    charged: Decimal
    credit: Decimal
    to_pay: Decimal


@pytest.fixture(scope="module")
def lived() -> Iterator[Lived]:
    console = Console(file=io.StringIO(), width=200)
    with running_server(START) as (client, _):
        run(console, client, months=12, process=None)
        yield Lived(client, console.file.getvalue(), figures.invoices(client))


@pytest.fixture(scope="module")
def expected() -> list[Expected]:
    with duckdb.connect() as connection:
        rows = connection.execute(ORACLE.read_text(), {"data": str(flights.DATA), "months": 12}).fetchall()
    return [Expected(*row) for row in rows]


def test_there_is_one_invoice_per_carrier_and_month(lived: Lived, expected: list[Expected]) -> None:
    found = [(one["ownerId"], one["startDate"], one["endDate"]) for one in lived.billed]
    assert sorted(found) == sorted((one.carrier, _instant(one.month), _instant(one.month + 1)) for one in expected)


def test_every_invoice_agrees_to_the_cent(lived: Lived, expected: list[Expected]) -> None:
    found = {
        (one["ownerId"], one["startDate"]): (
            *(Decimal(line["value"]) for line in one["usageInfo"]),
            figures.amount(one, "GROSS_AMOUNT"),
            -figures.amount(one, "TOTAL_CREDITS"),
            Decimal(one["totalAmount"]),
        )
        for one in lived.billed
    }
    assert found == {
        (one.carrier, _instant(one.month)): (
            one.miles,
            one.departures,
            one.charged,
            one.credit,
            one.to_pay,
        )
        for one in expected
    }


def test_an_invoice_is_due_two_days_after_its_month_and_paid_if_credits_cover_it(lived: Lived) -> None:
    first = {one["ownerId"]: one for one in lived.billed if one["startDate"] == _instant(1)}
    assert {one["invoiceDate"] for one in first.values()} == {"2013-02-03T00:00:00Z"}
    assert first["UA"]["status"] == "DUE"
    assert first["VX"]["status"] == "PAID"


def test_every_line_is_the_sum_of_the_lines_under_it(lived: Lived) -> None:
    for invoice in lived.billed:
        for line, _ in figures.lines(invoice):
            if "lineItems" in line:
                assert line["value"] == sum(Decimal(child["value"]) for child in line["lineItems"])


def test_the_credit_is_used_up(lived: Lived) -> None:
    (credit,) = lived.client.pages("/credits")
    assert (credit["status"], credit["consumedAmount"]) == ("CONSUMED", 25_000)


def test_the_printed_table_is_the_sum_of_the_months(lived: Lived, expected: list[Expected]) -> None:
    rows = {line.split()[0]: line.split()[-5:] for line in lived.printed.splitlines() if line.strip()}
    for code in flights.carriers():
        assert rows[code] == _row([one for one in expected if one.carrier == code])
    assert rows["All"] == _row(expected)


def test_flights_without_an_air_time_are_reported_with_the_reason(lived: Lived) -> None:
    assert "336,776 events" in lived.printed
    assert '9,430 events are not billed: INGESTION_FAILED, "attribute air_time is missing".' in lived.printed


def test_the_printed_invoice_uses_every_slab_and_the_rest_of_the_credit(lived: Lived) -> None:
    # April of VX by hand: 1,164,449 miles are 1,200 + 9,000 + 483.37, 296 departures 3 packages, the fee 250;
    # that is 11,068.37, of which the credit still covers 25,000 - 7,780.40 - 6,541.89 - 7,525.51.
    _, invoice = lived.printed.split("of VX, 2013-04-01 to 2013-04-30")
    lines = [line.split() for line in invoice.splitlines() if line.strip()]
    assert [line[-1] for line in lines if line[0] == "Slab"] == ["1,200.00", "9,000.00", "483.37", "135.00"]
    ends = {" ".join(line[:2]): line[-1] for line in lines}
    assert (ends["Platform fee"], ends["Minimum commitment"]) == ("250.00", "0.00")
    assert (ends["Gross amount"], ends["Launch partner"], ends["Grand total"]) == (
        "11,068.37",
        "-3,152.20",
        "7,916.17",
    )


def test_what_to_type_next_is_printed(lived: Lived) -> None:
    assert "make serve" in lived.printed


def _instant(month: int) -> str:
    return flights.first_of(month).strftime("%Y-%m-%dT%H:%M:%SZ")


def _row(expected: list[Expected]) -> list[str]:
    """The figures of a row of the printed table."""
    counts = [sum(getattr(one, column) for one in expected) for column in ("flights", "miles", "departures")]
    amounts = [sum(getattr(one, column) for one in expected) for column in ("charged", "credit")]
    return [*(f"{count:,}" for count in counts), *(f"{amount:,.2f}" for amount in amounts)]
