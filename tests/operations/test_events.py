"""What becomes of an event, and how it is read (domain.md 2.3, 2.4, 2.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import ADDRESS, Shop, event
from tests.servers import inside

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Inside

METERED = "INGESTION_COMPLETED_EVENT_METERED"
NO_ACCOUNT = "INGESTION_FAILED_ACCOUNT_NOT_FOUND"
DUPLICATE = "INGESTION_FAILED_DUPLICATE_EVENT"


@pytest.fixture(scope="module")
def shop(standing: Inside) -> Shop:
    """An account with an alias, one more alias for January alone, and a meter over `api_call`."""
    opened = Shop(standing.new_organisation())
    opened.schema()
    opened.meter()
    aliases = [
        {"value": "in-january", "effectiveFrom": "2026-01-01T00:00:00Z", "effectiveUntil": "2026-02-01T00:00:00Z"}
    ]
    opened.account(aliases=["ops@acme.test"], accountAliases=aliases)
    return opened


def send(shop: Shop, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - an event's fields
    """Send an event and read what became of it."""
    name = f"e-{next(shop._numbers)}"
    shop.api.post("/ingest", {"event": event(name) | more}).ok()
    (found,) = shop.api.get(f"/events/{name}").ok()["events"]
    return found


def status(found: dict[str, Any]) -> str:
    assert len(found["ingestionStatus"]["statusDescription"]) <= 250
    return found["ingestionStatus"]["status"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, METERED),
        ({"attributes": [{"name": "calls", "value": "1"}, {"name": "more", "value": "2"}]}, METERED),
        ({"dimensions": {"region": "eu", "more": "x"}}, METERED),
        ({"attributes": []}, "INGESTION_FAILED"),
        ({"dimensions": {}}, "INGESTION_FAILED"),
        ({"schemaName": "api_calls"}, "INGESTION_FAILED_SCHEMA_NOT_DEFINED"),
        ({"accountId": "nobody"}, NO_ACCOUNT),
        ({"attributes": [{"name": "calls", "value": "0.0000000000001"}]}, "INGESTION_FAILED_UNITS_INVALID"),
        ({"attributes": [{"name": "calls", "value": "9" * 27}]}, "INGESTION_FAILED_UNITS_INVALID"),
    ],
    ids=str,
)
def test_the_status_says_how_far_it_came(shop: Shop, more: dict[str, Any], expected: str) -> None:
    assert status(send(shop, **more)) == expected


def test_the_description_names_what_is_missing(shop: Shop) -> None:
    found = send(shop, attributes=[], dimensions={})
    assert found["ingestionStatus"]["statusDescription"] == "attribute calls is missing; dimension region is missing"


@pytest.mark.parametrize(
    ("reference", "at", "expected"),
    [
        ("ops@acme.test", "2026-01-10T00:00:00Z", METERED),
        ("in-january", "2026-01-01T00:00:00Z", METERED),
        ("in-january", "2026-01-31T23:59:59Z", METERED),
        ("in-january", "2026-02-01T00:00:00Z", NO_ACCOUNT),
        ("in-january", "2025-12-31T23:59:59Z", NO_ACCOUNT),
        ("OPS@acme.test", "2026-01-10T00:00:00Z", NO_ACCOUNT),
    ],
)
def test_an_alias_counts_at_the_time_of_the_event(shop: Shop, reference: str, at: str, expected: str) -> None:
    found = send(shop, accountId=reference, timestamp=at)
    assert status(found) == expected
    if expected == METERED:
        account = found["eventPipelineInfo"]["account"]
        assert (account["id"], account["alias"], found["customerId"]) == ("acme", reference, "acme")
        assert found["eventPayload"]["accountId"] == reference


def test_the_trace_shows_schema_meter_plan_and_cycle(still: Shop) -> None:
    meter = still.metered_plan((0, 1))
    info = send(still, attributes=[{"name": "calls", "value": "2.50"}])["eventPipelineInfo"]
    assert info["eventSchema"] == {"name": "api_call", "version": 1}
    (trace,) = info["usageMeters"]
    assert (trace["id"], trace["status"], trace["units"]) == (meter, "PROCESSED_UNITS_COMPUTED", 2.5)
    (plan,) = info["pricePlans"]
    assert (plan["cycleStart"], plan["cycleEnd"], plan["usageMeters"]) == ("2026-01-01", "2026-02-01", [meter])
    assert (info["customer"]["id"], info["invoiceCurrency"]) == ("acme", "USD")


class TestDuplicates:
    def test_an_id_counts_once_whoever_sends_it(self, still: Shop) -> None:
        still.metered_plan((0, 1))
        still.account("beta")
        for account, calls in (("acme", 5), ("acme", 7), ("beta", 9)):
            still.api.post("/ingest", {"event": event("same", account, calls)}).ok()
        statuses = [one["ingestionStatus"]["status"] for one in still.api.get("/events/same").ok()["events"]]
        assert sorted(statuses) == [METERED, DUPLICATE, DUPLICATE]
        assert still.invoices()[0]["totalAmount"] == 5

    def test_in_one_batch_the_first_wins(self, still: Shop) -> None:
        still.metered_plan((0, 1))
        answer = still.api.post("/ingestBatch", {"events": [event("same", calls=5), event("same", calls=7)]})
        assert answer.ok()["details"] == {"accepted": 2}
        assert still.invoices()[0]["totalAmount"] == 5

    def test_a_failed_event_leaves_its_id_to_a_retry(self, still: Shop) -> None:
        still.metered_plan((0, 1))
        for account in ("nobody", "acme", "acme"):
            still.api.post("/ingest", {"event": event("same", account)}).ok()
        statuses = [one["ingestionStatus"]["status"] for one in still.api.get("/events/same").ok()["events"]]
        assert sorted(statuses) == sorted([NO_ACCOUNT, METERED, DUPLICATE])
        assert still.invoices()[0]["totalAmount"] == 1

    def test_it_is_remembered_over_a_restart(self, tmp_path: Path) -> None:
        with inside(tmp_path / "data") as server:
            Shop(server.api()).metered_plan((0, 1))
            server.api().post("/ingest", {"event": event("same")}).ok()
        with inside(tmp_path / "data") as server:
            again = Shop(server.api())
            again.api.post("/ingest", {"event": event("same")}).ok()
            assert again.invoices()[0]["totalAmount"] == 1


class TestTheCatalogueChangesAtAPosition:
    def test_events_before_an_activation_are_not_metered_by_it(self, still: Shop) -> None:
        still.account()
        still.schema()
        still.api.post("/ingest", {"event": event("before")}).ok()
        still.meter()
        still.api.post("/ingest", {"event": event("after")}).ok()
        assert still.status("before") == "INGESTION_COMPLETED_NO_MATCHING_METERS"
        assert still.status("after") == METERED

    def test_events_before_a_schema_are_not_judged_by_it(self, still: Shop) -> None:
        still.account()
        still.api.post("/ingest", {"event": event("before")}).ok()
        still.schema()
        assert still.status("before") == "INGESTION_FAILED_SCHEMA_NOT_DEFINED"

    def test_an_inactive_schema_takes_no_events(self, still: Shop) -> None:
        still.account()
        still.schema()
        still.api.post("/event_schema/api_call/deactivate").ok()
        still.api.post("/ingest", {"event": event("e")}).ok()
        assert still.status("e") == "INGESTION_FAILED_SCHEMA_NOT_DEFINED"

    def test_a_new_version_asks_for_its_new_fields(self, still: Shop) -> None:
        still.account()
        still.schema()
        still.meter()
        still.api.post("/ingest", {"event": event("old")}).ok()
        grown = {"attributes": [{"name": "calls"}, {"name": "seconds"}]}
        still.api.patch("/event_schema/api_call", grown).ok()
        still.api.post("/ingest", {"event": event("new")}).ok()
        assert (still.status("old"), still.status("new")) == (METERED, "INGESTION_FAILED")

    def test_an_archived_account_takes_no_events(self, still: Shop) -> None:
        still.account()
        still.schema()
        still.meter()
        still.api.post("/accounts", {"id": "second", "name": "Second", "customerId": "acme"}).ok()
        still.api.post("/ingest", {"event": event("before", "second")}).ok()
        still.api.delete("/accounts/second").ok()
        still.api.post("/ingest", {"event": event("after", "second")}).ok()
        assert (still.status("before"), still.status("after")) == (METERED, NO_ACCOUNT)

    def test_an_account_that_comes_later_takes_the_events_after_it(self, still: Shop) -> None:
        still.schema()
        still.meter()
        still.api.post("/ingest", {"event": event("before")}).ok()
        body = {"id": "acme", "name": "Acme", "primaryEmail": "a@acme.test", "address": ADDRESS}
        still.api.post("/customers", body).ok()
        still.api.post("/ingest", {"event": event("after")}).ok()
        assert still.status("after") == METERED


class TestMeters:
    def units(self, shop: Shop, **more: Any) -> list[object]:  # noqa: ANN401 - an event's fields
        return [trace.get("units") for trace in send(shop, **more)["eventPipelineInfo"]["usageMeters"]]

    def test_matching_computations_are_added_up(self, still: Shop) -> None:
        still.account()
        still.schema()
        two = [
            {"matcher": '{">":[{"var":"attributes.calls"},10]}', "computation": "100", "order": 2},
            {"computation": '{"var":"attributes.calls"}', "order": 1},
        ]
        still.meter(computations=two)
        assert self.units(still, attributes=[{"name": "calls", "value": "5"}]) == [5]
        assert self.units(still, attributes=[{"name": "calls", "value": "20"}]) == [120]

    def test_filters_must_all_hold(self, still: Shop) -> None:
        still.account()
        still.schema(dimensions="region tier")
        still.meter(filters=[{"field": "region", "value": "eu"}, {"field": "dimensions.tier", "value": "gold"}])
        assert self.units(still, dimensions={"region": "eu", "tier": "gold"}) == [1]
        assert self.units(still, dimensions={"region": "us", "tier": "gold"}) == [None]

    def test_a_count_meter_counts_what_matches(self, still: Shop) -> None:
        still.account()
        still.schema()
        matcher = '{"==":[{"var":"dimensions.region"},"eu"]}'
        still.meter(computation="1", matcher=matcher, aggregation="COUNT")
        assert self.units(still, attributes=[{"name": "calls", "value": "500"}]) == [1]
        assert self.units(still, dimensions={"region": "us"}) == [None]

    def test_a_rule_that_gives_no_number_makes_the_event_invalid(self, still: Shop) -> None:
        still.account()
        still.schema()
        still.meter(computation='{"if":[{">":[{"var":"attributes.calls"},1]},1]}')
        found = send(still)
        assert status(found) == "INGESTION_FAILED_UNITS_INVALID"
        assert "Calls" in found["ingestionStatus"]["statusDescription"]


@pytest.fixture(scope="module")
def listed(standing: Inside) -> Shop:
    """Four events: one metered, one of nobody, one that came twice."""
    opened = Shop(standing.new_organisation())
    opened.schema()
    opened.meter()
    opened.account()
    for name, account, day in (("a", "acme", 1), ("b", "nobody", 2), ("c", "acme", 3), ("c", "acme", 4)):
        opened.api.post("/ingest", {"event": event(name, account, at=f"2026-01-0{day}T00:00:00Z")}).ok()
    return opened


class TestTheList:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({}, ["c", "c", "b", "a"]),
            ({"status": "PROCESSED"}, ["c", "a"]),
            ({"status": "UNPROCESSED"}, ["c", "b"]),
            ({"status": "IN_PROGRESS"}, []),
            ({"status": DUPLICATE}, ["c"]),
            ({"account_id": "acme"}, ["c", "c", "a"]),
            ({"schema_name": "api_call", "status": "PROCESSED"}, ["c", "a"]),
            ({"schema_name": "other"}, []),
        ],
        ids=str,
    )
    def test_it_is_filtered_and_comes_newest_first(self, listed: Shop, query: dict[str, str], found: list[str]) -> None:
        events = listed.api.get("/events", **query).ok()["events"]
        assert [one["eventPayload"]["id"] for one in events] == found
