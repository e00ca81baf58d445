"""Purchases and proposals with the official Python client: what it sends is taken, what it gets parses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import togai_client as togai

from tests.contract import walk
from tests.operations.buying import once
from tests.operations.shop import Shop, credit_grant, fee, monthly

if TYPE_CHECKING:
    from tests.servers import Child


@pytest.fixture(scope="module")
def shop(server: Child) -> Shop:
    server.api().post("/customers", walk.CUSTOMER).ok()
    return Shop(server.api())


@pytest.fixture(scope="module")
def plan(shop: Shop) -> str:
    cards = {
        "fixedFeeRateCards": [fee(shop.addon("Setup"), 50, type="ONE_TIME")],
        "creditGrantRateCards": [credit_grant(shop.addon("Pack", "CREDIT_GRANT"), 100, 10)],
    }
    return once(shop, **cards)


def test_a_purchase(client: togai.ApiClient, shop: Shop, plan: str) -> None:
    api = togai.AccountsApi(client)
    override = {"fixedFeeRateCards": [], "creditGrantRateCards": [credit_grant(_pack(shop, plan), 70, 7)]}
    for more, price in (({"quantity": 3}, 160), ({"purchasePlanOverride": override, "idempotencyKey": "k"}, 7)):
        asked = togai.CreatePurchaseRequest.from_dict({"pricePlanId": plan, "type": "ENTITLEMENT_GRANT"} | more)
        made = api.initiate_one_time_entitlement_plan("acme-main", asked)
        assert (made.status, made.type) == ("PENDING", "ENTITLEMENT_GRANT")
        assert (made.price, made.invoice_currency) == (price, "USD")
        read = api.get_purchase(made.id)
        assert (read.id, read.price_plan_version, read.invoice_id) == (made.id, 1, made.invoice_id)
        assert read.purchase_plan.supported_currencies == ["USD"]
    listed = api.list_account_purchases("acme-main").data
    assert {one.price for one in listed} == {160, 7}
    assert {one.price_plan_name for one in listed} == {"Once"}


def test_a_purchase_of_a_recurring_plan(client: togai.ApiClient, shop: Shop) -> None:
    billing = shop.plan(cycle=monthly(), fixedFeeRateCards=[fee(shop.addon("Base"), 30, timing="IN_ADVANCE")])
    days = {"effectiveFrom": "2026-02-01", "effectiveUntil": "2027-02-01"}
    body = {"pricePlanId": billing, "type": "ASSOCIATION"} | days
    cycle = {"pricingCycleConfig": monthly(grace=5)}
    asked = togai.CreatePurchaseRequest.from_dict(body | {"associationOverride": cycle})
    made = togai.AccountsApi(client).initiate_one_time_entitlement_plan("acme-main", asked)
    assert (made.type, made.price, str(made.effective_from)) == ("ASSOCIATION", 30, "2026-02-01")
    assert made.association_override.pricing_cycle_config.grace_period == 5


def test_a_proposal(client: togai.ApiClient, plan: str) -> None:
    api = togai.AccountsApi(client)
    body = {
        "pricePlanId": plan,
        "type": "ENTITLEMENT_GRANT",
        "paymentMode": "PREPAID",
        "expiryDate": "2026-03-01T00:00:00Z",
    }
    made = api.create_proposal("acme-main", togai.CreateProposalRequest.from_dict(body))
    assert (made.status, made.payment_mode, made.price) == ("PROPOSAL_ACTIVE", "PREPAID", 60)
    assert api.get_proposal(made.id).expiry_date == datetime(2026, 3, 1, tzinfo=UTC)
    (listed,) = api.list_account_proposals("acme-main").data
    assert (listed.id, listed.price_plan_version) == (made.id, 1)
    approved = api.update_proposal_status(made.id, togai.UpdateProposalStatus(status="APPROVE"))
    assert (approved.status, approved.id) == ("PROPOSAL_APPROVED", made.id)
    assert togai.AccountsApi(client).get_purchase(made.id).status == "PENDING"


def _pack(shop: Shop, plan: str) -> str:
    terms = shop.api.get(f"/price_plans/{plan}").ok()["pricingSchedule"][0]["pricePlanDetails"]
    return str(terms["creditGrantRateCards"][0]["id"])
