"""Random histories of purchases: whatever is bought, paid, void and refunded, no cent is there twice (ADR 0036).

Nothing is predicted but whether what there is adds up: the wallet, the orders, the credit that was sold and the credit
that was a gift.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.operations.buying import answer, buy, pack, propose, purchase
from tests.operations.money import ask, balance, entries, line, payment
from tests.operations.shop import Shop, amounts

if TYPE_CHECKING:
    from tests.operations.shop import Json
    from tests.servers import Inside

GIFT: Final = 70
WAITS: Final = {"DUE", "PARTIALLY_PAID", "UN_COLLECTIBLE"}
UNDONE: Final = {"VOID", "REFUND_INITIATED", "REFUND_COMPLETED"}

Step = tuple[Any, ...]
Which = st.integers(0, 4)
Mode = st.sampled_from(("at once", "PREPAID", "POSTPAID"))
STEPS: Final = st.one_of(
    st.tuples(st.just("top up"), st.integers(1, 60)),
    st.tuples(st.just("buy money"), Mode, st.integers(1, 60), st.integers(0, 60)),
    st.tuples(st.just("buy pack"), Mode, st.integers(1, 3)),
    st.tuples(st.just("pay"), Which, st.integers(1, 60)),
    st.tuples(st.just("move"), Which, st.sampled_from(("PAID", "PAID", "VOID", "UN_COLLECTIBLE"))),
    st.tuples(st.just("move"), Which, st.just("REFUND_INITIATED")),
)


@dataclass
class Buyer:
    """The account `acme`, with credit that was a gift; `received` is all that came in."""

    shop: Shop
    plan: str
    gift: str
    received: Decimal = Decimal(0)
    bought: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, shop: Shop) -> Buyer:
        shop.account()
        plan, _, _ = pack(shop)
        return cls(shop, plan, shop.credit(GIFT))

    def do(self, kind: str, *about: Any) -> None:  # noqa: ANN401 - as each step has it
        """Take a step, as far as it can be taken."""
        status = getattr(self, kind.replace(" ", "_"))(*about)
        assert status < 500, (kind, about)

    def top_up(self, dollars: int) -> int:
        self.received += dollars
        return self.shop.api.post("/accounts/acme/wallet_topup", {"topupAmount": dollars}).status

    def buy_money(self, mode: str, dollars: int, price: int) -> int:
        details = {"topupAmount": dollars, "purchaseAmount": price}
        return self._buy(mode, None, type="WALLET_TOPUP", walletTopupDetails=details)

    def buy_pack(self, mode: str, quantity: int) -> int:
        return self._buy(mode, self.plan, quantity=quantity)

    def _buy(self, mode: str, plan: str | None, **asked: object) -> int:
        if mode == "at once":
            made = buy(self.shop, plan, **asked)
        else:
            made = propose(self.shop, plan, mode, **asked)
            answer(self.shop, made.ok()["id"]).ok()
        self.bought.append(made.ok()["id"])
        return made.status

    def pay(self, which: int, dollars: int) -> int:
        invoice = self._order(which)
        part = line("INVOICE", togai_id=invoice)
        told = self.shop.api.post("/payments", payment(dollars, part))
        self.received += dollars if told.status == 201 else 0
        return told.status

    def move(self, which: int, wanted: str) -> int:
        invoice = self._order(which)
        if invoice == "inv.none":
            return 404
        before = self.shop.api.get(f"/invoices/{invoice}").ok()
        told = ask(self.shop, invoice, wanted)
        if told.status == 200 and wanted == "PAID":
            self.received += before["totalAmount"] - before["paidAmount"]
        return told.status

    def _order(self, which: int) -> str:
        return purchase(self.shop, self.bought[which])["invoiceId"] if which < len(self.bought) else "inv.none"


def adds_up(buyer: Buyer) -> None:
    """Every dollar that came in is in the wallet or on an order; money and credit that were sold are there once."""
    shop = buyer.shop
    found = [purchase(shop, name) for name in buyer.bought]
    orders = [shop.api.get(f"/invoices/{one['invoiceId']}").ok() for one in found]
    sold = [_in_wallet(one) for one in found if one["status"] == "SUCCESS"]
    paid = [order["paidAmount"] for order in orders]
    assert balance(shop) == buyer.received + sum(sold) - sum(paid) >= 0
    moves = [amount if kind == "CREDITED" else -amount for kind, amount, _ in entries(shop)]
    assert sum(moves) == balance(shop)
    for one, order in zip(found, orders, strict=True):
        assert order["status"] in _states(one, order), (one["status"], order["status"])
    held = shop.api.get("/credits", pageSize=100).ok()["data"]
    usable = sorted(one["creditAmount"] for one in held if one["status"] != "VOIDED" and one["id"] != buyer.gift)
    packs = [one for one in found if one["status"] == "SUCCESS" and "pricePlanId" in one]
    granted = [Decimal(100 * one["quantity"]) for one in packs]
    assert usable == sorted(granted)
    spent = [-sum(amounts(order, "SUB_CREDITS")) for order in orders if order["status"] not in UNDONE]
    assert sum(one["consumedAmount"] for one in held) == sum(spent)


def _in_wallet(bought: Json) -> Decimal:
    return Decimal(bought["walletTopupDetails"]["topupAmount"]) if "walletTopupDetails" in bought else Decimal(0)


def _states(bought: Json, order: Json) -> set[str]:
    """The states that the order of a purchase may have."""
    if bought["status"] == "FAILURE":
        return UNDONE
    if bought["status"] == "PENDING":
        return WAITS
    return {"PAID"} if order["invoiceClass"] == "ORDER" else {"PAID", *WAITS}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=3, max_size=12))
def test_no_cent_is_there_twice(standing: Inside, steps: list[Step]) -> None:
    buyer = Buyer.begin(Shop(standing.new_organisation()))
    for step in steps:
        buyer.do(*step)
    adds_up(buyer)


def test_a_dollar_from_nowhere_is_found(standing: Inside) -> None:
    buyer = Buyer.begin(Shop(standing.new_organisation()))
    for step in (("buy money", "at once", 30, 20), ("move", 0, "PAID"), ("move", 0, "REFUND_INITIATED")):
        buyer.do(*step)
    adds_up(buyer)
    buyer.top_up(30)
    buyer.received -= 30
    with pytest.raises(AssertionError):
        adds_up(buyer)
