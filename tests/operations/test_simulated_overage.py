"""Overage by terms that grant other units, from what was really used: figures by hand, and held against real bills."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.granting import Granting
from tests.operations.shop import Shop, amounts, entitlement, monthly, overage, tiered

if TYPE_CHECKING:
    from decimal import Decimal

    from tests.servers import Inside

Json = dict[str, Any]
SUMMARIES = ("billingEntitlementRevenueSummary", "entitlementOverageRevenueSummary")
QUARTER = ("2026-01-01", "2026-04-01")


@pytest.fixture
def calls(server: Inside, shop: Shop) -> Granting:
    return Granting.begin(server, shop)


def terms(feature: str, *units: object, beyond: Json | None = None, **granted: Any) -> Json:  # noqa: ANN401
    """Units at 1 each in arrears, and those beyond at 2."""
    cards = [entitlement(feature, *units, timing="IN_ARREARS", **granted)] if units else []
    return {"billingEntitlementRateCards": cards, "entitlementOverageRateCards": [beyond or overage(feature, (0, 2))]}


def use(shop: Shop, **calls: int) -> None:
    """So many calls on days of 2026, such as `jan_10`, each of them one event; the clock goes with them."""
    months = {"jan": "01", "feb": "02", "mar": "03", "apr": "04"}
    for on, units in calls.items():
        month, day = on.split("_")
        at = f"2026-{months[month]}-{int(day):02}"
        shop.api.advance(at)
        shop.use(units, f"{at}T12:00:00Z")


def simulated(shop: Shop, cards: Json, span: tuple[str, str] = QUARTER, **more: object) -> Json:
    """What became of a simulation of terms with these cards; the one account, or why it failed."""
    plan = {"pricePlanDetails": {"supportedCurrencies": ["USD"]} | cards}
    asked = {"plan": plan, "from": span[0], "to": span[1]} | more
    job = shop.api.post("/v1/simulations", asked).ok()["jobId"]
    found = shop.api.get(f"/v1/simulations/{job}/accounts").ok()["data"]
    if found:
        (one,) = found
        (totals,) = shop.api.get(f"/v1/simulations/{job}").ok()["totals"]
        assert totals["lines"] == one["lines"]
        return one
    (entry,) = shop.api.get(f"/v1/jobs/{job}/entries").ok()["data"]
    return entry["metadata"]


def figures(one: Json, feature: str) -> tuple[Decimal, Decimal, Json]:
    """The old and the new revenue of the feature, and its overage."""
    (line,) = [line for line in one["lines"] if line["billableId"] == feature]
    return line["oldRevenue"], line["newRevenue"], line["overage"]


def told(old: object, new: object, unserved: object = 0, refused: int = 0) -> Json:
    return {"oldUnits": old, "newUnits": new, "unservedUnits": unserved, "refusedEvents": refused}


class TestWorkedExamples:
    def test_fewer_units_by_the_month(self, shop: Shop, calls: Granting) -> None:
        """100 units a month at 1, beyond at 2; used are 150, 60 and 120.

        Old: 100 + 50 x 2, 100, 100 + 20 x 2: 440. With 50 units at 1: beyond are 100, 10 and 70: 3 x 50 + 180 x 2 =
        510. With 130 at 1: beyond are 20, 0, 0: 3 x 130 + 20 x 2 = 430.
        """
        shop.associate(shop.plan(**terms(calls.feature, 100)))
        use(shop, jan_10=80, jan_20=70, feb_5=60, mar_5=120)
        shop.api.advance("2026-04-10")
        assert figures(simulated(shop, terms(calls.feature, 50)), calls.feature) == (440, 510, told(70, 180))
        assert figures(simulated(shop, terms(calls.feature, 130)), calls.feature) == (440, 430, told(70, 20))
        assert figures(simulated(shop, terms(calls.feature, 100)), calls.feature) == (440, 440, told(70, 70))
        assert figures(simulated(shop, terms(calls.feature)), calls.feature) == (440, 660, told(70, 330))

    def test_units_that_last_twenty_days(self, shop: Shop, calls: Granting) -> None:
        """100 units until the 20th: of 60 on the 10th and 30 on the 25th the latter go beyond, and only these."""
        shop.associate(shop.plan(**terms(calls.feature, 100)))
        use(shop, jan_10=60, jan_25=30)
        shop.api.advance("2026-02-10")
        one = simulated(shop, terms(calls.feature, 100, ends="P20D"), ("2026-01-01", "2026-02-01"))
        assert figures(one, calls.feature) == (100, 160, told(0, 30))

    def test_units_that_last_into_the_next_cycle(self, shop: Shop, calls: Granting) -> None:
        """100 units for two months: January leaves 70, which February's 180 use before its own 100: 10 beyond.

        March's 130 find none of February's, whose last were used, and its own 100: 30 beyond.
        """
        shop.associate(shop.plan(**terms(calls.feature, 100)))
        use(shop, jan_10=30, feb_5=180, mar_5=130)
        shop.api.advance("2026-04-10")
        one = simulated(shop, terms(calls.feature, 100, ends="P2M"), ("2026-02-01", "2026-04-01"))
        assert figures(one, calls.feature) == (200 + 160 + 60, 200 + 20 + 60, told(110, 40))

    def test_other_cycles_are_granted_and_counted_by_the_new_ones(self, shop: Shop, calls: Granting) -> None:
        """300 units a quarter: of 150, 60 and 120 in the months 30 go beyond, once all are gone."""
        shop.associate(shop.plan(**terms(calls.feature, 100)))
        use(shop, jan_10=150, feb_5=60, mar_5=120)
        shop.api.advance("2026-04-10")
        cycle = {"pricingCycleConfig": monthly(interval="QUARTERLY", month="1")}
        one = simulated(shop, terms(calls.feature, 300, ends="P3M") | cycle)
        assert figures(one, calls.feature) == (440, 360, told(70, 30))
        one = simulated(shop, terms(calls.feature, 100) | cycle)
        assert figures(one, calls.feature) == (440, 100 + 230 * 2, told(70, 230))

    def test_every_other_month(self, shop: Shop, calls: Granting) -> None:
        """100 units in January and March alone: February's 60 all go beyond."""
        shop.associate(shop.plan(**terms(calls.feature, 100)))
        use(shop, jan_10=150, feb_5=60, mar_5=120)
        shop.api.advance("2026-04-10")
        cards = terms(calls.feature, 100, recurrenceConfig={"interval": 2, "offset": 0})
        cards["billingEntitlementRateCards"][0]["invoiceTiming"] = "IN_ADVANCE"
        assert figures(simulated(shop, cards), calls.feature) == (440, 200 + 130 * 2, told(70, 130))
        one = simulated(shop, cards, ("2026-02-01", "2026-03-01"))
        assert figures(one, calls.feature) == (100, 120, told(0, 60))

    def test_slabs_and_the_usage_of_meters_stay_what_they_are(self, shop: Shop, calls: Granting) -> None:
        """Calls cost 3 each besides: 150 x 3 = 450 by both. 80 beyond at 2 up to 30, then at 1: 60 + 50 = 110."""
        meter = shop.api.get("/usage_meters").ok()["data"][0]["id"]
        usage = {"usageRateCards": [tiered(meter, (0, 3))]}
        shop.associate(shop.plan(**terms(calls.feature, 100), **usage))
        use(shop, jan_10=150)
        shop.api.advance("2026-02-10")
        beyond = overage(calls.feature, (0, 2), (30, 1))
        one = simulated(shop, terms(calls.feature, 70, beyond=beyond) | usage, ("2026-01-01", "2026-02-01"))
        assert figures(one, calls.feature) == (200, 70 + 110, told(50, 80))
        assert (one["oldRevenue"], one["newRevenue"]) == (650, 630)


