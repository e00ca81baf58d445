"""Units of features that are paid beforehand: cycles order them, and grant them once that is paid (domain.md 4.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tallystick.metering.event import EventStatus
from tests.operations.buying import buy, once, pay, purchase
from tests.operations.granting import Granting
from tests.operations.shop import Shop, amounts, credit_grant, entitlement, event, fee, lines, monthly, overage

if TYPE_CHECKING:
    from tests.servers import Inside

Json = dict[str, Any]
UNITS = "BILLING_ENTITLEMENT_RATE_CARD_AMOUNT"


@pytest.fixture
def calls(server: Inside, shop: Shop) -> Granting:
    """Calls use a feature; nothing is granted yet."""
    return Granting.begin(server, shop)


def sell(calls: Granting, *units: object, cards: Json | None = None, until: str | None = None, **more: object) -> str:
    """Put a plan on the account whose months order units; the plan's id."""
    granted = [entitlement(calls.feature, *units, timing="PREPAID", displayName="Calls", **more)]
    given = {"billingEntitlementRateCards": granted} | (cards or {})
    plan = calls.shop.plan(cycle=monthly(grace=0), **given)
    calls.shop.associate(plan, **({} if until is None else {"until": until}))
    return plan


def orders(calls: Granting) -> list[Json]:
    return [one for one in calls.shop.invoices() if one["invoiceClass"] == "ORDER"]


def spans(calls: Granting) -> list[tuple[str, object, object, str, str]]:
    """Source, granted, left, first and last day (exclusive) of each entry, the first one first."""
    return sorted(
        (
            (
                one["source"],
                one["granted"],
                one["balance"],
                one["effectiveFrom"][:10],
                one["effectiveUntil"][:10],
            )
            for one in calls.entries()
        ),
        key=lambda one: (one[3], one[1]),
    )


