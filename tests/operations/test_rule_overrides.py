"""Pricing rules of an account's own in the place of its plan's (domain.md 4.8, 5.3); figures by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import OPEN_END, Shop, fee, monthly
from tests.operations.test_draft_pricing_rules import TENTH, assert_it_comes_to_990000
from tests.operations.test_pricing_rules import TOTAL, rule

if TYPE_CHECKING:
    from tests.servers import Answer, Inside

Json = dict[str, Any]


@dataclass(frozen=True)
class Deal:
    """An account, and an active plan with a fee of 50 whose one rule takes 5 off; monthly, no grace."""

    shop: Shop
    plan: str
    addon: str

    def body(self, since: str = "2026-01-01", until: str = OPEN_END, **own: object) -> Json:
        return {"pricePlanId": self.plan, "effectiveFrom": since, "effectiveUntil": until} | own

    def agree(self, *rules: Json, account: str = "acme", since: str = "2026-01-01", **own: object) -> Answer:
        """Put the plan on the account with these rules instead of the plan's."""
        asked = self.body(since, **own) | {"pricingRulesOverride": rules}
        return self.shop.api.post(f"/accounts/{account}/price_plans", asked)

    def pieces(self, account: str = "acme") -> list[Json]:
        found: list[Json] = self.shop.api.get(f"/accounts/{account}/pricing_schedules").ok()["data"]
        return found

    def total(self, account: str = "acme", position: int = 0) -> Any:  # noqa: ANN401 - a number
        return self.shop.invoices(account)[position]["totalAmount"]


def ruled_plan(shop: Shop, *rules: Json, **terms: object) -> str:
    """An active plan with these rules; its id."""
    details = {"supportedCurrencies": ["USD"], "pricingCycleConfig": monthly(grace=0)} | terms
    body = {"name": f"Ruled {len(rules)}", "pricePlanDetails": details, "pricingRules": rules}
    plan: str = shop.api.post("/price_plans", body).ok()["id"]
    shop.api.post(f"/price_plans/{plan}/activate", {"currencies": ["USD"]}).ok()
    return plan


def deal_of(shop: Shop) -> Deal:
    shop.account()
    addon = shop.addon()
    return Deal(shop, ruled_plan(shop, rule(-5), fixedFeeRateCards=[fee(addon, 50)]), addon)


@pytest.fixture
def deal(still: Shop) -> Deal:
    return deal_of(still)


