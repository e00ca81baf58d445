"""What the carriers are offered: the bodies that define events, meters, prices and a credit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

EVENT_SCHEMA: Final = {
    "name": "flight",
    "description": "One departure from a New York airport",
    "attributes": [
        {"name": "distance", "defaultUnit": "miles"},
        {"name": "air_time", "defaultUnit": "minutes"},
    ],
    "dimensions": [{"name": "origin"}, {"name": "dest"}, {"name": "carrier"}],
}

MILES: Final = {
    "name": "Miles flown",
    "type": "COUNTER",
    "aggregation": "SUM",
    "eventSchemaName": "flight",
    "computations": [{"computation": '{"var": "attributes.distance"}', "order": 1}],
}

DEPARTURES: Final = {
    "name": "Departures from JFK",
    "type": "COUNTER",
    "aggregation": "COUNT",
    "eventSchemaName": "flight",
    "computations": [{"matcher": '{"==": [{"var": "dimensions.origin"}, "JFK"]}', "computation": "1", "order": 1}],
}

FEE: Final = {"type": "FIXED_FEE", "name": "Platform fee"}

CREDIT: Final = {
    "accountId": "VX",
    "purpose": "Launch partner credit",
    "effectiveFrom": "2013-01-01",
    "creditAmount": Decimal("25000.00"),
    "priority": 1,
}


def customer(code: str, name: str) -> dict[str, object]:
    """A carrier as a customer with one account; both have the carrier's code as their id."""
    return {
        "id": code,
        "name": name,
        "primaryEmail": f"billing@{code.lower()}.example",
        "address": {"line1": "1 Terminal Road", "city": "New York", "postalCode": "10001", "country": "US"},
        "account": {"id": code, "name": name, "invoiceCurrency": "USD", "netTermDays": 30},
    }


def price_plan(miles: str, departures: str, fee: str) -> dict[str, Any]:
    """The plan of all carriers, given the ids of the two meters and of the fee.

    Miles cost less the more are flown; departures come in packages of 100, and a started one counts in full;
    a month costs at least the minimum commitment. Two days after a month's end its invoice is due.
    """
    return {
        "name": "Skyway 2013",
        "type": "BILLING",
        "pricePlanDetails": {
            "supportedCurrencies": ["USD"],
            "pricingCycleConfig": {
                "interval": "MONTHLY",
                "startOffset": {"dayOffset": "1", "monthOffset": "NIL"},
                "gracePeriod": 2,
            },
            "usageRateCards": [
                _card(
                    miles,
                    "Miles flown",
                    _slab(1, 0, "PER_UNIT", "0.012"),
                    _slab(2, 100_000, "PER_UNIT", "0.009"),
                    _slab(3, 1_100_000, "PER_UNIT", "0.0075"),
                ),
                _card(departures, "Departures from JFK", _slab(1, 0, "PACKAGE", "45.00", packageSize="100")),
            ],
            "fixedFeeRateCards": [
                {
                    "id": fee,
                    "displayName": "Platform fee",
                    "invoiceTiming": "IN_ARREARS",
                    "type": "RECURRING",
                    "enableProration": False,
                    "rateValues": [{"currency": "USD", "rate": Decimal("250.00")}],
                }
            ],
            "minimumCommitment": {
                "displayName": "Minimum commitment",
                "rateValues": [{"currency": "USD", "rate": Decimal("1500.00")}],
            },
        },
    }


def _card(meter: str, name: str, *slabs: tuple[dict[str, object], dict[str, object]]) -> dict[str, object]:
    return {
        "usageMeterId": meter,
        "displayName": name,
        "ratePlan": {"pricingModel": "TIERED", "slabs": [slab for slab, _ in slabs]},
        "rateValues": [{"currency": "USD", "slabRates": [rate for _, rate in slabs]}],
    }


def _slab(
    order: int, start_after: int, price_type: str, rate: str, **config: str
) -> tuple[dict[str, object], dict[str, object]]:
    """A slab and its rate, which the plan keeps apart."""
    slab = {"order": order, "startAfter": start_after, "priceType": price_type, "slabConfig": config}
    return slab, {"order": order, "rate": Decimal(rate)}
