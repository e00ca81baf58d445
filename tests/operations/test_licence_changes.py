"""Licences in advance over REST: what the start of a cycle bills, and what changes add or give back (domain.md 4.6)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import Shop, amounts, anniversary, fee, licence, lines, monthly

if TYPE_CHECKING:
    from tests.servers import Inside

CARD = "ADVANCED_LICENSE_RATE_CARD_AMOUNT"
APRIL = "2026-04-01"


def seats_in_april(shop: Shop, held: int = 10, **card: object) -> str:
    """Seats at 30 a month in advance, of which the account holds ten when April begins; now is its first instant."""
    shop.account()
    addon = shop.addon("Seats", "LICENSE")
    shop.grant(addon, held, "2026-03-20")
    shop.associate(
        shop.plan(cycle=monthly(), licenseRateCards=[licence(addon, 30, timing="IN_ADVANCE", **card)]), since=APRIL
    )
    shop.api.advance(APRIL)
    return addon


def kinds(shop: Shop) -> list[tuple[str, str, str, Decimal]]:
    """(type, status, day, total) of the account's invoices that are not in arrears."""
    return [
        (one["invoiceType"], one["status"], one["startDate"][:10], Decimal(one["totalAmount"]))
        for one in shop.invoices()
        if one["invoiceType"] != "STANDARD"
    ]


OPENING = ("STANDARD_ADVANCED", "DUE", "2026-04-01", Decimal(300))


def test_the_start_of_a_cycle_bills_what_is_held(shop: Shop) -> None:
    addon = seats_in_april(shop)
    (invoice,) = [one for one in shop.invoices() if one["invoiceType"] == "STANDARD_ADVANCED"]
    whole = shop.api.get(f"/invoices/{invoice['id']}").ok()
    assert (whole["status"], whole["totalAmount"], amounts(whole, CARD)) == ("DUE", 300, [300])
    (line,) = [line for line in lines(whole["revenueInfo"]) if line["type"] == CARD]
    assert (line["id"], line["description"], line["quantity"]) == (addon, addon, 10)
    shop.api.advance("2026-05-01")
    assert kinds(shop) == [OPENING, ("STANDARD_ADVANCED", "DUE", "2026-05-01", Decimal(300))]


def test_five_more_on_the_11th_cost_100(shop: Shop) -> None:
    addon = seats_in_april(shop)
    shop.api.advance("2026-04-11T10:00:00Z")
    shop.grant(addon, 5)
    assert kinds(shop) == [OPENING, ("ADHOC_ADVANCED", "DRAFT", "2026-04-11", Decimal(100))]
    shop.api.advance("2026-04-12")
    assert kinds(shop) == [OPENING, ("ADHOC_ADVANCED", "DUE", "2026-04-11", Decimal(100))]
    (adhoc,) = [one for one in shop.invoices() if one["invoiceType"] == "ADHOC_ADVANCED"]
    assert (adhoc["endDate"][:10], adhoc["invoiceDate"][:10]) == ("2026-05-01", "2026-04-12")
    told = shop.api.get(f"/v1/invoices/{adhoc['id']}/lines/{addon}/explanation").ok()
    assert (told["quantity"], told["arithmetic"]) == (5, "(450 x 20 + (-300) x 20) / 30 days = 100")
    shop.api.advance("2026-05-01")
    assert kinds(shop)[-1] == ("STANDARD_ADVANCED", "DUE", "2026-05-01", Decimal(450))


def test_changes_of_one_day_are_one_invoice(shop: Shop) -> None:
    addon = seats_in_april(shop)
    for hour, quantity in (("08", 5), ("12", -5), ("18", 2)):
        shop.api.advance(f"2026-04-11T{hour}:00:00Z")
        shop.grant(addon, quantity)
    # 15 on the 11th, 12 from the 12th on: 5 seat-days and 19 x 2.
    shop.api.advance("2026-04-13")
    assert kinds(shop) == [OPENING, ("ADHOC_ADVANCED", "DUE", "2026-04-11", Decimal(43))]


