"""Percentages of payments, from events to the bill and to whoever asks about it (docs/adr/0038); figures by hand."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.operations.shop import Shop, amounts, monthly, per_cent, tiered

if TYPE_CHECKING:
    from tests.operations.shop import Json

PLANS: Final = "/v1/price-plans"
PROCESSOR: Final = {"fixedAmount": 0.30}
LIMITED: Final = {"fixedAmount": 0.30, "minimumAmount": 0.50, "maximumAmount": 10}
SLABS: Final = "USAGE_RATE_CARD_SLAB_AMOUNT"
CARD: Final = "pricePlanDetails.usageRateCards[0]"


def meter(shop: Shop) -> str:
    """A meter of amounts of payments; the schema's attribute is called calls."""
    shop.schema()
    return shop.meter("Payments")


def sold(shop: Shop, *slabs: tuple[int, object], each: Json | None = None, **more: object) -> str:
    """An account that pays per cent of its payments since New Year; the meter."""
    payments = meter(shop)
    plan = shop.plan(path=PLANS, usageRateCards=[per_cent(payments, *slabs, each=each, **more)])
    shop.account()
    shop.associate(plan)
    return payments


def paid(shop: Shop, *payments: object, day: int = 10) -> list[str]:
    """Payments on a day of January; the ids of their events."""
    return [shop.use(amount, f"2026-01-{day:02}T12:00:00Z") for amount in payments]


def explained(shop: Shop, payments: str) -> Json:
    invoice = shop.invoices()[0]["id"]
    return shop.api.get(f"/v1/invoices/{invoice}/lines/{payments}/explanation").ok()


def corrected(shop: Shop, action: str, event_id: str) -> None:
    shop.api.send("POST", f"/events/correction?action={action}&account_id=acme&event_id={event_id}").ok()