class TestCycles:
    def test_each_month_orders_and_what_is_paid_is_granted(self, calls: Granting) -> None:
        # By hand: 100 units at 1 each are an order of 100 on the 1st. Paid on the 3rd, there are 100 units for a month
        # from that day on, of which 30 are used on the 4th. February orders another 100, which nobody pays, so on the
        # 2nd of February the 70 of January are left, and on the 3rd nothing.
        sell(calls, 100)
        (order,) = orders(calls)
        assert (order["status"], order["totalAmount"], order["invoiceType"]) == ("DUE", 100, "AD_HOC")
        assert (order["startDate"], order["endDate"]) == ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")
        shown = calls.shop.api.get(f"/invoices/{order['id']}").ok()
        (line,) = [one for one in lines(shown["revenueInfo"]) if one["type"] == UNITS]
        assert (line["id"], line["description"], line["quantity"], line["value"]) == (calls.feature, "Calls", 100, 100)
        assert amounts(shown, "TOTAL_PURCHASE_AMOUNT") == [100]
        (waiting,) = calls.shop.api.get("/accounts/acme/purchases").ok()["data"]
        assert (waiting["type"], waiting["status"], waiting["price"]) == ("PREPAID", "PENDING", 100)
        calls.shop.api.advance("2026-01-02")
        assert "0 are left" in calls.ask("e-1", at="2026-01-02T00:00:00Z").refused(403)
        calls.shop.api.post("/ingest", {"event": event("e-2", at="2026-01-02T00:00:00Z")}).ok()
        assert calls.shop.status("e-2") == EventStatus.INSUFFICIENT_CREDITS
        assert calls.entries() == []
        calls.shop.api.advance("2026-01-03T12:00:00Z")
        pay(calls.shop, order["id"])
        assert spans(calls) == [("ENTITLEMENT", 100, 100, "2026-01-03", "2026-02-03")]
        assert list(calls.left()) == [f"{waiting['id']}#1$PURCHASE"]
        bought = purchase(calls.shop, waiting["id"])
        assert (bought["status"], bought["features"][0]["creditsGranted"]) == ("SUCCESS", 100)
        calls.shop.api.advance("2026-01-04")
        calls.ask("e-3", 30, at="2026-01-04T00:00:00Z").ok()
        told = calls.shop.api.get(f"/v1/invoices/{order['id']}/lines/{calls.feature}/explanation").ok()
        assert (told["arithmetic"], told["quantity"], told["amount"]) == ("100 x 1 = 100", 100, 100)
        assert [(one["id"], one["granted"], one["used"]) for one in told["entries"]] == [
            (f"{waiting['id']}#1$PURCHASE", 100, 30)
        ]
        calls.shop.api.advance("2026-02-02")
        assert [(one["status"], one["totalAmount"]) for one in orders(calls)] == [("PAID", 100), ("DUE", 100)]
        calls.ask("e-4", 71, at="2026-02-02T00:00:00Z").refused(403)
        calls.ask("e-5", 70, at="2026-02-02T00:00:00Z").ok()
        calls.shop.api.advance("2026-02-03")
        calls.ask("e-6", 1, at="2026-02-03T00:00:00Z").refused(403)
        pay(calls.shop, orders(calls)[1]["id"])
        calls.ask("e-7", 1, at="2026-02-03T00:00:00Z").ok()
        assert spans(calls)[1:] == [("ENTITLEMENT", 100, 99, "2026-02-03", "2026-03-03")]

    def test_what_is_paid_twice_is_granted_once(self, calls: Granting) -> None:
        sell(calls, 100)
        (order,) = orders(calls)
        pay(calls.shop, order["id"])
        calls.shop.api.patch(f"/invoices/{order['id']}", {"status": "PAID"}).refused(400)
        calls.shop.api.advance("2026-01-20")
        assert spans(calls) == [("ENTITLEMENT", 100, 100, "2026-01-01", "2026-02-01")]

    def test_what_is_not_paid_grants_nothing_ever(self, calls: Granting) -> None:
        sell(calls, 100)
        calls.shop.api.advance("2026-04-15")
        assert [one["status"] for one in orders(calls)] == ["DUE"] * 4
        assert calls.entries() == []
        assert calls.ask("e-1", at="2026-04-15T00:00:00Z").refused(403)

    def test_for_nothing_they_are_there_when_the_cycle_starts(self, calls: Granting) -> None:
        sell(calls, 25, price=0)
        assert [one["status"] for one in orders(calls)] == ["PAID"]
        assert spans(calls) == [("ENTITLEMENT", 25, 25, "2026-01-01", "2026-02-01")]

    def test_credit_pays_for_units(self, calls: Granting) -> None:
        # By hand: a gift of 130 pays the 100 of January at once; 30 are left for February, whose order asks for 70.
        calls.shop.credit(130)
        sell(calls, 100)
        calls.shop.api.advance("2026-02-01")
        assert [(one["status"], one["totalAmount"]) for one in orders(calls)] == [("PAID", 0), ("DUE", 70)]
        assert len(calls.entries()) == 1

    def test_every_other_month_and_lots_that_begin_later(self, calls: Granting) -> None:
        # By hand: 60 + 40 at 0.5 each are 50, ordered in February and April; of what is paid on the 10th of February
        # all begins five days later.
        every_other = {"interval": 2, "offset": 1}
        sell(calls, 60, 40, price="0.5", begins="P5D", recurrenceConfig=every_other)
        calls.shop.api.advance("2026-02-10")
        (order,) = orders(calls)
        assert (order["startDate"][:10], order["totalAmount"]) == ("2026-02-01", 50)
        pay(calls.shop, order["id"])
        assert spans(calls) == [
            ("ENTITLEMENT", 40, 40, "2026-02-15", "2026-03-10"),
            ("ENTITLEMENT", 60, 60, "2026-02-15", "2026-03-10"),
        ]
        assert sorted(name[-11:] for name in calls.left()) == ["#1$PURCHASE", "#2$PURCHASE"]
        calls.shop.api.advance("2026-04-01")
        assert [one["startDate"][:10] for one in orders(calls)] == ["2026-02-01", "2026-04-01"]

    def test_credit_and_units_share_an_order(self, calls: Granting) -> None:
        # By hand: 100 units for 100 and credit of 50 for 20 are one order of 120.
        bonus = calls.shop.addon("Bonus", "CREDIT_GRANT")
        sell(calls, 100, cards={"creditGrantRateCards": [credit_grant(bonus, 50, 20, timing="PREPAID")]})
        (order,) = orders(calls)
        assert order["totalAmount"] == 120
        pay(calls.shop, order["id"])
        assert list(calls.left().values()) == [100]
        assert calls.shop.balance()[0] == 50

    def test_cards_of_every_timing_beside_each_other(self, calls: Granting) -> None:
        # By hand: January charges 10 in advance and 20 in arrears for what is there from the 1st on; the order of 40
        # is paid on the 5th. Beyond what is granted calls cost 2 each: 60 are used before, of which 0 are granted.
        make = calls.shop.api.post
        others = [make("/features", {"name": name}).ok()["id"] for name in ("Exports", "Seats")]
        granted = [
            entitlement(calls.feature, 40, timing="PREPAID"),
            entitlement(others[0], 10, timing="IN_ADVANCE"),
            entitlement(others[1], 20, timing="IN_ARREARS"),
        ]
        beyond = [overage(calls.feature, (0, 2))]
        cards = {"billingEntitlementRateCards": granted, "entitlementOverageRateCards": beyond}
        calls.shop.associate(calls.shop.plan(cycle=monthly(grace=0), **cards))
        entries = [calls.shop.api.get(f"/accounts/acme/features/{name}/entries").ok()["data"] for name in others]
        assert [(one["source"], one["granted"]) for (one,) in entries] == [("PRICE_PLAN", 10), ("PRICE_PLAN", 20)]
        assert [one["source"] for one in calls.entries()] == ["OVERAGE"]
        calls.ask("e-1", 6, at="2026-01-01T00:00:00Z").ok()
        calls.shop.api.advance("2026-01-05")
        pay(calls.shop, orders(calls)[0]["id"])
        calls.ask("e-2", 45, at="2026-01-05T00:00:00Z").ok()
        calls.shop.api.advance("2026-02-01")
        totals = {(one["invoiceType"], one["startDate"][5:7]): one["totalAmount"] for one in calls.shop.invoices()}
        # 6 before the payment and 45 - 40 after it are 11 of overage: 22, and 20 for the units in arrears.
        assert totals["STANDARD_ADVANCED", "01"] == 10
        assert totals["AD_HOC", "01"] == 40
        assert totals["STANDARD", "01"] == 42

    def test_the_feature_is_carried_before_anything_is_paid(self, calls: Granting) -> None:
        sell(calls, 100)
        carried = calls.shop.api.get("/accounts/acme/entitlements").ok()["data"]
        assert carried == [{"featureId": calls.feature, "value": "0"}]
        pay(calls.shop, orders(calls)[0]["id"])
        assert calls.shop.api.get("/accounts/acme/entitlements").ok()["data"][0]["value"] == "100"

    def test_a_draft_says_what_the_order_will_and_goes_with_its_plan(self, calls: Granting) -> None:
        granted = entitlement(calls.feature, 100, timing="PREPAID")
        plan = calls.shop.plan(cycle=monthly(), billingEntitlementRateCards=[granted])
        calls.shop.associate(plan, since="2026-02-01")
        (draft,) = orders(calls)
        assert (draft["status"], draft["totalAmount"]) == ("DRAFT", 100)
        told = calls.shop.api.get(f"/v1/invoices/{draft['id']}/lines/{calls.feature}/explanation").ok()
        assert (told["amount"], told.get("entries", [])) == (100, [])
        calls.shop.disassociate("2026-02-01")
        assert orders(calls) == []

    def test_rules_are_not_about_an_order(self, calls: Granting) -> None:
        granted = entitlement(calls.feature, 100, timing="PREPAID")
        details = {
            "supportedCurrencies": ["USD"],
            "pricingCycleConfig": monthly(),
            "billingEntitlementRateCards": [granted],
        }
        target = {"type": "UPDATE", "target": f"ber.{calls.feature}.revenue"}
        rule = {"name": "Rule", "order": 1, "invoiceTiming": "IN_ARREARS", "computation": "1", "action": target}
        body = {"name": "Ruled", "pricePlanDetails": details, "pricingRules": [rule]}
        message = calls.shop.api.post("/price_plans", body).refused(400)
        assert (
            message == f"pricingRules[0].action.target: 'ber.{calls.feature}.revenue' is no usage or revenue of a card"
        )


