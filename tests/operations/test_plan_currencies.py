"""Another currency for a plan: a draft until it is active, and native rates for every card (domain.md 4.9)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import Shop, amounts, commitment, credit_grant, entitlement, fee, overage, tiered

if TYPE_CHECKING:
    from tests.servers import Answer

Json = dict[str, Any]


def bonus(addon: str, amount: object = 9, rate: object = 2) -> Json:
    """What a card grants in a currency, for a flat price."""
    return {
        "id": addon,
        "creditAmount": amount,
        "slabDetails": [{"startAfter": 0, "priceType": "FLAT", "rate": rate}],
    }


class Priced:
    """A plan in dollars with a usage card of two tiers, a fee of 30 and a commitment of 100."""

    def __init__(self, shop: Shop) -> None:
        shop.schema()
        self.api = shop.api
        self.meter, self.addon = shop.meter(), shop.addon()
        self.id = shop.plan(
            usageRateCards=[tiered(self.meter, (0, 2), (100, 1))],
            fixedFeeRateCards=[fee(self.addon, 30)],
            minimumCommitment=commitment(100),
        )
        self.path = f"/price_plans/{self.id}"

    def rates(self, currency: str = "EUR", **more: object) -> Json:
        slabs = [{"order": 1, "rate": 1.5}, {"order": 2, "rate": 0.75}]
        return {
            "currency": currency,
            "usageRates": [{"usageMeterId": self.meter, "slabRates": slabs}],
            "fixedFeeRates": [{"id": self.addon, "rate": 25}],
        } | more

    def add(self, currency: str = "EUR", **more: object) -> Answer:
        return self.api.post(f"{self.path}/currencies", self.rates(currency, **more))

    def remove(self, currency: str = "EUR") -> Answer:
        return self.api.delete(f"{self.path}/currencies/{currency}")


def currencies(answer: Json) -> tuple[list[str], list[str]]:
    details = answer["pricingSchedule"][0]["pricePlanDetails"]
    return details["supportedCurrencies"], details["activeCurrencies"]


def test_an_account_is_billed_in_the_rates_of_its_currency(shop: Shop) -> None:
    # By hand: 150 calls in EUR are 100 x 1.5 + 50 x 0.75 = 187.50, and the fee 25: 212.50; at least 300: 300.
    plan = Priced(shop)
    shop.account("euro", "EUR")
    assert currencies(plan.add(minimumCommitmentRate=300).ok()) == (["USD", "EUR"], ["USD"])
    assert "is active in USD, the account is billed in EUR" in shop.try_associate(plan.id, "euro").refused(400)
    activated = shop.api.post(f"{plan.path}/activate", {"currencies": ["EUR"]}).ok()
    assert (currencies(activated), activated["pricingSchedule"][0]["version"]) == ((["USD", "EUR"],) * 2, 1)
    shop.associate(plan.id, "euro")
    shop.use(150, account="euro")
    assert shop.invoices("euro")[0]["totalAmount"] == 300
    assert amounts(shop.invoice(0, "euro"), "SUB_TOTAL_AMOUNT", "TRUE_UP_AMOUNT") == [Decimal("212.5"), Decimal("87.5")]


def test_credit_is_granted_in_the_currency_of_the_account(shop: Shop) -> None:
    addon = shop.addon("Bonus", "CREDIT_GRANT")
    plan = shop.plan(creditGrantRateCards=[credit_grant(addon, 10, 1)])
    path = f"/price_plans/{plan}/currencies"
    wrong = shop.api.post(path, {"currency": "EUR", "creditGrantRates": [bonus(addon, 0.001, 1e30)]}).refused(400)
    assert "creditGrantRates[0].creditAmount: 0.001 is finer than the smallest unit of EUR" in wrong
    assert "creditGrantRates[0].slabDetails[0].rate: is 1000000000000000000000000000000" in wrong
    assert f"creditGrantRates: has no rate for {addon}" in shop.api.post(path, {"currency": "EUR"}).refused(400)
    shop.api.post(path, {"currency": "EUR", "creditGrantRates": [bonus(addon)]}).ok()
    shop.api.post(path, {"currency": "JPY", "creditGrantRates": [bonus(addon)]}).ok()
    left = shop.api.delete(f"{path}/JPY").ok()["pricingSchedule"][0]["pricePlanDetails"]["creditGrantRateCards"][0]
    kept = [one["currency"] for one in left["rateDetails"]["currencySlabRateDetails"]]
    assert kept == ["USD", "EUR"]
    shop.api.post(f"/price_plans/{plan}/activate", {"currencies": ["EUR"]}).ok()
    shop.account("euro", "EUR")
    shop.associate(plan, "euro")
    (credit,) = shop.api.get("/credits", account_id="euro").ok()["data"]
    assert (credit["creditUnit"], credit["creditAmount"]) == ("EUR", 9)
    assert shop.invoices("euro")[0]["totalAmount"] == 2


def test_what_others_pay_stays_as_it_is(still: Shop) -> None:
    plan = Priced(still)
    still.account()
    still.associate(plan.id)
    still.use(150)
    before = still.invoice()["revenueInfo"]
    plan.add().ok()
    assert still.invoice()["revenueInfo"] == before


def test_units_of_features_and_overage_get_rates_too(still: Shop) -> None:
    feature = still.api.post("/features", {"name": "Exports"}).ok()["id"]
    cards = {
        "billingEntitlementRateCards": [entitlement(feature, 100)],
        "entitlementOverageRateCards": [overage(feature, (0, 2))],
    }
    path = f"/price_plans/{still.plan(**cards)}"
    units = [{"id": feature, "slabRates": [{"order": 1, "rate": 3}]}]
    beyond = [{"id": feature, "slabRates": [{"order": 1, "rate": 4}], "rateConfig": {"minimumRate": "5"}}]
    lacking = still.api.post(f"{path}/currencies", {"currency": "EUR", "billingEntitlementRates": units}).refused(400)
    assert lacking == f"entitlementOverageRates: has no rate for {feature}, add one for every card"
    rates = {"billingEntitlementRates": units, "entitlementOverageRates": beyond}
    added = still.api.post(f"{path}/currencies", {"currency": "EUR"} | rates).ok()
    details = added["pricingSchedule"][0]["pricePlanDetails"]
    assert [details[kind][0]["rateValues"][1]["slabRates"] for kind in cards] == [
        units[0]["slabRates"],
        beyond[0]["slabRates"],
    ]
    removed = still.api.delete(f"{path}/currencies/EUR").ok()
    assert removed["pricingSchedule"][0]["pricePlanDetails"]["supportedCurrencies"] == ["USD"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"currency": "USD"}, "currency: USD is one of the plan's supportedCurrencies already"),
        ({"currency": "GLD"}, "currency: 'GLD' is not a currency"),
        ({"currency": "EURO"}, "currency: "),
        ({"usageRates": []}, "usageRates: has no rate for um."),
        ({"fixedFeeRates": []}, "fixedFeeRates: has no rate for addon."),
        ({"fixedFeeRates": [{"id": "addon.x", "rate": 1}]}, "fixedFeeRates[0].id: the plan has no card for 'addon.x'"),
        ({"creditGrantRates": [{"id": "addon.x"}]}, "creditGrantRates[0]: "),
        ({"creditGrantRates": [bonus("addon.x")]}, "creditGrantRates[0].id: the plan has no card for 'addon.x'"),
        ({"billingEntitlementRates": [{}]}, "billingEntitlementRates[0]: "),
        (
            {"entitlementOverageRates": [{"id": "feature.x", "slabRates": [{"order": 1, "rate": 1}]}]},
            "entitlementOverageRates[0].id: the plan has no card for 'feature.x'",
        ),
        ({"licenseRates": [{"id": "addon.x", "slabRates": [{"order": 1, "rate": 1}]}]}, "no card for 'addon.x'"),
        ({"minimumCommitmentRate": -1}, "minimumCommitmentRate: is -1, expected 0 or more"),
        ({"rates": []}, "unknown field 'rates'"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_path(still: Shop, change: Json, path: str) -> None:
    plan = Priced(still)
    before = still.api.get(plan.path).ok()
    assert path in still.api.post(f"{plan.path}/currencies", plan.rates() | change).refused(400)
    assert still.api.get(plan.path).ok() == before


def test_every_problem_is_told_at_once_where_it_was_sent(still: Shop) -> None:
    plan = Priced(still)
    usage = {"usageMeterId": plan.meter, "slabRates": [{"order": 1, "rate": 1e30}]}
    message = plan.add(usageRates=[usage, usage], fixedFeeRates=[]).refused(400)
    for part in (
        "usageRates[1].usageMeterId: ",
        "is priced twice",
        "fixedFeeRates: has no rate for",
        "usageRates[0].slabRates: has the orders 1, expected 1 to 2",
        "usageRates[0].slabRates[0].rate: is 1000000000000000000000000000000",
    ):
        assert part in message


def test_a_rate_for_a_commitment_that_there_is_not_is_refused(still: Shop) -> None:
    addon = still.addon()
    plan = still.plan(fixedFeeRateCards=[fee(addon, 5)])
    body = {"currency": "EUR", "fixedFeeRates": [{"id": addon, "rate": 4}], "minimumCommitmentRate": 5}
    message = still.api.post(f"/price_plans/{plan}/currencies", body).refused(400)
    assert message == "minimumCommitmentRate: the plan has no minimum commitment, leave it out"


def test_licences_get_rates_too(still: Shop) -> None:
    seats = still.addon("Seats", "LICENSE")
    card = tiered(seats, (0, 30)) | {"id": seats, "enableProration": False}
    del card["usageMeterId"]
    plan = still.plan(licenseRateCards=[card])
    path = f"/price_plans/{plan}/currencies"
    assert "licenseRates: has no rate for addon." in still.api.post(path, {"currency": "EUR"}).refused(400)
    rates = {"licenseRates": [{"id": seats, "slabRates": [{"order": 1, "rate": 25}]}]}
    details = still.api.post(path, {"currency": "EUR"} | rates).ok()["pricingSchedule"][0]["pricePlanDetails"]
    values = details["licenseRateCards"][0]["rateValues"]
    assert [(value["currency"], value["slabRates"][0]["rate"]) for value in values] == [("USD", 30), ("EUR", 25)]


def test_only_a_draft_currency_is_removed_with_all_its_rates(still: Shop) -> None:
    plan = Priced(still)
    before = still.api.get(plan.path).ok()
    plan.add(minimumCommitmentRate=80).ok()
    assert plan.remove().ok() == before
    assert "currency 'EUR' not found" in plan.remove().refused(404)
    assert "USD is active" in plan.remove("USD").refused(400)
    plan.add().ok()
    still.api.post(f"{plan.path}/activate", {"currencies": ["EUR"]}).ok()
    assert "EUR is active" in plan.remove().refused(400)


def test_the_last_currency_of_a_draft_stays(still: Shop) -> None:
    body = {"name": "Draft", "pricePlanDetails": {"supportedCurrencies": ["USD"]}}
    draft = still.api.post("/price_plans", body).ok()["id"]
    message = still.api.delete(f"/price_plans/{draft}/currencies/USD").refused(400)
    assert "is the only currency" in message
    still.api.post(f"/price_plans/{draft}/currencies", {"currency": "EUR"}).ok()
    assert currencies(still.api.delete(f"/price_plans/{draft}/currencies/USD").ok()) == (["EUR"], [])


def test_a_commitment_goes_with_its_last_currency(still: Shop) -> None:
    details = {"supportedCurrencies": ["USD", "EUR"], "minimumCommitment": commitment(9, "EUR")}
    draft = still.api.post("/price_plans", {"name": "Draft", "pricePlanDetails": details}).ok()["id"]
    rest = still.api.delete(f"/price_plans/{draft}/currencies/EUR").ok()
    assert "minimumCommitment" not in rest["pricingSchedule"][0]["pricePlanDetails"]


def test_a_draft_on_top_has_to_be_finalised_or_discarded_first(still: Shop) -> None:
    plan = Priced(still)
    plan.add("JPY", usageRates=plan.rates()["usageRates"]).ok()
    still.api.patch(f"/v2/price_plans/{plan.id}", {"description": "Next"}).ok()
    for answer in (plan.add(), plan.remove("JPY")):
        assert "has a draft, version 2: finalize or discard it first" in answer.refused(400)