class TestWhatHolds:
    def test_the_worked_example_as_an_override_comes_to_990000(self, shop: Shop) -> None:
        shop.account()
        cards = [fee(shop.addon(name), rate) for name, rate in (("A", 600000), ("B", 300000), ("C", 200000))]
        deal = Deal(shop, shop.plan(cycle=monthly(grace=0), fixedFeeRateCards=cards), "")
        deal.agree(TENTH).ok()
        for _ in ("a draft", "a frozen invoice"):
            invoice = shop.invoice()
            assert_it_comes_to_990000(invoice)
            (log,) = shop.api.get(f"/invoice/{invoice['id']}/pricing_rules_logs").ok()["data"]
            assert (log["type"], log["changes"]["newRevenue"]) == ("CONDITION_TRUE", -110000)
            assert log["rule"]["id"] == deal.pieces()[0]["pricingRules"][0]["id"]
            shop.api.advance("2026-02-02")

    def test_own_rules_take_the_place_of_the_plans_whole_list(self, deal: Deal) -> None:
        deal.agree(rule(7, 2), rule(1, 3)).ok()
        assert deal.total() == 58
        assert [one["name"] for one in deal.pieces()[0]["pricingRules"]] == ["Rule 2", "Rule 3"]

    def test_left_out_the_plans_rules_hold(self, deal: Deal) -> None:
        deal.shop.associate(deal.plan)
        assert deal.total() == 45
        (piece,) = deal.pieces()
        assert (piece["isOverriden"], [one["name"] for one in piece["pricingRules"]]) == (False, ["Rule 1"])

    def test_an_empty_list_means_none(self, deal: Deal) -> None:
        answer = deal.agree().ok()["pricingSchedules"][0]
        assert answer["pricingRulesOverride"] == []
        assert deal.total() == 50
        (piece,) = deal.pieces()
        assert (piece["isOverriden"], piece.get("pricingRules", [])) == (True, [])

    def test_an_empty_list_overrides_nothing_where_the_plan_has_no_rules(self, still: Shop) -> None:
        still.account()
        deal = Deal(still, still.plan(fixedFeeRateCards=[fee(still.addon(), 50)]), "")
        assert "pricingRulesOverride" not in deal.agree().ok()["pricingSchedules"][0]
        assert deal.pieces()[0]["isOverriden"] is False

    def test_rules_are_held_against_the_cards_that_hold_then(self, deal: Deal) -> None:
        other = deal.shop.addon("Other")
        own = {"fixedFeeRateCards": [fee(other, 80)]}
        half = rule({"/": [{"var": f"revenue.ff.{other}"}, 2]}, target=f"revenue.ff.{other}")
        message = deal.agree(half).refused(400)
        assert "pricingRulesOverride[0].computation: " in message
        assert "pricingRulesOverride[0].action.target: " in message
        deal.agree(half, pricePlanDetailsOverride=own).ok()
        assert deal.total() == 40

    def test_own_rules_may_leave_those_of_the_plan_behind_with_their_cards(self, still: Shop) -> None:
        still.account()
        base, other = still.addon("Base"), still.addon("Other")
        plan = ruled_plan(still, rule(1, target=f"revenue.ff.{base}"), fixedFeeRateCards=[fee(base, 50)])
        deal, own = Deal(still, plan, base), {"fixedFeeRateCards": [fee(other, 80)]}
        body = deal.body(pricePlanDetailsOverride=own)
        message = still.api.post("/accounts/acme/price_plans", body).refused(400)
        assert message.startswith("pricePlanDetailsOverride: leaves the plan's pricingRules[0].action.target behind: ")
        deal.agree(pricePlanDetailsOverride=own).ok()
        assert deal.total() == 80

    def test_a_rule_keeps_the_id_of_the_plans_rule_of_its_name(self, deal: Deal) -> None:
        (plans,) = deal.shop.api.get(f"/price_plans/{deal.plan}").ok()["pricingSchedule"][0]["pricingRules"]
        same, other = rule(-5), rule(-9, 2)
        first, second = deal.agree(same, other).ok()["pricingSchedules"][0]["pricingRulesOverride"]
        assert first == plans
        assert second["id"] != plans["id"]
        (changed,) = deal.agree(rule(-6), since="2026-02-01").ok()["pricingSchedules"][1]["pricingRulesOverride"]
        assert (changed["id"], changed["version"]) == (plans["id"], 2)

    def test_each_piece_of_a_timeline_has_its_own(self, shop: Shop) -> None:
        # By hand: 50 - 5 in January, 50 + 7 in February, 50 from March on; each cycle is one whole month.
        deal = deal_of(shop)
        shop.associate(deal.plan)
        edits = [
            deal.body("2026-02-01", "2026-03-01", pricingRulesOverride=[rule(7)]),
            deal.body("2026-03-01", pricingRulesOverride=[]),
        ]
        shop.api.post("/accounts/acme/edit_schedules", {"edits": edits}).ok()
        shop.api.advance("2026-04-02")
        assert [one["totalAmount"] for one in shop.invoices()] == [45, 57, 50, 50]
        deal.shop.associate(deal.plan, since="2026-05-01")
        shop.api.advance("2026-06-02")
        assert [one["totalAmount"] for one in shop.invoices()][3:] == [50, 45, 45]