class TestBills:
    def test_a_payment_processor(self, shop: Shop) -> None:
        payments = sold(shop, (0, 2.9), each=PROCESSOR)
        paid(shop, 100, "49.99", 7)
        # 156.99 x 2.9 % = 4.55271; 3 x 0.30
        draft = shop.invoice()
        assert amounts(draft, SLABS) == [Decimal("4.55"), Decimal("0.90")]
        assert draft["totalAmount"] == Decimal("5.45")
        told = explained(shop, payments)
        assert told["quantity"] == Decimal("156.99")
        assert [tier["arithmetic"] for tier in told["tiers"]] == ["2.9 % of 156.99 = 4.55271, rounded to 4.55"]
        assert [one["arithmetic"] for one in told["fixedAmounts"]] == ["3 x 0.3 = 0.9"]
        assert told["arithmetic"] == "4.55 + 0.9 = 5.45"
        shop.api.advance("2026-02-03")
        frozen = shop.invoice()
        assert (frozen["status"], frozen["revenueInfo"]) == ("DUE", draft["revenueInfo"])
        assert explained(shop, payments)["tiers"] == told["tiers"]

    def test_at_least_and_at_most_for_each_event(self, still: Shop) -> None:
        payments = sold(still, (0, 2.9), each=LIMITED)
        names = paid(still, 5, 100, 400, -40)
        # 0.50; 3.20; 10; -40 x 2.9 % = -1.16
        invoice = still.invoice()
        assert invoice["totalAmount"] == Decimal("12.54")
        (tier,) = explained(still, payments)["tiers"]
        assert tier["arithmetic"] == (
            "1 refund: 2.9 % of (-40) = -1.16; 1 event raised to the minimum: 1 x 0.5 = 0.5; "
            "1 event: 2.9 % of 100 + 1 x 0.3 = 3.2; 1 event lowered to the maximum: 1 x 10 = 10; "
            "(-1.16) + 0.5 + 3.2 + 10 = 12.54"
        )
        assert [(one["fee"], one["events"]) for one in tier["events"]] == [
            ("REFUND", 1),
            ("MINIMUM", 1),
            ("PERCENTAGE", 1),
            ("MAXIMUM", 1),
        ]
        corrected(still, "UNDO", names[2])
        assert still.invoice()["totalAmount"] == Decimal("2.54")
        corrected(still, "UNDO", names[3])
        corrected(still, "UNDO", names[0])
        assert still.invoice()["totalAmount"] == Decimal("3.20")
        paid(still, 400)
        assert still.invoice()["totalAmount"] == Decimal("13.20")

    def test_a_cycle_without_events_costs_nothing_or_the_minimum_of_the_card(self, still: Shop) -> None:
        payments = meter(still)
        card = per_cent(payments, (0, 2.9), each=LIMITED)
        card["rateValues"][0]["rateConfig"] = {"minimumRate": "5", "maximumRate": "15"}
        still.account()
        still.associate(still.plan(path=PLANS, usageRateCards=[card]))
        assert still.invoice()["totalAmount"] == 5
        assert explained(still, payments)["tiers"][0]["arithmetic"] == "no events = 0"
        paid(still, 400, 400)
        assert still.invoice()["totalAmount"] == 15

    def test_graduated_percentages_over_the_cycle(self, still: Shop) -> None:
        payments = sold(still, (0, 3), (1000, 2), (5000, 1))
        paid(still, 1000)
        assert still.invoice()["totalAmount"] == 30
        paid(still, 7000)
        # 30 + 4000 x 2 % + 3000 x 1 %
        assert amounts(still.invoice(), SLABS) == [30, 80, 30]
        assert explained(still, payments)["tiers"][1]["arithmetic"] == "2 % of 4000 = 80"
        paid(still, -8050)
        assert still.invoice()["totalAmount"] == Decimal("-1.5")

    def test_the_first_events_are_free(self, still: Shop) -> None:
        payments = sold(still, (0, 3), (1000, 2), each=PROCESSOR | {"freeEvents": 2})
        paid(still, 1000, 500, 500)
        # 30 + 20 + 0.30
        assert still.invoice()["totalAmount"] == Decimal("50.30")
        (fixed,) = explained(still, payments)["fixedAmounts"]
        assert fixed["arithmetic"] == "3 events, 2 of them free: 1 x 0.3 = 0.3"

    def test_only_events_of_the_account_and_the_cycle_count(self, shop: Shop) -> None:
        sold(shop, (0, 2.9), each=LIMITED)
        shop.account("zenith")
        shop.use(100, "2025-12-31T23:59:59Z")
        shop.use(100, account="zenith")
        paid(shop, 100)
        assert shop.invoice()["totalAmount"] == Decimal("3.20")
        shop.api.advance("2026-02-05")
        shop.use(5, "2026-02-01T00:00:00Z")
        assert shop.invoice(1)["totalAmount"] == Decimal("0.50")


