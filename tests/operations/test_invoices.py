"""Invoices: drafts that are there from the first day, frozen once at their own instant, void and made anew."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from tests.operations.shop import Shop, amounts, commitment, fee, lines, tiered
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Inside

EPOCH_MS_2026_02 = 1769904000000
"""1 February 2026, 00:00 UTC."""


def statuses(shop: Shop, account: str = "acme") -> list[str]:
    return [one["status"] for one in shop.invoices(account)]


class TestDrafts:
    def test_a_draft_is_there_from_the_association_on_also_without_usage(self, shop: Shop) -> None:
        meter = shop.metered_plan((0, 2), (100, 1))
        (draft,) = shop.invoices()
        expected = {
            "status": "DRAFT",
            "invoiceClass": "INVOICE",
            "invoiceType": "STANDARD",
            "startDate": "2026-01-01T00:00:00Z",
            "endDate": "2026-02-01T00:00:00Z",
            "endDateInclusive": "2026-01-31T23:59:59.999000Z",
            "invoiceDate": "2026-02-03T00:00:00Z",
            "totalAmount": 0,
            "paidAmount": 0,
        }
        assert {name: draft[name] for name in expected} == expected
        invoice = shop.invoice()
        assert [(line["id"], line["value"]) for line in invoice["usageInfo"]] == [(meter, 0)]
        assert amounts(invoice, "USAGE_RATE_CARD_SLAB_AMOUNT") == [0, 0]
        assert "sequenceId" not in invoice

    def test_each_cycle_start_brings_the_next_one(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        for until, drafts in (("2026-01-31T23:59:59Z", 1), ("2026-02-01", 2), ("2026-02-28T23:59:59Z", 1)):
            shop.api.advance(until)
            assert statuses(shop).count("DRAFT") == drafts
        shop.api.advance("2026-06-01")
        starts = [one["startDate"][:10] for one in shop.invoices()]
        assert starts == [f"2026-{month:02d}-01" for month in range(1, 7)]
        assert statuses(shop) == ["PAID"] * 4 + ["DRAFT"] * 2

    def test_a_draft_follows_usage_credits_and_names_while_it_is_one(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        totals = []
        for step in (lambda: shop.use(30), lambda: shop.credit(10), lambda: shop.use("0.5"), lambda: shop.use(-20)):
            step()
            totals.append(Decimal(shop.invoices()[0]["totalAmount"]))
        assert totals == [30, 20, Decimal("20.5"), Decimal("0.5")]

    def test_the_list_and_the_invoice_agree(self, shop: Shop) -> None:
        shop.metered_plan((0, "0.333"))
        shop.use(10)
        (listed,) = shop.invoices()
        read = shop.invoice()
        assert {name: read[name] for name in listed} == listed
        assert amounts(read, "GRAND_TOTAL_AMOUNT") == [listed["totalAmount"]] == [Decimal("3.33")]

    def test_one_account_that_cannot_be_billed_does_not_hide_the_others(self, still: Shop) -> None:
        still.metered_plan((0, 2))
        plan = still.invoices()[0]["pricePlanId"]
        still.account("beta")
        still.associate(plan, "beta")
        still.use(1, account="beta")
        # 2 x 10^17 dollars are more than the ledger holds; an event that is taken cannot be taken back yet.
        still.use(10**17)
        assert "beta" in {one["ownerId"] for one in still.api.get("/invoices").ok()["data"]}


class TestFreezing:
    def test_it_happens_at_the_due_instant_and_not_before(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.use(30)
        shop.api.advance("2026-02-02T23:59:59.999999Z")
        assert statuses(shop) == ["DRAFT", "DRAFT"]
        assert shop.api.advance("2026-02-03")["invoicesFrozen"] == 1
        invoice = shop.invoice()
        expected = {
            "status": "DUE",
            "finalizingStatus": "FINALIZED",
            "invoiceDate": "2026-02-03T00:00:00Z",
            "generatedAt": "2026-02-03T00:00:00Z",
            "sequenceId": "INV-000001",
            "totalAmount": 30,
        }
        assert {name: invoice[name] for name in expected} == expected

    def test_it_is_as_of_its_own_instant_however_far_the_clock_jumps(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.use(30)
        shop.use(5, "2026-02-10T00:00:00Z")
        shop.credit(8, effectiveFrom="2026-02-01")
        shop.api.advance("2026-12-31")
        january, february = shop.invoices()[:2]
        assert (january["totalAmount"], january["invoiceDate"]) == (30, "2026-02-03T00:00:00Z")
        assert (february["totalAmount"], february["status"]) == (0, "PAID")

    def test_nothing_that_comes_later_changes_a_frozen_one(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.use(30)
        shop.api.advance("2026-02-03")
        frozen = shop.invoice()
        shop.use(1000)
        shop.credit(1000)
        shop.api.patch("/customers/acme", {"name": "Renamed", "address": {"city": "Rome"}}).ok()
        shop.api.patch("/accounts/acme", {"netTermDays": 90}).ok()
        shop.api.advance("2026-02-20")
        assert shop.invoice() == frozen
        assert frozen["invoiceDetails"]["customer"]["name"] == "acme Inc"
        assert frozen["invoiceDetails"]["pricePlanName"].startswith("Plan")

    def test_the_due_date_lies_the_accounts_days_later(self, shop: Shop) -> None:
        shop.account(netTermDays=30)
        shop.schema()
        shop.associate(shop.plan(usageRateCards=[tiered(shop.meter(), (0, 1))]))
        assert shop.invoices()[0]["dueDate"] == "2026-03-05T00:00:00Z"
        shop.api.advance("2026-02-03")
        assert shop.invoices()[0]["dueDate"] == "2026-03-05T00:00:00Z"

    def test_new_terms_of_the_account_hold_for_the_draft_and_for_what_it_becomes(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.api.advance("2026-01-15")
        shop.api.patch("/accounts/acme", {"netTermDays": 30}).ok()
        expected = ("2026-02-03T00:00:00Z", "2026-03-05T00:00:00Z", 30)
        for until in ("2026-01-15", "2026-02-03"):
            shop.api.advance(until)
            for invoice in (shop.invoices()[0], shop.invoice()):
                assert (invoice["invoiceDate"], invoice["dueDate"], invoice["netTermDays"]) == expected
        assert statuses(shop) == ["PAID", "DRAFT"]

    @pytest.mark.parametrize(("rate", "status"), [(5, "DUE"), (0, "PAID"), (-5, "REFUND_COMPLETED")])
    def test_the_total_decides_the_state(self, shop: Shop, rate: int, status: str) -> None:
        # domain.md 7.2: nothing owed is paid, less than nothing goes back.
        shop.account()
        shop.associate(shop.plan(fixedFeeRateCards=[fee(shop.addon(), rate)]))
        shop.api.advance("2026-02-03")
        (invoice,) = [one for one in shop.invoices() if one["status"] != "DRAFT"]
        assert (invoice["status"], invoice["totalAmount"]) == (status, rate)

    def test_numbers_have_no_gaps_and_each_organisation_counts_its_own(self, server: Inside) -> None:
        shops = [Shop(server.api()), Shop(server.new_organisation(name="Second"))]
        shops[1].api.patch("/v1/organization", {"invoiceNumberFormat": "2ND-{number}"}).ok()
        for shop in shops:
            shop.schema()
            plan = shop.plan(usageRateCards=[tiered(shop.meter(), (0, 1))])
            for account in ("a", "b", "c"):
                shop.account(f"{account}cc")
                shop.associate(plan, f"{account}cc")
        shops[0].api.advance("2026-03-03")
        for shop, pattern in zip(shops, ("INV-{:06d}", "2ND-{}"), strict=True):
            frozen = [one for account in ("acc", "bcc", "ccc") for one in shop.invoices(account)]
            numbers = sorted(one["sequenceId"] for one in frozen if one["status"] != "DRAFT")
            assert numbers == [pattern.format(number) for number in range(1, 7)]
            january = {one["sequenceId"] for one in frozen if one["startDate"] < "2026-02"}
            assert january == {pattern.format(number) for number in (1, 2, 3)}

    def test_a_new_format_that_would_repeat_a_number_is_refused(self, shop: Shop) -> None:
        shop.api.patch("/v1/organization", {"invoiceNumberFormat": "INV-1{number}"}).ok()
        # Seven cycles of the past, from May until November: they are due at once, and get INV-11 to INV-17.
        shop.account()
        shop.associate(shop.plan(fixedFeeRateCards=[fee(shop.addon(), 1)]), since="2025-05-01")
        numbers = [one["sequenceId"] for one in shop.invoices() if one["status"] != "DRAFT"]
        assert numbers == [f"INV-1{number}" for number in range(1, 8)]
        # The eleventh invoice would be INV-11 again.
        message = shop.api.patch("/v1/organization", {"invoiceNumberFormat": "INV-{number}"}).refused(400)
        assert message.startswith("invoiceNumberFormat: ")
        assert re.search(r"'INV-1[1-7]'", message)
        assert shop.api.get("/v1/organization").ok()["invoiceNumberFormat"] == "INV-1{number}"
        shop.api.advance("2026-01-03")
        assert shop.invoices()[7]["sequenceId"] == "INV-18"
        # The same text in front, but six digits: none of those given is among them.
        for harmless in ("INV-{number:06d}", "INV-2026-{number}", "{number}"):
            shop.api.patch("/v1/organization", {"invoiceNumberFormat": harmless}).ok()
        shop.api.advance("2026-02-03")
        assert shop.invoices()[8]["sequenceId"] == "9"

    def test_the_database_itself_refuses_to_change_a_frozen_one(self, server: Inside, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.api.advance("2026-02-03")
        for change in (
            "UPDATE invoice SET total_minor = 1 WHERE status <> 'DRAFT'",
            "UPDATE invoice_line SET amount_minor = 1",
            "DELETE FROM invoice WHERE status <> 'DRAFT'",
            "DELETE FROM invoice_line",
        ):
            with pytest.raises(DatabaseError), server.engine.database.write() as connection:
                connection.execute(text(change))


class TestLines:
    def test_every_parent_is_the_sum_of_its_children(self, shop: Shop) -> None:
        shop.account()
        shop.schema()
        meter, hits = shop.meter(), shop.meter("Hits", "1", aggregation="COUNT")
        cards = [tiered(meter, (0, "0.3333"), (3, "0.6666"), tag="API"), tiered(hits, (0, "0.005"), tag="API")]
        fees = [fee(shop.addon("Base"), "9.99"), fee(shop.addon("Seats"), "1.005")]
        shop.associate(shop.plan(usageRateCards=cards, fixedFeeRateCards=fees, minimumCommitment=commitment("20.004")))
        for calls in ("1.1", "2.2", "3.3"):
            shop.use(calls)
        shop.credit("3.21")
        for invoice in (shop.invoice(), self.frozen(shop)):
            for line in lines(invoice["revenueInfo"]):
                if "lineItems" in line:
                    assert Decimal(line["value"]) == sum(Decimal(child["value"]) for child in line["lineItems"]), line
            # Leaves first: 3 x 0.3333 -> 1.00, 3.6 x 0.6666 -> 2.40, 3 x 0.005 -> 0.02, 9.99, 1.01; together 14.42.
            # Commitment 20.00, so 5.58 are missing; credit 3.21.
            assert amounts(invoice, "USAGE_RATE_CARD_SLAB_AMOUNT") == [1, Decimal("2.4"), Decimal("0.02")]
            assert amounts(invoice, "SUB_TOTAL_AMOUNT", "TRUE_UP_AMOUNT") == [Decimal("14.42"), Decimal("5.58")]
            assert amounts(invoice, "GROSS_AMOUNT", "TOTAL_CREDITS") == [20, Decimal("-3.21")]
            assert amounts(invoice, "GRAND_TOTAL_AMOUNT", "TOTAL_AMOUNT", "NET_AMOUNT") == [Decimal("16.79")] * 3
            assert [line["description"] for line in lines(invoice["revenueInfo"]) if line["type"] == "CUSTOM_TAG"] == [
                "API"
            ]

    def frozen(self, shop: Shop) -> dict[str, Any]:
        shop.api.advance("2026-02-03")
        return shop.invoice()

    def test_the_worked_invoice_of_the_reference(self, shop: Shop) -> None:
        # domain.md 7.4: tiers at 150 -> 250, fee 50, commitment 400, credit 80 (the charge of 10 comes later).
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


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Two customers; one is billed in advance too. On 3 February January is frozen."""
    with inside(tmp_path_factory.mktemp("many") / "data") as server:
        shop = Shop(server.api())
        shop.schema()
        first = shop.plan(usageRateCards=[tiered(shop.meter(), (0, 1))])
        second = shop.plan(fixedFeeRateCards=[fee(shop.addon(), 5, timing="IN_ADVANCE")])
        for account, plan in (("acme", first), ("beta", second)):
            shop.account(account)
            shop.associate(plan, account)
        shop.use(3)
        shop.api.advance("2026-02-03")
        yield shop


