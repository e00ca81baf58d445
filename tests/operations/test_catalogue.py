"""The whole catalogue at once: read, previewed, and made what somebody wants, all of it or nothing."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.operations.shop import Shop, commitment, credit_grant, entitlement, fee, monthly, overage, tiered

if TYPE_CHECKING:
    from tests.servers import Api, Inside

Json = dict[str, Any]

LONG: Final = Decimal("0.12345678901234567890123456789")
SCHEMA: Final = {
    "name": "api_call",
    "status": "ACTIVE",
    "attributes": [{"name": "calls"}],
    "dimensions": [{"name": "region"}],
}
METER: Final = {
    "name": "API calls",
    "status": "ACTIVE",
    "type": "COUNTER",
    "aggregation": "SUM",
    "computations": [{"computation": {"var": "attributes.calls"}, "order": 1}],
    "eventSchemaName": "api_call",
}
FEE: Final = {"name": "Base fee", "type": "FIXED_FEE"}


def usage_card(*rates: object, meter: str = "API calls") -> Json:
    """A card of one meter by its name, with slabs from 0, 1000, 2000."""
    card = tiered(meter, *((position * 1000, rate) for position, rate in enumerate(rates)))
    return {"usageMeter": card.pop("usageMeterId")} | card


def plan(*rates: object, status: str = "DRAFT", **more: object) -> Json:
    """A plan with one usage card."""
    details = {"pricingCycleConfig": monthly(), "supportedCurrencies": ["USD"], "usageRateCards": [usage_card(*rates)]}
    return {"name": "Standard", "status": status, "pricePlanDetails": details | more}


def wanted(*plans: Json) -> Json:
    """A catalogue that a plan can stand on."""
    return copy.deepcopy(
        {"eventSchemas": [SCHEMA], "usageMeters": [METER], "addOns": [FEE], "pricePlans": [*plans] or [plan(1)]}
    )


def preview(api: Api, catalogue: object, query: str = "") -> Json:
    answer: Json = api.post(f"/v1/catalogue/preview{query}", catalogue).ok()
    return answer


def problems(api: Api, catalogue: object) -> list[str]:
    """What keeps a catalogue from being applied, from the preview; applying it is refused and changes nothing."""
    told = [f"{one['path']}: {one['reason']}" for one in preview(api, catalogue)["problems"]]
    before = api.get("/v1/catalogue").content
    said = api.send("PUT", "/v1/catalogue", catalogue).refused(400)
    assert said[:400] == "; ".join(told)[:400]
    assert api.get("/v1/catalogue").content == before
    return told


def applied(api: Api, catalogue: object, query: str = "") -> list[str]:
    """Apply a catalogue; what changed, told as in the preview of it."""
    shown = preview(api, catalogue, query)
    assert shown["problems"] == []
    outcome = api.send("PUT", f"/v1/catalogue{query}", catalogue).ok()
    assert outcome == shown
    return [f"{one['name']}: {one['text']}" for one in outcome["changes"]]


def catalogue_of(api: Api) -> Json:
    reading = api.get("/v1/catalogue").ok()
    assert reading["leftOut"] == []
    found: Json = reading["catalogue"]
    return found


class TestRoundTrip:
    def test_what_a_server_has_is_made_on_an_empty_one_and_read_back_byte_for_byte(
        self, shop: Shop, server: Inside
    ) -> None:
        full(shop)
        read = shop.api.get("/v1/catalogue")
        other = server.new_organisation()
        names = [change.partition(":")[0] for change in applied(other, read.body["catalogue"])]
        assert names == [thing["name"] for things in read.body["catalogue"].values() for thing in things]
        assert other.get("/v1/catalogue").content == read.content
        assert applied(other, read.body["catalogue"]) == []
        assert applied(shop.api, read.body["catalogue"]) == []

    def test_it_prices_the_same(self, shop: Shop, server: Inside) -> None:
        shop.metered_plan((0, 2), (100, Decimal("0.005")))
        other = Shop(server.new_organisation())
        other.api.send("PUT", "/v1/catalogue", catalogue_of(shop.api)).ok()
        other.account()
        other.associate(other.api.get("/price_plans").ok()["data"][0]["id"])
        for one in (shop, other):
            one.use(150)
        # 100 x 2 + 50 x 0.005
        assert [one.invoices()[0]["totalAmount"] for one in (shop, other)] == [Decimal("200.25")] * 2

    def test_names_stand_where_ids_were_and_rules_are_json(self, shop: Shop) -> None:
        full(shop)
        read = shop.api.get("/v1/catalogue")
        assert not [prefix for prefix in ("um.", "addon.", "feature.", "pp.", "sch.") if f"'{prefix}" in str(read.body)]
        computations = {one["name"]: one["computations"] for one in read.body["catalogue"]["usageMeters"]}
        assert computations["Weighted"][0] == {
            "matcher": {"==": [{"var": "dimensions.region"}, "東京"]},
            "computation": {"*": [{"var": "attributes.calls"}, Decimal("0.40")]},
            "order": 1,
        }

    def test_what_credit_applies_to_is_named_too(self, shop: Shop) -> None:
        full(shop)
        (plan,) = [one for one in catalogue_of(shop.api)["pricePlans"] if one["name"] == "Plan 1"]
        card, endless = plan["pricePlanDetails"]["creditGrantRateCards"]
        assert (card["addOn"], endless["addOn"]) == ("Bonus", "Promotion")
        assert card["grantDetails"]["applicableEntityIds"] == [
            {"usageMeter": "API calls"},
            {"addOn": "Rabatt. 100 %"},
            {"feature": "Exports"},
            "ALL_FIXED_FEE_RATE_CARDS",
            "um_of_old",
        ]
        assert "applicableEntityIds" not in endless["grantDetails"]


RATES = st.decimals(min_value=-1000, max_value=1000, allow_nan=False, allow_infinity=False).filter(
    lambda rate: -60 < int(rate.as_tuple().exponent) <= 0
)
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rates=st.lists(RATES, min_size=1, max_size=4),
    names=st.lists(WORDS, min_size=3, max_size=3, unique=True),
    limit=st.none() | st.decimals(0, 1000, places=3),
)
def test_any_plan_comes_back_as_it_was_wanted(
    standing: Inside, rates: list[Decimal], names: list[str], limit: Decimal | None
) -> None:
    one, other = standing.new_organisation(), standing.new_organisation()
    catalogue = wanted(plan(*rates, status="ACTIVE") | {"name": names[0], "description": names[1]})
    terms = catalogue["pricePlans"][0]["pricePlanDetails"]
    terms["fixedFeeRateCards"] = [{"addOn": names[2], **fee("", rates[0])}]
    del terms["fixedFeeRateCards"][0]["id"]
    catalogue["addOns"][0]["name"] = names[2]
    if limit is not None:
        terms["usageRateCards"][0]["rateValues"][0]["rateConfig"] = {"maximumRate": f"{limit:f}"}
    applied(one, catalogue)
    (found,) = catalogue_of(one)["pricePlans"]
    slab_rates = found["pricePlanDetails"]["usageRateCards"][0]["rateValues"][0]["slabRates"]
    assert [str(Decimal(rate["rate"])) for rate in slab_rates] == [str(Decimal(f"{rate:f}")) for rate in rates]
    assert (found["name"], found["description"]) == (names[0], names[1])
    applied(other, catalogue_of(one))
    assert other.get("/v1/catalogue").content == one.get("/v1/catalogue").content
    assert applied(other, catalogue) == []


def full(shop: Shop) -> None:
    """An organisation with a bit of everything, in every state."""
    shop.schema()
    shop.schema("idle", ())
    shop.api.post("/event_schema/idle/deactivate").ok()
    enrichments = {
        "dependencies": [{"type": "SETTING", "key": "setting.user.factor", "name": "factor"}],
        "fields": [
            {
                "name": "weighted",
                "type": "ATTRIBUTE",
                "enrichmentType": "JSON_LOGIC",
                "value": '{ "*": [{"var": "attributes.calls"}, 1e-7] }',
                "order": 1,
            }
        ],
    }
    draft = {"name": "draft one", "attributes": [{"name": "calls", "defaultUnit": "GB"}], "dimensions": []}
    shop.api.post("/event_schema", draft | {"enrichments": enrichments, "description": "Ünïcode: yes"}).ok()
    calls = shop.meter("API calls")
    rule = '{ "*": [ {"var": "attributes.calls"}, 0.40 ] }'
    weighted = shop.meter("Weighted", rule, matcher='{"==":[{"var":"dimensions.region"},"東京"]}', billableName="重さ")
    shop.api.post(f"/usage_meters/{weighted}/deactivate").ok()
    shop.api.post("/usage_meters", {"name": "Count", "type": "COUNTER", "aggregation": "COUNT"}).ok()
    base = shop.addon()
    seats = shop.addon("Rabatt. 100 %", "LICENSE")
    exports = shop.api.post("/features", {"name": "Exports", "schemaAssociations": ["api_call"]}).ok()["id"]
    bonus = shop.addon("Bonus", "CREDIT_GRANT")
    applies_to = (calls, seats, exports, "ALL_FIXED_FEE_RATE_CARDS", "um_of_old")
    granted = credit_grant(bonus, Decimal("100.50"), 10, expiry="CUSTOM", lasts="P10D", entities=applies_to)
    packages = tiered(weighted, (0, LONG), (7, -1), tag="Größe")
    packages["ratePlan"]["slabs"][1] |= {"priceType": "PACKAGE", "slabConfig": {"packageSize": "10"}}
    packages["rateValues"][0]["rateConfig"] = {"minimumRate": "-25.50", "maximumRate": "400"}
    big = shop.plan(
        currencies=("USD",),
        usageRateCards=[tiered(calls, (0, Decimal("0.050")), (1000, Decimal("1E-7"))), packages],
        fixedFeeRateCards=[fee(base, -5, recurrenceConfig={"interval": 2, "offset": 1})],
        licenseRateCards=[license_card(seats)],
        billingEntitlementRateCards=[
            entitlement(exports, Decimal("100.50"), 7, price=Decimal("0.10"), begins="P1D", ends="P20D", tag="Größe")
        ],
        creditGrantRateCards=[granted, credit_grant(shop.addon("Promotion", "CREDIT_GRANT"), 5)],
        entitlementOverageRateCards=[
            overage(exports, (0, 2), (10, 1), maxQuantity=50, billingConfig={"interval": 1, "startOffset": 4})
        ],
        minimumCommitment=commitment(Decimal("100.10")),
    )
    rules = [
        discount(calls, order=2),
        discount(base, order=1, kind="ff", target=True),
        discount(exports, order=3, kind="eo", target=True),
    ]
    shop.api.patch(f"/price_plans/{big}", {"pricingRules": rules}).ok()
    two = fee(base, 3)
    two["rateValues"].append({"currency": "EUR", "rate": Decimal("2.90")})
    details = {"supportedCurrencies": ["EUR", "USD"], "pricingCycleConfig": monthly(), "fixedFeeRateCards": [two]}
    made = shop.api.post("/price_plans", {"name": "Zwei", "description": "'", "pricePlanDetails": details}).ok()
    shop.api.post(f"/price_plans/{made['id']}/activate", {"currencies": ["EUR"]}).ok()
    shop.api.post("/price_plans", {"name": "Bare", "pricePlanDetails": {"supportedCurrencies": ["USD"]}}).ok()


def discount(item: str, order: int = 1, kind: str = "urc", *, target: bool = False, share: str = "-0.10") -> Json:
    """A pricing rule about what an item comes to."""
    revenue = f"revenue.{kind}.{item}"
    action = {"type": "UPDATE", "target": revenue} if target else {"type": "ADD", "metadata": {"condition": "5"}}
    return {
        "name": f"Rule {order}",
        "order": order,
        "condition": f'{{ ">": [{{"var": "{revenue}"}}, 1e3] }}',
        "computation": f'{{"*": [{{"var": ["{revenue}", 0]}}, {share}]}}',
        "action": action,
    }


def license_card(addon: str) -> Json:
    """The price of seats."""
    card = tiered(addon, (0, Decimal("12.50")))
    more = {"enableProration": True, "invoiceTiming": "IN_ADVANCE", "config": {"maxQuantity": 5}}
    return {"id": card.pop("usageMeterId")} | card | more


class TestPricingRules:
    CONDITION: Final = {">": [{"var": "revenue.urc.API calls"}, 1000]}
    COMPUTATION: Final = {"*": [{"var": ["revenue.urc.API calls", 0]}, Decimal("-0.10")]}

    def test_are_json_with_names_and_may_be_sent_as_text_with_names(self, still: Shop) -> None:
        applied(still.api, wanted(plan(1) | {"pricingRules": [discount("API calls")]}))
        (rule,) = catalogue_of(still.api)["pricePlans"][0]["pricingRules"]
        assert (rule["condition"], rule["computation"]) == (self.CONDITION, self.COMPUTATION)
        assert applied(still.api, wanted(plan(1) | {"pricingRules": [discount("API calls")]})) == []
        same = rule | {"condition": self.CONDITION, "computation": self.COMPUTATION}
        assert applied(still.api, wanted(plan(1) | {"pricingRules": [same]})) == []

    def test_are_changed_by_the_next_version_of_an_active_plan(self, still: Shop) -> None:
        rules = [discount("API calls")]
        applied(still.api, wanted(plan(1, status="ACTIVE") | {"pricingRules": rules}))
        (plan_id,) = [one["id"] for one in still.api.get("/price_plans").ok()["data"]]
        still.account()
        still.associate(plan_id)
        changed = wanted(plan(1, status="ACTIVE") | {"pricingRules": [discount("API calls", share="-0.20")]})
        shown = preview(still.api, changed, "?migrationMode=NEXT_CYCLE")
        assert [(one["text"], one["affectedAccounts"], one["keepingAccounts"]) for one in shown["changes"]] == [
            (
                (
                    'computation {"*":[{"var":["revenue.urc.API calls",0]},-0.10]} -> '
                    '{"*":[{"var":["revenue.urc.API calls",0]},-0.20]} of pricing rule \'Rule 1\''
                ),
                1,
                0,
            )
        ]
        applied(still.api, changed, "?migrationMode=NEXT_CYCLE")
        assert [one["type"] for one in still.api.get("/v1/jobs").ok()["data"]] == ["PRICE_PLAN"]
        applied(still.api, wanted(plan(1, status="ACTIVE")))
        assert "pricingRules" not in catalogue_of(still.api)["pricePlans"][0]
        assert still.api.get(f"/price_plans/{plan_id}").ok()["pricingSchedule"][0]["version"] == 3

    def test_what_is_wrong_with_them_is_told_by_names(self, still: Shop) -> None:
        rules = [discount("API calls"), discount("Nobody", 2), discount("Base fee", 3, "ff", target=True)]
        path = "pricePlans[0].pricingRules"
        assert problems(still.api, wanted(plan(1) | {"pricingRules": rules})) == [
            f"{path}[1].condition: usage meter 'Nobody' not found",
            f"{path}[1].computation: usage meter 'Nobody' not found",
        ]
        told = problems(still.api, wanted(plan(1) | {"pricingRules": rules[2:]}))
        assert f"{path}[0].action.target: 'revenue.ff.Base fee' is no usage or revenue of a card" in told[-1]

    def test_bill_the_same_elsewhere(self, shop: Shop, server: Inside) -> None:
        applied(shop.api, wanted(plan(20, status="ACTIVE") | {"pricingRules": [discount("API calls")]}))
        other = Shop(server.new_organisation())
        applied(other.api, catalogue_of(shop.api))
        for one in (shop, other):
            one.account()
            one.associate(one.api.get("/price_plans").ok()["data"][0]["id"])
            one.use(100)
        # 100 x 20, less a tenth of it
        assert [one.invoices()[0]["totalAmount"] for one in (shop, other)] == [1800, 1800]


class TestChanges:
    def test_a_draft_is_changed_and_activated(self, shop: Shop) -> None:
        applied(shop.api, wanted(plan(Decimal("0.05"), Decimal("0.02"), minimumCommitment=commitment(5))))
        changes = applied(shop.api, wanted(plan(Decimal("0.05"), Decimal("0.018"), status="ACTIVE")))
        assert changes == [
            "Standard: status DRAFT -> ACTIVE",
            "Standard: USD added to activeCurrencies",
            "Standard: rate 0.02 -> 0.018 in slab 2 in USD of usage card 'API calls'",
            "Standard: minimumCommitment removed: displayName Minimum, rateValues [(currency USD, rate 5)]",
        ]
        assert catalogue_of(shop.api)["pricePlans"][0]["status"] == "ACTIVE"

    def test_accounts_that_a_change_is_about_are_counted(self, still: Shop) -> None:
        api = still.api
        applied(api, wanted(plan(1, status="ACTIVE"), plan(2) | {"name": "Other"}))
        (standard,) = [one["id"] for one in api.get("/price_plans").ok()["data"] if one["name"] == "Standard"]
        for name in ("a", "b", "c"):
            still.account(name)
        still.associate(standard, "a")
        still.associate(standard, "b", since="2026-03-01")
        still.associate(standard, "c", since="2025-01-01", until="2025-12-31")
        changed = wanted(plan(3, status="ACTIVE"), plan(4) | {"name": "Other"})
        changed["usageMeters"][0]["billableName"] = "Calls"
        changed["eventSchemas"][0]["description"] = "Calls"
        changed["addOns"][0]["billableName"] = "Fee"
        shown = preview(api, changed)
        counted = {one["name"]: (one["affectedAccounts"], one["keepingAccounts"]) for one in shown["changes"]}
        assert counted == {
            "api_call": (2, 0),
            "API calls": (2, 0),
            "Base fee": (0, 0),
            "Standard": (0, 2),
            "Other": (0, 0),
        }

    def test_accounts_with_terms_of_their_own_pay_by_what_those_price(self, still: Shop) -> None:
        still.metered_plan(account="a")
        (plan_id,) = [one["id"] for one in still.api.get("/price_plans").ok()["data"]]
        other = still.meter("Other")
        for name, terms in (("b", {"usageRateCards": [tiered(other, (0, 1))]}), ("c", {"fixedFeeRateCards": []})):
            still.account(name)
            asked = {"pricePlanId": plan_id, "effectiveFrom": "2026-01-01", "effectiveUntil": "9999-01-01"}
            path = f"/accounts/{name}/price_plans"
            still.api.post(path, asked | {"pricePlanDetailsOverride": terms}).ok()
        catalogue = catalogue_of(still.api)
        for meter in catalogue["usageMeters"]:
            meter["description"] = "New"
        counted = {one["name"]: one["affectedAccounts"] for one in preview(still.api, catalogue)["changes"]}
        assert counted == {"Calls": 2, "Other": 1}

    def test_new_terms_of_an_active_plan_are_its_next_version(self, still: Shop) -> None:
        applied(still.api, wanted(plan(1, status="ACTIVE")))
        (plan_id,) = [one["id"] for one in still.api.get("/price_plans").ok()["data"]]
        still.account()
        still.associate(plan_id)
        changed = wanted(plan(2, status="ACTIVE"))
        told = applied(still.api, changed)
        assert told == ["Standard: rate 1 -> 2 in slab 1 in USD of usage card 'API calls'"]
        assert [still.api.get(f"/price_plans/{plan_id}").ok()["pricingSchedule"][0]["version"]] == [2]
        assert [one["type"] for one in still.api.get("/v1/jobs").ok()["data"]] == []
        assert applied(still.api, changed) == []

    @pytest.mark.parametrize(
        ("query", "counted"), [("", (2, 1)), ("&versionsToMigrate=ALL_VERSION", (3, 0)), (None, (0, 3))]
    )
    def test_accounts_move_to_it_when_they_are_to(
        self, still: Shop, query: str | None, counted: tuple[int, int]
    ) -> None:
        api = still.api
        applied(api, wanted(plan(1, status="ACTIVE")))
        (plan_id,) = [one["id"] for one in api.get("/price_plans").ok()["data"]]
        still.account("old")
        still.associate(plan_id, "old")
        applied(api, wanted(plan(2, status="ACTIVE")))
        for name in ("b", "c"):
            still.account(name)
            still.associate(plan_id, name)
        changed = wanted(plan(3, status="ACTIVE"))
        asked = "" if query is None else f"?migrationMode=NEXT_CYCLE{query}"
        (change,) = preview(api, changed, asked)["changes"]
        assert (change["affectedAccounts"], change["keepingAccounts"]) == counted
        assert api.get("/v1/jobs").ok()["data"] == []
        applied(api, changed, asked)
        jobs = api.get("/v1/jobs").ok()["data"]
        assert [one["type"] for one in jobs] == ([] if query is None else ["PRICE_PLAN"])

    def test_a_plan_loses_and_gets_currencies(self, still: Shop) -> None:
        two = wanted(plan(1, status="ACTIVE"))
        details = two["pricePlans"][0]["pricePlanDetails"]
        details["supportedCurrencies"].append("EUR")
        card = details["usageRateCards"][0]
        card["rateValues"].append({"currency": "EUR", "slabRates": [{"order": 1, "rate": Decimal("0.90")}]})
        applied(still.api, wanted(plan(1, status="ACTIVE")))
        assert applied(still.api, two) == [
            "Standard: EUR added to activeCurrencies",
            "Standard: EUR added to supportedCurrencies",
            "Standard: rates in EUR of usage card 'API calls' added: slabRates [(order 1, rate 0.90)]",
        ]
        fewer = copy.deepcopy(two)
        fewer["pricePlans"][0]["activeCurrencies"] = ["USD"]
        assert problems(still.api, fewer) == [
            (
                "pricePlans[0].activeCurrencies: cannot be changed (EUR removed from activeCurrencies): "
                "a currency that is active in a plan stays so"
            )
        ]
        applied(still.api, wanted(plan(1, status="ACTIVE")))
        assert catalogue_of(still.api)["pricePlans"][0]["activeCurrencies"] == ["USD"]

    def test_a_draft_that_somebody_writes_is_not_gone_past(self, still: Shop) -> None:
        applied(still.api, wanted(plan(1, status="ACTIVE")))
        (plan_id,) = [one["id"] for one in still.api.get("/price_plans").ok()["data"]]
        still.api.patch(f"/v2/price_plans/{plan_id}", {"description": "Draft"}).ok()
        assert "description" not in catalogue_of(still.api)["pricePlans"][0]
        (told,) = problems(still.api, wanted(plan(2, status="ACTIVE")))
        assert told.endswith("price plan 'Standard' has a draft, version 2: finalize or discard it first")

    def test_a_meter_is_changed_while_it_is_off(self, still: Shop) -> None:
        applied(still.api, wanted())
        off, on = wanted(), wanted()
        for one in (off, on):
            one["usageMeters"][0] |= {"description": "New", "computations": [{"computation": 2, "order": 1}]}
        off["usageMeters"][0]["status"] = "INACTIVE"
        assert applied(still.api, off) == [
            "API calls: status ACTIVE -> INACTIVE",
            "API calls: description none -> New",
            'API calls: computation {"var":"attributes.calls"} -> 2 of computation 1',
        ]
        assert applied(still.api, on) == ["API calls: status INACTIVE -> ACTIVE"]

    def test_texts_and_lists_are_taken_away_again(self, still: Shop) -> None:
        full_one = wanted()
        full_one["eventSchemas"][0] |= {"status": "DRAFT", "description": "x", "filterFields": ["region"]}
        full_one["usageMeters"][0] |= {
            "status": "DRAFT",
            "description": "x",
            "billableName": "y",
            "filters": [{"field": "dimensions.region", "value": "eu"}],
        }
        full_one["addOns"][0]["billableName"] = "z"
        full_one["pricePlans"][0]["description"] = "x"
        bare = wanted()
        for things in ("eventSchemas", "usageMeters"):
            bare[things][0]["status"] = "DRAFT"
        applied(still.api, full_one)
        assert len(applied(still.api, bare)) == 7
        assert applied(still.api, bare) == []

    def test_a_schema_grows(self, still: Shop) -> None:
        applied(still.api, wanted())
        more = wanted()
        more["eventSchemas"][0]["attributes"].append({"name": "bytes"})
        assert applied(still.api, more) == ["api_call: attribute 'bytes' added"]
        assert still.api.get("/event_schema/api_call").ok()["version"] == 2

    def test_a_schema_goes_from_one_feature_to_another(self, still: Shop) -> None:
        tie = [{"schemaName": "api_call", "attributeName": "calls"}]
        one = {"eventSchemas": [SCHEMA], "features": [{"name": "A"}, {"name": "B", "schemaAssociations": tie}]}
        applied(still.api, one)
        two = {"eventSchemas": [SCHEMA], "features": [{"name": "A", "schemaAssociations": tie}, {"name": "B"}]}
        assert len(applied(still.api, two)) == 2

    def test_what_was_shown_is_what_is_done(self, still: Shop) -> None:
        digest = preview(still.api, wanted())["digest"]
        still.schema()
        path = f"/v1/catalogue?digest={digest}"
        assert "other changes" in still.api.send("PUT", path, wanted()).refused(409)
        assert catalogue_of(still.api)["usageMeters"] == []
        digest = preview(still.api, wanted())["digest"]
        still.api.send("PUT", f"/v1/catalogue?digest={digest}", wanted()).ok()


class TestOthers:
    def test_what_is_not_sent_is_left_alone(self, still: Shop) -> None:
        applied(still.api, wanted(plan(1, status="ACTIVE")))
        before = catalogue_of(still.api)
        shown = preview(still.api, {"features": []})
        assert (shown["changes"], [one["name"] for one in shown["leftAlone"]]) == (
            [],
            ["Standard", "Base fee", "API calls", "api_call"],
        )
        assert applied(still.api, {}) == []
        assert catalogue_of(still.api) == before

    def test_or_archived_where_it_may_be(self, still: Shop) -> None:
        catalogue = wanted(plan(1, status="ACTIVE"), plan(2) | {"name": "Used"}) | {"features": [{"name": "Exports"}]}
        catalogue["pricePlans"][1]["status"] = "ACTIVE"
        applied(still.api, catalogue)
        (used,) = [one["id"] for one in still.api.get("/price_plans").ok()["data"] if one["name"] == "Used"]
        still.account()
        still.associate(used)
        shown = preview(still.api, {}, "?prune=true")
        assert [f"{one['name']}: {one['text']}" for one in shown["changes"]] == [
            "Standard: archived, was ACTIVE",
            "Base fee: archived",
        ]
        assert {one["name"]: one["reason"] for one in shown["leftAlone"]} == {
            "Used": "price plan 'Used' is in force for an account",
            "Exports": "feature 'Exports' stays: features cannot be archived",
            "API calls": "usage meter 'API calls' is priced by: Used",
            "api_call": "event schema 'api_call' is used by usage meters: API calls",
        }
        applied(still.api, {}, "?prune=true")
        assert [one["name"] for one in catalogue_of(still.api)["pricePlans"]] == ["Used"]
        assert catalogue_of(still.api)["usageMeters"][0]["status"] == "ACTIVE"

    def test_everything_goes_when_nothing_is_in_use(self, still: Shop) -> None:
        applied(still.api, wanted(plan(1, status="ACTIVE")))
        assert len(applied(still.api, {}, "?prune=true")) == 4
        assert not any(catalogue_of(still.api).values())

    def test_a_plan_that_says_ids_where_no_name_can_stand_is_left_out(self, still: Shop) -> None:
        still.account()
        still.schema()
        meter = still.meter()
        still.plan(usageRateCards=[tiered(meter, (0, 1), tag=f"like {meter}")])
        reading = still.api.get("/v1/catalogue").ok()
        assert reading["catalogue"]["pricePlans"] == []
        assert [one["reason"] for one in reading["leftOut"]] == [
            f"refers to {meter!r} in a place where no name can stand"
        ]

    def test_what_shares_its_name_is_left_out_and_told(self, still: Shop) -> None:
        ids = [
            still.api.post("/price_plans", {"name": "Twin", "pricePlanDetails": {"supportedCurrencies": ["USD"]}}).ok()
            for _ in range(2)
        ]
        reading = still.api.get("/v1/catalogue").ok()
        assert reading["catalogue"]["pricePlans"] == []
        (left_out,) = reading["leftOut"]
        assert left_out["reason"].startswith("2 price plans are called 'Twin', so the name means none of them: pp.")
        assert all(one["id"] in left_out["reason"] for one in ids)
        catalogue = {"pricePlans": [plan(1) | {"name": "Twin"}]}
        assert problems(still.api, catalogue)[0].startswith("pricePlans[0]: 2 price plans are called 'Twin'")
        assert [one["name"] for one in preview(still.api, {}, "?prune=true")["leftAlone"]] == ["Twin"]


class TestRefused:
    def test_a_fault_in_the_last_thing_leaves_nothing(self, still: Shop) -> None:
        bad = wanted()
        bad["pricePlans"].append(plan(1) | {"name": "Bad", "type": "PURCHASE"})
        path = "pricePlans[1].pricePlanDetails.pricingCycleConfig"
        assert problems(still.api, bad)[0].startswith(f"{path}: does not belong to a PURCHASE")
        assert not any(catalogue_of(still.api).values())

    def test_what_credit_applies_to_has_to_be_there(self, still: Shop) -> None:
        bad = wanted(plan(1))
        entities = ({"usageMeter": "API call"}, "um.23Xx0Jkc2DM.0TkcT", {"addOn": "Base fee"}, {"what": "x"})
        card = credit_grant("Base fee", 1, entities=entities)
        bad["pricePlans"][0]["pricePlanDetails"]["creditGrantRateCards"] = [{"addOn": card.pop("id")} | card]
        where = "pricePlans[0].pricePlanDetails.creditGrantRateCards[0].grantDetails.applicableEntityIds"
        assert problems(still.api, bad) == [
            f"{where}[1]: is known to one server only: name the usage meter as {{usageMeter: ...}}",
            f"{where}[0].usageMeter: usage meter 'API call' not found: did you mean 'API calls'?",
            f'{where}[3]: Expected `str`, got `object` {{"what":"x"}}',
        ]

    def test_every_problem_of_every_thing_is_told_at_once(self, still: Shop) -> None:
        bad = wanted(plan(1, 2), plan(1) | {"name": "Second"})
        bad["eventSchemas"][0]["attributes"] *= 2
        bad["usageMeters"] += [{"name": "X"}, [], {"name": "API calls"}]
        bad["addOns"][0]["type"] = "FIXED"
        card = bad["pricePlans"][0]["pricePlanDetails"]["usageRateCards"][0]
        card["ratePlan"]["slabs"][1]["startAfter"] = -1
        card["usageMeter"] = "API call"
        del bad["pricePlans"][1]["status"]
        bad["pricePlans"][1]["pricePlanDetails"]["fixedFeeRateCards"] = [fee("Base fee", 1)]
        told = problems(still.api, bad)
        assert told == [
            "eventSchemas[0].attributes[1].name: 'calls' stands twice",
            "usageMeters[0].eventSchemaName: event schema 'api_call' not found",
            "usageMeters[1]: required field 'type' is missing, expected one of COUNTER",
            "usageMeters[2]: Expected `object`, got `array` []",
            "usageMeters[3].name: 'API calls' stands twice",
            (
                "addOns[0].type: Invalid enum value 'FIXED', expected one of LICENSE, FIXED_FEE, CREDIT_GRANT, "
                "NAMED_LICENSE"
            ),
            "pricePlans[0].pricePlanDetails.usageRateCards[0].usageMeter: usage meter 'API call' not found",
            (
                "pricePlans[1].pricePlanDetails.fixedFeeRateCards[0].id: is known to one server only: name the add-on "
                "under 'addOn'"
            ),
            "pricePlans[1].pricePlanDetails.usageRateCards[0].usageMeter: usage meter 'API calls' is refused itself",
            "pricePlans[1]: required field 'status' is missing, expected one of DRAFT, ACTIVE",
        ]

    @pytest.mark.parametrize(
        ("things", "changes", "problem"),
        [
            (
                "eventSchemas",
                {"attributes": [{"name": "other"}]},
                "attributes: 'calls' cannot be removed from a schema that was active; only additions are possible",
            ),
            (
                "eventSchemas",
                {"status": "DRAFT"},
                "status: cannot be changed (status ACTIVE -> DRAFT): what was active does not become a draft again",
            ),
            (
                "eventSchemas",
                {"status": "INACTIVE"},
                "status: event schema 'api_call' is used by usage meters: API calls",
            ),
            ("eventSchemas", {"status": "ARCHIVED"}, "status: Invalid enum value 'ARCHIVED', expected one of DRAFT,"),
            (
                "usageMeters",
                {"computations": [{"computation": 3}]},
                "computations[0].computation: usage meter 'API calls' is ACTIVE: deactivate it first",
            ),
            (
                "usageMeters",
                {"status": "INACTIVE", "computations": [{"computation": {"var": "attributes.call"}}]},
                "computations[0].computation: unknown variable",
            ),
            (
                "addOns",
                {"type": "LICENSE"},
                "type: cannot be changed (type FIXED_FEE -> LICENSE): a type never changes",
            ),
            (
                "pricePlans",
                {"status": "DRAFT"},
                "status: cannot be changed (status ACTIVE -> DRAFT): what was active does not become a draft again",
            ),
            ("pricePlans", {"pricingRules": [{}]}, "pricingRules"),
        ],
    )
    def test_what_cannot_be_changed_is_told_in_words(
        self, still: Shop, things: str, changes: Json, problem: str
    ) -> None:
        applied(still.api, wanted(plan(1, status="ACTIVE")))
        changed = wanted(plan(1, status="ACTIVE"))
        changed[things][0] |= changes
        assert problems(still.api, changed)[0].startswith(f"{things}[0].{problem}")

    @pytest.mark.parametrize(
        "thing",
        [
            '{"name": 1}',
            '{"name": null}',
            '{"name": ""}',
            "null",
            '"x"',
            "{}",
            '{"name": "x", "unknown": 1}',
            '{"name": "x", "pricePlanDetails": ' + "[" * 300 + "]" * 300 + "}",
            '{"name": "x", "pricingRules": ' + '{"a":' * 300 + "1" + "}" * 300 + "}",
            '{"name": "x", "pricingRules": [{"condition": ' + '{"var":[' * 150 + "1" + "]}" * 150 + "}]}",
            '{"name": "x", "pricePlanDetails": {"supportedCurrencies": [1e999]}}',
            '{"name": "x", "pricePlanDetails": {"supportedCurrencies": [1e99999999999999999999]}}',
        ],
    )
    @pytest.mark.parametrize("things", ["eventSchemas", "usageMeters", "addOns", "features", "pricePlans"])
    def test_hostile_things_are_refused_with_their_place(self, still: Shop, things: str, thing: str) -> None:
        body = f'{{"{things}": [{thing}]}}'.encode()
        answer = still.api.send("POST", "/v1/catalogue/preview", content=body)
        if answer.status == 200:
            assert [one["path"] for one in answer.body["problems"] if one["path"].startswith(f"{things}[0]")]
        else:
            answer.refused(400)
        still.api.send("PUT", "/v1/catalogue", content=body).refused(400)

    def test_the_names_of_what_is_archived_are_taken(self, still: Shop) -> None:
        applied(still.api, wanted())
        applied(still.api, {}, "?prune=true")
        told = problems(still.api, wanted())
        assert told[:2] == [
            "eventSchemas[0].name: an archived event schema is called 'api_call' for ever: choose another name",
            "usageMeters[0].name: an archived usage meter is called 'API calls' for ever: choose another name",
        ]


@pytest.mark.parametrize("flag", ["deferredRevenue", "allow_ongoing_cycle_updates"])
def test_what_a_plan_allows_changes_with_its_next_version(still: Shop, flag: str) -> None:
    applied(still.api, wanted(plan(1, status="ACTIVE")))
    assert applied(still.api, wanted(plan(1, status="ACTIVE", **{flag: True}))) == [f"Standard: {flag} none -> true"]
    (made,) = still.api.get("/price_plans").ok()["data"]
    assert (made["version"], made["pricePlanDetails"][flag]) == (2, True)
    assert applied(still.api, wanted(plan(1, status="ACTIVE"))) == [f"Standard: {flag} true -> none"]
    (made,) = still.api.get("/price_plans").ok()["data"]
    assert (made["version"], made["pricePlanDetails"].get(flag, False)) == (3, False)


def test_revenue_is_not_deferred_of_a_plan_that_bills_in_advance(still: Shop) -> None:
    early = {"addOn": "Base fee"} | {
        key: value for key, value in fee("", 5, timing="IN_ADVANCE").items() if key != "id"
    }
    applied(still.api, wanted(plan(1, status="ACTIVE", fixedFeeRateCards=[early])))
    later = wanted(plan(1, status="ACTIVE", fixedFeeRateCards=[early], deferredRevenue=True))
    path = "pricePlans[0].pricePlanDetails.fixedFeeRateCards[0].invoiceTiming"
    reason = "is IN_ADVANCE, a plan with deferredRevenue bills IN_ARREARS only"
    assert problems(still.api, later) == [f"{path}: {reason}"]


def test_a_preview_keeps_nothing_and_reading_is_enough_for_it(still: Shop) -> None:
    before = json.dumps(still.api.get("/v1/catalogue").ok())
    shown = preview(still.api, wanted(plan(1, status="ACTIVE")))
    assert [one["action"] for one in shown["changes"]] == ["CREATE"] * 4
    assert json.dumps(still.api.get("/v1/catalogue").ok()) == before


def test_a_preview_waits_for_no_writer_and_nobody_waits_for_it(shop: Shop, server: Inside) -> None:
    """All steps there are while somebody else holds the state's write lock: new, changed, moved, archived."""
    shop.account()
    first = wanted(plan(1, status="ACTIVE"))
    shop.api.send("PUT", "/v1/catalogue", first).ok()
    kept = shop.api.get("/v1/catalogue").ok()
    shop.associate(shop.api.get("/price_plans").ok()["data"][0]["id"])
    second = wanted(plan(2, status="ACTIVE"))
    second["eventSchemas"][0]["attributes"].append({"name": "bytes"})
    second["usageMeters"].append(METER | {"name": "Bytes", "computations": [{"computation": 1, "order": 1}]})
    second["features"] = [{"name": "API", "schemaAssociations": [{"schemaName": "api_call", "attributeName": "calls"}]}]
    second["addOns"] = []
    with server.engine.database.write():
        shown = preview(shop.api, second, "?prune=true&migrationMode=NEXT_CYCLE")
    assert shown["problems"] == []
    told = {(one["action"], one["name"]) for one in shown["changes"]}
    assert told == {
        ("UPDATE", "api_call"),
        ("CREATE", "Bytes"),
        ("CREATE", "API"),
        ("ARCHIVE", "Base fee"),
        ("UPDATE", "Standard"),
    }
    assert shop.api.get("/v1/catalogue").ok() == kept
    assert shop.api.get("/jobs").ok()["data"] == []
    applied = shop.api.send(
        "PUT", f"/v1/catalogue?prune=true&migrationMode=NEXT_CYCLE&digest={shown['digest']}", second
    ).ok()
    assert applied == shown


def test_a_preview_leaves_its_idempotency_key_free(still: Shop) -> None:
    catalogue = wanted(plan(1))
    first, again = (still.api.post("/v1/catalogue/preview", catalogue, Idempotency_Key="k") for _ in range(2))
    assert (first.ok(), first.headers.get("idempotency-replayed")) == (again.ok(), None)
    still.api.post("/addons", FEE, Idempotency_Key="k").ok()
    assert "another request" in still.api.post("/v1/catalogue/preview", catalogue, Idempotency_Key="k").refused(409)
