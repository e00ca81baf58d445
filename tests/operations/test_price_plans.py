"""What a plan must hold, before it is kept and before it prices anything (domain.md 4.2 to 4.4)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.operations.shop import Shop, commitment, credit_grant, entitlement, fee, licence, monthly, overage, tiered

if TYPE_CHECKING:
    from tests.servers import Answer, Inside

Json = dict[str, Any]
CARD: Final = "pricePlanDetails.usageRateCards[0]"
FEE: Final = "pricePlanDetails.fixedFeeRateCards[0]"


@pytest.fixture(scope="module")
def shop(standing: Inside) -> Shop:
    """An organisation with a meter and a fee; no plan here is ever in force."""
    opened = Shop(standing.new_organisation())
    opened.schema()
    return opened


@pytest.fixture(scope="module")
def meter(shop: Shop) -> str:
    return shop.meter()


@pytest.fixture(scope="module")
def addon(shop: Shop) -> str:
    return shop.addon()


def create(shop: Shop, **details: object) -> Answer:
    body = {"supportedCurrencies": ["USD"], "pricingCycleConfig": monthly()} | details
    return shop.api.post("/price_plans", {"name": "Tried", "pricePlanDetails": body})


def refusal(shop: Shop, **details: object) -> str:
    before = shop.api.get("/price_plans").ok()
    message = create(shop, **details).refused(400)
    assert shop.api.get("/price_plans").ok() == before
    return message


def slabs(*starts: object, orders: list[int] | None = None, **more: object) -> list[Json]:
    numbers = orders or range(1, len(starts) + 1)
    return [
        {"order": order, "startAfter": start, "priceType": "PER_UNIT"} | more
        for order, start in zip(numbers, starts, strict=True)
    ]


def card(meter: str, plan: list[Json], rates: list[Json] | None = None, **more: object) -> Json:
    found = [{"order": slab["order"], "rate": 1} for slab in plan] if rates is None else rates
    return {
        "usageMeterId": meter,
        "ratePlan": {"pricingModel": "TIERED", "slabs": plan},
        "rateValues": [{"currency": "USD", "slabRates": found} | more],
    }


@pytest.mark.parametrize(
    ("plan", "path"),
    [
        ([], "ratePlan.slabs: "),
        (slabs(5), "ratePlan.slabs[0].startAfter: is 5, the first slab starts at 0"),
        (slabs(0, 100, 100), "ratePlan.slabs[2].startAfter: "),
        (slabs(0, 100, 50), "ratePlan.slabs[2].startAfter: "),
        (slabs(0, 100, orders=[1, 3]), "ratePlan.slabs: has the orders 1, 3, expected 1 to 2"),
        (slabs(0, 100, orders=[1, 1]), "ratePlan.slabs: has the orders 1, 1"),
        (slabs(0, orders=[0]), "ratePlan.slabs[0].order: "),
        (slabs(*range(11)), "ratePlan.slabs[10].order: "),
        (slabs(0, priceType="PACKAGE"), "ratePlan.slabs[0].slabConfig.packageSize: is missing"),
        (slabs(0, priceType="PACKAGE", slabConfig={"packageSize": "0"}), "slabConfig.packageSize: is '0'"),
        (slabs(0, priceType="PACKAGE", slabConfig={"packageSize": "1e3"}), "slabConfig.packageSize: is '1e3'"),
        (slabs(0, priceType="PACKAGE", slabConfig={"packageSize": 10}), "slabConfig.packageSize: Expected `str"),
        (slabs(0, slabConfig={"packageSize": "10"}), "slabConfig.packageSize: does not belong to a PER_UNIT slab"),
        (slabs(0, priceType="GRADUATED"), "ratePlan.slabs[0].priceType: "),
    ],
)
def test_slabs_are_ordered_and_complete(shop: Shop, meter: str, plan: list[Json], path: str) -> None:
    message = refusal(shop, usageRateCards=[card(meter, plan)])
    assert f"{CARD}." in message
    assert path in message


@pytest.mark.parametrize(
    ("rates", "more", "path"),
    [
        ([{"order": 1, "rate": 1}], {}, "rateValues[0].slabRates: has the orders 1, expected 1 to 2"),
        ([{"order": 1, "rate": 1}, {"order": 3, "rate": 1}], {}, "rateValues[0].slabRates: "),
        ([{"order": 1, "rate": "one"}, {"order": 2, "rate": 1}], {}, "rateValues[0].slabRates[0].rate: "),
        ([{"order": 1, "rate": 1e30}, {"order": 2, "rate": 1}], {}, "rateValues[0].slabRates[0].rate: "),
        (
            [
                {"order": 1, "rate": 1, "slabRateConfig": {"minimumRate": "9", "maximumRate": "8"}},
                {"order": 2, "rate": 1},
            ],
            {},
            "rateValues[0].slabRates[0].slabRateConfig.minimumRate: is 9, more than the maximumRate 8",
        ),
        (None, {"rateConfig": {"minimumRate": "9", "maximumRate": "8"}}, "rateValues[0].rateConfig.minimumRate: "),
        (None, {"rateConfig": {"minimumRate": 9}}, "rateValues[0].rateConfig.minimumRate: Expected `str"),
        (None, {"rateConfig": {"minimumRate": "lots"}}, "rateValues[0].rateConfig.minimumRate: is 'lots'"),
        (None, {"currency": "EUR"}, "rateValues[0].currency: 'EUR' is not one of the plan's supportedCurrencies"),
    ],
)
def test_every_slab_has_a_rate_in_every_currency(
    shop: Shop, meter: str, rates: list[Json] | None, more: Json, path: str
) -> None:
    assert f"{CARD}.{path}" in refusal(shop, usageRateCards=[card(meter, slabs(0, 100), rates, **more)])


def test_a_supported_currency_without_rates_is_named(shop: Shop, meter: str, addon: str) -> None:
    message = refusal(
        shop,
        supportedCurrencies=["USD", "EUR", "JPY"],
        usageRateCards=[tiered(meter, (0, 1))],
        fixedFeeRateCards=[fee(addon, 5)],
    )
    assert f"{CARD}.rateValues: has no rate in EUR, JPY" in message
    assert f"{FEE}.rateValues: has no rate in EUR, JPY" in message


@pytest.mark.parametrize(
    ("currencies", "path"),
    [
        ([], "pricePlanDetails.supportedCurrencies: is empty"),
        (["USD", "USD"], "pricePlanDetails.supportedCurrencies[1]: USD is named twice"),
        (["GLD"], "pricePlanDetails.supportedCurrencies[0]: 'GLD' is not a currency"),
        (["dollars"], "pricePlanDetails.supportedCurrencies[0]: "),
        (None, "pricePlanDetails.supportedCurrencies: "),
    ],
)
def test_currencies_are_real_ones(shop: Shop, currencies: object, path: str) -> None:
    assert path in refusal(shop, supportedCurrencies=currencies)


@pytest.mark.parametrize(
    ("cycle", "path"),
    [
        (monthly(day="0"), "startOffset.dayOffset: "),
        (monthly(day="32"), "startOffset.dayOffset: "),
        (monthly(day="FIRST"), "startOffset.dayOffset: "),
        (monthly(day="1", interval="WEEKLY", month="1"), "startOffset.monthOffset: "),
        (monthly(day="8", interval="WEEKLY"), "startOffset.dayOffset: "),
        (monthly(day="1", interval="QUARTERLY"), "startOffset.monthOffset: "),
        (monthly(day="1", interval="QUARTERLY", month="4"), "startOffset.monthOffset: "),
        (monthly(day="1", interval="ANNUALLY", month="13"), "startOffset.monthOffset: "),
        (monthly(interval="DAILY"), "interval: "),
        (monthly(grace=-1), "gracePeriod: "),
        (monthly() | {"gracePeriod": "2"}, "gracePeriod: "),
        ({"interval": "MONTHLY", "gracePeriod": 2}, "startOffset: is required unless anniversaryCycle is true"),
        ({"interval": "MONTHLY", "anniversaryCycle": True}, ": required field 'gracePeriod' is missing"),
    ],
)
def test_cycles_are_what_the_interval_allows(shop: Shop, cycle: Json, path: str) -> None:
    assert f"pricePlanDetails.pricingCycleConfig{'' if path.startswith(':') else '.'}{path}" in refusal(
        shop, pricingCycleConfig=cycle
    )


def test_what_cards_price_must_exist_and_be_of_their_kind(shop: Shop, meter: str) -> None:
    licence = shop.addon("Seats", "LICENSE")
    gone = shop.addon("Gone")
    shop.api.delete(f"/addons/{gone}").ok()
    message = refusal(
        shop,
        usageRateCards=[tiered(meter, (0, 1)), tiered("um.unknown", (0, 1))],
        fixedFeeRateCards=[fee(licence, 1), fee("addon.unknown", 1), fee(gone, 1)],
    )
    assert "pricePlanDetails.usageRateCards[1].usageMeterId: usage meter 'um.unknown' not found" in message
    assert f"{FEE}.id: add-on {licence!r} is a LICENSE, expected a FIXED_FEE" in message
    assert "pricePlanDetails.fixedFeeRateCards[1].id: add-on 'addon.unknown' not found" in message
    assert "pricePlanDetails.fixedFeeRateCards[2].id: " in message


def test_an_item_has_one_card_and_a_card_its_own_name(shop: Shop, meter: str, addon: str) -> None:
    message = refusal(
        shop,
        usageRateCards=[tiered(meter, (0, 1), name="a"), tiered(meter, (0, 2))],
        fixedFeeRateCards=[fee(addon, 1, name="a")],
    )
    assert "pricePlanDetails.usageRateCards[1].usageMeterId: " in message
    assert f"{FEE}.name: 'a' is the name of another card" in message


@pytest.mark.parametrize(
    ("rate", "path"),
    [(-1, "rate: is -1, expected 0 or more"), (1e30, "rate: ")],
)
def test_a_commitment_is_an_amount(shop: Shop, rate: object, path: str) -> None:
    message = refusal(shop, minimumCommitment=commitment(rate))
    assert f"pricePlanDetails.minimumCommitment.rateValues[0].{path}" in message


def test_a_fee_is_billed_before_or_after(shop: Shop, addon: str) -> None:
    assert f"{FEE}.invoiceTiming: " in refusal(shop, fixedFeeRateCards=[fee(addon, 1, timing="PREPAID")])
    assert f"{FEE}.recurrenceConfig.interval: " in refusal(
        shop, fixedFeeRateCards=[fee(addon, 1, recurrenceConfig={"interval": 0})]
    )


@pytest.mark.parametrize("field", ["billingEntitlementRateCards", "entitlementOverageRateCards"])
def test_a_feature_that_a_card_prices_is_there(shop: Shop, field: str) -> None:
    card = entitlement if field.startswith("billing") else overage
    made = card("feature.x", *([100] if card is entitlement else [(0, 1)]))
    assert f"pricePlanDetails.{field}[0].featureId: feature 'feature.x' not found" in refusal(shop, **{field: [made]})
    assert create(shop, **{field: []}).status == 200


def test_a_feature_has_a_card_for_units_and_one_for_overage(shop: Shop) -> None:
    feature = shop.api.post("/features", {"name": "Exports"}).ok()["id"]
    cards = {
        "billingEntitlementRateCards": [entitlement(feature, 100, "0.5", tag="x", ends="P20D")],
        "entitlementOverageRateCards": [overage(feature, (0, 2), (10, 1), maxQuantity=50)],
    }
    answer = create(shop, **cards)
    assert answer.status == 200
    stored = answer.body["pricingSchedule"][0]["pricePlanDetails"]
    units, beyond = stored["billingEntitlementRateCards"][0], stored["entitlementOverageRateCards"][0]
    assert (units["featureId"], units["invoiceTiming"], units["tag"]) == (feature, "IN_ADVANCE", "x")
    assert [one["featureCreditLimit"] for one in units["featureConfigs"]] == [100, Decimal("0.5")]
    assert (beyond["featureId"], beyond["maxQuantity"], len(beyond["ratePlan"]["slabs"])) == (feature, 50, 2)


BONUS = "pricePlanDetails.creditGrantRateCards[0]"


@pytest.fixture(scope="module")
def bonus(shop: Shop) -> str:
    return shop.addon("Bonus", "CREDIT_GRANT")


def test_credit_is_granted_by_add_ons_of_its_type(shop: Shop, addon: str, bonus: str) -> None:
    message = refusal(shop, creditGrantRateCards=[credit_grant(addon, 1), credit_grant("addon.x", 1)])
    assert f"{BONUS}.id: add-on '{addon}' is a FIXED_FEE, expected a CREDIT_GRANT" in message
    assert "creditGrantRateCards[1].id: add-on 'addon.x' not found" in message
    card = credit_grant(bonus, 100, 10, expiry="CUSTOM", lasts="P10D", entities=("um.x",), name="bonus", tag="extras")
    made = create(shop, creditGrantRateCards=[card | {"type": "ONE_TIME"}]).ok()
    (kept,) = shop.api.get(f"/price_plans/{made['id']}").ok()["pricingSchedule"][0]["pricePlanDetails"][
        "creditGrantRateCards"
    ]
    assert kept == card | {"type": "ONE_TIME", "grantDetails": card["grantDetails"] | {"applicableEntityIds": ["um.x"]}}
    message = shop.api.delete(f"/addons/{bonus}").refused(400)
    assert made["id"] in message


def test_all_that_is_wrong_with_granted_credit_is_named_at_once(shop: Shop, bonus: str) -> None:
    wrong = credit_grant(bonus, -1, 1, lasts="P10D", entities=("um.x", "um.x"))
    message = refusal(shop, creditGrantRateCards=[wrong])
    details = f"{BONUS}.rateDetails.currencySlabRateDetails[0]"
    for problem in (
        f"{BONUS}.grantDetails.expiryDuration: does not belong to expiryType NO_EXPIRY",
        f"{details}.creditAmount: is -1, expected 0 or more",
        f"{BONUS}.grantDetails.applicableEntityIds: names 'um.x' 2 times",
    ):
        assert problem in message


def test_entities_of_credit_are_items_or_groups_of_cards(shop: Shop, bonus: str) -> None:
    message = refusal(shop, creditGrantRateCards=[credit_grant(bonus, 1, entities=("ALL_METERS",))])
    assert f"{BONUS}.grantDetails.applicableEntityIds[0]: 'ALL_METERS' is no group of cards" in message


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"grantDetails": {"expiryType": "NO_EXPIRY"}}, "grantDetails"),
        ({"grantDetails": {"priority": -1, "expiryType": "NO_EXPIRY"}}, "grantDetails.priority"),
        ({"grantDetails": {"priority": 101, "expiryType": "NO_EXPIRY"}}, "grantDetails.priority"),
        ({"grantDetails": {"priority": 1, "expiryType": "NEVER"}}, "grantDetails.expiryType"),
        ({"rateDetails": {"pricingModel": "TIERED"}}, "rateDetails"),
        ({"enableProration": True}, BONUS),
        ({"recurrenceConfig": {"interval": 0}}, "recurrenceConfig.interval"),
    ],
)
def test_other_shapes_of_granted_credit_are_refused(shop: Shop, bonus: str, change: Json, path: str) -> None:
    assert path in refusal(shop, creditGrantRateCards=[credit_grant(bonus, 1) | change])


SEATS = "pricePlanDetails.licenseRateCards[0]"


def test_licences_are_priced_by_add_ons_of_their_type(shop: Shop, addon: str) -> None:
    desks, names = shop.addon("Desks", "LICENSE"), shop.addon("Names", "NAMED_LICENSE")
    for wrong, message in (
        (licence(addon, 1), f"{SEATS}.id: add-on '{addon}' is a FIXED_FEE, expected a LICENSE or NAMED_LICENSE"),
        (licence("addon.x", 1), f"{SEATS}.id: add-on 'addon.x' not found"),
        (licence(desks, 1, type="NAMED_LICENSE"), f"{SEATS}.type: is NAMED_LICENSE, but add-on '{desks}' is a LICENSE"),
        (licence(names, 1, config={"maxQuantity": 5}), f"{SEATS}.config.maxQuantity: cannot be kept"),
        (licence(names, 1, timing="IN_ADVANCE"), f"{SEATS}.invoiceTiming: is IN_ADVANCE, but named licences"),
    ):
        assert message in refusal(shop, licenseRateCards=[wrong])
    card = licence(desks, 30, usageCycle="WEEKLY", type="LICENSE", name="seats", config={"maxQuantity": 5})
    made = create(shop, licenseRateCards=[card]).ok()
    (kept,) = made["pricingSchedule"][0]["pricePlanDetails"]["licenseRateCards"]
    assert {name: kept[name] for name in card if name != "invoiceTiming"} | {"invoiceTiming": "IN_ARREARS"} == card
    assert f"add-on '{desks}' is priced by" in shop.api.delete(f"/addons/{desks}").refused(400)
    listed = shop.api.get("/price_plans").ok()["data"]
    assert all("licenseRateCards" not in one["pricePlanDetails"] for one in listed)


def test_a_plan_of_a_name_alone_is_a_draft_that_cannot_be_activated(shop: Shop, addon: str) -> None:
    body = {"name": "Bare", "type": "BILLING", "pricePlanDetails": {"supportedCurrencies": ["USD"]}}
    made = shop.api.post("/price_plans", body).ok()
    assert made["status"] == "DRAFT"
    path = f"/price_plans/{made['id']}"
    message = shop.api.post(f"{path}/activate", {"currencies": ["USD", "EUR"]}).refused(400)
    assert "currencies[1]: 'EUR'" in message
    assert "pricePlanDetails.pricingCycleConfig: is missing" in message
    assert "pricePlanDetails: has no rate cards" in message
    shop.api.post(f"{path}/activate", {"currencies": []}).refused(400)
    patch = {"pricePlanDetails": {"pricingCycleConfig": monthly(), "fixedFeeRateCards": [fee(addon, 5)]}}
    assert shop.api.patch(path, patch).ok()["status"] == "DRAFT"
    active = shop.api.post(f"{path}/activate", {"currencies": ["USD"]}).ok()
    assert active["status"] == "ACTIVE"
    assert active["pricingSchedule"][0]["version"] == 1
    assert shop.api.get(path, version=1).ok() == active
    shop.api.get(path, version=2).refused(404)


def test_a_patch_replaces_the_keys_that_it_holds(shop: Shop, meter: str, addon: str) -> None:
    plan = shop.api.post(
        "/price_plans",
        {
            "name": "Patched",
            "pricePlanDetails": {
                "supportedCurrencies": ["USD"],
                "usageRateCards": [tiered(meter, (0, 1))],
                "fixedFeeRateCards": [fee(addon, 5)],
            },
        },
    ).ok()["id"]
    patch = {"description": "New", "pricePlanDetails": {"usageRateCards": [tiered(meter, (0, 3))]}}
    changed = shop.api.patch(f"/price_plans/{plan}", patch).ok()
    details = changed["pricingSchedule"][0]["pricePlanDetails"]
    assert changed["description"] == "New"
    assert details["usageRateCards"][0]["rateValues"][0]["slabRates"][0]["rate"] == 3
    assert details["fixedFeeRateCards"][0]["rateValues"][0]["rate"] == 5
    bad = {"pricePlanDetails": {"usageRateCards": [tiered("um.unknown", (0, 3))]}}
    assert f"{CARD}.usageMeterId" in shop.api.patch(f"/price_plans/{plan}", bad).refused(400)
    assert shop.api.get(f"/price_plans/{plan}").ok() == changed
    for terms in ({}, {"pricePlanDetails": {}}):
        rules = terms | {"pricingRules": [{"name": "cheaper"}]}
        assert shop.api.patch(f"/price_plans/{plan}", rules).refused(400).startswith("pricingRules[0]: ")


def test_currencies_are_activated_one_after_the_other(still: Shop) -> None:
    addon = still.addon()
    card = fee(addon, 5)
    card["rateValues"].append({"currency": "EUR", "rate": 4})
    plan = still.api.post(
        "/price_plans",
        {
            "name": "Two",
            "pricePlanDetails": {
                "supportedCurrencies": ["USD", "EUR"],
                "pricingCycleConfig": monthly(),
                "fixedFeeRateCards": [card],
            },
        },
    ).ok()["id"]

    def active(*currencies: str) -> list[str]:
        answer = still.api.post(f"/price_plans/{plan}/activate", {"currencies": currencies}).ok()
        return answer["pricingSchedule"][0]["pricePlanDetails"]["activeCurrencies"]

    assert (active("EUR"), active("USD", "EUR")) == (["EUR"], ["EUR", "USD"])


def test_a_dry_run_answers_like_the_real_one_and_keeps_nothing(still: Shop) -> None:
    body = {"name": "Dry", "pricePlanDetails": {"supportedCurrencies": ["USD"]}}
    dry = still.api.post("/price_plans?dry_run=true", body)
    assert (dry.status, dry.body["name"]) == (200, "Dry")
    assert still.api.get("/price_plans").ok()["data"] == []
    bad = body | {"pricePlanDetails": {"supportedCurrencies": []}}
    still.api.post("/price_plans?dry_run=true", bad).refused(400)


class TestBoughtOnce:
    def test_a_plan_of_fees_and_credit_is_made_activated_and_never_associated(self, still: Shop) -> None:
        setup, pack = still.addon("Setup"), still.addon("Pack", "CREDIT_GRANT")
        cards = {
            "fixedFeeRateCards": [fee(setup, 50, type="ONE_TIME")],
            "creditGrantRateCards": [credit_grant(pack, 100, 10, expiry="CUSTOM", lasts="P1Y")],
        }
        body = {"name": "Once", "type": "PURCHASE", "pricePlanDetails": {"supportedCurrencies": ["USD"]} | cards}
        made = still.api.post("/price_plans", body).ok()
        assert "pricingCycleConfig" not in made["pricingSchedule"][0]["pricePlanDetails"]
        active = still.api.post(f"/price_plans/{made['id']}/activate", {"currencies": ["USD"]}).ok()
        assert (active["type"], active["status"]) == ("PURCHASE", "ACTIVE")
        still.account("once")
        refused = still.try_associate(made["id"], "once").refused(400)
        assert refused == f"pricePlanId: price plan '{made['id']}' is a PURCHASE plan: it is bought, not associated"

    def test_everything_that_needs_cycles_is_refused_by_name(self, still: Shop) -> None:
        setup, pack, seats = still.addon("Once"), still.addon("Once more", "CREDIT_GRANT"), still.addon("S", "LICENSE")
        details = {
            "supportedCurrencies": ["USD"],
            "pricingCycleConfig": monthly(),
            "fixedFeeRateCards": [fee(setup, 50, enableProration=True, recurrenceConfig={"interval": 2})],
            "licenseRateCards": [licence(seats, 3)],
            "creditGrantRateCards": [credit_grant(pack, 100, 10, expiry="PRICING_CYCLE")],
            "minimumCommitment": commitment(5),
        }
        body = {"name": "Once", "type": "PURCHASE", "pricePlanDetails": details}
        message = still.api.post("/price_plans", body).refused(400)
        assert message.startswith("pricePlanDetails.pricingCycleConfig: does not belong to a PURCHASE plan")
        empty = {"name": "Once", "type": "PURCHASE", "pricePlanDetails": {"supportedCurrencies": ["USD"]}}
        made = still.api.post("/price_plans", empty).ok()
        answer = still.api.post(f"/price_plans/{made['id']}/activate", {"currencies": ["USD"]})
        assert answer.refused(400) == "pricePlanDetails: has no rate cards: a plan must price something"
        ruled = empty | {"pricingRules": [{"name": "r", "order": 1, "computation": "1", "action": {"type": "ADD"}}]}
        assert still.api.post("/price_plans", ruled).refused(400).startswith("pricingRules: are about cycles")