class TestList:
    @pytest.mark.parametrize(
        ("query", "number"),
        [
            ({}, 6),
            ({"owner_id": "acme"}, 2),
            ({"customer_id": "beta"}, 4),
            ({"status": "DRAFT"}, 2),
            ({"status": "DUE"}, 3),
            ({"status": "PAID"}, 1),
            ({"status": "VOID"}, 0),
            ({"owner_id": "acme", "status": "DUE"}, 1),
            ({"invoice_class": "INVOICE"}, 6),
            ({"invoice_class": "ORDER"}, 0),
            ({"start_time": EPOCH_MS_2026_02}, 3),
            ({"end_time": EPOCH_MS_2026_02}, 3),
            ({"end_time": EPOCH_MS_2026_02 - 1}, 0),
            ({"start_time": EPOCH_MS_2026_02 + 1}, 0),
            ({"_search": "bet"}, 4),
        ],
        ids=str,
    )
    def test_it_is_filtered(self, many: Shop, query: dict[str, object], number: int) -> None:
        assert len(many.api.get("/invoices", **query).ok()["data"]) == number

    def test_it_is_filtered_by_plan(self, many: Shop) -> None:
        plan = many.invoices("acme")[0]["pricePlanId"]
        found = many.api.get("/invoices", price_plan_id=plan).ok()["data"]
        assert {one["ownerId"] for one in found} == {"acme"}

    def test_the_newest_come_first(self, many: Shop) -> None:
        starts = [one["startDate"] for one in many.api.get("/invoices").ok()["data"]]
        assert starts == sorted(starts, reverse=True)


