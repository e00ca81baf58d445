"""Ids that templates make, from the schema to the list of events (domain.md 2.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.operations.shop import Shop, event
from tests.servers import inside

if TYPE_CHECKING:
    from pathlib import Path

    from tests.operations.shop import Json

METERED = "INGESTION_COMPLETED_EVENT_METERED"
DUPLICATE = "INGESTION_FAILED_DUPLICATE_EVENT"
TEMPLATE = "${accountId}/${dimensions.region}"


def nameless(**more: object) -> Json:
    return {name: value for name, value in event("", **more).items() if name != "id"}  # type: ignore[arg-type]


@pytest.fixture
def offer(still: Shop) -> Shop:
    """A metered plan whose schema makes an id of account and region."""
    still.metered_plan((0, 1))
    still.api.patch("/event_schema/api_call", {"eventIdTemplate": TEMPLATE}).ok()
    return still


def statuses(shop: Shop, event_id: str) -> list[str]:
    return [one["ingestionStatus"]["status"] for one in shop.api.get(f"/events/{event_id}").ok()["events"]]


def test_the_made_id_is_the_events_id_everywhere(offer: Shop) -> None:
    offer.api.post("/ingest", {"event": nameless(calls=5)}).ok()
    offer.api.post("/ingestBatch", {"events": [nameless(calls=7), event("acme/eu", calls=9)]}).ok()
    assert sorted(statuses(offer, "acme/eu")) == [METERED, DUPLICATE, DUPLICATE]
    assert [one["eventPayload"]["id"] for one in offer.api.get("/events").ok()["events"]] == ["acme/eu"] * 3
    assert offer.invoices()[0]["totalAmount"] == 5


def test_it_is_remembered_over_a_restart(tmp_path: Path) -> None:
    with inside(tmp_path / "data") as server:
        first = Shop(server.api())
        first.metered_plan((0, 1))
        first.api.patch("/event_schema/api_call", {"eventIdTemplate": TEMPLATE}).ok()
        first.api.post("/ingest", {"event": nameless(calls=5)}).ok()
    with inside(tmp_path / "data") as server:
        again = Shop(server.api())
        again.api.post("/ingest", {"event": nameless(calls=7)}).ok()
        assert sorted(statuses(again, "acme/eu")) == [METERED, DUPLICATE]
        assert again.invoices()[0]["totalAmount"] == 5


def test_an_event_that_the_template_cannot_name_has_no_id(offer: Shop) -> None:
    offer.api.post("/ingest", {"event": nameless(dimensions={})}).ok()
    (found,) = offer.api.get("/events", status="INGESTION_FAILED_NO_EVENT_ID").ok()["events"]
    assert "dimensions.region" in found["ingestionStatus"]["statusDescription"]
    assert "id" not in found["eventPayload"]


def test_a_template_is_kept_shown_replaced_and_taken_away(still: Shop) -> None:
    body = {"name": "ride", "attributes": [{"name": "miles"}], "dimensions": [], "eventIdTemplate": "${timestamp}"}
    assert still.api.post("/event_schema", body).ok()["eventIdTemplate"] == "${timestamp}"
    changed = still.api.patch("/event_schema/ride", {"eventIdTemplate": "${attributes.miles}"}).ok()
    assert still.api.get("/event_schema/ride").ok() == changed
    assert changed["eventIdTemplate"] == "${attributes.miles}"
    assert "eventIdTemplate" not in still.api.patch("/event_schema/ride", {"eventIdTemplate": ""}).ok()


def test_a_template_that_cannot_work_is_refused_with_the_name_that_was_meant(still: Shop) -> None:
    body = {
        "name": "ride",
        "attributes": [{"name": "miles"}],
        "dimensions": [],
        "eventIdTemplate": "${attributes.mile}",
    }
    refusal = still.api.post("/event_schema", body).refused()
    assert refusal == "eventIdTemplate: unknown variable 'attributes.mile'; did you mean 'attributes.miles'?"
    still.api.get("/event_schema/ride").refused(404)


def test_a_draft_cannot_lose_the_field_that_its_template_names(still: Shop) -> None:
    body = {
        "name": "ride",
        "attributes": [{"name": "miles"}],
        "dimensions": [],
        "eventIdTemplate": "${attributes.miles}",
    }
    still.api.post("/event_schema", body).ok()
    assert "eventIdTemplate" in still.api.patch("/event_schema/ride", {"attributes": []}).refused()
