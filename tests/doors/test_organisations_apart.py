"""What belongs to one organisation does not exist for another one in the same server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tallystick.api.routes import ROUTES
from tests.operations.buying import buy, pack, propose
from tests.operations.granting import add, granted
from tests.operations.money import line, pay, payment
from tests.operations.shop import Shop, event, tiered

if TYPE_CHECKING:
    from tallystick.api.binder import Route
    from tests.servers import Api, Inside

CHANGES: dict[str, Any] = {
    "update_customer": {"name": "Taken over"},
    "update_account": {"name": "Taken over"},
    "change_account_plan": {"pricePlanId": "pp.x", "effectiveFrom": "2026-01-01", "effectiveUntil": "9999-01-01"},
    "edit_schedules": {
        "edits": [{"mode": "DISASSOCIATE", "effectiveFrom": "2026-03-01", "effectiveUntil": "2026-04-01"}]
    },
    "edit_draft_schedules": {
        "edits": [{"mode": "DISASSOCIATE", "effectiveFrom": "2026-03-01", "effectiveUntil": "2026-04-01"}]
    },
    "finalize_schedules": {},
    "change_schedule_rate_cards": {"operations": [{"actionType": "DELETE", "rateCardName": "Taken over"}]},
    "update_event_schema": {"description": "Taken over"},
    "update_usage_meter": {"description": "Taken over"},
    "update_addon": {"name": "Taken over"},
    "update_feature": {"name": "Taken over"},
    "update_price_plan": {"description": "Taken over"},
    "activate_price_plan": {"currencies": ["USD"]},
    "add_plan_currency": {"currency": "EUR"},
    "update_price_plan_v2": {"description": "Taken over"},
    "replace_plan_pricing_rules": {"pricingRules": []},
    "replace_schedule_pricing_rules": {"pricingRules": []},
    "change_rate_cards": {"operations": [{"actionType": "DELETE", "rateCardName": "calls"}]},
    "finalize_price_plan": {},
    "update_invoice": {"status": "VOID"},
    "update_wallet": {"status": "INACTIVE"},
    "topup_wallet": {"topupAmount": 1},
    "create_purchase": {"type": "WALLET_TOPUP", "walletTopupDetails": {"topupAmount": 5}},
    "create_proposal": {"paymentMode": "PREPAID", "pricePlanId": "pp.x"},
    "update_proposal_status": {"status": "DECLINE"},
    "update_setting": {"name": "Taken over"},
    "update_feature_credit_entry": {"granted": 7},
    "check_entitlement": {"value": "true"},
    "update_license_entry": {"accountId": "acme", "effectiveFrom": "2026-01-01T00:00:00Z", "metadata": {"by": "them"}},
    "create_account": {"id": "acme-2", "name": "Taken over"},
    "grant_credit": {"creditAmount": 1, "effectiveFrom": "2026-01-01"},
    "start_remetering": {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"},
}
QUERIES: dict[str, dict[str, object]] = {
    "list_account_schedules": {"mode": "DRAFT"},
    "list_schedule_rate_cards": {"mode": "DRAFT"},
    "list_schedule_pricing_rules": {"mode": "DRAFT"},
    "get_usage": {"startDate": "2026-01-01", "endDate": "2026-02-01"},
}
"""What a route must be asked, so that it is what its path names that is looked for."""
READ_AT = {
    "update_feature_credit_entry": "/accounts/acme/features/{feature_id}/entries",
    "void_feature_credit_entry": "/accounts/acme/features/{feature_id}/entries",
    "update_license_entry": "/license_updates",
    "create_purchase": "/accounts/acme/purchases",
    "create_proposal": "/accounts/acme/purchase_proposals",
    "update_proposal_status": "/purchase_proposals/{purchase_proposal_id}",
    "discard_price_plan": "/v2/price_plans/{price_plan_id}",
    "remove_plan_currency": "/price_plans/{price_plan_id}",
    "edit_draft_schedules": "/accounts/acme",
    "finalize_schedules": "/accounts/acme",
    "topup_wallet": "/accounts/acme/wallet/entries",
    "discard_schedules": "/accounts/acme",
    "change_schedule_rate_cards": "/v2/schedules/{schedule_id}/errors",
    "replace_schedule_pricing_rules": "/v2/schedules/{schedule_id}/errors",
}
"""Where the owner reads what cannot be read by its own path."""


@pytest.fixture(scope="module")
def mine(server: Inside) -> Api:
    """The organisation that owns one of everything."""
    return server.new_organisation(name="Mine")


@pytest.fixture(scope="module")
def names(mine: Api, server: Inside) -> dict[str, str]:
    """The id of each of its things, by the name of the path parameter."""
    shop = Shop(mine)
    meter = shop.metered_plan((0, 1))
    shop.use(5)
    mine.post("/ingest", {"event": event("e-mine")}).ok()
    path = "/events/correction?action=UNDO&account_id=acme&event_id=e-mine&require_confirmation=true"
    plan = mine.get("/price_plans").ok()["data"][0]["id"]
    feature = mine.post("/features", {"name": "Exports"}).ok()["id"]
    add(server.engine.database, mine, granted(5, "acme", feature, "entry"))
    owned = {
        "job_id": mine.post(path).ok()["jobId"],
        "remetering_id": mine.post(f"/v1/usage-meters/{meter}/remeterings", CHANGES["start_remetering"]).ok()["jobId"],
        "simulation_id": mine.post("/v1/simulations", simulation(mine)).ok()["jobId"],
        "customer_id": "acme",
        "account_id": "acme",
        "event_schema_name": "api_call",
        "usage_meter_id": meter,
        "addon_id": shop.addon(),
        "license_id": licensed(shop),
        "feature_id": feature,
        "entry_id": "entry",
        "schedule_id": _drafted(mine),
        "price_plan_id": plan,
        "pricing_schedule_id": mine.get(f"/price_plans/{plan}").ok()["pricingSchedule"][0]["id"],
        "event_id": "e-mine",
        "invoice_id": shop.invoices()[0]["id"],
        "line_id": meter,
        **bought(shop),
        "credit_id": shop.credit(5),
        "payment_id": pay(shop, 5, line("WALLET_CREDIT"))["id"],
        "currency_id": "XTS",
        "setting_id_str": shop.setting("threshold", "5", "ACCOUNT", "acme"),
    }
    return owned | {_camel(name): value for name, value in owned.items()}


def bought(shop: Shop) -> dict[str, str]:
    """A purchase and a proposal of the account, which wait."""
    plan, _, _ = pack(shop)
    return {
        "purchase_id": buy(shop, plan).ok()["id"],
        "purchase_proposal_id": propose(shop, plan).ok()["id"],
    }


def licensed(shop: Shop) -> str:
    """A licence of which the account holds one."""
    seats = shop.addon("Seats", "LICENSE")
    granted = {"licenseId": seats, "accountId": "acme", "updateType": "RELATIVE", "quantity": 1}
    shop.api.post("/license_updates", granted | {"effectiveFrom": "2026-01-01T00:00:00Z"}).ok()
    return seats


def simulation(mine: Api) -> dict[str, Any]:
    plan = mine.get("/price_plans").ok()["data"][0]["id"]
    return {"from": "2026-01-01", "to": "2026-02-01", "plan": {"pricePlanId": plan}}


def _drafted(mine: Api) -> str:
    """A schedule of a draft of the account's timeline."""
    answer = mine.post("/v2/accounts/acme/edit_schedules", CHANGES["edit_draft_schedules"]).ok()
    return str(answer["pricingSchedules"][0]["id"])


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(map(str.capitalize, tail))


