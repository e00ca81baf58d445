"""The states of each noun and the steps that are refused (domain.md 1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.operations.shop import CALLS, Shop, fee, tiered

if TYPE_CHECKING:
    from tests.servers import Answer

METER = {"name": "Calls", "type": "COUNTER", "aggregation": "SUM", "eventSchemaName": "api_call"}
METER |= {"computations": [{"computation": CALLS}]}


class TestCustomers:
    def test_an_archived_one_is_gone_with_its_accounts_but_can_be_listed(self, still: Shop) -> None:
        still.account()
        assert still.api.delete("/customers/acme").ok() == {"success": True}
        for path in ("/customers/acme", "/accounts/acme"):
            still.api.get(path).refused(404)
        still.api.delete("/customers/acme").refused(404)
        assert still.api.get("/customers").ok()["data"] == []
        assert [one["status"] for one in still.api.get("/customers", status="ARCHIVED").ok()["data"]] == ["ARCHIVED"]

    def test_its_id_stays_taken(self, still: Shop) -> None:
        still.account()
        still.api.delete("/customers/acme").ok()
        body = {"id": "acme", "name": "Again", "primaryEmail": "a@b.test", "address": {}}
        still.api.post("/customers", body).refused(409)

    def test_it_is_kept_while_an_account_has_a_plan_now_or_later(self, still: Shop) -> None:
        still.account()
        still.schema()
        plan = still.plan(usageRateCards=[tiered(still.meter(), (0, 1))])
        still.associate(plan, since="2026-06-01")
        assert "price plan" in still.api.delete("/customers/acme").refused(400)
        assert still.api.get("/customers/acme").status == 200

    def test_nothing_but_the_id_stays_the_same(self, still: Shop) -> None:
        still.account()
        changed = still.api.patch("/customers/acme", {"name": "Acme 2", "address": {"city": "Rome"}}).ok()
        assert (changed["id"], changed["name"], changed["billingAddress"]) == ("acme", "Acme 2", "Rome")
        assert "unknown field 'id'" in still.api.patch("/customers/acme", {"id": "other"}).refused(400)

    def test_its_first_account_is_cloned_when_none_is_given(self, still: Shop) -> None:
        body = {"id": "solo", "name": "Solo", "primaryEmail": "s@solo.test", "address": {"city": "Rome"}}
        account = still.api.post("/customers", body).ok()["account"]
        assert (account["id"], account["name"], account["invoiceCurrency"]) == ("solo", "Solo", "USD")

    def test_a_taken_id_is_a_conflict(self, still: Shop) -> None:
        still.account()
        body = {"id": "acme", "name": "Again", "primaryEmail": "a@b.test", "address": {}}
        assert "already exists" in still.api.post("/customers", body).refused(409)
        fresh = body | {"id": "fresh", "account": {"id": "acme", "name": "Taken"}}
        still.api.post("/customers", fresh).refused(409)
        still.api.get("/customers/fresh").refused(404)


class TestAccounts:
    def second(self, shop: Shop, **more: object) -> Answer:
        return shop.api.post("/accounts", {"id": "second", "name": "Second", "customerId": "acme"} | more)

    def test_a_customer_keeps_its_last_account(self, still: Shop) -> None:
        still.account()
        assert "archive the customer" in still.api.delete("/accounts/acme").refused(400)
        self.second(still).ok()
        assert still.api.delete("/accounts/acme").ok() == {"success": True}
        still.api.get("/accounts/acme").refused(404)

    def test_one_with_a_plan_or_a_draft_invoice_is_kept(self, shop: Shop) -> None:
        shop.account()
        self.second(shop).ok()
        shop.schema()
        plan = shop.plan(usageRateCards=[tiered(shop.meter(), (0, 1))])
        shop.associate(plan, "second", until="2026-02-01")
        assert "price plan" in shop.api.delete("/accounts/second").refused(400)
        shop.api.advance("2026-02-01")
        assert "draft invoice" in shop.api.delete("/accounts/second").refused(400)
        shop.api.advance("2026-02-03")
        assert shop.api.delete("/accounts/second").ok() == {"success": True}
        assert len(shop.invoices("second")) == 1

    def test_its_currency_changes_only_while_nothing_stands_in_it(self, still: Shop) -> None:
        still.account()
        assert still.api.patch("/accounts/acme", {"invoiceCurrency": "EUR"}).ok()["invoiceCurrency"] == "EUR"
        still.credit(5)
        assert "invoiceCurrency: " in still.api.patch("/accounts/acme", {"invoiceCurrency": "USD"}).refused(400)
        assert still.api.patch("/accounts/acme", {"invoiceCurrency": "EUR"}).status == 200

    @pytest.mark.parametrize("currency", ["XXQ", "eur", "EURO", ""])
    def test_a_currency_is_a_real_one(self, still: Shop, currency: str) -> None:
        still.account()
        assert "invoiceCurrency" in still.api.patch("/accounts/acme", {"invoiceCurrency": currency}).refused(400)
        assert "invoiceCurrency" in self.second(still, invoiceCurrency=currency).refused(400)

    def test_a_draft_has_no_plan_and_becomes_active(self, still: Shop) -> None:
        still.account()
        assert self.second(still, status="DRAFT").ok()["status"] == "DRAFT"
        still.schema()
        plan = still.plan(usageRateCards=[tiered(still.meter(), (0, 1))])
        assert "DRAFT" in still.try_associate(plan, "second").refused(400)
        assert still.api.patch("/accounts/second", {"status": "ACTIVE"}).ok()["status"] == "ACTIVE"
        still.associate(plan, "second")
        assert "status" in still.api.patch("/accounts/second", {"status": "DRAFT"}).refused(400)

    def test_it_is_archived_by_deletion_only(self, still: Shop) -> None:
        still.account()
        assert "DELETE" in still.api.patch("/accounts/acme", {"status": "ARCHIVED"}).refused(400)

    def test_ids_and_aliases_are_one_set_of_names(self, still: Shop) -> None:
        still.account(aliases=["acme-alias"])
        self.second(still, aliases=["acme-alias"]).refused(409)
        still.api.post("/accounts", {"id": "acme-alias", "name": "Third", "customerId": "acme"}).refused(409)
        self.second(still, aliases=["acme"]).refused(409)
        assert len(still.api.get("/accounts").ok()["data"]) == 1

    def test_tags_are_kept_in_lower_case(self, still: Shop) -> None:
        still.account()
        assert self.second(still, tags=["Gold", "EU"]).ok()["tags"] == ["gold", "eu"]


class TestEventSchemas:
    def status(self, shop: Shop) -> tuple[str, int]:
        schema = shop.api.get("/event_schema/api_call").ok()
        return schema["status"], schema["version"]

    def test_it_is_activated_and_deactivated_in_turn(self, still: Shop) -> None:
        still.schema()
        assert "already ACTIVE" in still.api.post("/event_schema/api_call/activate").refused(400)
        assert still.api.post("/event_schema/api_call/deactivate").ok()["status"] == "INACTIVE"
        assert "INACTIVE" in still.api.post("/event_schema/api_call/deactivate").refused(400)
        assert still.api.post("/event_schema/api_call/activate").ok()["status"] == "ACTIVE"

    def test_an_active_meter_keeps_it_active(self, still: Shop) -> None:
        still.schema()
        meter = still.meter()
        assert "used by usage meters: um." in still.api.post("/event_schema/api_call/deactivate").refused(400)
        still.api.post(f"/usage_meters/{meter}/deactivate").ok()
        assert still.api.post("/event_schema/api_call/deactivate").ok()["status"] == "INACTIVE"

    def test_it_is_archived_when_it_is_not_active_and_no_live_meter_reads_it(self, still: Shop) -> None:
        still.schema()
        meter = still.meter()
        assert "deactivate it first" in still.api.delete("/event_schema/api_call").refused(400)
        still.api.post(f"/usage_meters/{meter}/deactivate").ok()
        still.api.post("/event_schema/api_call/deactivate").ok()
        assert "used by usage meters: um." in still.api.delete("/event_schema/api_call").refused(400)
        still.api.delete(f"/usage_meters/{meter}").ok()
        assert still.api.delete("/event_schema/api_call").ok() == {"success": True}
        still.api.get("/event_schema/api_call").refused(404)

    def test_a_draft_is_edited_in_place(self, still: Shop) -> None:
        still.api.post("/event_schema", {"name": "api_call", "attributes": [{"name": "a"}], "dimensions": []}).ok()
        changed = still.api.patch("/event_schema/api_call", {"attributes": [{"name": "b"}]}).ok()
        assert (changed["version"], changed["attributes"]) == (1, [{"name": "b"}])

    def test_one_that_was_active_only_grows_and_keeps_its_versions(self, still: Shop) -> None:
        still.schema()
        removed = {"attributes": [{"name": "seconds"}], "dimensions": []}
        message = still.api.patch("/event_schema/api_call", removed).refused(400)
        assert "'calls' cannot be removed" in message
        assert "'region' cannot be removed" in message
        grown = {"attributes": [{"name": "calls"}, {"name": "seconds"}]}
        assert still.api.patch("/event_schema/api_call", grown).ok()["version"] == 2
        versions = still.api.get("/event_schema/api_call/versions").ok()["data"]
        assert [(one["version"], one["status"]) for one in versions] == [(2, "ACTIVE"), (1, "ARCHIVED")]
        assert still.api.get("/event_schema/api_call", version=1).ok()["attributes"] == [{"name": "calls"}]
        still.api.get("/event_schema/api_call", version=3).refused(404)

    def test_a_name_is_taken_once(self, still: Shop) -> None:
        still.schema()
        body = {"name": "api_call", "attributes": [], "dimensions": []}
        assert "'api_call'" in still.api.post("/event_schema", body).refused(409)

    @pytest.mark.parametrize("name", ["togai-usage", "togai-named-license"])
    def test_predefined_names_are_taken_and_not_listed(self, still: Shop, name: str) -> None:
        still.api.post("/event_schema", {"name": name, "attributes": [], "dimensions": []}).refused(409)
        assert still.api.get("/event_schema").ok()["data"] == []

    @pytest.mark.parametrize("name", ["", "a/b", "a" * 51, "a.b", "ünïcode"])
    def test_a_name_has_letters_digits_and_little_else(self, still: Shop, name: str) -> None:
        body = {"name": name, "attributes": [], "dimensions": []}
        assert "name: " in still.api.post("/event_schema", body).refused(400)

    def test_fields_are_named_once(self, still: Shop) -> None:
        body = {"name": "twice", "attributes": [{"name": "a"}, {"name": "a"}], "dimensions": [{"name": "d"}] * 2}
        message = still.api.post("/event_schema", body).refused(400)
        assert "attributes" in message
        assert "dimensions" in message

    def test_the_list_tells_inactive_ones_from_active_ones(self, still: Shop) -> None:
        still.schema()
        still.api.post("/event_schema", {"name": "draft", "attributes": [], "dimensions": []}).ok()

        def listed(status: str) -> list[str]:
            return [one["name"] for one in still.api.get("/event_schema", status=status).ok()["data"]]

        assert listed("ACTIVE") == ["api_call"]
        # domain.md 1.4: the filter knows two states, and a draft is not active.
        assert listed("INACTIVE") == listed("DRAFT") == ["draft"]
        still.api.post("/event_schema/draft/activate").ok()
        still.api.post("/event_schema/draft/deactivate").ok()
        assert (listed("INACTIVE"), listed("DRAFT")) == (["draft"], [])


class TestUsageMeters:
    def test_it_is_activated_and_deactivated_in_turn(self, still: Shop) -> None:
        still.schema()
        meter = still.meter()
        assert "already ACTIVE" in still.api.post(f"/usage_meters/{meter}/activate").refused(400)
        assert still.api.post(f"/usage_meters/{meter}/deactivate").ok()["status"] == "INACTIVE"
        assert "INACTIVE" in still.api.post(f"/usage_meters/{meter}/deactivate").refused(400)

    def test_an_active_one_is_neither_edited_nor_archived(self, still: Shop) -> None:
        still.schema()
        meter = still.meter()
        assert "deactivate it first" in still.api.patch(f"/usage_meters/{meter}", {"name": "New"}).refused(400)
        assert "deactivate it first" in still.api.delete(f"/usage_meters/{meter}").refused(400)

    def test_an_inactive_one_is_edited_and_archived(self, still: Shop) -> None:
        still.schema()
        meter = still.meter()
        still.api.post(f"/usage_meters/{meter}/deactivate").ok()
        assert still.api.patch(f"/usage_meters/{meter}", {"billableName": "API"}).ok()["displayName"] == "API"
        assert still.api.delete(f"/usage_meters/{meter}").ok() == {"success": True}
        still.api.get(f"/usage_meters/{meter}").refused(404)
        still.api.post(f"/usage_meters/{meter}/activate").refused(404)

    def test_a_plan_that_prices_it_lets_it_be_deactivated_but_not_archived(self, still: Shop) -> None:
        meter = still.metered_plan((0, 1))
        still.use(5)
        assert still.api.post(f"/usage_meters/{meter}/deactivate").ok()["status"] == "INACTIVE"
        assert "priced by" in still.api.delete(f"/usage_meters/{meter}").refused(400)
        late = still.use(7)
        assert still.status(late) == "INGESTION_COMPLETED_NO_MATCHING_METERS"
        assert still.invoices()[0]["totalAmount"] == 5
        still.api.post(f"/usage_meters/{meter}/activate").ok()
        assert still.status(late) == "INGESTION_COMPLETED_NO_MATCHING_METERS", "it is not metered afterwards"

    def test_an_edit_is_checked_like_a_creation(self, still: Shop) -> None:
        still.schema()
        made = still.api.post("/usage_meters", METER).ok()["id"]
        bad = {"computations": [{"computation": '{"var":"attributes.cals"}'}]}
        assert "attributes.calls" in still.api.patch(f"/usage_meters/{made}", bad).refused(400)
        assert "not found" in still.api.patch(f"/usage_meters/{made}", {"eventSchemaName": "nowhere"}).refused(400)

    def test_a_name_is_taken_once(self, still: Shop) -> None:
        still.schema()
        still.api.post("/usage_meters", METER).ok()
        assert "'Calls'" in still.api.post("/usage_meters", METER).refused(409)

    def test_the_list_tells_inactive_ones_from_active_ones(self, still: Shop) -> None:
        still.schema()
        still.meter("Active")
        still.api.post("/usage_meters", METER | {"name": "Draft"}).ok()

        def listed(status: str) -> list[str]:
            return [one["name"] for one in still.api.get("/usage_meters", status=status).ok()["data"]]

        assert (listed("ACTIVE"), listed("INACTIVE")) == (["Active"], ["Draft"])


class TestAddOns:
    def test_one_that_a_live_plan_prices_is_kept(self, still: Shop) -> None:
        addon = still.addon()
        details = {"supportedCurrencies": ["USD"], "fixedFeeRateCards": [fee(addon, 5)]}
        plan = still.api.post("/price_plans", {"name": "Draft", "pricePlanDetails": details}).ok()["id"]
        assert "priced by: pp." in still.api.delete(f"/addons/{addon}").refused(400)
        still.api.delete(f"/price_plans/{plan}").ok()
        assert still.api.delete(f"/addons/{addon}").ok() == {"success": True}


class TestPricePlans:
    def test_one_in_force_is_kept(self, still: Shop) -> None:
        still.metered_plan((0, 1))
        (plan,) = still.api.get("/price_plans").ok()["data"]
        assert "in force" in still.api.delete(f"/price_plans/{plan['id']}").refused(400)

    def test_an_archived_one_is_gone(self, still: Shop) -> None:
        still.account()
        still.schema()
        plan = still.plan(usageRateCards=[tiered(still.meter(), (0, 1))])
        assert still.api.delete(f"/price_plans/{plan}").ok() == {"success": True}
        still.api.get(f"/price_plans/{plan}").refused(404)
        still.api.post(f"/price_plans/{plan}/activate", {"currencies": ["USD"]}).refused(404)
        assert "not found" in still.try_associate(plan).refused(400)

    def test_an_active_one_gets_versions_and_its_words_change_at_any_time(self, still: Shop) -> None:
        meter = still.metered_plan((0, 1))
        (plan,) = still.api.get("/price_plans").ok()["data"]
        path = f"/price_plans/{plan['id']}"
        assert still.api.patch(path, {"description": "Cheaper"}).ok()["pricingSchedule"][0]["version"] == 1
        dearer = {"pricePlanDetails": {"usageRateCards": [tiered(meter, (0, 2))]}}
        assert still.api.patch(path, dearer).ok()["pricingSchedule"][0]["version"] == 2
        gone = {"pricePlanDetails": {"supportedCurrencies": ["EUR"], "usageRateCards": []}}
        message = still.api.patch(path, gone).refused(400)
        assert message == "pricePlanDetails.supportedCurrencies: keeps none of the active currencies: USD"
        empty = {"pricePlanDetails": {"usageRateCards": []}}
        assert "has no rate cards" in still.api.patch(path, empty).refused(400)
        assert still.api.get(path).ok()["description"] == "Cheaper"
        still.api.get(path, version=3).refused(404)

    def test_what_an_older_version_prices_is_kept(self, still: Shop) -> None:
        first, second = still.addon("First"), still.addon("Second")
        plan = still.plan(fixedFeeRateCards=[fee(first, 5)])
        still.api.patch(f"/price_plans/{plan}", {"pricePlanDetails": {"fixedFeeRateCards": [fee(second, 5)]}}).ok()
        for addon in (first, second):
            assert "priced by: pp." in still.api.delete(f"/addons/{addon}").refused(400)


class TestCredits:
    def test_only_an_active_one_is_voided(self, still: Shop) -> None:
        still.account()
        credit = still.credit(80)
        assert still.api.post(f"/credits/{credit}/void").ok()["status"] == "VOIDED"
        assert "VOIDED" in still.api.post(f"/credits/{credit}/void").refused(400)

    def test_nothing_about_one_can_be_changed(self, still: Shop) -> None:
        still.account()
        credit = still.credit(80)
        still.api.patch(f"/credits/{credit}", {"creditAmount": 100}).refused(405)


class TestTheOrganisation:
    def test_name_address_and_number_format_change_at_any_time(self, still: Shop) -> None:
        still.metered_plan((0, 1))
        asked = {
            "name": "Tally Ltd",
            "address": {"city": "Rome"},
            "primaryEmail": "billing@tally.test",
            "invoiceNumberFormat": "T/{number}",
            "netTermDays": 14,
        }
        changed = still.api.patch("/v1/organization", asked).ok()
        assert {name: changed[name] for name in asked} == asked
        assert still.api.get("/v1/organization").ok() == changed

    def test_currency_and_zone_change_only_before_the_first_plan(self, still: Shop) -> None:
        changed = still.api.patch("/v1/organization", {"baseCurrency": "EUR", "timeZone": "Europe/Rome"}).ok()
        assert (changed["baseCurrency"], changed["timeZone"]) == ("EUR", "Europe/Rome")
        still.metered_plan((0, 1))
        message = still.api.patch("/v1/organization", {"baseCurrency": "USD", "timeZone": "UTC"}).refused(400)
        assert "baseCurrency" in message
        assert "timeZone" in message
        same = {"baseCurrency": "EUR", "timeZone": "Europe/Rome"}
        assert still.api.patch("/v1/organization", same).status == 200

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("timeZone", "Mars/Olympus"),
            ("timeZone", "../../etc/passwd"),
            ("baseCurrency", "GLD"),
            ("invoiceNumberFormat", "INVOICE"),
            ("invoiceNumberFormat", "{number}{number.__class__}"),
            ("invoiceNumberFormat", "{other}"),
            ("invoiceNumberFormat", "{number:x>99999999}"),
            ("netTermDays", -1),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, still: Shop, field: str, value: object) -> None:
        assert f"{field}: " in still.api.patch("/v1/organization", {field: value}).refused(400)