class TestDecreases:
    def decrease(self, shop: Shop, mode: str | None) -> list[dict[str, Any]]:
        """Three fewer from 21 April on, and that day over; the credits then."""
        addon = seats_in_april(shop, **({} if mode is None else {"proratedRefundMode": mode}))
        shop.api.advance("2026-04-21T15:00:00Z")
        shop.grant(addon, -3)
        shop.api.advance("2026-04-22")
        return shop.api.get("/credits").ok()["data"]

    def test_thirty_come_back_as_a_credit(self, shop: Shop) -> None:
        (credit,) = self.decrease(shop, "CREDITS")
        assert (credit["creditAmount"], credit["effectiveFrom"], credit["status"]) == (30, "2026-04-21", "ACTIVE")
        assert "effectiveUntil" not in credit
        assert kinds(shop) == [OPENING]
        shop.api.advance("2026-05-01")
        # 7 seats for May, of which the credit pays 30.
        assert kinds(shop) == [OPENING, ("STANDARD_ADVANCED", "DUE", "2026-05-01", Decimal(180))]

    def test_a_caller_cannot_take_the_key_of_a_refund(self, shop: Shop) -> None:
        (key,) = [credit["idempotencyKey"] for credit in self.decrease(shop, "CREDITS")]
        assert key.startswith("tallystick:refund ")
        taken = {"accountId": "acme", "purpose": "x", "effectiveFrom": APRIL, "creditAmount": 30, "priority": 1}
        refused = shop.api.post("/credits", {"creditRequests": [taken | {"idempotencyKey": key}]}).refused(400)
        assert refused.startswith("creditRequests[0].idempotencyKey: begins with 'tallystick:'")
        assert len(shop.api.get("/credits").ok()["data"]) == 1

    def test_a_caller_who_guesses_the_rest_of_the_key_keeps_nobodys_refund_back(self, shop: Shop) -> None:
        addon = seats_in_april(shop, proratedRefundMode="CREDITS")
        (piece,) = [one["id"] for one in shop.api.get("/accounts/acme/pricing_schedules").ok()["data"]]
        guessed = {"accountId": "acme", "purpose": "x", "effectiveFrom": APRIL, "creditAmount": 1, "priority": 1}
        guessed["idempotencyKey"] = f"refund {piece} 2026-04-21 {addon}"
        shop.api.post("/credits", {"creditRequests": [guessed]}).ok()
        shop.api.advance("2026-04-21T15:00:00Z")
        shop.grant(addon, -3)
        shop.api.advance("2026-04-22")
        assert [one["creditAmount"] for one in shop.api.get("/credits").ok()["data"]] == [30, 1]

    def test_a_payment_is_recorded_as_an_invoice_that_is_refunded(self, shop: Shop) -> None:
        assert self.decrease(shop, "PAYMENT") == []
        assert kinds(shop) == [OPENING, ("ADHOC_ADVANCED", "REFUND_COMPLETED", "2026-04-21", Decimal(-30))]

    @pytest.mark.parametrize("mode", [None, "NONE"])
    def test_otherwise_only_the_next_cycle_is_lower(self, shop: Shop, mode: str | None) -> None:
        assert self.decrease(shop, mode) == []
        shop.api.advance("2026-05-01")
        assert kinds(shop) == [OPENING, ("STANDARD_ADVANCED", "DUE", "2026-05-01", Decimal(210))]

    def test_without_proration_nothing_comes_back(self, shop: Shop) -> None:
        addon = seats_in_april(shop, prorated=False, proratedRefundMode="CREDITS")
        for day, quantity in (("11", 5), ("21", -5), ("25", 5)):
            shop.api.advance(f"2026-04-{day}")
            shop.grant(addon, quantity)
        shop.api.advance("2026-05-01")
        assert kinds(shop)[:-1] == [OPENING, ("ADHOC_ADVANCED", "DUE", "2026-04-11", Decimal(150))]
        assert shop.api.get("/credits").ok()["data"] == []

    def test_a_refund_is_granted_once_however_often_its_day_is_billed(self, shop: Shop) -> None:
        shop.account()
        up, down = shop.addon("Up", "LICENSE"), shop.addon("Down", "LICENSE")
        cards = [licence(one, 30, timing="IN_ADVANCE", proratedRefundMode="CREDITS") for one in (up, down)]
        shop.grant(down, 10, "2026-03-20")
        shop.associate(shop.plan(licenseRateCards=cards), since=APRIL)
        shop.api.advance("2026-04-16T00:00:01Z")
        shop.grant(up, 2)
        shop.grant(down, -1)
        shop.api.advance("2026-04-17")
        (adhoc,) = [one for one in shop.invoices() if one["invoiceType"] == "ADHOC_ADVANCED"]
        assert (adhoc["totalAmount"], [one["creditAmount"] for one in shop.api.get("/credits").ok()["data"]]) == (
            30,
            [15],
        )
        shop.api.patch(f"/invoices/{adhoc['id']}", {"status": "VOID"}).ok()
        again = shop.api.post(f"/v1/invoices/{adhoc['id']}/reissue").ok()
        assert again["totalAmount"] == 15, "of the 30, the refund pays 15 now"
        assert len(shop.api.get("/credits").ok()["data"]) == 1


