"""Plans the way of v2: drafts, cards by name, what is still wrong, finalise and discard (domain.md 4.3, 4.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.operations.shop import Shop, commitment, credit_grant, entitlement, fee, monthly, overage, tiered

if TYPE_CHECKING:
    from tests.servers import Answer

Json = dict[str, Any]
KEYS: Final = {
    "USAGE": "usageRateCard",
    "FIXED_FEE": "fixedFeeRateCard",
    "LICENSE": "licenseRateCard",
    "BILLING_ENTITLEMENT": "billingEntitlementRateCard",
    "ENTITLEMENT_OVERAGE": "entitlementOverageRateCard",
    "CREDIT_GRANT": "creditGrantRateCard",
    "MINIMUM_COMMITMENT": "minimumCommitmentRateCard",
}


def usage(meter: str, rate: object, **more: object) -> Json:
    return data("USAGE", meter, tiered(meter, (0, rate)), **more)


def fixed(addon: str, rate: object, **more: object) -> Json:
    return data("FIXED_FEE", addon, fee(addon, rate), **more)


def data(kind: str, billable: str, card: Json, **more: object) -> Json:
    common = {"billableId": billable, "type": kind, "invoiceTiming": "IN_ARREARS"}
    return common | {"rateCardDetails": {KEYS[kind]: card}} | more


def create(name: str, card: Json) -> Json:
    return {"actionType": "CREATE", "rateCardName": name, "rateCard": card}


def update(name: str, card: Json) -> Json:
    return {"actionType": "UPDATE", "rateCardName": name, "rateCard": card}


def delete(name: str) -> Json:
    return {"actionType": "DELETE", "rateCardName": name}


class Plan:
    """One plan, by v2."""

    def __init__(self, shop: Shop, **more: object) -> None:
        body = {"name": "Plan", "type": "BILLING", "supportedCurrencies": ["USD"], "pricingCycleConfig": monthly()}
        self.api = shop.api
        self.made = shop.api.post("/v2/price_plans", body | more).ok()
        self.id = self.made["id"]
        self.path = f"/v2/price_plans/{self.id}"

    def get(self, version: object = "LATEST") -> Json:
        return self.api.get(self.path, version=version).ok()

    def operate(self, *operations: Json) -> Answer:
        return self.api.post(f"{self.path}/rate_cards", {"operations": operations})

    def cards(self) -> list[Json]:
        return [card for page in self.api.pages(f"{self.path}/rate_cards") for card in page]

    def names(self) -> list[str]:
        return [card["name"] for card in self.cards()]

    def errors(self) -> list[tuple[str, str, str]]:
        found = self.api.get(f"{self.path}/errors").ok()
        return [(one["entityType"], one["entityId"], one["errorMessage"]) for one in found["data"]]

    def finalize(self, **body: object) -> Answer:
        return self.api.post(f"{self.path}/finalize", body or None)

    def discard(self) -> Answer:
        return self.api.delete(f"{self.path}/discard")

    def versions(self) -> list[tuple[int, str]]:
        pages = self.api.pages(f"{self.path}/versions")
        return [(one["version"], one["status"]) for page in pages for one in page]


@pytest.fixture
def meter(still: Shop) -> str:
    still.schema()
    return still.meter()


@pytest.fixture
def addon(still: Shop) -> str:
    return still.addon()


@pytest.fixture
def finalised(still: Shop, meter: str) -> Plan:
    """A plan with one usage card `calls` at 2, active."""
    plan = Plan(still)
    plan.operate(create("calls", usage(meter, 2))).ok()
    plan.finalize().ok()
    return plan


def test_the_whole_flow_ends_in_a_bill(shop: Shop) -> None:
    # By hand: 150 calls in tiers of 2 until 100 and 1 above are 250, the fee is 30: 280.
    shop.account()
    shop.schema()
    meter, addon = shop.meter(), shop.addon()
    plan = Plan(shop, description="Two cards", pricingCycleConfig=None)
    assert (plan.made["version"], plan.made["status"]) == (1, "DRAFT")
    assert plan.errors() == [
        ("PRICE_PLAN", plan.id, "pricingCycleConfig: is missing: a BILLING plan needs a pricing cycle"),
        ("PRICE_PLAN", plan.id, "has no rate cards: a plan must price something"),
    ]
    assert "pricingCycleConfig: is missing" in plan.finalize().refused(400)
    shop.api.patch(plan.path, {"pricingCycleConfig": monthly()}).ok()
    card = data("USAGE", meter, tiered(meter, (0, 2), (100, 1)), displayName="Calls")
    changed = plan.operate(create("calls", card), create("base", fixed(addon, 30, tag="fees"))).ok()
    assert [one["name"] for one in changed["rateCards"]] == ["calls", "base"] == plan.names()
    assert plan.errors() == []
    assert plan.finalize().ok() == {"success": True}
    assert plan.versions() == [(1, "ACTIVE")]
    shop.associate(plan.id)
    shop.use(150)
    assert shop.invoices()[0]["totalAmount"] == 280


def test_v1_and_v2_show_the_same_plan(still: Shop, meter: str, addon: str) -> None:
    plan = Plan(still)
    plan.operate(create("calls", usage(meter, 2)), create("", fixed(addon, 5))).ok()
    v1 = still.api.get(f"/price_plans/{plan.id}").ok()
    (version,) = v1["pricingSchedule"]
    assert (v1["status"], version["id"], version["version"]) == ("DRAFT", plan.made["referenceId"], 1)
    assert version["pricePlanDetails"]["usageRateCards"][0]["name"] == "calls"
    patch = {"pricePlanDetails": {"usageRateCards": [tiered(meter, (0, 3))]}}
    still.api.patch(f"/price_plans/{plan.id}", patch).ok()
    assert plan.names() == [meter, addon]  # without a name of their own, cards go by what they price
    plan.operate(update(meter, usage(meter, 4))).ok()
    still.api.post(f"/price_plans/{plan.id}/activate", {"currencies": ["USD"]}).ok()
    assert (plan.get()["status"], plan.versions()) == ("ACTIVE", [(1, "ACTIVE")])


def test_a_card_shows_everything_that_the_wire_asks_for(still: Shop, meter: str) -> None:
    plan = Plan(still)
    card = data("MINIMUM_COMMITMENT", "MINIMUM_COMMITMENT", commitment(9))
    plan.operate(create("least", card), create("calls", usage(meter, 2, tag="api"))).ok()
    calls, least = plan.cards()
    common = {"referenceId": plan.made["referenceId"], "referenceType": "PRICE_PLAN", "pricePlanId": plan.id}
    assert calls == common | {
        "billableId": meter,
        "type": "USAGE",
        "displayName": "calls",
        "invoiceTiming": "IN_ARREARS",
        "rateCardDetails": {"usageRateCard": tiered(meter, (0, 2), name="calls", tag="api")},
        "tag": "api",
        "name": "calls",
        "currencies": ["USD"],
    }
    assert least == common | {
        "billableId": "MINIMUM_COMMITMENT",
        "type": "MINIMUM_COMMITMENT",
        "displayName": "Minimum",
        "invoiceTiming": "IN_ARREARS",
        "rateCardDetails": {"minimumCommitmentRateCard": commitment(9) | {"name": "least"}},
        "name": "least",
        "currencies": ["USD"],
    }


class TestCards:
    def test_they_are_replaced_and_deleted_by_their_names(self, still: Shop, meter: str, addon: str) -> None:
        plan = Plan(still)
        plan.operate(create("calls", usage(meter, 2)), create("base", fixed(addon, 5))).ok()
        plan.operate(update("base", fixed(addon, 6, invoiceTiming="IN_ADVANCE")), delete("calls")).ok()
        (base,) = plan.cards()
        assert (base["name"], base["invoiceTiming"]) == ("base", "IN_ADVANCE")
        assert base["rateCardDetails"]["fixedFeeRateCard"]["rateValues"][0]["rate"] == 6

    def test_a_later_operation_sees_what_an_earlier_one_did(self, still: Shop, meter: str) -> None:
        plan = Plan(still)
        plan.operate(create("a", usage(meter, 2)), delete("a"), create("b", usage(meter, 3))).ok()
        assert plan.names() == ["b"]

    def test_all_is_done_or_nothing_and_every_problem_has_its_path(self, still: Shop, meter: str, addon: str) -> None:
        plan = Plan(still)
        plan.operate(create("calls", usage(meter, 2))).ok()
        message = plan.operate(
            create("base", fixed(addon, 5)),
            delete("nothing"),
            create("calls", fixed("addon.x", 1)),
            update("calls", usage(meter, 10**20)),
        ).refused(400)
        assert "operations[1].rateCardName: there is no card 'nothing' in the plan; its cards are 'calls'" in message
        assert "operations[2].rateCardName: 'calls' is the name of another card" in message
        path = "operations[3].rateCard.rateCardDetails.usageRateCard.rateValues[0].slabRates[0].rate: "
        assert path in message
        assert plan.names() == ["calls"]

    @pytest.mark.parametrize(
        ("change", "path"),
        [
            ({"actionType": "CREATE", "rateCardName": "x"}, "operations[0].rateCard: is missing"),
            ({"actionType": "RENAME", "rateCardName": "x"}, "operations[0].actionType: "),
            ({"actionType": "UPDATE", "rateCardName": "calls"}, "operations[0].rateCard: is missing"),
            (update("other", usage("um.x", 1)), "operations[0].rateCardName: there is no card 'other'"),
            (delete(""), "operations[0].rateCardName: there is no card ''"),
            (delete("calls") | {"rateCard": usage("um.x", 1)}, "operations[0].rateCard: does not belong to a DELETE"),
            (create("x" * 51, usage("um.x", 1)), "operations[0].rateCardName: "),
            (
                create("x", usage("um.x", 1)),
                "operations[0].rateCard.rateCardDetails.usageRateCard.usageMeterId: usage meter 'um.x' not found",
            ),
            (
                create("x", usage("um.x", 1) | {"billableId": "um.y"}),
                "rateCardDetails.usageRateCard.usageMeterId: names another item than the rest of the card",
            ),
            (
                create("x", data("MINIMUM_COMMITMENT", "commitment", commitment(1))),
                "operations[0].rateCard.billableId: names another item than the rest of the card: 'MINIMUM_COMMITMENT'",
            ),
            (
                create("x", data("MINIMUM_COMMITMENT", "MINIMUM_COMMITMENT", commitment(-1))),
                "operations[0].rateCard.rateCardDetails.minimumCommitmentRateCard.rateValues[0].rate: is -1",
            ),
            (
                create("x", data("MINIMUM_COMMITMENT", "MINIMUM_COMMITMENT", commitment(1), tag="a")),
                "operations[0].rateCard.tag: a MINIMUM_COMMITMENT card is grouped under no tag",
            ),
            (
                create("x", usage("um.x", 1, invoiceTiming="IN_ADVANCE")),
                "operations[0].rateCard.invoiceTiming: is IN_ADVANCE, a USAGE card is billed IN_ARREARS",
            ),
            (
                create("x", data("FIXED_FEE", "a", fee("a", 1, timing="IN_ADVANCE"))),
                "fixedFeeRateCard.invoiceTiming: is IN_ADVANCE, the card's own invoiceTiming IN_ARREARS",
            ),
            (
                create("x", data("USAGE", "a", tiered("a", (0, 1), name="y", tag="p"), tag="q")),
                "rateCardDetails.usageRateCard.tag: is 'p', beside the card it is 'q'",
            ),
            (
                create("x", data("USAGE", "a", tiered("a", (0, 1), name="y"))),
                "rateCardDetails.usageRateCard.name: is 'y', beside the card it is 'x'",
            ),
            (
                create("x", usage("um.x", 1) | {"type": "FIXED_FEE"}),
                "operations[0].rateCard.rateCardDetails: holds usageRateCard, expected just fixedFeeRateCard",
            ),
            (
                create("x", usage("um.x", 1) | {"rateCardDetails": {}}),
                "operations[0].rateCard.rateCardDetails: holds nothing, expected just usageRateCard",
            ),
            (
                create("x", usage("um.x", 1) | {"type": "BILLING_ENTITLEMENT"}),
                "operations[0].rateCard.rateCardDetails: holds usageRateCard, expected just billingEntitlementRateCard",
            ),
        ],
    )
    def test_what_makes_no_sense_is_refused_by_its_path(self, finalised: Plan, change: Json, path: str) -> None:
        assert path in finalised.operate(change).refused(400)
        assert (finalised.versions(), finalised.names()) == ([(1, "ACTIVE")], ["calls"])

    def test_a_feature_has_a_card_for_units_and_one_for_overage(self, finalised: Plan) -> None:
        feature = finalised.api.post("/features", {"name": "Exports"}).ok()["id"]
        units = data("BILLING_ENTITLEMENT", feature, entitlement(feature, 100), invoiceTiming="IN_ADVANCE")
        beyond = data("ENTITLEMENT_OVERAGE", feature, overage(feature, (0, 2)))
        finalised.operate(create("exports", units), create("", beyond)).ok()
        cards = {card["name"]: card for card in finalised.cards()}
        assert (cards["exports"]["type"], cards["exports"]["invoiceTiming"]) == ("BILLING_ENTITLEMENT", "IN_ADVANCE")
        assert (cards[f"{feature}$OVERAGE"]["type"], cards["exports"]["billableId"]) == ("ENTITLEMENT_OVERAGE", feature)
        reason = f"operations[0].rateCard.billableId: {feature!r} has a card already"
        assert reason in finalised.operate(create("again", units)).refused(400)
        early = update(f"{feature}$OVERAGE", beyond | {"invoiceTiming": "IN_ADVANCE"})
        assert "a ENTITLEMENT_OVERAGE card is billed IN_ARREARS" in finalised.operate(early).refused(400)
        bad = update(
            "exports", data("BILLING_ENTITLEMENT", feature, entitlement(feature, 0), invoiceTiming="IN_ADVANCE")
        )
        limit = "rateCardDetails.billingEntitlementRateCard.featureConfigs[0].featureCreditLimit: is 0, expected more"
        assert limit in finalised.operate(bad).refused(400)
        finalised.operate(delete("exports"), delete(f"{feature}$OVERAGE")).ok()
        assert finalised.names() == ["calls"]

    def test_an_item_has_one_card_and_a_card_keeps_its_kind(self, finalised: Plan, addon: str) -> None:
        meter = finalised.cards()[0]["billableId"]
        again = create("again", usage(meter, 1))
        assert f"operations[0].rateCard.billableId: {meter!r} has a card already" in finalised.operate(again).refused(
            400
        )
        other = update("calls", fixed(addon, 1))
        assert "operations[0].rateCard.type: is FIXED_FEE, card 'calls' is USAGE" in finalised.operate(other).refused(
            400
        )

    def test_they_come_in_pages(self, still: Shop) -> None:
        plan = Plan(still)
        addons = [still.addon(f"Fee {number:02}") for number in range(25)]
        plan.operate(*(create(f"card {place}", fixed(one, 1)) for place, one in enumerate(addons))).ok()
        first = still.api.get(f"{plan.path}/rate_cards").ok()
        assert len(first["data"]) == 20
        second = still.api.get(f"{plan.path}/rate_cards", nextToken=first["nextToken"]).ok()
        assert (len(second["data"]), second["nextToken"]) == (5, None)
        other = Plan(still)
        message = still.api.get(f"{other.path}/rate_cards", nextToken=first["nextToken"]).refused(400)
        assert "belongs to another list" in message
        assert len(still.api.pages(f"{plan.path}/rate_cards", pageSize=10)) == 3


class TestDrafts:
    def test_an_active_plan_is_edited_in_a_draft_that_nobody_gets(self, still: Shop, finalised: Plan) -> None:
        still.account()
        meter = finalised.cards()[0]["billableId"]
        finalised.operate(update("calls", usage(meter, 3))).ok()
        still.api.patch(finalised.path, {"description": "Dearer"}).ok()
        assert finalised.versions() == [(2, "DRAFT"), (1, "ACTIVE")]
        assert [finalised.get(name)["version"] for name in ("LATEST", "ACTIVE", 1, 2)] == [2, 1, 1, 2]
        v1 = still.api.get(f"/price_plans/{finalised.id}").ok()
        assert (v1["status"], v1["pricingSchedule"][0]["version"], v1.get("description")) == ("ACTIVE", 1, None)
        assert still.api.get(f"/price_plans/{finalised.id}", version=2).ok()["status"] == "DRAFT"
        still.associate(finalised.id)
        (piece,) = still.api.get("/accounts/acme/pricing_schedules").ok()["data"]
        assert piece["version"] == 1

    def test_discarding_leaves_what_was_there_before(self, still: Shop, finalised: Plan) -> None:
        before = finalised.get()
        still.api.patch(finalised.path, {"description": "Dearer"}).ok()
        assert finalised.discard().ok() == {"success": True}
        assert (finalised.get(), finalised.versions()) == (before, [(1, "ACTIVE")])
        assert "has no draft" in finalised.discard().refused(400)
        assert "has no draft" in finalised.finalize().refused(400)
        assert finalised.errors() == []

    def test_a_plan_that_was_never_finalised_vanishes_with_its_draft(self, still: Shop) -> None:
        plan = Plan(still)
        plan.discard().ok()
        still.api.get(plan.path).refused(404)
        still.api.get(f"/price_plans/{plan.id}").refused(404)
        assert still.api.get("/v2/price_plans").ok()["data"] == []

    def test_v1_does_not_go_past_an_open_draft(self, still: Shop, finalised: Plan) -> None:
        meter = finalised.cards()[0]["billableId"]
        still.api.patch(finalised.path, {"description": "Dearer"}).ok()
        patch = {"pricePlanDetails": {"usageRateCards": [tiered(meter, (0, 9))]}}
        message = still.api.patch(f"/price_plans/{finalised.id}", patch).refused(400)
        assert "has a draft, version 2: finalize or discard it first" in message

    def test_a_currency_is_added_before_its_rates(self, still: Shop, finalised: Plan) -> None:
        meter = finalised.cards()[0]["billableId"]
        still.api.patch(finalised.path, {"supportedCurrencies": ["USD", "EUR"]}).ok()
        lacking = "rateValues: has no rate in EUR, add one for every supported currency"
        assert finalised.errors() == [("RATE_CARD", "calls", lacking)]
        assert f"usageRateCards[0].{lacking}" in finalised.finalize().refused(400)
        card = usage(meter, 2)
        rates = card["rateCardDetails"]["usageRateCard"]["rateValues"]
        rates.append(rates[0] | {"currency": "EUR"})
        finalised.operate(update("calls", card)).ok()
        finalised.finalize().ok()
        active = still.api.get(f"/price_plans/{finalised.id}").ok()["pricingSchedule"][0]["pricePlanDetails"]
        assert active["activeCurrencies"] == ["USD", "EUR"]

    @pytest.mark.parametrize(
        ("patch", "path"),
        [
            ({"supportedCurrencies": ["GLD"]}, "supportedCurrencies[0]: 'GLD' is not a currency"),
            ({"supportedCurrencies": []}, "supportedCurrencies: "),
            ({"pricingCycleConfig": monthly(day="32")}, "pricingCycleConfig.startOffset.dayOffset: "),
            ({"name": "Other"}, "unknown field 'name'"),
        ],
    )
    def test_what_makes_no_sense_changes_nothing(self, still: Shop, finalised: Plan, patch: Json, path: str) -> None:
        assert still.api.patch(finalised.path, patch).refused(400).startswith(path)
        assert finalised.versions() == [(1, "ACTIVE")]

    def test_what_a_card_prices_may_go_before_it_is_finalised(self, still: Shop, addon: str) -> None:
        plan = Plan(still)
        plan.operate(create("base", fixed(addon, 5))).ok()
        assert "priced by: pp." in still.api.delete(f"/addons/{addon}").refused(400)
        plan.discard().ok()
        still.api.delete(f"/addons/{addon}").ok()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"type": "PURCHASE", "deferredRevenue": True}, "deferredRevenue: does not belong to a PURCHASE plan"),
        ({"supportedCurrencies": []}, "supportedCurrencies: "),
        ({"supportedCurrencies": ["USD", "USD"]}, "supportedCurrencies[1]: USD is named twice"),
        ({"pricingCycleConfig": monthly(day="32")}, "pricingCycleConfig.startOffset.dayOffset: "),
        ({"deferredRevenue": "yes"}, "deferredRevenue: "),
        ({"usageRateCards": []}, "unknown field 'usageRateCards'"),
        ({"name": ""}, "name: "),
    ],
)
def test_a_plan_that_makes_no_sense_is_not_made(still: Shop, body: Json, path: str) -> None:
    whole = {"name": "Plan", "type": "BILLING", "supportedCurrencies": ["USD"]} | body
    assert still.api.post("/v2/price_plans", whole).refused(400).startswith(path)
    assert still.api.get("/v2/price_plans").ok()["data"] == []


@pytest.mark.parametrize("version", ["3", "0", "NEWEST", "-1", "1.0", "²"])
def test_a_version_is_one_of_its_names_or_numbers(still: Shop, version: str) -> None:
    plan = Plan(still)
    assert plan.get("LATEST") == plan.get(1) == plan.made
    status = 404 if version in {"3", "0"} else 400
    assert "version: " in still.api.get(plan.path, version=version).refused(status)
    assert "version 'ACTIVE' not found" in still.api.get(plan.path, version="ACTIVE").refused(404)


def test_what_a_plan_allows_is_shown_by_both_and_kept_by_the_next_version(still: Shop, addon: str) -> None:
    plan = Plan(still, deferredRevenue=True, allowOngoingCycleUpdates=True)
    assert (plan.made["deferredRevenue"], plan.made["allowOngoingCycleUpdates"]) == (True, True)
    early = create("base", fixed(addon, 5, invoiceTiming="IN_ADVANCE"))
    path = "operations[0].rateCard.rateCardDetails.fixedFeeRateCard.invoiceTiming: "
    assert path in plan.operate(early).refused(400)
    plan.operate(create("base", fixed(addon, 5))).ok()
    plan.finalize().ok()
    still.api.patch(plan.path, {"description": "Next"}).ok()
    assert plan.get()["deferredRevenue"]
    details = still.api.get(f"/price_plans/{plan.id}").ok()["pricingSchedule"][0]["pricePlanDetails"]
    assert (details["deferredRevenue"], details["allow_ongoing_cycle_updates"]) == (True, True)


def test_licences_are_cards_too(still: Shop) -> None:
    seats = still.addon("Seats", "LICENSE")
    slab, rate = {"order": 1, "startAfter": 0, "priceType": "PER_UNIT"}, {"order": 1, "rate": 30}
    card = {
        "id": seats,
        "enableProration": False,
        "ratePlan": {"pricingModel": "TIERED", "slabs": [slab]},
        "rateValues": [{"currency": "USD", "slabRates": [rate]}],
    }
    plan = Plan(still)
    plan.operate(create("seats", data("LICENSE", seats, card))).ok()
    (shown,) = plan.cards()
    assert (shown["type"], shown["billableId"], shown["name"]) == ("LICENSE", seats, "seats")
    missing = create("fee", data("LICENSE", "addon.x", card | {"id": "addon.x"}))
    assert "licenseRateCard.id: add-on 'addon.x' not found" in plan.operate(missing).refused(400)


def test_credit_grants_are_cards_too(still: Shop) -> None:
    plan, bonus = Plan(still), still.addon("Bonus", "CREDIT_GRANT")
    sold = data("CREDIT_GRANT", bonus, credit_grant(bonus, 100, 10), invoiceTiming="IN_ADVANCE")
    plan.operate(create("bonus", sold)).ok()
    (card,) = plan.cards()
    assert (card["type"], card["name"], card["billableId"]) == ("CREDIT_GRANT", "bonus", bonus)
    assert (card["invoiceTiming"], card["currencies"]) == ("IN_ADVANCE", ["USD"])
    granted = card["rateCardDetails"]["creditGrantRateCard"]["rateDetails"]["currencySlabRateDetails"]
    assert [(one["currency"], one["creditAmount"]) for one in granted] == [("USD", 100)]
    prepaid = data("CREDIT_GRANT", bonus, credit_grant(bonus, 100, 10, timing="PREPAID"), invoiceTiming="PREPAID")
    plan.operate(update("bonus", prepaid)).ok()
    (card,) = plan.cards()
    assert card["invoiceTiming"] == "PREPAID"
    dear = update("bonus", data("CREDIT_GRANT", bonus, credit_grant(bonus, 100, 1e30), invoiceTiming="IN_ADVANCE"))
    where = "operations[0].rateCard.rateCardDetails.creditGrantRateCard.rateDetails.currencySlabRateDetails[0]"
    assert f"{where}.slabDetails[0].rate: is 1000000000000000000000000000000" in plan.operate(dear).refused(400)


def test_plans_are_listed_in_their_last_version(still: Shop, finalised: Plan) -> None:
    still.api.patch(finalised.path, {"description": "Next"}).ok()
    (listed,) = still.api.get("/v2/price_plans").ok()["data"]
    assert (listed["version"], listed["status"], listed["description"]) == (2, "DRAFT", "Next")
