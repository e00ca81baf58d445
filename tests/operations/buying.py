"""A seller's short ways to offer what is bought once, sell it, and take the money for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.operations.shop import credit_grant, fee

if TYPE_CHECKING:
    from decimal import Decimal

    from tests.operations.shop import Shop
    from tests.servers import Answer

Json = dict[str, Any]


def once(shop: Shop, *, currencies: tuple[str, ...] = ("USD",), **cards: object) -> str:
    """An active plan of type PURCHASE; its id."""
    body = {"name": "Once", "type": "PURCHASE", "pricePlanDetails": {"supportedCurrencies": currencies} | cards}
    made = shop.api.post("/price_plans", body).ok()["id"]
    shop.api.post(f"/price_plans/{made}/activate", {"currencies": currencies}).ok()
    return made


def pack(
    shop: Shop, amount: object = 100, price: object = 10, setup: object = 50, **more: object
) -> tuple[str, str, str]:
    """A plan with a fee and credit; its id, and those of the two add-ons."""
    base, bonus = shop.addon("Setup"), shop.addon("Pack", "CREDIT_GRANT")
    cards = {
        "fixedFeeRateCards": [fee(base, setup, type="ONE_TIME")],
        "creditGrantRateCards": [credit_grant(bonus, amount, price, displayName="Pack", **more)],
    }
    return once(shop, **cards), base, bonus


def buy(shop: Shop, plan: str | None = None, account: str = "acme", **more: object) -> Answer:
    """Ask for a purchase."""
    body = more if plan is None else {"pricePlanId": plan} | more
    return shop.api.post(f"/accounts/{account}/purchases", body)


def propose(
    shop: Shop, plan: str | None = None, mode: str = "PREPAID", account: str = "acme", **more: object
) -> Answer:
    """Ask for a proposal."""
    body = {"paymentMode": mode} | more | ({} if plan is None else {"pricePlanId": plan})
    return shop.api.post(f"/accounts/{account}/purchase_proposals", body)


def answer(shop: Shop, proposal: str, said: str = "APPROVE") -> Answer:
    """Approve or decline a proposal."""
    return shop.api.post(f"/purchase_proposals/{proposal}/update_status", {"status": said})


def purchase(shop: Shop, name: str) -> Json:
    """A purchase as it is now."""
    return shop.api.get(f"/purchases/{name}").ok()


def pay(shop: Shop, invoice: str) -> None:
    """Let an order become PAID."""
    shop.api.patch(f"/invoices/{invoice}", {"status": "PAID"}).ok()


def credits_of(shop: Shop, account: str = "acme") -> list[tuple[str, Decimal, str]]:
    """First day, amount and status of each credit, the first one first."""
    found = sorted(shop.api.get("/credits", account_id=account).ok()["data"], key=lambda one: one["id"])
    return [(one["effectiveFrom"], one["creditAmount"], one["status"]) for one in found]
