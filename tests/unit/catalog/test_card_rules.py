"""What is refused about the cards of a plan, and that every problem is named at once (domain.md 4.3, 4.4)."""

from __future__ import annotations

import copy
import json
from typing import Any

import msgspec
import pytest

from tallystick.catalog.card_rules import card_problems
from tallystick.catalog.price_plan import PricePlanDetailsDraft
from tallystick.kernel.document import decode

Json = dict[str, Any]


def slab(order: int, start: float, price_type: str = "PER_UNIT", **config: str) -> Json:
    return {"order": order, "startAfter": start, "priceType": price_type, "slabConfig": config}


def rates(currency: str, *amounts: float) -> Json:
    return {
        "currency": currency,
        "slabRates": [{"order": order, "rate": rate} for order, rate in enumerate(amounts, 1)],
    }


def granted(currency: str, amount: float, *prices: float) -> Json:
    flat, per_package = prices
    package = {"startAfter": 50, "priceType": "PACKAGE", "slabConfig": {"packageSize": "10"}, "rate": per_package}
    slabs = [{"startAfter": 0, "priceType": "FLAT", "rate": flat}, package]
    return {"currency": currency, "creditAmount": amount, "slabDetails": slabs, "rateConfig": {"minimumRate": "1"}}


GOOD: Json = {
    "supportedCurrencies": ["USD", "JPY"],
    "usageRateCards": [
        {
            "usageMeterId": "um.calls",
            "name": "calls",
            "ratePlan": {
                "pricingModel": "TIERED",
                "slabs": [slab(1, 0), slab(2, 100, "PACKAGE", packageSize="10")],
            },
            "rateValues": [rates("USD", 2, 1), rates("JPY", 200, -100)],
        }
    ],
    "fixedFeeRateCards": [
        {
            "id": "addon.fee",
            "name": "fee",
            "enableProration": True,
            "rateValues": [{"currency": "USD", "rate": -5}, {"currency": "JPY", "rate": 0.5}],
        }
    ],
    "licenseRateCards": [
        {
            "id": "addon.seats",
            "name": "seats",
            "type": "LICENSE",
            "enableProration": True,
            "usageCycle": "MONTHLY",
            "config": {"maxQuantity": 100, "maxQuantityBreachAction": "DO_NOTHING"},
            "ratePlan": {"pricingModel": "VOLUME", "slabs": [slab(1, 0), slab(2, 10)]},
            "rateValues": [rates("USD", 30, 25), rates("JPY", 3000, 2500)],
            "proratedRefundMode": "CREDITS",
        }
    ],
    "creditGrantRateCards": [
        {
            "id": "addon.bonus",
            "name": "bonus",
            "invoiceTiming": "IN_ADVANCE",
            "grantDetails": {"priority": 0, "expiryType": "CUSTOM", "expiryDuration": "P10D"},
            "rateDetails": {
                "pricingModel": "TIERED",
                "currencySlabRateDetails": [granted("USD", 100, 10, 0.5), granted("JPY", 0, -1000, 0)],
            },
        }
    ],
    "billingEntitlementRateCards": [
        {
            "featureId": "feature.exports",
            "name": "exports",
            "invoiceTiming": "IN_ADVANCE",
            "featureConfigs": [
                {"featureCreditLimit": 100, "effectiveUntil": "P20D"},
                {"featureCreditLimit": 0.5, "effectiveFrom": "PT0S", "effectiveUntil": "P1M"},
                {"featureCreditLimit": 7, "effectiveFrom": "P20D", "effectiveUntil": "P1M"},
            ],
            "ratePlan": {"pricingModel": "TIERED", "slabs": [slab(1, 0), slab(2, 100)]},
            "rateValues": [rates("USD", 1, 0.5), rates("JPY", 100, 50)],
        }
    ],
    "entitlementOverageRateCards": [
        {
            "featureId": "feature.exports",
            "name": "more exports",
            "maxQuantity": 50,
            "billingConfig": {"interval": 1, "startOffset": 4},
            "ratePlan": {"pricingModel": "TIERED", "slabs": [slab(1, 0)]},
            "rateValues": [rates("USD", 2), rates("JPY", 200)],
        }
    ],
    "minimumCommitment": {"displayName": "Commitment", "rateValues": [{"currency": "USD", "rate": 400}]},
}

