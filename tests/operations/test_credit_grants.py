"""Credit that plans grant, cycle by cycle: what it costs, what it pays, when it ends (domain.md 4.5, 4.7, 6.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import Shop, amounts, credit_grant, fee, lines, monthly, tiered
from tests.servers import inside

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

Json = dict[str, Any]
ARREARS, ADVANCE = "CREDIT_GRANT_RATE_CARD_AMOUNT", "ADVANCED_CREDIT_GRANT_RATE_CARD_AMOUNT"
WEEKLY = monthly(0, "4", "WEEKLY")
"""Weeks that start on Thursdays, as 2026 does."""


def sell(shop: Shop, amount: object, price: object = 0, *, cycle: Json | None = None, **more: object) -> str:
    """The account `acme`, which pays 1 for a call since New Year and is granted credit; the add-on of that."""
    shop.account()
    shop.schema()
    bonus = shop.addon("Bonus", "CREDIT_GRANT")
    cards = {
        "usageRateCards": [tiered(shop.meter(), (0, 1))],
        "creditGrantRateCards": [credit_grant(bonus, amount, price, displayName="Bonus", **more)],
    }
    shop.associate(shop.plan(cycle=cycle or monthly(grace=2), **cards))
    return bonus


def granted(shop: Shop, account: str = "acme") -> list[Json]:
    """The credits of an account, the one that was granted first first."""
    found = shop.api.get("/credits", account_id=account).ok()["data"]
    return sorted(found, key=lambda one: one["id"])


def standings(shop: Shop) -> list[tuple[str, Decimal, str, Decimal]]:
    """First day, amount, status and what was consumed of each credit."""
    return [(one["effectiveFrom"], one["creditAmount"], one["status"], one["consumedAmount"]) for one in granted(shop)]


def history(shop: Shop, credit: str) -> list[tuple[str, Decimal, str | None]]:
    found = shop.api.get(f"/credits/{credit}").ok()["transactions"]
    return [(one["transactionType"], one["amount"], one.get("invoiceId")) for one in found]


def totals(shop: Shop) -> list[tuple[str, str, Decimal]]:
    """Type, first day and total of each invoice."""
    return [(one["invoiceType"], one["startDate"][5:10], one["totalAmount"]) for one in shop.invoices()]


class TestInAdvance:
    def test_three_months_of_credit_that_ends_with_the_cycle(self, shop: Shop) -> None:
        # By hand: 100 of credit for 10 a month. 30 calls in January are paid and 70 expire; of 130 in February 30 are
        # left to pay; March uses nothing. The price is never paid by credit.
        sell(shop, 100, 10, expiry="PRICING_CYCLE")
        shop.use(30, "2026-01-10T00:00:00Z")
        shop.use(130, "2026-02-10T00:00:00Z")
        assert totals(shop) == [("STANDARD_ADVANCED", "01-01", 10), ("STANDARD", "01-01", 0)]
        assert shop.balance() == (100, 100, 70, 0)
        shop.api.advance("2026-04-03")
        assert totals(shop)[:6] == [
            ("STANDARD_ADVANCED", "01-01", 10),
            ("STANDARD", "01-01", 0),
            ("STANDARD_ADVANCED", "02-01", 10),
            ("STANDARD", "02-01", 30),
            ("STANDARD_ADVANCED", "03-01", 10),
            ("STANDARD", "03-01", 0),
        ]
        assert standings(shop) == [
            ("2026-01-01", 100, "EXPIRED", 30),
            ("2026-02-01", 100, "CONSUMED", 100),
            ("2026-03-01", 100, "EXPIRED", 0),
            ("2026-04-01", 100, "ACTIVE", 0),
        ]
        assert [one["effectiveUntil"] for one in granted(shop)] == [f"2026-0{month}-01" for month in range(2, 6)]

    def test_its_invoice_sells_it_and_its_credit_names_the_invoice(self, shop: Shop) -> None:
        bonus = sell(shop, 100, 10)
        invoice = shop.invoice()
        assert (invoice["invoiceType"], invoice["status"]) == ("STANDARD_ADVANCED", "DUE")
        (line,) = [line for line in lines(invoice["revenueInfo"]) if line["type"] == ADVANCE]
        assert (line["id"], line["description"], line["quantity"], line["value"]) == (bonus, "Bonus", 100, 10)
        (credit,) = granted(shop)
        assert (credit["purpose"], credit["grantorId"], credit["priority"]) == ("Bonus", bonus, 1)
        assert "effectiveUntil" not in credit
        assert history(shop, credit["id"]) == [("CREDITED", 100, invoice["id"])]
        told = shop.api.get(f"/v1/invoices/{invoice['id']}/lines/{bonus}/explanation").ok()
        assert (told["quantity"], told["amount"], told["creditId"]) == (100, 10, credit["id"])
        assert told["arithmetic"] == "flat rate: 1 x 10 = 10"
        assert "meter" not in told

    def test_it_does_not_pay_the_invoice_that_it_is_sold_with(self, shop: Shop) -> None:
        shop.account()
        bonus, base = shop.addon("Bonus", "CREDIT_GRANT"), shop.addon()
        cards = {
            "fixedFeeRateCards": [fee(base, 40, timing="IN_ADVANCE")],
            "creditGrantRateCards": [credit_grant(bonus, 100, 10)],
        }
        shop.associate(shop.plan(**cards))
        assert amounts(shop.invoice(), "ADVANCED_FIXED_FEE", ADVANCE, "SUB_CREDITS") == [40, 10]
        shop.api.advance("2026-02-01")
        # February's fee is paid by January's credit, its price is not.
        assert amounts(shop.invoice(2), "ADVANCED_FIXED_FEE", ADVANCE, "SUB_CREDITS") == [40, 10, -40]
        assert standings(shop) == [("2026-01-01", 100, "ACTIVE", 40), ("2026-02-01", 100, "ACTIVE", 0)]

    def test_a_promotion_once_for_ten_days(self, shop: Shop) -> None:
        # By hand: 50 for nothing from 1 January until the 11th. It pays the 30 of the first week; the second week ends
        # after it, so its 60 are to be paid, and the 20 that are left expire.
        sell(shop, 50, cycle=WEEKLY, type="ONE_TIME", expiry="CUSTOM", lasts="P10D")
        shop.use(30, "2026-01-02T00:00:00Z")
        shop.use(60, "2026-01-09T00:00:00Z")
        shop.api.advance("2026-01-22")
        assert totals(shop)[:4] == [
            ("STANDARD_ADVANCED", "01-01", 0),
            ("STANDARD", "01-01", 0),
            ("STANDARD", "01-08", 60),
            ("STANDARD", "01-15", 0),
        ]
        assert shop.invoices()[0]["status"] == "PAID"
        (credit,) = granted(shop)
        assert (credit["effectiveUntil"], credit["status"], credit["consumedAmount"]) == ("2026-01-11", "EXPIRED", 30)

    def test_every_other_month_from_the_second_on(self, shop: Shop) -> None:
        sell(shop, 100, 10, recurrenceConfig={"interval": 2, "offset": 1})
        shop.api.advance("2026-06-15")
        assert [one["effectiveFrom"] for one in granted(shop)] == ["2026-02-01", "2026-04-01", "2026-06-01"]
        advanced = [one["startDate"][:10] for one in shop.invoices() if one["invoiceType"] == "STANDARD_ADVANCED"]
        assert advanced == ["2026-02-01", "2026-04-01", "2026-06-01"]

    def test_it_pays_what_it_applies_to(self, shop: Shop) -> None:
        sell(shop, 100, entities=("ALL_FIXED_FEE_RATE_CARDS",))
        shop.use(30)
        assert shop.invoices()[1]["totalAmount"] == 30
        assert shop.balance() == (100, 100, 100, 100)

    def test_nothing_is_granted_where_there_is_no_credit(self, shop: Shop) -> None:
        sell(shop, 0, 10)
        assert amounts(shop.invoice(), ADVANCE) == [0]
        assert granted(shop) == []


class TestInArrears:
    def test_it_is_granted_when_its_invoice_falls_due_and_pays_nothing_of_it(self, shop: Shop) -> None:
        # By hand: January is 30 and the price 10, 40 in all. The credit is there from 3 February, when that falls due,
        # until the end of February's cycle, of which it pays the 25; the price of 10 is left.
        bonus = sell(shop, 100, 10, timing="IN_ARREARS", expiry="PRICING_CYCLE")
        shop.use(30, "2026-01-10T00:00:00Z")
        shop.use(25, "2026-02-01T12:00:00Z")
        assert amounts(shop.invoice(), "SUB_TOTAL_AMOUNT", ARREARS) == [40, 10]
        told = shop.api.get(f"/v1/invoices/{shop.invoices()[0]['id']}/lines/{bonus}/explanation").ok()
        assert "creditId" not in told
        shop.api.advance("2026-02-02")
        assert granted(shop) == []
        shop.api.advance("2026-02-03")
        assert standings(shop) == [("2026-02-03", 100, "ACTIVE", 0)]
        assert totals(shop) == [("STANDARD", "01-01", 40), ("STANDARD", "02-01", 10)]
        shop.api.advance("2026-03-03")
        assert standings(shop) == [("2026-02-03", 100, "EXPIRED", 25), ("2026-03-03", 100, "ACTIVE", 0)]

    def test_every_other_month_from_the_second_on(self, shop: Shop) -> None:
        # Cycles 1 and 2, then 3 and 4, counted from 0: charged with March and May, granted two days after these.
        sell(shop, 100, 10, timing="IN_ARREARS", recurrenceConfig={"interval": 2, "offset": 1})
        shop.api.advance("2026-06-15")
        assert [one["effectiveFrom"] for one in granted(shop)] == ["2026-04-03", "2026-06-03"]
        charged = [one["startDate"][:10] for one in shop.invoices() if one["totalAmount"] == 10]
        assert charged == ["2026-03-01", "2026-05-01"]

    def test_without_grace_it_pays_what_falls_due_in_advance_behind_it(self, shop: Shop) -> None:
        shop.account()
        bonus, base = shop.addon("Bonus", "CREDIT_GRANT"), shop.addon()
        cards = {
            "fixedFeeRateCards": [fee(base, 40, timing="IN_ADVANCE")],
            "creditGrantRateCards": [credit_grant(bonus, 100, timing="IN_ARREARS")],
        }
        shop.associate(shop.plan(cycle=monthly(grace=0), **cards))
        shop.api.advance("2026-02-01")
        assert totals(shop)[:3] == [
            ("STANDARD_ADVANCED", "01-01", 40),
            ("STANDARD", "01-01", 0),
            ("STANDARD_ADVANCED", "02-01", 0),
        ]

    def test_after_the_last_cycle_it_ends_as_the_next_one_would(self, shop: Shop) -> None:
        sell(shop, 100, timing="IN_ARREARS", expiry="PRICING_CYCLE")
        shop.disassociate("2026-01-16")
        shop.api.advance("2026-01-18")
        (credit,) = granted(shop)
        assert (credit["effectiveFrom"], credit["effectiveUntil"]) == ("2026-01-18", "2026-02-01")


class TestOnceOnly:
    def test_whoever_starts_again_grants_nothing_twice(self, tmp_path: Path) -> None:
        with inside(tmp_path / "data") as server:
            shop = Shop(server.api())
            sell(shop, 100, 10, expiry="PRICING_CYCLE")
            shop.api.advance("2026-02-01")
            before = (granted(shop), shop.invoices())
        for _ in range(2):
            with inside(tmp_path / "data") as server:
                shop = Shop(server.api())
                assert (granted(shop), shop.invoices()) == before
        with inside(tmp_path / "data") as server:
            Shop(server.api()).api.advance("2026-03-01")
            assert len(granted(Shop(server.api()))) == 3

    def test_whoever_sleeps_for_a_year_grants_each_month(self, shop: Shop) -> None:
        sell(shop, 100, 10, expiry="PRICING_CYCLE")
        shop.api.advance("2026-12-31")
        assert [one["effectiveFrom"][5:7] for one in granted(shop)] == [f"{month:02d}" for month in range(1, 13)]
        charged = sum(one["totalAmount"] for one in shop.invoices())
        given = sum(one["creditAmount"] for one in granted(shop))
        assert (charged, given) == (120, 1200)

    def test_accounts_have_their_own(self, shop: Shop) -> None:
        sell(shop, 100)
        plan = shop.invoices()[0]["pricePlanId"]
        shop.account("other")
        shop.associate(plan, "other")
        assert [len(granted(shop, account)) for account in ("acme", "other")] == [1, 1]


class TestChangesOfPlan:
    def test_what_was_sold_stays_as_it_was_sold(self, shop: Shop) -> None:
        # By hand: the credit of January pays both parts of it, 30 and 20, although another plan starts on the 16th.
        sell(shop, 100, 10, expiry="PRICING_CYCLE")
        shop.use(30, "2026-01-10T00:00:00Z")
        shop.use(20, "2026-01-20T00:00:00Z")
        meter = shop.invoice(1)["usageInfo"][0]["id"]
        shop.associate(shop.plan(usageRateCards=[tiered(meter, (0, 1))]), since="2026-01-16")
        shop.api.advance("2026-02-03")
        assert totals(shop)[:3] == [
            ("STANDARD_ADVANCED", "01-01", 10),
            ("STANDARD", "01-01", 0),
            ("STANDARD", "01-16", 0),
        ]
        (credit,) = granted(shop)
        assert (credit["effectiveUntil"], credit["status"], credit["consumedAmount"]) == ("2026-02-01", "EXPIRED", 50)

    def test_another_plan_grants_its_own(self, shop: Shop) -> None:
        bonus = sell(shop, 100, 10, expiry="PRICING_CYCLE")
        richer = shop.plan(creditGrantRateCards=[credit_grant(bonus, 300, 25, expiry="PRICING_CYCLE")])
        shop.associate(richer, since="2026-01-16")
        shop.api.advance("2026-01-16")
        found = [(one["effectiveFrom"], one["effectiveUntil"], one["creditAmount"]) for one in granted(shop)]
        assert found == [("2026-01-01", "2026-02-01", 100), ("2026-01-16", "2026-02-01", 300)]
        assert [total for kind, _, total in totals(shop) if kind == "STANDARD_ADVANCED"] == [10, 25]

    def test_credit_that_is_not_due_yet_goes_with_its_plan(self, shop: Shop) -> None:
        sell(shop, 100, 10)
        shop.disassociate("2026-02-01")
        shop.api.advance("2026-03-15")
        assert standings(shop) == [("2026-01-01", 100, "ACTIVE", 0)]

    def test_an_account_may_agree_on_other_credit(self, shop: Shop) -> None:
        bonus = sell(shop, 100, 10)
        shop.account("other")
        plan = shop.invoices()[0]["pricePlanId"]
        override = {"creditGrantRateCards": [credit_grant(bonus, 500, 1)]}
        asked = {"pricePlanId": plan, "effectiveFrom": "2026-01-01", "effectiveUntil": "9999-01-01"}
        shop.api.post("/accounts/other/price_plans", asked | {"pricePlanDetailsOverride": override}).ok()
        assert [one["creditAmount"] for one in granted(shop, "other")] == [500]
        assert shop.invoices("other")[0]["totalAmount"] == 1


class TestMetrics:
    @pytest.mark.parametrize("timing", ["IN_ADVANCE", "IN_ARREARS"])
    def test_count_what_credit_costs_on_the_first_day_of_its_cycle(self, shop: Shop, timing: str) -> None:
        bonus = sell(shop, 100, 10, timing=timing)
        (meter,) = [line["id"] for line in shop.invoice(-1)["usageInfo"]]
        shop.use(30)
        for name in ("REVENUE", "REVENUE_FOR_CYCLE"):
            found = shop.metric(name, "2026-01-01", "2026-02-01", groupBy="BILLABLE_ID")
            by_item = {one["groupedBy"]["fieldValue"]: one["metricValues"] for one in found}
            assert by_item == {bonus: [10], meter: [30]}
        (series,) = shop.metric("REVENUE", "2026-01-01", "2026-01-03", period="DAY", groupBy="BILLABLE_ID")[:1]
        assert (series["groupedBy"]["fieldValue"], series["metricValues"][0]) == (bonus, 10)


class TestCurrencies:
    def test_each_account_is_granted_in_its_own(self, shop: Shop) -> None:
        # By hand: 100 dollars for 10, or 9000 yen for 5000 x 0.05 + 4000 x 0.04 = 250 + 160.
        bonus = shop.addon("Bonus", "CREDIT_GRANT")
        card = credit_grant(bonus, 100, 10)
        slabs = [
            {"startAfter": 0, "priceType": "PER_UNIT", "rate": 0.05},
            {"startAfter": 5000, "priceType": "PER_UNIT", "rate": 0.04},
        ]
        yen = {"currency": "JPY", "creditAmount": 9000, "slabDetails": slabs}
        card["rateDetails"]["currencySlabRateDetails"].append(yen)
        plan = shop.plan(currencies=("USD", "JPY"), creditGrantRateCards=[card])
        for name, currency in (("acme", "USD"), ("kyoto", "JPY")):
            shop.account(name, currency)
            shop.associate(plan, name)
        found = [(one["creditUnit"], one["creditAmount"]) for name in ("acme", "kyoto") for one in granted(shop, name)]
        assert found == [("USD", 100), ("JPY", 9000)]
        assert [shop.invoices(name)[0]["totalAmount"] for name in ("acme", "kyoto")] == [10, 410]
