"""Events of the predefined schemas, from the wire to usage (domain.md 2.5)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.operations.shop import Shop, tiered

if TYPE_CHECKING:
    from tests.operations.shop import Json

METERED = "INGESTION_COMPLETED_EVENT_METERED"
MALFORMED = "INGESTION_FAILED_INVALID_NAMED_LICENSE_EVENT"


def predefined(event_id: str, schema: str, dimensions: dict[str, str], **attributes: object) -> Json:
    return {
        "schemaName": schema,
        "id": event_id,
        "timestamp": "2026-01-10T12:00:00Z",
        "accountId": "acme",
        "attributes": [{"name": name, "value": str(value)} for name, value in attributes.items()],
        "dimensions": dimensions,
    }


def usage(event_id: str, meter_id: str, units: object) -> Json:
    return predefined(event_id, "togai-usage", {"usage_meter_id": meter_id}, usage=units)


def licence(event_id: str, license_id: str, action: int = 1) -> Json:
    return predefined(event_id, "togai-named-license", {"license_id": license_id, "name": "ada"}, action=action)


def send(shop: Shop, event: Json) -> Json:
    shop.api.post("/ingest", {"event": event}).ok()
    return shop.api.get(f"/events/{event['id']}").ok()["events"][-1]


@pytest.fixture
def offer(still: Shop) -> tuple[Shop, str]:
    """An account that pays 2 for each unit of a meter that no schema feeds."""
    still.account()
    body = {"name": "Gigabytes", "type": "COUNTER", "aggregation": "SUM"}
    meter = still.api.post("/usage_meters", body).ok()["id"]
    still.api.post(f"/usage_meters/{meter}/activate").ok()
    still.associate(still.plan(usageRateCards=[tiered(meter, (0, 2))]))
    return still, meter


def test_usage_is_added_straight_to_the_meter_and_billed(offer: tuple[Shop, str]) -> None:
    shop, meter = offer
    found = send(shop, usage("u-1", meter, "2.5"))
    assert found["ingestionStatus"]["status"] == METERED
    info = found["eventPipelineInfo"]
    assert info["eventSchema"] == {"name": "togai-usage", "version": 1}
    assert [(one["id"], one["units"]) for one in info["usageMeters"]] == [(meter, Decimal("2.5"))]
    send(shop, usage("u-2", meter, -1))
    assert shop.invoices()[0]["totalAmount"] == 3


def test_an_inactive_meter_takes_nothing(offer: tuple[Shop, str]) -> None:
    shop, meter = offer
    send(shop, usage("before", meter, 1))
    shop.api.post(f"/usage_meters/{meter}/deactivate").ok()
    found = send(shop, usage("after", meter, 1))
    assert found["ingestionStatus"] == {
        "status": "INGESTION_FAILED",
        "statusDescription": f"usage_meter_id: no active usage meter has the id {meter!r}",
    }
    assert shop.invoices()[0]["totalAmount"] == 2


def test_a_licence_event_needs_an_active_add_on_of_its_type(still: Shop) -> None:
    still.account()
    fee, seat = still.addon("Fee"), still.addon("Seat", "NAMED_LICENSE")
    assert send(still, licence("l-1", seat))["ingestionStatus"]["status"] == METERED
    assert send(still, licence("l-2", fee))["ingestionStatus"]["status"] == MALFORMED
    assert send(still, licence("l-3", "addon.unknown"))["ingestionStatus"]["status"] == MALFORMED
    still.api.delete(f"/addons/{seat}").ok()
    assert send(still, licence("l-4", seat, -1))["ingestionStatus"]["status"] == MALFORMED


def test_an_add_on_that_is_created_later_is_known_to_the_events_after_it(still: Shop) -> None:
    still.account()
    send(still, licence("early", "addon.unknown"))
    seat = still.addon("Seat", "NAMED_LICENSE")
    assert send(still, licence("late", seat))["ingestionStatus"]["status"] == METERED


@pytest.mark.parametrize("name", ["togai-usage", "togai-named-license"])
def test_their_names_are_taken_and_they_are_not_listed(still: Shop, name: str) -> None:
    still.api.post("/event_schema", {"name": name, "attributes": [], "dimensions": []}).refused(409)
    assert still.api.get("/event_schema").ok()["data"] == []