SLABS = "usageRateCards[0].ratePlan.slabs"
SIZE = f"{SLABS}[1].slabConfig.packageSize"
VALUES = "usageRateCards[0].rateValues"
FEES = "fixedFeeRateCards[0].rateValues"
SEATS = "licenseRateCards[0]"
BONUS = "creditGrantRateCards[0]"
EXPORTS = "billingEntitlementRateCards[0]"
UNITS = f"{EXPORTS}.featureConfigs"
BEYOND = "entitlementOverageRateCards[0]"
DURATION = f"{BONUS}.grantDetails.expiryDuration"
GRANTED = f"{BONUS}.rateDetails.currencySlabRateDetails"
MONTHLY = {"interval": "MONTHLY", "startOffset": {"dayOffset": "1", "monthOffset": "NIL"}, "gracePeriod": 2}


def problems(details: Json) -> list[str]:
    draft = decode(json.dumps(details), PricePlanDetailsDraft)
    return [str(problem) for problem in card_problems(draft)]


def changed(path: str, value: object) -> Json:
    """The good terms with one place set to another value, or taken out when the value is None."""
    details = copy.deepcopy(GOOD)
    place: Any = details
    *parents, last = [int(key) if key.isdigit() else key for key in path.replace("[", ".").replace("]", "").split(".")]
    for key in parents:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return details


def test_terms_that_can_be_priced_have_no_problems() -> None:
    assert problems(GOOD) == []


def test_terms_without_cards_have_no_problems() -> None:
    assert problems({"supportedCurrencies": ["USD"]}) == []


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (
            "supportedCurrencies",
            ["USD", "JPY", "usd"],
            "supportedCurrencies[2]: 'usd' is not a currency, send an ISO 4217 code such as USD",
        ),
        ("supportedCurrencies", ["USD", "JPY", "USD"], "supportedCurrencies[2]: USD is named twice"),
        (f"{SLABS}[1].order", 3, f"{SLABS}: has the orders 1, 3, expected 1 to 2, each once"),
        (f"{SLABS}[0].startAfter", 1, f"{SLABS}[0].startAfter: is 1, the first slab starts at 0"),
        (f"{SLABS}[1].startAfter", 0, f"{SLABS}[1].startAfter: is 0, expected more than the 0 before it"),
        (
            f"{SLABS}[1].slabConfig",
            {},
            f"{SIZE}: is missing, a PACKAGE slab needs its number of units per package",
        ),
        (
            SIZE,
            "0",
            f"{SIZE}: is '0', expected plain digits of a number above 0, such as '1000'",
        ),
        (
            SIZE,
            "1e3",
            f"{SIZE}: is '1e3', expected plain digits of a number above 0, such as '1000'",
        ),
        (
            f"{SLABS}[0].slabConfig.packageSize",
            "5",
            f"{SLABS}[0].slabConfig.packageSize: does not belong to a PER_UNIT slab, leave it out",
        ),
        (
            f"{VALUES}[1]",
            None,
            f"{VALUES}: has no rate in JPY, add one for every supported currency",
        ),
        (
            f"{VALUES}[1].slabRates[1]",
            None,
            f"{VALUES}[1].slabRates: has the orders 1, expected 1 to 2, each once",
        ),
        (
            f"{VALUES}[0].slabRates[0].rate",
            1e20,
            f"{VALUES}[0].slabRates[0].rate: is 100000000000000000000, the most is 10000000000000.00 USD",
        ),
        (
            f"{VALUES}[0].slabRates[0].slabRateConfig",
            {"minimumRate": "30", "maximumRate": "25.5"},
            f"{VALUES}[0].slabRates[0].slabRateConfig.minimumRate: is 30, more than the maximumRate 25.5",
        ),
        (
            f"{VALUES}[0].rateConfig",
            {"minimumRate": "NaN"},
            f"{VALUES}[0].rateConfig.minimumRate: is 'NaN', expected plain digits such as '25.50'",
        ),
        (
            f"{FEES}[1]",
            None,
            f"{FEES}: has no rate in JPY, add one for every supported currency",
        ),
        (
            "fixedFeeRateCards[0].invoiceTiming",
            "PREPAID",
            "fixedFeeRateCards[0].invoiceTiming: is PREPAID, a fixed fee is billed IN_ADVANCE or IN_ARREARS",
        ),
        (
            "fixedFeeRateCards[0].name",
            "calls",
            "fixedFeeRateCards[0].name: 'calls' is the name of another card, choose a different one",
        ),
        (
            "fixedFeeRateCards[0].id",
            "um.calls",
            "fixedFeeRateCards[0].id: 'um.calls' has a card already, a plan prices an item once",
        ),
        (
            f"{SEATS}.invoiceTiming",
            "PREPAID",
            f"{SEATS}.invoiceTiming: is PREPAID, licences are billed IN_ADVANCE or IN_ARREARS",
        ),
        (
            f"{SEATS}.config.maxQuantity",
            None,
            f"{SEATS}.config.maxQuantity: is missing: say which quantity must not be exceeded",
        ),
        (
            f"{SEATS}.ratePlan.slabs[1].startAfter",
            0,
            f"{SEATS}.ratePlan.slabs[1].startAfter: is 0, expected more than the 0 before it",
        ),
        (
            f"{SEATS}.rateValues[1]",
            None,
            f"{SEATS}.rateValues: has no rate in JPY, add one for every supported currency",
        ),
        (f"{SEATS}.name", "fee", f"{SEATS}.name: 'fee' is the name of another card, choose a different one"),
        (
            f"{SEATS}.id",
            "addon.fee",
            f"{SEATS}.id: 'addon.fee' has a card already, a plan prices an item once",
        ),
        (
            "minimumCommitment.rateValues[0].currency",
            "EUR",
            "minimumCommitment.rateValues[0].currency: 'EUR' is not one of the plan's supportedCurrencies",
        ),
        (
            "minimumCommitment.rateValues[0].rate",
            -1,
            "minimumCommitment.rateValues[0].rate: is -1, expected 0 or more",
        ),
    ],
)
def test_each_rule_names_where_what_came_and_what_was_expected(path: str, value: object, problem: str) -> None:
    assert problems(changed(path, value)) == [problem]


