"""Finding things by whatever people call them (issue 3, part 2: search-billing)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.operations.shop import Json, Shop


def found(shop: Shop, query: str) -> list[Json]:
    return shop.api.get("/v1/search", query=query).ok()["hits"]


def named(shop: Shop, query: str) -> list[tuple[str, str]]:
    return [(hit["type"], hit["id"]) for hit in found(shop, query)]


@pytest.fixture
def full(still: Shop) -> Shop:
    """Two customers, one of them with a plan and a draft invoice."""
    still.metered_plan((0, 1))
    still.account("zenith", currency="EUR", aliases=["ops-team", "acme-europe"])
    return still


class TestOrder:
    def test_an_id_comes_before_a_name_and_a_name_before_a_part(self, full: Shop) -> None:
        full.api.post("/accounts", {"id": "two", "customerId": "zenith", "name": "ACME"}).ok()
        assert named(full, "acme") == [
            ("customer", "acme"),
            ("account", "acme"),
            ("account", "two"),
            ("account", "zenith"),
        ]

    @pytest.mark.parametrize("query", ["ACME", " acme ", "Acme Inc", "acme@EXAMPLE.test"])
    def test_case_and_blanks_around_it_do_not_matter(self, full: Shop, query: str) -> None:
        assert ("customer", "acme") in named(full, query)

    @pytest.mark.parametrize("query", ["acme-inc", "Acme Incorporated", "Inc. Acme", "the acme people"])
    def test_when_the_whole_text_finds_nothing_its_words_do_and_more_words_come_first(
        self, full: Shop, query: str
    ) -> None:
        assert named(full, query)[0] == ("customer", "acme")

    def test_short_words_find_nothing(self, full: Shop) -> None:
        assert named(full, "a b zz") == []

    def test_what_is_special_to_patterns_is_plain_text(self, full: Shop) -> None:
        for query in ("%", "_", "acme%", "\\"):
            assert ("customer", "zenith") not in named(full, query)


class TestNouns:
    def test_a_customer_is_told_by_its_e_mail_address(self, full: Shop) -> None:
        assert found(full, "acme@example.test") == [
            {"type": "customer", "id": "acme", "name": "acme Inc", "detail": "acme@example.test"}
        ]

    @pytest.mark.parametrize("query", ["ops-team", "OPS-TEAM"])
    def test_an_account_is_found_by_its_alias(self, full: Shop, query: str) -> None:
        assert found(full, query) == [
            {
                "type": "account",
                "id": "zenith",
                "name": "zenith account",
                "detail": "ACTIVE, billed in EUR, customer zenith (zenith Inc), alias ops-team, alias acme-europe",
            }
        ]

    def test_an_invoice_is_found_by_its_number_and_by_its_id(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.use(5)
        shop.api.advance("2026-02-04")
        frozen, draft = (invoice["id"] for invoice in shop.invoices())
        told = {
            "type": "invoice",
            "id": frozen,
            "name": "INV-000001",
            "detail": "DUE, 5.00 USD, account acme, from 2026-01-01 until 2026-02-01",
        }
        assert found(shop, "inv-000001") == found(shop, frozen) == [told]
        assert found(shop, draft) == [
            {
                "type": "invoice",
                "id": draft,
                "name": "draft",
                "detail": "DRAFT, account acme, from 2026-02-01 until 2026-03-01",
            }
        ]

    def test_the_catalogue_is_found_by_name(self, full: Shop) -> None:
        assert [(hit["type"], hit["name"], hit["detail"]) for hit in found(full, "calls")] == [
            ("usage_meter", "Calls", "ACTIVE, SUM of events of schema api_call")
        ]
        assert [(hit["type"], hit["id"], hit["detail"]) for hit in found(full, "api_call")] == [
            ("event_schema", "api_call", "ACTIVE, calls, region")
        ]
        assert [(hit["type"], hit["name"], hit["detail"]) for hit in found(full, "plan 1")] == [
            ("price_plan", "Plan 1", "ACTIVE, BILLING")
        ]


class TestLimits:
    def test_at_most_five_of_a_type_are_told(self, still: Shop) -> None:
        for number in range(7):
            still.account(f"branch-{number}")
        types = [kind for kind, _ in named(still, "branch")]
        assert (types.count("customer"), types.count("account")) == (5, 5)
        assert named(still, "branch-6")[:2] == [("customer", "branch-6"), ("account", "branch-6")]

    def test_archived_things_are_left_out(self, full: Shop) -> None:
        full.api.delete("/customers/zenith").ok()
        assert named(full, "zenith") == named(full, "ops-team") == []

    @pytest.mark.parametrize("query", ["", "   "])
    def test_an_empty_text_is_refused(self, full: Shop, query: str) -> None:
        message = full.api.get("/v1/search", query=query).refused(400)
        assert message == "query: is empty: send a name, an e-mail address, an id or an invoice number"

    def test_a_missing_or_endless_text_is_refused(self, full: Shop) -> None:
        assert "query" in full.api.get("/v1/search").refused(400)
        assert full.api.get("/v1/search", query="x" * 201).refused(400).startswith("query: ")
        assert full.api.get("/v1/search", query="many words " * 18).ok()["hits"] == []