@pytest.fixture
def theirs(server: Inside) -> Api:
    return server.new_organisation(name="Theirs")


def with_names() -> list[Route]:
    return [route for route in ROUTES if route.binding.path]


@pytest.mark.parametrize("route", with_names(), ids=lambda route: f"{route.method} {route.shown_path}")
def test_another_organisations_ids_are_not_found(route: Route, theirs: Api, names: dict[str, str], mine: Api) -> None:
    path = route.shown_path.format(**names)
    body = CHANGES.get(route.operation.__name__)
    assert (body is not None) == (route.binding.body is not None), "every body here is one that its owner could send"
    asked = QUERIES.get(route.operation.__name__, {})
    message = theirs.send(route.method, path, body, query=asked).refused(404)
    assert "not found" in message
    reads = path.rpartition("/")[0].removeprefix("/v1").replace("-", "_") if route.method == "POST" else path
    reads = READ_AT.get(route.operation.__name__, reads).format(**names)
    assert mine.get(reads, **asked).status == 200, "the owner still has it"


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.method == "GET" and not route.binding.path],
    ids=lambda route: route.path,
)
def test_another_organisations_things_are_never_listed(route: Route, theirs: Api, names: dict[str, str]) -> None:
    text = theirs.get(route.path).content.decode()
    for name in names.values():
        assert f'"{name}"' not in text


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/invoices", {"owner_id": "acme"}),
        ("/invoices", {"customer_id": "acme"}),
        ("/credits", {"account_id": "acme"}),
        ("/payments", {"account_id": "acme"}),
        ("/license_updates", {"account_id": "acme"}),
        ("/accounts", {"customer_id": "acme"}),
        ("/events", {"account_id": "acme"}),
        ("/customers", {"_search": "acme"}),
    ],
)
def test_nor_found_by_a_filter(theirs: Api, names: dict[str, str], path: str, query: dict[str, str]) -> None:
    assert names
    body = theirs.get(path, **query).ok()
    assert body.get("data", body.get("events")) == []


