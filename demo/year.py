"""A year of billing over the public HTTP API: set up, then month after month flights in and invoices out."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from demo import flights, offer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from demo.client import Client

CONNECTIONS: Final = 4
_DUE_AFTER: Final = timedelta(days=2)  # the plan's grace period
_FOREVER: Final = "9999-01-01"


@dataclass(slots=True)
class Pace:
    """How fast the flights went in: seconds until the last was acknowledged, and until all were processed."""

    events: int = 0
    accepting_s: float = 0.0
    processing_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Setup:
    """The ids that the server gave to what was set up."""

    miles: str
    departures: str
    credit: str


@dataclass(frozen=True, slots=True)
class Watch:
    """Who wants to know how far it is: called with the number of events sent, and of months billed."""

    sent: Callable[[int], None] = field(default=lambda _: None)
    billed: Callable[[int], None] = field(default=lambda _: None)


def set_up(client: Client) -> Setup:
    """Create customers, meters, prices and a credit; put each carrier on the plan from the first day."""
    for code, name in flights.carriers().items():
        client.post("/customers", offer.customer(code, name))
    client.post("/event_schema", offer.EVENT_SCHEMA)
    client.post("/event_schema/flight/activate")
    miles = _activated(client, "/usage_meters", offer.MILES)
    departures = _activated(client, "/usage_meters", offer.DEPARTURES)
    fee = client.post("/addons", offer.FEE)["id"]
    offered = offer.price_plan(miles, departures, fee)
    plan = _activated(client, "/price_plans", offered, {"currencies": ["USD"]})
    term = {"pricePlanId": plan, "effectiveFrom": "2013-01-01", "effectiveUntil": _FOREVER}
    for code in flights.carriers():
        client.post(f"/accounts/{code}/price_plans", {"mode": "ASSOCIATE", **term})
    credit = client.post("/credits", {"creditRequests": [offer.CREDIT]})["credits"][0]["id"]
    return Setup(miles, departures, credit)


def bill(client: Client, months: int, watch: Watch) -> Pace:
    """Live through the first months: when one is over send its flights, then let its invoices fall due."""
    pace = Pace()
    for month in range(1, months + 1):
        month_end = flights.first_of(month + 1)
        _advance(client, month_end)
        _ingest(client, month, pace, watch.sent)
        _advance(client, month_end + _DUE_AFTER)
        watch.billed(1)
    return pace


def _ingest(client: Client, month: int, pace: Pace, sent: Callable[[int], None]) -> None:
    """Send a month's flights over a few connections at once, and wait until all of them are processed."""

    def send(batch: tuple[int, bytes]) -> int:
        size, body = batch
        client.post("/ingestBatch", body)
        sent(size)
        return size

    started = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        pace.events += sum(threads.map(send, flights.batches(month)))
    pace.accepting_s += time.perf_counter() - started
    _settle(client)
    pace.processing_s += time.perf_counter() - started


def _settle(client: Client) -> None:
    """A read waits a few seconds for what was acknowledged before it, and says if that was not enough."""
    is_settled = False
    while not is_settled:
        is_settled = client.send("GET", "/events?pageSize=1").is_settled
        client.get("/readyz")  # a server that cannot process events refuses here and says why


def _activated(client: Client, path: str, draft: object, activation: object = None) -> str:
    name: Any = client.post(path, draft)["id"]
    client.post(f"{path}/{name}/activate", activation)
    return str(name)


def _advance(client: Client, instant: datetime) -> None:
    client.post("/v1/test-clock/advance", {"to": instant.isoformat()})
