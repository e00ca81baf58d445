"""What is different between two states of a plan, a meter, a schema: the sentences that people read."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.catalog.differences import differences

Json = dict[str, Any]

PLAN: Json = {
    "name": "Standard",
    "status": "ACTIVE",
    "activeCurrencies": ["USD"],
    "pricePlanDetails": {
        "pricingCycleConfig": {"interval": "MONTHLY", "gracePeriod": 2},
        "supportedCurrencies": ["USD"],
        "usageRateCards": [
            {
                "usageMeter": "API calls",
                "ratePlan": {
                    "pricingModel": "TIERED",
                    "slabs": [
                        {"order": 1, "startAfter": 0, "priceType": "PER_UNIT"},
                        {"order": 2, "startAfter": 1000, "priceType": "PER_UNIT"},
                    ],
                },
                "rateValues": [
                    {
                        "currency": "USD",
                        "slabRates": [
                            {"order": 1, "rate": Decimal("0.05")},
                            {"order": 2, "rate": Decimal("0.02")},
                        ],
                    }
                ],
            },
            {"usageMeter": "Storage", "ratePlan": {"pricingModel": "VOLUME", "slabs": []}, "rateValues": []},
        ],
        "fixedFeeRateCards": [
            {"addOn": "Base fee", "rateValues": [{"currency": "USD", "rate": -5}], "enableProration": False}
        ],
    },
}
CARD = "pricePlanDetails.usageRateCards[0]"


def changed() -> tuple[Json, Json, Json]:
    """A copy of the plan, its terms, and its first card."""
    plan = copy.deepcopy(PLAN)
    return plan, plan["pricePlanDetails"], plan["pricePlanDetails"]["usageRateCards"][0]


def told(new: Json, old: Json = PLAN) -> list[str]:
    return [one.text for one in differences(old, new)]


def test_a_rate() -> None:
    plan, _, card = changed()
    card["rateValues"][0]["slabRates"][1]["rate"] = Decimal("0.018")
    (one,) = differences(PLAN, plan)
    assert one.text == "rate 0.02 -> 0.018 in slab 2 in USD of usage card 'API calls'"
    assert (one.path, one.old, one.new) == (f"{CARD}.rateValues[0].slabRates[1].rate", "0.02", "0.018")


def test_a_rate_per_cent_is_called_a_percentage() -> None:
    """It is one in both states, whatever else is different about the slab; another rate of the card is none."""
    old, plan = copy.deepcopy(PLAN), copy.deepcopy(PLAN)
    for one in (old, plan):
        one["pricePlanDetails"]["usageRateCards"][0]["ratePlan"]["slabs"][1]["priceType"] = "PERCENTAGE"
    rates = plan["pricePlanDetails"]["usageRateCards"][0]["rateValues"][0]
    rates["slabRates"] = [{"order": 1, "rate": Decimal("0.06")}, {"order": 2, "rate": Decimal("2.7")}]
    rates["perEvent"] = {"fixedAmount": Decimal("0.30")}
    assert told(plan, old) == [
        "rate 0.05 -> 0.06 in slab 1 in USD of usage card 'API calls'",
        "percentage 0.02 -> 2.7 in slab 2 in USD of usage card 'API calls'",
        "perEvent in USD of usage card 'API calls' added: fixedAmount 0.30",
    ]
    assert "rate 0.02 -> 2.7 in slab 2 in USD of usage card 'API calls'" in told(plan)


def test_a_slab_that_comes_between_is_one_difference_for_its_bounds_and_one_for_its_rate() -> None:
    plan, _, card = changed()
    card["ratePlan"]["slabs"].append({"order": 3, "startAfter": 5000, "priceType": "PER_UNIT"})
    card["rateValues"][0]["slabRates"].append({"order": 3, "rate": Decimal("1E-7")})
    assert told(plan) == [
        "slab 3 of usage card 'API calls' added: startAfter 5000, priceType PER_UNIT",
        "slab 3 in USD of usage card 'API calls' added: rate 0.0000001",
    ]
    assert told(PLAN, plan) == [
        "slab 3 of usage card 'API calls' removed: startAfter 5000, priceType PER_UNIT",
        "slab 3 in USD of usage card 'API calls' removed: rate 0.0000001",
    ]


def test_limits_and_packages() -> None:
    plan, _, card = changed()
    card["ratePlan"]["slabs"][1] |= {"priceType": "PACKAGE", "slabConfig": {"packageSize": "1000"}}
    card["rateValues"][0]["rateConfig"] = {"minimumRate": "25.50"}
    assert told(plan) == [
        "priceType PER_UNIT -> PACKAGE in slab 2 of usage card 'API calls'",
        "slabConfig in slab 2 of usage card 'API calls' added: packageSize 1000",
        "rateConfig in USD of usage card 'API calls' added: minimumRate 25.50",
    ]


def test_a_card_is_known_by_what_it_prices() -> None:
    plan, terms, _ = changed()
    terms["usageRateCards"].reverse()
    assert told(plan) == ["order of usageRateCards 'API calls', Storage -> Storage, 'API calls'"]
    plan, terms, _ = changed()
    terms["usageRateCards"].insert(0, {"usageMeter": "Seats", "tag": "People & more"})
    assert told(plan) == ["usage card 'Seats' added: tag 'People & more'"]
    assert told(PLAN, plan) == ["usage card 'Seats' removed: tag 'People & more'"]


def test_what_comes_and_goes_whole() -> None:
    plan, terms, _ = changed()
    terms["minimumCommitment"] = {"displayName": "Minimum", "rateValues": [{"currency": "USD", "rate": 100}]}
    del terms["pricingCycleConfig"]
    assert told(plan) == [
        "minimumCommitment added: displayName Minimum, rateValues [(currency USD, rate 100)]",
        "pricingCycleConfig removed: interval MONTHLY, gracePeriod 2",
    ]


def test_fees_cycles_texts_and_currencies() -> None:
    plan, terms, _ = changed()
    plan |= {"description": "All you need", "status": "DRAFT"}
    terms["pricingCycleConfig"]["gracePeriod"] = 3
    terms["supportedCurrencies"].append("EUR")
    terms["fixedFeeRateCards"][0]["rateValues"][0]["rate"] = Decimal("-5.50")
    terms["fixedFeeRateCards"][0]["enableProration"] = True
    assert told(plan) == [
        "status ACTIVE -> DRAFT",
        "gracePeriod 2 -> 3 in pricingCycleConfig",
        "EUR added to supportedCurrencies",
        "rate -5 -> -5.50 in USD of fixed fee card 'Base fee'",
        "enableProration false -> true of fixed fee card 'Base fee'",
        "description none -> 'All you need'",
    ]
    assert "EUR removed from supportedCurrencies" in told(PLAN, plan)


def test_credit_that_is_granted() -> None:
    plan, terms, _ = changed()
    granted = {"currency": "USD", "creditAmount": 100, "slabDetails": [{"startAfter": 0, "rate": 10}]}
    terms["creditGrantRateCards"] = [
        {
            "addOn": "Bonus",
            "grantDetails": {"expiryType": "NO_EXPIRY", "applicableEntityIds": [{"usageMeter": "API calls"}]},
            "rateDetails": {"currencySlabRateDetails": [granted]},
        }
    ]
    new = copy.deepcopy(plan)
    (card,) = new["pricePlanDetails"]["creditGrantRateCards"]
    granted = card["rateDetails"]["currencySlabRateDetails"]
    granted[0]["creditAmount"], granted[0]["slabDetails"][0]["rate"] = 120, Decimal("9.50")
    granted.append({"currency": "EUR", "creditAmount": 90})
    card["grantDetails"]["applicableEntityIds"].append("ALL_FIXED_FEE_RATE_CARDS")
    assert told(new, plan) == [
        "ALL_FIXED_FEE_RATE_CARDS added to applicableEntityIds in grantDetails of credit grant card 'Bonus'",
        "creditAmount 100 -> 120 in USD of credit grant card 'Bonus'",
        "rate 10 -> 9.50 in slab 1 in USD of credit grant card 'Bonus'",
        "rates in EUR of credit grant card 'Bonus' added: creditAmount 90",
    ]


def test_the_order_of_currencies_and_slabs_means_nothing_and_neither_do_zeros_of_a_rate() -> None:
    plan, terms, card = changed()
    old, old_terms, _ = changed()
    old_terms["supportedCurrencies"], terms["supportedCurrencies"] = ["USD", "EUR"], ["EUR", "USD"]
    card["ratePlan"]["slabs"].reverse()
    card["rateValues"][0]["slabRates"].reverse()
    card["rateValues"][0]["slabRates"][0]["rate"] = Decimal("0.0200")
    assert told(plan, old) == []


def test_rules_are_shown_whole_and_compared_to_the_digit() -> None:
    rule = {"*": [{"var": "attributes.calls"}, Decimal("1.5")]}
    old = {"name": "Calls", "computations": [{"computation": rule, "order": 1}]}
    new = copy.deepcopy(old)
    new["computations"][0]["computation"]["*"][1] = Decimal("1.50")  # a text of it would differ
    (one,) = differences(old, new)
    assert one.text == (
        'computation {"*":[{"var":"attributes.calls"},1.5]} -> {"*":[{"var":"attributes.calls"},1.50]} of computation 1'
    )
    new["computations"][0]["computation"] = {"==": [True, 1]}
    old["computations"][0]["computation"] = {"==": [1, True]}
    assert [one.new for one in differences(old, new)] == ['{"==":[true,1]}']


def test_schemas() -> None:
    old = {"name": "s", "attributes": [{"name": "calls"}], "dimensions": [{"name": "region"}]}
    new = {"name": "s", "attributes": [{"name": "calls", "defaultUnit": "1"}, {"name": "bytes"}], "dimensions": []}
    assert told(new, old) == [
        "defaultUnit none -> 1 of attribute 'calls'",
        "attribute 'bytes' added",
        "dimension 'region' removed",
    ]


def test_members_that_nothing_tells_apart_are_told_by_their_place() -> None:
    old = {"computations": [{"computation": 1, "order": 1}, {"computation": 2, "order": 1}]}
    new = {"computations": [{"computation": 1, "order": 1}, {"computation": 3, "order": 1}]}
    assert told(new, old) == ["computation 2 -> 3 of computation 2"]


def test_what_is_very_long_is_cut() -> None:
    (one,) = differences({"description": "x"}, {"description": "y " * 200})
    assert len(one.text) < 250
    assert one.text.endswith("...")


NAMES = st.sampled_from(["name", "slabs", "matcher", "tag", "order"])
VALUES = st.recursive(
    st.sampled_from([None, True, False, 0, 1, -7, Decimal("1.0"), Decimal("0.01"), "", "a", "b c", "1", "é"]),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(NAMES, below, max_size=4),
    max_leaves=12,
)
TREES = st.dictionaries(NAMES, VALUES, max_size=4)


@given(TREES)
def test_nothing_is_different_from_itself(tree: Json) -> None:
    assert differences(tree, copy.deepcopy(tree)) == []


@given(TREES, TREES)
def test_any_two_states_can_be_told(old: Json, new: Json) -> None:
    for one in differences(old, new):
        assert one.text
        assert one.old != one.new or "order of" in one.text or len(one.old or "") >= 200


@pytest.mark.parametrize("new", [{"currency": "EUR"}, {"currency": "USD", "rate": 2}, {}])
def test_a_member_that_is_another_is_never_taken_for_the_same(new: Json) -> None:
    assert told({"rateValues": [new]}, {"rateValues": [{"currency": "USD", "rate": 1}]})
