"""Pricing rules step by step: the worked example of domain.md 4.8, and others whose figures were calculated by hand."""

from __future__ import annotations

import time
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.catalog.rate_card import InvoiceTiming
from tallystick.catalog.rule_variable import CardKind, PricedCard
from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.rating.pricing_rules import Figures, Outcome, RuledCard, RuleStep, apply_rules
from tests.unit.catalog.pricing_rules import TOTAL, rule, var

if TYPE_CHECKING:
    from tallystick.catalog.pricing_rule import PricingRule

TRUE, FALSE = Outcome.CONDITION_TRUE, Outcome.CONDITION_FALSE
CONDITION_ERROR, COMPUTATION_ERROR = Outcome.CONDITION_ERROR, Outcome.COMPUTATION_ERROR
JANUARY = ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")
CALLS_USAGE, CALLS, FEE = "usage.urc.um.calls", "revenue.urc.um.calls", "revenue.ff.addon.fee"
NOTHING = {"-": [var(CALLS_USAGE), var(CALLS_USAGE)]}


def tiers(units: Decimal) -> Decimal:
    """2 for each of the first 100 calls, then 1: 150 calls come to 250 (domain.md 4.4)."""
    first = min(units, Decimal(100))
    return 2 * first + (units - first)


def priced(kind: CardKind, billable_id: str, name: str, tag: str | None) -> PricedCard:
    return PricedCard(
        kind=kind,
        billable_id=billable_id,
        name=name,
        tag=tag,
        timing=InvoiceTiming.IN_ARREARS,
        is_repriced=kind is CardKind.USAGE,
    )


def calls(usage: str = "150", tag: str | None = None) -> RuledCard:
    card = priced(CardKind.USAGE, "um.calls", "Calls", tag)
    return RuledCard(card=card, revenue=tiers(Decimal(usage)), usage=Decimal(usage), price=tiers)


def fee(amount: str = "50", addon: str = "addon.fee", tag: str | None = None, *, charged: bool = True) -> RuledCard:
    card = priced(CardKind.FIXED_FEE, addon, "Base fee", tag)
    return RuledCard(card=card, revenue=Decimal(amount), is_charged=charged)


def cents(amount: Decimal) -> Decimal:
    if abs(amount) > 10**13:
        raise BillingError(Kind.UNPROCESSABLE, "amount_too_large", Problem("", "a line comes to too much"))
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def run(rules: list[PricingRule], *cards: RuledCard) -> tuple[RuleStep, ...]:
    return apply_rules(rules, cards or (calls(), fee()), JANUARY, cents)


def moved(step: RuleStep) -> tuple[Outcome, Decimal, Decimal]:
    return step.outcome, step.before.revenue, step.after.revenue


def test_the_worked_example_takes_a_tenth_of_eleven_hundred_thousand_off() -> None:
    cards = [fee(amount, f"addon.{amount}") for amount in ("600000", "300000", "200000")]
    discount = rule({"*": [var(TOTAL), -0.1]}, when={">": [var(TOTAL), 1000000]}, line="volume")
    (step,) = run([discount], *cards)
    assert moved(step) == (TRUE, 0, -110000)
    assert step.card is None
    assert {name: (read.name, read.value) for name, read in step.reads.items()} == {
        TOTAL: ("Total of the rate cards", Decimal(1100000))
    }
    (step,) = run([discount], *cards[:2], fee("100000", "addon.c"))  # 1,000,000 is not more than 1,000,000
    assert moved(step) == (FALSE, 0, 0)


def test_a_hundred_calls_for_free_re_price_the_rest_from_the_first_tier_on() -> None:
    (step,) = run([rule({"max": [0, {"-": [var(CALLS_USAGE), 100]}]}, target=CALLS_USAGE)])
    assert moved(step) == (TRUE, 250, 100)  # 50 calls at 2
    assert (step.before.usage, step.after.usage, step.usage_change) == (150, 50, -100)
    assert step.card is not None
    assert step.card.key == "urc.um.calls"