class TestWhatNobodyKnows:
    def test_what_was_refused_counts_in_neither_and_is_told(self, shop: Shop, calls: Granting) -> None:
        """100 units and nothing beyond: 100 were used, and one event of 50 was refused."""
        cards = terms(calls.feature, 100) | {"entitlementOverageRateCards": []}
        shop.associate(shop.plan(**cards))
        use(shop, jan_10=80, jan_11=50, jan_12=20)
        shop.api.advance("2026-02-10")
        one = simulated(shop, terms(calls.feature, 60), ("2026-01-01", "2026-02-01"))
        assert figures(one, calls.feature) == (100, 60 + 40 * 2, told(0, 40, refused=1))

    def test_what_the_new_terms_would_refuse_costs_nothing_and_is_told(self, shop: Shop, calls: Granting) -> None:
        """Of 150 units 60 are granted and 50 allowed beyond; 40 would not have been there. With none beyond, 90."""
        shop.associate(shop.plan(**terms(calls.feature, 100)))
        use(shop, jan_10=80, jan_20=70)
        shop.api.advance("2026-02-10")
        january = ("2026-01-01", "2026-02-01")
        beyond = overage(calls.feature, (0, 2), maxQuantity=50)
        one = simulated(shop, terms(calls.feature, 60, beyond=beyond), january)
        assert figures(one, calls.feature) == (200, 160, told(50, 50, 40))
        one = simulated(shop, terms(calls.feature, 60) | {"entitlementOverageRateCards": []}, january)
        assert figures(one, calls.feature) == (200, 60, told(50, 0, 90))
        one = simulated(shop, {}, january)
        assert figures(one, calls.feature) == (200, 0, told(50, 0, 150))

    def test_units_of_orders_are_refused_in_words(self, shop: Shop, calls: Granting) -> None:
        shop.associate(shop.plan(**terms(calls.feature, 100)))
        use(shop, jan_10=150)
        shop.api.advance("2026-02-10")
        cards = terms(calls.feature, 60)
        cards["billingEntitlementRateCards"][0]["invoiceTiming"] = "PREPAID"
        failed = simulated(shop, cards, ("2026-01-01", "2026-02-01"))
        assert failed["reason"] == (
            f"the plan prices overage of feature '{calls.feature}', whose units are PREPAID by one of the plans: "
            "nobody knows when the order of others would have been paid"
        )
        unpriced = simulated(shop, cards | {"entitlementOverageRateCards": []}, ("2026-01-01", "2026-02-01"))
        assert figures(unpriced, calls.feature)[:2] == (200, 60)