TRY = "send for example P10D or P1M"


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (DURATION, None, f"{DURATION}: is missing, expiryType CUSTOM needs it: {TRY}"),
        (DURATION, "10 days", f"{DURATION}: '10 days' is no ISO 8601 duration of whole days, {TRY}"),
        (DURATION, "PT36H", f"{DURATION}: 'PT36H' does not last whole days, {TRY}"),
        (DURATION, "P0D", f"{DURATION}: 'P0D' lasts no time at all, {TRY}"),
        (
            f"{BONUS}.grantDetails.expiryType",
            "PRICING_CYCLE",
            f"{DURATION}: does not belong to expiryType PRICING_CYCLE, leave it out",
        ),
        (f"{GRANTED}[0].creditAmount", -1, f"{GRANTED}[0].creditAmount: is -1, expected 0 or more"),
        (
            f"{GRANTED}[0].creditAmount",
            0.005,
            f"{GRANTED}[0].creditAmount: 0.005 is finer than the smallest unit of USD (2 decimals)",
        ),
        (
            f"{GRANTED}[1].creditAmount",
            1e16,
            f"{GRANTED}[1].creditAmount: 10000000000000000 is out of range, the most is 1000000000000000 JPY",
        ),
        (f"{GRANTED}[1]", None, f"{GRANTED}: has no rate in JPY, add one for every supported currency"),
        (f"{GRANTED}[1].currency", "USD", f"{GRANTED}[1].currency: USD is priced twice"),
        (
            f"{GRANTED}[0].slabDetails[0].startAfter",
            5,
            f"{GRANTED}[0].slabDetails[0].startAfter: is 5, the first slab starts at 0",
        ),
        (
            f"{GRANTED}[0].slabDetails[1].startAfter",
            0,
            f"{GRANTED}[0].slabDetails[1].startAfter: is 0, expected more than the 0 before it",
        ),
        (
            f"{GRANTED}[0].slabDetails[1].slabConfig",
            {},
            (
                f"{GRANTED}[0].slabDetails[1].slabConfig.packageSize: is missing, "
                "a PACKAGE slab needs its number of units per package"
            ),
        ),
        (
            f"{GRANTED}[0].slabDetails[0].slabConfig",
            {"packageSize": "5"},
            f"{GRANTED}[0].slabDetails[0].slabConfig.packageSize: does not belong to a FLAT slab, leave it out",
        ),
        (
            f"{GRANTED}[0].slabDetails[0].rate",
            1e20,
            f"{GRANTED}[0].slabDetails[0].rate: is 100000000000000000000, the most is 10000000000000.00 USD",
        ),
        (
            f"{GRANTED}[0].slabDetails[0].slabRateConfig",
            {"minimumRate": "9", "maximumRate": "8"},
            f"{GRANTED}[0].slabDetails[0].slabRateConfig.minimumRate: is 9, more than the maximumRate 8",
        ),
        (
            f"{GRANTED}[0].rateConfig.minimumRate",
            "much",
            f"{GRANTED}[0].rateConfig.minimumRate: is 'much', expected plain digits such as '25.50'",
        ),
        (f"{BONUS}.id", "addon.fee", f"{BONUS}.id: 'addon.fee' has a card already, a plan prices an item once"),
        (f"{BONUS}.name", "fee", f"{BONUS}.name: 'fee' is the name of another card, choose a different one"),
    ],
)
def test_a_credit_grant_can_be_kept_and_priced(path: str, value: object, problem: str) -> None:
    found = problems(changed(path, value))
    assert problem in found
    # Another currency in the place of a supported one leaves that without credit, too.
    assert [one for one in found if "has no rate in JPY" not in one or one == problem] == [problem]