def test_more_usage_is_priced_by_the_tier_in_which_it_ends() -> None:
    (step,) = run([rule({"+": [var(CALLS_USAGE), 50]}, target=CALLS_USAGE)])
    assert moved(step) == (TRUE, 250, 300)  # 100 at 2, and 100 at 1


def test_an_amount_is_replaced_also_by_one_below_zero() -> None:
    (step,) = run([rule({"-": [var(FEE), 80]}, target=FEE)])
    assert moved(step) == (TRUE, 50, -30)
    assert (step.revenue_change, step.usage_change) == (-80, None)


def test_three_rules_go_on_from_one_to_the_next() -> None:
    steps = run(
        [
            rule({"-": [var(CALLS_USAGE), 100]}, target=CALLS_USAGE, order=1),
            rule({"*": [var(CALLS), 0.9]}, target=CALLS, order=2),
            rule({"*": [var(TOTAL), 0.1]}, order=3),
        ]
    )
    assert list(map(moved, steps)) == [(TRUE, 250, 100), (TRUE, 100, 90), (TRUE, 0, 14)]  # 10 % of 90 + 50


def test_a_change_of_usage_leaves_what_an_earlier_rule_did_to_the_amount() -> None:
    steps = run(
        [
            rule(500, target=CALLS, order=1),
            rule({"+": [var(CALLS_USAGE), 50]}, target=CALLS_USAGE, order=2),
            rule({"+": [var(CALLS_USAGE), 100]}, target=CALLS_USAGE, order=3),
        ]
    )
    assert list(map(moved, steps)) == [(TRUE, 250, 500), (TRUE, 500, 550), (TRUE, 550, 650)]
    assert steps[2].before.usage == 200


def test_what_a_rule_adds_is_no_card_to_the_rules_behind_it() -> None:
    steps = run([rule({"*": [var(TOTAL), -0.1]}, order=1), rule({"*": [var(TOTAL), -0.1]}, order=2)])
    assert list(map(moved, steps)) == [(TRUE, 0, -30), (TRUE, 0, -30)]


def test_a_rule_that_fails_changes_nothing_and_the_next_goes_on() -> None:
    steps = run(
        [
            rule({"*": [var(CALLS), 2]}, target=CALLS, order=1),
            rule({"/": [var(CALLS), NOTHING]}, target=CALLS, order=2),
            rule({"+": [var(CALLS), 1]}, target=CALLS, order=3),
        ]
    )
    assert list(map(moved, steps)) == [(TRUE, 250, 500), (COMPUTATION_ERROR, 500, 500), (TRUE, 500, 501)]
    assert steps[1].error == "'/': division by zero (line 1, column 2)"
    assert steps[1].reads[CALLS].value == 500


def test_a_condition_that_fails_computes_nothing() -> None:
    (step,) = run([rule(1, when={"/": [1, NOTHING]}, target=FEE)])
    assert moved(step) == (CONDITION_ERROR, 50, 50)
    assert step.error is not None
    assert "zero" in step.error


def test_a_step_tells_what_stands_in_its_condition_and_in_its_computation() -> None:
    (step,) = run([rule({"*": [var(FEE), 0.5]}, when={">": [var(CALLS_USAGE), 1000]}, target=FEE)])
    assert {name: read.value for name, read in step.reads.items()} == {CALLS_USAGE: 150, FEE: 50}
    (step,) = run([rule({"*": [var(FEE), 0.5]}, when="{", target=FEE)])
    assert {name: read.value for name, read in step.reads.items()} == {FEE: 50}


