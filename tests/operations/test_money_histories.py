"""Random histories of wallets, payments and invoices against a slow model that counts cent by cent (domain.md 7.8)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.operations.money import ask, entries, figures, line, owing, parts, payment, wallet
from tests.operations.shop import Shop

if TYPE_CHECKING:
    from tests.operations.shop import Json
    from tests.servers import Answer, Inside

MONTHS: Final = 3
SINCE, UNTIL = "2025-09-01", "2025-12-01"
"""It is New Year 2026: three months are due, as soon as somebody has a plan for them."""
SETTLED: Final = {"PAID": "PAID", "UN_COLLECTIBLE": "UN_COLLECTIBLE", "REFUND_INITIATED": "REFUND_COMPLETED"}

Step = tuple[Any, ...]
Cents = st.integers(1, 60)
Bills = st.integers(0, 4)
Lines = st.lists(
    st.tuples(
        st.sampled_from(("INVOICE", "INVOICE", "CREDIT", "WALLET_CREDIT")),
        st.integers(-1, 1),
        st.none() | st.integers(1, 30),
        Bills,
    ),
    min_size=1,
    max_size=3,
)
STEPS: Final = st.one_of(
    st.tuples(st.just("top up"), Cents),
    st.tuples(st.just("switch"), st.booleans()),
    st.tuples(st.just("bill"), st.integers(0, 30)),
    st.tuples(st.just("pay"), Cents, Lines),
    st.tuples(st.just("pay"), Cents, Lines),
    st.tuples(st.just("move"), Bills, st.sampled_from(("VOID", *SETTLED))),
    st.tuples(st.just("void"), Bills),
    st.tuples(st.just("bill again"), Bills),
)


@dataclass
class Bill:
    """An invoice in cents; `sources` says who has paid each one."""

    total: int
    status: str = "DUE"
    sources: list[str] = field(default_factory=list)


class Model:
    """What should be there, as lists of cents."""

    def __init__(self) -> None:
        self.wallet: list[tuple[str, int]] = []
        self.is_on = True
        self.bills: list[Bill] = []
        self.credits = 0
        self.received = 0

    def do(self, kind: str, *about: Any) -> bool:  # noqa: ANN401 - as each step has it
        """Take a step; whether it is one that can be taken."""
        return bool(getattr(self, kind.replace(" ", "_"))(*about))

    def balance(self) -> int:
        return sum(amount if kind == "CREDITED" else -amount for kind, amount in self.wallet)

    def top_up(self, cents: int) -> bool:
        self.wallet.append(("CREDITED", cents))
        self.received += cents
        return True

    def switch(self, on: bool) -> bool:  # noqa: FBT001 - a step
        self.is_on = on
        return True

    def bill(self, rate: int) -> bool:
        if self.bills:
            return False
        for _ in range(MONTHS):
            self.fall_due(rate)
        return True

    def fall_due(self, total: int) -> None:
        made = Bill(total)
        spent = 0
        while self.is_on and spent < total and self.balance() > spent:
            spent += 1
        if spent:
            self.wallet.append(("DEBITED", spent))
            made.sources += ["wallet"] * spent
        self.bills.append(made)
        self.look_at(made)

    def look_at(self, bill: Bill) -> None:
        if bill.sources or not bill.total:
            bill.status = "PAID" if len(bill.sources) == bill.total else "PARTIALLY_PAID"

    def pay(self, cents: int, lines: list[tuple[str, int, int | None, int]]) -> bool:
        """Hand out each cent to the first line that can take it."""
        wanted = [
            self.bills[which].status for kind, _, _, which in lines if kind == "INVOICE" and which in self.known()
        ]
        named = [which for kind, _, _, which in lines if kind == "INVOICE"]
        if len(wanted) < len(named) or set(wanted) - {"DUE", "PARTIALLY_PAID"}:
            return False
        left, taken = cents, Counter[int]()
        got = []
        for kind, _, amount, which in sorted(lines, key=lambda one: one[1]):
            mine = 0
            while left and mine != amount and (kind != "INVOICE" or self.owes(which) > taken[which]):
                mine, left = mine + 1, left - 1
                taken[which] += kind == "INVOICE"
            if amount is not None and mine < amount:
                return False
            got.append((kind, which, mine))
        for kind, which, mine in [*got, ("WALLET_CREDIT", 0, left)]:
            self.take(kind, which, mine)
        self.received += cents
        return True

    def take(self, kind: str, which: int, cents: int) -> None:
        if kind == "INVOICE":
            self.bills[which].sources += ["payment"] * cents
            self.look_at(self.bills[which])
        elif kind == "CREDIT":
            self.credits += cents
        elif cents:
            self.wallet.append(("CREDITED", cents))

    def known(self) -> range:
        return range(len(self.bills))

    def owes(self, which: int) -> int:
        return self.bills[which].total - len(self.bills[which].sources)

    def void(self, which: int) -> bool:
        return self.move(which, "VOID")

    def move(self, which: int, wanted: str) -> bool:
        if which not in self.known():
            return False
        bill = self.bills[which]
        ways = {
            "PAID": {"DUE", "PARTIALLY_PAID", "UN_COLLECTIBLE"},
            "VOID": {"DUE", "PARTIALLY_PAID", "UN_COLLECTIBLE"} | (set() if bill.sources else {"PAID"}),
            "UN_COLLECTIBLE": {"DUE", "PARTIALLY_PAID"},
            "REFUND_INITIATED": {"PAID", "PARTIALLY_PAID"} if bill.sources else set(),
        }
        if bill.status not in ways[wanted]:
            return False
        if wanted == "PAID":
            self.received += self.owes(which)
            bill.sources += ["payment"] * self.owes(which)
        if wanted == "VOID":
            self.give_back(bill)
        bill.status = SETTLED.get(wanted, wanted)
        return True

    def give_back(self, bill: Bill) -> None:
        """Everything goes into the wallet; in how many entries it does is not told here."""
        if bill.sources:
            self.wallet.append(("CREDITED", len(bill.sources)))
        bill.sources = []

    def bill_again(self, which: int) -> bool:
        """Make another bill of a void one that nobody made another one of yet."""
        if which not in self.known() or self.bills[which].status != "VOID":
            return False
        self.bills[which].status = "VOID, billed again"
        self.fall_due(self.bills[which].total)
        return True


class Real:
    """The same steps over REST."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.names: list[str] = []
        shop.account()

    def do(self, kind: str, *about: Any) -> Answer | None:  # noqa: ANN401 - as each step has it
        answer: Answer | None = getattr(self, kind.replace(" ", "_"))(*about)
        return answer

    def top_up(self, cents: int) -> Answer:
        return self.shop.api.post("/accounts/acme/wallet_topup", {"topupAmount": dollars(cents)})

    def switch(self, on: bool) -> Answer:  # noqa: FBT001 - a step
        return self.shop.api.patch("/accounts/acme/wallet", {"status": "ACTIVE" if on else "INACTIVE"})

    def bill(self, rate: int) -> Answer | None:
        if self.names:
            return None
        plan = owing(self.shop, dollars(rate), "template")
        answer = self.shop.try_associate(plan, since=SINCE, until=UNTIL)
        self.names = [one["id"] for one in self.shop.invoices()]
        return answer

    def pay(self, cents: int, lines: list[tuple[str, int, int | None, int]]) -> Answer:
        asked = [
            line(
                kind,
                order,
                None if amount is None else dollars(amount),
                self.name(which) if kind == "INVOICE" else None,
            )
            for kind, order, amount, which in lines
        ]
        return self.shop.api.post("/payments", payment(dollars(cents), *asked))

    def void(self, which: int) -> Answer:
        return self.move(which, "VOID")

    def move(self, which: int, wanted: str) -> Answer:
        return ask(self.shop, self.name(which), wanted)

    def bill_again(self, which: int) -> Answer:
        answer = self.shop.api.post(f"/v1/invoices/{self.name(which)}/reissue")
        if answer.status == 201:
            self.names.append(answer.body["id"])
        return answer

    def name(self, which: int) -> str:
        return self.names[which] if which < len(self.names) else "inv.none"