@pytest.mark.parametrize("expiry", ["PRICING_CYCLE", "NO_EXPIRY"])
def test_other_credit_has_no_duration(expiry: str) -> None:
    assert problems(changed(f"{BONUS}.grantDetails", {"priority": 100, "expiryType": expiry})) == []


@pytest.mark.parametrize(("window", "fits"), [("WEEKLY", True), ("MONTHLY", True), ("QUARTERLY", False)])
def test_a_usage_cycle_cuts_the_pricing_cycle(window: str, fits: bool) -> None:  # noqa: FBT001 - told by its name
    details = changed(f"{SEATS}.usageCycle", window) | {"pricingCycleConfig": MONTHLY}
    reason = f"is {window}, longer than the MONTHLY pricing cycle that it cuts in windows"
    assert problems(details) == ([] if fits else [f"{SEATS}.usageCycle: {reason}"])


def test_a_plan_needs_a_currency() -> None:
    assert problems({"supportedCurrencies": []}) == ["supportedCurrencies: is empty, name at least one currency"]


def test_a_currency_is_priced_once() -> None:
    details = copy.deepcopy(GOOD)
    details["usageRateCards"][0]["rateValues"].append(rates("USD", 3, 3))
    details["minimumCommitment"]["rateValues"].append({"currency": "USD", "rate": 1})
    assert problems(details) == [
        f"{VALUES}[2].currency: USD is priced twice",
        "minimumCommitment.rateValues[1].currency: USD is priced twice",
    ]


def test_slabs_may_be_listed_in_any_order() -> None:
    details = copy.deepcopy(GOOD)
    details["usageRateCards"][0]["ratePlan"]["slabs"].reverse()
    assert problems(details) == []


