"""Plans that are paid beforehand: PREPAID cards of cycles, and associations (domain.md 4.5, 5.5)."""

from __future__ import annotations

from typing import Any

from tests.operations.buying import buy, credits_of, pay, purchase
from tests.operations.shop import Shop, amounts, credit_grant, fee, lines, monthly, tiered

Json = dict[str, Any]


def orders(shop: Shop) -> list[Json]:
    return [one for one in shop.invoices() if one["invoiceClass"] == "ORDER"]


def prepaid(shop: Shop, amount: object = 100, price: object = 10, **more: object) -> str:
    """The account `acme`, whose months order credit; the add-on of that."""
    shop.account()
    shop.schema()
    bonus = shop.addon("Bonus", "CREDIT_GRANT")
    cards = {
        "usageRateCards": [tiered(shop.meter(), (0, 1))],
        "creditGrantRateCards": [credit_grant(bonus, amount, price, timing="PREPAID", displayName="Bonus", **more)],
    }
    shop.associate(shop.plan(cycle=monthly(grace=0), **cards))
    return bonus


class TestCards:
    def test_each_cycle_orders_and_what_is_paid_is_granted(self, shop: Shop) -> None:
        # By hand: 100 of credit for 10 a month. January's order is paid on the 5th and pays the 30 calls of January;
        # February's is not paid, so February's 40 calls burn what January left, 70, of which 30 are left then.
        bonus = prepaid(shop)
        shop.use(30, "2026-01-03T00:00:00Z")
        shop.use(40, "2026-02-03T00:00:00Z")
        (order,) = orders(shop)
        assert (order["status"], order["totalAmount"], order["invoiceType"]) == ("DUE", 10, "AD_HOC")
        assert (order["startDate"], order["endDate"]) == ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")
        tree = [line["type"] for line in lines(shop.api.get(f"/invoices/{order['id']}").ok()["revenueInfo"])]
        assert tree[-2:] == ["TOTAL_PURCHASE_AMOUNT", "CREDIT_GRANT_RATE_CARD_AMOUNT"]
        (waiting,) = shop.api.get("/accounts/acme/purchases").ok()["data"]
        assert (waiting["type"], waiting["status"], waiting["price"]) == ("PREPAID", "PENDING", 10)
        assert credits_of(shop) == []
        shop.api.advance("2026-01-05")
        pay(shop, order["id"])
        assert purchase(shop, waiting["id"])["status"] == "SUCCESS"
        assert credits_of(shop) == [("2026-01-05", 100, "ACTIVE")]
        told = shop.api.get(f"/v1/invoices/{order['id']}/lines/{bonus}/explanation").ok()
        assert (told["quantity"], told["amount"]) == (100, 10)
        shop.api.advance("2026-03-01")
        assert [one["status"] for one in orders(shop)] == ["PAID", "DUE", "DUE"]
        standard = [one["totalAmount"] for one in shop.invoices() if one["invoiceType"] == "STANDARD"]
        assert standard == [0, 0, 0]
        assert shop.balance() == (100, 30, 30, 0)

    def test_credit_that_is_paid_late_ends_with_the_cycle_of_its_payment(self, shop: Shop) -> None:
        prepaid(shop, expiry="PRICING_CYCLE")
        shop.api.advance("2026-02-10")
        january = orders(shop)[0]
        pay(shop, january["id"])
        (credit,) = shop.api.get("/credits", account_id="acme").ok()["data"]
        assert (credit["effectiveFrom"], credit["effectiveUntil"]) == ("2026-02-10", "2026-03-01")

    def test_for_nothing_it_is_there_when_the_cycle_starts(self, shop: Shop) -> None:
        prepaid(shop, 25, 0)
        assert [one["status"] for one in orders(shop)] == ["PAID"]
        assert credits_of(shop) == [("2026-01-01", 25, "ACTIVE")]

    def test_a_void_order_is_made_anew(self, shop: Shop) -> None:
        prepaid(shop)
        (order,) = orders(shop)
        shop.api.patch(f"/invoices/{order['id']}", {"status": "VOID"}).ok()
        anew = shop.api.post(f"/v1/invoices/{order['id']}/reissue").ok()
        assert (anew["invoiceClass"], anew["status"], anew["totalAmount"]) == ("ORDER", "DUE", 10)
        pay(shop, anew["id"])
        assert credits_of(shop) == [("2026-01-01", 100, "ACTIVE")]
        found = shop.api.get("/accounts/acme/purchases").ok()["data"]
        assert sorted(one["status"] for one in found) == ["FAILURE", "SUCCESS"]

    def test_a_draft_says_what_the_order_will_and_goes_with_its_plan(self, shop: Shop) -> None:
        shop.account()
        bonus = shop.addon("Bonus", "CREDIT_GRANT")
        cards = [credit_grant(bonus, 100, 10, timing="PREPAID")]
        plan = shop.plan(cycle=monthly(), creditGrantRateCards=cards)
        shop.associate(plan, since="2026-02-01", until="2026-04-01")
        (draft,) = orders(shop)
        assert (draft["status"], draft["totalAmount"], draft["invoiceDate"]) == ("DRAFT", 10, "2026-02-01T00:00:00Z")
        shown = shop.api.get(f"/invoices/{draft['id']}").ok()["revenueInfo"]
        shop.api.advance("2026-02-01")
        assert shop.api.get(f"/invoices/{draft['id']}").ok()["revenueInfo"] == shown
        shop.disassociate("2026-02-10")
        assert [one["status"] for one in orders(shop)] == ["DUE"]

    def test_it_comes_every_other_cycle_or_once(self, shop: Shop) -> None:
        prepaid(shop, recurrenceConfig={"interval": 2, "offset": 1})
        shop.api.advance("2026-05-01")
        assert [one["startDate"][:7] for one in orders(shop)] == ["2026-02", "2026-04"]