class TestVoid:
    def test_a_void_order_grants_nothing_and_one_in_its_place_does(self, calls: Granting) -> None:
        sell(calls, 100)
        (order,) = orders(calls)
        calls.shop.api.patch(f"/invoices/{order['id']}", {"status": "VOID"}).ok()
        assert calls.entries() == []
        anew = calls.shop.api.post(f"/v1/invoices/{order['id']}/reissue").ok()
        assert (anew["invoiceClass"], anew["status"], anew["totalAmount"]) == ("ORDER", "DUE", 100)
        pay(calls.shop, anew["id"])
        assert list(calls.left().values()) == [100]

    def test_what_was_used_is_sold_once(self, calls: Granting) -> None:
        # By hand: a gift of 150 pays the order of 100; 30 of its 100 units are used on the 2nd. The order in its place
        # is paid by the same 100, which came back, and grants the other 70, still until February; after 20 more, 50.
        calls.shop.credit(150)
        sell(calls, 100)
        for day, used, left in (("02", 30, 70), ("03", 20, 50)):
            calls.shop.api.advance(f"2026-01-{day}")
            calls.ask(f"e-{day}", used, at=f"2026-01-{day}T00:00:00Z").ok()
            order = orders(calls)[-1]
            calls.shop.api.patch(f"/invoices/{order['id']}", {"status": "VOID"}).ok()
            assert set(calls.left().values()) == {0}
            calls.ask("e-0", at=f"2026-01-{day}T00:00:00Z").refused(403)
            anew = calls.shop.api.post(f"/v1/invoices/{order['id']}/reissue").ok()
            assert (anew["status"], amounts(anew, "SUB_CREDITS", UNITS)) == ("PAID", [100, -100])
            assert [one for one in spans(calls) if one[2]] == [("ENTITLEMENT", left, left, "2026-01-01", "2026-02-01")]
        assert sum(calls.used().values()) == 50
        assert calls.shop.balance()[:2] == (150, 50)

    def test_when_all_of_it_was_used_nothing_is_there_again(self, calls: Granting) -> None:
        sell(calls, 25, price=0)
        calls.ask("e-1", 25, at="2026-01-01T00:00:00Z").ok()
        for _ in range(2):
            order = orders(calls)[-1]
            calls.shop.api.patch(f"/invoices/{order['id']}", {"status": "VOID"}).ok()
            assert calls.shop.api.post(f"/v1/invoices/{order['id']}/reissue").ok()["status"] == "PAID"
        assert [one["granted"] for one in calls.entries()] == [25]

    def test_a_lot_that_was_used_up_stays_so(self, calls: Granting) -> None:
        # By hand: the lot of 10 is used whole, the one of 25 not at all; a void order in between that nobody paid
        # changes nothing.
        calls.shop.credit(35)
        sell(calls, 10, 25)
        calls.ask("e-1", 10, at="2026-01-01T00:00:00Z").ok()
        first = orders(calls)[-1]["id"]
        calls.shop.api.patch(f"/invoices/{first}", {"status": "VOID"}).ok()
        for credit in calls.shop.api.get("/credits", account_id="acme").ok()["data"]:
            calls.shop.api.post(f"/credits/{credit['id']}/void").ok()
        second = calls.shop.api.post(f"/v1/invoices/{first}/reissue").ok()
        assert (second["status"], second["totalAmount"]) == ("DUE", 35)
        calls.shop.api.patch(f"/invoices/{second['id']}", {"status": "VOID"}).ok()
        third = calls.shop.api.post(f"/v1/invoices/{second['id']}/reissue").ok()
        pay(calls.shop, third["id"])
        assert [one["granted"] for one in calls.entries() if one["status"] == "ACTIVE"] == [25]

    def test_what_is_left_goes_with_the_money(self, calls: Granting) -> None:
        # By hand: of 100 units 30 are used, which stays so; the other 70 are gone.
        sell(calls, 100)
        (order,) = orders(calls)
        pay(calls.shop, order["id"])
        calls.ask("e-1", 30, at="2026-01-01T00:00:00Z").ok()
        calls.shop.api.patch(f"/invoices/{order['id']}", {"status": "VOID"}).refused(400)
        assert list(calls.left().values()) == [70]
        calls.shop.api.patch(f"/invoices/{order['id']}", {"status": "REFUND_INITIATED"}).ok()
        assert list(calls.left().values()) == [0]
        assert list(calls.used().values()) == [30]
        assert calls.entries()[0]["status"] == "VOIDED"
        calls.ask("e-2", 1, at="2026-01-01T00:00:00Z").refused(403)
        (ended,) = calls.shop.api.get("/accounts/acme/purchases").ok()["data"]
        assert ended["status"] == "FAILURE"

    def test_units_for_nothing_go_with_their_order(self, calls: Granting) -> None:
        sell(calls, 25, price=0)
        (order,) = orders(calls)
        calls.ask("e-1", 5, at="2026-01-01T00:00:00Z").ok()
        calls.shop.api.patch(f"/invoices/{order['id']}", {"status": "VOID"}).ok()
        assert (list(calls.left().values()), list(calls.used().values())) == ([0], [5])
        calls.ask("e-2", 1, at="2026-01-01T00:00:00Z").refused(403)


