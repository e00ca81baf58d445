"""Pricing rules the way of v2: those of a plan's draft, all at once (domain.md 4.8, 4.9); figures by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import Shop, amounts
from tests.operations.test_plan_drafts import Plan, create, delete, fixed
from tests.operations.test_pricing_rules import TOTAL, rule

if TYPE_CHECKING:
    from tests.servers import Answer, Inside

Json = dict[str, Any]

TENTH = rule({"*": [TOTAL, -0.1]}, when={">": [TOTAL, 1000000]}, description="Volume discount")
"""The worked example of domain.md 4.8: a tenth less of all above a million."""


def assert_it_comes_to_990000(invoice: Json) -> None:
    """The lines of that example: three fees, and a tenth of their 1100000 less."""
    fees = amounts(invoice, "FIXED_FEE_RATE_CARD_AMOUNT")
    assert (fees, amounts(invoice, "PRICING_RULE_ADDITION_AMOUNT")) == ([600000, 300000, 200000], [-110000])
    assert amounts(invoice, "SUB_TOTAL_AMOUNT", "TOTAL_AMOUNT") == [990000] * 2


def put(plan: Plan, *rules: Json) -> Answer:
    return plan.api.send("PUT", f"{plan.path}/pricing_rules", {"pricingRules": rules})


def rules_of(plan: Plan, **query: object) -> list[Json]:
    found: list[Json] = plan.api.get(f"{plan.path}/pricing_rules", **query).ok()["data"]
    return found


def names_of(plan: Plan, **query: object) -> list[str]:
    return [one["name"] for one in rules_of(plan, **query)]


@pytest.fixture
def plan(still: Shop) -> Plan:
    """A draft without cards."""
    return Plan(still)


def test_the_worked_example_as_a_rule_of_a_draft_comes_to_990000(shop: Shop) -> None:
    shop.account()
    plan = Plan(shop)
    rates = {"A": 600000, "B": 300000, "C": 200000}
    plan.operate(*(create(name, fixed(shop.addon(name), rate)) for name, rate in rates.items())).ok()
    (made,) = put(plan, TENTH).ok()["data"]
    assert (made["version"], made["invoiceTiming"]) == (1, "IN_ARREARS")
    assert made == TENTH | {"id": made["id"], "version": 1, "invoiceTiming": "IN_ARREARS"}
    plan.finalize().ok()
    shop.associate(plan.id)
    assert_it_comes_to_990000(shop.invoice())


def test_rules_are_replaced_as_a_whole_and_keep_their_names_ids(plan: Plan) -> None:
    first, second = put(plan, rule(1, 1), rule(2, 2)).ok()["data"]
    third, changed = put(plan, rule(3, 3), rule(5, 2)).ok()["data"]
    assert (changed["id"], changed["version"], changed["computation"]) == (second["id"], 2, "5")
    assert third["id"] not in {first["id"], second["id"]}
    assert rules_of(plan) == [third, changed]
    assert rules_of(plan, version=1) == [third, changed]
    assert plan.api.get(f"/price_plans/{plan.id}").ok()["pricingSchedule"][0]["pricingRules"] == [third, changed]
    assert plan.api.send("PUT", f"{plan.path}/pricing_rules", {}).ok() == {"data": []}
    assert rules_of(plan) == []


def test_on_top_of_an_active_version_a_draft_is_opened(still: Shop, plan: Plan) -> None:
    plan.operate(create("fee", fixed(still.addon(), 50))).ok()
    (kept,) = put(plan, rule(-5)).ok()["data"]
    plan.finalize().ok()
    (changed,) = put(plan, rule(-10)).ok()["data"]
    assert (changed["id"], changed["version"]) == (kept["id"], 2)
    assert (plan.get()["version"], plan.get()["status"]) == (2, "DRAFT")
    for seen, query in ((changed, {}), (changed, {"version": "LATEST"}), (changed, {"version": 2})):
        assert rules_of(plan, **query) == [seen]
    for query in ({"version": "ACTIVE"}, {"version": 1}):
        assert rules_of(plan, **query) == [kept]
    still.account()
    still.associate(plan.id)
    assert still.invoice()["totalAmount"] == 45  # a draft changes nothing before it is finalised
    plan.discard().ok()
    assert rules_of(plan) == [kept]
    put(plan).ok()
    plan.finalize(migrationMode="NONE").ok()
    assert (rules_of(plan), rules_of(plan, version=1)) == ([], [kept])


def test_cards_may_leave_rules_behind_until_the_draft_is_finalised(still: Shop, plan: Plan) -> None:
    base, extra = still.addon("Base"), still.addon("Extra")
    plan.operate(create("base", fixed(base, 50)), create("extra", fixed(extra, 8))).ok()
    lasting, left = put(
        plan,
        rule({"*": [TOTAL, 2]}, 1),
        rule({"var": f"revenue.ff.{extra}"}, 2, when={">": [{"var": f"revenue.ff.{extra}"}, 0]}),
        rule(0, 3, target=f"revenue.ff.{extra}"),
    ).ok()["data"][:2]
    assert plan.errors() == []
    plan.operate(delete("extra")).ok()
    found = plan.errors()
    assert [(kind, told.partition(": ")[0]) for kind, _, told in found] == [
        ("PRICING_RULE", "pricingRules[1].condition"),
        ("PRICING_RULE", "pricingRules[1].computation"),
        ("PRICING_RULE", "pricingRules[2].action.target"),
    ]
    assert {entity for _, entity, _ in found} >= {left["id"]}
    assert lasting["id"] not in {entity for _, entity, _ in found}
    message = plan.finalize().refused(400)
    for path in ("[1].condition", "[1].computation"):  # the third does not fit the 500 characters of a message
        assert f"pricingRules{path}: " in message, path
    put(plan, rule({"*": [TOTAL, 2]}, 1)).ok()
    assert plan.errors() == []
    plan.finalize().ok()


def test_everything_wrong_is_told_at_once_and_nothing_is_stored(still: Shop, plan: Plan) -> None:
    addon = still.addon()
    plan.operate(create("fee", fixed(addon, 50))).ok()
    kept = put(plan, rule(1)).ok()["data"]
    wrong = f"revenue.ff.{addon}x"
    bad = [
        rule({"var": "revenue.ff.x"}),
        rule(True, 1, target=wrong),
        rule(1, 2, name="Ahead", invoiceTiming="IN_ADVANCE"),
    ]
    first = put(plan, *bad[:2]).refused(400)
    for path in ("[0].computation", "[1].name", "[1].order", "[1].computation", "[1].action.target"):
        assert f"pricingRules{path}: " in first, path
    placed = {"action": {"type": "ADD", "target": f"revenue.ff.{addon}"}}
    second = put(plan, bad[2], rule(1, 3, name="Text", when="always") | placed).refused(400)
    for path in ("[0].invoiceTiming", "[1].condition", "[1].action.target"):
        assert f"pricingRules{path}: " in second, path
    targetless = put(plan, rule(1) | {"action": {"type": "UPDATE"}}).refused(400)
    assert targetless.startswith("pricingRules[0].action.target: is missing")
    assert rules_of(plan) == kept
    for shape, path in (({"name": "x"}, "pricingRules[0]"), (rule(1) | {"order": 0}, "pricingRules[0].order")):
        assert put(plan, shape).refused(400).startswith(path)
    body = {"rules": []}
    assert "rules" in plan.api.send("PUT", f"{plan.path}/pricing_rules", body).refused(400)


def test_a_refused_change_opens_no_draft(still: Shop, plan: Plan) -> None:
    plan.operate(create("fee", fixed(still.addon(), 50))).ok()
    plan.finalize().ok()
    put(plan, rule({"var": "revenue.ff.none"})).refused(400)
    assert (plan.get()["version"], plan.get()["status"]) == (1, "ACTIVE")


def test_only_versions_that_there_are_are_read(still: Shop, plan: Plan) -> None:
    assert plan.api.get(f"{plan.path}/pricing_rules", version=7).refused(404) == "version: version '7' not found"
    assert plan.api.get(f"{plan.path}/pricing_rules", version="ACTIVE").refused(404)
    assert plan.api.get(f"{plan.path}/pricing_rules", version="first").refused(400).startswith("version: ")
    assert still.api.get("/v2/price_plans/pp.none/pricing_rules").refused(404) == "price plan 'pp.none' not found"
    assert still.api.send("PUT", "/v2/price_plans/pp.none/pricing_rules", {}).refused(404)


def test_no_organisation_sees_or_changes_rules_of_another(standing: Inside, plan: Plan) -> None:
    put(plan, rule(1)).ok()
    other = standing.new_organisation()
    path = f"{plan.path}/pricing_rules"
    message = f"price plan {plan.id!r} not found"
    assert other.get(path).refused(404) == message
    assert other.send("PUT", path, {"pricingRules": []}).refused(404) == message
    assert names_of(plan) == ["Rule 1"]
