"""Feature credits and entitlements with the official Python client: only its host and its token are changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import togai_client as togai

from tallystick.credits.feature_credit import CreditSource
from tallystick.stores.state.database import Database
from tests.contract import walk
from tests.operations.granting import NAME, add, granted

if TYPE_CHECKING:
    from tests.servers import Child

ACCOUNT = "acme-main"


@pytest.fixture(scope="module")
def feature(server: Child) -> str:
    """The id of a feature that calls use up; an account, which has 100 of them and may go on without a limit."""
    api = server.api()
    api.post("/customers", walk.CUSTOMER).ok()
    api.post("/event_schema", walk.SCHEMA).ok()
    api.post("/event_schema/api_call/activate").ok()
    made: str = api.post("/features", {"name": "Calls", "schemaAssociations": ["api_call"]}).ok()["id"]
    within = granted(100, ACCOUNT, made)
    beyond = replace(within, id="sch.1#2026-01-01$OVERAGE", source=CreditSource.OVERAGE, granted=None)
    database = Database(f"sqlite:///{server.data / 'state.db'}")
    add(database, api, within, beyond, replace(within, id="spare"))
    database.close()
    return made


def test_everything_about_feature_credits_parses(client: togai.ApiClient, feature: str) -> None:
    entitlements = togai.EntitlementsApi(client)
    sent = walk.EVENT | {"attributes": [{"name": "calls", "value": "150.5"}]}
    assert entitlements.void_feature_credit_entry(ACCOUNT, feature, "spare").success is True
    assert entitlements.ingest_entitled_event(togai.IngestEventRequest.from_dict({"event": sent})).success is True
    balance = entitlements.get_feature_credits(ACCOUNT, feature)
    assert (balance.granted, balance.balance, balance.overage_limit, balance.used_overage) == (100, 0, None, 50.5)
    listed = {entry.id: entry for entry in entitlements.list_feature_credit_entries(ACCOUNT, feature).data}
    assert (listed[NAME].source, listed[NAME].status, listed[NAME].used) == ("PRICE_PLAN", "ACTIVE", 100)
    assert listed["sch.1#2026-01-01$OVERAGE"].granted is None
    assert listed["spare"].status == "VOIDED"
    change = togai.UpdateFeatureCreditsRequest.from_dict({"granted": 130, "effectiveUntil": "2026-06-01T00:00:00Z"})
    changed = entitlements.update_feature_credit_entry(ACCOUNT, feature, NAME, change)
    assert (changed.granted, changed.balance, changed.effective_until.month) == (130, 30, 6)
    (event,) = togai.EventManagementApi(client).get_single_event(sent["id"]).events
    told = event.event_pipeline_info.feature_details
    assert (told.feature_id, told.mapped_attribute, told.overage_in_event) == (feature, "calls", 50.5)


def test_entitlement_values_parse(client: togai.ApiClient, server: Child, feature: str) -> None:
    server.api().post("/accounts", {"id": "none", "name": "None", "customerId": "acme"}).ok()
    entitlements = togai.EntitlementsApi(client)
    (one,) = entitlements.get_entitlements(ACCOUNT).data
    assert (one.feature_id, entitlements.get_entitlement_value(ACCOUNT, feature).data) == (feature, [one])
    assert entitlements.get_entitlements("none").data == []
    for value, is_it in ((one.value, True), ("another", False)):
        asked = togai.ValidateEntitlementValueRequest(value=value)
        assert entitlements.validate_entitlement_value(ACCOUNT, feature, asked).success is is_it
    assert entitlements.list_feature_credit_entries("none", feature).data == []


def test_refusals_arrive_as_the_clients_own_exceptions(client: togai.ApiClient, feature: str) -> None:
    entitlements = togai.EntitlementsApi(client)
    too_early = walk.EVENT | {"id": "e-early", "timestamp": "2025-12-01T00:00:00Z"}
    with pytest.raises(togai.exceptions.ForbiddenException) as refused:
        entitlements.ingest_entitled_event(togai.IngestEventRequest.from_dict({"event": too_early}))
    assert feature in refused.value.body
    sent = walk.EVENT | {"id": "e-twice"}
    twice = togai.IngestEventRequest.from_dict({"event": sent})
    entitlements.ingest_entitled_event(twice)
    with pytest.raises(togai.exceptions.ApiException) as duplicate:
        entitlements.ingest_entitled_event(twice)
    assert duplicate.value.status == 409
