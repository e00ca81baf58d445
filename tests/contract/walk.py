"""The bodies of the walk along the main road, as domain.md 9.0 prints them."""

from __future__ import annotations

from typing import Any, Final

CUSTOMER: Final = {
    "id": "acme",
    "name": "Acme Inc",
    "primaryEmail": "billing@acme.test",
    "address": {"line1": "1 Main St", "city": "Florence", "postalCode": "29501", "country": "US"},
    "account": {
        "id": "acme-main",
        "name": "Acme main",
        "invoiceCurrency": "USD",
        "aliases": ["ops@acme.test"],
        "netTermDays": 30,
    },
}
SCHEMA: Final = {"name": "api_call", "attributes": [{"name": "calls"}], "dimensions": [{"name": "region"}]}
METER: Final = {
    "name": "API calls",
    "type": "COUNTER",
    "aggregation": "SUM",
    "eventSchemaName": "api_call",
    "computations": [{"computation": '{"var":"attributes.calls"}', "order": 1}],
}
EVENT: Final = {
    "schemaName": "api_call",
    "id": "e-1",
    "timestamp": "2026-01-10T12:00:00Z",
    "accountId": "acme-main",
    "attributes": [{"name": "calls", "value": "150"}],
    "dimensions": {"region": "eu"},
}
CREDIT: Final = {
    "accountId": "acme-main",
    "purpose": "Welcome",
    "effectiveFrom": "2026-01-01",
    "creditAmount": 80,
    "priority": 1,
}
DISASSOCIATION: Final = {"mode": "DISASSOCIATE", "effectiveFrom": "2026-04-01", "effectiveUntil": "2026-05-01"}
ASSOCIATION_V2: Final = {"mode": "ASSOCIATE", "effectiveFrom": "2026-03-01", "effectiveUntil": "2026-06-01"}
SETTING: Final = {
    "id": "calls_per_unit",
    "value": "10",
    "entityType": "ACCOUNT",
    "entityId": "acme-main",
    "namespace": "USER",
    "name": "Calls per unit",
    "dataType": "NUMERIC",
}
REVENUE: Final = {
    "startTime": "2026-01-01T00:00:00Z",
    "endTime": "2026-02-01T00:00:00Z",
    "metricQueries": [{"id": "q", "name": "REVENUE", "aggregationPeriod": "MONTH"}],
}
QUESTION: Final = {
    "currencyConfig": {"mode": "ACCOUNT_INVOICE", "accountId": "acme-main"},
    "pricePlanDetailsConfig": {
        "mode": "ACCOUNT",
        "accountId": "acme-main",
        "effectiveOn": "2026-01-10T00:00:00Z",
    },
    "usageConfig": {
        "mode": "LOOKUP_CYCLE",
        "lookupCycle": {"accountId": "acme-main", "cycleEffectiveOn": "2026-01-10T00:00:00Z"},
    },
    "licenseEntriesConfig": {"mode": "LOOKUP_CYCLE", "lookupCycle": {"accountId": "acme-main"}},
}


def plan(usage_meter_id: str) -> dict[str, Any]:
    """The plan of the walk: 2 for each of the first 100 calls, then 1; monthly, two days of grace."""
    return {
        "name": "Pay as you go",
        "type": "BILLING",
        "pricePlanDetails": {
            "supportedCurrencies": ["USD"],
            "pricingCycleConfig": {
                "interval": "MONTHLY",
                "startOffset": {"dayOffset": "1", "monthOffset": "NIL"},
                "gracePeriod": 2,
                "anniversaryCycle": False,
            },
            "usageRateCards": [
                {
                    "usageMeterId": usage_meter_id,
                    "displayName": "API calls",
                    "ratePlan": {
                        "pricingModel": "TIERED",
                        "slabs": [
                            {"order": 1, "startAfter": 0, "priceType": "PER_UNIT", "slabConfig": {}},
                            {"order": 2, "startAfter": 100, "priceType": "PER_UNIT", "slabConfig": {}},
                        ],
                    },
                    "rateValues": [
                        {"currency": "USD", "slabRates": [{"order": 1, "rate": 2}, {"order": 2, "rate": 1}]}
                    ],
                }
            ],
        },
    }


SURCHARGE: Final[dict[str, Any]] = {
    "name": "Surcharge",
    "order": 1,
    "invoiceTiming": "IN_ARREARS",
    "condition": '{">":[{"var":"revenue.rate_card_total"},10]}',
    "computation": '{"*":[{"var":"revenue.rate_card_total"},0.1]}',
    "action": {"type": "ADD", "id": "surcharge", "description": "A tenth more", "metadata": {"ledger": "4711"}},
}
"""A rule of any plan: a tenth of the total on top, when that is above 10."""


