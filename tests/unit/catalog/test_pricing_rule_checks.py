"""Pricing rules are held against the cards of their plan, every problem at once (domain.md 4.8)."""

from __future__ import annotations

import pytest

from tallystick.catalog.pricing_rule import RuleTiming
from tallystick.catalog.pricing_rule_checks import pricing_rule_problems
from tallystick.catalog.rule_variable import known_variables, priced_cards, targets_of
from tests.unit.catalog.pricing_rules import TOTAL, details, rule, var
from tests.unit.rating.cards import S, fee_card, grant_card, licence_card, usage_card

CALLS = usage_card(S("0", "PER_UNIT", "2"), meter="um.22FO.0TkcT", tag="compute")
STORAGE = usage_card(S("0", "PER_UNIT", "1"), meter="um.22FO.9XeFl")
BASE = fee_card("50", addon="addon.base", tag="compute")
SETUP = fee_card("90", addon="addon.setup", timing="IN_ADVANCE", tag="people")
TERMS = details(CALLS, STORAGE, BASE, SETUP)

USAGE, REVENUE = "usage.urc.um.22FO.0TkcT", "revenue.urc.um.22FO.0TkcT"
FEE, ADVANCE = "revenue.ff.addon.base", "revenue.ff.addon.setup"


def test_rules_know_the_cards_tags_total_and_dates_of_their_timing() -> None:
    arrears, advance = (priced_cards(TERMS, timing) for timing in (RuleTiming.IN_ARREARS, RuleTiming.IN_ADVANCE))
    always = {TOTAL, "invoice.start_date", "invoice.end_date"}
    assert known_variables(arrears) == always | {
        USAGE,
        REVENUE,
        "usage.urc.um.22FO.9XeFl",
        "revenue.urc.um.22FO.9XeFl",
        FEE,
        "usage.tag.compute",
        "revenue.tag.compute",
    }
    assert known_variables(advance) == always | {ADVANCE, "revenue.tag.people"}
    assert targets_of(arrears) == {USAGE, REVENUE, "usage.urc.um.22FO.9XeFl", "revenue.urc.um.22FO.9XeFl", FEE}
    assert targets_of(advance) == {ADVANCE}


def test_the_usage_of_a_licence_is_updated_only_where_one_number_is_all_that_its_price_depends_on() -> None:
    for card, updated in (
        (licence_card(S("0", "PER_UNIT", "30"), prorated=False), True),
        (licence_card(S("0", "PER_UNIT", "30"), prorated=True), False),
        (licence_card(S("0", "PER_UNIT", "30"), prorated=False, windows="WEEKLY"), False),
    ):
        cards = priced_cards(details(card), RuleTiming.IN_ARREARS)
        assert {"usage.lic.addon.seats", "revenue.lic.addon.seats"} <= known_variables(cards)
        assert ("usage.lic.addon.seats" in targets_of(cards)) is updated
        assert "revenue.lic.addon.seats" in targets_of(cards)


def test_rules_read_what_credit_costs_and_how_much_is_granted_and_update_the_price() -> None:
    card = grant_card("100", S("0", "FLAT", "10"), tag="extras")
    assert known_variables(priced_cards(details(card), RuleTiming.IN_ARREARS)) == {
        TOTAL,
        "invoice.start_date",
        "invoice.end_date",
    }
    cards = priced_cards(details(card), RuleTiming.IN_ADVANCE)
    price, credit = "revenue.cg.addon.bonus", "credit.cg.addon.bonus"
    assert known_variables(cards) >= {price, credit, "revenue.tag.extras"}
    assert "usage.tag.extras" not in known_variables(cards)
    assert targets_of(cards) == {price}


FINE = [
    rule({"*": [var(TOTAL), -0.1]}, when={">": [var(TOTAL), 1000000]}),
    rule({"*": [var(REVENUE), 0.9]}, target=REVENUE, when={"and": [var(USAGE), {">": [var(USAGE), 5]}]}),
    rule({"max": [0, {"-": [var(USAGE), 100]}]}, target=USAGE),
    rule({"if": [{">": [var("usage.tag.compute"), 5]}, 0, var(FEE)]}, target=FEE),
    rule({"-": [var("revenue.tag.compute")]}, when=var(USAGE)),
    rule(5, when={"==": [{"date": [var("invoice.start_date")]}, {"date": ["2026-01-01T00:00:00Z"]}]}),
    rule({"duration.as": [{"duration.between": [var("invoice.start_date"), var("invoice.end_date")]}, "DAYS"]}),
    rule({"*": [var(ADVANCE), 0.5]}, target=ADVANCE, timing="IN_ADVANCE"),
    rule({"var": [USAGE, 0]}, when=True),
    rule("-5"),
]


@pytest.mark.parametrize("one", FINE, ids=lambda one: one.computation)
def test_what_can_be_applied_is_taken(one: object) -> None:
    assert pricing_rule_problems([one], TERMS) == []