class TestAssociation:
    def test_the_order_bills_the_first_month_and_grants_from_its_start_on(self, calls: Granting) -> None:
        # By hand: 5 in advance and 100 units, ordered for the 16th of January on: 105. The first cycle orders nothing
        # of its own; February does.
        shop = calls.shop
        base = shop.addon()
        other = shop.api.post("/features", {"name": "Exports"}).ok()["id"]
        cards = {
            "fixedFeeRateCards": [fee(base, 5, timing="IN_ADVANCE")],
            "billingEntitlementRateCards": [
                entitlement(calls.feature, 100, timing="PREPAID"),
                entitlement(other, 10, price=0, timing="IN_ADVANCE"),
            ],
        }
        plan = shop.plan(cycle=monthly(grace=0), **cards)
        bought = buy(shop, plan, type="ASSOCIATION", effectiveFrom="2026-01-16").ok()
        assert (bought["status"], bought["price"]) == ("PENDING", 105)
        for line in (calls.feature, other):  # what is not there yet can be explained all the same
            told = shop.api.get(f"/v1/invoices/{bought['invoiceId']}/lines/{line}/explanation").ok()
            assert told.get("entries", []) == []
        pay(shop, bought["invoiceId"])
        shop.api.advance("2026-01-02")
        assert purchase(shop, bought["id"])["status"] == "SUCCESS"
        assert spans(calls) == [("ENTITLEMENT", 100, 100, "2026-01-16", "2026-02-16")]
        calls.ask("e-1", at="2026-01-02T00:00:00Z").refused(403)
        shop.api.advance("2026-01-17")
        calls.ask("e-2", 40, at="2026-01-17T00:00:00Z").ok()
        told = shop.api.get(f"/v1/invoices/{bought['invoiceId']}/lines/{calls.feature}/explanation").ok()
        assert [(one["granted"], one["used"]) for one in told["entries"]] == [(100, 40)]
        shop.api.advance("2026-02-01")
        assert [(one["startDate"][:10], one["totalAmount"], one["status"]) for one in orders(calls)] == [
            ("2026-01-16", 105, "PAID"),
            ("2026-02-01", 100, "DUE"),
        ]
        assert len(calls.entries()) == 1

    def test_an_order_that_is_void_before_it_is_paid_grants_nothing(self, calls: Granting) -> None:
        granted = entitlement(calls.feature, 100, timing="PREPAID")
        plan = calls.shop.plan(cycle=monthly(), billingEntitlementRateCards=[granted])
        bought = buy(calls.shop, plan, type="ASSOCIATION", effectiveFrom="2026-01-16").ok()
        calls.shop.api.patch(f"/invoices/{bought['invoiceId']}", {"status": "VOID"}).ok()
        calls.shop.api.advance("2026-01-20")
        assert calls.entries() == []
        assert purchase(calls.shop, bought["id"])["status"] == "FAILURE"


