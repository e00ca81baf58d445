"""Whoever follows nextSteps word for word recovers from the usual mistakes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.agent import LEGACY, MODERN
from tests.agents.naive_agent import NaiveAgent

if TYPE_CHECKING:
    from tests.agent import Agent
    from tests.operations.shop import Shop

GRANT = {"accountId": "acme", "creditAmount": "12.50", "effectiveFrom": "2026-01-01"}
ACME = {"id": "acme", "name": "Acme Inc", "primaryEmail": "a@acme.test"}


@pytest.fixture(params=[MODERN, LEGACY])
def naive(request: pytest.FixtureRequest, agent: Agent) -> NaiveAgent:
    """An agent that sees the tools of the core, as most do."""
    return NaiveAgent(agent.door.agent(agent.key, revision=request.param))


def credits_of(shop: Shop) -> list[Decimal]:
    return [credit["creditAmount"] for credit in shop.api.get("/credits").ok()["data"]]


class TestWrongIds:
    @pytest.mark.parametrize(
        ("tool", "arguments"),
        [
            ("get-customer", {"customerId": "Acme"}),
            ("get-customer", {"customerId": "acme inc"}),
            ("list-accounts", {"customerId": "acme Inc"}),
            ("list-invoices", {"accountId": "cme"}),
            ("get-usage", {"accountId": "acme account", "startDate": "2026-01-01", "endDate": "2026-02-01"}),
            ("preview-invoice", {"accountId": "acm"}),
        ],
    )
    def test_it_finds_the_right_one(self, shop: Shop, naive: NaiveAgent, tool: str, arguments: dict[str, str]) -> None:
        shop.metered_plan()
        naive.do(tool, arguments)
        assert naive.called == [tool, "search-billing", tool]

    def test_of_an_invoice_too(self, shop: Shop, naive: NaiveAgent) -> None:
        shop.metered_plan()
        invoice = shop.invoices()[0]["id"]
        assert naive.do("get-invoice", {"invoiceId": invoice[:-1]})["id"] == invoice

    def test_of_a_schema_too(self, shop: Shop, naive: NaiveAgent) -> None:
        shop.schema()
        meter = shop.meter()
        assert naive.do("list-usage-meters", {"eventSchemaName": "api_calls"})["data"][0]["id"] == meter

    def test_a_credit_goes_to_the_right_account(self, shop: Shop, naive: NaiveAgent) -> None:
        shop.account()
        assert naive.do("grant-credit", GRANT | {"accountId": "acm"})["accountId"] == "acme"
        assert credits_of(shop) == [Decimal("12.5")]


class TestAmounts:
    def test_a_float_with_too_many_digits_is_rounded_as_told(self, shop: Shop, naive: NaiveAgent) -> None:
        shop.account()
        naive.do("grant-credit", GRANT | {"creditAmount": 100 / 3})
        assert credits_of(shop) == [Decimal("33.33")]

    def test_one_above_the_limit_is_previewed_and_committed(self, shop: Shop, naive: NaiveAgent) -> None:
        shop.account()
        naive.do("grant-credit", GRANT | {"creditAmount": "500"})
        assert naive.called == ["grant-credit", "grant-credit"]
        assert credits_of(shop) == [500]

    def test_both_at_once(self, shop: Shop, naive: NaiveAgent) -> None:
        shop.account()
        naive.do("grant-credit", GRANT | {"creditAmount": 1000 / 3, "accountId": "acm"})
        assert credits_of(shop) == [Decimal("333.33")]


class TestFields:
    @pytest.mark.parametrize("more", [{"reason": "goodwill"}, {"tax_id": "DE1", "currency": "USD"}])
    def test_one_too_many_is_left_out(self, shop: Shop, naive: NaiveAgent, more: dict[str, str]) -> None:
        shop.account()
        naive.do("grant-credit", GRANT | more)
        assert credits_of(shop) == [Decimal("12.5")]

    def test_a_misspelt_one_is_renamed(self, shop: Shop, naive: NaiveAgent) -> None:
        shop.account()
        naive.do("grant-credit", GRANT | {"effectiveUntl": "2026-07-01"})
        assert shop.api.get("/credits").ok()["data"][0]["effectiveUntil"] == "2026-07-01"

    def test_a_missing_one_is_asked_for(self, shop: Shop, naive: NaiveAgent) -> None:
        naive.facts["primaryEmail"] = "a@acme.test"
        naive.do("create-customer", {"id": "acme", "name": "Acme Inc"})
        assert shop.api.get("/v1/customers/acme").ok()["primaryEmail"] == "a@acme.test"

    def test_a_wrong_one_is_asked_for(self, shop: Shop, naive: NaiveAgent) -> None:
        naive.facts["primaryEmail"] = "a@acme.test"
        naive.do("create-customer", ACME | {"primaryEmail": 7})
        assert shop.api.get("/v1/customers/acme").status == 200


class TestRepeatedCalls:
    def test_a_customer_that_is_there_already_is_read(self, shop: Shop, naive: NaiveAgent) -> None:
        for _ in range(2):
            assert naive.do("create-customer", ACME)["id"] == "acme"
        assert naive.called == ["create-customer", "create-customer", "get-customer"]
        assert len(shop.api.get("/v1/customers").ok()["data"]) == 1

    def test_a_credit_with_a_key_is_granted_once(self, shop: Shop, naive: NaiveAgent) -> None:
        shop.account()
        asked = GRANT | {"creditAmount": 500, "idempotencyKey": "k"}
        assert naive.do("grant-credit", asked) == naive.do("grant-credit", asked)
        assert credits_of(shop) == [500]

    def test_a_preview_that_went_stale_is_looked_at_again(self, shop: Shop, naive: NaiveAgent) -> None:
        shop.account()
        token = naive.agent.call("grant-credit", GRANT | {"creditAmount": 500}).ok()["previewToken"]
        shop.credit(1)
        naive.do("grant-credit", GRANT | {"creditAmount": 500, "previewToken": token})
        assert sorted(credits_of(shop)) == [1, 500]

    def test_a_token_that_is_none_is_replaced(self, shop: Shop, naive: NaiveAgent) -> None:
        shop.account()
        naive.do("grant-credit", GRANT | {"previewToken": "the one from before"})
        assert credits_of(shop) == [Decimal("12.5")]

    def test_what_was_committed_is_not_done_again(self, shop: Shop, naive: NaiveAgent) -> None:
        shop.account()
        asked = GRANT | {"creditAmount": 500}
        asked |= {"previewToken": naive.agent.call("grant-credit", asked).ok()["previewToken"]}
        naive.do("grant-credit", asked)
        with pytest.raises(AssertionError, match="no step to take"):
            naive.do("grant-credit", asked)
        assert credits_of(shop) == [500]


class TestPages:
    def test_it_reads_to_the_end(self, shop: Shop, naive: NaiveAgent) -> None:
        for number in range(5):
            shop.account(f"acme-{number}")
        found = naive.read_all("list-customers", {"pageSize": 2})
        assert {one["id"] for one in found} == {f"acme-{number}" for number in range(5)}

    def test_a_token_that_went_bad_starts_it_again(self, shop: Shop, naive: NaiveAgent) -> None:
        shop.account()
        page = naive.do("list-customers", {"pageSize": 2, "nextToken": "made-up"})
        assert [one["id"] for one in page["data"]] == ["acme"]


def test_the_control_without_steps_it_is_lost(shop: Shop, naive: NaiveAgent) -> None:
    """It has no knowledge of its own: of an error that calls for no call it makes nothing."""
    shop.account()
    with pytest.raises(AssertionError, match="no step to take"):
        naive.do("create-price-plan", {"name": "P", "type": "BILLING", "pricePlanDetails": {"supportedCurrencies": []}})
