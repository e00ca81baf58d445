"""Wallets over REST: topped up, switched off, and paying what falls due (domain.md 6.2, 7.3, 7.4)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from tests.operations.money import balance, entries, move, owing, paid, topup, wallet
from tests.operations.shop import Shop, amounts, anniversary, commitment, fee, licence, tiered
from tests.stores.state.world import at_once

if TYPE_CHECKING:
    from tests.servers import Inside


def test_the_worked_invoice_of_the_reference_is_paid_in_part(shop: Shop) -> None:
    # domain.md 7.4 without the charge of 10: 300 + 100 - 80 = 320, of which the wallet pays 100.
    shop.account()
    shop.schema()
    cards = {
        "usageRateCards": [tiered(shop.meter(), (0, 2), (100, 1))],
        "fixedFeeRateCards": [fee(shop.addon(), 50)],
        "minimumCommitment": commitment(400),
    }
    shop.associate(shop.plan(**cards))
    shop.use(150)
    shop.credit(80)
    topup(shop, 100)
    assert paid(shop) == ("DRAFT", 320, 0), "the wallet pays no drafts (X-23)"
    shop.api.advance("2026-02-03")
    invoice = shop.invoice()
    for kind, value in {
        "SUB_TOTAL_AMOUNT": 300,
        "TRUE_UP_AMOUNT": 100,
        "PRICE_PLAN_AMOUNT": 400,
        "GROSS_AMOUNT": 400,
        "TOTAL_CREDITS": -80,
        "NET_AMOUNT": 320,
    }.items():
        assert amounts(invoice, kind) == [value]
    assert paid(shop) == ("PARTIALLY_PAID", 320, 100)
    assert balance(shop) == 0
    assert entries(shop) == [("CREDITED", 100, 100), ("DEBITED", 100, 0)]
    newest = shop.api.get("/accounts/acme/wallet/entries").ok()["data"][0]
    assert (newest["entityId"], newest["status"], newest["walletId"]) == (
        invoice["id"],
        "COMPLETED",
        wallet(shop)["id"],
    )


class TestPaying:
    @pytest.mark.parametrize(
        ("before", "status", "by_wallet", "left"),
        [("29.99", "PARTIALLY_PAID", "29.99", 0), (30, "PAID", 30, 0), ("30.01", "PAID", 30, "0.01")],
    )
    def test_it_pays_what_it_can(
        self, shop: Shop, before: object, status: str, by_wallet: object, left: object
    ) -> None:
        owing(shop)
        topup(shop, before)
        shop.api.advance("2026-02-03")
        assert paid(shop) == (status, 30, Decimal(by_wallet))
        assert balance(shop) == Decimal(left)

    def test_older_invoices_are_paid_first_however_far_the_clock_jumps(self, shop: Shop) -> None:
        owing(shop)
        topup(shop, 70)
        shop.api.advance("2026-05-01")
        assert [paid(shop, month) for month in range(4)] == [
            ("PAID", 30, 30),
            ("PAID", 30, 30),
            ("PARTIALLY_PAID", 30, 10),
            ("DRAFT", 30, 0),
        ]
        assert entries(shop) == [("CREDITED", 70, 70), ("DEBITED", 30, 40), ("DEBITED", 30, 10), ("DEBITED", 10, 0)]

    def test_of_invoices_that_fall_due_at_one_instant_the_older_cycle_is_paid_first(self, shop: Shop) -> None:
        # Without grace January's arrears and February's advance both fall due when February begins.
        shop.account()
        cards = [fee(shop.addon("Late"), 30), fee(shop.addon("Early"), 50, timing="IN_ADVANCE")]
        shop.associate(shop.plan(cycle=anniversary(), fixedFeeRateCards=cards))
        assert paid(shop) == ("DUE", 50, 0)
        topup(shop, 40)
        shop.api.advance("2026-02-01")
        assert [paid(shop, position) for position in (1, 2)] == [("PAID", 30, 30), ("PARTIALLY_PAID", 50, 10)]

    def test_it_pays_nothing_that_was_due_before_it_was_filled(self, shop: Shop) -> None:
        owing(shop)
        shop.api.advance("2026-02-03")
        topup(shop, 100)
        shop.api.advance("2026-02-28")
        assert paid(shop) == ("DUE", 30, 0)
        assert balance(shop) == 100

    @pytest.mark.parametrize("rate", [0, -5])
    def test_what_owes_nothing_takes_nothing(self, shop: Shop, rate: int) -> None:
        owing(shop, rate)
        topup(shop, 100)
        shop.api.advance("2026-02-03")
        assert paid(shop) == ("REFUND_COMPLETED" if rate else "PAID", rate, 0)
        assert balance(shop) == 100

    def test_an_inactive_one_pays_nothing_and_takes_money(self, shop: Shop) -> None:
        owing(shop)
        topup(shop, 20)
        answer = shop.api.patch("/accounts/acme/wallet", {"status": "INACTIVE"}).ok()
        assert (answer["status"], answer["balance"]) == ("INACTIVE", 20)
        assert topup(shop, 20) == 40
        shop.api.advance("2026-02-03")
        assert paid(shop) == ("DUE", 30, 0)
        shop.api.patch("/accounts/acme/wallet", {"status": "ACTIVE"}).ok()
        shop.api.advance("2026-03-03")
        assert [paid(shop, month) for month in (0, 1)] == [("DUE", 30, 0), ("PAID", 30, 30)]

    def test_it_pays_from_the_instant_on_that_it_is_effective_from(self, shop: Shop) -> None:
        owing(shop)
        topup(shop, 100)
        changed = shop.api.patch("/accounts/acme/wallet", {"effectiveFrom": "2026-03-03T00:00:00Z"}).ok()
        assert (changed["effectiveFrom"], changed["status"]) == ("2026-03-03T00:00:00Z", "ACTIVE")
        shop.api.advance("2026-03-03")
        assert [paid(shop, month) for month in (0, 1)] == [("DUE", 30, 0), ("PAID", 30, 30)]

    def test_the_digits_of_the_currency_hold(self, shop: Shop) -> None:
        owing(shop, 1000, currency="JPY")
        assert "finer than the smallest unit of JPY" in refused(shop, "0.5")
        topup(shop, 999)
        shop.api.advance("2026-02-03")
        assert paid(shop) == ("PARTIALLY_PAID", 1000, 999)
        assert wallet(shop)["creditUnit"] == "JPY"


def refused(shop: Shop, amount: object) -> str:
    return shop.api.post("/accounts/acme/wallet_topup", {"topupAmount": amount}).refused(400)


class TestVoid:
    def test_what_it_paid_comes_back(self, shop: Shop) -> None:
        owing(shop)
        topup(shop, 20)
        shop.api.advance("2026-02-03")
        name = shop.invoices()[0]["id"]
        voided = move(shop, name, "VOID")
        assert (voided["status"], voided["totalAmount"], voided["paidAmount"]) == ("VOID", 30, 0)
        assert entries(shop) == [("CREDITED", 20, 20), ("DEBITED", 20, 0), ("CREDITED", 20, 20)]
        again = shop.api.post(f"/v1/invoices/{name}/reissue").ok()
        assert (again["status"], again["paidAmount"]) == ("PARTIALLY_PAID", 20)
        assert balance(shop) == 0


class TestTheWallet:
    def test_it_is_there_before_anything_happened_to_it(self, shop: Shop) -> None:
        shop.account()
        untouched = wallet(shop)
        expected = {
            "accountId": "acme",
            "customerId": "acme",
            "balance": 0,
            "holdAmount": 0,
            "creditUnit": "USD",
            "status": "ACTIVE",
            "effectiveFrom": "1970-01-01T00:00:00Z",
        }
        assert {name: untouched[name] for name in expected} == expected
        assert untouched["id"].startswith("wallet.")
        assert shop.api.get("/accounts/acme/wallet/entries").ok() == {"data": [], "nextToken": None}
        topup(shop, 5)
        filled = wallet(shop)
        assert (filled["id"], filled["createdAt"]) == (untouched["id"], "2026-01-01T00:00:00Z")

    def test_accounts_have_one_each(self, shop: Shop) -> None:
        for account in ("acme", "beta"):
            shop.account(account)
        topup(shop, 5)
        assert (balance(shop), balance(shop, "beta")) == (5, 0)
        assert wallet(shop)["id"] != wallet(shop, "beta")["id"]

    def test_its_entries_come_in_pages_newest_first(self, shop: Shop) -> None:
        shop.account()
        for amount in range(1, 8):
            topup(shop, amount)
        pages = list(shop.api.pages("/accounts/acme/wallet/entries", pageSize=3))
        assert [[one["amount"] for one in page] for page in pages] == [[7, 6, 5], [4, 3, 2], [1]]
        assert [one["closingBalance"] for one in pages[0]] == [28, 21, 15]

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"topupAmount": 0}, "topupAmount: is 0, expected more than 0"),
            ({"topupAmount": -1}, "topupAmount: is -1, expected more than 0"),
            ({"topupAmount": "0.001"}, "topupAmount: 0.001 is finer than the smallest unit of USD"),
            ({"topupAmount": 10**14}, "topupAmount: "),
            ({}, "topupAmount"),
            ({"topupAmount": 1, "note": "x"}, "note"),
        ],
        ids=str,
    )
    def test_what_cannot_be_topped_up(self, still: Shop, body: dict[str, Any], message: str) -> None:
        still.account()
        assert message in still.api.post("/accounts/acme/wallet_topup", body).refused(400)
        assert entries(still) == []

    @pytest.mark.parametrize("body", [{}, {"status": "CLOSED"}, {"balance": 5}, {"effectiveFrom": "soon"}], ids=str)
    def test_what_cannot_be_changed(self, still: Shop, body: dict[str, Any]) -> None:
        still.account()
        still.api.patch("/accounts/acme/wallet", body).refused(400)
        assert "createdAt" not in wallet(still)

    def test_an_account_that_is_not_there_has_none(self, still: Shop) -> None:
        for method, path, body in (
            ("GET", "wallet", None),
            ("GET", "wallet/entries", None),
            ("PATCH", "wallet", {"status": "INACTIVE"}),
            ("POST", "wallet_topup", {"topupAmount": 1}),
        ):
            assert "not found" in still.api.send(method, f"/accounts/nobody/{path}", body).refused(404)

    def test_a_currency_with_money_in_it_is_fixed(self, still: Shop) -> None:
        still.account()
        topup(still, 5)
        message = still.api.patch("/accounts/acme", {"invoiceCurrency": "EUR"}).refused(400)
        assert message.startswith("invoiceCurrency: ")

    def test_a_topup_under_a_key_counts_once(self, still: Shop) -> None:
        still.account()
        for _ in range(2):
            still.api.post("/accounts/acme/wallet_topup", {"topupAmount": 5}, Idempotency_Key="w-1").ok()
        assert entries(still) == [("CREDITED", 5, 5)]

    def test_topups_at_once_lose_nothing(self, still: Shop) -> None:
        still.account()
        outcomes = at_once([lambda: topup(still, "0.01")] * 12)
        assert not [one for one in outcomes if isinstance(one, Exception)]
        assert balance(still) == Decimal("0.12")
        assert [closing for _, _, closing in entries(still)] == [Decimal(cents) / 100 for cents in range(1, 13)]


def test_the_database_itself_keeps_entries_and_balances(server: Inside, shop: Shop) -> None:
    owing(shop)
    topup(shop, 20)
    shop.api.advance("2026-02-03")
    for change in (
        "UPDATE wallet_entry SET amount_minor = 1",
        "DELETE FROM wallet_entry",
        "DELETE FROM wallet",
        "UPDATE wallet SET consumed_minor = credited_minor + 1",
        "UPDATE invoice SET paid_minor = 3001 WHERE status <> 'DRAFT'",
        "UPDATE invoice SET paid_minor = -1 WHERE status <> 'DRAFT'",
        "UPDATE invoice SET paid_minor = 1 WHERE status = 'DRAFT'",
    ):
        with pytest.raises(DatabaseError), server.engine.database.write() as connection:
            connection.execute(text(change))


class TestRefundsOfLicences:
    """Three of ten seats at 30 fewer from 21 April on: 3 x 30 x 10/30 = 30 back (domain.md 4.6)."""

    @pytest.fixture
    def seats(self, shop: Shop) -> str:
        shop.account()
        addon = shop.addon("Seats", "LICENSE")
        shop.grant(addon, 10, "2026-03-20")
        card = licence(addon, 30, timing="IN_ADVANCE", proratedRefundMode="WALLET")
        shop.associate(shop.plan(licenseRateCards=[card]), since="2026-04-01")
        shop.api.advance("2026-04-21T15:00:00Z")
        return addon

    def test_thirty_come_back_into_the_wallet_which_pays_the_next_invoice(self, shop: Shop, seats: str) -> None:
        shop.grant(seats, -3)
        shop.api.advance("2026-04-22")
        assert entries(shop) == [("CREDITED", 30, 30)]
        assert shop.api.get("/credits").ok()["data"] == []
        assert [one["invoiceType"] for one in shop.invoices()] == ["STANDARD_ADVANCED", "STANDARD"]
        shop.api.advance("2026-05-01")
        may = next(one for one in shop.invoices() if one["startDate"] == "2026-05-01T00:00:00Z")
        # 7 seats for May.
        assert (may["totalAmount"], may["paidAmount"], may["status"]) == (210, 30, "PARTIALLY_PAID")

    def test_it_comes_back_once_however_often_its_day_is_billed(self, shop: Shop, seats: str) -> None:
        desks = shop.addon("Desks", "LICENSE")
        cards = [licence(one, 30, timing="IN_ADVANCE", proratedRefundMode="WALLET") for one in (seats, desks)]
        shop.account("beta")
        shop.grant(seats, 10, "2026-04-21T15:00:00Z", "beta")
        shop.associate(shop.plan(licenseRateCards=cards), "beta", since="2026-04-22")
        shop.api.advance("2026-04-22T01:00:00Z")
        # The cycle has 30 days, of which 22 to 30 April are left: 2 x 30 x 9/30 = 18, and 9 back.
        shop.grant(desks, 2, account="beta")
        shop.grant(seats, -1, account="beta")
        shop.api.advance("2026-04-23")
        (adhoc,) = [one for one in shop.invoices("beta") if one["invoiceType"] == "ADHOC_ADVANCED"]
        assert (adhoc["totalAmount"], adhoc["paidAmount"], adhoc["status"]) == (18, 9, "PARTIALLY_PAID")
        move(shop, adhoc["id"], "VOID")
        assert balance(shop, "beta") == 9
        again = shop.api.post(f"/v1/invoices/{adhoc['id']}/reissue").ok()
        assert (again["totalAmount"], again["paidAmount"]) == (18, 9)
        assert entries(shop, "beta") == [
            ("CREDITED", 9, 9),
            ("DEBITED", 9, 0),
            ("CREDITED", 9, 9),
            ("DEBITED", 9, 0),
        ]