class TestWhoSeesThem:
    def test_lists_of_rules_know_schedules_of_accounts(self, deal: Deal) -> None:
        ahead = rule(1, 1, name="Ahead", invoiceTiming="IN_ADVANCE")
        own = {"fixedFeeRateCards": [fee(deal.addon, 50, timing="IN_ADVANCE")]}
        (shown,) = deal.agree(rule(7), ahead, pricePlanDetailsOverride=own).ok()["pricingSchedules"]
        path = f"/price_plans/{deal.plan}/pricing_schedules/{shown['id']}/pricing_rules"
        assert deal.shop.api.get(path).ok()["data"] == shown["pricingRulesOverride"] == deal.pieces()[0]["pricingRules"]
        listed = deal.shop.api.get(path, invoice_timing="IN_ADVANCE").ok()["data"]
        assert [one["name"] for one in listed] == ["Ahead"]
        active = deal.shop.api.get(f"/v2/schedules/{shown['id']}/pricing_rules", mode="ACTIVE").ok()["data"]
        assert active == shown["pricingRulesOverride"]
        (piece,) = deal.shop.api.get("/v2/accounts/acme/schedules", mode="ACTIVE").ok()["data"]
        assert piece["isOverridden"] is True
        assert piece["accountScheduleInfo"]["pricingRules"] == active
        other = deal.shop.plan(fixedFeeRateCards=[fee(deal.addon, 1)])
        message = deal.shop.api.get(path.replace(deal.plan, other)).refused(404)
        assert message == f"pricing schedule {shown['id']!r} not found"

    def test_no_other_organisation_does(self, standing: Inside, deal: Deal) -> None:
        schedule = deal.agree(rule(7)).ok()["pricingSchedules"][0]["id"]
        stranger = Shop(standing.new_organisation())
        theirs = deal_of(stranger)
        path = f"/price_plans/{theirs.plan}/pricing_schedules/{schedule}/pricing_rules"
        assert stranger.api.get(path).refused(404) == f"pricing schedule {schedule!r} not found"

    def test_a_compact_timeline_leaves_them_out(self, deal: Deal) -> None:
        deal.agree(rule(7)).ok()
        (piece,) = deal.shop.api.get("/accounts/acme/pricing_schedules", compact="true").ok()["data"]
        assert (piece["isOverriden"], "pricingRules" in piece) == (True, False)

    def test_a_dry_run_tells_what_would_be_agreed_on(self, deal: Deal) -> None:
        edits = {"edits": [deal.body(pricingRulesOverride=[rule(7)])]}
        tried = deal.shop.api.send("POST", "/accounts/acme/edit_schedules", edits, query={"dry_run": "true"}).ok()
        assert [one["computation"] for one in tried["pricingSchedules"][0]["pricingRulesOverride"]] == ["7"]
        assert deal.pieces() == []


class TestWhatIsMadeOfThem:
    """Every figure of an account comes from the rules that hold for it: 50 and 7 make 57, the plan itself 45."""

    def test_explanations_previews_and_metrics(self, shop: Shop) -> None:
        deal = deal_of(shop)
        deal.agree(rule(7, id="more")).ok()
        preview = shop.api.get("/v1/accounts/acme/invoice-preview").ok()
        assert preview["totalAmount"] == 57
        invoice = shop.invoices()[0]["id"]
        told = shop.api.get(f"/v1/invoices/{invoice}/lines/more/explanation").ok()
        assert [log["changes"]["newRevenue"] for log in told["pricingRules"]] == [7]
        shop.api.advance("2026-02-02")
        for name in ("REVENUE", "REVENUE_FOR_CYCLE"):
            series = shop.metric(name, "2026-01-01", "2026-02-01")
            assert [sum(one["metricValues"]) for one in series] == [57], name

    def test_simulations_bill_the_past_by_them(self, shop: Shop) -> None:
        deal = deal_of(shop)
        deal.agree(rule(7)).ok()
        shop.api.advance("2026-02-02")
        asked = {"plan": {"pricePlanId": deal.plan}, "from": "2026-01-01", "to": "2026-02-01"}
        name = shop.api.post("/v1/simulations", asked).ok()["jobId"]
        shop.api.advance("2026-02-03")
        (one,) = shop.api.get(f"/v1/simulations/{name}/accounts").ok()["data"]
        assert (one["oldRevenue"], one["newRevenue"]) == (57, 45)


