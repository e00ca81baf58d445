"""What orders and purchases earn, by every metric of revenue (domain.md 8.1); figures by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.operations.buying import buy, once, pack, pay
from tests.operations.shop import credit_grant, entitlement, fee, monthly

if TYPE_CHECKING:
    from decimal import Decimal

    from tests.operations.shop import Shop

JANUARY = ("2026-01-01", "2026-02-01")
TWO_MONTHS = ("2026-01-01", "2026-03-01")


def values(series: list[dict[str, Any]]) -> list[Decimal]:
    (one,) = series
    return list(one["metricValues"])


def groups(series: list[dict[str, Any]]) -> dict[str, list[Decimal]]:
    return {one["groupedBy"]["fieldValue"]: list(one["metricValues"]) for one in series}


def test_a_plan_that_is_bought_once_counts_on_the_day_of_its_order(shop: Shop) -> None:
    # 3 x 50 of fees and 10 for credit, ordered on the 5th, paid or not: 160. It belongs to no cycle.
    shop.account()
    plan, base, bonus = pack(shop)
    shop.api.advance("2026-01-05")
    bought = buy(shop, plan, quantity=3).ok()
    days = values(shop.metric("REVENUE", *JANUARY, "DAY"))
    assert (days[4], sum(days)) == (160, 160)
    assert groups(shop.metric("REVENUE", *JANUARY, groupBy="BILLABLE_ID")) == {base: [150], bonus: [10]}
    for field in ("ACCOUNT_ID", "CUSTOMER_ID"):
        assert groups(shop.metric("REVENUE", *JANUARY, groupBy=field)) == {"acme": [160]}
    only = [{"fieldName": "BILLABLE_ID", "fieldValues": [base]}]
    assert values(shop.metric("REVENUE", *JANUARY, filters=only)) == [150]
    assert values(shop.metric("REVENUE_FOR_CYCLE", *JANUARY)) == []
    pay(shop, bought["invoiceId"])
    assert values(shop.metric("REVENUE", *JANUARY)) == [160]


def test_credit_pays_and_what_is_void_does_not_count(shop: Shop) -> None:
    shop.account()
    shop.credit(30)
    plan, _, _ = pack(shop)
    bought = buy(shop, plan).ok()
    assert values(shop.metric("REVENUE", *JANUARY)) == [60]
    shop.api.patch(f"/invoices/{bought['invoiceId']}", {"status": "VOID"}).ok()
    assert values(shop.metric("REVENUE", *JANUARY)) == [0]


def test_each_cycle_counts_what_it_has_prepaid(shop: Shop) -> None:
    # 100 units at 1 and credit for 10 are 110 each month, on its first day.
    shop.account()
    feature = shop.api.post("/features", {"name": "Exports"}).ok()["id"]
    bonus = shop.addon("Bonus", "CREDIT_GRANT")
    cards = {
        "billingEntitlementRateCards": [entitlement(feature, 100, timing="PREPAID")],
        "creditGrantRateCards": [credit_grant(bonus, 50, 10, timing="PREPAID")],
    }
    shop.associate(shop.plan(cycle=monthly(grace=0), **cards))
    shop.api.advance("2026-02-10")
    assert values(shop.metric("REVENUE", *TWO_MONTHS)) == [110, 110]
    assert values(shop.metric("REVENUE", *JANUARY, "DAY"))[0] == 110
    assert groups(shop.metric("REVENUE_FOR_CYCLE", *TWO_MONTHS, groupBy="BILLABLE_ID")) == {
        feature: [100, 100],
        bonus: [10, 10],
    }


def test_the_order_of_an_association_counts_nothing_twice(shop: Shop) -> None:
    # 31 in advance count with the cycle from the 16th on; 100 units count when they are ordered, on the 1st.
    shop.account()
    feature = shop.api.post("/features", {"name": "Exports"}).ok()["id"]
    cards = {
        "fixedFeeRateCards": [fee(shop.addon(), 31, timing="IN_ADVANCE")],
        "billingEntitlementRateCards": [entitlement(feature, 100, timing="PREPAID")],
    }
    plan = shop.plan(cycle=monthly(grace=0), **cards)
    pay(shop, buy(shop, plan, type="ASSOCIATION", effectiveFrom="2026-01-16").ok()["invoiceId"])
    shop.api.advance("2026-01-20")
    days = values(shop.metric("REVENUE", *JANUARY, "DAY"))
    assert (days[0], days[15], sum(days)) == (100, 31, 131)
    assert values(shop.metric("REVENUE_FOR_CYCLE", *JANUARY)) == [131]


def test_money_for_the_wallet_is_no_revenue(shop: Shop) -> None:
    shop.account()
    buy(shop, type="WALLET_TOPUP", walletTopupDetails={"topupAmount": 100}).ok()
    assert values(shop.metric("REVENUE", *JANUARY)) == [0]


def test_a_currency_that_is_not_the_base_is_asked_for_as_it_is_billed(shop: Shop) -> None:
    shop.account(currency="EUR")
    base = shop.addon("Setup")
    buy(shop, once(shop, currencies=("EUR",), fixedFeeRateCards=[fee(base, 7, currency="EUR", type="ONE_TIME")])).ok()
    asked = {"id": "q", "name": "REVENUE", "aggregationPeriod": "MONTH"}
    span = {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-02-01T00:00:00Z"}
    assert "ask INVOICE" in shop.api.post("/metrics", span | {"metricQueries": [asked]}).refused(400)
    assert values(shop.metric("REVENUE", *JANUARY, configs={"CURRENCY": "INVOICE"})) == [7]
