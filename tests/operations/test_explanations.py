"""From an invoice line back to tiers, quantity, meter and events; the running invoice (issue 3, part 2)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.operations.shop import CALLS, event, fee, monthly, tiered

if TYPE_CHECKING:
    from tests.operations.shop import Json, Shop


def explained(shop: Shop, invoice_id: str, line_id: str) -> Json:
    return shop.api.get(f"/v1/invoices/{invoice_id}/lines/{line_id}/explanation").ok()


@pytest.fixture
def sold(still: Shop) -> tuple[Shop, str, str]:
    """Calls in two tiers with a minimum of 10, and a base fee of 25 in advance; the meter and the add-on."""
    still.account()
    still.schema()
    meter, addon = still.meter(), still.addon()
    card = tiered(meter, (0, "0.002"), (1000, "0.001"), displayName="API calls")
    card["rateValues"][0]["rateConfig"] = {"minimumRate": "10"}
    plan = still.plan(usageRateCards=[card], fixedFeeRateCards=[fee(addon, 25, timing="IN_ADVANCE")])
    still.associate(plan)
    return still, meter, addon


class TestRunningInvoice:
    def test_it_is_the_draft_in_arrears_with_lines_as_they_are_now(self, sold: tuple[Shop, str, str]) -> None:
        shop, *_ = sold
        before = shop.api.get("/v1/accounts/acme/invoice-preview").ok()
        # Nothing was used: the card comes to its minimum.
        assert (before["status"], before["invoiceType"], before["totalAmount"]) == ("DRAFT", "STANDARD", 10)
        shop.use(15_000)
        after = shop.api.get("/v1/accounts/acme/invoice-preview").ok()
        # 1000 x 0.002 + 14000 x 0.001 = 16
        assert (after["id"], after["totalAmount"]) == (before["id"], 16)
        assert after == shop.api.get(f"/invoices/{after['id']}").ok()

    def test_it_is_the_one_of_the_cycle_that_runs(self, shop: Shop) -> None:
        shop.metered_plan((0, 1), cycle=monthly(grace=10))
        shop.use(5)
        shop.api.advance("2026-02-05")
        shop.use(7, at="2026-02-03T00:00:00Z")
        running = shop.api.get("/v1/accounts/acme/invoice-preview").ok()
        assert (running["startDate"], running["totalAmount"]) == ("2026-02-01T00:00:00Z", 7)
        # January waits for late events until the 11th: it is a draft too, but it does not run any more.
        assert [one["totalAmount"] for one in shop.invoices(status="DRAFT")] == [5, 7]

    def test_an_account_without_a_plan_has_none(self, still: Shop) -> None:
        still.account()
        message = still.api.get("/v1/accounts/acme/invoice-preview").refused(404)
        assert message == "account 'acme' has no running invoice: put a price plan on it first"
        assert still.api.get("/v1/accounts/nobody/invoice-preview").refused(404) == "account 'nobody' not found"

    def test_a_plan_that_starts_later_says_when(self, still: Shop) -> None:
        still.account()
        still.schema()
        still.associate(still.plan(usageRateCards=[tiered(still.meter(), (0, 1))]), since="2026-03-01")
        message = still.api.get("/v1/accounts/acme/invoice-preview").refused(404)
        assert message == "account 'acme' has no running invoice: its price plan starts on 2026-03-01"


class TestUsageCards:
    def test_a_usage_line_tells_tiers_meter_and_first_events(self, sold: tuple[Shop, str, str]) -> None:
        shop, meter, _ = sold
        sent = [shop.use(200, at=f"2026-01-{day:02}T00:00:00Z") for day in (9, 3, 5, 4, 8, 6, 7)]
        shop.use(99, at="2026-02-01T00:00:00Z")
        invoice = shop.api.get("/v1/accounts/acme/invoice-preview").ok()
        told = explained(shop, invoice["id"], meter)
        assert {name: told[name] for name in ("accountId", "accountName", "status", "startDate", "endDate")} == {
            "accountId": "acme",
            "accountName": "acme account",
            "status": "DRAFT",
            "startDate": "2026-01-01T00:00:00Z",
            "endDate": "2026-02-01T00:00:00Z",
        }
        assert (told["description"], told["type"], told["lineId"]) == ("API calls", "USAGE_RATE_CARD_AMOUNT", meter)
        # 7 x 200 = 1400 calls: 1000 at 0.002 are 2, 400 at 0.001 are 0.40; 7.60 are missing to 10.
        assert (told["quantity"], told["amount"], told["currency"]) == (1400, 10, "USD")
        assert told["arithmetic"] == "2 + 0.4 + 7.6 = 10"
        assert [tier["arithmetic"] for tier in told["tiers"]] == ["1000 x 0.002 = 2", "400 x 0.001 = 0.4"]
        assert told["adjustments"] == [
            {
                "description": "Minimum charge",
                "minimumRate": 10,
                "amount": Decimal("7.6"),
                "arithmetic": "minimum 10 - 2.4 = 7.6",
            }
        ]
        assert told["meter"] == {
            "id": meter,
            "name": "Calls",
            "eventSchemaName": "api_call",
            "aggregation": "SUM",
            "computations": [{"computation": CALLS, "order": 1}],
        }
        # The one of February is not among them; they were sent out of order.
        assert told["events"]["count"] == 7
        assert [(one["id"], one["timestamp"], one["units"]) for one in told["events"]["first"]] == [
            (sent[place], f"2026-01-{day:02}T00:00:00Z", 200) for place, day in ((1, 3), (3, 4), (2, 5), (5, 6), (6, 7))
        ]
        assert "fee" not in told

    def test_packages_and_flat_slabs_are_told_as_they_are_priced(self, still: Shop) -> None:
        still.account()
        still.schema()
        meter = still.meter()
        card = tiered(meter, (0, 5), (100, 3))
        card["ratePlan"]["slabs"][0]["priceType"] = "FLAT"
        card["ratePlan"]["slabs"][1] |= {"priceType": "PACKAGE", "slabConfig": {"packageSize": "100"}}
        still.associate(still.plan(usageRateCards=[card]))
        still.use(350)
        told = explained(still, still.invoices()[0]["id"], meter)
        # 5 for the first 100; the other 250 begin 3 packages at 3.
        assert [(tier["priceType"], tier["amount"], tier["arithmetic"]) for tier in told["tiers"]] == [
            ("FLAT", 5, "flat rate: 1 x 5 = 5"),
            ("PACKAGE", 9, "250 units in packages of 100: 3 x 3 = 9"),
        ]
        assert told["amount"] == 14

    def test_a_meter_that_no_event_reached_is_explained_too(self, sold: tuple[Shop, str, str]) -> None:
        shop, meter, _ = sold
        told = explained(shop, shop.invoices()[1]["id"], meter)
        assert (told["quantity"], told["arithmetic"]) == (0, "0 + 0 + 10 = 10")
        assert told["events"] == {"count": 0, "first": []}

    def test_a_frozen_invoice_explains_itself_as_its_draft_did(self, shop: Shop) -> None:
        meter = shop.metered_plan((0, "0.002"))
        shop.use(1000)
        draft = shop.invoices()[0]["id"]
        before = explained(shop, draft, meter)
        shop.api.advance("2026-02-04")
        after = explained(shop, draft, meter)
        assert (after.pop("status"), after.pop("sequenceId")) == ("DUE", "INV-000001")
        assert before.pop("status") == "DRAFT"
        assert after == before
        assert after["arithmetic"] == "1000 x 0.002 = 2"


class TestUsageThatDoesNotAddUp:
    """20 calls on the tenth, 5 on the third, 20 on the twelfth and 8 on the twentieth, in this order."""

    @staticmethod
    def told(shop: Shop, kind: str) -> tuple[list[str], Json]:
        """The events and how the usage of January is explained."""
        shop.account()
        shop.schema()
        meter = shop.meter(kind, aggregation=kind)
        shop.associate(shop.plan(usageRateCards=[tiered(meter, (0, 2))]))
        sent = [shop.use(calls, f"2026-01-{day:02}T00:00:00Z") for calls, day in ((20, 10), (5, 3), (20, 12), (8, 20))]
        undone = shop.use(99, "2026-01-09T00:00:00Z")
        shop.api.post(f"/events/correction?action=UNDO&account_id=acme&event_id={undone}").ok()
        told = explained(shop, shop.invoices()[0]["id"], meter)
        assert (told["meter"]["aggregation"], told["events"]["count"]) == (kind, 4)
        assert told["arithmetic"] == f"{told['quantity']} x 2 = {told['amount']}"
        return sent, told

    @pytest.mark.parametrize(
        ("kind", "quantity", "place", "day"), [("MAX", 20, 0, 10), ("MIN", 5, 1, 3), ("LATEST", 8, 3, 20)]
    )
    def test_the_event_that_decides_is_named(self, still: Shop, kind: str, quantity: int, place: int, day: int) -> None:
        sent, told = self.told(still, kind)
        assert told["quantity"] == quantity
        decisive = {"id": sent[place], "timestamp": f"2026-01-{day:02}T00:00:00Z", "units": quantity}
        assert told["events"]["decisive"] == decisive
        assert "arithmetic" not in told["events"]

    def test_an_average_tells_its_arithmetic(self, still: Shop) -> None:
        _, told = self.told(still, "AVERAGE")
        assert (told["quantity"], told["events"]["arithmetic"]) == (Decimal("13.25"), "53 / 4 = 13.25")
        assert "decisive" not in told["events"]

    def test_of_values_that_are_told_apart_each_event_is_one(self, still: Shop) -> None:
        sent, told = self.told(still, "DISTINCT_COUNT")
        assert told["quantity"] == 3
        assert [(one["id"], one["units"]) for one in told["events"]["first"]] == [
            (sent[place], 1) for place in (1, 0, 2, 3)
        ]

    def test_nothing_decides_where_nothing_was_used(self, still: Shop) -> None:
        sent, told = self.told(still, "MAX")
        for name in sent:
            still.api.post(f"/events/correction?action=UNDO&account_id=acme&event_id={name}").ok()
        empty = explained(still, still.invoices()[0]["id"], told["meter"]["id"])
        assert (empty["quantity"], empty["events"]) == (0, {"count": 0, "first": []})


class TestFees:
    def test_a_fee_in_advance_is_explained_on_its_own_invoice(self, sold: tuple[Shop, str, str]) -> None:
        shop, meter, addon = sold
        advance, arrears = (one["id"] for one in shop.invoices())
        told = explained(shop, advance, addon)
        assert (told["type"], told["amount"], told["fee"]) == ("ADVANCED_FIXED_FEE", 25, {"rate": 25})
        assert told["arithmetic"] == "fixed fee, not prorated: 25"
        assert {"quantity", "tiers", "adjustments", "meter", "events"}.isdisjoint(told)
        path = f"/v1/invoices/{arrears}/lines/{addon}/explanation"
        known = f"the lines of invoice {arrears!r} that can be explained: {meter}"
        assert shop.api.get(path).refused(404) == f"line {addon!r} not found, {known}"

    def test_a_prorated_fee_tells_its_days(self, still: Shop) -> None:
        still.account()
        addon = still.addon()
        still.associate(still.plan(fixedFeeRateCards=[fee(addon, 100) | {"enableProration": True}]), since="2025-12-11")
        # 21 of December's 31 days: 2100 / 31 = 67.7419...
        told = explained(still, still.invoices()[0]["id"], addon)
        assert (told["fee"], told["amount"]) == ({"rate": 100, "days": 21, "cycleDays": 31}, Decimal("67.74"))
        assert told["arithmetic"] == "100 x 21 / 31 days = 67.741935..., rounded to 67.74"


def test_an_unknown_invoice_is_not_found(still: Shop) -> None:
    message = still.api.get("/v1/invoices/inv.x/lines/um.x/explanation").refused(404)
    assert message == "invoice 'inv.x' not found"


def test_only_the_accounts_own_events_are_told(sold: tuple[Shop, str, str]) -> None:
    shop, meter, _ = sold
    shop.account("zenith")
    shop.api.post("/ingestBatch", {"events": [event("e-z", "zenith", 5), event("e-a", "acme", 7)]}).ok()
    told = explained(shop, shop.invoices()[1]["id"], meter)
    assert told["events"]["count"] == 1
    assert told["events"]["first"] == [{"id": "e-a", "timestamp": "2026-01-10T12:00:00Z", "units": 7}]
