"""Overage that is billed every few cycles: each priced by itself, asked for together, once (domain.md 4.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import amounts, commitment, fee, lines, monthly, overage
from tests.operations.unit_ledger import Ledger, sell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from tests.operations.shop import Shop
    from tests.servers import Inside

Json = dict[str, Any]
OVERAGE = "ENTITLEMENT_OVERAGE_RATE_CARD_AMOUNT"
DEAR = ((0, 2), (40, 1))
"""2 for each of the first 40 units beyond, 1 for each further one: 30 cost 60, 50 cost 90."""


@pytest.fixture
def ledger(server: Inside, shop: Shop) -> Ledger:
    return Ledger.begin(server, shop)


def every(interval: int, offset: int = 0) -> Json:
    return {"billingConfig": {"interval": interval, "startOffset": offset}}


def used_by_month(shop: Shop, ledger: Ledger, *months: object) -> None:
    """Use some overage in each month from January on, and go on until the month after is billed."""
    for month, units in enumerate(months, start=1):
        shop.api.advance(f"2026-{month:02d}-04")
        if units:
            ledger.use(units, f"2026-{month:02d}-01$OVERAGE")
    shop.api.advance(f"2026-{len(months) + 1:02d}-04")


def bills(shop: Shop) -> list[Json]:
    """The bills in arrears that are there, oldest first."""
    in_arrears = [one for one in shop.invoices() if one["invoiceType"] == "STANDARD"]
    found = sorted(in_arrears, key=lambda one: (one["startDate"], one.get("sequenceId", "")))
    return [shop.api.get(f"/invoices/{one['id']}").ok() for one in found]


def asked(shop: Shop) -> list[list[Decimal]]:
    """The amounts of overage on each bill."""
    return [amounts(bill, OVERAGE) for bill in bills(shop)]


def test_each_month_is_priced_by_its_own_slabs_and_billed_with_the_second(shop: Shop, ledger: Ledger) -> None:
    # By hand: 30 units beyond in each of two months are 60 and 60, by one set of slabs they would be 100.
    sell(shop, beyond=overage(ledger.feature, *DEAR, displayName="Exports", **every(2)))
    used_by_month(shop, ledger, 30, 30)
    january, february, march = bills(shop)
    assert [bill["totalAmount"] for bill in (january, february, march)] == [0, 120, 0]
    assert amounts(january, OVERAGE) == []
    told = [line for line in lines(february["revenueInfo"]) if line["type"] == OVERAGE]
    assert [(line["description"], line["quantity"], line["value"]) for line in told] == [
        ("Exports", 30, 60),
        ("Exports, 2026-01-01 to 2026-01-31", 30, 60),
    ]
    assert told[1]["metadata"] == {
        "cycleStart": "2026-01-01T00:00:00Z",
        "cycleEnd": "2026-02-01T00:00:00Z",
        "invoiceId": january["id"],
    }


@pytest.mark.parametrize(
    ("interval", "offset", "expected"),
    [
        (1, 0, [60, 0, 90, 20, 110, 10, 40]),
        (2, 0, [0, 60, 0, 110, 0, 120, 40]),
        (3, 0, [0, 0, 150, 0, 0, 140, 40]),
        (7, 0, [0, 0, 0, 0, 0, 0, 330]),
        (99, 0, [0, 0, 0, 0, 0, 0, 330]),
        (2, 1, [0, 0, 90, 0, 130, 0, 50]),
        (3, 2, [0, 0, 0, 0, 220, 0, 50]),
        (2**63 - 1, 6, [0, 0, 0, 0, 0, 0, 40]),
    ],
)
def test_an_interval_only_moves_what_months_come_to(
    shop: Shop, ledger: Ledger, interval: int, offset: int, expected: Sequence[int]
) -> None:
    # By hand: 30, 0, 50, 10, 70, 5 and 20 units are 60, 0, 90, 20, 110, 10 and 40; the plan ends with July.
    sell(shop, beyond=overage(ledger.feature, *DEAR, **every(interval, offset)))
    shop.disassociate("2026-08-01")
    used_by_month(shop, ledger, 30, 0, 50, 10, 70, 5, 20)
    assert [bill["totalAmount"] for bill in bills(shop)] == expected


def test_the_draft_shows_what_it_will_ask_for(shop: Shop, ledger: Ledger) -> None:
    sell(shop, cycle=monthly(grace=10), beyond=overage(ledger.feature, *DEAR, **every(2)))
    ledger.use(30, "2026-01-01$OVERAGE")
    shop.api.advance("2026-02-04")
    ledger.use(10, "2026-02-01$OVERAGE")
    assert [bill["status"] for bill in bills(shop)] == ["DRAFT", "DRAFT"]
    assert asked(shop) == [[], [20, 60]]
    shop.api.advance("2026-02-12")  # January is frozen: the same comes from what it has left
    assert asked(shop) == [[], [20, 60]]


def test_a_plan_that_ends_asks_for_all_with_its_last_cycle(shop: Shop, ledger: Ledger) -> None:
    sell(shop, beyond=overage(ledger.feature, *DEAR, **every(12)))
    used_by_month(shop, ledger, 30, 50)
    shop.disassociate("2026-03-05")
    shop.api.advance("2026-03-08")
    assert asked(shop) == [[], [], [0, 60, 90]]
    assert [bill["totalAmount"] for bill in bills(shop)] == [0, 0, 150]


def test_the_plan_in_its_place_asks_for_what_it_left(shop: Shop, ledger: Ledger) -> None:
    # Until 3 March nobody knew that February would be the last month of the first plan.
    beyond = overage(ledger.feature, *DEAR, **every(3))
    sell(shop, beyond=beyond, allow_ongoing_cycle_updates=True)
    cards = {"fixedFeeRateCards": [fee(shop.addon(), 5)], "entitlementOverageRateCards": [beyond]}
    other = shop.plan(cycle=monthly(grace=2), allow_ongoing_cycle_updates=True, **cards)
    used_by_month(shop, ledger, 30, 50)
    shop.associate(other, since="2026-03-01")
    shop.api.advance("2026-04-04")
    assert asked(shop) == [[], [], [60, 90], []]
    assert [bill["totalAmount"] for bill in bills(shop)] == [0, 0, 155, 5]


def test_a_plan_that_gives_way_to_another_asks_for_all_before(shop: Shop, ledger: Ledger) -> None:
    sell(shop, beyond=overage(ledger.feature, *DEAR, **every(12)))
    shop.associate(shop.plan(fixedFeeRateCards=[fee(shop.addon(), 5)]), since="2026-03-01")
    used_by_month(shop, ledger, 30)
    ledger.use(50, "2026-02-01$OVERAGE")
    assert asked(shop) == [[], [90, 60], []]
    shop.api.advance("2026-03-04")
    assert asked(shop) == [[], [90, 60], []]


def test_a_plan_is_not_taken_off_so_that_nobody_would_ask(shop: Shop, ledger: Ledger) -> None:
    sell(shop, beyond=overage(ledger.feature, *DEAR, **every(3)), allow_ongoing_cycle_updates=True)
    used_by_month(shop, ledger, 30, 50)
    off = {"mode": "DISASSOCIATE", "effectiveFrom": "2026-03-01", "effectiveUntil": "9999-01-01"}
    said = shop.api.post("/accounts/acme/price_plans", off).refused(400)
    assert "effectiveFrom: 60 USD of overage until 2026-02-01 are to be billed with a later cycle" in said
    assert "90 USD of overage until 2026-03-01" in said
    shop.api.post("/accounts/acme/price_plans", off | {"effectiveFrom": "2026-03-05"}).ok()
    shop.api.advance("2026-03-08")
    assert asked(shop)[-1] == [0, 60, 90]


def test_what_falls_due_first_asks_only_for_what_is_final(shop: Shop, ledger: Ledger) -> None:
    # January is frozen on 3 March, February under another grace on 1 March: until then January may still change.
    plan = sell(shop, cycle=monthly(grace=30), beyond=overage(ledger.feature, *DEAR, **every(2)))
    change = {"pricePlanId": plan, "effectiveFrom": "2026-02-01", "effectiveUntil": "9999-01-01"}
    change["pricePlanDetailsOverride"] = {"pricingCycleConfig": monthly(grace=0)}
    shop.api.post("/accounts/acme/price_plans", change).ok()
    ledger.use(30, "2026-01-01$OVERAGE")
    shop.api.advance("2026-02-04")
    ledger.use(10, "2026-02-01$OVERAGE")
    assert asked(shop) == [[], [20]]
    shop.api.advance("2026-03-02")
    ledger.use(20, "2026-01-01$OVERAGE")
    assert [bill["status"] for bill in bills(shop)] == ["DRAFT", "DUE", "DRAFT"]
    shop.api.advance("2026-05-02")
    assert asked(shop) == [[], [20], [], [0, 90, 0], []]


def test_two_features_go_by_intervals_of_their_own(shop: Shop, ledger: Ledger) -> None:
    second = shop.api.post("/features", {"name": "Imports"}).ok()["id"]
    cards = [overage(ledger.feature, (0, 1), **every(2)), overage(second, (0, 1), tag="In", **every(3))]
    shop.associate(shop.plan(cycle=monthly(grace=2), entitlementOverageRateCards=cards))
    for month, (exports, imports) in enumerate([(1, 10), (2, 20), (4, 40)], start=1):
        shop.api.advance(f"2026-{month:02d}-04")
        ledger.use(exports, f"2026-{month:02d}-01$OVERAGE")
        ledger.use(imports, f"2026-{month:02d}-01$OVERAGE", second)
    shop.api.advance("2026-04-04")
    assert [bill["totalAmount"] for bill in bills(shop)] == [0, 3, 70, 4]
    assert amounts(bills(shop)[2], "CUSTOM_TAG") == [70]


def test_a_draft_that_comes_too_late_is_told_what_is_owed(shop: Shop, ledger: Ledger) -> None:
    sell(shop, beyond=overage(ledger.feature, *DEAR, **every(3)), allow_ongoing_cycle_updates=True)
    shop.api.advance("2026-02-10")
    off = {"mode": "DISASSOCIATE", "effectiveFrom": "2026-03-01", "effectiveUntil": "9999-01-01"}
    shop.api.post("/v2/accounts/acme/edit_schedules", {"edits": [off]}).ok()
    ledger.use(50, "2026-02-01$OVERAGE")
    shop.api.advance("2026-03-04")
    (piece,) = shop.api.get("/v2/accounts/acme/schedules", mode="DRAFT").ok()["data"]
    (error,) = shop.api.get(f"/v2/schedules/{piece['id']}/errors").ok()["data"]
    assert "90 USD of overage until 2026-03-01" in str(error)
    assert "90 USD of overage" in shop.api.post("/v2/accounts/acme/finalize_schedules", {}).refused(400)


def test_nothing_left_is_no_reason_to_keep_a_plan(shop: Shop, ledger: Ledger) -> None:
    sell(shop, beyond=overage(ledger.feature, *DEAR, **every(3)), allow_ongoing_cycle_updates=True)
    used_by_month(shop, ledger, 0, 0)
    shop.disassociate("2026-03-01")
    assert asked(shop) == [[], []]


def test_a_commitment_counts_the_overage_of_its_own_month(shop: Shop, ledger: Ledger) -> None:
    # By hand, 100 a month: January lacks 40 beside its 60, February 10 beside its 90; 200 in all.
    sell(shop, beyond=overage(ledger.feature, *DEAR, **every(2)), minimumCommitment=commitment(100))
    used_by_month(shop, ledger, 30, 50)
    assert [bill["totalAmount"] for bill in bills(shop)][:2] == [40, 160]


def test_rules_change_the_overage_of_their_own_month(shop: Shop, ledger: Ledger) -> None:
    # By hand: usage is halved, 15 and 25 units at 2 are 30 and 50.
    usage = f"usage.eo.{ledger.feature}"
    rule = {
        "name": "half",
        "order": 1,
        "computation": f'{{"/":[{{"var":"{usage}"}},2]}}',
        "action": {"type": "UPDATE", "target": usage},
    }
    details = {
        "supportedCurrencies": ["USD"],
        "pricingCycleConfig": monthly(grace=2),
        "entitlementOverageRateCards": [overage(ledger.feature, *DEAR, **every(2))],
    }
    plan = shop.api.post("/price_plans", {"name": "Ruled", "pricePlanDetails": details, "pricingRules": [rule]})
    shop.api.post(f"/price_plans/{plan.ok()['id']}/activate", {"currencies": ["USD"]}).ok()
    shop.associate(plan.ok()["id"])
    used_by_month(shop, ledger, 30, 50)
    assert asked(shop)[:2] == [[], [50, 30]]
    january, february = bills(shop)[:2]
    told = shop.api.get(f"/v1/invoices/{february['id']}/lines/eo.{ledger.feature}@2026-01-01/explanation").ok()
    assert (told["quantity"], told["amount"], told["startDate"][:10]) == (15, 30, "2026-01-01")
    assert [one["quantity"] for one in told["ruleUpdates"]] == [-15]
    assert [log["rule"]["name"] for log in told["pricingRules"]] == ["half"]
    assert [(one["id"].split("#")[1], one["used"]) for one in told["entries"]] == [("2026-01-01$OVERAGE", 30)]
    logged = shop.api.get(f"/invoice/{january['id']}/pricing_rules_logs").ok()["data"]
    assert [log["changes"]["newUsage"] for log in logged] == [15]


def test_a_line_is_explained_by_its_own_month(shop: Shop, ledger: Ledger) -> None:
    sell(shop, beyond=overage(ledger.feature, *DEAR, **every(2)))
    used_by_month(shop, ledger, 30, 50)
    path = f"/v1/invoices/{bills(shop)[1]['id']}/lines"
    own = shop.api.get(f"{path}/{ledger.feature}/explanation").ok()
    assert (own["startDate"][:10], own["arithmetic"]) == ("2026-02-01", "80 + 10 = 90")
    said = shop.api.get(f"{path}/um.none/explanation").refused(404)
    assert f"eo.{ledger.feature}@2026-01-01" in said


def test_credits_pay_what_is_asked_for_later(shop: Shop, ledger: Ledger) -> None:
    sell(shop, beyond=overage(ledger.feature, *DEAR, **every(2)))
    shop.credit(100, applicableEntityIds=["ALL_ENTITLEMENT_OVERAGE_RATE_CARDS"])
    used_by_month(shop, ledger, 30, 30)
    assert [bill["totalAmount"] for bill in bills(shop)][:2] == [0, 20]


def test_revenue_counts_in_the_month_of_its_overage(shop: Shop, ledger: Ledger) -> None:
    sell(shop, beyond=overage(ledger.feature, *DEAR, **every(2)))
    used_by_month(shop, ledger, 30, 50)
    for name in ("REVENUE", "REVENUE_FOR_CYCLE"):
        (series,) = shop.metric(name, "2026-01-01", "2026-03-01")
        assert series["metricValues"] == [60, 90]


class TestVoid:
    """January leaves 60 to February, which asks for 90 of its own beside it."""

    @pytest.fixture
    def billed(self, shop: Shop, ledger: Ledger) -> list[str]:
        sell(shop, beyond=overage(ledger.feature, *DEAR, **every(2)))
        used_by_month(shop, ledger, 30, 50)
        return [bill["id"] for bill in bills(shop)]

    @staticmethod
    def again(shop: Shop, invoice_id: str) -> Json:
        shop.api.patch(f"/invoices/{invoice_id}", {"status": "VOID"}).ok()
        return shop.api.post(f"/v1/invoices/{invoice_id}/reissue").ok()

    def test_the_bill_in_its_place_asks_again(self, shop: Shop, billed: Sequence[str]) -> None:
        made = self.again(shop, billed[1])
        assert amounts(made, OVERAGE) == [90, 60]
        shop.api.advance("2026-05-04")
        assert [sum(amounts(bill, OVERAGE)) for bill in bills(shop)] == [0, 150, 150, 0, 0, 0]
        assert amounts(self.again(shop, made["id"]), OVERAGE) == [90, 60]

    def test_the_bill_in_its_place_asks_for_nothing_that_came_after_it(
        self, shop: Shop, ledger: Ledger, billed: Sequence[str]
    ) -> None:
        ledger.use(10, "2026-03-01$OVERAGE")
        shop.api.advance("2026-04-04")
        assert amounts(self.again(shop, billed[1]), OVERAGE) == [90, 60]

    def test_a_draft_that_is_made_void_asks_for_nothing_that_may_change(self, shop: Shop, ledger: Ledger) -> None:
        sell(shop, cycle=monthly(grace=40), beyond=overage(ledger.feature, *DEAR, **every(2)))
        ledger.use(30, "2026-01-01$OVERAGE")
        shop.api.advance("2026-03-05")
        assert asked(shop) == [[], [0, 60], []]
        shop.api.patch(f"/invoices/{bills(shop)[1]['id']}", {"status": "VOID"}).ok()
        ledger.use(10, "2026-01-01$OVERAGE")
        shop.api.advance("2026-06-12")
        assert asked(shop)[:4] == [[], [0], [], [0, 80, 0]]

    def test_what_is_void_is_asked_for_by_nobody_else(self, shop: Shop, billed: Sequence[str]) -> None:
        shop.api.patch(f"/invoices/{billed[1]}", {"status": "VOID"}).ok()
        shop.api.advance("2026-05-04")
        assert asked(shop)[2:4] == [[], [0, 0]]

    def test_the_bill_that_left_it_does_not_ask_once_another_has(self, shop: Shop, billed: Sequence[str]) -> None:
        made = self.again(shop, billed[0])
        assert (made["totalAmount"], amounts(made, OVERAGE)) == (0, [])
        assert amounts(self.again(shop, billed[1]), OVERAGE) == [90, 60]

    def test_the_bill_that_left_it_leaves_it_again_as_it_is_now(self, shop: Shop, ledger: Ledger) -> None:
        sell(shop, beyond=overage(ledger.feature, *DEAR, **every(2)))
        used_by_month(shop, ledger, 30)
        made = self.again(shop, bills(shop)[0]["id"])
        assert amounts(made, OVERAGE) == []
        shop.api.advance("2026-03-04")
        february = bills(shop)[2]
        (line,) = [one for one in lines(february["revenueInfo"]) if "metadata" in one and one["type"] == OVERAGE]
        assert (line["value"], line["metadata"]["invoiceId"]) == (60, made["id"])

    def test_a_draft_that_is_made_void_leaves_its_overage_all_the_same(self, shop: Shop, ledger: Ledger) -> None:
        sell(shop, beyond=overage(ledger.feature, *DEAR, **every(2)))
        ledger.use(30, "2026-01-01$OVERAGE")
        shop.api.advance("2026-02-02")
        shop.api.patch(f"/invoices/{bills(shop)[0]['id']}", {"status": "VOID"}).ok()
        shop.api.advance("2026-03-04")
        assert asked(shop)[:2] == [[], [0, 60]]
