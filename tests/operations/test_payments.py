"""Payments over REST: allotted by order, all or nothing, and what becomes of them (domain.md 7.8)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from tests.operations.money import balance, entries, line, move, owing, paid, parts, pay, payment, topup, wallet
from tests.operations.shop import Shop
from tests.stores.state.world import at_once

if TYPE_CHECKING:
    from tests.servers import Inside


@pytest.fixture
def due(shop: Shop) -> tuple[Shop, list[str]]:
    """January and February are due, 30 each; March and April are drafts."""
    owing(shop)
    shop.api.advance("2026-04-01")
    return shop, [one["id"] for one in shop.invoices()]


class TestAllotting:
    def test_the_sample_of_the_reference(self, due: tuple[Shop, list[str]]) -> None:
        # 7.8: 1700 of 10000 are allotted, the rest goes to the wallet; here 10 + 5 + 2 of 100.
        shop, (january, february, *_) = due
        made = pay(
            shop,
            100,
            line("INVOICE", 1, 10, january),
            line("INVOICE", 2, 5, february),
            line("CREDIT", 3, 2),
        )
        assert parts(made) == [("INVOICE", 10), ("INVOICE", 5), ("CREDIT", 2), ("WALLET_CREDIT", 83)]
        assert (paid(shop), paid(shop, 1)) == (("PARTIALLY_PAID", 30, 10), ("PARTIALLY_PAID", 30, 5))
        (credit,) = shop.api.get("/credits").ok()["data"]
        lines = made["lineItemRecords"]
        assert [one.get("togaiId") for one in lines] == [january, february, credit["id"], wallet(shop)["id"]]
        assert [one["order"] for one in lines] == [1, 2, 3, 4]
        assert (credit["creditAmount"], credit["grantorId"], credit["status"]) == (2, made["id"], "ACTIVE")
        assert "effectiveUntil" not in credit
        assert entries(shop) == [("CREDITED", 83, 83)]
        (entry,) = shop.api.get("/accounts/acme/wallet/entries").ok()["data"]
        assert entry["entityId"] == made["id"]

    def test_a_line_without_amount_takes_as_much_as_it_can_by_order(self, due: tuple[Shop, list[str]]) -> None:
        shop, (january, february, *_) = due
        made = pay(shop, 40, line("INVOICE", 2, None, january), line("INVOICE", 1, None, february))
        assert parts(made) == [("INVOICE", 30), ("INVOICE", 10)]
        assert (paid(shop), paid(shop, 1)) == (("PARTIALLY_PAID", 30, 10), ("PAID", 30, 30))
        rest = pay(shop, 50, line("INVOICE", 1, None, january), line("CREDIT", 2), line("WALLET_CREDIT", 3))
        assert parts(rest) == [("INVOICE", 20), ("CREDIT", 30), ("WALLET_CREDIT", 0)]
        assert paid(shop) == ("PAID", 30, 30)
        assert balance(shop) == 0

    def test_of_equal_orders_the_one_that_stands_first_comes_first(self, due: tuple[Shop, list[str]]) -> None:
        shop, (january, february, *_) = due
        made = pay(shop, 40, line("INVOICE", 7, None, january), line("INVOICE", 7, None, february))
        assert parts(made) == [("INVOICE", 30), ("INVOICE", 10)]

    def test_one_invoice_can_be_paid_by_two_lines(self, due: tuple[Shop, list[str]]) -> None:
        shop, (january, *_) = due
        made = pay(shop, 30, line("INVOICE", 1, 12, january), line("INVOICE", 2, None, january))
        assert parts(made) == [("INVOICE", 12), ("INVOICE", 18)]
        assert paid(shop) == ("PAID", 30, 30)

    def test_the_wallet_takes_what_is_for_it(self, due: tuple[Shop, list[str]]) -> None:
        shop, _ = due
        made = pay(shop, 50, line("WALLET_CREDIT", 1, 20, wallet(shop)["id"]), line("WALLET_CREDIT", 2))
        assert parts(made) == [("WALLET_CREDIT", 20), ("WALLET_CREDIT", 30)]
        assert entries(shop) == [("CREDITED", 20, 20), ("CREDITED", 30, 50)]

    def test_a_credit_that_was_paid_for_pays_the_next_invoice(self, due: tuple[Shop, list[str]]) -> None:
        shop, _ = due
        pay(shop, 12, line("CREDIT"))
        shop.api.advance("2026-05-03")
        assert paid(shop, 3) == ("DUE", 18, 0)


@pytest.fixture(scope="module")
def settled(standing: Inside) -> tuple[Shop, str, str]:
    """What is due, and the draft after it, for tests that change nothing."""
    shop = Shop(standing.new_organisation())
    plan = owing(shop, account="beta")
    shop.account("gamma")
    # In the past: due at once.
    shop.associate(plan, "gamma", since="2025-11-01")
    return shop, shop.invoices("gamma")[0]["id"], shop.invoices("gamma")[-1]["id"]


class TestRefused:
    @pytest.mark.parametrize(
        ("total", "lines", "message"),
        [
            (0, [("INVOICE", 1, None)], "totalAmount: is 0, expected more than 0"),
            (-5, [("INVOICE", 1, None)], "totalAmount: is -5, expected more than 0"),
            ("0.001", [("INVOICE", 1, None)], "totalAmount: 0.001 is finer than the smallest unit of USD"),
            (30, [("INVOICE", 1, "30.01")], "lineItemRecords[0].amount: is 30.01, but only 30"),
            (40, [("INVOICE", 1, 31)], "lineItemRecords[0].amount: is 31, but only 30"),
            (30, [("INVOICE", 1, 20), ("INVOICE", 2, 11)], "lineItemRecords[1].amount: is 11, but only 10"),
            (50, [("INVOICE", 1, 20), ("INVOICE", 2, 11)], "lineItemRecords[1].amount: is 11, but only 10"),
            (30, [("INVOICE", 1, 0)], "lineItemRecords[0].amount: is 0, expected more than 0"),
            (30, [("INVOICE", 1, -1)], "lineItemRecords[0].amount: is -1, expected more than 0"),
            (30, [("CREDIT", 1, "0.005")], "lineItemRecords[0].amount: 0.005 is finer"),
            (30, [("CREDIT", 1, 31)], "lineItemRecords[0].amount: is 31, but only 30.00 USD is left of the payment"),
        ],
        ids=str,
    )
    def test_amounts_that_do_not_fit(
        self, settled: tuple[Shop, str, str], total: object, lines: list[tuple[str, int, object]], message: str
    ) -> None:
        shop, invoice, _ = settled
        asked = [line(kind, order, amount, invoice if kind == "INVOICE" else None) for kind, order, amount in lines]
        assert message in self.refused(shop, payment(total, *asked, account="gamma"))

    def test_every_problem_is_told_at_once(self, settled: tuple[Shop, str, str]) -> None:
        shop, invoice, draft = settled
        wrong = [
            line("INVOICE", 1, 5),
            line("INVOICE", 2, 5, "inv.none"),
            line("INVOICE", 3, 5, draft),
            line("INVOICE", 4, 5, shop.invoices("beta")[0]["id"]),
            line("CREDIT", 5, 5, "cred.1"),
            line("WALLET_CREDIT", 6, 5, "wallet.1"),
            line("INVOICE", 7, 5, invoice),
        ]
        message = self.refused(shop, payment(100, *wrong, account="gamma"))
        for part in (
            "lineItemRecords[0].togaiId: is missing",
            "lineItemRecords[1].togaiId: account 'gamma' has no invoice 'inv.none'",
            "lineItemRecords[2].togaiId: invoice",
            "is DRAFT, only one that is DUE",
            "lineItemRecords[3].togaiId: account 'gamma' has no invoice",
            "lineItemRecords[4].togaiId: is 'cred.1'",
        ):
            assert part in message
        assert "lineItemRecords[6]" not in message

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            ({"currency": "EUR"}, "currency: is 'EUR', account 'gamma' pays in USD"),
            ({"accountId": "nobody"}, "accountId: account 'nobody' not found"),
            ({"lineItemRecords": []}, "lineItemRecords"),
            ({"lineItemRecords": [{"type": "CARD", "order": 1}]}, "lineItemRecords[0].type"),
            ({"lineItemRecords": [{"type": "CREDIT"}]}, "lineItemRecords[0]"),
            ({"externalPaymentReference": {"sourceName": "x", "sourceType": "CARD"}}, "transactionNumber"),
            ({"totalAmount": None}, "totalAmount"),
        ],
        ids=str,
    )
    def test_what_does_not_belong_to_it(
        self, settled: tuple[Shop, str, str], more: dict[str, Any], message: str
    ) -> None:
        shop, invoice, _ = settled
        assert message in self.refused(shop, payment(30, line("INVOICE", 1, None, invoice), account="gamma") | more)

    def refused(self, shop: Shop, body: dict[str, Any]) -> str:
        """The message; nothing has changed."""
        message = shop.api.post("/payments", body).refused(400)
        assert paid(shop, 0, "gamma") == ("DUE", 30, 0)
        assert shop.api.get("/payments").ok()["data"] == []
        assert shop.api.get("/credits").ok()["data"] == []
        assert entries(shop, "gamma") == []
        return message

    def test_what_is_settled_cannot_be_paid(self, due: tuple[Shop, list[str]]) -> None:
        shop, (january, february, *_) = due
        pay(shop, 30, line("INVOICE", 1, None, january))
        move(shop, february, "UN_COLLECTIBLE")
        for name, told in ((january, "is PAID"), (february, "PATCH its status to PAID")):
            body = payment(30, line("INVOICE", 1, None, name))
            assert told in shop.api.post("/payments", body).refused(400)


class TestTransactions:
    def test_one_counts_once(self, due: tuple[Shop, list[str]]) -> None:
        shop, (january, february, *_) = due
        pay(shop, 30, line("INVOICE", 1, None, january), transactionNumber="42")
        again = payment(30, line("INVOICE", 1, None, february), transactionNumber="42")
        message = shop.api.post("/payments", again).refused(409)
        assert message.startswith("externalPaymentReference.transactionNumber: BANK_TRANSFER '42' of 'Bank'")
        assert paid(shop, 1) == ("DUE", 30, 0)
        # Other banks number their own, and one transfer may pay for another account.
        pay(shop, 30, line("INVOICE", 1, None, february), transactionNumber="42", sourceName="Other bank")
        shop.account("beta")
        pay(shop, 5, line("CREDIT"), account="beta", transactionNumber="42")

    def test_cash_has_no_numbers_of_its_own(self, still: Shop) -> None:
        still.account()
        for _ in range(2):
            pay(still, 5, line("CREDIT"), sourceType="CASH", transactionNumber="-")
        assert len(still.api.get("/payments").ok()["data"]) == 2

    def test_under_a_key_it_is_taken_once(self, due: tuple[Shop, list[str]]) -> None:
        shop, (january, *_) = due
        body = payment(10, line("INVOICE", 1, None, january))
        first, again = (shop.api.post("/payments", body, Idempotency_Key="p-1") for _ in range(2))
        assert (first.status, again.status, again.content) == (201, 201, first.content)
        assert paid(shop) == ("PARTIALLY_PAID", 30, 10)
        assert len(shop.api.get("/payments").ok()["data"]) == 1

    def test_payments_at_once_never_pay_more_than_is_owed(self, due: tuple[Shop, list[str]]) -> None:
        shop, (january, *_) = due
        outcomes = at_once([lambda: pay(shop, 7, line("INVOICE", 1, 7, january))] * 8)
        taken = [one for one in outcomes if not isinstance(one, Exception)]
        assert (len(taken), paid(shop)) == (4, ("PARTIALLY_PAID", 30, 28))


class TestReading:
    def test_it_tells_what_was_sent_and_who_recorded_it(self, still: Shop) -> None:
        still.account()
        body = payment(5, line("CREDIT"), metadata={"bank": "x", "fee": 3, "ok": True}, description="Rent")
        body |= {"description": "Rent", "notes": "by hand"}
        made = still.api.post("/payments", body).ok()
        expected = {
            "description": "Rent",
            "notes": "by hand",
            "accountId": "acme",
            "currency": "USD",
            "totalAmount": 5,
            "version": 1,
            "createdAt": "2026-01-01T00:00:00Z",
            "externalPaymentReferences": body["externalPaymentReference"],
        }
        assert {name: made[name] for name in expected} == expected
        assert made["id"].startswith("payment.")
        assert made["createdBy"]
        assert still.api.get(f"/payments/{made['id']}").ok() == made
        (credit,) = still.api.get("/credits").ok()["data"]
        assert credit["purpose"] == "Rent"

    def test_they_are_listed_newest_first(self, still: Shop) -> None:
        for account in ("acme", "beta"):
            still.account(account)
            for amount in (1, 2):
                pay(still, amount, line("CREDIT"), account=account)
        listed = still.api.get("/payments").ok()["data"]
        assert len(listed) == 4
        of_beta = still.api.get("/payments", account_id="beta").ok()["data"]
        assert {one["accountId"] for one in of_beta} == {"beta"}
        assert still.api.get("/payments", id=listed[2]["id"]).ok()["data"] == [listed[2]]
        assert [len(page) for page in still.api.pages("/payments", pageSize=3)] == [3, 1]

    def test_what_is_not_there_is_not_found(self, still: Shop) -> None:
        still.account()
        made = pay(still, 1, line("CREDIT"))
        for query in ({"version": 2}, {"version": 7}):
            assert "not found" in still.api.get(f"/payments/{made['id']}", **query).refused(404)
        still.api.get(f"/payments/{made['id']}", version=0).refused(400)
        assert "not found" in still.api.get("/payments/payment.none").refused(404)


class TestVoid:
    def test_what_a_payment_paid_of_a_void_invoice_goes_into_the_wallet(self, shop: Shop) -> None:
        owing(shop)
        owing(shop, account="beta")
        topup(shop, 5)
        shop.api.advance("2026-02-03")
        january = shop.invoices()[0]["id"]
        made = pay(shop, 10, line("INVOICE", 1, 8, january), line("CREDIT", 2, 2))
        assert paid(shop) == ("PARTIALLY_PAID", 30, 13)
        move(shop, january, "VOID")
        assert paid(shop) == ("VOID", 30, 0)
        assert entries(shop) == [("CREDITED", 5, 5), ("DEBITED", 5, 0), ("CREDITED", 5, 5), ("CREDITED", 8, 13)]
        path = f"/payments/{made['id']}"
        now = shop.api.get(path).ok()
        assert (now["version"], parts(now)) == (2, [("WALLET_CREDIT", 8), ("CREDIT", 2)])
        assert shop.api.get(path, version=1).ok() == made
        assert shop.api.get(path, version=2).ok() == now
        assert shop.api.get("/payments").ok()["data"] == [now]
        # What pays the next one is no part of the payment any more.
        again = shop.api.post(f"/v1/invoices/{january}/reissue").ok()
        assert (again["paidAmount"], again["status"], balance(shop)) == (13, "PARTIALLY_PAID", 0)
        move(shop, again["id"], "VOID")
        assert shop.api.get(path).ok() == now
        assert balance(shop) == 13

    def test_a_part_that_took_nothing_gives_nothing_back(self, due: tuple[Shop, list[str]]) -> None:
        shop, (january, february, *_) = due
        first = pay(shop, 30, line("INVOICE", 1, None, january), line("INVOICE", 2, None, february))
        assert parts(first) == [("INVOICE", 30), ("INVOICE", 0)]
        second = pay(shop, 5, line("INVOICE", 1, None, february))
        move(shop, february, "VOID")
        assert entries(shop) == [("CREDITED", 5, 5)]
        versions = [shop.api.get(f"/payments/{one['id']}").ok()["version"] for one in (first, second)]
        assert versions == [1, 2]


def test_an_archived_account_pays_what_it_owes(shop: Shop) -> None:
    owing(shop)
    shop.disassociate("2026-01-16")
    shop.api.advance("2026-01-20")
    second = {"id": "second", "name": "Second", "customerId": "acme"}
    shop.api.post("/accounts", second).ok()
    shop.api.delete("/accounts/acme").ok()
    (invoice,) = shop.invoices()
    pay(shop, 50, line("INVOICE", 1, None, invoice["id"]))
    assert paid(shop) == ("PAID", 30, 30)
    assert balance(shop) == 20


def test_the_database_itself_keeps_payments(server: Inside, shop: Shop) -> None:
    shop.account()
    pay(shop, 5, line("CREDIT"))
    for change in (
        "UPDATE payment SET total_minor = 1",
        "UPDATE payment SET version = version + 2",
        "UPDATE payment SET version = version + 1, notes = 'x'",
        "DELETE FROM payment",
        "UPDATE payment_line SET amount_minor = 1",
        "DELETE FROM payment_line",
    ):
        with pytest.raises(DatabaseError), server.engine.database.write() as connection:
            connection.execute(text(change))


def test_a_payment_that_fails_at_its_end_leaves_nothing(due: tuple[Shop, list[str]]) -> None:
    shop, (january, *_) = due
    pay(shop, 1, line("CREDIT"), transactionNumber="once")
    before = (shop.api.get("/credits").content, paid(shop), entries(shop), shop.api.get("/payments").content)
    lines = (line("INVOICE", 1, 5, january), line("CREDIT", 2, 5), line("WALLET_CREDIT", 3))
    # The number is taken, which shows only when everything else is done.
    shop.api.post("/payments", payment(20, *lines, transactionNumber="once")).refused(409)
    assert (shop.api.get("/credits").content, paid(shop), entries(shop), shop.api.get("/payments").content) == before
    assert Decimal(balance(shop)) == 0