class TestQuestions:
    def test_revenue_by_day_adds_up_to_the_invoice(self, shop: Shop) -> None:
        sold(shop, (0, 2.9), each=LIMITED)
        paid(shop, 5, 100, day=3)
        paid(shop, 400, day=20)
        shop.api.advance("2026-02-03")
        (days,) = shop.metric("REVENUE", "2026-01-01", "2026-02-01", "DAY")
        found = {at[:10]: value for at, value in zip(days["timestamps"], days["metricValues"], strict=True) if value}
        assert found == {"2026-01-03": Decimal("3.70"), "2026-01-20": 10}
        (cycles,) = shop.metric("REVENUE_FOR_CYCLE", "2026-01-01", "2026-02-01")
        assert cycles["metricValues"] == [Decimal("13.70")]
        assert shop.invoice()["totalAmount"] == Decimal("13.70")

    def test_the_calculator_looks_events_up_and_takes_no_others(self, still: Shop) -> None:
        payments = sold(still, (0, 2.9), each=LIMITED)
        paid(still, 5, 100, 400)
        asked: dict[str, Any] = {
            "currencyConfig": {"mode": "CUSTOM", "currency": "USD"},
            "pricePlanDetailsConfig": {"mode": "ACCOUNT", "accountId": "acme"},
            "usageConfig": {"mode": "LOOKUP_CYCLE", "lookupCycle": {"accountId": "acme"}},
            "licenseEntriesConfig": {"mode": "CUSTOM", "custom": []},
        }
        (info,) = still.api.post("/v1/revenue-calculator", asked).ok()["revenueInfo"]
        assert [(slab["order"], slab["revenue"]) for slab in info["slabRevenueSummaries"]] == [(1, Decimal("13.70"))]
        asked["usageConfig"] = {"mode": "CUSTOM", "usageMap": {payments: 505}}
        refused = still.api.post("/v1/revenue-calculator", asked).refused(400)
        assert f"usageConfig.usageMap.{payments}: says nothing of single events" in refused
        for path in ("/revenue_calculator", "/v2/revenue_calculator"):
            asked["usageConfig"] = {"mode": "LOOKUP_CYCLE", "lookupCycle": {"accountId": "acme"}}
            assert "ask POST /v1/revenue-calculator" in still.api.post(path, asked).refused(400)

    def test_the_calculator_needs_no_events_for_slabs_alone(self, still: Shop) -> None:
        payments = sold(still, (0, 3), (1000, 2))
        asked: dict[str, Any] = {
            "currencyConfig": {"mode": "CUSTOM", "currency": "USD"},
            "pricePlanDetailsConfig": {"mode": "ACCOUNT", "accountId": "acme"},
            "usageConfig": {"mode": "CUSTOM", "usageMap": {payments: 1500}},
            "licenseEntriesConfig": {"mode": "CUSTOM", "custom": []},
        }
        (info,) = still.api.post("/v1/revenue-calculator", asked).ok()["revenueInfo"]
        assert [slab["revenue"] for slab in info["slabRevenueSummaries"]] == [30, 10]

    def test_a_simulation_prices_the_same_events_by_other_terms(self, shop: Shop) -> None:
        payments = sold(shop, (0, 2.9), each=LIMITED)
        paid(shop, 5, 100, 400)
        shop.api.advance("2026-02-03")
        # 505 x 2 % + 3 x 0.10 instead of 13.70
        card = per_cent(payments, (0, 2), each={"fixedAmount": 0.10})
        terms = {"supportedCurrencies": ["USD"], "pricingCycleConfig": monthly(), "usageRateCards": [card]}
        asked = {"plan": {"pricePlanDetails": terms}, "from": "2026-01-01", "to": "2026-02-01"}
        job = shop.api.post("/v1/simulations", asked).ok()
        found = shop.api.get(f"/v1/simulations/{job['jobId']}/accounts").ok()["data"]
        assert [(one["oldRevenue"], one["newRevenue"]) for one in found] == [(Decimal("13.70"), Decimal("10.40"))]

    def test_metering_anew_is_previewed_event_by_event(self, shop: Shop) -> None:
        payments = sold(shop, (0, 2.9), each=LIMITED)
        paid(shop, 5, 100, 400)
        shop.api.post(f"/usage_meters/{payments}/deactivate").ok()
        half = [{"computation": '{"/":[{"var":"attributes.calls"},2]}', "order": 1}]
        shop.api.patch(f"/usage_meters/{payments}", {"computations": half}).ok()
        shop.api.post(f"/usage_meters/{payments}/activate").ok()
        asked = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
        job = shop.api.post(f"/v1/usage-meters/{payments}/remeterings", asked).ok()["jobId"]
        (account,) = shop.api.get(f"/v1/remeterings/{job}").ok()["accounts"]
        (invoice,) = account["invoices"]
        # 2.5 -> 0.50; 50 x 2.9 % + 0.30 = 1.75; 200 x 2.9 % + 0.30 = 6.10
        assert (invoice["amountBefore"], invoice["amountAfter"]) == (Decimal("13.70"), Decimal("8.35"))
        shop.api.post(f"/v1/jobs/{job}/confirm").ok()
        assert shop.api.get(f"/v1/jobs/{job}").ok()["status"] == "COMPLETED"
        assert shop.invoice()["totalAmount"] == Decimal("8.35")


