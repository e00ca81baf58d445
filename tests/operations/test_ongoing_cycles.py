"""Plans whose ongoing cycle may still change: `deferredRevenue` and `allow_ongoing_cycle_updates` (domain.md 4.2, 5.2).

Figures by hand; the clock stands at New Year 2026 until a test moves it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.operations.shop import Shop, credit_grant, entitlement, fee, monthly, tiered

FLAGS = ["deferredRevenue", "allow_ongoing_cycle_updates"]
either_flag = pytest.mark.parametrize("flag", FLAGS)


def offer(shop: Shop, rate: int = 2, **more: object) -> tuple[str, str]:
    """An account and a plan of calls; the plan's id and the meter's."""
    shop.account()
    shop.schema()
    meter = shop.meter()
    return shop.plan(usageRateCards=[tiered(meter, (0, rate))], **more), meter


def bills(shop: Shop) -> list[tuple[str, str, str, Any]]:
    return [(one["startDate"][:10], one["endDate"][:10], one["status"], one["totalAmount"]) for one in shop.invoices()]


@either_flag
class TestTheOngoingCycle:
    def test_is_rated_anew_when_its_plan_changes_from_its_start_on(self, shop: Shop, flag: str) -> None:
        plan, meter = offer(shop, **{flag: True})
        shop.associate(plan)
        shop.use(1, "2026-01-10T00:00:00Z")
        shop.api.advance("2026-02-20")
        shop.use(10, "2026-02-10T00:00:00Z")
        other = shop.plan(usageRateCards=[tiered(meter, (0, 5))])
        shop.associate(other, since="2026-02-01")
        # January is due at the first price, and stays so; February is the other plan's from its start.
        assert bills(shop) == [
            ("2026-01-01", "2026-02-01", "DUE", 2),
            ("2026-02-01", "2026-03-01", "DRAFT", 50),
        ]
        shop.api.advance("2026-03-03")
        assert bills(shop)[1] == ("2026-02-01", "2026-03-01", "DUE", 50)

    def test_is_rated_anew_on_terms_of_its_own_and_keeps_its_number(self, shop: Shop, flag: str) -> None:
        shop.account()
        setup = fee(shop.addon("Setup"), 100, type="ONE_TIME")
        base = fee(shop.addon("Base"), 10)
        plan = shop.plan(fixedFeeRateCards=[setup, base], **{flag: True})
        shop.associate(plan)
        shop.api.advance("2026-02-20")
        override = {"fixedFeeRateCards": [setup, base | {"rateValues": [{"currency": "USD", "rate": 7}]}]}
        asked = {"pricePlanId": plan, "effectiveFrom": "2026-02-01", "effectiveUntil": "2026-04-01"}
        shop.api.post("/accounts/acme/price_plans", asked | {"pricePlanDetailsOverride": override}).ok()
        shop.api.advance("2026-04-10")
        # The setup came once, in January; in April the plan's own terms are back.
        assert [total for *_, total in bills(shop)] == [110, 7, 7, 10]

    def test_can_be_taken_off(self, shop: Shop, flag: str) -> None:
        plan, _ = offer(shop, **{flag: True})
        shop.associate(plan)
        shop.api.advance("2026-02-20")
        shop.use(10, "2026-02-10T00:00:00Z")
        shop.disassociate("2026-02-01")
        assert bills(shop) == [("2026-01-01", "2026-02-01", "PAID", 0)]

    @pytest.mark.parametrize("day", ["2026-01-01", "2026-01-31", "2026-02-02", "2026-02-20"])
    def test_changes_from_its_start_on_and_from_no_other_day(self, shop: Shop, flag: str, day: str) -> None:
        plan, _ = offer(shop, **{flag: True})
        shop.associate(plan)
        shop.api.advance("2026-02-20")
        assert shop.try_associate(plan, since=day).refused(400) == (
            f"effectiveFrom: a change of plan starts tomorrow, on 2026-02-21, at the earliest, not on {day}; "
            "or on 2026-02-01, where the ongoing cycle starts"
        )
        short = shop.try_associate(plan, since="2026-02-01", until="2026-02-10").refused(400)
        assert short.startswith("effectiveUntil: a change of plan starts tomorrow, on 2026-02-21")
        shop.associate(plan, since="2026-02-01", until="2026-02-21")
        assert [(start, end) for start, end, *_ in bills(shop)][1:] == [
            ("2026-02-01", "2026-02-21"),
            ("2026-02-21", "2026-03-01"),
        ]

    def test_whose_plan_does_not_allow_it_changes_from_tomorrow_on(self, shop: Shop, flag: str) -> None:
        plan, meter = offer(shop)
        shop.associate(plan)
        shop.api.advance("2026-02-20")
        other = shop.plan(usageRateCards=[tiered(meter, (0, 5))], **{flag: True})
        message = shop.try_associate(other, since="2026-02-01").refused(400)
        assert message.endswith("at the earliest, not on 2026-02-01")


def test_a_cycle_of_which_something_is_billed_changes_from_tomorrow_on(shop: Shop) -> None:
    shop.account()
    base = fee(shop.addon(), 10, timing="IN_ADVANCE")
    plan = shop.plan(fixedFeeRateCards=[base], allow_ongoing_cycle_updates=True)
    shop.associate(plan)
    shop.api.advance("2026-01-20")
    advance = shop.invoices()[0]
    message = shop.try_associate(plan).refused(400)
    assert message.endswith(f"the ongoing cycle, from 2026-01-01 on, is billed already by invoice '{advance['id']}'")
    shop.api.patch(f"/invoices/{advance['id']}", {"status": "VOID"}).ok()
    shop.associate(plan)
    assert [(one["invoiceType"], one["status"]) for one in shop.invoices()] == [
        ("STANDARD_ADVANCED", "VOID"),
        ("STANDARD_ADVANCED", "DUE"),
        ("STANDARD", "DRAFT"),
    ]
    again = shop.api.post(f"/v1/invoices/{advance['id']}/reissue").refused(409)
    assert "was changed from the start of its cycle on" in again


class TestDeferredRevenue:
    def test_is_told_once_its_invoice_is_due(self, shop: Shop) -> None:
        plan, _ = offer(shop, deferredRevenue=True, fixedFeeRateCards=[fee(shop.addon(), 50)])
        shop.associate(plan)
        shop.use(100)

        def told() -> list[list[Any]]:
            names = ("REVENUE", "REVENUE_FOR_CYCLE", "USAGE", "USAGE_FOR_CYCLE")
            return [
                [sum(one["metricValues"]) for one in shop.metric(name, "2026-01-01", "2026-03-01")] for name in names
            ]

        assert told() == [[0], [0], [100], [100]]
        shop.api.advance("2026-02-02T23:59:59Z")
        assert told()[:2] == [[0], [0]]
        shop.api.advance("2026-02-03")
        assert told()[:2] == [[250], [250]]
        shop.api.patch(f"/invoices/{shop.invoices()[0]['id']}", {"status": "VOID"}).ok()
        assert told()[:2] == [[0], [0]]

    def test_is_billed_like_any_other(self, shop: Shop) -> None:
        plan, _ = offer(shop, deferredRevenue=True, cycle=monthly(grace=0))
        shop.associate(plan)
        shop.use(100)
        assert bills(shop) == [("2026-01-01", "2026-02-01", "DRAFT", 200)]
        details = shop.api.get(f"/price_plans/{plan}").ok()["pricingSchedule"][0]["pricePlanDetails"]
        assert details["deferredRevenue"] is True
        shop.api.advance("2026-02-01")
        assert bills(shop)[0] == ("2026-01-01", "2026-02-01", "DUE", 200)

    def test_takes_nothing_in_advance(self, still: Shop) -> None:
        early = fee(still.addon(), 10, timing="IN_ADVANCE")
        terms = {"supportedCurrencies": ["USD"], "deferredRevenue": True, "fixedFeeRateCards": [early]}
        refused = still.api.post("/price_plans", {"name": "Deferred", "pricePlanDetails": terms}).refused(400)
        problem = "fixedFeeRateCards[0].invoiceTiming: is IN_ADVANCE, a plan with deferredRevenue bills IN_ARREARS only"
        assert refused == f"pricePlanDetails.{problem}"
        plan, _ = offer(still, deferredRevenue=True)
        asked = {"pricePlanId": plan, "effectiveFrom": "2026-01-01", "effectiveUntil": "9999-01-01"}
        override = {"pricePlanDetailsOverride": {"fixedFeeRateCards": [early]}}
        assert still.api.post("/accounts/acme/price_plans", asked | override).refused(400) == (
            f"pricePlanDetailsOverride.{problem}"
        )
        patch = {"pricePlanDetails": {"fixedFeeRateCards": [early]}}
        assert still.api.patch(f"/price_plans/{plan}", patch).refused(400) == f"pricePlanDetails.{problem}"

    def test_takes_nothing_that_is_paid_before_it_is_granted(self, still: Shop) -> None:
        bonus = credit_grant(still.addon("Bonus", "CREDIT_GRANT"), 100, 10, timing="PREPAID")
        feature = still.api.post("/features", {"name": "Exports"}).ok()["id"]
        cards = {
            "creditGrantRateCards": [bonus],
            "billingEntitlementRateCards": [entitlement(feature, 100, timing="PREPAID")],
        }
        problems = [
            "billingEntitlementRateCards[0]: grants units of a feature, which a plan with deferredRevenue does not: ",
            "creditGrantRateCards[0]: grants credit, which a plan with deferredRevenue does not: ",
        ]
        plan, _ = offer(still, deferredRevenue=True)
        terms = {"supportedCurrencies": ["USD"], "deferredRevenue": True} | cards
        asked = {"effectiveFrom": "2026-02-01", "effectiveUntil": "9999-01-01", "pricePlanId": plan}
        bought = {"type": "ASSOCIATION", "pricePlanId": plan, "effectiveFrom": "2026-02-01"}
        for answer in (
            still.api.post("/price_plans", {"name": "Deferred", "pricePlanDetails": terms}),
            still.api.patch(f"/price_plans/{plan}", {"pricePlanDetails": cards}),
            still.api.post("/accounts/acme/price_plans", asked | {"pricePlanDetailsOverride": cards}),
            still.api.post("/accounts/acme/edit_schedules", {"edits": [asked | {"pricePlanDetailsOverride": cards}]}),
            still.api.post("/accounts/acme/purchases", bought | {"associationOverride": cards}),
        ):
            told = answer.refused(400)
            assert all(problem in told for problem in problems)

    def test_holds_for_cards_of_a_schedule_in_draft_too(self, still: Shop) -> None:
        plan, _ = offer(still, deferredRevenue=True)
        still.associate(plan)
        (piece,) = still.api.get("/v2/accounts/acme/schedules", mode="ACTIVE").ok()["data"]
        addon = still.addon()
        early = {"billableId": addon, "type": "FIXED_FEE", "invoiceTiming": "IN_ADVANCE"}
        card = early | {"rateCardDetails": {"fixedFeeRateCard": fee(addon, 10)}}
        create = {"operations": [{"actionType": "CREATE", "rateCardName": "early", "rateCard": card}]}
        refused = still.api.post(f"/v2/schedules/{piece['id']}/rate_cards", create).refused(400)
        path = "operations[0].rateCard.rateCardDetails.fixedFeeRateCard.invoiceTiming"
        assert refused == f"{path}: is IN_ADVANCE, a plan with deferredRevenue bills IN_ARREARS only"

    @pytest.mark.parametrize("flag", FLAGS)
    def test_is_said_when_a_plan_is_made_and_in_no_patch_of_the_wire(self, still: Shop, flag: str) -> None:
        plan, _ = offer(still)
        terms = {"pricePlanDetails": {flag: True}}
        assert flag in still.api.patch(f"/price_plans/{plan}", terms).refused(400)
        assert flag in still.api.patch(f"/v2/price_plans/{plan}", {flag: True}).refused(400)
