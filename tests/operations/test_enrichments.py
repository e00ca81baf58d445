"""Enrichments over the public API: from settings and rules to usage, and to what an event shows (domain.md 2.6)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import event, tiered

if TYPE_CHECKING:
    from tests.operations.shop import Json, Shop

METERED = "INGESTION_COMPLETED_EVENT_METERED"
FAILED = "INGESTION_FAILED_ENRICHMENT_FAILED"
RATE = {"type": "SETTING", "key": "setting.user.rate", "name": "rate"}


def field(name: str, value: str, order: int = 1, **more: str) -> Json:
    return {"name": name, "type": "ATTRIBUTE", "enrichmentType": "JSON_LOGIC", "value": value, "order": order} | more


UNITS = field("units", '{"*":[{"var":"attributes.calls"},{"var":"dependencies.rate"}]}')
SIZE = field("size", '{"if":[{">":[{"var":"attributes.units"},100]},"large","small"]}', 2, type="DIMENSION")
ENRICHMENTS = {"dependencies": [RATE], "fields": [SIZE, UNITS]}


@pytest.fixture
def offer(still: Shop) -> Shop:
    """A schema that is enriched, and a meter of the enriched number at a price of 1."""
    still.account()
    still.schema()
    still.api.patch("/event_schema/api_call", {"enrichments": ENRICHMENTS}).ok()
    meter = still.meter(computation='{"var":"attributes.units"}')
    still.associate(still.plan(usageRateCards=[tiered(meter, (0, 1))]))
    return still


def send(shop: Shop, event_id: str, calls: int = 10, **more: Any) -> Json:  # noqa: ANN401 - an event's fields
    shop.api.post("/ingest", {"event": event(event_id, calls=calls, **more)}).ok()
    found: Json = shop.api.get(f"/events/{event_id}").ok()["events"][-1]
    return found


def units(found: Json) -> Any:  # noqa: ANN401 - JSON
    return found["eventPipelineInfo"]["usageMeters"][0]["units"]


def test_enriched_values_are_metered_billed_and_shown_and_what_was_sent_stays(offer: Shop) -> None:
    offer.setting("rate", "2.5")
    found = send(offer, "e-1")
    assert found["ingestionStatus"]["status"] == METERED
    assert found["eventPayload"] == event("e-1", calls=10)
    assert found["eventPipelineInfo"]["enrichments"] == {
        "attributes": [{"name": "units", "type": "ATTRIBUTE", "value": "25"}],
        "dimensions": [{"name": "size", "type": "DIMENSION", "value": "small"}],
        "dependencies": [RATE | {"value": "2.5"}],
    }
    assert offer.invoices()[0]["totalAmount"] == 25


def test_the_setting_nearest_to_the_account_wins(offer: Shop) -> None:
    asked = []
    for value, entity in (("1", "ORGANIZATION"), ("2", "CUSTOMER"), ("3", "ACCOUNT")):
        offer.setting("rate", value, entity, None if entity == "ORGANIZATION" else "acme")
        asked.append(units(send(offer, f"with-{entity}")))
    offer.api.delete("/settings/setting.USER.rate.ACCOUNT.acme").ok()
    offer.api.delete("/settings/setting.USER.rate.CUSTOMER.acme").ok()
    asked.append(units(send(offer, "without")))
    assert asked == [10, 20, 30, 10]


def test_another_accounts_setting_does_not_count(offer: Shop) -> None:
    offer.account("zenith")
    offer.setting("rate", "7", "ACCOUNT", "zenith")
    found = send(offer, "e-1")
    assert found["ingestionStatus"]["status"] == FAILED
    assert "has the setting setting.user.rate" in found["ingestionStatus"]["statusDescription"]
    assert units(send(offer, "e-2", account="zenith")) == 70


def test_a_setting_changes_at_a_position_and_events_keep_what_they_were_enriched_with(offer: Shop) -> None:
    offer.setting("rate", "2")
    offer.api.post("/ingest", {"event": event("before", calls=10)}).ok()
    organisation = offer.api.get("/v1/organization").ok()["id"]
    offer.api.patch(f"/settings/setting.USER.rate.ORGANIZATION.{organisation}", {"value": "5"}).ok()
    assert units(send(offer, "after")) == 50
    (before,) = offer.api.get("/events/before").ok()["events"]
    assert units(before) == 20
    assert before["eventPipelineInfo"]["enrichments"]["dependencies"][0]["value"] == "2"


def test_an_event_that_failed_is_sent_again_once_the_setting_is_there(offer: Shop) -> None:
    assert send(offer, "e-1")["ingestionStatus"]["status"] == FAILED
    offer.setting("rate", "2")
    assert send(offer, "e-1")["ingestionStatus"]["status"] == METERED


def test_an_event_whose_account_comes_later_is_enriched_when_it_is_looked_at_again(offer: Shop) -> None:
    offer.setting("rate", "2")
    assert send(offer, "early", account="late")["eventPipelineInfo"].get("enrichments") is None
    offer.account("late")
    found = offer.api.get("/events/early").ok()["events"][0]
    assert (found["ingestionStatus"]["status"], units(found)) == (METERED, 20)
    assert found["eventPipelineInfo"]["enrichments"]["attributes"][0]["value"] == "20"


def test_a_rule_may_be_kept_in_a_setting(offer: Shop) -> None:
    own = field("own", "rule", 3, enrichmentType="JSON_LOGIC_FROM_DEPENDENCY")
    rule = {"type": "SETTING", "key": "setting.user.rule", "name": "rule"}
    grown = {"dependencies": [RATE, rule], "fields": [SIZE, UNITS, own]}
    offer.api.patch("/event_schema/api_call", {"enrichments": grown}).ok()
    offer.setting("rate", "2")
    offer.setting("rule", '{"+":[{"var":"attributes.units"},0.5]}', kind="JSON_LOGIC")
    meter = offer.meter("Own", computation='{"var":"attributes.own"}')
    found = send(offer, "e-1")["eventPipelineInfo"]["usageMeters"]
    assert {one["id"]: one["units"] for one in found}[meter] == Decimal("20.5")


def test_meters_are_checked_against_enriched_fields_and_dependencies(offer: Shop) -> None:
    body = {"name": "M", "type": "COUNTER", "aggregation": "SUM", "eventSchemaName": "api_call"}

    def computed(variable: str, filter_field: str = "size") -> Json:
        computations = [{"computation": f'{{"var":"{variable}"}}', "order": 1}]
        return body | {"computations": computations, "filters": [{"field": filter_field, "value": "small"}]}

    offer.api.post("/usage_meters", computed("dependencies.rate") | {"name": "A"}).ok()
    offer.api.post("/usage_meters", computed("attributes.units", "dimensions.size") | {"name": "B"}).ok()
    assert "did you mean 'attributes.units'?" in offer.api.post("/usage_meters", computed("attributes.unit")).refused()
    assert "filters[0].field" in offer.api.post("/usage_meters", computed("attributes.units", "rate")).refused()


def test_a_preview_of_a_meter_enriches_its_samples(offer: Shop) -> None:
    offer.setting("rate", "2")
    offer.setting("rate", "3", "ACCOUNT", "acme")
    meter = offer.api.get("/usage_meters").ok()["data"][0]["id"]
    samples = [event("a", calls=10), event("b", "unknown", calls=10)]
    tried = offer.api.post("/v1/usage-meters/preview", {"usageMeterId": meter, "events": samples}).ok()
    assert [one["units"] for one in tried["events"]] == [30, 20]


def test_enrichments_are_kept_shown_and_only_grow_once_the_schema_was_active(still: Shop) -> None:
    body = {"name": "ride", "attributes": [{"name": "calls"}], "dimensions": [], "enrichments": ENRICHMENTS}
    assert still.api.post("/event_schema", body).ok()["enrichments"] == ENRICHMENTS
    fewer = {"enrichments": {"fields": [UNITS | {"value": "1"}]}}
    assert still.api.patch("/event_schema/ride", fewer).ok()["enrichments"] == fewer["enrichments"]
    still.api.patch("/event_schema/ride", {"enrichments": ENRICHMENTS}).ok()
    still.api.post("/event_schema/ride/activate").ok()
    refusal = still.api.patch("/event_schema/ride", fewer).refused()
    assert "enrichments.dependencies: 'rate' cannot be removed" in refusal
    assert "enrichments.fields: 'dimensions.size' cannot be removed" in refusal


def test_enrichments_that_cannot_work_are_refused_with_every_problem(still: Shop) -> None:
    wrong = {"dependencies": [RATE | {"key": "rate"}], "fields": [field("calls", "1"), field("x", '{"+":[1')]}
    body = {"name": "ride", "attributes": [{"name": "calls"}], "dimensions": [], "enrichments": wrong}
    refusal = still.api.post("/event_schema", body).refused()
    for path in ("enrichments.dependencies[0].key", "enrichments.fields[0].name", "enrichments.fields[1].value"):
        assert f"{path}: " in refusal
