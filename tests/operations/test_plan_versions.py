"""Versions of a plan: what was agreed on stays, whatever the plan says later (domain.md 1.4, 4.9)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tallystick.engine.administration import Administration
from tallystick.kernel.scope import Scope
from tests.operations.shop import Shop, fee, monthly, tiered

if TYPE_CHECKING:
    from tests.servers import Inside

Json = dict[str, Any]


def rate(plan: Json) -> object:
    """What the plan's first usage card takes for a call."""
    (shown,) = plan["pricingSchedule"]
    return shown["pricePlanDetails"]["usageRateCards"][0]["rateValues"][0]["slabRates"][0]["rate"]


def agreed(shop: Shop, account: str) -> list[tuple[int, object]]:
    """The version of each piece of an account's timeline, and what it takes for a call."""
    pieces = shop.api.get(f"/accounts/{account}/pricing_schedules").ok()["data"]
    return [(piece["version"], rate({"pricingSchedule": [piece]})) for piece in pieces]


def test_an_account_keeps_the_version_that_it_agreed_on(shop: Shop) -> None:
    # By hand: 10 calls at 2 are 20, at 3 they are 30; acme agreed before the change, zenith after it.
    shop.account("zenith")
    meter = shop.metered_plan((0, 2))
    (plan,) = shop.api.get("/price_plans").ok()["data"]
    path = f"/price_plans/{plan['id']}"
    dearer = {"pricePlanDetails": {"usageRateCards": [tiered(meter, (0, 3))]}}
    assert rate(shop.api.patch(path, dearer).ok()) == 3
    shop.associate(plan["id"], "zenith")
    for account in ("acme", "zenith"):
        shop.use(10, account=account)
    assert (agreed(shop, "acme"), agreed(shop, "zenith")) == ([(1, 2)], [(2, 3)])
    assert [shop.invoices(account)[0]["totalAmount"] for account in ("acme", "zenith")] == [20, 30]
    shop.api.advance("2026-02-03")
    assert [shop.invoice(0, account)["totalAmount"] for account in ("acme", "zenith")] == [20, 30]
    assert [rate(shop.api.get(path, version=number).ok()) for number in (1, 2)] == [2, 3]
    assert rate(shop.api.get(path).ok()) == 3


def test_the_price_of_an_event_is_looked_up_in_the_version_that_was_agreed_on(still: Shop) -> None:
    meter = still.metered_plan((0, 2))
    addon = still.addon()
    (plan,) = still.api.get("/price_plans").ok()["data"]
    only_a_fee = {"usageRateCards": [], "fixedFeeRateCards": [fee(addon, 5)]}
    still.api.patch(f"/price_plans/{plan['id']}", {"pricePlanDetails": only_a_fee}).ok()
    (event,) = still.api.get(f"/events/{still.use(1)}").ok()["events"]
    (traced,) = event["eventPipelineInfo"]["pricePlans"]
    assert traced["usageMeters"] == [meter]


def test_a_new_version_is_active_in_the_currencies_that_it_keeps(still: Shop) -> None:
    addon = still.addon()

    def priced(**rates: int) -> Json:
        values = [{"currency": currency, "rate": value} for currency, value in rates.items()]
        return {"supportedCurrencies": list(rates), "fixedFeeRateCards": [fee(addon, 5) | {"rateValues": values}]}

    body = {"name": "Two", "pricePlanDetails": priced(USD=5, EUR=4) | {"pricingCycleConfig": monthly()}}
    path = f"/price_plans/{still.api.post('/price_plans', body).ok()['id']}"
    still.api.post(f"{path}/activate", {"currencies": ["USD", "EUR"]}).ok()

    def active(answer: Json) -> list[str]:
        return answer["pricingSchedule"][0]["pricePlanDetails"]["activeCurrencies"]

    changed = still.api.patch(path, {"pricePlanDetails": priced(EUR=4, JPY=600)}).ok()
    assert active(changed) == ["EUR"]
    assert active(still.api.post(f"{path}/activate", {"currencies": ["JPY"]}).ok()) == ["EUR", "JPY"]
    assert active(still.api.get(path, version=1).ok()) == ["USD", "EUR"]


def test_the_list_shows_plans_in_their_active_version(still: Shop) -> None:
    meter = still.metered_plan((0, 2))
    (before,) = still.api.get("/price_plans").ok()["data"]
    other = {"pricePlanDetails": {"usageRateCards": [tiered(meter, (0, 3))], "pricingCycleConfig": monthly(grace=9)}}
    still.api.patch(f"/price_plans/{before['id']}", other).ok()
    (after,) = still.api.get("/price_plans").ok()["data"]
    assert (before["version"], after["version"]) == (1, 2)
    assert after["pricePlanDetails"]["pricingCycleConfig"]["gracePeriod"] == 9


def test_a_new_version_of_an_active_plan_needs_a_key_for_money(standing: Inside, still: Shop) -> None:
    plan = still.plan(fixedFeeRateCards=[fee(still.addon(), 5)])
    organisation = still.api.get("/v1/organization").ok()["id"]
    keys = Administration(standing.engine.database)
    writer = standing.api(keys.create_key(organisation, "writer", frozenset({Scope.WRITE}), Decimal(100))[1])
    dearer = {"pricePlanDetails": {"fixedFeeRateCards": [fee(still.addon("Other"), 6)]}}
    assert "a key with the scope money" in writer.patch(f"/price_plans/{plan}", dearer).refused(403)
    assert writer.patch(f"/price_plans/{plan}", {"description": "As it was"}).status == 200
    still.api.patch(f"/price_plans/{plan}", dearer).ok()