def test_the_units_of_a_purchase_are_explained(calls: Granting) -> None:
    plan = once(calls.shop, billingEntitlementRateCards=[entitlement(calls.feature, 100, ends="P20D")])
    bought = buy(calls.shop, plan, quantity=2).ok()
    path = f"/v1/invoices/{bought['invoiceId']}/lines/{calls.feature}/explanation"
    assert calls.shop.api.get(path).ok().get("entries", []) == []
    pay(calls.shop, bought["invoiceId"])
    told = calls.shop.api.get(path).ok()
    assert [(one["id"], one["granted"], one["used"]) for one in told["entries"]] == [
        (f"{bought['id']}#1$PURCHASE", 200, 0)
    ]


def test_what_cycles_order_is_simulated(calls: Granting) -> None:
    # By hand: two months of 100 units at 1 each are 200; at 0.25 each they would be 50.
    plan = sell(calls, 100)
    calls.shop.api.advance("2026-03-02")
    cheaper = entitlement(calls.feature, 100, price="0.25", timing="PREPAID", displayName="Calls")
    changed = {"pricePlanId": plan, "changes": {"billingEntitlementRateCards": [cheaper]}}
    job = calls.shop.api.post("/v1/simulations", {"from": "2026-01-01", "to": "2026-03-01", "plan": changed}).ok()
    calls.shop.api.advance("2026-03-03")
    (one,) = calls.shop.api.get(f"/v1/simulations/{job['jobId']}/accounts").ok()["data"]
    assert (one["oldRevenue"], one["newRevenue"]) == (200, 50)


def test_what_a_cycle_orders_is_calculated_too(calls: Granting) -> None:
    # By hand: 100 units at 1 each.
    plan = sell(calls, 100)
    asked = {
        "currencyConfig": {"mode": "CUSTOM", "currency": "USD"},
        "pricePlanDetailsConfig": {"mode": "PRICE_PLAN", "pricePlanId": plan},
        "usageConfig": {"mode": "CUSTOM", "usageMap": {}},
        "licenseEntriesConfig": {"mode": "CUSTOM", "custom": []},
    }
    (card,) = calls.shop.api.post("/revenue_calculator", asked).ok()["revenueInfo"]
    assert card["billingEntitlementRevenueSummary"]["revenue"] == 100