def dollars(cents: int) -> Decimal:
    return Decimal(cents) / 100


def agree(model: Model, real: Real) -> None:
    shop = real.shop
    told = [figures(shop.api.get(f"/invoices/{name}").ok()) for name in real.names]
    assert told == [
        (bill.status.partition(",")[0], dollars(bill.total), dollars(len(bill.sources))) for bill in model.bills
    ]
    assert Decimal(wallet(shop)["balance"]) == dollars(model.balance()) >= 0
    running = Decimal(0)
    for kind, amount, closing in entries(shop):
        running += amount if kind == "CREDITED" else -amount
        assert running == closing >= 0
    assert running == dollars(model.balance())
    granted = shop.api.get("/credits").ok()["data"]
    assert sum(Decimal(one["creditAmount"]) for one in granted) == dollars(model.credits)
    assert_payments_add_up(model, shop.api.get("/payments").ok()["data"], real.names)


def assert_payments_add_up(model: Model, payments: list[Json], names: list[str]) -> None:
    """The parts of a payment are its total, and those on an invoice are what payments have paid of it."""
    by_invoice: Counter[str] = Counter()
    for one in payments:
        assert sum(amount for _, amount in parts(one)) == Decimal(one["totalAmount"])
        for part in one["lineItemRecords"]:
            if part["type"] == "INVOICE":
                by_invoice[part["togaiId"]] += int(Decimal(part["amount"]) * 100)
    assert [by_invoice[name] for name in names] == [bill.sources.count("payment") for bill in model.bills]
    # No cent comes from nowhere, and none is lost.
    on_bills = sum(len(bill.sources) for bill in model.bills)
    assert model.received == model.balance() + on_bills + model.credits


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(STEPS, max_size=2), rate=st.integers(0, 30), after=st.lists(STEPS, min_size=3, max_size=14))
def test_money_is_where_the_model_says(standing: Inside, before: list[Step], rate: int, after: list[Step]) -> None:
    model, real = Model(), Real(Shop(standing.new_organisation()))
    for step in [*before, ("bill", rate), *after]:
        expected, answer = model.do(*step), real.do(*step)
        taken = answer is not None and 200 <= answer.status < 300
        assert taken == expected, (step, answer and answer.content)
        assert answer is None or answer.status < 500
    agree(model, real)


def test_a_model_that_forgets_a_cent_is_found(standing: Inside) -> None:
    model, real = Model(), Real(Shop(standing.new_organisation()))
    real.top_up(2).ok()
    model.top_up(1)
    with pytest.raises(AssertionError):
        agree(model, real)