def bill_january(shop: Shop) -> Shop:
    """January comes to 30, of which a credit pays 10."""
    shop.metered_plan((0, 1))
    shop.use(30)
    shop.credit(10)
    shop.api.advance("2026-02-03")
    return shop


class TestVoid:
    @pytest.fixture
    def billed(self, shop: Shop) -> Shop:
        return bill_january(shop)

    def void(self, shop: Shop) -> str:
        name = shop.invoices()[0]["id"]
        voided = shop.api.patch(f"/invoices/{name}", {"status": "VOID"}).ok()
        assert (voided["status"], voided["totalAmount"], voided["sequenceId"]) == ("VOID", 20, "INV-000001")
        return name

    def test_its_credits_come_back_and_its_lines_stay(self, billed: Shop) -> None:
        before = billed.invoice()
        assert billed.balance() == (0, 0, 0, 0)
        self.void(billed)
        after = billed.invoice()
        assert after["revenueInfo"] == before["revenueInfo"]
        assert {name for name in before if before[name] != after[name]} <= {"status", "updatedAt"}
        (credit,) = billed.api.get("/credits").ok()["data"]
        assert (credit["status"], credit["consumedAmount"]) == ("ACTIVE", 0)
        assert billed.balance()[0] == 10

    def test_a_new_one_is_made_for_its_cycle(self, billed: Shop) -> None:
        void = self.void(billed)
        billed.credit(5)
        made = billed.api.post(f"/v1/invoices/{void}/reissue")
        assert made.status == 201
        # 30, of which both credits pay 15.
        assert (made.body["status"], made.body["totalAmount"], made.body["sequenceId"]) == ("DUE", 15, "INV-000002")
        assert (made.body["startDate"], made.body["invoiceDate"]) == ("2026-01-01T00:00:00Z", "2026-02-03T00:00:00Z")
        assert billed.api.get(f"/invoices/{made.body['id']}").ok() == made.body
        assert billed.api.get(f"/invoices/{void}").ok()["status"] == "VOID"
        assert billed.balance()[1] == 0

    def test_only_one_is_made(self, billed: Shop) -> None:
        void = self.void(billed)
        billed.api.post(f"/v1/invoices/{void}/reissue").ok()
        assert "void it first" in billed.api.post(f"/v1/invoices/{void}/reissue").refused(409)
        assert sorted(statuses(billed)) == ["DRAFT", "DUE", "VOID"]

    def test_one_made_in_the_afternoon_is_not_payable_before_it_was_made(self, billed: Shop) -> None:
        void = self.void(billed)
        billed.api.advance("2026-02-10T15:30:00Z")
        made = billed.api.post(f"/v1/invoices/{void}/reissue").ok()
        assert (made["netTermDays"], made["invoiceDate"]) == (0, "2026-02-10T15:30:00Z")
        assert made["dueDate"] == made["invoiceDate"]

    def test_a_new_one_is_payable_by_the_terms_of_now(self, billed: Shop) -> None:
        void = self.void(billed)
        billed.api.patch("/accounts/acme", {"netTermDays": 10}).ok()
        made = billed.api.post(f"/v1/invoices/{void}/reissue").ok()
        assert (made["netTermDays"], made["dueDate"]) == (10, "2026-02-13T00:00:00Z")
        assert billed.api.get(f"/invoices/{void}").ok()["netTermDays"] == 0

    def test_void_is_the_end(self, billed: Shop) -> None:
        void = self.void(billed)
        for status in ("VOID", "DUE", "PAID"):
            assert "status: " in billed.api.patch(f"/invoices/{void}", {"status": status}).refused(400)

    def test_one_that_credits_paid_whole_can_be_voided(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.use(30)
        shop.credit(50)
        shop.api.advance("2026-02-03")
        invoice = shop.invoices()[0]
        assert (invoice["status"], invoice["totalAmount"]) == ("PAID", 0)
        shop.api.patch(f"/invoices/{invoice['id']}", {"status": "VOID"}).ok()
        assert shop.balance()[1] == 50


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The same, for tests that change nothing."""
    with inside(tmp_path_factory.mktemp("settled") / "data") as server:
        yield bill_january(Shop(server.api()))


class TestWhatCannotBeDone:
    @pytest.mark.parametrize("status", ["DRAFT", "MERGED", "PARTIALLY_PAID", "REFUND_COMPLETED", "void"])
    def test_no_other_state_can_be_asked_for(self, settled: Shop, status: str) -> None:
        name = settled.invoices()[0]["id"]
        assert settled.api.patch(f"/invoices/{name}", {"status": status}).refused(400).startswith("status: ")

    @pytest.mark.parametrize(
        "patch",
        [
            {},
            {"startDate": "2026-01-01T00:00:00Z", "status": "VOID"},
            {"lineItems": [{"description": "x", "value": 1}]},
            {"autoAdvance": False},
            {"totalAmount": 5},
        ],
        ids=str,
    )
    def test_nothing_else_about_it_can_change(self, settled: Shop, patch: dict[str, Any]) -> None:
        before = settled.invoice()
        settled.api.patch(f"/invoices/{before['id']}", patch).refused(400)
        assert settled.invoice() == before

    def test_of_one_that_stands_no_other_is_made(self, settled: Shop) -> None:
        for invoice in settled.invoices():
            message = settled.api.post(f"/v1/invoices/{invoice['id']}/reissue").refused(409)
            assert invoice["status"] in message