class TestMigrations:
    """The second version of the plan takes 10 off."""

    def moved(self, deal: Deal, mode: str) -> tuple[Any, list[Json]]:
        deal.shop.account("plain")
        deal.shop.associate(deal.plan, "plain")
        deal.agree(rule(7)).ok()
        patch = {"pricingRules": [rule(-10)], "migrationMode": mode}
        deal.shop.api.patch(f"/price_plans/{deal.plan}", patch).ok()
        (job,) = deal.shop.api.get("/jobs").ok()["data"]
        deal.shop.api.advance("2026-02-02")
        found = deal.shop.api.get(f"/jobs/{job['id']}/entries").ok()["data"]
        return {one["entityId"]: one["metadata"]["outcome"] for one in found}, deal.pieces()

    def test_plain_modes_leave_accounts_with_own_rules_alone(self, shop: Shop) -> None:
        deal = deal_of(shop)
        outcomes, pieces = self.moved(deal, "NEXT_CYCLE")
        assert outcomes == {"acme": "SKIPPED", "plain": "MIGRATED"}
        assert [(one["version"], one["isOverriden"]) for one in pieces] == [(1, True)]
        assert [deal.total(position=1), deal.total("plain", 1)] == [57, 40]

    def test_the_others_drop_own_rules(self, shop: Shop) -> None:
        deal = deal_of(shop)
        outcomes, pieces = self.moved(deal, "NEXT_CYCLE_IGNORE_OVERRIDE")
        assert outcomes == {"acme": "MIGRATED", "plain": "MIGRATED"}
        assert [(one["version"], one["isOverriden"]) for one in pieces] == [(1, True), (2, False)]
        assert [deal.total(), deal.total(position=1)] == [57, 40]

    def test_a_preview_of_prices_in_files_counts_them_as_keeping_their_terms(self, deal: Deal) -> None:
        deal.shop.account("plain")
        deal.shop.associate(deal.plan, "plain")
        deal.agree(rule(7)).ok()
        wanted = deal.shop.api.get("/v1/catalogue").ok()["catalogue"]
        wanted["pricePlans"][0]["pricingRules"][0]["computation"] = -10
        query = {"migration_mode": "NEXT_CYCLE"}
        told = deal.shop.api.send("POST", "/v1/catalogue/preview", wanted, query=query).ok()
        assert told["problems"] == []
        assert [(one["affectedAccounts"], one["keepingAccounts"]) for one in told["changes"]] == [(1, 1)]


class TestRefusals:
    def test_every_problem_is_told_by_its_path(self, deal: Deal) -> None:
        bad = [rule({"var": "revenue.ff.x"}), rule(True, 1, target="revenue.ff.x")]
        message = deal.agree(*bad).refused(400)
        for path in ("[1].name", "[1].order", "[0].computation", "[1].computation", "[1].action.target"):
            assert f"pricingRulesOverride{path}: " in message, path
        assert deal.pieces() == []

    def test_those_of_cards_and_rules_at_once(self, deal: Deal) -> None:
        own = {"fixedFeeRateCards": [fee("addon.x", 1)]}
        message = deal.agree(rule({"var": f"revenue.ff.{deal.addon}"}), pricePlanDetailsOverride=own).refused(400)
        assert "pricePlanDetailsOverride.fixedFeeRateCards[0].id: add-on 'addon.x' not found" in message
        assert "pricingRulesOverride[0].computation: " in message

    def test_each_edit_by_its_place(self, deal: Deal) -> None:
        edits = [deal.body(pricingRulesOverride=[rule(1)]), deal.body(pricingRulesOverride=[rule(TOTAL), rule(2)])]
        message = deal.shop.api.post("/accounts/acme/edit_schedules", {"edits": edits}).refused(400)
        assert message.startswith("edits[1].pricingRulesOverride[1].name: ")
        shapeless = [deal.body(pricingRulesOverride=[rule(1) | {"order": "1"}])]
        message = deal.shop.api.post("/accounts/acme/edit_schedules", {"edits": shapeless}).refused(400)
        assert message.startswith("edits[0].pricingRulesOverride[0].order: ")
        many = [rule(1, order, name=f"R{order}") for order in range(1, 102)]
        message = deal.agree(*many).refused(400)
        assert message.startswith("pricingRulesOverride: ")

    def test_taking_a_plan_off_agrees_on_no_rules(self, deal: Deal) -> None:
        deal.shop.associate(deal.plan)
        off = {"mode": "DISASSOCIATE", "effectiveFrom": "2026-02-01", "effectiveUntil": OPEN_END}
        path = "/accounts/acme/price_plans"
        message = deal.shop.api.post(path, off | {"pricingRulesOverride": [rule(1)]}).refused(400)
        assert message.startswith("pricingRulesOverride: says nothing to DISASSOCIATE")
        deal.shop.api.post(path, off | {"pricingRulesOverride": []}).ok()

    def test_rules_of_what_has_begun_stay(self, deal: Deal) -> None:
        deal.shop.associate(deal.plan)
        message = deal.agree(rule(7)).refused(400)
        assert message.startswith("effectiveFrom: a change of plan starts tomorrow")
        assert deal.total() == 45
