"""Purchases of plans that are bought once: priced, ordered, granted once they are paid (domain.md 5.5)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.buying import buy, credits_of, once, pack, pay, propose, purchase
from tests.operations.money import ask, balance, entries, line, move, topup
from tests.operations.money import pay as receive
from tests.operations.shop import amounts, credit_grant, entitlement, fee, lines, monthly

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.operations.shop import Shop
    from tests.servers import Answer

Json = dict[str, Any]


class TestPrice:
    def test_three_packs_with_a_fee(self, shop: Shop) -> None:
        # By hand: 3 x 50 of fees, and 300 of credit for the flat 10 that its slab asks once: 160.
        shop.account(netTermDays=14)
        plan, base, bonus = pack(shop)
        bought = buy(shop, plan, quantity=3).ok()
        assert (bought["status"], bought["type"]) == ("PENDING", "ENTITLEMENT_GRANT")
        assert (bought["price"], bought["invoiceCurrency"], bought["quantity"]) == (160, "USD", 3)
        order = shop.api.get(f"/invoices/{bought['invoiceId']}").ok()
        assert (order["invoiceClass"], order["invoiceType"], order["status"]) == ("ORDER", "AD_HOC", "DUE")
        assert (order["totalAmount"], order["paidAmount"]) == (160, 0)
        assert (order["startDate"], order["endDate"]) == ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
        assert (order["invoiceDate"], order["dueDate"]) == ("2026-01-01T00:00:00Z", "2026-01-15T00:00:00Z")
        assert order["sequenceId"]
        tree = [(one["type"], one.get("id"), one.get("quantity"), one["value"]) for one in lines(order["revenueInfo"])]
        assert tree == [
            ("GRAND_TOTAL_AMOUNT", None, None, 160),
            ("TOTAL_AMOUNT", None, None, 160),
            ("NET_AMOUNT", None, None, 160),
            ("GROSS_AMOUNT", None, None, 160),
            ("TOTAL_PURCHASE_AMOUNT", None, None, 160),
            ("FIXED_FEE_RATE_CARD_AMOUNT", base, 3, 150),
            ("CREDIT_GRANT_RATE_CARD_AMOUNT", bonus, 300, 10),
        ]
        told = shop.api.get(f"/v1/invoices/{order['id']}/lines/{base}/explanation").ok()
        assert (told["arithmetic"], told["fee"]["rate"], told["amount"]) == ("3 x 50 = 150", 50, 150)
        told = shop.api.get(f"/v1/invoices/{order['id']}/lines/{bonus}/explanation").ok()
        assert (told["arithmetic"], told["quantity"], "creditId" in told) == ("flat rate: 1 x 10 = 10", 300, False)
        assert credits_of(shop) == []
        pay(shop, order["id"])
        assert purchase(shop, bought["id"])["status"] == "SUCCESS"
        assert credits_of(shop) == [("2026-01-01", 300, "ACTIVE")]

    def test_each_card_by_its_own_quantity_times_that_of_the_purchase(self, shop: Shop) -> None:
        # By hand: 2 x 50 = 100 of fees; 2 x 1.5 x 100 = 300 of credit at 0.10 each = 30.
        shop.account()
        base, bonus = shop.addon("Setup"), shop.addon("Pack", "CREDIT_GRANT")
        card = credit_grant(bonus, 100)
        card["rateDetails"]["currencySlabRateDetails"][0]["slabDetails"] = [
            {"startAfter": 0, "priceType": "PER_UNIT", "rate": 0.1}
        ]
        plan = once(shop, fixedFeeRateCards=[fee(base, 50, type="ONE_TIME")], creditGrantRateCards=[card])
        bought = buy(shop, plan, quantity=2, rateCardQuantities={bonus: 1.5}).ok()
        assert (bought["price"], bought["rateCardQuantities"]) == (130, {bonus: 1.5})
        order = shop.api.get(f"/invoices/{bought['invoiceId']}").ok()
        assert amounts(order, "FIXED_FEE_RATE_CARD_AMOUNT", "CREDIT_GRANT_RATE_CARD_AMOUNT") == [100, 30]

    def test_a_card_of_which_nothing_is_bought_has_no_line(self, shop: Shop) -> None:
        shop.account()
        plan, _, bonus = pack(shop)
        bought = buy(shop, plan, rateCardQuantities={bonus: 0}).ok()
        assert bought["price"] == 50
        order = shop.api.get(f"/invoices/{bought['invoiceId']}").ok()
        assert amounts(order, "CREDIT_GRANT_RATE_CARD_AMOUNT") == []

    def test_other_cards_than_the_plans(self, shop: Shop) -> None:
        shop.account()
        plan, base, bonus = pack(shop)
        override = {"fixedFeeRateCards": [], "creditGrantRateCards": [credit_grant(bonus, 70, 7)]}
        bought = buy(shop, plan, purchasePlanOverride=override).ok()
        assert bought["price"] == 7
        assert "fixedFeeRateCards" not in bought["purchasePlanOverride"]
        terms = purchase(shop, bought["id"])["purchasePlan"]
        assert "fixedFeeRateCards" not in terms
        pay(shop, bought["invoiceId"])
        assert credits_of(shop) == [("2026-01-01", 70, "ACTIVE")]
        wrong = {"fixedFeeRateCards": [fee(base, 5)]}
        message = buy(shop, plan, purchasePlanOverride=wrong).refused(400)
        assert message.startswith("purchasePlanOverride.fixedFeeRateCards[0].type: is RECURRING")

    def test_credit_pays_the_fee_and_never_the_credit(self, shop: Shop) -> None:
        # By hand: 160 with 500 of credit there: the fees of 150 are paid, the 10 for credit are not.
        shop.account()
        gift = shop.credit(500)
        plan, _, _ = pack(shop)
        bought = buy(shop, plan, quantity=3).ok()
        order = shop.api.get(f"/invoices/{bought['invoiceId']}").ok()
        assert (bought["price"], order["totalAmount"], amounts(order, "SUB_CREDITS")) == (160, 10, [-150])
        assert shop.api.get(f"/credits/{gift}").ok()["consumedAmount"] == 150

    def test_older_drafts_keep_what_they_hold_of_the_credits(self, shop: Shop) -> None:
        shop.account()
        base = shop.addon()
        shop.associate(shop.plan(cycle=monthly(), fixedFeeRateCards=[fee(base, 80)]))
        shop.credit(100)
        shop.api.advance("2026-01-05")
        plan, _, _ = pack(shop)
        order = shop.api.get(f"/invoices/{buy(shop, plan).ok()['invoiceId']}").ok()
        assert amounts(order, "SUB_CREDITS") == [-20]


class TestGranted:
    def test_nothing_to_pay_is_carried_out_at_once(self, shop: Shop) -> None:
        shop.account()
        plan, _, _ = pack(shop, amount=25, price=0, setup=0)
        bought = buy(shop, plan).ok()
        assert (bought["status"], bought["price"]) == ("SUCCESS", 0)
        assert shop.api.get(f"/invoices/{bought['invoiceId']}").ok()["status"] == "PAID"
        assert credits_of(shop) == [("2026-01-01", 25, "ACTIVE")]

    def test_credit_begins_on_the_day_on_which_it_is_paid(self, shop: Shop) -> None:
        shop.account()
        plan, _, _ = pack(shop, expiry="CUSTOM", lasts="P10D")
        bought = buy(shop, plan).ok()
        shop.api.advance("2026-02-03T12:00:00Z")
        pay(shop, bought["invoiceId"])
        (credit,) = shop.api.get("/credits", account_id="acme").ok()["data"]
        assert (credit["effectiveFrom"], credit["effectiveUntil"]) == ("2026-02-03", "2026-02-13")

    def test_an_order_that_is_paid_twice_is_carried_out_once(self, shop: Shop) -> None:
        shop.account()
        plan, _, _ = pack(shop)
        bought = buy(shop, plan).ok()
        pay(shop, bought["invoiceId"])
        again = shop.api.patch(f"/invoices/{bought['invoiceId']}", {"status": "PAID"})
        assert again.refused(400).startswith("status: an invoice that is PAID cannot become PAID")
        assert credits_of(shop) == [("2026-01-01", 100, "ACTIVE")]

    def test_a_version_that_was_bought_stays_as_it_was(self, shop: Shop) -> None:
        shop.account()
        plan, _, bonus = pack(shop)
        bought = buy(shop, plan).ok()
        dearer = {"pricePlanDetails": {"creditGrantRateCards": [credit_grant(bonus, 5, 99)]}}
        shop.api.patch(f"/price_plans/{plan}", dearer).ok()
        pay(shop, bought["invoiceId"])
        assert credits_of(shop) == [("2026-01-01", 100, "ACTIVE")]
        assert purchase(shop, bought["id"])["pricePlanVersion"] == 1
        assert buy(shop, plan).ok()["price"] == 149

    def test_what_cannot_be_granted_is_a_failure_that_says_why(self, shop: Shop) -> None:
        shop.account()
        shop.account("other")
        plan, _, _ = pack(shop)
        bought = buy(shop, plan).ok()
        shop.api.post("/accounts", {"id": "second", "name": "Second", "customerId": "acme"}).ok()
        shop.api.delete("/accounts/acme").ok()
        pay(shop, bought["invoiceId"])
        failed = purchase(shop, bought["id"])
        assert (failed["status"], failed["comment"]) == ("FAILURE", "account 'acme' not found")
        assert credits_of(shop) == []


class TestVoid:
    def test_an_order_that_is_void_grants_nothing(self, shop: Shop) -> None:
        shop.account()
        plan, _, _ = pack(shop)
        bought = buy(shop, plan).ok()
        shop.api.patch(f"/invoices/{bought['invoiceId']}", {"status": "VOID"}).ok()
        failed = purchase(shop, bought["id"])
        assert (failed["status"], failed["comment"]) == ("FAILURE", f"its order {bought['invoiceId']} is void")
        message = shop.api.post(f"/v1/invoices/{bought['invoiceId']}/reissue").refused(409)
        assert "a purchase" in message

    def test_what_was_granted_is_taken_back(self, shop: Shop) -> None:
        shop.account()
        plan, _, _ = pack(shop, amount=25, price=0, setup=0)
        bought = buy(shop, plan).ok()
        shop.api.patch(f"/invoices/{bought['invoiceId']}", {"status": "VOID"}).ok()
        assert purchase(shop, bought["id"])["status"] == "FAILURE"
        assert credits_of(shop) == [("2026-01-01", 25, "VOIDED")]

    def test_credit_that_paid_a_part_comes_back_and_still_expires(self, shop: Shop) -> None:
        shop.account()
        gift = shop.credit(30, effectiveUntil="2026-02-01")
        plan, _, _ = pack(shop)
        bought = buy(shop, plan).ok()
        assert shop.api.get(f"/credits/{gift}").ok()["status"] == "CONSUMED"
        shop.api.patch(f"/invoices/{bought['invoiceId']}", {"status": "VOID"}).ok()
        assert shop.api.get(f"/credits/{gift}").ok()["status"] == "ACTIVE"
        shop.api.advance("2026-02-02")
        assert shop.api.get(f"/credits/{gift}").ok()["status"] == "EXPIRED"


class TestLapse:
    def test_an_order_lapses_at_the_very_instant(self, shop: Shop) -> None:
        shop.account()
        plan, _, _ = pack(shop)
        bought = buy(shop, plan, expiryDate="2026-01-10T08:30:00+00:00").ok()
        shop.api.advance("2026-01-10T08:29:59.999999Z")
        assert purchase(shop, bought["id"])["status"] == "PENDING"
        shop.api.advance("2026-01-10T08:30:00Z")
        lapsed = purchase(shop, bought["id"])
        assert (lapsed["status"], lapsed["updatedAt"]) == ("FAILURE", "2026-01-10T08:30:00Z")
        assert lapsed["comment"] == "its order was not paid by 2026-01-10T08:30:00+00:00"
        assert shop.api.get(f"/invoices/{bought['invoiceId']}").ok()["status"] == "VOID"

    def test_a_paid_one_does_not(self, shop: Shop) -> None:
        shop.account()
        plan, _, _ = pack(shop)
        bought = buy(shop, plan, expiryDate="2026-01-10T08:30:00Z").ok()
        pay(shop, bought["invoiceId"])
        shop.api.advance("2026-01-11")
        assert purchase(shop, bought["id"])["status"] == "SUCCESS"


class TestIdempotency:
    def test_the_same_key_is_the_same_purchase(self, shop: Shop) -> None:
        shop.account()
        shop.account("other")
        plan, _, _ = pack(shop)
        first = buy(shop, plan, idempotencyKey="k1", expiryDate="2026-01-02T00:00:00Z").ok()
        shop.api.advance("2026-01-03")
        again = buy(shop, plan, idempotencyKey="k1", expiryDate="2026-01-02T00:00:00Z").ok()
        assert (again["id"], again["status"]) == (first["id"], "FAILURE")
        assert buy(shop, plan, "other", idempotencyKey="k1").ok()["id"] != first["id"]
        assert len(shop.invoices()) == 1
        refused = buy(shop, plan, quantity=2, idempotencyKey="k1").refused(409)
        assert refused == "idempotencyKey 'k1' was used for another purchase"


class TestRefused:
    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({}, "pricePlanId: is required for ENTITLEMENT_GRANT"),
            ({"pricePlanId": "pp.none"}, "pricePlanId: price plan 'pp.none' not found"),
            ({"type": "ASSOCIATION"}, "pricePlanId: is required for ASSOCIATION; effectiveFrom: is required for ASSOC"),
            ({"type": "WALLET_TOPUP"}, "walletTopupDetails: is required for WALLET_TOPUP"),
            ({"type": "PREPAID"}, "type: is PREPAID, which the cycles of a plan with PREPAID cards order by the"),
            ({"type": "GIFT"}, "type: Invalid enum value 'GIFT'"),
            ({"pricePlanId": "pp.x", "quantity": 0}, "quantity: Expected `int` >= 1"),
            (
                {"pricePlanId": "pp.x", "effectiveFrom": "2026-02-01"},
                "effectiveFrom: says nothing to ENTITLEMENT_GRANT: leave it out",
            ),
            (
                {"pricePlanId": "pp.x", "expiryDate": "2026-01-01T00:00:00Z"},
                "expiryDate: is 2026-01-01T00:00:00+00:00, which has passed",
            ),
            (
                {"type": "WALLET_TOPUP", "walletTopupDetails": {"topupAmount": 0}},
                "walletTopupDetails.topupAmount: is 0, expected more than 0",
            ),
        ],
    )
    def test_by_itself(self, shop: Shop, body: Json, message: str) -> None:
        shop.account()
        assert buy(shop, **body).refused(400).startswith(message)
        assert shop.api.get("/accounts/acme/purchases").ok()["data"] == []

    def test_by_its_plan(self, shop: Shop) -> None:
        shop.account()
        shop.account("euro", "EUR")
        plan, base, bonus = pack(shop)
        assert buy(shop, plan, "nobody").refused(404) == "account 'nobody' not found"
        in_euro = f"pricePlanId: price plan '{plan}' is active in USD, the account is billed in EUR"
        assert buy(shop, plan, "euro").refused(400) == in_euro
        message = buy(shop, plan, rateCardQuantities={"addon.x": 1}).refused(400)
        assert message == f"rateCardQuantities.addon.x: names no card of what is bought, which has {base}, {bonus}"
        message = buy(shop, plan, rateCardQuantities={bonus: -1}).refused(400)
        assert message == f"rateCardQuantities.{bonus}: is -1, expected 0, or a number between 1e-100 and 1e100"
        nothing = {"fixedFeeRateCards": [], "creditGrantRateCards": []}
        message = buy(shop, plan, rateCardQuantities={bonus: 1}, purchasePlanOverride=nothing).refused(400)
        assert message == f"rateCardQuantities.{bonus}: names no card of what is bought, which has none"
        finer = buy(shop, plan, rateCardQuantities={bonus: 0.00001}).refused(400)
        assert finer.startswith(f"rateCardQuantities.{bonus}: 0.00100 is finer than the smallest unit of USD")
        billing = shop.plan(fixedFeeRateCards=[fee(base, 5)])
        assert buy(shop, billing).refused(400).endswith("is a BILLING plan: buy it as an ASSOCIATION")
        assert shop.invoices() == []

    def test_by_its_association(self, shop: Shop) -> None:
        shop.account()
        plan = shop.plan(fixedFeeRateCards=[fee(shop.addon(), 5)])
        override = {"pricingCycleConfig": monthly(day="32")}
        body = {"type": "ASSOCIATION", "effectiveFrom": "2026-02-01", "associationOverride": override}
        day = "associationOverride.pricingCycleConfig.startOffset.dayOffset"
        assert buy(shop, plan, **body).refused(400).startswith(f"{day}: '32' does not fit a MONTHLY cycle, send")

    def test_a_purchase_pays_nothing_out(self, shop: Shop) -> None:
        shop.account()
        plan, _, _ = pack(shop, setup=-20)
        assert buy(shop, plan).refused(400) == "comes to -10 USD: a purchase cannot pay anything out"


class TestRead:
    def test_one_and_all_of_them(self, shop: Shop) -> None:
        shop.account()
        plan, base, _ = pack(shop)
        names = []
        for number in (1, 2, 3):
            shop.api.advance(f"2026-01-01T00:00:0{number}Z")
            names.append(buy(shop, plan, quantity=number).ok()["id"])
        shown = purchase(shop, names[0])
        assert shown["purchasePlan"]["fixedFeeRateCards"][0]["id"] == base
        pages = shop.api.pages("/accounts/acme/purchases", pageSize=2)
        assert [[one["id"] for one in page] for page in pages] == [[names[2], names[1]], [names[0]]]
        listed = pages[0][0]
        assert (listed["pricePlanName"], listed["quantity"], listed["price"]) == ("Once", 3, 160)
        assert shop.api.get("/purchases/purchase.none").refused(404) == "purchase 'purchase.none' not found"


class TestMoney:
    def test_parts_of_a_payment_grant_with_the_last_one(self, shop: Shop) -> None:
        shop.account()
        plan, _, _ = pack(shop)
        bought = buy(shop, plan).ok()
        receive(shop, 59, line("INVOICE", togai_id=bought["invoiceId"]))
        assert (purchase(shop, bought["id"])["status"], credits_of(shop)) == ("PENDING", [])
        receive(shop, 1, line("INVOICE", togai_id=bought["invoiceId"]))
        assert purchase(shop, bought["id"])["status"] == "SUCCESS"
        assert credits_of(shop) == [("2026-01-01", 100, "ACTIVE")]

    def test_the_wallet_pays_at_once(self, shop: Shop) -> None:
        shop.account()
        shop.api.post("/accounts/acme/wallet_topup", {"topupAmount": 100}).ok()
        plan, _, _ = pack(shop)
        assert buy(shop, plan).ok()["status"] == "SUCCESS"
        assert balance(shop) == 40
        assert credits_of(shop) == [("2026-01-01", 100, "ACTIVE")]

    def test_money_for_the_wallet_comes_once_it_is_paid_and_never_from_the_wallet(self, shop: Shop) -> None:
        # By hand: 120 for the price of 100; the 100 that are there do not pay it.
        shop.account()
        shop.credit(500)
        shop.api.post("/accounts/acme/wallet_topup", {"topupAmount": 100}).ok()
        details = {"topupAmount": 120, "purchaseAmount": 100}
        bought = buy(shop, type="WALLET_TOPUP", walletTopupDetails=details).ok()
        assert (bought["status"], bought["price"], "pricePlanId" in bought) == ("PENDING", 100, False)
        order = shop.api.get(f"/invoices/{bought['invoiceId']}").ok()
        assert (order["totalAmount"], amounts(order, "CUSTOM_AMOUNT"), "pricePlanId" in order) == (100, [100], False)
        pay(shop, order["id"])
        assert purchase(shop, bought["id"])["status"] == "SUCCESS"
        assert balance(shop) == 220
        message = ask(shop, order["id"], "VOID").refused(400)
        assert message.startswith("status: an invoice that is PAID cannot become VOID")
        finer = {"topupAmount": 1.005}
        refused = buy(shop, type="WALLET_TOPUP", walletTopupDetails=finer).refused(400)
        assert refused.startswith("walletTopupDetails.topupAmount: 1.005 is finer")

    def test_a_gift_for_the_wallet_comes_at_once_and_goes_with_its_order(self, shop: Shop) -> None:
        shop.account()
        details = {"topupAmount": 5, "purchaseAmount": 0}
        bought = buy(shop, type="WALLET_TOPUP", walletTopupDetails=details).ok()
        assert (bought["status"], balance(shop)) == ("SUCCESS", 5)
        move(shop, bought["invoiceId"], "VOID")
        assert (purchase(shop, bought["id"])["status"], balance(shop)) == ("FAILURE", 0)

    def test_an_order_that_lapses_gives_back_what_was_paid_of_it(self, shop: Shop) -> None:
        shop.account()
        plan, _, _ = pack(shop)
        bought = buy(shop, plan, expiryDate="2026-01-10T00:00:00Z").ok()
        receive(shop, 20, line("INVOICE", togai_id=bought["invoiceId"]))
        shop.api.advance("2026-01-10")
        assert purchase(shop, bought["id"])["comment"].startswith("its order was not paid by 2026-01-10")
        assert balance(shop) == 20

    def test_a_refund_takes_back_what_is_left_of_the_credit(self, shop: Shop) -> None:
        shop.account()
        plan, _, _ = pack(shop)
        bought = buy(shop, plan).ok()
        pay(shop, bought["invoiceId"])
        shop.api.patch(f"/invoices/{bought['invoiceId']}", {"status": "REFUND_INITIATED"}).ok()
        assert credits_of(shop) == [("2026-01-01", 100, "VOIDED")]
        failed = purchase(shop, bought["id"])
        assert (failed["status"], failed["comment"]) == ("FAILURE", f"its order {bought['invoiceId']} is refunded")


class TestCreditsOfARefund:
    """What credits paid of an order comes back with its money, since what was sold is taken back."""

    def test_what_was_granted(self, shop: Shop) -> None:
        # By hand: 3 packs are 160, of which credit pays the fees of 150; 10 were paid and go back, and so do the 150.
        shop.account()
        shop.credit(500)
        plan, _, _ = pack(shop)
        bought = buy(shop, plan, quantity=3).ok()
        pay(shop, bought["invoiceId"])
        assert shop.balance()[:2] == (800, 650)
        move(shop, bought["invoiceId"], "REFUND_INITIATED")
        assert shop.balance()[:2] == (500, 500)
        shop.api.advance("2026-01-02")
        assert shop.balance()[:2] == (500, 500)

    def test_what_could_not_be_granted(self, shop: Shop) -> None:
        # By hand: 20 of the 30 for the plan are paid by credit, 10 with money, and there is no plan any more.
        shop.account()
        shop.credit(20)
        plan = shop.plan(cycle=monthly(), fixedFeeRateCards=[fee(shop.addon(), 30, timing="IN_ADVANCE")])
        bought = buy(shop, plan, type="ASSOCIATION", effectiveFrom="2026-02-01").ok()
        shop.api.delete(f"/price_plans/{plan}").ok()
        pay(shop, bought["invoiceId"])
        shop.api.advance("2026-01-02")
        failed = purchase(shop, bought["id"])
        assert (failed["status"], shop.balance()[1]) == ("FAILURE", 0)
        move(shop, bought["invoiceId"], "REFUND_INITIATED")
        assert shop.balance()[1] == 20
        assert purchase(shop, bought["id"])["comment"] == failed["comment"]

    def test_of_a_plan_that_stays(self, shop: Shop) -> None:
        shop.account()
        shop.credit(20)
        plan = shop.plan(cycle=monthly(), fixedFeeRateCards=[fee(shop.addon(), 30, timing="IN_ADVANCE")])
        bought = buy(shop, plan, type="ASSOCIATION", effectiveFrom="2026-02-01").ok()
        pay(shop, bought["invoiceId"])
        shop.api.advance("2026-01-02")
        assert purchase(shop, bought["id"])["status"] == "SUCCESS"
        move(shop, bought["invoiceId"], "REFUND_INITIATED")
        assert shop.balance()[1] == 0


class TestTopupRefund:
    """Whoever gets the money for a top-up back has not the top-up as well."""

    @pytest.mark.parametrize(
        ("currency", "put_in", "price"),
        [("USD", 120, 100), ("USD", 80, 100), ("JPY", 5000, 4500), ("KWD", "0.001", "0.002")],
    )
    def test_all_that_was_put_in_is_taken_out_whatever_it_cost(
        self, shop: Shop, currency: str, put_in: object, price: object
    ) -> None:
        # By hand: 7 were there before, and are left.
        shop.account(currency=currency)
        topup(shop, 7)
        details = {"topupAmount": Decimal(str(put_in)), "purchaseAmount": Decimal(str(price))}
        bought = buy(shop, type="WALLET_TOPUP", walletTopupDetails=details).ok()
        pay(shop, bought["invoiceId"])
        assert balance(shop) == 7 + Decimal(str(put_in))
        assert move(shop, bought["invoiceId"], "REFUND_INITIATED")["paidAmount"] == Decimal(str(price))
        assert entries(shop)[-1] == ("DEBITED", Decimal(str(put_in)), 7)
        shop.api.advance("2026-01-02")
        ask(shop, bought["invoiceId"], "REFUND_INITIATED").refused(400)
        failed = purchase(shop, bought["id"])
        assert (failed["status"], failed["comment"]) == ("FAILURE", f"its order {bought['invoiceId']} is refunded")
        assert (balance(shop), len(entries(shop))) == (7, 3)

    def test_what_the_wallet_has_spent_since_is_put_in_first(self, shop: Shop) -> None:
        # By hand: 120 for 100; a purchase of 60 leaves 60, and 60 more make the 120 that go out again.
        shop.account()
        details = {"topupAmount": 120, "purchaseAmount": 100}
        bought = buy(shop, type="WALLET_TOPUP", walletTopupDetails=details).ok()
        pay(shop, bought["invoiceId"])
        plan, _, _ = pack(shop)
        assert buy(shop, plan).ok()["status"] == "SUCCESS"
        refused = ask(shop, bought["invoiceId"], "REFUND_INITIATED").refused(400)
        told = "has put 120 USD into the wallet, in which 60 USD are left: put in what is missing first"
        assert refused == f"status: the order of '{bought['id']}' {told}"
        assert shop.api.get(f"/invoices/{bought['invoiceId']}").ok()["status"] == "PAID"
        assert (purchase(shop, bought["id"])["status"], balance(shop)) == ("SUCCESS", 60)
        topup(shop, "59.99")
        ask(shop, bought["invoiceId"], "REFUND_INITIATED").refused(400)
        topup(shop, "0.01")
        move(shop, bought["invoiceId"], "REFUND_INITIATED")
        assert balance(shop) == 0

    def test_a_wallet_that_pays_nothing_gives_it_out_all_the_same(self, shop: Shop) -> None:
        shop.account()
        bought = buy(shop, type="WALLET_TOPUP", walletTopupDetails={"topupAmount": 30}).ok()
        pay(shop, bought["invoiceId"])
        shop.api.patch("/accounts/acme/wallet", {"status": "INACTIVE"}).ok()
        move(shop, bought["invoiceId"], "REFUND_INITIATED")
        assert balance(shop) == 0

    def test_of_a_part_that_was_paid_nothing_was_put_in(self, shop: Shop) -> None:
        shop.account()
        topup(shop, 7)
        bought = buy(shop, type="WALLET_TOPUP", walletTopupDetails={"topupAmount": 30}).ok()
        receive(shop, 20, line("INVOICE", togai_id=bought["invoiceId"]))
        move(shop, bought["invoiceId"], "REFUND_INITIATED")
        assert (purchase(shop, bought["id"])["status"], balance(shop)) == ("FAILURE", 7)

    def test_one_of_two_is_refunded(self, shop: Shop) -> None:
        shop.account()
        first, second = (
            buy(shop, type="WALLET_TOPUP", walletTopupDetails={"topupAmount": amount}).ok() for amount in (30, 40)
        )
        for bought in (first, second):
            pay(shop, bought["invoiceId"])
        move(shop, first["invoiceId"], "REFUND_INITIATED")
        assert balance(shop) == 40
        assert [purchase(shop, one["id"])["status"] for one in (first, second)] == ["FAILURE", "SUCCESS"]


class TestCurrency:
    """An order of 100 dollars is never paid, or granted, as 100 yen."""

    @pytest.mark.parametrize("wish", [buy, propose])
    def test_of_an_account_is_fixed_by_what_it_buys(self, shop: Shop, wish: Callable[..., Answer]) -> None:
        shop.account()
        shop.account("other")
        wish(shop, type="WALLET_TOPUP", walletTopupDetails={"topupAmount": 100}).ok()
        for change in ({"invoiceCurrency": "JPY"}, {"status": "DRAFT"}):
            assert "a purchase or a proposal" in shop.api.patch("/accounts/acme", change).refused(400)
        assert shop.api.patch("/accounts/other", {"invoiceCurrency": "JPY"}).ok()["invoiceCurrency"] == "JPY"


class TestUnits:
    def test_units_of_a_feature(self, shop: Shop) -> None:
        # The official sample: a limit of 100 at 1 per unit, bought 1.2 times, is 120 units for 120, for 20 days.
        shop.account()
        feature = shop.api.post("/features", {"name": "Exports", "schemaAssociations": [shop.schema()]}).ok()["id"]
        plan = once(shop, billingEntitlementRateCards=[entitlement(feature, 100, ends="P20D")])
        bought = buy(shop, plan, rateCardQuantities={feature: 1.2}).ok()
        order = shop.api.get(f"/invoices/{bought['invoiceId']}").ok()
        assert (bought["price"], amounts(order, "BILLING_ENTITLEMENT_RATE_CARD_AMOUNT")) == (120, [120])
        entries = f"/accounts/acme/features/{feature}/entries"
        assert shop.api.get(entries).ok()["data"] == []
        pay(shop, bought["invoiceId"])
        (entry,) = shop.api.get(entries).ok()["data"]
        assert (entry["id"], entry["source"], entry["granted"]) == (f"{bought['id']}#1$PURCHASE", "ENTITLEMENT", 120)
        assert (entry["effectiveFrom"], entry["effectiveUntil"]) == ("2026-01-01T00:00:00Z", "2026-01-21T00:00:00Z")
        (told,) = purchase(shop, bought["id"])["features"]
        assert (told["id"], told["name"], told["creditsGranted"], told["creditsAvailable"]) == (
            feature,
            "Exports",
            120,
            120,
        )
        shop.api.patch(f"/invoices/{bought['invoiceId']}", {"status": "REFUND_INITIATED"}).ok()
        (entry,) = shop.api.get(entries).ok()["data"]
        assert (entry["status"], entry["balance"]) == ("VOIDED", 0)
