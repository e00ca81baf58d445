"""A key does what its scopes say, on every route."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tallystick.api.routes import ROUTES
from tallystick.engine.administration import Administration
from tallystick.kernel.scope import Scope
from tallystick.operations.work import traits_of
from tests.operations.money import line, payment
from tests.operations.shop import event

if TYPE_CHECKING:
    from tallystick.api.binder import Route
    from tests.servers import Api, Inside

MONEY = {
    "create_credits",
    "void_credit",
    "update_feature_credit_entry",
    "void_feature_credit_entry",
    "change_account_plan",
    "edit_schedules",
    "finalize_schedules",
    "activate_price_plan",
    "finalize_price_plan",
    "migrate_price_plan",
    "update_invoice",
    "topup_wallet",
    "update_wallet",
    "create_payment",
    "create_purchase",
    "create_proposal",
    "update_proposal_status",
    "reissue_invoice",
    "grant_credit",
    "correct_events",
    "start_correction",
    "start_remetering",
    "apply_catalogue",
}


AS_JOBS = [route.as_job for route in ROUTES if route.as_job is not None]


def key_with(server: Inside, *scopes: Scope) -> Api:
    admin = Administration(server.engine.database)
    first = admin.organisations()[0]
    return server.api(admin.create_key(first.id, "narrow", frozenset(scopes), Decimal(100))[1])


def named(route: Route) -> str:
    return f"{route.method} {route.shown_path}"


def test_the_operations_that_move_money_or_change_what_somebody_pays_are_these() -> None:
    assert {
        route.operation.__name__ for route in [*ROUTES, *AS_JOBS] if traits_of(route.operation).scope is Scope.MONEY
    } == MONEY


def test_whoever_reports_what_is_used_or_held_decides_no_price() -> None:
    """Seats cost what was agreed on, as usage does; a key that counts them must not grant credits."""
    scopes = {route.operation.__name__: traits_of(route.operation).scope for route in ROUTES}
    assert scopes["update_licenses"] is scopes["update_license_entry"] is Scope.WRITE


@pytest.mark.parametrize("route", [*ROUTES, *AS_JOBS], ids=named)
def test_a_key_without_the_scope_is_refused_before_anything_is_looked_up(server: Inside, route: Route) -> None:
    scope = traits_of(route.operation).scope
    others = key_with(server, *(other for other in Scope if other is not scope))
    path = route.shown_path.replace("{", "").replace("}", "")
    name = route.operation.__name__
    body = BODIES.get(name, {}) if route.binding.body else None
    answer = others.send(route.method, path, body, query=QUERIES.get(name))
    if answer.status == 400:
        pytest.fail(f"the body must fit, so that the scope decides: {answer.body}")
    assert answer.refused(403).startswith(f"this needs a key with the scope {scope}; the one that was sent has ")


QUESTION = {
    "currencyConfig": {"mode": "CUSTOM", "currency": "USD"},
    "pricePlanDetailsConfig": {"mode": "PRICE_PLAN", "pricePlanId": "pp.x"},
    "usageConfig": {"mode": "CUSTOM", "usageMap": {}},
    "licenseEntriesConfig": {"mode": "CUSTOM"},
}
BODIES = {
    "start_simulation": {"from": "2026-01-01", "to": "2026-02-01", "plan": {"pricePlanId": "pp.x"}},
    "calculate_revenue": QUESTION,
    "calculate_revenue_v2": QUESTION,
    "create_customer": {"id": "c-1", "name": "Acme", "primaryEmail": "a@acme.test", "address": {}},
    "create_account": {"id": "a-1", "name": "Acme", "customerId": "customerId"},
    "set_setting": {
        "id": "rate",
        "value": "1",
        "entityType": "ACCOUNT",
        "entityId": "acme",
        "namespace": "USER",
        "name": "Rate",
        "dataType": "NUMERIC",
    },
    "grant_credit": {"creditAmount": 1, "effectiveFrom": "2026-01-01"},
    "topup_wallet": {"topupAmount": 1},
    "create_payment": payment(5, line("CREDIT")),
    "check_entitlement": {"value": "true"},
    "create_proposal": {"paymentMode": "PREPAID"},
    "update_proposal_status": {"status": "DECLINE"},
    "start_remetering": {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"},
    "change_account_plan": {"pricePlanId": "pp.x", "effectiveFrom": "2026-01-01", "effectiveUntil": "9999-01-01"},
    "edit_draft_schedules": {"edits": [{"effectiveFrom": "2026-01-01", "effectiveUntil": "9999-01-01"}]},
    "edit_schedules": {"edits": [{"effectiveFrom": "2026-01-01", "effectiveUntil": "9999-01-01"}]},
    "create_event_schema": {"name": "api_call", "attributes": [], "dimensions": []},
    "create_usage_meter": {"name": "Calls", "type": "COUNTER", "aggregation": "COUNT"},
    "create_addon": {"type": "FIXED_FEE"},
    "create_feature": {"name": "Exports"},
    "create_price_plan": {"name": "Plan", "pricePlanDetails": {"supportedCurrencies": ["USD"]}},
    "update_licenses": {"licenseId": "addon.x", "accountId": "acme", "updateType": "ABSOLUTE", "quantity": 1},
    "update_license_entry": {"accountId": "acme", "effectiveFrom": "2026-01-01T00:00:00Z", "metadata": {}},
    "activate_price_plan": {"currencies": ["USD"]},
    "add_plan_currency": {"currency": "EUR"},
    "migrate_price_plan": {"sourceId": "pp.x", "sourceVersion": 1, "migrationMode": "IMMEDIATE"},
    "create_price_plan_v2": {"name": "Plan", "type": "BILLING", "supportedCurrencies": ["USD"]},
    "change_rate_cards": {"operations": [{"actionType": "DELETE", "rateCardName": "calls"}]},
    "change_schedule_rate_cards": {"operations": [{"actionType": "DELETE", "rateCardName": "calls"}]},
    "create_credits": {
        "creditRequests": [
            {
                "accountId": "acme",
                "purpose": "Gift",
                "effectiveFrom": "2026-01-01",
                "creditAmount": 1,
                "priority": 1,
            }
        ]
    },
    "get_metrics": {
        "startTime": "2026-01-01T00:00:00Z",
        "endTime": "2026-02-01T00:00:00Z",
        "metricQueries": [{"id": "q", "name": "EVENTS", "aggregationPeriod": "MONTH"}],
    },
    "try_usage_meter": {"usageMeterId": "um.x", "events": [event("e-1")]},
}
QUERIES = {
    "search_billing": {"query": "acme"},
    "correct_events": {"action": "UNDO"},
    "start_correction": {"action": "UNDO", "async": "true"},
    "list_account_schedules": {"mode": "DRAFT"},
    "list_schedule_rate_cards": {"mode": "DRAFT"},
    "list_schedule_pricing_rules": {"mode": "DRAFT"},
    "get_usage": {"startDate": "2026-01-01", "endDate": "2026-02-01"},
}


@pytest.mark.parametrize("path", ["/ingest", "/ingestBatch", "/entitled"])
def test_a_key_that_only_reads_sends_no_events(server: Inside, path: str) -> None:
    body = {"events": [event("e-1")]} if path == "/ingestBatch" else {"event": event("e-1")}
    reader = key_with(server, Scope.READ)
    assert "the scope write" in reader.post(path, body).refused(403)
    assert reader.get("/events/e-1").status == 404


def test_a_collectors_key_sends_events_and_reads_nothing(server: Inside) -> None:
    collector = key_with(server, Scope.WRITE)
    assert collector.post("/ingest", {"event": event("e-2")}).status == 202
    assert "the one that was sent has write" in collector.get("/events/e-2").refused(403)


def test_a_token_may_do_what_its_key_may(server: Inside) -> None:
    token = key_with(server, Scope.READ).post("/authenticate").ok()["token"]
    reader = server.api(token)
    assert reader.get("/customers").status == 200
    reader.post("/customers", BODIES["create_customer"]).refused(403)


def test_time_is_moved_by_an_administrators_key_only(server: Inside) -> None:
    everything_else = key_with(server, Scope.READ, Scope.WRITE, Scope.MONEY)
    everything_else.post("/v1/test-clock/advance", {"to": "2026-01-02T00:00:00Z"}).refused(403)
    assert everything_else.get("/v1/test-clock").ok()["now"].startswith("2026-01-01")