def test_all_problems_are_named_at_once() -> None:
    details = copy.deepcopy(GOOD)
    second = copy.deepcopy(details["usageRateCards"][0])
    second["ratePlan"]["slabs"][1]["startAfter"] = -1
    second["rateValues"] = [rates("EUR", 1)]
    details["usageRateCards"].append(second)
    details["fixedFeeRateCards"][0]["rateValues"][0]["rate"] = -1e20
    assert problems(details) == [
        "usageRateCards[1].usageMeterId: 'um.calls' has a card already, a plan prices an item once",
        "usageRateCards[1].name: 'calls' is the name of another card, choose a different one",
        "usageRateCards[1].ratePlan.slabs[1].startAfter: is -1, expected more than the 0 before it",
        "usageRateCards[1].rateValues[0].currency: 'EUR' is not one of the plan's supportedCurrencies",
        "usageRateCards[1].rateValues: has no rate in USD, JPY, add one for every supported currency",
        "usageRateCards[1].rateValues[0].slabRates: has the orders 1, expected 1 to 2, each once",
        "fixedFeeRateCards[0].rateValues[0].rate: is -100000000000000000000, the most is 10000000000000.00 USD",
    ]


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (f"{UNITS}[0].featureCreditLimit", 0, f"{UNITS}[0].featureCreditLimit: is 0, expected more than 0"),
        (f"{UNITS}[0].featureCreditLimit", -1.5, f"{UNITS}[0].featureCreditLimit: is -1.5, expected more than 0"),
        (
            f"{UNITS}[0].featureCreditLimit",
            1e26,
            (
                f"{UNITS}[0].featureCreditLimit: is 100000000000000000000000000, units have at most 26 digits before "
                "their point and 12 behind it"
            ),
        ),
        (
            f"{UNITS}[0].effectiveUntil",
            "20 days",
            (
                f"{UNITS}[0].effectiveUntil: '20 days' is no ISO 8601 duration of whole days, send whole days, for "
                "example P20D or P1M"
            ),
        ),
        (
            f"{UNITS}[1].effectiveFrom",
            "PT36H",
            f"{UNITS}[1].effectiveFrom: 'PT36H' does not last whole days, send whole days, for example P20D or P1M",
        ),
        (
            f"{UNITS}[0].effectiveUntil",
            "P0D",
            f"{UNITS}[0].effectiveUntil: 'P0D' lasts no time at all, send whole days, for example P20D or P1M",
        ),
        (
            f"{UNITS}[2].effectiveUntil",
            "P20D",
            f"{UNITS}[2].effectiveUntil: is 'P20D', which does not always end after effectiveFrom 'P20D'",
        ),
        (
            f"{UNITS}[2].effectiveFrom",
            "P28D",
            f"{UNITS}[2].effectiveUntil: is 'P1M', which does not always end after effectiveFrom 'P28D'",
        ),
        (
            f"{EXPORTS}.rateValues[1]",
            None,
            f"{EXPORTS}.rateValues: has no rate in JPY, add one for every supported currency",
        ),
        (
            f"{EXPORTS}.rateValues[0].slabRates[1]",
            None,
            f"{EXPORTS}.rateValues[0].slabRates: has the orders 1, expected 1 to 2, each once",
        ),
        (f"{BEYOND}.maxQuantity", 0, f"{BEYOND}.maxQuantity: is 0, expected more than 0"),
        (
            f"{BEYOND}.ratePlan.slabs[0].startAfter",
            5,
            f"{BEYOND}.ratePlan.slabs[0].startAfter: is 5, the first slab starts at 0",
        ),
        (
            f"{BEYOND}.rateValues[1]",
            None,
            f"{BEYOND}.rateValues: has no rate in JPY, add one for every supported currency",
        ),
        (f"{BEYOND}.name", "exports", f"{BEYOND}.name: 'exports' is the name of another card, choose a different one"),
    ],
)
def test_entitlements_that_cannot_be_granted_are_refused(path: str, value: object, problem: str) -> None:
    assert problems(changed(path, value)) == [problem]


@pytest.mark.parametrize("kind", ["billingEntitlementRateCards", "entitlementOverageRateCards"])
def test_a_feature_has_one_card_of_each_kind(kind: str) -> None:
    twice = copy.deepcopy(GOOD)
    twice[kind].append(twice[kind][0] | {"name": "other"})
    reason = "'feature.exports' has a card already, a plan prices an item once"
    assert problems(twice) == [f"{kind}[1].featureId: {reason}"]


def test_a_card_grants_something() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"Expected `array` of length >= 1 - at `\$\.billingEnt"):
        problems(changed(f"{EXPORTS}.featureConfigs", []))
