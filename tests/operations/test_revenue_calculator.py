"""The revenue calculator in every mode; figures by hand, or from domain.md 4.4 to 4.7 where it says so."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import (
    Shop,
    amounts,
    commitment,
    credit_grant,
    entitlement,
    fee,
    licence,
    monthly,
    overage,
    tiered,
)

if TYPE_CHECKING:
    from tests.servers import Answer

NOTHING = {"mode": "CUSTOM", "custom": []}
BOTH = pytest.mark.parametrize("path", ["/revenue_calculator", "/v2/revenue_calculator"])


def card(meter: str, *slabs: dict[str, Any], model: str = "TIERED", **more: object) -> dict[str, Any]:
    """A usage card; a slab is its startAfter, priceType, rate and, where there are, size, minimum and maximum."""
    plan, rates = [], []
    for order, slab in enumerate(slabs, 1):
        size = {"slabConfig": {"packageSize": slab["size"]}} if "size" in slab else {}
        limits = {name: slab[name] for name in ("minimumRate", "maximumRate") if name in slab}
        plan.append({"order": order, "startAfter": slab["after"], "priceType": slab["type"]} | size)
        rates.append({"order": order, "rate": slab["rate"]} | ({"slabRateConfig": limits} if limits else {}))
    return {
        "usageMeterId": meter,
        "displayName": "Calls",
        "ratePlan": {"pricingModel": model, "slabs": plan},
        "rateValues": [{"currency": "USD", "slabRates": rates} | more],
    }


def slab(after: object, kind: str, rate: object, **more: object) -> dict[str, Any]:
    return {"after": after, "type": kind, "rate": rate} | more


def question(**parts: object) -> dict[str, Any]:
    """Nothing used, in dollars, without licences; each part may be another one."""
    return {
        "currencyConfig": {"mode": "CUSTOM", "currency": "USD"},
        "usageConfig": {"mode": "CUSTOM", "usageMap": {}},
        "licenseEntriesConfig": NOTHING,
    } | parts


def custom(*, ordinal: int | None = None, currencies: tuple[str, ...] = ("USD",), **cards: object) -> dict[str, Any]:
    """Terms that are sent along."""
    config: dict[str, Any] = {"mode": "CUSTOM", "pricePlanDetails": {"supportedCurrencies": currencies} | cards}
    return config if ordinal is None else config | {"pricingCycleOrdinal": ordinal}


def used(**units: object) -> dict[str, Any]:
    return {"mode": "CUSTOM", "usageMap": units}


def ask(shop: Shop, path: str = "/revenue_calculator", **parts: object) -> Answer:
    return shop.api.post(path, question(**parts))


def told(shop: Shop, path: str = "/revenue_calculator", **parts: object) -> list[dict[str, Any]]:
    return ask(shop, path, **parts).ok()["revenueInfo"]


def slabs(info: dict[str, Any]) -> list[tuple[int, Decimal, Decimal]]:
    return [(one["order"], one["usage"], one["revenue"]) for one in info["slabRevenueSummaries"]]


def revenue(infos: list[dict[str, Any]]) -> Decimal:
    """What all cards come to."""
    parts = [
        part
        for one in infos
        for part in (
            *one.get("slabRevenueSummaries", []),
            *one.get("licenseRevenueSummary", []),
            one.get("fixedFeeRevenueSummary", {"revenue": 0}),
            one.get("creditGrantRevenueSummary", {"revenue": 0}),
        )
    ]
    return sum(part["revenue"] for part in parts)


@pytest.fixture
def meter(still: Shop) -> str:
    still.schema()
    return still.meter()


class TestTheFormulas:
    """The worked examples of domain.md 4.4."""

    @BOTH
    @pytest.mark.parametrize(
        ("offer", "units", "tiers", "volume"),
        [
            ("two rates", 100, 200, 200),
            ("two rates", "100.5", "200.5", "100.5"),
            ("two rates", 150, 250, 150),
            ("flat", 0, 0, 0),
            ("flat", 1, 20, 20),
            ("flat", 1000, 20, 20),
            ("flat", 1001, 35, 15),
            ("flat", 6000, 45, 60),
            ("thousands", 1, 10, 10),
            ("thousands", 1000, 10, 10),
            ("thousands", 1001, 20, 20),
            ("thousands", 2500, 30, 30),
            ("first thousand free", 1005, 1, 101),
            ("first thousand free", 5250, "401.5", "26.5"),
            ("bounded", 0, 0, 0),
            ("bounded", 10, 25, 25),
            ("bounded", 100, 50, 50),
            ("bounded", 1000, 400, 400),
            ("cheaper later", 5000, 5000, 5000),
            ("cheaper later", 6000, 5800, 4800),
        ],
    )
    def test_the_table(
        self, still: Shop, meter: str, path: str, offer: str, units: object, tiers: object, volume: object
    ) -> None:
        for model, expected in (("TIERED", tiers), ("VOLUME", volume)):
            terms = custom(usageRateCards=[card(meter, *OFFERS[offer], model=model)])
            (info,) = told(still, path, pricePlanDetailsConfig=terms, usageConfig=used(**{meter: Decimal(str(units))}))
            assert info["usages"] == {meter: Decimal(str(units))}
            assert sum(amount for *_, amount in slabs(info)) == Decimal(str(expected))

    def test_the_official_sample_by_the_formula(self, still: Shop, meter: str) -> None:
        """2 units x 10 = 20, lowered to 10; the other 8 are one package at 20 (domain.md 4.4, the last row)."""
        sample = card(
            meter,
            slab(0, "PER_UNIT", 10, minimumRate="1", maximumRate="10"),
            slab(2, "PACKAGE", 20, size="10"),
        )
        (info,) = told(still, pricePlanDetailsConfig=custom(usageRateCards=[sample]), usageConfig=used(**{meter: 10}))
        assert info["slabRevenueSummaries"] == [
            {"order": 1, "usage": 2, "revenue": 10, "metadata": {"maximumRateApplied": True}},
            {"order": 2, "usage": 8, "revenue": 20, "metadata": {"packageQuantity": 1}},
        ]
        assert info["usageRateCard"]["displayName"] == "Calls"

    def test_a_slab_says_when_its_minimum_decided(self, still: Shop, meter: str) -> None:
        terms = custom(usageRateCards=[card(meter, *OFFERS["bounded"])])
        (info,) = told(still, pricePlanDetailsConfig=terms, usageConfig=used(**{meter: 10}))
        assert info["slabRevenueSummaries"][0]["metadata"] == {"minimumRateApplied": True}

    def test_what_brings_a_whole_card_to_its_limit_is_a_slab_of_order_0(self, still: Shop, meter: str) -> None:
        """30 x 2 = 60 under a minimum of 100 for the card; at zero usage the minimum is charged too (4.4)."""
        whole = card(meter, slab(0, "PER_UNIT", 2), rateConfig={"minimumRate": "100", "maximumRate": "500"})
        for units, expected, flags in (
            (30, [(1, 30, 60), (0, 0, 40)], {"minimumRateApplied": True}),
            (0, [(1, 0, 0), (0, 0, 100)], {"minimumRateApplied": True}),
            (300, [(1, 300, 600), (0, 0, -100)], {"maximumRateApplied": True}),
        ):
            terms = custom(usageRateCards=[whole])
            (info,) = told(still, pricePlanDetailsConfig=terms, usageConfig=used(**{meter: units}))
            assert slabs(info) == expected
            assert info["slabRevenueSummaries"][-1]["metadata"] == flags
        (info,) = told(still, pricePlanDetailsConfig=terms, usageConfig=used(**{meter: 60}))
        assert slabs(info) == [(1, 60, 120)]

    def test_leaves_are_rounded_as_on_the_bill(self, still: Shop, meter: str) -> None:
        """1 x 0.004 rounds to nothing, 2 x 0.0025 = 0.005 to a cent (1.9)."""
        for rate, units, expected in ((Decimal("0.004"), 1, 0), (Decimal("0.0025"), 2, Decimal("0.01"))):
            terms = custom(usageRateCards=[card(meter, slab(0, "PER_UNIT", rate))])
            (info,) = told(still, pricePlanDetailsConfig=terms, usageConfig=used(**{meter: units}))
            assert slabs(info) == [(1, units, expected)]


OFFERS = {
    "two rates": [slab(0, "PER_UNIT", 2), slab(100, "PER_UNIT", 1)],
    "flat": [slab(0, "FLAT", 20), slab(1000, "FLAT", 15), slab(5000, "PER_UNIT", Decimal("0.01"))],
    "thousands": [slab(0, "PACKAGE", 10, size="1000")],
    "first thousand free": [
        slab(0, "PER_UNIT", 0),
        slab(1000, "PACKAGE", 1, size="10"),
        slab(5000, "PACKAGE", Decimal("0.5"), size="100"),
    ],
    "bounded": [slab(0, "PER_UNIT", Decimal("0.5"), minimumRate="25", maximumRate="400")],
    "cheaper later": [slab(0, "PER_UNIT", 1), slab(5000, "PER_UNIT", Decimal("0.8"))],
}


class TestFees:
    @BOTH
    def test_a_fee_in_arrears_and_one_in_advance(self, still: Shop, path: str) -> None:
        fees = [fee(still.addon("Support"), 10), fee(still.addon("Base"), 5, timing="IN_ADVANCE")]
        infos = told(still, path, pricePlanDetailsConfig=custom(fixedFeeRateCards=fees))
        assert [one["fixedFeeRevenueSummary"] for one in infos] == [{"revenue": 10}, {"revenue": 5}]
        assert [one["usages"] for one in infos] == [{}, {}]

    @BOTH
    def test_credit_that_is_granted_is_told_by_its_price(self, still: Shop, path: str) -> None:
        """4.7: 100 of credit for a flat 10."""
        addon = still.addon("Credit", kind="CREDIT_GRANT")
        (info,) = told(still, path, pricePlanDetailsConfig=custom(creditGrantRateCards=[credit_grant(addon, 100, 10)]))
        assert (info["creditGrantRevenueSummary"], info["usages"]) == ({"revenue": 10}, {})
        shown = info.get("creditGrantRateCard") or info["rateCard"]["rateCardDetails"]["creditGrantRateCard"]
        assert shown["id"] == addon

    @pytest.mark.parametrize(
        ("timing", "charged"),
        # 4.5: interval 2, offset 1. In advance n >= 1 and (n - 1) mod 2 = 0: the cycles 1 and 3 counted from 0, so the
        # 2nd and 4th. In arrears n + 1 - 1 > 0 and even: the cycles 2 and 4 counted from 0, so the 3rd and 5th.
        [("IN_ADVANCE", [0, 7, 0, 7, 0]), ("IN_ARREARS", [0, 0, 7, 0, 7])],
    )
    def test_the_ordinal_says_which_cycle_counted_from_1(self, still: Shop, timing: str, charged: list[int]) -> None:
        recurring = fee(still.addon(), 7, timing=timing, recurrenceConfig={"interval": 2, "offset": 1})
        found = [
            revenue(told(still, pricePlanDetailsConfig=custom(ordinal=number, fixedFeeRateCards=[recurring])))
            for number in range(1, 6)
        ]
        assert found == charged

    def test_without_an_ordinal_it_is_the_first_cycle(self, still: Shop) -> None:
        once = fee(still.addon(), 7, type="ONE_TIME")
        assert revenue(told(still, pricePlanDetailsConfig=custom(fixedFeeRateCards=[once]))) == 7
        assert revenue(told(still, pricePlanDetailsConfig=custom(ordinal=2, fixedFeeRateCards=[once]))) == 0

    def test_proration_of_a_cycle_that_is_sent_along(self, still: Shop) -> None:
        """domain.md 4.6: 50 a month, joins on 16 September: 25; without proration 50."""
        half = {"cycleStartDate": "2026-09-01T00:00:00Z", "cycleEndDate": "2026-10-01T00:00:00Z"}
        config = {"mode": "CUSTOM", "customConfig": half | {"currentDate": "2026-09-16T09:30:00Z"}}
        fees = [fee(still.addon("A"), 50, enableProration=True), fee(still.addon("B"), 50)]
        terms = custom(fixedFeeRateCards=fees)
        infos = told(still, pricePlanDetailsConfig=terms, prorationConfig=config)
        assert [one["fixedFeeRevenueSummary"]["revenue"] for one in infos] == [25, 50]
        assert revenue(told(still, pricePlanDetailsConfig=terms)) == 100

    @BOTH
    def test_a_commitment_is_what_is_missing_to_it(self, still: Shop, meter: str, path: str) -> None:
        """domain.md 7.4: 250 of usage and a fee of 50 under a commitment of 400: a true-up of 100."""
        terms = custom(
            usageRateCards=[card(meter, *OFFERS["two rates"])],
            fixedFeeRateCards=[fee(still.addon(), 50)],
            minimumCommitment=commitment(400),
        )
        infos = told(still, path, pricePlanDetailsConfig=terms, usageConfig=used(**{meter: 150}))
        assert infos[-1]["fixedFeeRevenueSummary"] == {"revenue": 100}
        assert revenue(infos) == 400
        shown = infos[-1].get("fixedFeeRateCard") or infos[-1]["rateCard"]
        assert "MINIMUM_COMMITMENT" in {shown.get("id"), shown.get("billableId")}


def seats(*entries: tuple[object, str], of: str) -> dict[str, Any]:
    """How many licences there are from a day on."""
    custom = [{"licenseId": of, "quantity": quantity, "effectiveFrom": f"{on}T00:00:00Z"} for quantity, on in entries]
    return {"mode": "CUSTOM", "custom": custom}


APRIL = {
    "cycleStartDate": "2026-04-01T00:00:00Z",
    "cycleEndDate": "2026-05-01T00:00:00Z",
    "currentDate": "2026-04-01T00:00:00Z",
}


class TestLicences:
    """The worked example of domain.md 4.6: 30 a seat in a month of 30 days; 10 seats, 15 from the 11th, 12 the 21st."""

    @pytest.fixture
    def licensed(self, still: Shop) -> str:
        return still.addon("Seats", "LICENSE")

    @BOTH
    def test_day_by_day_with_proration_and_the_most_without(self, still: Shop, licensed: str, path: str) -> None:
        terms = custom(licenseRateCards=[licence(licensed, 30)])
        entries = seats((10, "2026-04-01"), (15, "2026-04-11"), (12, "2026-04-21"), of=licensed)
        prorated = {"mode": "CUSTOM", "customConfig": APRIL}
        for more, expected in (({"prorationConfig": prorated}, 370), ({}, 450)):
            (info,) = told(still, path, pricePlanDetailsConfig=terms, licenseEntriesConfig=entries, **more)
            assert info["licenseRevenueSummary"] == [{"order": 1, "usage": 15, "revenue": expected}]
            assert info["usages"] == {licensed: 15}
        shown = info.get("licenseRateCard") or info["rateCard"]["rateCardDetails"]["licenseRateCard"]
        assert (shown["id"], shown["enableProration"]) == (licensed, True)

    def test_usage_cycles_are_added_up_slab_by_slab(self, still: Shop, licensed: str) -> None:
        """Weekly windows of April from the 1st: 4 of seven days and one of two; 3 seats at 2 up to 2, then at 1."""
        card = licence(licensed, 2, prorated=False, usageCycle="WEEKLY")
        card["ratePlan"]["slabs"].append({"order": 2, "startAfter": 2, "priceType": "PER_UNIT"})
        card["rateValues"][0]["slabRates"].append({"order": 2, "rate": 1})
        terms = custom(licenseRateCards=[card], pricingCycleConfig=monthly())
        (info,) = told(
            still,
            pricePlanDetailsConfig=terms,
            licenseEntriesConfig=seats((3, "2026-04-01"), of=licensed),
            prorationConfig={"mode": "CUSTOM", "customConfig": APRIL},
        )
        assert info["licenseRevenueSummary"] == [
            {"order": 1, "usage": 10, "revenue": 20},
            {"order": 2, "usage": 5, "revenue": 5},
        ]

    def test_those_of_an_account_in_its_cycle_or_in_a_range(self, shop: Shop) -> None:
        shop.account()
        addon = shop.addon("Seats", "LICENSE")
        shop.associate(shop.plan(licenseRateCards=[licence(addon, 31)]))
        shop.grant(addon, 4, "2026-01-01")
        shop.grant(addon, 2, "2026-01-17")
        terms = custom(licenseRateCards=[licence(addon, 10)])
        cycle = {"mode": "LOOKUP_CYCLE", "lookupCycle": {"accountId": "acme"}}
        assert revenue(told(shop, pricePlanDetailsConfig=terms, licenseEntriesConfig=cycle)) == 60
        early = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-17T00:00:00Z", "accountId": "acme"}
        config = {"mode": "LOOKUP_RANGE", "lookupRange": early}
        assert revenue(told(shop, pricePlanDetailsConfig=terms, licenseEntriesConfig=config)) == 40
        config = {"mode": "LOOKUP_CYCLE", "lookupCycleConfig": {"accountId": "acme"}}
        own = {"mode": "ACCOUNT", "accountId": "acme"}
        infos = told(shop, pricePlanDetailsConfig=own, licenseEntriesConfig=cycle, prorationConfig=config)
        assert revenue(infos) == 154  # 4 x 31 x 16 / 31 + 6 x 31 x 15 / 31 = 64 + 90
        assert amounts(shop.invoice(), "GROSS_AMOUNT") == [154]

    def test_in_advance_what_changes_add_is_told_too(self, still: Shop, licensed: str) -> None:
        """10 at 30 when April starts: 300; 5 more for 20 of 30 days: 100. What 3 less give back as a credit is no line.

        Paid out, it is 3 x 30 x 10 / 30 = 30 less (4.6). Without proration, the new peak: 5 x 30 more.
        """
        entries = seats((10, "2026-04-01"), (15, "2026-04-11"), (12, "2026-04-21"), of=licensed)
        prorated = {"prorationConfig": {"mode": "CUSTOM", "customConfig": APRIL}}
        for mode, more, expected in (("CREDITS", prorated, 400), ("PAYMENT", prorated, 370), ("CREDITS", {}, 450)):
            card = licence(licensed, 30, timing="IN_ADVANCE", proratedRefundMode=mode)
            terms = custom(licenseRateCards=[card])
            infos = told(still, pricePlanDetailsConfig=terms, licenseEntriesConfig=entries, **more)
            assert revenue(infos) == expected, (mode, more)

    def test_names_are_counted_once_each(self, still: Shop) -> None:
        """Ann all of April and Bob for 3 days of it, at 30: 30 + 3 prorated, two names without."""
        addon = still.addon("Seats", "NAMED_LICENSE")
        terms = custom(licenseRateCards=[licence(addon, 30)])
        names = [
            {"licenseId": addon, "name": "Ann", "effectiveFrom": "2026-04-01T00:00:00Z"},
            {
                "licenseId": addon,
                "name": 7,
                "effectiveFrom": "2026-04-02T12:00:00Z",
                "effectiveUntil": "2026-04-04T12:00:00Z",
            },
        ]
        config = {"mode": "CUSTOM", "custom": names}
        for more, expected in (({"prorationConfig": {"mode": "CUSTOM", "customConfig": APRIL}}, 33), ({}, 60)):
            (info,) = told(still, pricePlanDetailsConfig=terms, namedLicenseEntriesConfig=config, **more)
            assert (revenue([info]), info["usages"]) == (expected, {addon: 2})
        names[1]["effectiveUntil"] = "2026-04-02T12:00:00Z"
        names.append(names[0] | {"licenseId": still.addon()})
        message = ask(still, pricePlanDetailsConfig=terms, namedLicenseEntriesConfig=config).refused(400)
        assert "namedLicenseEntriesConfig.custom[1].effectiveUntil: must lie after effectiveFrom" in message
        assert "namedLicenseEntriesConfig.custom[2].licenseId: add-on" in message

    def test_entries_that_fit_no_licence(self, still: Shop, licensed: str) -> None:
        terms = custom(licenseRateCards=[licence(licensed, 30)])
        entries = seats((-1, "2026-01-01"), (10**30, "1969-01-01"), of=licensed)
        entries["custom"] += seats((1, "2026-01-01"), of=still.addon())["custom"]
        message = ask(still, pricePlanDetailsConfig=terms, licenseEntriesConfig=entries).refused(400)
        for part in (
            "licenseEntriesConfig.custom[0].quantity: is -1, expected 0 or more",
            "licenseEntriesConfig.custom[1].quantity: is 1",
            "licenseEntriesConfig.custom[1].effectiveFrom: 1969-01-01T00:00:00+00:00 lies outside",
            "licenseEntriesConfig.custom[2].licenseId: add-on",
        ):
            assert part in message


@pytest.fixture
def customer(shop: Shop) -> Shop:
    """Acme: 2 each up to 100 calls and 1 beyond, in monthly cycles since 16 January; 150 calls then, 30 in February."""
    shop.account()
    shop.schema()
    meter, addon = shop.meter(), shop.addon()
    plan = shop.plan(
        usageRateCards=[tiered(meter, (0, 2), (100, 1))],
        fixedFeeRateCards=[fee(addon, 62, enableProration=True), fee(shop.addon("Setup"), 9, type="ONE_TIME")],
    )
    shop.associate(plan, since="2026-01-16")
    shop.use(150, "2026-01-20T12:00:00Z")
    shop.api.advance("2026-02-10")
    shop.use(30, "2026-02-05T12:00:00Z")
    return shop


def plan_of(shop: Shop) -> str:
    return shop.api.get("/price_plans").ok()["data"][0]["id"]


def cheaper(shop: Shop) -> dict[str, Any]:
    """The same meter at 1.50 each."""
    meter = shop.api.get("/usage_meters").ok()["data"][0]["id"]
    return custom(usageRateCards=[tiered(meter, (0, "1.5"))])


CYCLE = {"mode": "LOOKUP_CYCLE", "lookupCycle": {"accountId": "acme", "cycleEffectiveOn": "2026-01-25T00:00:00Z"}}


class TestLookingUp:
    @BOTH
    def test_the_plan_the_usage_and_the_proration_of_an_accounts_cycle_make_its_invoice(
        self, customer: Shop, path: str
    ) -> None:
        on = {"accountId": "acme", "cycleEffectiveOn": "2026-01-25T00:00:00Z"}
        answer = ask(
            customer,
            path,
            currencyConfig={"mode": "ACCOUNT_INVOICE", "accountId": "acme"},
            pricePlanDetailsConfig={"mode": "ACCOUNT", "accountId": "acme", "effectiveOn": "2026-01-25T00:00:00Z"},
            usageConfig=CYCLE,
            licenseEntriesConfig=CYCLE,
            prorationConfig={
                "mode": "LOOKUP_CYCLE",
                "lookupCycleConfig": on | {"currentDateTime": "2026-01-16T00:00:00Z"},
            },
        ).ok()
        # 100 x 2 + 50 x 1 = 250; 62 x 16 / 31 days = 32; 9 once.
        assert answer["usageLookupRange"] == {"start": "2026-01-16T00:00:00Z", "end": "2026-02-01T00:00:00Z"}
        assert answer["currency"] == "USD"
        assert revenue(answer["revenueInfo"]) == 291
        assert amounts(customer.invoice(0), "GROSS_AMOUNT") == [291]

    def test_the_accounts_own_cycle_is_the_one_that_is_priced(self, customer: Shop) -> None:
        config = {"mode": "ACCOUNT", "accountId": "acme"}
        now = {"mode": "LOOKUP_CYCLE", "lookupCycle": {"accountId": "acme"}}
        answer = ask(customer, pricePlanDetailsConfig=config, usageConfig=now).ok()
        assert answer["usageLookupRange"]["start"] == "2026-02-01T00:00:00Z"
        assert revenue(answer["revenueInfo"]) == 122  # 30 x 2 and 62; what is charged once was charged in January

    def test_another_plan_on_the_usage_of_a_cycle(self, customer: Shop) -> None:
        answer = ask(customer, pricePlanDetailsConfig=cheaper(customer), usageConfig=CYCLE).ok()
        assert revenue(answer["revenueInfo"]) == 225  # 150 x 1.5

    def test_a_range_holds_its_start_and_not_its_end(self, customer: Shop) -> None:
        for start, end, expected in (
            ("2026-01-20T12:00:00Z", "2026-02-05T12:00:00Z", 225),
            ("2026-01-20T12:00:01Z", "2026-02-05T12:00:01Z", 45),
        ):
            looked = {"accountId": "acme", "start": start, "end": end}
            answer = ask(
                customer,
                pricePlanDetailsConfig=cheaper(customer),
                usageConfig={"mode": "LOOKUP_RANGE", "lookupRange": looked},
                licenseEntriesConfig={"mode": "LOOKUP_RANGE", "lookupRange": looked},
            ).ok()
            assert answer["usageLookupRange"] == {"start": start, "end": end}
            assert revenue(answer["revenueInfo"]) == expected

    @BOTH
    def test_a_stored_plan_also_one_that_is_a_draft(self, customer: Shop, path: str) -> None:
        active, meter = plan_of(customer), customer.api.get("/usage_meters").ok()["data"][0]["id"]
        draft = customer.api.post(
            "/price_plans",
            {
                "name": "Next year",
                "pricePlanDetails": {"supportedCurrencies": ["USD"], "usageRateCards": [tiered(meter, (0, 3))]},
            },
        ).ok()["id"]
        for plan, expected in ((active, 20 + 62 + 9), (draft, 30)):
            config = {"mode": "PRICE_PLAN", "pricePlanId": plan, "effectiveOn": "2020-01-01T00:00:00Z"}
            infos = told(customer, path, pricePlanDetailsConfig=config, usageConfig=used(**{meter: 10}))
            assert revenue(infos) == expected

    def test_v1_shows_the_terms_and_v2_each_card_with_where_it_stands(self, customer: Shop) -> None:
        plan = plan_of(customer)
        config = {"mode": "PRICE_PLAN", "pricePlanId": plan}
        stored = customer.api.get(f"/price_plans/{plan}").ok()["pricingSchedule"][0]
        first = ask(customer, pricePlanDetailsConfig=config).ok()
        assert first["pricePlanDetails"] == stored["pricePlanDetails"]
        infos = told(customer, "/v2/revenue_calculator", pricePlanDetailsConfig=config)
        cards = [one["rateCard"] for one in infos]
        assert [(one["type"], one["invoiceTiming"], one["currencies"]) for one in cards] == [
            ("USAGE", "IN_ARREARS", ["USD"]),
            ("FIXED_FEE", "IN_ARREARS", ["USD"]),
            ("FIXED_FEE", "IN_ARREARS", ["USD"]),
        ]
        assert {(one["referenceType"], one["referenceId"], one["pricePlanId"]) for one in cards} == {
            ("PRICE_PLAN", stored["id"], plan)
        }
        assert cards[0]["rateCardDetails"] == {"usageRateCard": stored["pricePlanDetails"]["usageRateCards"][0]}

    def test_it_stores_nothing(self, customer: Shop) -> None:
        before = customer.api.get("/price_plans").ok(), customer.invoices()
        told(customer, pricePlanDetailsConfig=cheaper(customer), usageConfig=CYCLE)
        assert (customer.api.get("/price_plans").ok(), customer.invoices()) == before

    def test_it_sees_what_was_sent_just_before(self, customer: Shop) -> None:
        customer.use(10, "2026-02-06T12:00:00Z")
        now = {"mode": "LOOKUP_CYCLE", "lookupCycle": {"accountId": "acme"}}
        assert revenue(told(customer, pricePlanDetailsConfig=cheaper(customer), usageConfig=now)) == 60

    def test_cycles_are_those_of_the_organisations_days(self, customer: Shop) -> None:
        """31 January 23:30 in UTC is the last half hour of the cycle; a plan of days knows no half of one."""
        on = "2026-01-31T23:30:00Z"
        usage = {"mode": "LOOKUP_CYCLE", "lookupCycle": {"accountId": "acme", "cycleEffectiveOn": on}}
        proration = {
            "mode": "LOOKUP_CYCLE",
            "lookupCycleConfig": {"accountId": "acme", "cycleEffectiveOn": on, "currentDateTime": on},
        }
        config = {"mode": "ACCOUNT", "accountId": "acme", "effectiveOn": on}
        infos = told(customer, pricePlanDetailsConfig=config, usageConfig=usage, prorationConfig=proration)
        assert infos[1]["fixedFeeRevenueSummary"]["revenue"] == 2  # one day: 62 / 31


class TestEntitlements:
    """Figures of domain.md 4.7."""

    CHEAPER = ((0, "0.05"), (25000, "0.03"))

    @pytest.fixture
    def feature(self, still: Shop) -> str:
        return still.api.post("/features", {"name": "Exports"}).ok()["id"]

    def terms(self, feature: str, **more: object) -> dict[str, Any]:
        return custom(
            billingEntitlementRateCards=[entitlement(feature, 60, 60)],
            entitlementOverageRateCards=[overage(feature, *self.CHEAPER, **more)],
        )

    @pytest.mark.parametrize(("units", "costs"), [(30000, 1400), (25000, 1250), (0, 0)])
    def test_units_and_those_beyond_them(self, still: Shop, feature: str, units: int, costs: int) -> None:
        config = {"mode": "CUSTOM", "custom": [{"featureId": feature, "quantity": units}]}
        granted, beyond = told(still, pricePlanDetailsConfig=self.terms(feature), entitlementOverageConfig=config)
        assert (granted["usages"], granted["billingEntitlementRevenueSummary"]) == ({}, {"revenue": 120})
        assert granted["billingEntitlementRateCard"]["featureId"] == feature
        assert (beyond["usages"], beyond["entitlementOverageRevenueSummary"]) == ({feature: units}, {"revenue": costs})
        assert beyond["entitlementOverageRateCard"]["featureId"] == feature

    def test_v2_shows_the_same_with_its_cards(self, still: Shop, feature: str) -> None:
        config = {"mode": "CUSTOM", "custom": [{"featureId": feature, "quantity": 30000}]}
        asked = {"pricePlanDetailsConfig": self.terms(feature), "entitlementOverageConfig": config}
        granted, beyond = told(still, "/v2/revenue_calculator", **asked)
        assert (granted["rateCard"]["type"], granted["rateCard"]["billableId"]) == ("BILLING_ENTITLEMENT", feature)
        assert (beyond["rateCard"]["type"], beyond["rateCard"]["billableId"]) == ("ENTITLEMENT_OVERAGE", feature)
        assert granted["rateCard"]["name"] != beyond["rateCard"]["name"]
        assert beyond["entitlementOverageRevenueSummary"] == {"revenue": 1400}

    def test_no_overage_is_none(self, still: Shop, feature: str) -> None:
        _, beyond = told(still, pricePlanDetailsConfig=self.terms(feature))
        assert (beyond["usages"], beyond["entitlementOverageRevenueSummary"]) == ({feature: 0}, {"revenue": 0})

    def test_overage_of_the_first_cycles_is_free(self, still: Shop, feature: str) -> None:
        config = {"mode": "CUSTOM", "custom": [{"featureId": feature, "quantity": 10}]}
        card = overage(feature, (0, 2), billingConfig={"interval": 1, "startOffset": 4})
        charged = [
            told(
                still,
                pricePlanDetailsConfig=custom(ordinal=ordinal, entitlementOverageRateCards=[card]),
                entitlementOverageConfig=config,
            )[0]["entitlementOverageRevenueSummary"]["revenue"]
            for ordinal in (4, 5)
        ]
        assert charged == [0, 20]


class TestRefusals:
    def test_every_part_names_its_own_problem_at_once(self, still: Shop) -> None:
        message = ask(
            still,
            currencyConfig={"mode": "ACCOUNT_INVOICE", "accountId": "nobody"},
            pricePlanDetailsConfig={"mode": "PRICE_PLAN", "pricePlanId": "pp.unknown"},
            usageConfig={"mode": "CUSTOM", "usageMap": {"um.unknown": 1}},
            prorationConfig={"mode": "CUSTOM"},
        ).refused(400)
        assert message == (
            "currencyConfig.accountId: account 'nobody' not found; "
            "pricePlanDetailsConfig.pricePlanId: price plan 'pp.unknown' not found; "
            "usageConfig.usageMap.um.unknown: usage meter 'um.unknown' not found; "
            "prorationConfig.customConfig: is missing: mode CUSTOM needs it"
        )

    @pytest.mark.parametrize(
        ("parts", "message"),
        [
            ({"currencyConfig": {"mode": "CUSTOM"}}, "currencyConfig.currency: is missing: mode CUSTOM needs it"),
            ({"currencyConfig": {"mode": "ACCOUNT_INVOICE"}}, "currencyConfig.accountId: is missing"),
            ({"currencyConfig": {"mode": "CUSTOM", "currency": "EUR"}}, "no rates in EUR, only in USD"),
            ({"pricePlanDetailsConfig": {"mode": "CUSTOM"}}, "pricePlanDetailsConfig.pricePlanDetails: is missing"),
            ({"pricePlanDetailsConfig": {"mode": "PRICE_PLAN"}}, "pricePlanDetailsConfig.pricePlanId: is missing"),
            ({"pricePlanDetailsConfig": {"mode": "ACCOUNT"}}, "pricePlanDetailsConfig.accountId: is missing"),
            ({"pricePlanDetailsConfig": custom(ordinal=0)}, "pricePlanDetailsConfig.pricingCycleOrdinal"),
            ({"usageConfig": {"mode": "CUSTOM"}}, "usageConfig.usageMap: is missing"),
            ({"usageConfig": {"mode": "LOOKUP_RANGE"}}, "usageConfig.lookupRange: is missing"),
            ({"usageConfig": {"mode": "LOOKUP_CYCLE"}}, "usageConfig.lookupCycle: is missing"),
            ({"usageConfig": {"mode": "LOOKUP"}}, "usageConfig.mode"),
            ({"licenseEntriesConfig": None}, "licenseEntriesConfig"),
            ({"licenseEntriesConfig": {"mode": "LOOKUP_CYCLE"}}, "licenseEntriesConfig.lookupCycle: is missing"),
            ({"prorationConfig": {"mode": "LOOKUP_CYCLE"}}, "prorationConfig.lookupCycleConfig: is missing"),
        ],
        ids=lambda one: one if isinstance(one, str) else "",
    )
    def test_what_a_mode_needs(self, still: Shop, parts: dict[str, object], message: str) -> None:
        asked = {"pricePlanDetailsConfig": custom(minimumCommitment=commitment(1))} | parts
        assert message in ask(still, **asked).refused(400)

    def test_terms_are_checked_as_those_of_a_plan_with_their_place(self, still: Shop, meter: str) -> None:
        terms = custom(
            usageRateCards=[tiered(meter, (5, 1))],
            fixedFeeRateCards=[fee("addon.unknown", 1)],
            billingEntitlementRateCards=[entitlement("feature.x", 0)],
        )
        message = ask(still, pricePlanDetailsConfig=terms).refused(400)
        place = "pricePlanDetailsConfig.pricePlanDetails"
        assert f"{place}.billingEntitlementRateCards[0].featureId: feature 'feature.x' not found" in message
        assert f"{place}.fixedFeeRateCards[0].id: add-on 'addon.unknown' not found" in message
        assert f"{place}.usageRateCards[0].ratePlan.slabs[0].startAfter: is 5" in message

    def test_overage_that_no_plan_has(self, still: Shop) -> None:
        feature = still.api.post("/features", {"name": "Exports"}).ok()["id"]
        terms = custom(entitlementOverageRateCards=[overage(feature, (0, 1), maxQuantity=50)])
        entries = [
            {"featureId": "feature.x", "quantity": -1},
            {"featureId": feature, "quantity": 51},
            {"featureId": feature, "quantity": 1},
        ]
        config = {"mode": "CUSTOM", "custom": entries}
        place = "entitlementOverageConfig.custom"
        assert ask(still, pricePlanDetailsConfig=terms, entitlementOverageConfig=config).refused(400) == (
            f"{place}[0].featureId: feature 'feature.x' not found; {place}[0].quantity: is -1, expected 0 or more; "
            f"{place}[1].quantity: is 51, the plan allows 50 at most; {place}[2].featureId: '{feature}' stands twice"
        )
        looked = {"mode": "LOOKUP_CYCLE"}
        message = ask(still, pricePlanDetailsConfig=terms, entitlementOverageConfig=looked).refused(400)
        assert message == "entitlementOverageConfig.lookupCycle: is missing: mode LOOKUP_CYCLE needs it"

    def test_times_that_no_cycle_or_range_holds(self, customer: Shop) -> None:
        before = "2025-12-31T00:00:00Z"
        cycle = {"accountId": "acme", "cycleEffectiveOn": before}
        backwards = {"accountId": "acme", "start": "2026-02-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}
        outside = {
            "cycleStartDate": "2026-01-01T00:00:00Z",
            "cycleEndDate": "2026-02-01T00:00:00Z",
            "currentDate": "2026-02-01T00:00:00Z",
        }
        none = "account 'acme' has no price plan at 2025-12-31T00:00:00+00:00"
        for parts, message in (
            ({"usageConfig": {"mode": "LOOKUP_CYCLE", "lookupCycle": cycle}}, none),
            ({"pricePlanDetailsConfig": {"mode": "ACCOUNT", "accountId": "acme", "effectiveOn": before}}, none),
            ({"usageConfig": {"mode": "LOOKUP_RANGE", "lookupRange": backwards}}, "lookupRange.end: must lie after"),
            ({"prorationConfig": {"mode": "CUSTOM", "customConfig": outside}}, "currentDate: lies outside the cycle"),
            (
                {"prorationConfig": {"mode": "CUSTOM", "customConfig": outside | {"cycleEndDate": "2026-01-01"}}},
                "prorationConfig.customConfig.cycleEndDate",
            ),
        ):
            asked = {"pricePlanDetailsConfig": cheaper(customer)} | parts
            assert message in ask(customer, **asked).refused(400)

    def test_more_than_a_ledger_holds_is_no_answer(self, still: Shop, meter: str) -> None:
        terms = custom(usageRateCards=[card(meter, slab(0, "PER_UNIT", 10**12))])
        asked = question(pricePlanDetailsConfig=terms, usageConfig=used(**{meter: 10**90}))
        assert "the most that can be billed" in still.api.post("/revenue_calculator", asked).refused(422)


def test_a_cycle_of_a_calendar_that_no_plan_could_have_does_not_matter(still: Shop, meter: str) -> None:
    """The official sample has a month offset in a monthly cycle: it prices cards, and needs no cycle for that."""
    terms = custom(usageRateCards=[tiered(meter, (0, 40))], pricingCycleConfig=monthly(3, day="4", month="1"))
    assert revenue(told(still, pricePlanDetailsConfig=terms, usageConfig=used(**{meter: 2}))) == 80
