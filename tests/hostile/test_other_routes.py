"""Every other route that takes a body: good ones with a part replaced by what nobody sends, and never a 5xx."""

from __future__ import annotations

import json
import re
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, Final

import pytest
from starlette.routing import compile_path

from tallystick.api.routes import ROUTES
from tests.hostile.corpus import FRAGMENTS
from tests.hostile.verdict import complaints
from tests.operations.buying import pack, propose
from tests.operations.shop import ADDRESS, CALLS, Shop, commitment, credit_grant, event, fee, monthly, per_cent, tiered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Api, Inside

Json = Any
Step = str | int

HERE: Final = "\ue000"
"""Stands in a body where a fragment comes."""

LARGE: Final = 10_000
FURTHER: Final = {
    "-1": b"-1",
    "1e30": b"1e30",
    "1e100": b"1e100",
    "1e-100": b"1e-100",
    "38 digits": b"9" * 38,
    "2^31": b"2147483648",
    "below 64 bits": b"-9223372036854775809",
    "an exponent in a text": b'"1e5"',
    "NaN in a text": b'"NaN"',
    "the first day": b'"0001-01-01"',
    "the last day": b'"9999-12-31"',
    "no day": b'"2026-02-29"',
    "before the first instant": b'"0001-01-01T00:00:00+14:00"',
    "after the last instant": b'"9999-12-31T23:59:59.999999-14:00"',
    "a long text": b'"' + b"x" * 9_000 + b'"',
    "500 objects": b"[" + b"{}," * 500 + b"{}]",
    "a rule that fails": rb'"{\"/\":[1,0]}"',
    "a deep rule": b'"' + rb"{\"!\":" * 900 + b"1" + b"}" * 900 + b'"',
}
FEW: Final = {name: fragment for name, fragment in FRAGMENTS.items() if len(fragment) <= LARGE} | FURTHER
EACH: Final = 4
"""Fragments at each place; all of them come by turns, and everywhere in `make test-hostile`."""