@pytest.mark.parametrize(
    ("when", "outcome"),
    [
        ({"==": [{"date": [var("invoice.start_date")]}, {"date": ["2026-01-01T01:00:00+01:00"]}]}, TRUE),
        ({"==": [{"date": [var("invoice.start_date")]}, {"date": ["2026-02-01T00:00:00Z"]}]}, FALSE),
        ({"==": [{"substr": [var("invoice.end_date"), 0, 7]}, "2026-02"]}, TRUE),
        ({">": [{"duration.as": [{"duration.between": [var("invoice.start_date"), var("invoice.end_date")]}, "DAYS"]},
                30]}, TRUE),
        (0, FALSE),
        (var(CALLS_USAGE), TRUE),
        ({"and": [{">": [var(CALLS_USAGE), 100]}, {"<": [var(FEE), 50]}]}, FALSE),
    ],
)  # fmt: skip
def test_a_condition_asks_about_dates_and_figures(when: object, outcome: Outcome) -> None:
    (step,) = run([rule({"*": [var(FEE), 0.5]}, when=when, target=FEE)])
    assert moved(step) == (outcome, 50, 25 if outcome is TRUE else 50)


def test_a_tag_stands_for_all_cards_with_it() -> None:
    cards = calls(tag="compute"), fee(tag="compute"), fee("7", "addon.other", tag="people")
    usage, revenue, people = run(
        [
            rule(var("usage.tag.compute"), order=1),
            rule(var("revenue.tag.compute"), order=2),
            rule({"+": [var("revenue.tag.people"), var(TOTAL)]}, order=3),
        ],
        *cards,
    )
    assert [step.after.revenue for step in (usage, revenue, people)] == [150, 300, 314]  # 7 + 307
    assert [read.name for step in (usage, revenue) for read in step.reads.values()] == ["compute", "compute"]


def test_a_result_is_rounded_half_up_once_and_the_next_rule_sees_it_rounded() -> None:
    steps = run(
        [
            rule({"*": [var(FEE), 0.2055]}, target=FEE, order=1),
            rule({"*": [var(FEE), 10]}, target=FEE, order=2),
            rule("-10.275", order=3),
        ],
        fee("50.05"),
    )
    # 10.285275 -> 10.29 -> 102.90; -10.275 -> -10.28
    assert [step.after.revenue for step in steps] == [Decimal("10.29"), Decimal("102.90"), Decimal("-10.28")]


def test_a_step_without_a_usage_before_it_or_after_it_has_changed_none() -> None:
    (step,) = run([rule(20, target=CALLS_USAGE)])
    assert step.usage_change == -130
    assert replace(step, before=Figures(revenue=Decimal(0))).usage_change is None
    assert replace(step, after=Figures(revenue=Decimal(0))).usage_change is None


def test_usage_is_never_rounded() -> None:
    (step,) = run([rule({"*": [var(CALLS_USAGE), 0.123456789]}, target=CALLS_USAGE)])
    assert step.after.usage == Decimal("18.51851835")


@pytest.mark.parametrize(
    ("computation", "said"),
    [
        ({"+": [var(CALLS), var("revenue.urc.um.gone")]}, "the computation gives null, expected a number"),
        ({"if": [var(CALLS), True, 1]}, "the computation gives true or false, expected a number"),
        ({"if": [var(CALLS), "5", 1]}, "the computation gives a text, expected a number"),
        ({"*": [var(CALLS), "1e100"]}, "the computation gives 2.50E+102, expected a number between 1e-100 and 1e100"),
        ({"+": ["1234567890" * 5 + "e90", 0]}, f"gives {'1234567890' * 4}..., expected a number"),
        ({"*": [var(CALLS), "1e90"]}, "a line comes to too much"),
        ({"*": [var(CALLS), "1e-150"]}, "expected a number between 1e-100 and 1e100"),
        ({"cat": [None]}, "null has no text"),
        ({"*": ["9" * 2000, "9" * 2000]}, "more than 2,048 digits"),
        ("{", "not valid JSON"),
    ],
)
def test_what_is_no_amount_is_told_and_changes_nothing(computation: object, said: str) -> None:
    steps = run([rule(computation, target=CALLS), rule(1, order=2)])
    assert moved(steps[0]) == (COMPUTATION_ERROR, 250, 250)
    assert said in (steps[0].error or "")
    assert moved(steps[1]) == (TRUE, 0, 1)