def advanced(shop: Shop, since: str = "2026-01-16", **more: object) -> tuple[Json, str]:
    """A plan of 31 a month in advance with credit, bought from a day on; the purchase, and the plan."""
    base, bonus = shop.addon(), shop.addon("Bonus", "CREDIT_GRANT")
    cards = {
        "fixedFeeRateCards": [fee(base, 31, timing="IN_ADVANCE", enableProration=True)],
        "creditGrantRateCards": [credit_grant(bonus, 100, 10, timing="IN_ADVANCE")],
    }
    plan = shop.plan(cycle=monthly(grace=0), **cards)
    return buy(shop, plan, type="ASSOCIATION", effectiveFrom=since, **more).ok(), plan


class TestAssociation:
    def test_the_order_bills_the_first_cycle_and_nothing_twice(self, shop: Shop) -> None:
        # By hand: 16 of January's 31 days of 31 are 16, and 10 for credit: 26. February bills 31 + 10 as usual; the 31
        # are paid by January's credit.
        shop.account()
        bought, plan = advanced(shop)
        assert (bought["status"], bought["price"], bought["pricePlanVersion"]) == ("PENDING", 26, 1)
        order = shop.api.get(f"/invoices/{bought['invoiceId']}").ok()
        assert (order["startDate"], order["endDate"]) == ("2026-01-16T00:00:00Z", "2026-02-01T00:00:00Z")
        assert amounts(order, "TOTAL_PURCHASE_AMOUNT") == [26]
        pay(shop, order["id"])
        shop.api.advance("2026-01-02")
        assert purchase(shop, bought["id"])["status"] == "SUCCESS"
        (piece,) = shop.api.get("/accounts/acme/pricing_schedules").ok()["data"]
        assert (piece["pricePlanId"], piece["startDate"]) == (plan, "2026-01-16T00:00:00Z")
        assert credits_of(shop) == [("2026-01-16", 100, "ACTIVE")]
        shop.api.advance("2026-02-01")
        told = [(one["invoiceType"], one["startDate"][5:10], one["totalAmount"]) for one in shop.invoices()]
        assert told == [
            ("AD_HOC", "01-16", 26),
            ("STANDARD", "01-16", 0),
            ("STANDARD_ADVANCED", "02-01", 10),
            ("STANDARD", "02-01", 0),
        ]
        assert len(credits_of(shop)) == 2

    def test_it_lapses_when_the_plan_would_start(self, shop: Shop) -> None:
        shop.account()
        bought, _ = advanced(shop)
        shop.api.advance("2026-01-15T23:59:59Z")
        assert purchase(shop, bought["id"])["status"] == "PENDING"
        shop.api.advance("2026-01-16")
        assert purchase(shop, bought["id"])["status"] == "FAILURE"
        assert shop.api.get("/accounts/acme/pricing_schedules").ok()["data"] == []

    def test_it_cuts_the_plan_that_is_there(self, shop: Shop) -> None:
        shop.account()
        shop.associate(shop.plan(fixedFeeRateCards=[fee(shop.addon("Old"), 5)]))
        bought, plan = advanced(shop, effectiveUntil="2026-03-01")
        pay(shop, bought["invoiceId"])
        shop.api.advance("2026-01-02")
        pieces = shop.api.get("/accounts/acme/pricing_schedules").ok()["data"]
        days = [(one["startDate"][:10], one["endDate"][:10], one["pricePlanId"] == plan) for one in pieces]
        assert days == [
            ("2026-01-01", "2026-01-16", False),
            ("2026-01-16", "2026-03-01", True),
            ("2026-03-01", "9999-01-01", False),
        ]

    def test_a_timeline_that_changed_meanwhile_is_cut_as_it_is_then(self, shop: Shop) -> None:
        shop.account()
        bought, plan = advanced(shop)
        shop.associate(shop.plan(fixedFeeRateCards=[fee(shop.addon("Old"), 5)]), since="2026-01-05")
        pay(shop, bought["invoiceId"])
        shop.api.advance("2026-01-02")
        pieces = shop.api.get("/accounts/acme/pricing_schedules").ok()["data"]
        assert [(one["startDate"][:10], one["pricePlanId"] == plan) for one in pieces] == [
            ("2026-01-05", False),
            ("2026-01-16", True),
        ]

    def test_the_version_and_terms_that_were_ordered(self, shop: Shop) -> None:
        shop.account()
        base = shop.addon("Other")
        override = {"fixedFeeRateCards": [fee(base, 62, timing="IN_ADVANCE")]}
        bought, plan = advanced(shop, associationOverride=override)
        assert bought["price"] == 72
        shop.api.patch(f"/price_plans/{plan}", {"pricePlanDetails": {"creditGrantRateCards": []}}).ok()
        pay(shop, bought["invoiceId"])
        shop.api.advance("2026-02-01")
        (piece,) = shop.api.get("/accounts/acme/pricing_schedules").ok()["data"]
        assert (piece["version"], piece["isOverriden"]) == (1, True)
        (february,) = [one for one in shop.invoices() if one["invoiceType"] == "STANDARD_ADVANCED"]
        assert amounts(shop.api.get(f"/invoices/{february['id']}").ok(), "GROSS_AMOUNT") == [72]

    def test_without_anything_to_pay_it_is_associated_at_once(self, shop: Shop) -> None:
        shop.account()
        plan = shop.plan(cycle=monthly(), fixedFeeRateCards=[fee(shop.addon(), 5)])
        bought = buy(shop, plan, type="ASSOCIATION", effectiveFrom="2026-01-01").ok()
        assert (bought["status"], bought["price"]) == ("SUCCESS", 0)
        (piece,) = shop.api.get("/accounts/acme/pricing_schedules").ok()["data"]
        assert piece["startDate"] == "2026-01-01T00:00:00Z"
        message = shop.api.patch(f"/invoices/{bought['invoiceId']}", {"status": "VOID"}).refused(400)
        assert "has been carried out: take the plan off the account" in message

    def test_what_would_start_before_it_is_paid_is_refused(self, shop: Shop) -> None:
        shop.account()
        plan = shop.plan(fixedFeeRateCards=[fee(shop.addon(), 5, timing="IN_ADVANCE")])
        asked = {"type": "ASSOCIATION", "effectiveFrom": "2026-01-01"}
        message = buy(shop, plan, **asked).refused(400)
        assert message == "effectiveFrom: is 2026-01-01: the plan has to start after its order is paid"
        assert shop.invoices() == []
        shop.associate(plan)
        early = buy(shop, plan, **asked).refused(400)
        assert early.startswith("effectiveFrom: a change of plan starts tomorrow, on 2026-01-02, at the earliest")

    def test_what_was_ordered_once_is_granted_wherever_its_cycle_is_counted_then(self, shop: Shop) -> None:
        # The order bills 30 and 10 for 100 of credit, which come once; so does January, which is put before it.
        shop.account()
        once = {"type": "ONE_TIME"}
        plan = shop.plan(
            fixedFeeRateCards=[fee(shop.addon(), 30, timing="IN_ADVANCE", **once)],
            creditGrantRateCards=[credit_grant(shop.addon("Pack", "CREDIT_GRANT"), 100, 10, **once)],
        )
        bought = buy(shop, plan, type="ASSOCIATION", effectiveFrom="2026-02-01").ok()
        shop.associate(plan)
        pay(shop, bought["invoiceId"])
        shop.api.advance("2026-02-01")
        assert [one["totalAmount"] for one in shop.invoices() if one["totalAmount"]] == [40, 40]
        assert credits_of(shop) == [("2026-01-01", 100, "ACTIVE"), ("2026-02-01", 100, "ACTIVE")]

    def test_a_first_cycle_that_is_paid_is_not_sold_again(self, shop: Shop) -> None:
        # Both were ordered before either was paid: the second one fails, and says why, so that its 30 can go back.
        shop.account()
        plan = shop.plan(fixedFeeRateCards=[fee(shop.addon(), 30, timing="IN_ADVANCE")])
        asked = {"type": "ASSOCIATION", "effectiveFrom": "2026-02-01"}
        first, second = (buy(shop, plan, **asked).ok() for _ in range(2))
        for day, bought in (("02", first), ("03", second)):
            pay(shop, bought["invoiceId"])
            shop.api.advance(f"2026-01-{day}")
        assert purchase(shop, first["id"])["status"] == "SUCCESS"
        failed = purchase(shop, second["id"])
        paid = "the plan of account 'acme' is ordered and paid from 2026-02-01 until 2026-03-01"
        reason = f"{paid}: take that off first, or change it from then on"
        assert (failed["status"], failed["comment"]) == ("FAILURE", f"effectiveFrom: {reason}")
        assert reason in buy(shop, plan, **asked | {"effectiveFrom": "2026-01-20"}).refused(400)
        shop.api.patch(f"/invoices/{second['invoiceId']}", {"status": "REFUND_INITIATED"}).ok()
        shop.disassociate("2026-02-01")
        assert buy(shop, plan, **asked).ok()["status"] == "PENDING"

    def test_a_refund_takes_the_credit_back_and_leaves_the_plan(self, shop: Shop) -> None:
        # By hand: 26 go back; the 100 of credit that were a part of them are void, before they begin.
        shop.account()
        bought, _ = advanced(shop)
        pay(shop, bought["invoiceId"])
        shop.api.advance("2026-01-02")
        assert credits_of(shop) == [("2026-01-16", 100, "ACTIVE")]
        shop.api.patch(f"/invoices/{bought['invoiceId']}", {"status": "REFUND_INITIATED"}).ok()
        assert credits_of(shop) == [("2026-01-16", 100, "VOIDED")]
        assert purchase(shop, bought["id"])["status"] == "SUCCESS"
        assert len(shop.api.get("/accounts/acme/pricing_schedules").ok()["data"]) == 1