class TestWords:
    def test_the_togai_wire_takes_no_percentages(self, still: Shop) -> None:
        payments = meter(still)
        terms = {"supportedCurrencies": ["USD"], "usageRateCards": [per_cent(payments, (0, 2.9), each=PROCESSOR)]}
        body = {"name": "Processing", "pricePlanDetails": terms}
        refused = still.api.post("/price_plans", body).refused(400)
        assert f"{CARD}.ratePlan.slabs[0].priceType: is PERCENTAGE, expected FLAT, PER_UNIT or PACKAGE" in refused
        assert f"{CARD}.rateValues[0].perEvent: belongs to percentages, which are under /v1/price-plans" in refused
        plan = still.plan(usageRateCards=[tiered(payments, (0, 1))])
        assert "is PERCENTAGE" in still.api.patch(f"/price_plans/{plan}", {"pricePlanDetails": terms}).refused(400)
        card = {"billableId": payments, "type": "USAGE", "invoiceTiming": "IN_ARREARS"}
        card["rateCardDetails"] = {"usageRateCard": terms["usageRateCards"][0]}
        change = {"operations": [{"actionType": "UPDATE", "rateCardName": payments, "rateCard": card}]}
        refused = still.api.post(f"/v2/price_plans/{plan}/rate_cards", change).refused(400)
        assert "operations[0].rateCard.rateCardDetails.usageRateCard.ratePlan.slabs[0].priceType" in refused

    def test_nor_does_it_show_a_plan_that_has_some(self, still: Shop) -> None:
        payments = sold(still, (0, 2.9))
        (plan,) = [one["id"] for one in still.api.get(PLANS).ok()["data"]]
        other = still.plan(usageRateCards=[tiered(payments, (0, 1))])
        for path in ("/price_plans", "/v2/price_plans"):
            assert [one["id"] for one in still.api.get(path).ok()["data"]] == [other]
            assert f"price plan {plan!r} has percentages: it is under" in still.api.get(f"{path}/{plan}").refused(404)
        assert "has percentages" in still.api.get(f"/v2/price_plans/{plan}/rate_cards").refused(404)
        (piece,) = still.api.get("/accounts/acme/pricing_schedules").ok()["data"]
        found = still.api.get(f"/v2/schedules/{piece['id']}/rate_cards", mode="ACTIVE").refused(404)
        assert f"schedule {piece['id']!r} has percentages" in found
        shown = still.api.get(f"{PLANS}/{plan}").ok()["pricingSchedule"][0]["pricePlanDetails"]["usageRateCards"]
        assert shown[0]["ratePlan"]["slabs"][0]["priceType"] == "PERCENTAGE"

    def test_a_plan_that_only_speaks_of_percentages_is_listed(self, still: Shop) -> None:
        """By its description, and by the metadata of a rule, first and behind another."""
        terms = {"supportedCurrencies": ["USD"], "usageRateCards": [tiered(meter(still), (0, 1))]}
        said = '1,"priceType":"PERCENTAGE"'
        rules = [
            {
                "name": f"Rule {order}",
                "order": order,
                "computation": "1",
                "action": {"type": "ADD", "description": said, "metadata": {name: "1", "priceType": "PERCENTAGE"}},
            }
            for order, name in enumerate(("a", "priceType"), 1)
        ]
        body = {"name": "Spoken of", "description": said, "pricePlanDetails": terms, "pricingRules": rules}
        made = still.api.post("/price_plans", body).ok()["id"]
        assert [one["id"] for one in still.api.get("/price_plans").ok()["data"]] == [made]

    def test_accounts_agree_on_no_percentages_of_their_own(self, still: Shop) -> None:
        payments = meter(still)
        plan = still.plan(usageRateCards=[tiered(payments, (0, 1))])
        still.account()
        override = {"usageRateCards": [per_cent(payments, (0, 2))]}
        asked = {"mode": "ASSOCIATE", "pricePlanId": plan, "effectiveFrom": "2026-01-01"}
        asked |= {"effectiveUntil": "9999-01-01", "pricePlanDetailsOverride": override}
        refused = still.api.post("/accounts/acme/price_plans", asked).refused(400)
        assert "pricePlanDetailsOverride.usageRateCards[0].ratePlan.slabs[0].priceType: is PERCENTAGE" in refused

    def test_a_rule_updates_what_such_a_card_comes_to_and_not_its_usage(self, still: Shop) -> None:
        payments = meter(still)
        terms = {"supportedCurrencies": ["USD"], "pricingCycleConfig": monthly()}
        terms["usageRateCards"] = [per_cent(payments, (0, 2.9), each=LIMITED)]
        rule = {"name": "Half", "order": 1, "computation": "1"}
        rule["action"] = {"type": "UPDATE", "target": f"usage.urc.{payments}"}
        body = {"name": "Ruled", "pricePlanDetails": terms, "pricingRules": [rule]}
        assert "can be read but not updated" in still.api.post(PLANS, body).refused(400)
        rule["computation"] = f'{{"/":[{{"var":"revenue.urc.{payments}"}},2]}}'
        rule["action"] = {"type": "UPDATE", "target": f"revenue.urc.{payments}"}
        made = still.api.post(PLANS, body).ok()
        still.api.post(f"{PLANS}/{made['id']}/activate", {"currencies": ["USD"]}).ok()
        still.account()
        still.associate(made["id"])
        paid(still, 100)
        assert still.invoice()["totalAmount"] == Decimal("1.60")

    def test_what_each_event_costs_needs_a_meter_that_adds_up(self, still: Shop) -> None:
        still.schema()
        greatest = still.meter("Greatest", aggregation="MAX")
        card = per_cent(greatest, (0, 2.9), each=PROCESSOR)
        body = {"name": "Greatest", "pricePlanDetails": {"supportedCurrencies": ["USD"], "usageRateCards": [card]}}
        refused = still.api.post(PLANS, body).refused(400)
        assert f"{CARD}.usageMeterId: usage meter {greatest!r} has the aggregation MAX" in refused
        del card["rateValues"][0]["perEvent"]
        still.api.post(PLANS, body).ok()

    def test_the_catalogue_carries_them_and_tells_their_changes(self, still: Shop) -> None:
        sold(still, (0, 2.9), each=LIMITED, name="Processing")
        catalogue = still.api.get("/v1/catalogue").ok()["catalogue"]
        assert still.api.post("/v1/catalogue/preview", catalogue).ok()["changes"] == []
        value = catalogue["pricePlans"][0]["pricePlanDetails"]["usageRateCards"][0]["rateValues"][0]
        assert (value["slabRates"][0]["rate"], value["perEvent"]["minimumAmount"]) == (Decimal("2.9"), Decimal("0.5"))
        value["slabRates"][0]["rate"], value["perEvent"]["maximumAmount"] = Decimal("2.7"), 12
        told = still.api.post("/v1/catalogue/preview", catalogue).ok()
        said = json.dumps(told, default=str)
        assert "percentage 2.9 -> 2.7 in slab 1 in USD of usage card 'Payments'" in said
        assert "maximumAmount 10 -> 12 in perEvent in USD of usage card 'Payments'" in said


@pytest.mark.parametrize("path", ["/price_plans", "/v2/price_plans"])
def test_a_plan_that_had_percentages_once_stays_beyond_the_togai_wire(still: Shop, path: str) -> None:
    payments = sold(still, (0, 2.9))
    (plan,) = [one["id"] for one in still.api.get(PLANS).ok()["data"]]
    still.api.patch(f"{PLANS}/{plan}", {"pricePlanDetails": {"usageRateCards": [tiered(payments, (0, 1))]}}).ok()
    assert still.api.get(path).ok()["data"] == []
    still.api.get(f"{path}/{plan}").refused(404)