WRONG = [
    (rule({"+": [1, var("usage.urc.um.22FO")]}), "computation", "did you mean 'usage.urc.um.22FO."),
    (rule(1, when={">": [var("revenue.rate_card_totl"), 1]}), "condition", f"did you mean '{TOTAL}'"),
    (rule({"+": [1, var("usage.ff.addon.base")]}), "computation", f"did you mean '{FEE}'"),
    (rule({"+": [1, var("revenue.tag.sales")]}), "computation", "unknown variable 'revenue.tag.sales'"),
    (rule({"+": [1, var("attributes.calls")]}), "computation", "unknown variable 'attributes.calls'"),
    (rule({"+": [1, var("")]}), "computation", "an empty name reads the whole data"),
    (rule({"+": [1, {"var": {"cat": [TOTAL]}}]}), "computation", "must be written out"),
    (rule({"pow": [var(TOTAL), 2]}), "computation", "unknown operator 'pow'"),
    (rule({"*": [var("invoice.start_date"), 2]}), "computation", "invoice.start_date, a text"),
    (rule({">": [var(TOTAL), 2]}), "computation", "has to give a number, but gives true or false"),
    (rule('"5"'), "computation", "has to give a number, but gives a text that spells a number"),
    (rule("null"), "computation", "has to give a number, but gives null"),
    (rule("{"), "computation", "not valid JSON (line 1, column 2)"),
    (rule(""), "computation", "not valid JSON"),
    (rule(1, when=""), "condition", "not valid JSON"),
    (rule(1, when=var("invoice.end_date")), "condition", "has to give a number or true or false, but gives a text"),
    (rule({"/": [var(TOTAL), 0]}), "computation", "divides by zero"),
    (
        rule(1, target="usage.urc.um.22FO.0Tkc"),
        "action.target",
        f"is no usage or revenue of a card; did you mean '{USAGE}'",
    ),
    (rule(1, target="usage.ff.addon.base"), "action.target", f"did you mean '{FEE}'"),
    (rule(1, target=TOTAL), "action.target", "can be read but not updated"),
    (rule(1, target="revenue.tag.compute"), "action.target", "can be read but not updated"),
    (rule(1, target="invoice.start_date"), "action.target", "can be read but not updated"),
]


@pytest.mark.parametrize(("one", "part", "said"), WRONG, ids=lambda part: getattr(part, "computation", ""))
def test_what_cannot_be_meant_is_refused_where_it_stands(one: object, part: str, said: str) -> None:
    (problem,) = pricing_rule_problems([one], TERMS)
    assert problem.path == f"pricingRules[0].{part}"
    assert said in problem.reason


def test_an_update_needs_a_target_and_an_addition_has_none() -> None:
    assert pricing_rule_problems([rule(1, target=FEE)], TERMS) == []
    aimless, aimed = rule(1, kind="UPDATE"), rule(1, kind="ADD", target=FEE)
    for one, said in ((aimless, "is missing"), (aimed, "does not belong to ADD")):
        (problem,) = pricing_rule_problems([one], TERMS)
        assert problem.path == "pricingRules[0].action.target"
        assert problem.reason.startswith(said)


def test_a_card_of_the_other_timing_stands_on_another_invoice() -> None:
    found = pricing_rule_problems([rule({"*": [var(ADVANCE), 2]}, when=var(ADVANCE), target=ADVANCE)], TERMS)
    assert [problem.path for problem in found] == [
        f"pricingRules[0].{part}" for part in ("condition", "computation", "action.target", "invoiceTiming")
    ]
    assert found[-1].reason == f"is IN_ARREARS, but {ADVANCE!r} is of cards that are billed IN_ADVANCE"


def test_a_rule_in_advance_needs_a_card_that_is_billed_in_advance() -> None:
    (problem,) = pricing_rule_problems([rule(1, timing="IN_ADVANCE")], details(CALLS))
    assert problem.path == "pricingRules[0].invoiceTiming"
    assert "would never be applied" in problem.reason


def test_names_are_a_rules_own_and_orders_its_own_within_a_timing() -> None:
    rules = [
        rule(1, order=1, name="a"),
        rule(1, order=1, name="b", timing="IN_ADVANCE"),
        rule(1, order=1, name="c"),
        rule(1, order=4, name="a", timing="IN_ADVANCE"),
    ]
    assert [(problem.path, problem.reason) for problem in pricing_rule_problems(rules, TERMS)] == [
        ("pricingRules[2].order", "1 is the order of another rule IN_ARREARS, choose a different one"),
        ("pricingRules[3].name", "'a' is the name of another rule, choose a different one"),
    ]


def test_every_problem_of_every_rule_is_told_at_once_under_the_path_that_was_sent() -> None:
    rules = [rule("{", when=var("usage.x"), target="y"), rule(True, order=2)]
    found = pricing_rule_problems(rules, TERMS, "pricingRulesOverride")
    assert [problem.path for problem in found] == [
        "pricingRulesOverride[0].condition",
        "pricingRulesOverride[0].computation",
        "pricingRulesOverride[0].action.target",
        "pricingRulesOverride[1].computation",
    ]
