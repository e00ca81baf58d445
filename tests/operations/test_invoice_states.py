"""The table of an invoice's states over REST: every way that is drawn works, and no other does (domain.md 7.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.operations.money import ask, balance, entries, figures, line, move, owing, paid, parts, pay, topup
from tests.operations.shop import Shop, fee, tiered
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.operations.shop import Json

WANTED = ("DUE", "PAID", "VOID", "UN_COLLECTIBLE", "REFUND_INITIATED")
DRAWN = {
    "DRAFT": {"DUE", "VOID"},
    "DUE": {"PAID", "VOID", "UN_COLLECTIBLE"},
    "PARTIALLY_PAID": {"PAID", "VOID", "UN_COLLECTIBLE", "REFUND_INITIATED"},
    "UN_COLLECTIBLE": {"PAID", "VOID"},
    "PAID": {"REFUND_INITIATED"},
    "VOID": set(),
    "REFUND_COMPLETED": set(),
}
"""domain.md 7.2, written down by hand; the clock completes a refund right behind the command that asked for it."""

REACHED: dict[str, tuple[Callable[[Shop, str], object], ...]] = {
    "DRAFT": (),
    "DUE": (lambda shop, name: move(shop, name, "DUE"),),
    "PARTIALLY_PAID": (
        lambda shop, name: move(shop, name, "DUE"),
        lambda shop, name: pay(shop, 10, line("INVOICE", 1, None, name)),
    ),
    "PAID": (lambda shop, name: move(shop, name, "DUE"), lambda shop, name: move(shop, name, "PAID")),
    "VOID": (lambda shop, name: move(shop, name, "DUE"), lambda shop, name: move(shop, name, "VOID")),
    "UN_COLLECTIBLE": (
        lambda shop, name: move(shop, name, "DUE"),
        lambda shop, name: move(shop, name, "UN_COLLECTIBLE"),
    ),
    "REFUND_COMPLETED": (
        lambda shop, name: move(shop, name, "DUE"),
        lambda shop, name: move(shop, name, "PAID"),
        lambda shop, name: move(shop, name, "REFUND_INITIATED"),
    ),
}
"""How a draft whose cycle is over gets into each state."""


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], tuple[Shop, str]]]:
    """New organisations, each with a draft of 30 whose cycle is over and whose grace is not: it is 1 February."""
    with inside(tmp_path_factory.mktemp("states") / "data") as server:
        server.api().advance("2026-02-01")

        def new() -> tuple[Shop, str]:
            shop = Shop(server.new_organisation())
            owing(shop)
            return shop, shop.invoices()[0]["id"]

        yield new


@pytest.mark.parametrize(("status", "wanted"), [(status, wanted) for status in REACHED for wanted in WANTED], ids=str)
def test_what_is_drawn_works_and_nothing_else(shops: Callable[[], tuple[Shop, str]], status: str, wanted: str) -> None:
    shop, name = shops()
    for step in REACHED[status]:
        step(shop, name)
    before = shop.api.get(f"/invoices/{name}").ok()
    assert before["status"] == status
    answer = ask(shop, name, wanted)
    if wanted in DRAWN[status]:
        assert answer.ok()["status"] == wanted
        after = shop.api.get(f"/invoices/{name}").ok()["status"]
        assert after == ("REFUND_COMPLETED" if wanted == "REFUND_INITIATED" else wanted)
    else:
        message = answer.refused(400)
        assert message.startswith(f"status: an invoice that is {status} cannot become {wanted}, but ")
        assert shop.api.get(f"/invoices/{name}").ok() == before


class TestMarkedAsPaid:
    @pytest.mark.parametrize("given_up", [False, True])
    def test_a_payment_of_what_is_open_is_recorded(self, shop: Shop, given_up: bool) -> None:  # noqa: FBT001 - a case
        owing(shop)
        topup(shop, 12)
        shop.api.advance("2026-02-03")
        name = shop.invoices()[0]["id"]
        if given_up:
            move(shop, name, "UN_COLLECTIBLE")
            assert paid(shop) == ("UN_COLLECTIBLE", 30, 12)
        assert figures(move(shop, name, "PAID")) == ("PAID", 30, 30)
        (made,) = shop.api.get("/payments").ok()["data"]
        assert (made["totalAmount"], parts(made)) == (18, [("INVOICE", 18)])
        reference = {"sourceName": "marked as paid", "sourceType": "CASH", "transactionNumber": name}
        assert made["externalPaymentReferences"] == reference


class TestRefunds:
    def test_the_clock_completes_them(self, shop: Shop) -> None:
        owing(shop)
        topup(shop, 30)
        shop.api.advance("2026-02-03")
        name = shop.invoices()[0]["id"]
        assert move(shop, name, "REFUND_INITIATED")["status"] == "REFUND_INITIATED"
        # Paid out elsewhere: neither the wallet nor what was paid is touched.
        assert paid(shop) == ("REFUND_COMPLETED", 30, 30)
        assert (balance(shop), entries(shop)[-1][0]) == (0, "DEBITED")
        for wanted in WANTED:
            assert "nothing else" in ask(shop, name, wanted).refused(400)

    def test_where_nothing_was_paid_there_is_nothing_to_refund(self, shop: Shop) -> None:
        owing(shop)
        shop.credit(30)
        shop.api.advance("2026-02-03")
        name = shop.invoices()[0]["id"]
        assert paid(shop) == ("PAID", 0, 0)
        assert "send VOID" in ask(shop, name, "REFUND_INITIATED").refused(400)
        assert move(shop, name, "VOID")["status"] == "VOID"


class TestDrafts:
    @pytest.mark.parametrize("wanted", ["DUE", "VOID"])
    def test_a_cycle_that_runs_cannot_be_cut_short(self, shop: Shop, wanted: str) -> None:
        owing(shop)
        name = shop.invoices()[0]["id"]
        message = ask(shop, name, wanted).refused(400)
        assert "not over before 2026-02-01T00:00:00+00:00" in message

    def test_one_that_is_made_due_is_like_any_other(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.use(30)
        shop.credit(5)
        topup(shop, 10)
        shop.api.advance("2026-02-01T12:00:00Z")
        made = move(shop, shop.invoices()[0]["id"], "DUE")
        assert figures(made) == ("PARTIALLY_PAID", 25, 10)
        assert (made["sequenceId"], made["invoiceDate"]) == ("INV-000001", "2026-02-01T12:00:00Z")
        # The next one falls due in its own time, and this one not again.
        assert shop.api.advance("2026-02-03")["invoicesFrozen"] == 0
        assert shop.api.advance("2026-03-03")["invoicesFrozen"] == 1
        assert shop.invoices()[0]["sequenceId"] == "INV-000001"

    def test_what_comes_in_afterwards_is_billed_when_it_is_made_anew(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.use(30)
        shop.api.advance("2026-02-01T12:00:00Z")
        name = shop.invoices()[0]["id"]
        move(shop, name, "DUE")
        shop.use(5)
        assert shop.invoices()[0]["totalAmount"] == 30
        move(shop, name, "VOID")
        assert shop.api.post(f"/v1/invoices/{name}/reissue").ok()["totalAmount"] == 35

    def test_a_void_one_keeps_its_figures_and_takes_no_number_and_no_credit(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.use(30)
        shop.credit(5)
        topup(shop, 10)
        shop.api.advance("2026-02-01T12:00:00Z")
        name = shop.invoices()[0]["id"]
        void = move(shop, name, "VOID")
        assert figures(void) == ("VOID", 25, 0)
        assert "sequenceId" not in void
        assert (shop.balance()[1], balance(shop)) == (5, 10)
        shop.use(1)
        assert shop.api.advance("2026-02-03")["invoicesFrozen"] == 0
        assert shop.api.get(f"/invoices/{name}").ok() == void
        again = shop.api.post(f"/v1/invoices/{name}/reissue").ok()
        assert (figures(again), again["sequenceId"]) == (("PARTIALLY_PAID", 26, 10), "INV-000001")

    def test_credits_of_a_void_draft_pay_the_next_one(self, shop: Shop) -> None:
        shop.account()
        cards = {"fixedFeeRateCards": [fee(shop.addon(), 30)]}
        shop.associate(shop.plan(**cards))
        shop.credit(40)
        shop.api.advance("2026-02-02")
        assert [figures(one)[1] for one in shop.invoices()] == [0, 20]
        move(shop, shop.invoices()[0]["id"], "VOID")
        assert [figures(one)[1] for one in shop.invoices()] == [0, 0]


def test_the_running_invoice_and_the_accounts_list_tell_the_same(shop: Shop) -> None:
    shop.account()
    shop.schema()
    shop.associate(shop.plan(usageRateCards=[tiered(shop.meter(), (0, 1))]))
    shop.use(30)
    topup(shop, 10)
    shop.api.advance("2026-02-03")
    preview: Json = shop.api.get("/v1/accounts/acme/invoice-preview").ok()
    assert figures(preview) == ("DRAFT", 0, 0)
    listed = shop.api.get("/v1/accounts/acme/invoices").ok()["data"]
    assert [figures(one) for one in listed] == [("DRAFT", 0, 0), ("PARTIALLY_PAID", 30, 10)]
