"""The same events in any order and in any batches come to the same usage and the same draft invoices (F-60).

Two thousand events of a month, some of them sent twice with the same content, some sent wrong and corrected later. Each
order is lived by an organisation of its own; the figures are those that the events add up to, whatever the order.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from tests.operations.shop import Json, Shop, amounts, event, lines, tiered
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ORDERS: Final = 20 if "CRASH_ROUNDS" in os.environ else 4
EVENTS: Final = 2_000
ACCOUNTS: Final = ("acme", "zenith", "apex")
TIERS: Final = ((0, Decimal("0.02")), (1_000, Decimal("0.015")), (5_000, Decimal("0.01")))
TWICE, REPLACED, TAKEN_BACK = 200, 8, 4
LARGEST_BATCH: Final = 300
SEED: Final = 60


@dataclass(frozen=True)
class Step:
    """Something that a sender does: an event, or the correction of one that was sent."""

    event: Json
    action: str | None = None


@dataclass(frozen=True)
class Month:
    """The events that are sent, those sent twice, what follows on which event, and what all of it comes to."""

    once: list[Json]
    copies: list[Json]
    corrections: dict[str, Step]
    calls: dict[str, dict[int, Decimal]]
    """By account and day."""


def month() -> Month:
    chance = random.Random(SEED)
    once = [sent(f"e-{number}", chance) for number in range(EVENTS)]
    right = {one["id"]: one for one in once}
    corrections: dict[str, Step] = {}
    for one in once[:REPLACED]:
        better = sent(one["id"], chance) | {"accountId": one["accountId"], "timestamp": one["timestamp"]}
        corrections[one["id"]] = Step(better, "REDO_EVENT")
        right[one["id"]] = better
    for one in once[REPLACED : REPLACED + TAKEN_BACK]:
        corrections[one["id"]] = Step(one, "UNDO")
        del right[one["id"]]
    calls: dict[str, dict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for one in right.values():
        calls[one["accountId"]][int(one["timestamp"][8:10])] += Decimal(one["attributes"][0]["value"])
    return Month(once, chance.sample(once[REPLACED + TAKEN_BACK :], TWICE), corrections, calls)


def sent(name: str, chance: random.Random) -> Json:
    at = f"2026-01-{chance.randint(1, 31):02d}T{chance.randint(0, 23):02d}:{chance.randint(0, 59):02d}:00Z"
    return event(name, chance.choice(ACCOUNTS), Decimal(chance.randrange(100_000)).scaleb(-4), at)


def lived(shop: Shop, month: Month, chance: random.Random) -> None:
    """Send everything, in any order that is possible: a correction follows the event that it corrects."""
    coming: list[Step] = [Step(one) for one in [*month.once, *month.copies]]
    chance.shuffle(coming)
    for place in sorted(
        (place for place, step in enumerate(coming) if step.event["id"] in month.corrections), reverse=True
    ):
        coming.insert(chance.randint(place + 1, len(coming)), month.corrections[coming[place].event["id"]])
    for batch in batched(coming, chance):
        if batch[0].action is not None:
            corrected(shop, batch[0])
        else:
            shop.api.post("/ingestBatch", {"events": [step.event for step in batch]}).ok()


def batched(steps: list[Step], chance: random.Random) -> Iterator[list[Step]]:
    """Batches of random sizes; a correction is a request of its own."""
    batch: list[Step] = []
    size = chance.randint(1, LARGEST_BATCH)
    for step in steps:
        if batch and (step.action is not None or len(batch) == size):
            yield batch
            batch, size = [], chance.choice([1, 2, 20, chance.randint(1, LARGEST_BATCH)])
        if step.action is not None:
            yield [step]
        else:
            batch.append(step)
    if batch:
        yield batch


def corrected(shop: Shop, step: Step) -> None:
    name, account = step.event["id"], step.event["accountId"]
    body = {"event": step.event} if step.action == "REDO_EVENT" else None
    path = f"/events/correction?action={step.action}&account_id={account}&event_id={name}"
    (info,) = shop.api.send("POST", path, body).ok()["data"]
    assert info["status"] != "FAILED", info


def figures(shop: Shop) -> dict[str, Any]:
    """Everything that an organisation is shown and billed, without the ids that were minted for it."""
    daily = shop.metric("METER_USAGE", "2026-01-01", "2026-02-01", "DAY", groupBy="ACCOUNT_ID")
    series = {one["groupedBy"]["fieldValue"]: one["metricValues"] for one in daily}
    bills = {}
    for account in ACCOUNTS:
        invoice = shop.invoice(account=account)
        kinds = {line["type"] for line in lines(invoice["revenueInfo"])}
        bills[account] = {
            "total": Decimal(invoice["totalAmount"]),
            "usage": sorted(info["value"] for info in invoice["usageInfo"]),
            "lines": {kind: amounts(invoice, kind) for kind in sorted(kinds)},
        }
    return {"series": series, "bills": bills}


def offer(shop: Shop) -> None:
    """Every call costs less the more there are; and every event costs something."""
    shop.schema()
    meters = [shop.meter(), shop.meter("Requests", aggregation="COUNT", computations=[], type="COUNTER")]
    plan = shop.plan(usageRateCards=[tiered(meters[0], *TIERS), tiered(meters[1], (0, Decimal("0.001")))])
    for account in ACCOUNTS:
        shop.account(account)
        shop.associate(plan, account)


def test_any_order_comes_to_the_same_figures(tmp_path: Path) -> None:
    told = month()
    found = []
    with inside(tmp_path / "data") as server:
        for order in range(ORDERS):
            shop = Shop(server.new_organisation(name=f"Order {order}"))
            offer(shop)
            lived(shop, told, random.Random(SEED + order))
            found.append(figures(shop))
    assert all(one == found[0] for one in found[1:])
    for account in ACCOUNTS:
        calls = sum(told.calls[account].values())
        assert calls in [Decimal(value) for value in found[0]["bills"][account]["usage"]]


def test_the_same_event_twice_with_another_content_would_not(tmp_path: Path) -> None:
    """The control: where the order does matter, since the first one counts, these figures tell."""
    found = []
    with inside(tmp_path / "data") as server:
        for order in (1, -1):
            shop = Shop(server.new_organisation(name=f"Order {order}"))
            offer(shop)
            for calls in (3, 4)[::order]:
                shop.api.post("/ingest", {"event": event("e", calls=calls)}).ok()
            found.append(figures(shop))
    assert found[0] != found[1]
