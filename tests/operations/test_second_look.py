"""Events whose account was unknown are processed by themselves once the account or alias is there (domain.md 2.4)."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.operations.shop import CALLS, Shop, event, tiered
from tests.servers import KEY, inside

if TYPE_CHECKING:
    from pathlib import Path


def offer(shop: Shop) -> str:
    """A schema, a meter and a plan at 2 per call; the plan's id."""
    shop.schema()
    return shop.plan(usageRateCards=[tiered(shop.meter(), (0, 2))])


def send(shop: Shop, *names: str, account: str = "late", calls: int = 5, at: str = "2026-01-10T12:00:00Z") -> None:
    for name in names:
        shop.api.post("/ingest", {"event": event(name, account, calls, at)}).ok()


def test_an_account_that_appears_gets_its_events_and_they_count_once(shop: Shop) -> None:
    plan = offer(shop)
    send(shop, "e-1", "e-2")
    assert shop.status("e-1") == "INGESTION_FAILED_ACCOUNT_NOT_FOUND"
    shop.account("late")
    assert shop.status("e-1") == "INGESTION_COMPLETED_EVENT_METERED", "no plan is needed"
    send(shop, "e-1")
    assert shop.status("e-1") == "INGESTION_FAILED_DUPLICATE_EVENT", "the id is taken now"
    shop.associate(plan, "late")
    assert Decimal(shop.invoices("late")[0]["totalAmount"]) == 20  # 2 events x 5 calls x 2


def test_an_alias_takes_the_events_of_its_time_only(shop: Shop) -> None:
    offer(shop)
    send(shop, "e-before", account="ops-team", at="2026-01-05T00:00:00Z")
    send(shop, "e-within", account="ops-team", at="2026-01-15T00:00:00Z")
    span = {"value": "ops-team", "effectiveFrom": "2026-01-10T00:00:00Z"}
    shop.account("acme", accountAliases=[span])
    assert shop.status("e-before") == "INGESTION_FAILED_ACCOUNT_NOT_FOUND"
    assert shop.status("e-within") == "INGESTION_COMPLETED_EVENT_METERED"
    (traced,) = shop.api.get("/events/e-within").ok()["events"]
    assert traced["eventPipelineInfo"]["account"] == {"id": "acme", "name": "acme account", "alias": "ops-team"}


def test_an_account_of_its_own_takes_events_of_any_age(shop: Shop) -> None:
    plan = offer(shop)
    shop.account("acme")
    shop.associate(plan)
    send(shop, "e-1", account="acme-ops")
    shop.api.advance("2026-03-10")
    body = {"id": "second", "name": "Second", "customerId": "acme", "accountAliases": [{"value": "acme-ops"}]}
    shop.api.post("/accounts", body).ok()
    assert shop.status("e-1") == "INGESTION_COMPLETED_EVENT_METERED", "it has no cycle that could be closed"


def test_of_two_with_one_id_the_first_counts(shop: Shop) -> None:
    offer(shop)
    send(shop, "e-1", calls=5)
    send(shop, "e-1", calls=9)
    shop.account("late")
    found = shop.api.get("/events/e-1").ok()["events"]
    assert [one["ingestionStatus"]["status"].removeprefix("INGESTION_") for one in found] == [
        "COMPLETED_EVENT_METERED",
        "FAILED_DUPLICATE_EVENT",
    ]
    series = shop.metric("USAGE", "2026-01-01", "2026-02-01")
    assert sum(series[0]["metricValues"]) == 5


def test_an_id_that_was_used_meanwhile_is_a_duplicate(shop: Shop) -> None:
    offer(shop)
    send(shop, "e-1", account="late")
    shop.account("acme")
    send(shop, "e-1", account="acme", calls=7)
    shop.account("late")
    found = shop.api.get("/events/e-1").ok()["events"]
    assert [one["ingestionStatus"]["status"].removeprefix("INGESTION_") for one in found] == [
        "FAILED_DUPLICATE_EVENT",
        "COMPLETED_EVENT_METERED",
    ]


def test_a_wish_outlives_a_stop_and_is_fulfilled_after_the_next_start(tmp_path: Path) -> None:
    with inside(tmp_path / "data") as server:
        shop = Shop(server.api())
        offer(shop)
        send(shop, "e-1")
    with inside(tmp_path / "data", works=False) as server:
        server.workers.processor.start()
        with server.engine.work_for(server.engine.gatekeeper.caller_of(KEY).organisation, "test", writes=True) as (
            work,
            _,
        ):
            work.state.look_again(["late"], work.now)
        server.workers.processor.stop()
    with inside(tmp_path / "data") as server:
        assert Shop(server.api()).status("e-1") == "INGESTION_FAILED_ACCOUNT_NOT_FOUND", "nobody has the name"
        with server.engine.database.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM second_look").scalar() == 0


def test_in_real_time_it_happens_by_itself(tmp_path: Path) -> None:
    with inside(tmp_path / "data", now=None) as server:
        shop = Shop(server.api())
        shop.schema()
        shop.meter("Calls", CALLS)
        send(shop, "e-1")
        assert shop.status("e-1") == "INGESTION_FAILED_ACCOUNT_NOT_FOUND"
        shop.account("late")
        patience = time.monotonic() + 60
        while shop.status("e-1") != "INGESTION_COMPLETED_EVENT_METERED":
            assert time.monotonic() < patience
            time.sleep(0.1)