PLAN: Final = {
    "name": "Plan",
    "pricePlanDetails": {
        "supportedCurrencies": ["USD"],
        "pricingCycleConfig": monthly(),
        "usageRateCards": [tiered("<meter>", (0, 1), (10, "0.5"))],
        "fixedFeeRateCards": [fee("<addon>", 3)],
        "minimumCommitment": commitment(5),
    },
}
SHARES: Final = {
    "pricePlanDetails": {
        "supportedCurrencies": ["USD"],
        "pricingCycleConfig": monthly(),
        "usageRateCards": [per_cent("<meter>", (0, "2.9"), each={"fixedAmount": "0.30", "maximumAmount": 10})],
    }
}
PRICING_RULES: Final = [
    {
        "name": "Discount",
        "order": 1,
        "invoiceTiming": "IN_ARREARS",
        "condition": '{">":[{"var":"revenue.rate_card_total"},5]}',
        "computation": '{"*":[{"var":"usage.urc.<meter>"},-0.1]}',
        "action": {"type": "ADD", "id": "off", "description": "d", "metadata": {"a": "b"}},
    },
    {"name": "Half", "order": 2, "computation": "1", "action": {"type": "UPDATE", "target": "revenue.urc.<meter>"}},
]
MIGRATION: Final = {
    "sourceId": "<plan>",
    "sourceVersion": 1,
    "targetId": "<draft>",
    "targetVersion": 1,
    "migrationMode": "NEXT_CYCLE",
    "requireConfirmation": True,
}
COMPUTATIONS: Final = [{"computation": CALLS, "matcher": '{"==":[{"var":"dimensions.region"},"eu"]}', "order": 1}]
METER: Final = {
    "name": "Meter",
    "type": "COUNTER",
    "aggregation": "SUM",
    "eventSchemaName": "api_call",
    "computations": COMPUTATIONS,
    "filters": [{"field": "dimensions.region", "value": "eu"}],
}
SETTING: Final = {
    "id": "rate",
    "name": "Rate",
    "namespace": "USER",
    "dataType": "NUMERIC",
    "value": "1.5",
    "entityType": "ACCOUNT",
    "entityId": "acme",
}
ENRICHMENTS: Final = {
    "dependencies": [{"type": "SETTING", "key": "setting.user.rate", "name": "rate"}],
    "fields": [{"name": "km", "type": "ATTRIBUTE", "enrichmentType": "JSON_LOGIC", "value": CALLS, "order": 1}],
}
METRICS: Final = {
    "startTime": "2026-01-01T00:00:00Z",
    "endTime": "2026-02-01T00:00:00Z",
    "metricQueries": [
        {
            "id": "q",
            "name": "USAGE",
            "aggregationPeriod": "MONTH",
            "groupBy": "ACCOUNT_ID",
            "filters": [{"fieldName": "ACCOUNT_ID", "fieldValues": ["acme"]}],
        }
    ],
}
QUESTION: Final = {
    "currencyConfig": {"mode": "ACCOUNT_INVOICE", "accountId": "acme"},
    "pricePlanDetailsConfig": {
        "mode": "CUSTOM",
        "pricePlanDetails": PLAN["pricePlanDetails"],
        "pricingCycleOrdinal": 1,
    },
    "usageConfig": {
        "mode": "LOOKUP_RANGE",
        "lookupRange": {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z", "accountId": "acme"},
    },
    "licenseEntriesConfig": {"mode": "CUSTOM", "custom": []},
    "prorationConfig": {
        "mode": "CUSTOM",
        "customConfig": {
            "cycleStartDate": "2026-01-01T00:00:00Z",
            "cycleEndDate": "2026-02-01T00:00:00Z",
            "currentDate": "2026-01-16T00:00:00Z",
        },
    },
}
CREDIT: Final = {
    "accountId": "acme",
    "purpose": "Gift",
    "effectiveFrom": "2026-01-01",
    "effectiveUntil": "2027-01-01",
    "priority": 1,
    "creditAmount": 5,
    "applicableEntityIds": ["<meter>"],
}
ACCOUNT: Final = {"id": "<new>", "name": "Account", "invoiceCurrency": "USD"}
CUSTOMER: Final = {
    "id": "<new>",
    "name": "Customer",
    "primaryEmail": "a@b.test",
    "address": ADDRESS,
    "account": ACCOUNT,
}
SCHEMA: Final = {
    "name": "<new>",
    "description": "d",
    "attributes": [{"name": "n", "defaultUnit": "km"}],
    "dimensions": [{"name": "d"}],
    "filterFields": [],
}
CARD: Final = {"usageMeter": "Meter"} | {
    key: value for key, value in tiered("<meter>", (0, 1), (10, "0.5")).items() if key != "usageMeterId"
}
RULES: Final = [{"matcher": {"==": [{"var": "dimensions.d"}, "eu"]}, "computation": {"var": "attributes.n"}}]
CATALOGUE: Final = {
    "eventSchemas": [SCHEMA | {"status": "ACTIVE"}],
    "usageMeters": [METER | {"status": "ACTIVE", "computations": RULES, "filters": [], "eventSchemaName": "<new>"}],
    "addOns": [{"name": "Fee", "type": "FIXED_FEE", "billableName": "Our fee"}],
    "features": [{"name": "Feature", "schemaAssociations": [{"schemaName": "<new>", "attributeName": "n"}]}],
    "pricePlans": [
        {
            "name": "Plan",
            "status": "ACTIVE",
            "activeCurrencies": ["USD"],
            "pricePlanDetails": PLAN["pricePlanDetails"]
            | {
                "usageRateCards": [CARD],
                "fixedFeeRateCards": [{"addOn": "Fee", "enableProration": False, "rateValues": []}],
            },
            "pricingRules": [
                {
                    "name": "Discount",
                    "order": 1,
                    "condition": {">": [{"var": "revenue.urc.Meter"}, 5]},
                    "computation": {"*": [{"var": ["revenue.urc.Meter", 0]}, -0.1]},
                    "action": {"type": "ADD", "metadata": {"a": "b"}},
                }
            ],
        }
    ],
}

PURCHASE: Final = {
    "type": "ENTITLEMENT_GRANT",
    "pricePlanId": "<once>",
    "quantity": 2,
    "rateCardQuantities": {"<pack>": 1.5},
    "purchasePlanOverride": {
        "fixedFeeRateCards": [],
        "creditGrantRateCards": [credit_grant("<pack>", 100, 10, timing="PREPAID", expiry="CUSTOM", lasts="P10D")],
    },
    "expiryDate": "2027-01-01T00:00:00Z",
}
BODIES: Final[dict[tuple[str, str], Json]] = {
    ("POST", "/customers"): CUSTOMER,
    ("PATCH", "/customers/acme"): {"name": "New", "primaryEmail": "c@d.test", "address": ADDRESS},
    ("POST", "/accounts"): ACCOUNT | {"customerId": "acme", "aliases": ["<new>"]},
    ("PATCH", "/accounts/acme"): {
        "name": "New",
        "netTermDays": 30,
        "primaryEmail": "c@d.test",
        "metadata": {"a": "b"},
        "tags": ["t"],
    },
    ("POST", "/accounts/acme/price_plans"): {
        "pricePlanId": "<plan>",
        "effectiveFrom": "2026-01-01",
        "effectiveUntil": "9999-01-01",
        "pricePlanDetailsOverride": {
            "pricingCycleConfig": monthly(),
            "supportedCurrencies": ["USD"],
            "usageRateCards": [tiered("<meter>", (0, 1))],
            "fixedFeeRateCards": [],
            "minimumCommitment": commitment(5),
        },
        "pricingRulesOverride": PRICING_RULES,
        "retainStartOffsets": False,
        "preActions": [{"type": "GRANT_LICENSE", "config": {"licenseId": "<addon>", "quantity": "1"}}],
    },
    ("POST", "/accounts/acme/edit_schedules"): {
        "edits": [{"pricePlanId": "<plan>", "effectiveFrom": "2026-02-01", "effectiveUntil": "2026-03-01"}]
    },
    ("POST", "/v2/accounts/acme/edit_schedules"): {
        "edits": [
            {
                "mode": "ASSOCIATE",
                "effectiveFrom": "2026-02-01",
                "effectiveUntil": "2026-03-01",
                "mergeSchedules": True,
                "associationConfig": {
                    "pricePlanId": "<plan>",
                    "scheduleId": "<schedule>",
                    "pricingCycleConfigOverride": monthly(),
                    "retainStartOffsets": False,
                },
            }
        ]
    },
    ("POST", "/v2/accounts/later/finalize_schedules"): {
        "mergeSchedules": False,
        "preActions": [
            {
                "type": "GRANT_LICENSE",
                "config": {"licenseId": "<addon>", "updateType": "ABSOLUTE", "quantity": "1"},
            }
        ],
    },
    ("POST", "/v2/schedules/<schedule>/rate_cards"): {
        "operations": [{"actionType": "DELETE", "rateCardName": "<addon>"}]
    },
    ("PUT", "/v2/schedules/<schedule>/pricing_rules"): {"pricingRules": PRICING_RULES},
    ("POST", "/license_updates"): {
        "licenseId": "<addon>",
        "accountId": "acme",
        "updateType": "RELATIVE",
        "quantity": 1,
        "metadata": {"a": "b"},
    },
    ("PATCH", "/license_updates/<addon>"): {
        "accountId": "acme",
        "effectiveFrom": "2026-01-01T00:00:00Z",
        "metadata": {"a": "b"},
    },
    ("POST", "/event_schema"): SCHEMA,
    ("PATCH", "/event_schema/api_call"): {"description": "d", "enrichments": ENRICHMENTS},
    ("POST", "/event_schema/api_call/activate"): {},
    ("POST", "/event_schema/api_call/deactivate"): {},
    ("POST", "/usage_meters"): METER,
    ("PATCH", "/usage_meters/<meter>"): {"name": "New", "computations": COMPUTATIONS},
    ("POST", "/v1/usage-meters"): METER,
    ("PATCH", "/v1/usage-meters/<meter>"): {"name": "New", "aggregation": "MAX", "computations": COMPUTATIONS},
    ("POST", "/v1/usage-meters/<meter>/activate"): {},
    ("POST", "/v1/usage-meters/<meter>/deactivate"): {},
    ("POST", "/usage_meters/<meter>/activate"): {},
    ("POST", "/usage_meters/<meter>/deactivate"): {},
    ("POST", "/addons"): {"name": "Seats", "type": "LICENSE"},
    ("PATCH", "/addons/<addon>"): {"name": "New"},
    ("POST", "/features"): {"name": "Feature"},
    ("PATCH", "/features/<feature>"): {"name": "New"},
    ("PATCH", "/accounts/acme/features/<feature>/entries/none"): {
        "granted": 5,
        "effectiveUntil": "2027-01-01T00:00:00Z",
    },
    ("POST", "/accounts/acme/features/<feature>/entries/none/void"): {},
    ("POST", "/accounts/acme/entitlements/<feature>"): {"value": "true"},
    ("POST", "/price_plans"): PLAN,
    ("PATCH", "/price_plans/<draft>"): {"description": "New", "pricePlanDetails": PLAN["pricePlanDetails"]},
    ("POST", "/price_plans/<draft>/activate"): {"currencies": ["USD"]},
    ("POST", "/price_plans/<draft>/currencies"): {
        "currency": "EUR",
        "usageRates": [
            {"usageMeterId": "<meter>", "slabRates": [{"order": 1, "rate": 1}, {"order": 2, "rate": "0.5"}]}
        ],
        "fixedFeeRates": [{"id": "<addon>", "rate": 3}],
        "minimumCommitmentRate": 5,
    },
    ("POST", "/price_plans/migration"): MIGRATION,
    ("POST", "/v2/price_plans/migration"): MIGRATION | {"retainStartOffsets": False, "isPricePlanV2Migration": True},
    ("POST", "/v2/price_plans"): {
        "name": "Plan",
        "description": "d",
        "type": "BILLING",
        "supportedCurrencies": ["USD"],
        "pricingCycleConfig": monthly(),
        "deferredRevenue": False,
        "allowOngoingCycleUpdates": False,
    },
    ("PATCH", "/v2/price_plans/<draft>"): {
        "description": "New",
        "pricingCycleConfig": monthly(),
        "supportedCurrencies": ["USD"],
    },
    ("PUT", "/v2/price_plans/<draft>/pricing_rules"): {"pricingRules": PRICING_RULES},
    ("POST", "/v2/price_plans/<draft>/rate_cards"): {
        "operations": [
            {
                "actionType": "UPDATE",
                "rateCardName": "<meter>",
                "rateCard": {
                    "billableId": "<meter>",
                    "type": "USAGE",
                    "displayName": "Calls",
                    "invoiceTiming": "IN_ARREARS",
                    "tag": "t",
                    "rateCardDetails": {"usageRateCard": tiered("<meter>", (0, 1))},
                },
            },
            {"actionType": "DELETE", "rateCardName": "<addon>"},
        ]
    },
    ("POST", "/v2/price_plans/<draft>/finalize"): {"migrationMode": "NONE", "versionsToMigrate": "LATEST_VERSION"},
    ("PATCH", "/invoices/<invoice>"): {"status": "PAID"},
    ("POST", "/v1/invoices/<invoice>/reissue"): {},
    ("POST", "/credits"): {"creditRequests": [CREDIT]},
    ("POST", "/credits/<credit>/void"): {},
    ("PATCH", "/accounts/acme/wallet"): {"status": "ACTIVE", "effectiveFrom": "2026-01-01T00:00:00Z"},
    ("POST", "/accounts/acme/wallet_topup"): {"topupAmount": 5},
    ("POST", "/payments"): {
        "accountId": "acme",
        "currency": "USD",
        "totalAmount": 5,
        "description": "d",
        "notes": "n",
        "externalPaymentReference": {
            "sourceName": "Bank",
            "sourceType": "CASH",
            "transactionNumber": "1",
            "description": "d",
            "metadata": {"a": "b"},
        },
        "lineItemRecords": [
            {"type": "CREDIT", "order": 1, "amount": 2},
            {"type": "WALLET_CREDIT", "order": 2},
        ],
    },
    ("POST", "/accounts/acme/purchases"): PURCHASE,
    ("POST", "/accounts/later/purchases"): {
        "type": "ASSOCIATION",
        "pricePlanId": "<plan>",
        "associationOverride": {"fixedFeeRateCards": [], "pricingCycleConfig": monthly()},
        "effectiveFrom": "2028-01-01",
        "effectiveUntil": "2029-01-01",
        "expiryDate": "2027-12-01T00:00:00Z",
    },
    ("POST", "/accounts/acme/purchases?"): {
        "type": "WALLET_TOPUP",
        "walletTopupDetails": {"topupAmount": 5, "purchaseAmount": 4},
    },
    ("POST", "/accounts/acme/purchase_proposals"): PURCHASE | {"paymentMode": "POSTPAID"},
    ("POST", "/purchase_proposals/<proposal>/update_status"): {"status": "APPROVE"},
    ("POST", "/settings"): SETTING,
    ("PATCH", "/settings/setting.USER.rate.ACCOUNT.acme"): {"value": "2", "name": "New"},
    ("POST", "/metrics"): METRICS,
    ("POST", "/revenue_calculator"): QUESTION,
    ("POST", "/v2/revenue_calculator"): QUESTION
    | {
        "pricePlanDetailsConfig": {"mode": "PRICE_PLAN", "pricePlanId": "<plan>"},
        "usageConfig": {"mode": "CUSTOM", "usageMap": {"<meter>": 5}},
    },
    ("PATCH", "/v1/organization"): {"name": "New"},
    ("PUT", "/v1/catalogue"): CATALOGUE,
    ("POST", "/v1/catalogue/preview"): CATALOGUE,
    ("POST", "/v1/customers"): {"id": "<new>", "name": "Customer", "primaryEmail": "a@b.test"},
    ("POST", "/v1/customers/acme/accounts"): {"id": "<new>", "name": "Account", "invoiceCurrency": "USD"},
    ("POST", "/customers/acme/accounts"): {"id": "<new>", "name": "Account", "invoiceCurrency": "USD"},
    ("POST", "/v1/price-plans"): {"name": "Plan", "type": "USAGE"},
    ("POST", "/price-plans"): {"name": "Plan", "type": "USAGE"},
    ("PATCH", "/v1/price-plans/<shares>"): {"pricePlanDetails": SHARES["pricePlanDetails"]},
    ("POST", "/v1/price-plans/<shares>/activate"): {"currencies": ["USD"]},
    ("POST", "/v1/revenue-calculator"): QUESTION | {"pricePlanDetailsConfig": SHARES | {"mode": "CUSTOM"}},
    ("POST", "/v1/accounts/acme/credits"): {"creditAmount": 5, "effectiveFrom": "2026-01-01"},
    ("POST", "/accounts/acme/credits"): {"creditAmount": "5", "effectiveFrom": "2026-01-01"},
    ("POST", "/v1/usage-meters/preview"): {"usageMeterId": "<meter>", "lastEvents": 10},
    ("POST", "/events/correction?action=REDO_EVENT&account_id=acme"): {"event": event("e")},
    ("POST", "/v1/simulations"): {
        "name": "Half price",
        "from": "2026-01-01",
        "to": "2026-02-01",
        "plan": {"pricePlanId": "<plan>", "version": 1, "changes": PLAN["pricePlanDetails"]},
        "accounts": {"accountIds": ["acme"]},
    },
    ("POST", "/v1/usage-meters/<meter>/remeterings"): {
        "from": "2026-01-01T00:00:00Z",
        "to": "2026-02-01T00:00:00Z",
        "accountIds": ["acme"],
    },
    ("POST", "/jobs/job.none/confirm"): {},
    ("POST", "/jobs/job.none/reject"): {},
    ("POST", "/v1/jobs/job.none/confirm"): {},
    ("POST", "/v1/jobs/job.none/reject"): {},
    ("POST", "/authenticate"): {},
    ("POST", "/v1/test-clock/advance"): {"to": "2026-01-01T00:00:00Z"},
}
"""A good body, or one that looks like one, for every route."""


@pytest.fixture(scope="module")
def known(here: Inside) -> dict[str, str]:
    """The ids of what there is, by the words that stand for them above."""
    shop = Shop(here.api())
    meter = shop.metered_plan()
    made = shop.api.post("/features", {"name": "There"}).ok()
    addon, credit = shop.addon(), shop.credit(5)
    plan = shop.plan(fixedFeeRateCards=[fee(addon, 3)])
    shop.setting("rate", "1", "ACCOUNT", "acme")
    shop.use(3)
    draft = shop.api.post(
        "/price_plans", json.loads(filled(json.dumps(PLAN), {"<meter>": meter, "<addon>": addon}))
    ).ok()
    terms = json.loads(filled(json.dumps(SHARES), {"<meter>": meter}))
    shares = shop.api.post("/v1/price-plans", {"name": "Shares"} | terms).ok()
    shop.account("later")
    later = shop.associate(plan, "later", since="2027-01-01")
    once, _, bonus = pack(shop)
    return {
        "<once>": once,
        "<pack>": bonus,
        "<proposal>": propose(shop, once).ok()["id"],
        "<schedule>": later["pricingSchedules"][0]["id"],
        "<meter>": meter,
        "<addon>": addon,
        "<plan>": plan,
        "<credit>": credit,
        "<feature>": made["id"],
        "<draft>": draft["id"],
        "<shares>": shares["id"],
        "<invoice>": shop.invoices()[0]["id"],
        "<new>": "new",
    }


def filled(text: str, known: dict[str, str]) -> str:
    for word, identity in known.items():
        text = text.replace(word, identity)
    return text


def places(value: Json, path: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    """Every part of a body, from the whole to the leaves."""
    yield path
    if isinstance(value, (dict, list, tuple)):
        for step, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(below, (*path, step))


def replaced(value: Json, path: tuple[Step, ...], new: Json) -> Json:
    """The body with another part at a place."""
    if not path:
        return new
    step, *rest = path
    if isinstance(value, dict):
        return {name: replaced(below, tuple(rest), new) if name == step else below for name, below in value.items()}
    return [replaced(below, tuple(rest), new) if index == step else below for index, below in enumerate(value)]


def test_every_route_that_takes_a_body_is_here() -> None:
    listed = {(method, path.partition("?")[0]) for method, path in BODIES}
    for route in ROUTES:
        if route.method in {"POST", "PUT", "PATCH"}:
            pattern, _, _ = compile_path(route.path)
            assert any(method == route.method and re.fullmatch(pattern, path) for method, path in listed), route.path


@pytest.mark.parametrize("target", BODIES, ids=" ".join)
def test_no_part_of_its_body_breaks_a_route(
    here: Inside, known: dict[str, str], target: tuple[str, str], rounds: int
) -> None:
    method, path = target[0], filled(target[1], known)
    api: Api = here.api()
    body = json.loads(filled(json.dumps(BODIES[target], default=str), known))
    turn = cycle(FEW.items())
    wrong = []
    for place in places(body):
        for name, fragment in islice(turn, EACH if rounds == 1 else len(FEW)):
            sent = json.dumps(replaced(body, place, HERE)).encode().replace(json.dumps(HERE).encode(), fragment)
            answer = api.send(method, path, content=sent)
            found = complaints(answer.status, answer.content, may_be_taken=True)
            wrong += [f"{name} at {place}: {complaint}" for complaint in found]
    assert wrong == []


@pytest.mark.parametrize("target", BODIES, ids=" ".join)
def test_its_body_as_it_stands_is_understood(here: Inside, known: dict[str, str], target: tuple[str, str]) -> None:
    """Or a part that was replaced would stand beside a fault that is found first."""
    method, path = target[0], filled(target[1], known)
    sent = filled(json.dumps(BODIES[target], default=str), known)
    answer = here.api().send(method, path, content=sent.encode())
    assert answer.status < 300 or "unknown field" not in answer.body["message"], answer.content
    assert answer.status < 300 or "is missing" not in answer.body["message"], answer.content
