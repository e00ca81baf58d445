"""Units of features that plans grant, and overage beyond them, cycle by cycle (domain.md 4.5, 4.7, 6.3, 7.4)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.granting import Granting
from tests.operations.shop import Shop, amounts, entitlement, fee, lines, monthly, overage
from tests.operations.unit_ledger import Ledger, sell
from tests.servers import inside

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Inside

Json = dict[str, Any]
ARREARS, ADVANCE = "BILLING_ENTITLEMENT_RATE_CARD_AMOUNT", "ADVANCED_BILLING_ENTITLEMENT_RATE_CARD_AMOUNT"
OVERAGE, SLAB = "ENTITLEMENT_OVERAGE_RATE_CARD_AMOUNT", "ENTITLEMENT_OVERAGE_RATE_CARD_SLAB_AMOUNT"
CHEAPER = ((0, "0.05"), (25000, "0.03"))


@pytest.fixture
def ledger(server: Inside, shop: Shop) -> Ledger:
    return Ledger.begin(server, shop)


class TestInAdvance:
    def test_the_official_sample_by_the_month(self, shop: Shop, ledger: Ledger) -> None:
        # 100 units at 1 each are 100 a month (domain.md 4.7), there from the first instant of each cycle on.
        sell(shop, granted=entitlement(ledger.feature, 100, ends="P20D", displayName="Exports"))
        (line,) = [line for line in lines(shop.invoice()["revenueInfo"]) if line["type"] == ADVANCE]
        assert (line["id"], line["description"]) == (ledger.feature, "Exports")
        assert (line["quantity"], line["value"]) == (100, 100)
        assert "lineItems" not in line
        assert ledger.entries() == [("PRICE_PLAN", 100, 0, "2026-01-01", "2026-01-21")]
        shop.api.advance("2026-03-03")
        assert [amounts(shop.invoice(place), ADVANCE) for place in (0, 2, 4)] == [[100], [100], [100]]
        assert [(start, end) for *_, start, end in ledger.entries()] == [
            ("2026-01-01", "2026-01-21"),
            ("2026-02-01", "2026-02-21"),
            ("2026-03-01", "2026-03-21"),
        ]

    def test_two_lots_of_units_are_priced_together_and_granted_apart(self, shop: Shop, ledger: Ledger) -> None:
        # By hand: 60 + 60 units at 0.5 are 60.
        sell(shop, granted=entitlement(ledger.feature, 60, 60, price="0.5"))
        assert amounts(shop.invoice(), ADVANCE) == [60]
        assert [granted for _, granted, *_ in ledger.entries()] == [60, 60]

    def test_every_other_month_from_the_second_on(self, shop: Shop, ledger: Ledger) -> None:
        sell(shop, granted=entitlement(ledger.feature, 100, recurrenceConfig={"interval": 2, "offset": 1}))
        assert ledger.entries() == []
        shop.api.advance("2026-06-15")
        assert [start for *_, start, _ in ledger.entries()] == ["2026-02-01", "2026-04-01", "2026-06-01"]
        advanced = [one["startDate"][:10] for one in shop.invoices() if one["invoiceType"] == "STANDARD_ADVANCED"]
        assert advanced == ["2026-02-01", "2026-04-01", "2026-06-01"]

    def test_a_plan_that_starts_later_grants_nothing_before(self, shop: Shop, ledger: Ledger) -> None:
        plan = shop.plan(billingEntitlementRateCards=[entitlement(ledger.feature, 100)])
        shop.associate(plan, since="2026-01-10")
        assert ledger.entries() == []
        shop.api.advance("2026-01-10")
        assert ledger.entries() == [("PRICE_PLAN", 100, 0, "2026-01-10", "2026-02-10")]

    def test_a_plan_that_started_before_grants_what_it_would_have(self, shop: Shop, ledger: Ledger) -> None:
        plan = shop.plan(billingEntitlementRateCards=[entitlement(ledger.feature, 100)])
        shop.associate(plan, since="2025-11-15")
        assert [start for *_, start, _ in ledger.entries()] == ["2025-11-15", "2025-12-01", "2026-01-01"]

    def test_its_line_is_explained_with_the_entries_behind_it(self, shop: Shop, ledger: Ledger) -> None:
        sell(shop, granted=entitlement(ledger.feature, 60, 60, price="0.5"))
        told = shop.api.get(f"/v1/invoices/{shop.invoice()['id']}/lines/{ledger.feature}/explanation").ok()
        assert (told["quantity"], told["amount"], told["arithmetic"]) == (120, 60, "120 x 0.5 = 60")
        assert [(one["granted"], one["used"]) for one in told["entries"]] == [(60, 0), (60, 0)]
        assert [one["id"].split("#")[1] for one in told["entries"]] == [
            "2026-01-01$PRICE_PLAN",
            "2026-01-01$PRICE_PLAN.2",
        ]


class TestInArrears:
    def test_units_are_there_at_the_start_and_paid_at_the_end(self, shop: Shop, ledger: Ledger) -> None:
        sell(shop, granted=entitlement(ledger.feature, 100, timing="IN_ARREARS"))
        assert ledger.entries() == [("PRICE_PLAN", 100, 0, "2026-01-01", "2026-02-01")]
        draft = shop.invoice()
        assert (draft["invoiceType"], draft["status"], amounts(draft, "SUB_TOTAL_AMOUNT", ARREARS)) == (
            "STANDARD",
            "DRAFT",
            [100, 100],
        )
        shop.api.advance("2026-02-03")
        due = shop.invoice()
        assert (due["id"], due["status"], due["totalAmount"]) == (draft["id"], "DUE", 100)
        assert due["revenueInfo"] == draft["revenueInfo"]


class TestOverage:
    def test_the_worked_example_of_the_reference(self, shop: Shop, ledger: Ledger) -> None:
        # 30000 units beyond: 25000 x 0.05 + 5000 x 0.03 = 1250 + 150 = 1400.
        sell(shop, granted=entitlement(ledger.feature, 100), beyond=overage(ledger.feature, *CHEAPER))
        assert ledger.entries() == [
            ("OVERAGE", None, 0, "2026-01-01", "2026-02-01"),
            ("PRICE_PLAN", 100, 0, "2026-01-01", "2026-02-01"),
        ]
        ledger.use(30000, "$OVERAGE")
        draft = shop.invoice(1)
        assert amounts(draft, OVERAGE, SLAB) == [1400, 1250, 150]
        (line,) = [line for line in lines(draft["revenueInfo"]) if line["type"] == OVERAGE]
        assert (line["id"], line["quantity"]) == (ledger.feature, 30000)
        told = shop.api.get(f"/v1/invoices/{draft['id']}/lines/{ledger.feature}/explanation").ok()
        assert (told["quantity"], told["arithmetic"]) == (30000, "1250 + 150 = 1400")
        assert [(one["id"].split("#")[1], one["used"]) for one in told["entries"]] == [("2026-01-01$OVERAGE", 30000)]
        shop.api.advance("2026-02-03")
        assert shop.invoice(1)["revenueInfo"] == draft["revenueInfo"]
        assert amounts(shop.invoice(3), OVERAGE) == [0]

    def test_at_most_so_many(self, shop: Shop, ledger: Ledger) -> None:
        sell(shop, beyond=overage(ledger.feature, (0, 2), maxQuantity=50))
        assert ledger.entries() == [("OVERAGE", 50, 0, "2026-01-01", "2026-02-01")]

    def test_overage_of_the_first_cycles_is_free(self, shop: Shop, ledger: Ledger) -> None:
        config = {"interval": 1, "startOffset": 1}
        sell(shop, beyond=overage(ledger.feature, (0, 2), billingConfig=config))
        ledger.use(10, "2026-01-01$OVERAGE")
        shop.api.advance("2026-02-01")
        ledger.use(10, "2026-02-01$OVERAGE")
        assert [amounts(shop.invoice(place), OVERAGE) for place in (0, 1)] == [[], [20]]

    def test_a_feature_may_have_a_line_for_units_and_one_for_those_beyond(self, shop: Shop, ledger: Ledger) -> None:
        granted = entitlement(ledger.feature, 100, timing="IN_ARREARS")
        sell(shop, granted=granted, beyond=overage(ledger.feature, (0, 2)))
        ledger.use(10, "$OVERAGE")
        invoice = shop.invoice()
        assert amounts(invoice, ARREARS, OVERAGE) == [100, 20]
        path = f"/v1/invoices/{invoice['id']}/lines"
        told = {kind: shop.api.get(f"{path}/{kind}.{ledger.feature}/explanation").ok() for kind in ("ber", "eo")}
        assert [(told[kind]["type"], told[kind]["amount"]) for kind in ("ber", "eo")] == [(ARREARS, 100), (OVERAGE, 20)]

    def test_credits_pay_both(self, shop: Shop, ledger: Ledger) -> None:
        granted = entitlement(ledger.feature, 100, timing="IN_ARREARS")
        sell(shop, granted=granted, beyond=overage(ledger.feature, (0, 2)))
        ledger.use(10, "$OVERAGE")
        shop.credit(15, applicableEntityIds=["ALL_ENTITLEMENT_OVERAGE_RATE_CARDS"])
        shop.credit(70, applicableEntityIds=["ALL_BILLING_ENTITLEMENT_RATE_CARDS"])
        assert shop.invoices()[0]["totalAmount"] == 120 - 15 - 70


class TestChangesOfPlan:
    def test_units_of_a_cycle_that_is_cut_stay_and_its_overage_ends(self, shop: Shop, ledger: Ledger) -> None:
        sell(shop, granted=entitlement(ledger.feature, 100), beyond=overage(ledger.feature, (0, 2)))
        ledger.use(10, "$OVERAGE")
        shop.disassociate("2026-01-16")
        assert ledger.entries() == [
            ("OVERAGE", None, 10, "2026-01-01", "2026-01-16"),
            ("PRICE_PLAN", 100, 0, "2026-01-01", "2026-02-01"),
        ]
        assert [amounts(shop.invoice(place), ADVANCE, OVERAGE) for place in (0, 1)] == [[100], [20]]
        shop.api.advance("2026-02-10")
        assert len(ledger.entries()) == 2

    def test_the_next_plan_grants_its_own(self, shop: Shop, ledger: Ledger) -> None:
        sell(shop, granted=entitlement(ledger.feature, 100))
        other = shop.plan(billingEntitlementRateCards=[entitlement(ledger.feature, 7, price=3)])
        shop.associate(other, since="2026-01-16")
        assert [granted for _, granted, *_ in ledger.entries()] == [100]
        shop.api.advance("2026-01-16")
        assert [(granted, start) for _, granted, _, start, _ in ledger.entries()] == [
            (100, "2026-01-01"),
            (7, "2026-01-16"),
        ]
        assert amounts(shop.invoice(2), ADVANCE) == [21]

    def test_a_cut_that_is_taken_back_gives_overage_its_time_again(self, shop: Shop, ledger: Ledger) -> None:
        plan = shop.plan(entitlementOverageRateCards=[overage(ledger.feature, (0, 2))])
        shop.associate(plan, until="2026-01-16")
        assert [end for *_, end in ledger.entries()] == ["2026-01-16"]
        shop.associate(plan, since="2026-01-16")
        shop.api.advance("2026-02-01")
        assert [(start, end) for *_, start, end in ledger.entries()] == [
            ("2026-01-01", "2026-01-16"),
            ("2026-01-16", "2026-02-01"),
            ("2026-02-01", "2026-03-01"),
        ]

    def test_a_plan_that_never_starts_grants_nothing(self, shop: Shop, ledger: Ledger) -> None:
        shop.associate(shop.plan(billingEntitlementRateCards=[entitlement(ledger.feature, 100)]), since="2026-01-10")
        shop.disassociate("2026-01-10")
        shop.api.advance("2026-03-01")
        assert ledger.entries() == []

    def test_a_cycle_that_is_replaced_from_its_start_on_takes_its_units_back(self, shop: Shop, ledger: Ledger) -> None:
        # Its overage is billed with the cycle in its place: 10 x 3.
        flag = {"allow_ongoing_cycle_updates": True}
        granted = entitlement(ledger.feature, 100, timing="IN_ARREARS")
        plans = [
            shop.plan(
                billingEntitlementRateCards=[granted],
                entitlementOverageRateCards=[overage(ledger.feature, (0, price))],
                **flag,
            )
            for price in (2, 3)
        ]
        shop.associate(plans[0])
        ledger.use(10, "$OVERAGE")
        shop.api.advance("2026-01-10")
        shop.associate(plans[1])
        assert [(source, used) for source, _, used, *_ in ledger.entries()] == [("OVERAGE", 0), ("PRICE_PLAN", 0)]
        assert amounts(shop.invoice(), ARREARS, OVERAGE) == [100, 30]

    def test_a_schedule_with_another_card_from_its_start_on_grants_anew(self, shop: Shop, ledger: Ledger) -> None:
        # As when its plan is replaced: 100 units are there again, and the overage so far is billed, 10 x 2.
        granted, beyond = entitlement(ledger.feature, 100, timing="IN_ARREARS"), overage(ledger.feature, (0, 2))
        base = shop.addon()
        plan = shop.plan(
            billingEntitlementRateCards=[granted],
            entitlementOverageRateCards=[beyond],
            fixedFeeRateCards=[fee(base, 5)],
            allow_ongoing_cycle_updates=True,
        )
        shop.associate(plan)
        ledger.use(10, "$OVERAGE")
        ledger.use(30, "$PRICE_PLAN")
        shop.api.advance("2026-01-10")
        (stood,) = shop.api.get("/v2/accounts/acme/schedules", mode="ACTIVE").ok()["data"]
        card = {"billableId": base, "type": "FIXED_FEE", "invoiceTiming": "IN_ARREARS"}
        card["rateCardDetails"] = {"fixedFeeRateCard": fee(base, 7)}
        operation = {"actionType": "UPDATE", "rateCardName": base, "rateCard": card}
        shop.api.post(f"/v2/schedules/{stood['id']}/rate_cards", {"operations": [operation]}).ok()
        (stands,) = shop.api.post("/v2/accounts/acme/finalize_schedules", {}).ok()["data"]
        assert stands["id"] != stood["id"]
        assert [(source, used) for source, _, used, *_ in ledger.entries()] == [("OVERAGE", 0), ("PRICE_PLAN", 0)]
        assert amounts(shop.invoice(), ARREARS, OVERAGE) == [100, 20]

    def test_units_stay_when_their_invoice_is_void_and_made_anew(self, shop: Shop, ledger: Ledger) -> None:
        sell(shop, granted=entitlement(ledger.feature, 100))
        ledger.use(30, "$PRICE_PLAN")
        invoice = shop.invoice()["id"]
        shop.api.patch(f"/invoices/{invoice}", {"status": "VOID"}).ok()
        assert ledger.entries() == [("PRICE_PLAN", 100, 30, "2026-01-01", "2026-02-01")]
        made = shop.api.post(f"/v1/invoices/{invoice}/reissue").ok()
        assert ledger.entries() == [("PRICE_PLAN", 100, 30, "2026-01-01", "2026-02-01")]
        assert amounts(shop.api.get(f"/invoices/{made['id']}").ok(), ADVANCE) == [100]


class TestMetrics:
    def test_units_count_at_the_start_and_overage_at_the_end(self, shop: Shop, ledger: Ledger) -> None:
        granted = entitlement(ledger.feature, 100, timing="IN_ARREARS")
        sell(shop, granted=granted, beyond=overage(ledger.feature, (0, 2)))
        ledger.use(10, "$OVERAGE")
        asked = {"filters": [{"fieldName": "BILLABLE_ID", "fieldValues": [ledger.feature]}]}
        (series,) = shop.metric("REVENUE", "2026-01-01", "2026-02-01", "DAY", **asked)
        told = [value for value in series["metricValues"] if value]
        assert (series["metricValues"][0], series["metricValues"][-1], told) == (100, 20, [100, 20])
        (whole,) = shop.metric("REVENUE_FOR_CYCLE", "2026-01-01", "2026-02-01", "MONTH", **asked)
        assert whole["metricValues"] == [120]


class TestRules:
    def test_rules_read_and_update_both(self, shop: Shop, ledger: Ledger) -> None:
        # By hand: 10 of overage are halved, 5 x 2 = 10; a tenth of the 100 that the units cost comes off, 10.
        granted = entitlement(ledger.feature, 100, timing="IN_ARREARS")
        usage, price = f"usage.eo.{ledger.feature}", f"revenue.ber.{ledger.feature}"
        rules = [
            {
                "name": "half",
                "order": 1,
                "computation": f'{{"/":[{{"var":"{usage}"}},2]}}',
                "action": {"type": "UPDATE", "target": usage},
            },
            {
                "name": "tenth",
                "order": 2,
                "computation": f'{{"*":[{{"var":"{price}"}},-0.1]}}',
                "action": {"type": "ADD", "description": "Discount"},
            },
        ]
        details = {
            "supportedCurrencies": ["USD"],
            "pricingCycleConfig": monthly(),
            "billingEntitlementRateCards": [granted],
            "entitlementOverageRateCards": [overage(ledger.feature, (0, 2))],
        }
        body = {"name": "Ruled", "pricePlanDetails": details, "pricingRules": rules}
        plan = shop.api.post("/price_plans", body).ok()["id"]
        shop.api.post(f"/price_plans/{plan}/activate", {"currencies": ["USD"]}).ok()
        shop.associate(plan)
        ledger.use(10, "$OVERAGE")
        assert amounts(shop.invoice(), ARREARS, OVERAGE, "PRICING_RULE_ADDITION_AMOUNT") == [100, 10, -10]

    def test_units_have_no_usage_to_read(self, shop: Shop, ledger: Ledger) -> None:
        details = {
            "supportedCurrencies": ["USD"],
            "pricingCycleConfig": monthly(),
            "billingEntitlementRateCards": [entitlement(ledger.feature, 100, timing="IN_ARREARS")],
        }
        computation = f'{{"var":"usage.ber.{ledger.feature}"}}'
        rule = {"name": "r", "order": 1, "computation": computation, "action": {"type": "ADD"}}
        asked = {"name": "Ruled", "pricePlanDetails": details, "pricingRules": [rule]}
        assert "usage.ber." in shop.api.post("/price_plans", asked).refused(400)


class TestWhatIf:
    """Two plans of the same units, one with overage at 2, one at 3 and 40 at most."""

    @pytest.fixture
    def plans(self, shop: Shop, ledger: Ledger) -> list[str]:
        granted = entitlement(ledger.feature, 100, timing="IN_ARREARS")
        plans = [
            shop.plan(billingEntitlementRateCards=[granted], entitlementOverageRateCards=[card])
            for card in (overage(ledger.feature, (0, 2)), overage(ledger.feature, (0, 3), maxQuantity=40))
        ]
        shop.associate(plans[0])
        ledger.use(50, "$OVERAGE")
        return plans

    def test_the_overage_of_a_past_cycle_is_looked_up(self, shop: Shop, ledger: Ledger, plans: list[str]) -> None:
        # By hand: 50 x 2 by the account's own plan; the other one allows 40: 40 x 3.
        for plan, ends_at, costs in (
            (plans[0], "2026-02-01T00:00:00Z", 100),
            (plans[0], "2026-01-20T00:00:00Z", 100),
            (plans[1], "2026-02-01T00:00:00Z", 120),
        ):
            question = {
                "currencyConfig": {"mode": "CUSTOM", "currency": "USD"},
                "pricePlanDetailsConfig": {"mode": "PRICE_PLAN", "pricePlanId": plan},
                "usageConfig": {"mode": "CUSTOM", "usageMap": {}},
                "licenseEntriesConfig": {"mode": "CUSTOM", "custom": []},
                "entitlementOverageConfig": {
                    "mode": "LOOKUP_CYCLE",
                    "lookupCycle": {"accountId": "acme", "billingCycleEndDate": ends_at},
                },
            }
            _, beyond = shop.api.post("/revenue_calculator", question).ok()["revenueInfo"]
            assert beyond["entitlementOverageRevenueSummary"] == {"revenue": costs}
            assert beyond["usages"] == {ledger.feature: costs / (2 if plan == plans[0] else 3)}

    def test_accounts_are_simulated_by_their_overage(self, shop: Shop, plans: list[str]) -> None:
        # By hand: 100 for units and 50 x 2; by the other plan 100 and 40 x 3.
        shop.api.advance("2026-02-10")
        job = self.simulated(shop, {"pricePlanId": plans[1]})
        (one,) = shop.api.get(f"/v1/simulations/{job}/accounts").ok()["data"]
        assert (one["oldRevenue"], one["newRevenue"]) == (200, 220)

    def test_a_plan_may_begin_to_grant_units(self, shop: Shop, ledger: Ledger, plans: list[str]) -> None:
        shop.account("beta")
        base = shop.addon()
        shop.associate(shop.plan(fixedFeeRateCards=[fee(base, 5)]), "beta")
        shop.api.advance("2026-02-10")
        job = self.simulated(shop, {"pricePlanId": plans[1]}, accounts={"accountIds": ["beta"]})
        (one,) = shop.api.get(f"/v1/simulations/{job}/accounts").ok()["data"]
        assert (one["oldRevenue"], one["newRevenue"]) == (5, 100)
        assert {line["billableId"]: line["newRevenue"] for line in one["lines"]} == {base: 0, ledger.feature: 100}

    def simulated(self, shop: Shop, plan: Json, **more: object) -> str:
        """January by other terms; the job."""
        asked = {"plan": plan, "from": "2026-01-01", "to": "2026-02-01"} | more
        job: str = shop.api.post("/v1/simulations", asked).ok()["jobId"]
        return job


def sell_calls(
    server: Inside, shop: Shop, *, granted: object = 100, since: str = "2026-01-01", **beyond: object
) -> Granting:
    """An account whose plan grants units for its calls, and allows overage by slabs when told to."""
    calls = Granting.begin(server, shop)
    cards: Json = {"billingEntitlementRateCards": [entitlement(calls.feature, granted)]}
    if beyond:
        cards["entitlementOverageRateCards"] = [overage(calls.feature, *CHEAPER, **beyond)]
    shop.associate(shop.plan(**cards), since=since)
    return calls


class TestEvents:
    """What events use of the units that a plan grants, through the door by which they come."""

    def test_the_worked_example_of_the_reference(self, server: Inside, shop: Shop) -> None:
        # 100 units are granted; of 30100 calls 30000 go beyond: 25000 x 0.05 + 5000 x 0.03 = 1250 + 150 = 1400.
        calls = sell_calls(server, shop, tag="x")
        assert shop.status(shop.use(60)) == "INGESTION_COMPLETED_EVENT_METERED"
        shop.use(30040)
        ((units, used), (beyond, more)) = sorted(calls.used().items(), key=lambda one: one[0].endswith("OVERAGE"))
        assert (units.split("$")[1], used, beyond.split("$")[1], more) == ("PRICE_PLAN", 100, "OVERAGE", 30000)
        draft = shop.invoice(1)
        assert amounts(draft, OVERAGE, SLAB) == [1400, 1250, 150]
        shop.api.advance("2026-02-03")
        assert shop.invoice(1)["revenueInfo"] == draft["revenueInfo"]
        assert shop.invoice(1)["status"] == "DUE"

    def test_without_overage_there_is_nothing_beyond(self, server: Inside, shop: Shop) -> None:
        calls = sell_calls(server, shop)
        calls.ask("a", 100).ok()
        assert "0 are left" in calls.ask("b", 1).refused(403)
        assert shop.invoice()["totalAmount"] == 100

    def test_overage_ends_where_the_card_says(self, server: Inside, shop: Shop) -> None:
        # 100 units and 50 beyond; by hand 50 x 0.05 = 2.50.
        calls = sell_calls(server, shop, maxQuantity=50)
        calls.ask("a", 150).ok()
        calls.ask("b", 1).refused(403)
        assert amounts(shop.invoice(1), OVERAGE) == [Decimal("2.5")]

    def test_what_is_taken_back_is_not_billed(self, server: Inside, shop: Shop) -> None:
        calls = sell_calls(server, shop, tag="x")
        name = shop.use(130)
        assert amounts(shop.invoice(1), OVERAGE) == [Decimal("1.5")]
        calls.correct("UNDO", name)
        assert amounts(shop.invoice(1), OVERAGE) == [0]

    def test_units_do_not_roll_over(self, server: Inside, shop: Shop) -> None:
        calls = sell_calls(server, shop)
        calls.ask("a", 40).ok()
        shop.api.advance("2026-02-01")
        assert calls.balance()["balance"] == 100
        assert calls.ask("b", 101, at="2026-02-01T12:00:00Z").status == 403
        calls.ask("c", 100, at="2026-02-01T12:00:00Z").ok()

    def test_an_event_may_come_before_the_clock_has_opened_its_cycle(self, tmp_path: Path) -> None:
        with inside(tmp_path / "data") as server:
            shop = Shop(server.api())
            calls = sell_calls(server, shop, since="2026-01-10")
            assert calls.entries() == []
            assert calls.ask("early", at="2026-01-10T00:00:00Z").status == 403
            server.workers.billing.stop()
            server.engine.move_clock(datetime(2026, 1, 10, 1, tzinfo=UTC))
            calls.ask("on time", 30, at="2026-01-10T00:30:00Z").ok()
            ((name, left),) = calls.left().items()
            assert (name.split("#")[1], left) == ("2026-01-10$PRICE_PLAN", 70)

    def test_the_values_of_features_are_those_of_the_plan(self, server: Inside, shop: Shop) -> None:
        calls = Granting.begin(server, shop)
        plain, later = (shop.api.post("/features", {"name": name}).ok()["id"] for name in ("Exports", "Later"))
        cards = [
            entitlement(calls.feature, 100),
            entitlement(plain, 1, price=0),
            entitlement(later, 1, recurrenceConfig={"interval": 1, "offset": 5}),
        ]
        shop.associate(shop.plan(billingEntitlementRateCards=cards))
        shop.use(30)
        values = shop.api.get("/accounts/acme/entitlements").ok()["data"]
        assert {one["featureId"]: one["value"] for one in values} == {calls.feature: "70", plain: "true", later: "true"}
        shop.disassociate("2026-01-16")
        shop.api.advance("2026-02-01")
        assert shop.api.get("/accounts/acme/entitlements").ok()["data"] == []
