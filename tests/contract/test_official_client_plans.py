"""Price plans with the official Python client: v2's drafts, and the same plans as v1 sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import togai_client as togai
from pydantic import ValidationError

from tests.contract import walk

if TYPE_CHECKING:
    from tests.servers import Child


@pytest.fixture(scope="module")
def meter(server: Child) -> str:
    api = server.api()
    api.post("/customers", walk.CUSTOMER).ok()
    api.post("/event_schema", walk.SCHEMA).ok()
    api.post("/event_schema/api_call/activate").ok()
    made = api.post("/usage_meters", walk.METER).ok()["id"]
    return api.post(f"/usage_meters/{made}/activate").ok()["id"]


def operation(action: str, name: str, meter: str) -> togai.RateCardOperation:
    card = {
        "billableId": meter,
        "type": "USAGE",
        "invoiceTiming": "IN_ARREARS",
        "rateCardDetails": {"usageRateCard": walk.plan(meter)["pricePlanDetails"]["usageRateCards"][0]},
    }
    sent = {} if action == "DELETE" else {"rateCard": card}
    return togai.RateCardOperation.from_dict({"actionType": action, "rateCardName": name} | sent)


def operations(*made: togai.RateCardOperation) -> togai.BulkRateCardOperationsRequest:
    return togai.BulkRateCardOperationsRequest(operations=list(made))


def test_a_plan_goes_from_draft_to_draft(client: togai.ApiClient, meter: str) -> None:
    v2, v1 = togai.PricePlanV2Api(client), togai.PricePlansApi(client)
    cycle = walk.plan(meter)["pricePlanDetails"]["pricingCycleConfig"]
    bare = {"name": "By v2", "type": "BILLING", "supportedCurrencies": ["USD"], "description": "First"}
    made = v2.create_price_plan_v2(togai.CreatePricePlanV2Request.from_dict(bare))
    assert (made.version, made.status, made.description) == (1, "DRAFT", "First")
    found = v2.list_price_plan_errors(made.id).data
    assert [(one.entity_type, one.reference_id) for one in found] == [("PRICE_PLAN", made.reference_id)] * 2
    v2.update_price_plan_v2(made.id, togai.UpdatePricePlanV2Request.from_dict({"pricingCycleConfig": cycle}))
    created = v2.bulk_price_plan_rate_card_operations(made.id, operations(operation("CREATE", "calls", meter)))
    assert [card.name for card in created.rate_cards] == ["calls"]
    (card,) = v2.list_price_plan_rate_cards(made.id).data
    assert (card.reference_type, card.display_name, card.currencies) == ("PRICE_PLAN", "API calls", ["USD"])
    assert v2.list_price_plan_errors(made.id).data == []
    assert v2.finalize_price_plan(made.id, togai.FinalizePricePlanRequest()).success
    assert v1.get_price_plan(made.id).status == "ACTIVE"
    v2.bulk_price_plan_rate_card_operations(made.id, operations(operation("DELETE", "calls", meter)))
    assert [(one.version, one.status) for one in v2.list_price_plan_versions(made.id).data] == [
        (2, "DRAFT"),
        (1, "ACTIVE"),
    ]
    assert v2.get_price_plan_v2(made.id, version="ACTIVE").version == 1
    assert v2.discard_price_plan(made.id).success
    assert [(one.id, one.version) for one in v2.list_price_plans_v2().data] == [(made.id, 1)]


def test_a_draft_gets_pricing_rules(client: togai.ApiClient, meter: str) -> None:
    v2 = togai.PricePlanV2Api(client)
    bare = {"name": "Ruled", "type": "BILLING", "supportedCurrencies": ["USD"]}
    made = v2.create_price_plan_v2(togai.CreatePricePlanV2Request.from_dict(bare))
    assert v2.list_price_plan_pricing_rules(made.id).data == []
    asked = togai.UpdatePricingRulesRequest.from_dict({"pricingRules": [walk.SURCHARGE]})
    (rule,) = v2.update_price_plan_pricing_rules(made.id, asked).data
    assert (rule.name, rule.version, rule.action.metadata) == ("Surcharge", 1, {"ledger": "4711"})
    assert v2.list_price_plan_pricing_rules(made.id, version="LATEST").data == [rule]
    assert v2.update_price_plan_pricing_rules(made.id, togai.UpdatePricingRulesRequest()).data == []
    lost = walk.SURCHARGE | {"computation": f'{{"var":"usage.urc.{meter}"}}'}
    with pytest.raises(togai.exceptions.BadRequestException, match=r"pricingRules\[0\]\.computation"):
        v2.update_price_plan_pricing_rules(made.id, togai.UpdatePricingRulesRequest.from_dict({"pricingRules": [lost]}))


def test_a_refusal_arrives_as_the_clients_own_exception(client: togai.ApiClient, meter: str) -> None:
    v2 = togai.PricePlanV2Api(client)
    bare = {"name": "Bad", "type": "BILLING", "supportedCurrencies": ["USD"]}
    made = v2.create_price_plan_v2(togai.CreatePricePlanV2Request.from_dict(bare))
    with pytest.raises(togai.exceptions.BadRequestException, match=r"operations\[0\]\.rateCardName"):
        v2.bulk_price_plan_rate_card_operations(made.id, operations(operation("UPDATE", "none", meter)))
    with pytest.raises(togai.exceptions.BadRequestException, match="has no rate cards"):
        v2.finalize_price_plan(made.id, togai.FinalizePricePlanRequest())


def test_accounts_move_to_another_version_by_a_job(client: togai.ApiClient, server: Child, meter: str) -> None:
    api = server.api()
    plan = api.post("/price_plans", walk.plan(meter)).ok()["id"]
    api.post(f"/price_plans/{plan}/activate", {"currencies": ["USD"]}).ok()
    api.post("/accounts/acme-main/price_plans", walk.association(plan)).ok()
    v2, jobs = togai.PricePlanV2Api(client), togai.JobsApi(client)
    v2.update_price_plan_v2(plan, togai.UpdatePricePlanV2Request.from_dict({"description": "Second"}))
    v2.finalize_price_plan(plan, togai.FinalizePricePlanRequest())
    target = {"sourceId": plan, "sourceVersion": 1, "targetId": plan, "targetVersion": 2}
    asked = togai.CreatePricePlanMigrationRequest.from_dict(
        target | {"migrationMode": "NEXT_CYCLE", "requireConfirmation": True, "isPricePlanV2Migration": True}
    )
    assert v2.price_plan_migration_v2(asked).success
    (listed,) = jobs.get_jobs().data
    assert (listed.type, jobs.confirm_job(listed.id).status) == ("PRICE_PLAN", "IN_PROGRESS")
    done = jobs.get_job_status(listed.id)
    assert (done.status, done.completed_job_entries) == ("COMPLETED", 1)
    (entry,) = jobs.get_job_entries(listed.id).data
    assert (entry.entity_id, entry.metadata) == (
        "acme-main",
        {"outcome": "MIGRATED", "effectiveFrom": "2026-02-01"},
    )
    assert togai.PricePlansApi(client).price_plan_migration(asked).success


def test_a_plan_with_percentages_bills_accounts_and_never_reaches_the_client(
    server: Child, client: togai.ApiClient, meter: str
) -> None:
    """Its account, timeline and invoices parse; the plan itself is not listed, and not found by a reason."""
    api, v1, v2 = server.api(), togai.PricePlansApi(client), togai.PricePlanV2Api(client)
    known = {one.id for one in v1.get_price_plans().data}
    asked = walk.plan(meter) | {"name": "Processing"}
    card = asked["pricePlanDetails"]["usageRateCards"][0]
    card["ratePlan"]["slabs"] = [{"order": 1, "startAfter": 0, "priceType": "PERCENTAGE"}]
    each = {"fixedAmount": 0.30, "maximumAmount": 10}
    card["rateValues"] = [{"currency": "USD", "slabRates": [{"order": 1, "rate": 2.9}], "perEvent": each}]
    with pytest.raises(ValidationError):
        togai.CreatePricePlanRequest.from_dict(asked)
    made = api.post("/v1/price-plans", asked).ok()["id"]
    api.post(f"/v1/price-plans/{made}/activate", {"currencies": ["USD"]}).ok()
    account = "payer"
    own = {"id": account, "name": account, "invoiceCurrency": "USD"}
    api.post("/customers", walk.CUSTOMER | {"id": account, "account": own}).ok()
    association = togai.UpdatePricingScheduleRequestWithActions.from_dict(walk.association(made))
    changed = togai.AccountsApi(client).update_pricing_schedule(account, association)
    assert [one.price_plan_name for one in changed.pricing_schedules] == ["Processing"]
    (piece,) = togai.AccountsApi(client).get_pricing_schedules(account).data
    assert (piece.price_plan_id, piece.price_plan_details) == (made, None)
    api.post("/ingest", {"event": walk.EVENT | {"id": "e-payment", "accountId": account}}).ok()
    (draft,) = togai.InvoicesApi(client).list_invoices(owner_id=account).data
    read = togai.InvoicesApi(client).get_invoice(draft.id)
    # 150 x 2.9 % + 0.30
    assert (read.total_amount, read.status) == (4.65, "DRAFT")
    assert {one.id for one in v1.get_price_plans().data} == known
    assert made not in {one.id for one in v2.list_price_plans_v2().data}
    for look in (v1.get_price_plan, v2.get_price_plan_v2, v2.list_price_plan_rate_cards):
        with pytest.raises(togai.exceptions.NotFoundException, match="has percentages: it is under /v1/price-plans"):
            look(made)
