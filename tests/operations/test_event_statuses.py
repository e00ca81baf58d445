"""Every status that an event can come to, over the public API (domain.md 2.4)."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import duckdb
import pytest

from tallystick.engine import progress
from tallystick.metering.event import STATUS_GROUPS, EventStatus
from tests.operations.shop import Shop, event, tiered
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.operations.shop import Json
    from tests.servers import Inside

LATER = {
    EventStatus.UNKNOWN: "only another release writes it, see TestAStatusOfAnotherRelease",
}
"""Statuses that nothing can bring about yet, and why."""


def sent(shop: Shop, **more: Any) -> str:  # noqa: ANN401 - an event's fields
    """Send the event `e`."""
    shop.api.post("/ingest", {"event": event("e") | more}).ok()
    return "e"


def offered(shop: Shop, **meter: Any) -> Shop:  # noqa: ANN401 - a meter's fields
    """An account, a schema and a meter over it."""
    shop.account()
    shop.schema()
    shop.meter(**meter)
    return shop


def metered(shop: Shop) -> str:
    return sent(offered(shop))


def not_metered(shop: Shop) -> str:
    return sent(offered(shop, matcher="false"))


def no_matching_meters(shop: Shop) -> str:
    shop.account()
    shop.schema()
    return sent(shop)


def lacking_a_field(shop: Shop) -> str:
    return sent(offered(shop), attributes=[])


def of_no_schema(shop: Shop) -> str:
    return sent(offered(shop), schemaName="togai-usages")


def not_enriched(shop: Shop) -> str:
    enrichments = {"dependencies": [{"type": "SETTING", "key": "setting.user.rate", "name": "rate"}], "fields": []}
    offered(shop).api.patch("/event_schema/api_call", {"enrichments": enrichments}).ok()
    return sent(shop)


def of_no_number(shop: Shop) -> str:
    return sent(offered(shop, computation='{"/":[1,{"-":[{"var":"attributes.calls"},1]}]}'))


def too_late(shop: Shop) -> str:
    meter = offered(shop).api.get("/usage_meters").ok()["data"][0]["id"]
    shop.associate(shop.plan(usageRateCards=[tiered(meter, (0, 1))]), since="2025-11-01")
    return sent(shop, timestamp="2025-11-30T12:00:00Z")


def of_nobody(shop: Shop) -> str:
    return sent(offered(shop), accountId="nobody")


def repeated(shop: Shop) -> str:
    sent(offered(shop))
    return sent(shop)


def nameless(shop: Shop) -> str:
    return sent(offered(shop), id="")


def of_no_licence(shop: Shop) -> str:
    attributes, dimensions = [{"name": "action", "value": "1"}], {"license_id": "addon.x", "name": "ada"}
    return sent(offered(shop), schemaName="togai-named-license", attributes=attributes, dimensions=dimensions)


def without_units(shop: Shop) -> str:
    tie = [{"schemaName": "api_call", "attributeName": "calls"}]
    offered(shop).api.post("/features", {"name": "Calls", "schemaAssociations": tie}).ok()
    return sent(shop)


def taken_back(shop: Shop) -> str:
    shop.metered_plan((0, 1))
    sent(shop)
    shop.api.post("/events/correction?action=UNDO&account_id=acme&event_id=e").ok()
    return "e"


MADE: dict[EventStatus, Callable[[Shop], str]] = {
    EventStatus.METERED: metered,
    EventStatus.NOT_METERED: not_metered,
    EventStatus.NO_MATCHING_METERS: no_matching_meters,
    EventStatus.FAILED: lacking_a_field,
    EventStatus.SCHEMA_NOT_DEFINED: of_no_schema,
    EventStatus.ENRICHMENT_FAILED: not_enriched,
    EventStatus.UNITS_INVALID: of_no_number,
    EventStatus.PAST_GRACE_PERIOD: too_late,
    EventStatus.ACCOUNT_NOT_FOUND: of_nobody,
    EventStatus.DUPLICATE: repeated,
    EventStatus.NO_EVENT_ID: nameless,
    EventStatus.INVALID_NAMED_LICENSE_EVENT: of_no_licence,
    EventStatus.INSUFFICIENT_CREDITS: without_units,
    EventStatus.REVERTED: taken_back,
}


@pytest.mark.parametrize(("status", "make"), MADE.items(), ids=[status.name for status in MADE])
def test_every_status_is_listed_with_its_reason(still: Shop, status: EventStatus, make: Callable[[Shop], str]) -> None:
    make(still)
    (found,) = still.api.get("/events", status=status.value).ok()["events"]
    assert found["ingestionStatus"]["status"] == status
    assert 0 < len(found["ingestionStatus"]["statusDescription"]) <= 250
    for group, members in STATUS_GROUPS.items():
        listed = still.api.get("/events", status=group).ok()["events"]
        assert (status in {one["ingestionStatus"]["status"] for one in listed}) == (status in members)


def test_no_status_is_left_out() -> None:
    assert {*MADE, EventStatus.IN_PROGRESS, *LATER} == set(EventStatus)


class TestAConflict:
    def described(self, shop: Shop, **more: Any) -> str:  # noqa: ANN401 - an event's fields
        """What is said of the second event of an id."""
        shop.api.post("/ingest", {"event": event("e", calls=5)}).ok()
        shop.api.post("/ingest", {"event": event("e", calls=5) | more}).ok()
        (listed,) = shop.api.get("/events", status=EventStatus.DUPLICATE.value).ok()["events"]
        read = shop.api.get("/events/e").ok()["events"][-1]
        assert read["ingestionStatus"] == listed["ingestionStatus"]
        assert shop.invoices()[0]["totalAmount"] == 5
        description: str = listed["ingestionStatus"]["statusDescription"]
        return description

    def test_a_retry_is_none(self, still: Shop) -> None:
        still.metered_plan((0, 1))
        assert self.described(still) == "an event with this id came in before"

    def test_another_body_counts_no_more_and_is_told(self, still: Shop) -> None:
        still.metered_plan((0, 1))
        other = {"attributes": [{"name": "calls", "value": "7"}], "timestamp": "2026-01-11T12:00:00Z"}
        assert self.described(still, **other) == (
            "an event with this id came in before, and its content differs: timestamp, attributes; the first one counts"
        )

    def test_what_failed_before_is_no_conflict(self, still: Shop) -> None:
        still.metered_plan((0, 1))
        still.api.post("/ingest", {"event": event("e", "nobody", calls=9)}).ok()
        assert self.described(still) == "an event with this id came in before"


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[tuple[Inside, Shop]]:
    """A server whose processing stands still until the test starts it, with one metered account."""
    with inside(tmp_path / "data") as server:
        Shop(server.api()).metered_plan((0, 1))
    with inside(tmp_path / "data", works=False) as server:
        yield server, Shop(server.api())


def test_what_is_not_processed_yet_is_in_progress(stopped: tuple[Inside, Shop]) -> None:
    server, shop = stopped
    days = [event(f"e-{day}", at=f"2026-01-0{day}T00:00:00Z") for day in (2, 1, 3)]
    shop.api.post("/ingestBatch", {"events": days}).ok()

    def ids(**query: object) -> list[str]:
        found: list[Json] = []
        page = shop.api.get("/events", pageSize=2, **query).ok()
        while page is not None:
            found += page["events"]
            page = shop.api.get("/events", nextToken=page["nextToken"]).ok() if page["nextToken"] else None
        return [f"{one['eventPayload']['id']} {one['ingestionStatus']['status']}" for one in found]

    waiting = [f"e-{day} INGESTION_IN_PROGRESS" for day in (3, 2, 1)]
    with patch.object(progress, "READ_PATIENCE", 0.01):
        assert ids(status="IN_PROGRESS") == waiting
        assert ids(schema_name="other") == []
        (one,) = shop.api.get("/events/e-1").ok()["events"]
    assert (one["eventPayload"], one["eventPipelineInfo"]) == (days[1], {})
    server.workers.start()
    assert ids(status="IN_PROGRESS") == []
    assert ids() == [text.replace("IN_PROGRESS", "COMPLETED_EVENT_METERED") for text in waiting]
    (processed,) = shop.api.get("/events/e-1").ok()["events"]
    assert processed["referenceId"] == one["referenceId"]


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    data = tmp_path_factory.mktemp("later") / "data"
    with inside(data) as server:
        made = Shop(server.api())
        made.metered_plan((0, 1))
        made.api.post("/ingestBatch", {"events": [event(name) for name in ("a", "b", "c", "d", "e")]}).ok()
        made.api.post("/events/correction?action=UNDO&account_id=acme&event_id=d").ok()
        assert made.status("e") == EventStatus.METERED
    with closing(duckdb.connect(str(data / "events.duckdb"))) as store:
        for name, status in (("a", "INGESTION_HELD"), ("b", "INGESTION_FAILED_LATER"), ("c", "UNKNOWN")):
            told = None if name == "a" else "why"
            store.execute(
                "UPDATE event SET status = ?, status_description = ? WHERE event_id = ?", [status, told, name]
            )
        store.execute("UPDATE revision SET before_reverting = 'INGESTION_HELD' WHERE before_reverting IS NOT NULL")
    with inside(data) as server:
        yield Shop(server.api())


class TestAStatusOfAnotherRelease:
    """Statuses that this release does not know, written into the store while no server has it open."""

    def test_is_read_as_unknown(self, later: Shop) -> None:
        listed = later.api.get("/events").ok()["events"]
        assert {one["eventPayload"]["id"]: one["ingestionStatus"]["status"] for one in listed} == {
            "a": "UNKNOWN",
            "b": "UNKNOWN",
            "c": "UNKNOWN",
            "d": "REVERTED",
            "e": "INGESTION_COMPLETED_EVENT_METERED",
        }
        (read,) = later.api.get("/events/b").ok()["events"]
        assert read["ingestionStatus"] == {"status": "UNKNOWN", "statusDescription": "why"}
        (bare,) = later.api.get("/events/a").ok()["events"]
        assert bare["ingestionStatus"]["statusDescription"] == "The stored status is not known to this release"
        (reverted,) = later.api.get("/events/d").ok()["events"]
        assert reverted["eventPipelineInfo"]["statusBeforeReverting"] == "UNKNOWN"

    @pytest.mark.parametrize(
        ("status", "ids"),
        [("UNKNOWN", "abc"), ("REVERTED", "d"), ("PROCESSED", "e"), ("UNPROCESSED", ""), ("IN_PROGRESS", "")],
    )
    def test_is_found_as_unknown_and_in_no_group(self, later: Shop, status: str, ids: str) -> None:
        listed = later.api.get("/events", status=status).ok()["events"]
        assert sorted(one["eventPayload"]["id"] for one in listed) == [*ids]

    def test_is_counted_as_unknown(self, later: Shop) -> None:
        def counted(**more: object) -> dict[str, list[int]]:
            series = later.metric("EVENTS", "2026-01-01", "2026-02-01", **more)
            return {one.get("groupedBy", {}).get("fieldValue", ""): one["metricValues"] for one in series}

        assert counted(groupBy="RAW_EVENT_STATUS") == {
            "UNKNOWN": [3],
            "REVERTED": [1],
            "INGESTION_COMPLETED_EVENT_METERED": [1],
        }
        wanted = [{"fieldName": "EVENT_STATUS", "fieldValues": ["UNKNOWN"]}]
        assert counted(filters=wanted) == {"": [3]}
        assert counted() == {"": [1]}

    @pytest.mark.parametrize("action", ["UNDO", "REDO", "REDO_EVENT"])
    def test_is_left_alone_by_corrections(self, later: Shop, action: str) -> None:
        body = {"event": event("a")} if action == "REDO_EVENT" else None
        answer = later.api.post(f"/events/correction?action={action}&account_id=acme&event_id=a", body).ok()
        (told,) = answer["data"]
        assert (told["status"], told["reason"]) == (
            "FAILED",
            f"an event that is UNKNOWN cannot be corrected by {action}",
        )
