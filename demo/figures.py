"""The year's figures, asked from the server: the demo adds nothing up that the API can tell."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from demo import flights, offer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.client import Client
    from demo.year import Setup


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierYear:
    """A carrier's year: what it used, what its invoices charged in USD, and what credits paid of that."""

    code: str
    name: str
    flights: int
    miles: int
    departures: int
    charged: Decimal
    credits: Decimal


@dataclass(frozen=True, slots=True)
class Unprocessed:
    """Events that were taken but not billed: how many, and the status and reason that the event list gives."""

    count: int
    status: str
    reason: str


def invoices(client: Client) -> list[dict[str, Any]]:
    """All invoices that are due or paid, with their lines, oldest period first."""
    listed = [row for row in client.pages("/invoices", pageSize=50) if row["status"] != "DRAFT"]
    listed.sort(key=lambda row: (row["startDate"], row["ownerId"]))
    return [client.get(f"/invoices/{row['id']}") for row in listed]


def amount(invoice: dict[str, Any], kind: str) -> Decimal:
    """The sum of an invoice's lines of a kind, 0 when it has none."""
    return sum((Decimal(line["value"]) for line, _ in lines(invoice) if line["type"] == kind), Decimal())


def lines(invoice: dict[str, Any]) -> Iterator[tuple[dict[str, Any], int]]:
    """The lines of an invoice from the top down, each with its depth in the tree."""

    def walk(line: dict[str, Any], depth: int) -> Iterator[tuple[dict[str, Any], int]]:
        yield line, depth
        for child in line.get("lineItems", ()):
            yield from walk(child, depth + 1)

    return walk(invoice["revenueInfo"], 0)


def carrier_years(client: Client, setup: Setup, months: int, billed: list[dict[str, Any]]) -> list[CarrierYear]:
    """The carriers with the most miles first."""
    usage = {
        "flights": _by_account("flights", "EVENTS", "EVENT_STATUS", "PROCESSED"),
        "miles": _by_account("miles", "METER_USAGE", "BILLABLE_ID", setup.miles),
        "departures": _by_account("departures", "METER_USAGE", "BILLABLE_ID", setup.departures),
    }
    series = _series(client, months, list(usage.values()))
    years = [
        CarrierYear(
            code=code,
            name=name,
            **{what: int(series[what].get(code, 0)) for what in usage},
            charged=sum((amount(one, "GROSS_AMOUNT") for one in billed if one["ownerId"] == code), Decimal()),
            credits=-sum((amount(one, "TOTAL_CREDITS") for one in billed if one["ownerId"] == code), Decimal()),
        )
        for code, name in flights.carriers().items()
    ]
    return sorted(years, key=lambda year: year.miles, reverse=True)


def unprocessed(client: Client, months: int) -> list[Unprocessed]:
    """The events that could not be processed, by status."""
    query: dict[str, object] = {
        "id": "unprocessed",
        "name": "EVENTS",
        "aggregationPeriod": "MONTH",
        "groupBy": "RAW_EVENT_STATUS",
        "filters": [{"fieldName": "EVENT_STATUS", "fieldValues": ["UNPROCESSED"]}],
    }
    counts = _series(client, months, [query])["unprocessed"]
    return [Unprocessed(int(count), status, _reason(client, status)) for status, count in counts.items() if count]


def shown_invoice(billed: list[dict[str, Any]]) -> dict[str, Any]:
    """The last invoice that the credit paid for: it has a line of every kind."""
    owner = offer.CREDIT["accountId"]
    return [one for one in billed if one["ownerId"] == owner and amount(one, "TOTAL_CREDITS")][-1]


def _reason(client: Client, status: str) -> str:
    event = client.get("/events", status=status, pageSize=1)["events"][0]
    return str(event["ingestionStatus"].get("statusDescription", ""))


def _by_account(name: str, metric: str, field: str, value: str) -> dict[str, object]:
    return {
        "id": name,
        "name": metric,
        "aggregationPeriod": "MONTH",
        "groupBy": "ACCOUNT_ID",
        "filters": [{"fieldName": field, "fieldValues": [value]}],
    }


def _series(client: Client, months: int, queries: list[dict[str, object]]) -> dict[str, dict[str, Decimal]]:
    """For each query the total of each group over the months."""
    window = {"startTime": flights.first_of(1), "endTime": flights.first_of(months + 1)}
    results = client.post("/metrics", {**window, "metricQueries": queries})["results"]
    return {
        result["id"]: {
            points["groupedBy"]["fieldValue"]: sum(map(Decimal, points["metricValues"]), Decimal())
            for points in result["data"]
        }
        for result in results
    }
