"""The unified API under /v1, and the paths at which a capability's engine expects it (domain.md 11.2)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.operations.shop import Shop, event, tiered

if TYPE_CHECKING:
    from tests.servers import Api, Inside

ACME = {"id": "acme", "name": "Acme Inc", "primaryEmail": "billing@acme.test"}


@pytest.fixture
def shop(still: Shop) -> Shop:
    return still


@pytest.fixture
def api(still: Shop) -> Api:
    return still.api


@pytest.fixture
def moving(server: Inside) -> Shop:
    """The only organisation of a server whose clock a test may move."""
    return Shop(server.api())


class TestCustomersAndAccounts:
    def test_a_customer_needs_only_id_name_and_email(self, api: Api) -> None:
        made = api.post("/v1/customers", ACME)
        assert made.status == 201
        assert made.ok()["account"]["id"] == "acme"
        read = api.get("/v1/customers/acme").ok()
        assert read == api.get("/customers/acme").ok()
        assert (read["address"], read["billingAddress"]) == ({}, "")
        assert api.get("/v1/customers").ok()["data"] == [read]

    def test_an_account_is_opened_under_the_customer_of_the_path(self, api: Api) -> None:
        api.post("/v1/customers", ACME).ok()
        made = api.post("/v1/customers/acme/accounts", {"id": "acme-eu", "name": "Acme EU", "invoiceCurrency": "EUR"})
        assert made.status == 201
        assert made.ok() == api.get("/accounts/acme-eu").ok()
        listed = api.get("/v1/customers/acme/accounts").ok()["data"]
        assert sorted(account["id"] for account in listed) == ["acme", "acme-eu"]

    def test_a_body_that_names_another_customer_is_refused(self, api: Api) -> None:
        api.post("/v1/customers", ACME).ok()
        body = {"id": "acme-eu", "name": "Acme EU", "customerId": "other"}
        message = api.post("/v1/customers/acme/accounts", body).refused(400)
        assert message == "customerId: is 'other', the path says 'acme': send one of them"
        assert api.post("/v1/customers/acme/accounts", body | {"customerId": "acme"}).status == 201

    @pytest.mark.parametrize(
        "path", ["/v1/customers/nobody", "/v1/customers/nobody/accounts", "/customers/nobody/accounts"]
    )
    def test_an_unknown_customer_is_not_found(self, api: Api, path: str) -> None:
        assert api.get(path).refused(404) == "customer 'nobody' not found"

    def test_lists_page_to_the_end(self, api: Api) -> None:
        api.post("/v1/customers", ACME).ok()
        for number in range(4):
            api.post("/v1/customers/acme/accounts", {"id": f"a-{number}", "name": "More"}).ok()
        pages = api.pages("/v1/customers/acme/accounts", pageSize=2)
        assert [len(page) for page in pages] == [2, 2, 1]
        assert {account["id"] for page in pages for account in page} == {"acme", "a-0", "a-1", "a-2", "a-3"}


class TestEvents:
    def test_events_are_answered_as_by_the_batch_route(self, api: Api) -> None:
        good, bad = event("e-1"), event("e-2") | {"timestamp": "yesterday"}
        assert api.post("/v1/events", {"events": [good]}).status == 202
        mixed = api.post("/v1/events", {"events": [good, bad]})
        assert mixed.status == 207
        assert mixed.body["details"]["accepted"] == 1
        assert [one["index"] for one in mixed.body["details"]["rejected"]] == [1]
        api.post("/v1/events", {"events": []}).refused(400)

    def test_a_capabilitys_engine_sends_batches_where_single_events_go(self, api: Api) -> None:
        taken = api.post("/ingest", {"events": [event("e-1"), event("e-2")]})
        assert (taken.status, taken.body["details"]) == (202, {"accepted": 2})
        assert api.post("/ingest", {"event": event("e-3")}).status == 202
        assert {one["eventPayload"]["id"] for one in api.get("/events").ok()["events"]} == {"e-1", "e-2", "e-3"}

    def test_an_event_that_only_mentions_events_is_one_event(self, api: Api) -> None:
        mentions = event("e-1") | {"dimensions": {"events": "events"}}
        assert api.post("/ingest", {"event": mentions}).body["message"] == "Event accepted"
        assert "event" in api.post("/ingest", {"event": mentions, "events": [mentions]}).refused(400)


class TestPricePlans:
    @pytest.mark.parametrize("path", ["/v1/price-plans", "/price-plans", "/price_plans"])
    def test_name_and_type_make_a_draft_that_activation_refuses(self, api: Api, path: str) -> None:
        plan = api.post(path, {"name": "Basic", "type": "BILLING"}).ok()
        (version,) = plan["pricingSchedule"]
        details = version["pricePlanDetails"]
        assert (plan["status"], details["supportedCurrencies"]) == ("DRAFT", ["USD"])
        assert "pricingCycleConfig" not in details
        assert api.get(path).ok()["data"][0]["id"] == plan["id"]
        message = api.post(f"/price_plans/{plan['id']}/activate", {"currencies": ["USD"]}).refused(400)
        assert "pricePlanDetails.pricingCycleConfig: is missing" in message
        assert "pricePlanDetails: has no rate cards" in message

    def test_a_full_plan_is_taken_too(self, shop: Shop) -> None:
        shop.schema()
        terms = {
            "supportedCurrencies": ["USD"],
            "pricingCycleConfig": {"interval": "MONTHLY", "startOffset": {"dayOffset": "1"}, "gracePeriod": 2},
            "usageRateCards": [tiered(shop.meter(), (0, 1))],
        }
        body = {"name": "Full", "type": "BILLING", "pricePlanDetails": terms}
        plan = shop.api.post("/v1/price-plans", body).ok()
        assert plan == shop.api.get(f"/price_plans/{plan['id']}").ok()
        assert shop.api.post(f"/price_plans/{plan['id']}/activate", {"currencies": ["USD"]}).ok()["status"] == "ACTIVE"

    def test_the_meters_of_a_schema_are_listed_or_the_schema_is_not_found(self, shop: Shop) -> None:
        shop.schema()
        meter = shop.meter()
        path = "/event-schema/{}/usage-meters"
        assert [one["id"] for one in shop.api.get(path.format("api_call")).ok()["data"]] == [meter]
        assert shop.api.get(path.format("nothing")).refused(404) == "event schema 'nothing' not found"


class TestCredits:
    @pytest.mark.parametrize("amount", [100, 100.5, "100", "100.50"])
    def test_an_amount_and_a_day_are_enough(self, shop: Shop, amount: object) -> None:
        shop.account()
        asked = {"creditAmount": amount, "effectiveFrom": "2026-01-01"}
        credit = shop.api.post("/v1/accounts/acme/credits", asked).ok()
        assert Decimal(credit["creditAmount"]) == Decimal(str(amount))
        assert (credit["purpose"], credit["priority"], credit["creditUnit"]) == ("Credit grant", 1, "USD")
        assert "effectiveUntil" not in credit
        assert shop.api.get("/v1/accounts/acme/credits").ok()["data"] == [credit]

    def test_its_end_may_be_written_in_either_word(self, shop: Shop) -> None:
        shop.account()
        asked = {"creditAmount": 1, "effectiveFrom": "2026-01-01"}
        for word in ("effectiveTo", "effectiveUntil"):
            credit = shop.api.post("/v1/accounts/acme/credits", asked | {word: "2026-07-01"}).ok()
            assert credit["effectiveUntil"] == "2026-07-01"
        both = asked | {"effectiveTo": "2026-07-01", "effectiveUntil": "2026-08-01"}
        assert shop.api.post("/v1/accounts/acme/credits", both).refused(400).startswith("effectiveTo: means the same")

    def test_what_is_wrong_is_named_as_the_caller_wrote_it(self, shop: Shop) -> None:
        shop.account()
        asked = {"creditAmount": "0.001", "effectiveFrom": "2026-01-01", "effectiveTo": "2025-01-01"}
        message = shop.api.post("/v1/accounts/acme/credits", asked).refused(400)
        assert "creditAmount: " in message
        assert "creditRequests" not in message

    @pytest.mark.parametrize("prefix", ["/v1", ""])
    def test_an_unknown_account_is_not_found(self, api: Api, prefix: str) -> None:
        for noun in ("credits", "invoices"):
            assert api.get(f"{prefix}/accounts/nobody/{noun}").refused(404) == "account 'nobody' not found"
        asked = {"creditAmount": 1, "effectiveFrom": "2026-01-01"}
        assert api.post(f"{prefix}/accounts/nobody/credits", asked).refused(404) == "account 'nobody' not found"


class TestInvoices:
    def test_the_running_draft_comes_first_then_frozen_ones_newest_first(self, moving: Shop) -> None:
        shop = moving
        shop.metered_plan((0, 1))
        shop.api.advance("2026-04-02")  # March ended but has two days of grace; April runs
        listed = shop.api.get("/v1/accounts/acme/invoices").ok()["data"]
        assert [(one["status"], one["startDate"][:10]) for one in listed] == [
            ("DRAFT", "2026-04-01"),
            ("DRAFT", "2026-03-01"),
            ("PAID", "2026-02-01"),
            ("PAID", "2026-01-01"),
        ]
        pages = shop.api.pages("/accounts/acme/invoices", pageSize=1)
        assert [one["id"] for page in pages for one in page] == [one["id"] for one in listed]

    def test_a_plan_of_the_future_does_not_come_before_what_runs(self, moving: Shop) -> None:
        shop = moving
        shop.account()
        shop.schema()
        plan = shop.plan(usageRateCards=[tiered(shop.meter(), (0, 1))])
        shop.associate(plan, since="2026-01-01", until="2026-03-01")
        shop.associate(plan, since="2026-03-01")
        listed = shop.api.get("/v1/accounts/acme/invoices").ok()["data"]
        assert [one["startDate"][:10] for one in listed] == ["2026-01-01", "2026-03-01"]


class TestWhatTemplatesSend:
    """Mustache writes every value as text, and what is absent as an empty one."""

    def test_numbers_may_be_text_and_what_is_optional_empty(self, shop: Shop) -> None:
        shop.account()
        asked = {
            "creditAmount": "100",
            "effectiveFrom": "2026-01-01",
            "effectiveTo": "",
            "priority": "3",
        }
        credit = shop.api.post("/accounts/acme/credits", asked).ok()
        assert (credit["creditAmount"], credit["priority"]) == (100, 3)
        assert len(shop.api.get("/accounts/acme/credits", nextToken="").ok()["data"]) == 1

    def test_what_is_required_may_not_be_empty(self, shop: Shop) -> None:
        shop.account()
        asked = {"creditAmount": "", "effectiveFrom": "2026-01-01"}
        assert shop.api.post("/accounts/acme/credits", asked).refused(400).startswith("creditAmount: ")

    def test_under_v1_an_empty_text_is_what_it_says(self, shop: Shop) -> None:
        shop.account()
        asked = {"creditAmount": 1, "effectiveFrom": "2026-01-01", "effectiveTo": ""}
        assert shop.api.post("/v1/accounts/acme/credits", asked).refused(400).startswith("effectiveTo: ")
