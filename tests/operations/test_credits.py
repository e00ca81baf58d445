"""Credits: which pays first, what drafts hold, how they end, what the balance says (domain.md 6.1)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import Shop, fee, lines, tiered

if TYPE_CHECKING:
    from tests.servers import Answer


def asked(**more: object) -> dict[str, Any]:
    plain = {"accountId": "acme", "purpose": "Gift", "effectiveFrom": "2026-01-01", "creditAmount": 10, "priority": 1}
    return plain | more


def grant(shop: Shop, *requests: dict[str, Any]) -> Answer:
    return shop.api.post("/credits", {"creditRequests": requests})


def burns(shop: Shop, position: int = 0) -> dict[str, Decimal]:
    """What each credit pays of an invoice, by purpose, in the order of the lines."""
    tree = shop.invoice(position)["revenueInfo"]
    return {line["description"]: -Decimal(line["value"]) for line in lines(tree) if line["type"] == "SUB_CREDITS"}


def state(shop: Shop, credit: str) -> tuple[str, Decimal, Decimal]:
    """Status, consumed and held amount of a credit."""
    found = shop.api.get(f"/credits/{credit}").ok()
    return found["status"], Decimal(found["consumedAmount"]), Decimal(found["holdAmount"])


def history(shop: Shop, credit: str) -> list[tuple[str, Decimal]]:
    found = shop.api.get(f"/credits/{credit}").ok()["transactions"]
    return [(one["transactionType"], Decimal(one["amount"])) for one in found]


class TestOrder:
    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ({"priority": 1}, {"priority": 2, "effectiveUntil": "2026-02-01"}),
            ({"effectiveUntil": "2026-02-01"}, {"effectiveUntil": "2026-03-01"}),
            ({"effectiveUntil": "2027-01-01"}, {}),
            ({"effectiveFrom": "2025-06-01"}, {"effectiveFrom": "2025-12-01"}),
            ({"effectiveUntil": "2026-03-01", "effectiveFrom": "2025-12-01"}, {"effectiveFrom": "2025-01-01"}),
        ],
        ids=["priority", "expiry", "none-last", "age", "expiry-before-age"],
    )
    @pytest.mark.parametrize("granted_first", ["first", "second"])
    def test_priority_then_expiry_then_age_whichever_was_granted_first(
        self, still: Shop, first: dict[str, Any], second: dict[str, Any], granted_first: str
    ) -> None:
        still.metered_plan((0, 1))
        still.use(15)
        requests = [asked(purpose="first") | first, asked(purpose="second") | second]
        grant(still, *(requests if granted_first == "first" else reversed(requests))).ok()
        assert burns(still) == {"first": 10, "second": 5}

    def test_of_equal_ones_the_one_granted_first_pays_first(self, still: Shop) -> None:
        still.metered_plan((0, 1))
        still.use(15)
        for purpose in ("earlier", "later"):
            still.credit(10, purpose=purpose)
        assert burns(still) == {"earlier": 10, "later": 5}

    def test_the_worked_example_of_the_reference(self, still: Shop) -> None:
        # Invoice 100: meter 60, fee 40; 50 for the meter alone with priority 1, 70 for anything with priority 2.
        still.account()
        still.schema()
        meter = still.meter()
        cards = {"usageRateCards": [tiered(meter, (0, 1))], "fixedFeeRateCards": [fee(still.addon(), 40)]}
        still.associate(still.plan(**cards))
        still.use(60)
        narrow = still.credit(50, purpose="C1", applicableEntityIds=[meter])
        wide = still.credit(70, purpose="C2", priority=2)
        assert burns(still) == {"C1": 50, "C2": 50}
        assert still.invoices()[0]["totalAmount"] == 0
        assert (state(still, narrow)[2], state(still, wide)[2]) == (50, 50)

    def test_it_goes_on_where_the_last_invoice_left_it(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        for month, calls in (("01", 15), ("02", 15), ("03", 15)):
            shop.use(calls, f"2026-{month}-10T00:00:00Z")
        grant(
            shop,
            asked(purpose="third", effectiveUntil=None, creditAmount=30),
            asked(purpose="first", effectiveUntil="2026-03-01", creditAmount=20),
            asked(purpose="second", effectiveUntil="2026-04-01", creditAmount=8),
        ).ok()
        shop.api.advance("2026-04-03")
        assert [burns(shop, month) for month in range(3)] == [
            {"first": 15},
            {"first": 5, "second": 8, "third": 2},
            {"third": 15},
        ]
        assert [one["totalAmount"] for one in shop.invoices()] == [0, 0, 0, 0]
        assert shop.balance()[1] == 13


class TestHolds:
    def test_the_oldest_cycle_holds_first(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.use(30, "2026-01-10T00:00:00Z")
        shop.use(30, "2026-02-01T12:00:00Z")
        credit = shop.credit(50)
        shop.api.advance("2026-02-02")
        assert [one["totalAmount"] for one in shop.invoices()] == [0, 10]
        assert (burns(shop, 0), burns(shop, 1)) == ({"Gift": 30}, {"Gift": 20})
        assert state(shop, credit) == ("ACTIVE", 0, 50)
        assert shop.balance() == (50, 50, 0, 0)
        shop.api.advance("2026-02-03")
        assert state(shop, credit) == ("ACTIVE", 30, 20)
        assert shop.balance() == (50, 20, 0, 0)
        assert [one["totalAmount"] for one in shop.invoices()] == [0, 10]

    def test_an_invoice_in_advance_comes_before_the_one_in_arrears(self, shop: Shop) -> None:
        shop.account()
        shop.schema()
        cards = {
            "usageRateCards": [tiered(shop.meter(), (0, 1))],
            "fixedFeeRateCards": [fee(shop.addon(), 40, timing="IN_ADVANCE")],
        }
        shop.credit(50)
        shop.associate(shop.plan(**cards))
        shop.use(30)
        advance, arrears = shop.invoices()
        assert (advance["invoiceType"], advance["status"], advance["totalAmount"]) == ("STANDARD_ADVANCED", "PAID", 0)
        assert (arrears["status"], arrears["totalAmount"]) == ("DRAFT", 20)
        assert shop.balance() == (50, 10, 0, 0)

    def test_what_an_older_draft_holds_is_not_burned_by_a_newer_invoice(self, shop: Shop) -> None:
        shop.account()
        shop.schema()
        cards = {
            "usageRateCards": [tiered(shop.meter(), (0, 1))],
            "fixedFeeRateCards": [fee(shop.addon(), 62, timing="IN_ADVANCE")],
        }
        shop.associate(shop.plan(**cards))
        shop.api.advance("2026-01-02")
        shop.use(90)
        shop.credit(100)
        # January's draft holds 90, so that 10 are free for the fee of February, which falls due first.
        assert shop.balance()[2] == 10
        shop.api.advance("2026-02-03")
        totals = {(one["startDate"][:7], one["invoiceType"]): one["totalAmount"] for one in shop.invoices()}
        assert totals["2026-01", "STANDARD"] == 0
        assert totals["2026-02", "STANDARD_ADVANCED"] == 52

    def test_a_hold_follows_the_draft(self, still: Shop) -> None:
        still.metered_plan((0, 1))
        credit = still.credit(50)
        held = []
        for calls in (20, 10, 100, -90):
            still.use(calls)
            held.append(state(still, credit)[2])
        assert held == [20, 30, 50, 40]

    def test_one_accounts_credit_pays_for_nobody_else(self, still: Shop) -> None:
        still.metered_plan((0, 1))
        (plan,) = still.api.get("/price_plans").ok()["data"]
        still.account("beta")
        still.associate(plan["id"], "beta")
        still.use(5, account="beta")
        still.credit(50)
        assert still.invoices("beta")[0]["totalAmount"] == 5


class TestWhatItPays:
    @pytest.fixture
    def mixed(self, still: Shop) -> Shop:
        """January: calls 30, hits 1, a fee of 40; together 71."""
        still.account()
        still.schema()
        cards = [tiered(still.meter(), (0, 1)), tiered(still.meter("Hits", "1", aggregation="COUNT"), (0, 1))]
        still.associate(still.plan(usageRateCards=cards, fixedFeeRateCards=[fee(still.addon(), 40)]))
        still.use(30)
        return still

    def ids(self, shop: Shop) -> dict[str, str]:
        meters = {one["name"]: one["id"] for one in shop.api.get("/usage_meters").ok()["data"]}
        return meters | {"Fee": shop.api.get("/addons").ok()["data"][0]["id"]}

    @pytest.mark.parametrize(
        ("entities", "paid"),
        [
            ([], 71),
            (["Calls"], 30),
            (["Fee"], 40),
            (["Calls", "Fee"], 70),
            (["ALL_USAGE_METER_RATE_CARDS"], 31),
            (["ALL_FIXED_FEE_RATE_CARDS"], 40),
            (["ALL_LICENSE_RATE_CARDS"], 0),
            (["um.of.somebody.else"], 0),
        ],
    )
    def test_only_what_it_is_for(self, mixed: Shop, entities: list[str], paid: int) -> None:
        ids = self.ids(mixed)
        mixed.credit(100, applicableEntityIds=[ids.get(entity, entity) for entity in entities])
        assert mixed.invoices()[0]["totalAmount"] == 71 - paid
        assert mixed.balance()[2] == 100 - paid

    @pytest.mark.parametrize(
        ("more", "pays"),
        [
            ({"effectiveFrom": "2026-01-31"}, True),
            ({"effectiveFrom": "2026-02-01"}, False),
            ({"effectiveUntil": "2026-02-01"}, True),
            ({"effectiveUntil": "2026-01-31"}, False),
        ],
    )
    def test_only_in_its_time(self, mixed: Shop, more: dict[str, Any], pays: bool) -> None:  # noqa: FBT001 - a figure of the table
        # domain.md 6.1: effectiveFrom < period end, and no effectiveUntil or one not before the period's end.
        mixed.credit(100, **more)
        assert mixed.invoices()[0]["totalAmount"] == (0 if pays else 71)
        assert mixed.balance() == (100, 100, 29 if pays else 100, 0 if pays else 100)


class TestEnd:
    def test_what_is_left_expires_at_midnight(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.use(30, "2026-02-10T00:00:00Z")
        unused = shop.credit(50, effectiveUntil="2026-01-20")
        shop.api.advance("2026-01-19T23:59:59Z")
        assert state(shop, unused)[0] == "ACTIVE"
        assert shop.api.advance("2026-01-20")["creditsExpired"] == 1
        assert state(shop, unused)[0] == "EXPIRED"
        assert history(shop, unused) == [("CREDITED", 50), ("EXPIRED", 50)]
        assert shop.balance() == (0, 0, 0, 0)

    def test_one_that_still_counts_for_a_draft_expires_after_it_is_frozen(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.use(30, "2026-01-10T00:00:00Z")
        shop.use(7, "2026-02-10T00:00:00Z")
        credit = shop.credit(50, effectiveUntil="2026-02-01")
        shop.api.advance("2026-02-02")
        assert [one["totalAmount"] for one in shop.invoices()] == [0, 7]
        shop.api.advance("2026-02-03")
        assert shop.invoices()[0]["totalAmount"] == 0
        assert state(shop, credit) == ("EXPIRED", 30, 0)
        assert history(shop, credit) == [("CREDITED", 50), ("DEBITED", 30), ("EXPIRED", 20)]

    def test_one_that_is_used_up_is_consumed(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.use(30)
        credit = shop.credit(20)
        shop.api.advance("2026-02-03")
        assert state(shop, credit) == ("CONSUMED", 20, 0)
        assert history(shop, credit) == [("CREDITED", 20), ("DEBITED", 20)]
        debit = shop.api.get(f"/credits/{credit}").ok()["transactions"][1]
        assert debit["invoiceId"] == shop.invoices()[0]["id"]
        shop.api.post(f"/credits/{credit}/void").refused(400)

    def test_a_voided_one_loses_its_rest_and_frees_its_holds(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.use(30)
        credit = shop.credit(50)
        shop.api.advance("2026-02-03")
        shop.use(15, "2026-02-10T00:00:00Z")
        assert state(shop, credit) == ("ACTIVE", 30, 15)
        assert shop.api.post(f"/credits/{credit}/void").ok()["status"] == "VOIDED"
        assert state(shop, credit) == ("VOIDED", 30, 0)
        assert history(shop, credit) == [("CREDITED", 50), ("DEBITED", 30), ("VOIDED", 20)]
        assert [one["totalAmount"] for one in shop.invoices()] == [0, 15]
        assert shop.balance() == (0, 0, 0, 0)

    def test_what_a_void_invoice_gives_back_can_pay_again(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.use(30)
        credit = shop.credit(20)
        shop.api.advance("2026-02-03")
        shop.use(9, "2026-02-10T00:00:00Z")
        shop.api.patch(f"/invoices/{shop.invoices()[0]['id']}", {"status": "VOID"}).ok()
        assert state(shop, credit) == ("ACTIVE", 0, 9)
        assert history(shop, credit)[:2] == [("CREDITED", 20), ("DEBITED", 20)]
        assert sum(amount for kind, amount in history(shop, credit) if kind == "CREDITED") == 40
        assert shop.balance() == (20, 20, 11, 0)


class TestWhatAVoidInvoiceGivesBackAfterTheCreditsTime:
    """The credit's time ends on 1 February; January is due on 3 February, void on the 5th, billed again on the 20th."""

    def bill_and_void(self, shop: Shop, amount: int) -> tuple[str, str]:
        """January comes to 30; the ids of the credit and of the void invoice."""
        shop.metered_plan((0, 1))
        shop.use(30)
        credit = shop.credit(amount, effectiveUntil="2026-02-01", priority=2)
        shop.api.advance("2026-02-05")
        void = shop.invoices()[0]["id"]
        shop.api.patch(f"/invoices/{void}", {"status": "VOID"}).ok()
        return credit, void

    def reissue(self, shop: Shop, void: str) -> tuple[str, Decimal]:
        made = shop.api.post(f"/v1/invoices/{void}/reissue").ok()
        return made["status"], Decimal(made["totalAmount"])

    @pytest.mark.parametrize(
        ("amount", "before", "left", "again"),
        [
            (50, "EXPIRED", 30, ("PAID", 0)),
            (30, "CONSUMED", 30, ("PAID", 0)),
            (20, "CONSUMED", 20, ("DUE", 10)),
        ],
        ids=["partly burned", "just enough", "fully burned"],
    )
    def test_pays_the_successor_whatever_time_passes_in_between(
        self, shop: Shop, amount: int, before: str, left: int, again: tuple[str, int]
    ) -> None:
        shop.metered_plan((0, 1))
        shop.use(30)
        credit = shop.credit(amount, effectiveUntil="2026-02-01")
        shop.api.advance("2026-02-05")
        assert state(shop, credit) == (before, left, 0)
        void = shop.invoices()[0]["id"]
        shop.api.patch(f"/invoices/{void}", {"status": "VOID"}).ok()
        for day in ("2026-02-05", "2026-02-06", "2026-02-20"):
            assert shop.api.advance(day)["creditsExpired"] == 0
            assert state(shop, credit) == ("ACTIVE", 0, 0)
        assert self.reissue(shop, void) == again
        assert state(shop, credit)[1:] == (left, 0)
        assert shop.balance() == (0, 0, 0, 0)

    def test_pays_nothing_else(self, shop: Shop) -> None:
        self.bill_and_void(shop, 50)
        shop.use(40, "2026-02-10T00:00:00Z")
        shop.api.advance("2026-03-03")
        assert [one["totalAmount"] for one in shop.invoices() if one["startDate"] == "2026-02-01T00:00:00Z"] == [40]

    def test_what_the_successor_leaves_of_it_expires_then(self, shop: Shop) -> None:
        credit, void = self.bill_and_void(shop, 50)
        shop.credit(10)
        shop.api.advance("2026-02-20")
        # 10 of the new one, which comes first, then 20 of the 30 that came back; 20 were lost in February.
        assert self.reissue(shop, void) == ("PAID", 0)
        shop.api.advance("2026-02-20")
        assert state(shop, credit) == ("EXPIRED", 20, 0)
        assert history(shop, credit) == [
            ("CREDITED", 50),
            ("DEBITED", 30),
            ("EXPIRED", 20),
            ("CREDITED", 30),
            ("DEBITED", 20),
            ("EXPIRED", 10),
        ]

    def test_can_be_given_back_and_pay_twice(self, shop: Shop) -> None:
        credit, void = self.bill_and_void(shop, 50)
        for day in ("2026-02-10", "2026-02-15"):
            assert self.reissue(shop, void) == ("PAID", 0)
            shop.api.advance(day)
            (void,) = [one["id"] for one in shop.invoices() if one["status"] == "PAID"]
            shop.api.patch(f"/invoices/{void}", {"status": "VOID"}).ok()
            assert state(shop, credit) == ("ACTIVE", 0, 0)

    def test_is_lost_when_the_credit_was_voided_meanwhile(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.use(30)
        credit = shop.credit(50)
        shop.api.advance("2026-02-03")
        shop.api.post(f"/credits/{credit}/void").ok()
        void = shop.invoices()[0]["id"]
        shop.api.patch(f"/invoices/{void}", {"status": "VOID"}).ok()
        assert state(shop, credit) == ("VOIDED", 0, 0)
        assert self.reissue(shop, void) == ("DUE", 30)


class TestGrants:
    @pytest.fixture
    def acme(self, still: Shop) -> Shop:
        still.account()
        return still

    def test_all_are_granted_or_none(self, acme: Shop) -> None:
        message = grant(acme, asked(), asked(accountId="nobody"), asked(creditAmount=0)).refused(400)
        assert "creditRequests[1].accountId: account 'nobody' not found" in message
        assert "creditRequests[2].creditAmount" in message
        assert acme.api.get("/credits").ok()["data"] == []

    @pytest.mark.parametrize(
        ("more", "path"),
        [
            ({"creditAmount": 0}, "creditRequests[0].creditAmount"),
            ({"creditAmount": -5}, "creditRequests[0].creditAmount"),
            ({"creditAmount": Decimal("0.001")}, "creditRequests[0].creditAmount"),
            ({"creditAmount": Decimal(10) ** 30}, "creditRequests[0].creditAmount"),
            ({"priority": 0}, "creditRequests[0].priority"),
            ({"priority": 101}, "creditRequests[0].priority"),
            ({"purpose": ""}, "creditRequests[0].purpose"),
            ({"effectiveUntil": "2026-01-01"}, "creditRequests[0].effectiveUntil"),
            ({"effectiveUntil": "2025-12-31"}, "creditRequests[0].effectiveUntil"),
            ({"effectiveFrom": "01/01/2026"}, "creditRequests[0].effectiveFrom"),
            ({"applicableEntityIds": ["ALL_THINGS"]}, "creditRequests[0].applicableEntityIds[0]"),
            ({"applicableEntityIds": ["um.a", "um.a"]}, "creditRequests[0].applicableEntityIds"),
        ],
        ids=str,
    )
    def test_what_makes_no_sense_is_refused(self, acme: Shop, more: dict[str, Any], path: str) -> None:
        assert path in grant(acme, asked(**more)).refused(400)

    def test_an_idempotency_key_grants_once(self, acme: Shop) -> None:
        first = grant(acme, asked(idempotencyKey="k")).ok()["credits"][0]["id"]
        again = grant(acme, asked(idempotencyKey="k", purpose="Again")).ok()["credits"][0]
        assert (again["id"], again["purpose"]) == (first, "Gift")
        twice = grant(acme, asked(idempotencyKey="j"), asked(idempotencyKey="j")).ok()["credits"]
        assert twice[0]["id"] == twice[1]["id"]
        assert len(acme.api.get("/credits").ok()["data"]) == 2
        assert "'k'" in grant(acme, asked(idempotencyKey="k", creditAmount=11)).refused(409)

    def test_an_idempotency_key_belongs_to_its_account(self, acme: Shop) -> None:
        acme.account("beta")
        granted = grant(acme, asked(idempotencyKey="k"), asked(idempotencyKey="k", accountId="beta")).ok()["credits"]
        assert len({one["id"] for one in granted}) == 2

    def test_it_is_in_the_accounts_currency(self, still: Shop) -> None:
        still.account(currency="EUR")
        (credit,) = grant(still, asked(creditAmount=Decimal("12.34"))).ok()["credits"]
        assert (credit["creditUnit"], credit["creditAmount"], credit["customerId"]) == ("EUR", Decimal("12.34"), "acme")

    def test_the_list_is_filtered(self, acme: Shop) -> None:
        acme.account("beta")
        first = acme.credit(5)
        acme.credit(6, account="beta")
        acme.api.post(f"/credits/{first}/void").ok()

        def found(**query: str) -> list[int]:
            return sorted(one["creditAmount"] for one in acme.api.get("/credits", **query).ok()["data"])

        assert (found(), found(account_id="acme"), found(status="ACTIVE"), found(id=first)) == ([5, 6], [5], [6], [5])


def test_the_balance_of_the_references_sample(shop: Shop) -> None:
    # domain.md 6.1: active 1000, available 800, running 700, inapplicable 100.
    shop.metered_plan((0, 1))
    shop.use(200, "2026-01-10T00:00:00Z")
    shop.use(100, "2026-02-10T00:00:00Z")
    shop.credit(900)
    shop.credit(100, applicableEntityIds=["um.of.another.plan"])
    shop.api.advance("2026-02-15")
    assert shop.balance() == (1000, 800, 700, 100)