def ruled_plan(addon_id: str) -> dict[str, Any]:
    """A plan with a fee of 50 and two rules: half of the fee, and a tenth of the total when that is above 10."""
    total = '{"var":"revenue.rate_card_total"}'
    return {
        "name": "With rules",
        "type": "BILLING",
        "pricePlanDetails": plan("")["pricePlanDetails"]
        | {
            "usageRateCards": [],
            "fixedFeeRateCards": [
                {"id": addon_id, "enableProration": False, "rateValues": [{"currency": "USD", "rate": 50}]}
            ],
        },
        "pricingRules": [
            {
                "name": "Half",
                "order": 1,
                "computation": f'{{"/":[{{"var":"revenue.ff.{addon_id}"}},2]}}',
                "action": {"type": "UPDATE", "target": f"revenue.ff.{addon_id}"},
            },
            {
                "name": "Tenth",
                "order": 2,
                "invoiceTiming": "IN_ARREARS",
                "condition": f'{{">":[{total},10]}}',
                "computation": f'{{"*":[{total},-0.1]}}',
                "action": {
                    "type": "ADD",
                    "id": "tenth",
                    "description": "A tenth less",
                    "metadata": {"ledger": "4711"},
                },
            },
        ],
    }


def credit_grant(addon_id: str) -> dict[str, Any]:
    """A card that grants 100 of credit for 10 at the start of each month, until its end."""
    slab = {"startAfter": 0, "priceType": "FLAT", "slabConfig": {}, "rate": 10, "slabRateConfig": {}}
    return {
        "id": addon_id,
        "displayName": "Bonus",
        "type": "RECURRING",
        "invoiceTiming": "IN_ADVANCE",
        "recurrenceConfig": {"interval": 1, "offset": 0},
        "grantDetails": {"priority": 1, "expiryType": "PRICING_CYCLE", "applicableEntityIds": []},
        "rateDetails": {
            "pricingModel": "TIERED",
            "currencySlabRateDetails": [{"currency": "USD", "creditAmount": 100, "slabDetails": [slab]}],
        },
    }


def entitlement(feature_id: str) -> dict[str, Any]:
    """A card that grants 100 units at 1 each at the start of each month, for twenty days."""
    return {
        "featureId": feature_id,
        "displayName": "Exports",
        "featureConfigs": [{"featureCreditLimit": 100, "effectiveFrom": "PT0S", "effectiveUntil": "P20D"}],
        "invoiceTiming": "IN_ADVANCE",
        "recurrenceConfig": {"interval": 1, "offset": 0},
    } | _per_unit(1)


def overage(feature_id: str) -> dict[str, Any]:
    """A card for up to 50 units beyond those, at 2 each."""
    return {
        "featureId": feature_id,
        "displayName": "More exports",
        "maxQuantity": 50,
        "billingConfig": {"interval": 1, "startOffset": 0},
    } | _per_unit(2)


def _per_unit(rate: int) -> dict[str, Any]:
    slab = {"order": 1, "startAfter": 0, "priceType": "PER_UNIT", "slabConfig": {}}
    return {
        "ratePlan": {"pricingModel": "TIERED", "slabs": [slab]},
        "rateValues": [{"currency": "USD", "slabRates": [{"order": 1, "rate": rate, "slabRateConfig": {}}]}],
    }


def association(price_plan_id: str) -> dict[str, Any]:
    """The plan for the account, from New Year on without an end."""
    return {
        "mode": "ASSOCIATE",
        "pricePlanId": price_plan_id,
        "effectiveFrom": "2026-01-01",
        "effectiveUntil": "9999-01-01",
    }


def payment(invoice_id: str) -> dict[str, Any]:
    """Ten dollars for an invoice and two for a credit, of a transfer of 20."""
    return {
        "description": "Payment for services",
        "notes": "Invoice payment",
        "currency": "USD",
        "accountId": "acme-main",
        "totalAmount": 20,
        "externalPaymentReference": {
            "sourceName": "XYZ Company",
            "sourceType": "CARD",
            "transactionNumber": "TXN123",
            "description": "Card payment",
            "metadata": {"terminal": "7"},
        },
        "lineItemRecords": [
            {"togaiId": invoice_id, "order": 1, "amount": 10, "type": "INVOICE"},
            {"order": 2, "amount": 2, "type": "CREDIT"},
        ],
    }


def once(setup: str, bonus: str) -> dict[str, Any]:
    """The terms of a plan that is bought once: a fee, and credit for a price per unit of it."""
    slab = {"startAfter": 0, "priceType": "PER_UNIT", "rate": 0.1}
    rates = {"currency": "USD", "creditAmount": 100, "slabDetails": [slab]}
    grant = {
        "id": bonus,
        "invoiceTiming": "PREPAID",
        "grantDetails": {"priority": 1, "expiryType": "CUSTOM", "expiryDuration": "P1Y", "applicableEntityIds": []},
        "rateDetails": {"pricingModel": "TIERED", "currencySlabRateDetails": [rates]},
    }
    fee = {"id": setup, "type": "ONE_TIME", "enableProration": False, "rateValues": [{"currency": "USD", "rate": 50}]}
    return {"supportedCurrencies": ["USD"], "fixedFeeRateCards": [fee], "creditGrantRateCards": [grant]}