def test_nor_by_searching_for_their_ids(theirs: Api, mine: Api, names: dict[str, str]) -> None:
    for name in {names[noun] for noun in ("customer_id", "event_schema_name", "price_plan_id", "invoice_id")}:
        assert theirs.get("/v1/search", query=name).ok()["hits"] == []
        assert mine.get("/v1/search", query=name).ok()["hits"]


def test_nor_tried_out(theirs: Api, names: dict[str, str]) -> None:
    body = {"usageMeterId": names["usage_meter_id"], "events": [event("e-1")]}
    assert "usageMeterId: usage meter" in theirs.post("/v1/usage-meters/preview", body).refused(400)


def test_their_ids_in_a_body_are_unknown(theirs: Api, names: dict[str, str]) -> None:
    credit = {"accountId": "acme", "purpose": "Gift", "effectiveFrom": "2026-01-01", "creditAmount": 1, "priority": 1}
    card = tiered(names["usage_meter_id"], (0, 1))
    for path, body, message in (
        ("/accounts", {"id": "new", "name": "New", "customerId": "acme"}, "customerId: customer 'acme' not found"),
        ("/credits", {"creditRequests": [credit]}, "creditRequests[0].accountId: account 'acme' not found"),
        ("/payments", payment(5, line("CREDIT")), "accountId: account 'acme' not found"),
        ("/features", {"name": "F", "schemaAssociations": ["api_call"]}, "event schema 'api_call' not found"),
        (
            "/usage_meters",
            {"name": "M", "type": "COUNTER", "aggregation": "COUNT", "eventSchemaName": "api_call"},
            "eventSchemaName: event schema 'api_call' not found",
        ),
        (
            "/price_plans",
            {"name": "P", "pricePlanDetails": {"supportedCurrencies": ["USD"], "usageRateCards": [card]}},
            "pricePlanDetails.usageRateCards[0].usageMeterId: usage meter",
        ),
    ):
        assert message in theirs.post(path, body).refused(400)
    simulated = {"from": "2026-01-01", "to": "2026-02-01", "plan": {"pricePlanId": names["price_plan_id"]}}
    selected = simulated | {"plan": {"pricePlanDetails": {"supportedCurrencies": ["USD"]}}}
    for body, message in (
        (simulated, "plan.pricePlanId: price plan"),
        (selected | {"accounts": {"accountIds": ["acme"]}}, "accounts.accountIds[0]: account 'acme' not found"),
        (selected | {"accounts": {"pricePlanId": names["price_plan_id"]}}, "accounts.pricePlanId: price plan"),
    ):
        assert message in theirs.post("/v1/simulations", body).refused(400)
    Shop(theirs).account("own")
    assert "pricePlanId: " in Shop(theirs).try_associate(names["price_plan_id"], "own").refused(400)


@pytest.mark.parametrize("name", ["EVENTS", "USAGE", "REVENUE", "USAGE_FOR_CYCLE", "REVENUE_FOR_CYCLE"])
def test_metrics_count_only_ones_own(theirs: Api, mine: Api, names: dict[str, str], name: str) -> None:
    assert names

    def total(api: Api) -> object:
        series = Shop(api).metric(name, "2026-01-01", "2026-02-01")
        return sum(value for one in series for value in one["metricValues"])

    assert (total(theirs), total(mine) > 0) == (0, True)


def test_a_page_token_is_good_for_its_organisation_only(theirs: Api, server: Inside) -> None:
    other = server.new_organisation()
    for kind in ("LICENSE", "FIXED_FEE"):
        other.post("/addons", {"type": kind}).ok()
    token = other.get("/addons", pageSize=1).ok()["nextToken"]
    assert "Invalid nextToken" in theirs.get("/addons", nextToken=token).refused(400)


def test_the_same_ids_live_side_by_side(theirs: Api, mine: Api, names: dict[str, str]) -> None:
    assert names
    shop = Shop(theirs)
    shop.metered_plan((0, 3))
    theirs.post("/ingest", {"event": event("e-mine", calls=2)}).ok()
    assert shop.status("e-mine") == "INGESTION_COMPLETED_EVENT_METERED"
    assert [one["totalAmount"] for one in shop.invoices()] == [6]
    # The order of the purchase; 5 calls and the 1 of e-mine, less the credit of 5.
    assert [one["totalAmount"] for one in Shop(mine).invoices()] == [60, 1]