class TestWhatElseThereWas:
    def test_what_was_taken_back_is_put_back_where_it_would_have_come_from(self, shop: Shop, calls: Granting) -> None:
        """Of 100 units an event takes 100, the next goes beyond by 50, then the first is taken back: 50 stay beyond.

        With 60 units the first takes 60 and goes beyond by 40; with it gone, the 50 of the second are all that is.
        """
        shop.associate(shop.plan(**terms(calls.feature, 100)))
        first = shop.use(100, "2026-01-10T12:00:00Z")
        shop.use(50, "2026-01-11T12:00:00Z")
        calls.correct("UNDO", first)
        shop.use(10, "2026-01-12T12:00:00Z")
        shop.api.advance("2026-02-10")
        one = simulated(shop, terms(calls.feature, 60), ("2026-01-01", "2026-02-01"))
        assert figures(one, calls.feature) == (200, 60 + 100, told(50, 50))

    def test_what_was_bought_is_used_from_the_purchase_on(self, shop: Shop, calls: Granting) -> None:
        """50 units are bought at noon on the 15th, valid from that day's start on, for a month.

        30 used before, that morning, do not find them. With 100 granted: 30 beyond, then 40 of the bought ones. With 80
        granted: 50 beyond. With 180: nothing.
        """
        shop.associate(shop.plan(**terms(calls.feature, 100)))
        use(shop, jan_10=100)
        pack = {
            "supportedCurrencies": ["USD"],
            "billingEntitlementRateCards": [entitlement(calls.feature, 50, price=0, timing="PREPAID")],
        }
        made = shop.api.post("/price_plans", {"name": "Pack", "type": "PURCHASE", "pricePlanDetails": pack}).ok()
        shop.api.post(f"/price_plans/{made['id']}/activate", {"currencies": ["USD"]}).ok()
        shop.api.advance("2026-01-15T09:00:00Z")
        shop.use(30, "2026-01-15T08:00:00Z")
        shop.api.advance("2026-01-15T12:00:00Z")
        shop.api.post("/accounts/acme/purchases", {"pricePlanId": made["id"]}).ok()
        shop.use(40, "2026-01-15T12:30:00Z")
        shop.api.advance("2026-02-10")
        january = ("2026-01-01", "2026-02-01")
        assert sorted(calls.used().values()) == [0, 0, 30, 40, 100]
        assert figures(simulated(shop, terms(calls.feature, 80), january), calls.feature)[2] == told(30, 50)
        assert figures(simulated(shop, terms(calls.feature, 180), january), calls.feature)[2] == told(30, 0)

    def test_the_pieces_before_keep_what_they_had(self, shop: Shop, calls: Granting) -> None:
        """A plan with 100 units for two months, then from February one with 10: 70 of January's are left for it."""
        shop.associate(shop.plan(**terms(calls.feature, 100, ends="P2M")), until="2026-02-01")
        second = shop.plan(**terms(calls.feature, 10))
        shop.associate(second, since="2026-02-01")
        use(shop, jan_10=30, feb_5=120)
        shop.api.advance("2026-03-10")
        one = simulated(shop, terms(calls.feature, 30), accounts={"pricePlanId": second})
        assert figures(one, calls.feature) == (10 + 80, 30 + 40, told(40, 20))

    def test_a_cycle_that_was_replaced_counts_once(self, shop: Shop, calls: Granting) -> None:
        """100 units, 30 used; replaced from its start on by 40: 20 beyond of the next 60. With 50: 40 beyond."""
        flag = {"allow_ongoing_cycle_updates": True}
        shop.associate(shop.plan(**terms(calls.feature, 100), **flag))
        use(shop, jan_10=30)
        shop.associate(shop.plan(**terms(calls.feature, 40), **flag))
        use(shop, jan_20=60)
        shop.api.advance("2026-02-10")
        one = simulated(shop, terms(calls.feature, 50), ("2026-01-01", "2026-02-01"))
        assert figures(one, calls.feature) == (40 + 40, 50 + 80, told(20, 40))


