"""What is refused about percentages, and that it is said in words (docs/adr/0038)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tallystick.catalog.card_rules import card_problems
from tallystick.catalog.price_plan import PricePlanDetailsDraft
from tallystick.kernel.document import decode

Json = dict[str, Any]

CARD = "usageRateCards[0]"
VALUE = f"{CARD}.rateValues[0]"
EACH = f"{VALUE}.perEvent"
OF_WHICH = "cannot stand beside a minimumAmount or maximumAmount: it would matter which events are the free ones"
ONE_SLAB = (
    "limits the fee of each event, which needs a card of one slab, and this has 2: leave out minimumAmount and "
    "maximumAmount, or use rateConfig"
)
MORE_THAN_NOTHING = "expected more than 0 per cent, since the fee of each event is limited by perEvent"


def problems(**cards: object) -> list[str]:
    draft = decode(json.dumps({"supportedCurrencies": ["USD"]} | cards), PricePlanDetailsDraft)
    return [str(problem) for problem in card_problems(draft)]


def priced(each: Json | None, *rates: float, kind: str = "PERCENTAGE", slab_config: Json | None = None) -> Json:
    """The slabs and rates of a card: a slab for each rate, all of one kind, from 0, 1000, 2000."""
    slabs = [{"order": n, "startAfter": 1000 * (n - 1), "priceType": kind} for n in range(1, len(rates) + 1)]
    slab_rates: list[Json] = [{"order": order, "rate": rate} for order, rate in enumerate(rates, 1)]
    if slab_config is not None:
        slab_rates[0]["slabRateConfig"] = slab_config
    value = {"currency": "USD", "slabRates": slab_rates} | ({} if each is None else {"perEvent": each})
    return {"ratePlan": {"pricingModel": "TIERED", "slabs": slabs}, "rateValues": [value]}


def refused(each: Json | None, *rates: float, **more: Any) -> list[str]:  # noqa: ANN401 - what `priced` takes
    return problems(usageRateCards=[{"usageMeterId": "um.payments"} | priced(each, *rates, **more)])


@pytest.mark.parametrize(
    ("each", "rates"),
    [
        (None, (3, 2, 1)),
        (None, (-1, 0)),
        ({"fixedAmount": 0.30}, (2.9,)),
        ({"fixedAmount": 0.30, "freeEvents": 3}, (0, 1.3)),
        ({"minimumAmount": 0, "maximumAmount": 0}, (2.9,)),
        ({"fixedAmount": 0.30, "minimumAmount": 0.50, "maximumAmount": 0.50}, (2.9,)),
    ],
)
def test_cards_that_can_be_priced_have_no_problems(each: Json | None, rates: tuple[float, ...]) -> None:
    assert refused(each, *rates) == []


@pytest.mark.parametrize(
    ("each", "rates", "expected"),
    [
        (
            {},
            (1,),
            [f"{EACH}: says nothing: name a fixedAmount, a minimumAmount or a maximumAmount, or leave it out"],
        ),
        (
            {"fixedAmount": -0.3, "maximumAmount": 1e20},
            (1,),
            [
                f"{EACH}.fixedAmount: is -0.3, expected a number from 0 to 10000000000000.00 USD",
                f"{EACH}.maximumAmount: is 100000000000000000000, expected a number from 0 to 10000000000000.00 USD",
            ],
        ),
        (
            {"minimumAmount": 2, "maximumAmount": 1},
            (1,),
            [f"{EACH}.minimumAmount: is 2, more than the maximumAmount 1"],
        ),
        (
            {"minimumAmount": 2, "freeEvents": 1},
            (1,),
            [
                f"{EACH}.freeEvents: says which events have no fixedAmount, and there is none: name one",
                f"{EACH}.freeEvents: {OF_WHICH}",
            ],
        ),
        (
            {"maximumAmount": 10},
            (2, 1),
            [f"{EACH}: {ONE_SLAB}"],
        ),
        (
            {"maximumAmount": 10},
            (0,),
            [f"{VALUE}.slabRates[0].rate: is 0, {MORE_THAN_NOTHING}"],
        ),
    ],
)
def test_what_each_event_costs(each: Json, rates: tuple[float, ...], expected: list[str]) -> None:
    assert refused(each, *rates) == expected


def test_limits_of_each_event_stand_beside_no_limits_of_the_slab() -> None:
    reason = "cannot stand beside limits of perEvent: limit the whole card by rateConfig"
    found = refused({"maximumAmount": 10}, 1, slab_config={"minimumRate": "5"})
    assert found == [f"{VALUE}.slabRates[0].slabRateConfig: {reason}"]


def test_other_slabs_have_no_price_of_each_event() -> None:
    assert refused({"fixedAmount": 1}, 1, kind="FLAT") == [
        f"{EACH}: belongs to cards whose slabs are all PERCENTAGE: leave it out, or price the amount by per cent"
    ]


def test_a_percentage_has_no_packages() -> None:
    card = {"usageMeterId": "um.payments"} | priced(None, 1)
    card["ratePlan"]["slabs"][0]["slabConfig"] = {"packageSize": "10"}
    path = f"{CARD}.ratePlan.slabs[0].slabConfig.packageSize"
    assert problems(usageRateCards=[card]) == [f"{path}: does not belong to a PERCENTAGE slab, leave it out"]


def test_licences_and_credit_are_no_amounts_of_money() -> None:
    reason = "is PERCENTAGE, expected FLAT, PER_UNIT or PACKAGE: only usage can be an amount of money"
    licence = {"id": "addon.seats", "enableProration": False} | priced({"fixedAmount": 1}, 1)
    details = {"priority": 1, "expiryType": "NO_EXPIRY"}
    slab = {"startAfter": 0, "priceType": "PERCENTAGE", "rate": 1}
    rates = [{"currency": "USD", "creditAmount": 10, "slabDetails": [slab]}]
    bonus = {"id": "addon.bonus", "invoiceTiming": "IN_ADVANCE", "grantDetails": details}
    bonus["rateDetails"] = {"pricingModel": "TIERED", "currencySlabRateDetails": rates}
    assert problems(licenseRateCards=[licence], creditGrantRateCards=[bonus]) == [
        f"licenseRateCards[0].ratePlan.slabs[0].priceType: {reason}",
        "licenseRateCards[0].rateValues[0].perEvent: belongs to usage cards only, leave it out",
        f"creditGrantRateCards[0].rateDetails.currencySlabRateDetails[0].slabDetails[0].priceType: {reason}",
    ]
