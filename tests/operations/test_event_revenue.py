"""What one event earned: what its cycle's usage comes to with it, less what it came to before (domain.md 2.7)."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import amounts, event, fee, per_cent, tiered

if TYPE_CHECKING:
    from tests.operations.shop import Shop

TEN = "2026-01-10T00:00:00Z"


def earned(shop: Shop, event_id: str) -> list[Decimal]:
    """What the standing event of an id earned, by meter."""
    (found,) = [
        one
        for one in shop.api.get(f"/events/{event_id}").ok()["events"]
        if "COMPLETED" in one["ingestionStatus"]["status"]
    ]
    details = found["eventPipelineInfo"].get("revenueDetails", [])
    assert all(one["revenueBaseCurrency"] == one["revenueInvoiceCurrency"] for one in details)
    return [one["revenueInvoiceCurrency"] for one in details]


def undo(shop: Shop, event_id: str) -> None:
    shop.api.post(f"/events/correction?action=UNDO&account_id=acme&event_id={event_id}", {}).ok()


def test_an_event_earns_what_the_cycle_comes_to_with_it_less_what_it_came_to_before(still: Shop) -> None:
    meter = still.metered_plan((0, 1), (100, "0.25"))
    first, second = still.use(60, TEN), still.use(60, "2026-01-11T00:00:00Z")
    (details,) = still.api.get(f"/events/{second}").ok()["events"][0]["eventPipelineInfo"]["revenueDetails"]
    assert details == {"usageMeterId": meter, "revenueBaseCurrency": 45, "revenueInvoiceCurrency": 45}
    assert earned(still, first) == [60]  # the other: 40 x 1 + 20 x 0.25 = 45


def test_an_event_that_comes_late_earns_in_its_own_place(still: Shop) -> None:
    still.metered_plan((0, 1), (100, "0.25"))
    first, second = still.use(60, TEN), still.use(60, "2026-01-11T00:00:00Z")
    early = still.use(10, "2026-01-09T00:00:00Z")
    figures = [earned(still, name) for name in (early, first, second)]
    assert figures == [[10], [60], [Decimal("37.5")]]  # 10, 60, and 30 x 1 + 30 x 0.25
    assert sum(one for (one,) in figures) == still.invoices()[0]["totalAmount"] == Decimal("107.5")


def test_of_events_of_one_instant_the_one_that_came_first_is_first(still: Shop) -> None:
    still.metered_plan((0, 1), (100, "0.25"))
    names = [still.use(60, TEN) for _ in range(3)]
    assert [earned(still, name) for name in names] == [[60], [45], [15]]
    undo(still, names[0])
    assert [earned(still, name) for name in names[1:]] == [[60], [45]]


def test_an_event_that_was_taken_back_earned_nothing(still: Shop) -> None:
    still.metered_plan()
    name = still.use(5)
    undo(still, name)
    (found,) = still.api.get(f"/events/{name}").ok()["events"]
    assert "revenueDetails" not in found["eventPipelineInfo"]


def test_the_cycle_begins_at_its_start_to_the_instant(still: Shop) -> None:
    still.metered_plan((0, 1), (100, "0.25"), account="acme")
    still.api.advance("2026-02-01")
    last, first = still.use(150, "2026-01-31T23:59:59.999999Z"), still.use(50, "2026-02-01T00:00:00Z")
    assert (earned(still, last), earned(still, first)) == ([Decimal("112.5")], [50])


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({}, "no card prices the meter"),
        ({"currency": "EUR"}, "there is no conversion to the base currency"),
        ({"deferredRevenue": True}, "it is told once the invoice has fallen due"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_nothing_is_told_where_there_is_no_figure(still: Shop, terms: dict[str, Any], reason: str) -> None:
    currency = terms.pop("currency", "USD")
    still.account(currency=currency)
    still.schema()
    meter, cards = still.meter(), {}
    if reason != "no card prices the meter":
        cards = {"usageRateCards": [tiered(meter, (0, 1), currency=currency)]}
    fees = [fee(still.addon(), 5, currency=currency)]
    still.associate(still.plan(currencies=(currency,), fixedFeeRateCards=fees, **cards, **terms))
    assert earned(still, still.use(5)) == [], reason


@pytest.mark.parametrize("aggregation", ["SUM", "MAX", "MIN", "AVERAGE", "LATEST", "DISTINCT_COUNT"])
def test_what_the_events_of_a_cycle_earned_is_what_it_is_billed_for(still: Shop, aggregation: str) -> None:
    chance = random.Random(4)
    still.account()
    still.schema()
    meter = still.meter(aggregation=aggregation)
    still.associate(still.plan(usageRateCards=[tiered(meter, (0, 1), (5, "0.125"), (60, 3))]))
    days = [chance.randint(1, 4) for _ in range(12)]
    for number, day in enumerate(days):
        calls = chance.choice([0, 1, 4, 30, -2])
        sent = event(f"e{number}", calls=calls, at=f"2026-01-0{day}T00:00:00Z")
        still.api.post("/ingest", {"event": sent}).ok()
    undo(still, "e3")
    figures = [earned(still, f"e{number}") for number in range(len(days)) if number != 3]
    assert sum(one for (one,) in figures) == still.invoices()[0]["totalAmount"]


def test_events_that_are_priced_one_by_one_earn_their_own_price(still: Shop) -> None:
    still.account()
    still.schema()
    meter = still.meter()
    card = per_cent(meter, (0, 10), each={"fixedAmount": "0.30"})
    still.associate(still.plan(path="/v1/price-plans", usageRateCards=[card]))
    names = [still.use(calls, TEN) for calls in (100, 20)]
    assert [earned(still, name) for name in names] == [[Decimal("10.3")], [Decimal("2.3")]]
    assert amounts(still.invoice(), "GRAND_TOTAL_AMOUNT") == [Decimal("12.6")]