class TestWhenItIsKnown:
    def test_a_change_in_the_past_of_the_cycle_is_billed_at_once(self, shop: Shop) -> None:
        addon = seats_in_april(shop)
        shop.api.advance("2026-04-25T10:00:00Z")
        shop.grant(addon, 5, "2026-04-11")
        assert kinds(shop) == [OPENING, ("ADHOC_ADVANCED", "DRAFT", "2026-04-25", Decimal(100))]

    def test_what_an_earlier_cycle_has_paid_for_is_not_changed(self, shop: Shop) -> None:
        addon = seats_in_april(shop)
        shop.api.advance("2026-05-01")
        body = {"licenseId": addon, "accountId": "acme", "updateType": "RELATIVE", "quantity": 1}
        message = shop.api.post("/license_updates", body | {"effectiveFrom": "2026-04-30T23:00:00Z"}).refused(400)
        assert message.startswith("effectiveFrom: 2026-04-30T23:00:00+00:00 is too early")

    def test_a_change_that_is_known_ahead_waits_for_its_day(self, shop: Shop) -> None:
        addon = seats_in_april(shop)
        shop.grant(addon, 5, "2026-04-11")
        shop.grant(addon, 5, "2026-06-11")
        assert kinds(shop) == [OPENING, ("ADHOC_ADVANCED", "DRAFT", "2026-04-11", Decimal(100))]
        shop.api.advance("2026-06-12")
        assert [(kind, day, total) for kind, _, day, total in kinds(shop)[2:]] == [
            ("STANDARD_ADVANCED", "2026-05-01", 450),
            ("STANDARD_ADVANCED", "2026-06-01", 450),
            ("ADHOC_ADVANCED", "2026-06-11", 100),
        ]

    def test_a_change_of_the_first_instant_that_the_opening_bill_missed_is_billed_on_that_day(self, shop: Shop) -> None:
        addon = seats_in_april(shop)
        shop.grant(addon, 2, APRIL)
        shop.api.advance("2026-04-02")
        assert kinds(shop) == [OPENING, ("ADHOC_ADVANCED", "DUE", "2026-04-01", Decimal(60))]

    def test_licences_that_were_there_before_a_plan_in_the_past_are_billed_with_its_days(self, shop: Shop) -> None:
        shop.api.advance("2026-04-25T10:00:00Z")
        shop.account()
        addon = shop.addon("Seats", "LICENSE")
        shop.grant(addon, 10, "2026-03-01")
        shop.grant(addon, 5, "2026-04-11")
        shop.associate(shop.plan(licenseRateCards=[licence(addon, 30, timing="IN_ADVANCE")]), since=APRIL)
        shop.grant(addon, -3, "2026-04-21")
        shop.grant(addon, 3, "2026-04-21T01:00:00Z")
        shop.api.advance("2026-04-26")
        assert kinds(shop) == [OPENING, ("ADHOC_ADVANCED", "DUE", "2026-04-11", Decimal(100))]