def question(plan: Json, overage_config: Json) -> Json:
    return {
        "currencyConfig": {"mode": "CUSTOM", "currency": "USD"},
        "pricePlanDetailsConfig": plan,
        "usageConfig": {"mode": "CUSTOM", "usageMap": {}},
        "licenseEntriesConfig": {"mode": "CUSTOM", "custom": []},
        "entitlementOverageConfig": overage_config,
    }


def gross(shop: Shop) -> list[Decimal]:
    """What the invoices of January, February and March show before credits, in arrears."""
    found = [one for one in shop.invoices() if one["startDate"] < "2026-04" and one["invoiceType"] == "STANDARD"]
    return [amounts(shop.api.get(f"/invoices/{one['id']}").ok(), "GROSS_AMOUNT")[0] for one in found]


@pytest.mark.parametrize("ends", ["P1M", "P2M", "P20D"])
def test_simulations_calculators_and_real_bills_agree(server: Inside, ends: str) -> None:
    """The same events on the old plan and on the new one, in two organisations: what is simulated is what is billed.

    By the month 137 and 61, 12 and 88, 140: with 100 units, and with 75 that last as long as the case says.
    """
    shops = [Shop(server.new_organisation()) for _ in range(2)]
    details = []
    for number, shop in enumerate(shops):
        feature = Granting.begin(server, shop).feature
        beyond = overage(feature, (0, "0.7"), (40, "0.25"))
        details.append([terms(feature, 100), terms(feature, 75, beyond=beyond, ends=ends)])
        shop.associate(shop.plan(**details[number][number]))
    for day, units in (("01-10", 137), ("01-28", 61), ("02-03", 12), ("02-27", 88), ("03-15", 140)):
        for shop in shops:
            shop.use(units, f"2026-{day}T12:00:00Z")
    shops[0].api.advance("2026-04-10")
    one = simulated(shops[0], details[0][1])
    billed = [gross(shop) for shop in shops]
    assert [one["oldRevenue"], one["newRevenue"]] == [sum(bills) for bills in billed]
    for month, costs in enumerate(billed[1], 1):
        cycle = {"billingCycleEndDate": f"2026-{month + 1:02}-01T00:00:00Z", "accountId": "acme"}
        plan = {"mode": "ACCOUNT", "accountId": "acme", "effectiveOn": f"2026-{month:02}-15T00:00:00Z"}
        asked = question(plan, {"mode": "LOOKUP_CYCLE", "lookupCycle": cycle})
        for path in ("/revenue_calculator", "/v2/revenue_calculator"):
            cards = shops[1].api.post(path, asked).ok()["revenueInfo"]
            assert sum(card[name]["revenue"] for card in cards for name in SUMMARIES if name in card) == costs


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_what_is_simulated_is_what_would_have_been_billed(server: Inside, seed: int) -> None:
    """Events of any day of the running month in any order, some taken back, on two plans; nothing is ever refused."""
    chance = random.Random(seed)
    shops = [Shop(server.new_organisation()) for _ in range(2)]
    sizes = [[chance.randint(0, 120) + 1 for _ in range(chance.randint(1, 2))] for _ in shops]
    lasting = [chance.choice(["P10D", "P1M", "P45D", "P3M"]) for _ in shops]
    turns = [{"interval": chance.randint(1, 2), "offset": chance.randint(0, 1)} for _ in shops]
    details = []
    for number, shop in enumerate(shops):
        feature = Granting.begin(server, shop).feature
        offers = zip(sizes, lasting, turns, strict=True)
        details.append([terms(feature, *units, ends=ends, recurrenceConfig=turn) for units, ends, turn in offers])
        shop.associate(shop.plan(**details[number][number]))
    for month in (1, 2, 3):
        shops[0].api.advance(f"2026-{month:02}-28")
        sent: list[list[str]] = [[], []]
        for _ in range(8):
            units, day = chance.randint(0, 70), chance.randint(1, 28)
            for names, shop in zip(sent, shops, strict=True):
                names.append(shop.use(units, f"2026-{month:02}-{day:02}T12:00:00Z"))
            if chance.random() < 0.3:
                gone = chance.randrange(len(sent[0]))
                for names, shop in zip(sent, shops, strict=True):
                    name = names.pop(gone)
                    shop.api.post(f"/events/correction?action=UNDO&account_id=acme&event_id={name}").ok()
    shops[0].api.advance("2026-04-10")
    one = simulated(shops[0], details[0][1])
    assert [one["oldRevenue"], one["newRevenue"]] == [sum(gross(shop)) for shop in shops]
    assert one["lines"][0]["overage"]["refusedEvents"] == one["lines"][0]["overage"]["unservedUnits"] == 0