def test_usage_that_nobody_could_pay_for_is_not_billed() -> None:
    (step,) = run([rule("1e20", target=CALLS_USAGE)], replace(calls(), price=cents))
    assert moved(step) == (COMPUTATION_ERROR, 250, 250)
    assert (step.usage_change, step.error) == (0, "a line comes to too much")


def test_a_fee_that_the_cycle_does_not_charge_reads_as_zero_and_stays_away() -> None:
    steps = run([rule(20, target=FEE), rule({"+": [var(FEE), 3]}, order=2)], fee("0", charged=False))
    assert moved(steps[0]) == (COMPUTATION_ERROR, 0, 0)
    assert steps[0].error == "'Base fee' is not charged in this cycle"
    assert moved(steps[1]) == (TRUE, 0, 3)


def test_a_target_that_is_gone_is_told() -> None:
    (step,) = run([rule(20, target=FEE)], calls())
    assert moved(step) == (COMPUTATION_ERROR, 0, 0)
    assert step.error == f"no card stands behind {FEE!r}"


def test_a_usage_that_cannot_be_priced_anew_is_told() -> None:
    fixed = replace(calls(), price=None)
    (step,) = run([rule(20, target=CALLS_USAGE)], fixed)
    assert moved(step) == (COMPUTATION_ERROR, 250, 250)
    assert step.error == "'Calls' cannot be priced for another usage"


def test_rules_without_end_are_stopped_together() -> None:
    twenty, itself = [1] * 20, var("accumulator")
    loop = {"reduce": [twenty, {"+": [1, {"reduce": [twenty, {"+": [1, {"reduce": [twenty, itself, 0]}]}, 0]}]}, 0]}
    started = time.thread_time()
    steps = run([rule(loop, order=order) for order in range(1, 101)])
    assert time.thread_time() - started < 2  # each would take 50 milliseconds by itself
    assert {step.outcome for step in steps} == {TRUE, COMPUTATION_ERROR}
    assert "steps" in (steps[-1].error or "")


FACTORS = st.sampled_from(["1", "1.0", "1.000"])


@given(st.lists(st.tuples(st.sampled_from([CALLS, CALLS_USAGE, FEE]), FACTORS), max_size=5), st.data())
def test_a_rule_that_multiplies_by_one_changes_nothing_wherever_it_stands(
    ones: list[tuple[str, str]], data: st.DataObject
) -> None:
    others = [
        rule({"*": [var(CALLS), 0.37]}, target=CALLS),
        rule({"-": [var(CALLS_USAGE), 60]}, target=CALLS_USAGE),
        rule({"*": [var(TOTAL), -0.1]}, when={">": [var(CALLS_USAGE), 50]}),
    ]
    mixed = [*others, *(rule({"*": [var(target), one]}, target=target, name="one") for target, one in ones)]
    order = data.draw(st.permutations(range(len(mixed))))
    ranked = [mixed[place] for place in order]
    steps = run(ranked)
    for step in steps:
        if step.rule.name == "one":
            assert (step.outcome, step.revenue_change, step.usage_change or 0) == (TRUE, 0, 0)
    without = run([one for one in ranked if one.name != "one"])
    assert [moved(step) for step in steps if step.rule.name != "one"] == list(map(moved, without))


def test_rules_do_not_depend_on_the_order_of_cards() -> None:
    rules = [
        rule({"*": [var("revenue.tag.a"), 0.5]}, target=FEE),
        rule({"+": [var(TOTAL), var("usage.tag.a")]}, order=2),
    ]
    cards = [calls(tag="a"), fee(tag="a"), fee("9", "addon.b", tag="b")]
    assert list(map(moved, run(rules, *cards))) == list(map(moved, run(rules, *reversed(cards))))