def test_credits_pay_changes_too(shop: Shop) -> None:
    addon = seats_in_april(shop)
    shop.credit(120, applicableEntityIds=["ALL_LICENSE_RATE_CARDS"], effectiveFrom="2026-04-02")
    shop.api.advance("2026-04-11")
    shop.grant(addon, 5)
    shop.api.advance("2026-04-12")
    assert kinds(shop)[1] == ("ADHOC_ADVANCED", "PAID", "2026-04-11", Decimal(0))
    assert shop.balance()[1] == 20


def test_a_cycle_on_anniversaries_and_in_another_zone(server: Inside) -> None:
    shop = Shop(server.new_organisation(timezone="Asia/Kolkata"))
    shop.account()
    addon = shop.addon("Seats", "LICENSE")
    shop.grant(addon, 10, "2026-01-01T00:00:00Z")
    card = licence(addon, 31, timing="IN_ADVANCE")
    shop.associate(shop.plan(cycle=anniversary(), licenseRateCards=[card]), since="2026-01-05")
    server.api().advance("2026-01-14T19:00:00Z")  # half past midnight of the 15th in Kolkata
    shop.grant(addon, 1)
    server.api().advance("2026-01-15T18:30:00Z")
    assert [(kind, status, total) for kind, status, _, total in kinds(shop)] == [
        ("STANDARD_ADVANCED", "DUE", 310),
        ("ADHOC_ADVANCED", "DUE", 21),
    ]


def test_a_plan_that_ends_sooner_takes_later_changes_with_it_and_back(shop: Shop) -> None:
    addon = seats_in_april(shop)
    shop.grant(addon, 5, "2026-04-11")
    shop.grant(addon, 5, "2026-04-21")
    assert [day for _, _, day, _ in kinds(shop)] == ["2026-04-01", "2026-04-11", "2026-04-21"]
    plan = shop.invoices()[0]["pricePlanId"]
    off = {"mode": "DISASSOCIATE", "effectiveFrom": "2026-04-16", "effectiveUntil": "9999-01-01"}
    shop.api.post("/accounts/acme/price_plans", off).ok()
    # Five more for the five days that are left.
    assert kinds(shop)[1:] == [("ADHOC_ADVANCED", "DRAFT", "2026-04-11", Decimal(25))]
    shop.associate(plan, since="2026-04-16")
    assert [(kind, day) for kind, _, day, _ in kinds(shop)[1:]] == [
        ("ADHOC_ADVANCED", "2026-04-11"),
        ("STANDARD_ADVANCED", "2026-04-16"),
        ("ADHOC_ADVANCED", "2026-04-21"),
    ]


def test_metrics_date_each_change_on_its_day(shop: Shop) -> None:
    addon = seats_in_april(shop, proratedRefundMode="CREDITS")
    for day, quantity in (("11", 5), ("21", -3)):
        shop.api.advance(f"2026-04-{day}")
        shop.grant(addon, quantity)
    (series,) = shop.metric("REVENUE", APRIL, "2026-05-01", "DAY")
    by_day = {
        at[8:10]: amount for at, amount in zip(series["timestamps"], series["metricValues"], strict=True) if amount
    }
    assert by_day == {"01": 300, "11": 100, "21": -30}
    (series,) = shop.metric("REVENUE_FOR_CYCLE", APRIL, "2026-05-01", groupBy="BILLABLE_ID")
    assert (series["groupedBy"]["fieldValue"], series["metricValues"]) == (addon, [370])


def test_fees_and_licences_in_advance_stand_on_one_invoice(shop: Shop) -> None:
    shop.account()
    addon, base = shop.addon("Seats", "LICENSE"), shop.addon()
    cards = {
        "licenseRateCards": [licence(addon, 30, timing="IN_ADVANCE")],
        "fixedFeeRateCards": [fee(base, 50, timing="IN_ADVANCE")],
    }
    shop.grant(addon, 1, "2026-01-01")
    shop.associate(shop.plan(**cards), since="2026-01-02")
    shop.api.advance("2026-01-02")
    invoice = shop.invoice(0)
    # 30 of 31 days of the seat.
    assert amounts(invoice, "ADVANCED_FIXED_FEE", CARD) == [50, Decimal("29.03")]
