"""What holds for every bill: it adds up, credits reduce it and never turn it over, and card order does not matter."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.catalog.pricing_rule import RuleTiming
from tallystick.catalog.rate_card import PriceType, PricingModel
from tallystick.catalog.rule_variable import known_variables, priced_cards, targets_of
from tallystick.invoicing.assemble import Bill, Terms, advance_bill, arrears_bill
from tallystick.invoicing.line import LineType
from tallystick.invoicing.rows import rows_of, tree_of
from tallystick.kernel.document import encode
from tallystick.kernel.money import minor_digits
from tallystick.rating.usage_card import UsagePrices
from tests.unit.catalog.pricing_rules import details, rule, var
from tests.unit.credits.grants import open_credit
from tests.unit.invoicing.terms import first, terms, values, walk
from tests.unit.rating.cards import S, fee_card, usage_card

if TYPE_CHECKING:
    from random import Random

    from tallystick.catalog.pricing_rule import PricingRule
    from tallystick.catalog.rate_card import FixedFeeRateCard, UsageRateCard
    from tallystick.credits.burndown import OpenCredit

METERS = ("um.a", "um.b", "um.c")
ADDONS = ("addon.a", "addon.b")
RATES = st.integers(-200_000, 2_000_000).map(lambda number: Decimal(number).scaleb(-5))
AMOUNTS = st.integers(-200_000, 400_000).map(lambda number: Decimal(number).scaleb(-3))
USAGE = st.integers(-5_000, 600_000).map(lambda number: Decimal(number).scaleb(-3))
CURRENCIES = st.sampled_from(["USD", "JPY", "KWD"])
TAGS = st.sampled_from([None, "compute", "people"])


@st.composite
def usage_cards(draw: st.DrawFn, meter: str, currency: str) -> UsageRateCard:
    starts = ["0", "10", "250.5"][: draw(st.integers(1, 3))]
    slabs = []
    for start in starts:
        kind = draw(st.sampled_from(PriceType))
        size = "7" if kind is PriceType.PACKAGE else None
        slabs.append(S(start, kind, str(draw(RATES)), size, low=draw(st.sampled_from([None, "0.015"]))))
    return usage_card(
        *slabs,
        model=draw(st.sampled_from(PricingModel)),
        meter=meter,
        currency=currency,
        tag=draw(TAGS),
        low=draw(st.sampled_from([None, "5.0005"])),
        high=draw(st.sampled_from([None, "99.999"])),
    )


@st.composite
def fee_cards(draw: st.DrawFn, addon: str, currency: str) -> FixedFeeRateCard:
    timing = draw(st.sampled_from(["IN_ADVANCE", "IN_ARREARS"]))
    return fee_card(str(draw(AMOUNTS)), addon=addon, timing=timing, tag=draw(TAGS), currency=currency)


@st.composite
def pricing_rules(draw: st.DrawFn, cards: list[UsageRateCard | FixedFeeRateCard]) -> list[PricingRule]:
    """Rules of both timings that multiply, add, divide by what may be nothing, or do so only at times."""
    found = []
    for timing in RuleTiming:
        known = priced_cards(details(*cards), timing)
        variables = sorted(known_variables(known) - {"invoice.start_date", "invoice.end_date"})
        targets = sorted(targets_of(known))
        for order in range(1, draw(st.integers(0, 4)) + 1):
            one, other = (var(draw(st.sampled_from(variables))) for _ in range(2))
            number = float(draw(st.integers(-300, 300))) / 100
            computation = draw(
                st.sampled_from(
                    [{"*": [one, number]}, {"+": [one, number, {"-": [other]}]}, {"/": [one, other]}, number]
                )
            )
            target = draw(st.sampled_from([None, *targets])) if targets else None
            when = draw(st.sampled_from([None, {">": [one, other]}, {"<": [one, number]}, {"/": [1, one]}]))
            found.append(rule(computation, when=when, target=target, order=order, timing=timing))
    return found


@st.composite
def all_terms(draw: st.DrawFn) -> Terms:
    currency = draw(CURRENCIES)
    cards = [draw(usage_cards(meter, currency)) for meter in METERS]
    fees = [draw(fee_cards(addon, currency)) for addon in ADDONS]
    commitment = draw(st.none() | AMOUNTS.filter(lambda amount: amount > 0).map(str))
    return terms(*cards, *fees, commitment=commitment, currency=currency, rules=draw(pricing_rules([*cards, *fees])))


USAGES = st.fixed_dictionaries(dict.fromkeys(METERS, USAGE))
GRANTS = st.lists(
    st.tuples(
        st.integers(1, 300),
        st.integers(1, 3),
        st.sampled_from([[], ["um.a"], ["addon.a", "um.b"], ["ALL_USAGE_METER_RATE_CARDS"]]),
    ),
    max_size=3,
)


def open_credits(grants: list[tuple[int, int, list[str]]], currency: str) -> list[OpenCredit]:
    return [
        open_credit(f"cred.{number}", str(amount), priority=priority, applies=applies, currency=currency)
        for number, (amount, priority, applies) in enumerate(grants)
    ]


def bills(agreed: Terms, usage: dict[str, Decimal], grants: list[tuple[int, int, list[str]]]) -> list[Bill]:
    credits_ = open_credits(grants, agreed.currency)
    return [arrears_bill(agreed, usage, credits_), advance_bill(agreed, credits_)]


@settings(max_examples=60)
@given(all_terms(), USAGES, GRANTS)
def test_every_parent_is_the_sum_of_its_children_and_every_amount_fits_the_currency(
    agreed: Terms, usage: dict[str, Decimal], grants: list[tuple[int, int, list[str]]]
) -> None:
    smallest = Fraction(1, 10 ** minor_digits(agreed.currency))
    for bill in bills(agreed, usage, grants):
        for line in walk(bill.revenue_info):
            assert Fraction(line.value) % smallest == 0
            assert line.units == agreed.currency
            if line.line_items:
                assert Fraction(line.value) == sum(Fraction(child.value) for child in line.line_items)


@settings(max_examples=60)
@given(all_terms(), USAGES, GRANTS)
def test_the_total_is_the_gross_less_what_credits_pay_and_they_never_turn_it_below_zero(
    agreed: Terms, usage: dict[str, Decimal], grants: list[tuple[int, int, list[str]]]
) -> None:
    for bill in bills(agreed, usage, grants):
        burned = sum(Fraction(burn.amount.amount) for burn in bill.burns)
        found = values(bill.revenue_info)
        assert Fraction(bill.total.amount) == Fraction(bill.gross.amount) - burned
        assert sum(map(Fraction, found.get(LineType.TOTAL_CREDITS, []))) == -burned
        assert found[LineType.GROSS_AMOUNT] == [bill.gross.amount]
        assert bill.total.amount >= 0 or not bill.burns


@settings(max_examples=60)
@given(all_terms(), USAGES)
def test_what_the_cards_come_to_meets_the_commitment(agreed: Terms, usage: dict[str, Decimal]) -> None:
    commitment = agreed.details.minimum_commitment
    tree = arrears_bill(agreed, usage, []).revenue_info
    plan, sub_total = first(tree, LineType.PRICE_PLAN_AMOUNT), first(tree, LineType.SUB_TOTAL_AMOUNT)
    if commitment is None:
        assert plan.value == sub_total.value
    else:
        half = Fraction(1, 2 * 10 ** minor_digits(agreed.currency))
        assert Fraction(plan.value) >= Fraction(commitment.rate_values[0].rate) - half
        assert plan.value >= sub_total.value


@settings(max_examples=60)
@given(all_terms(), USAGES, GRANTS, st.randoms(use_true_random=False))
def test_the_order_in_which_cards_are_listed_changes_the_order_of_lines_and_nothing_else(
    agreed: Terms, usage: dict[str, Decimal], grants: list[tuple[int, int, list[str]]], random: Random
) -> None:
    before = bills(agreed, usage, grants)
    assert bills(agreed, usage, grants) == before
    random.shuffle(agreed.details.usage_rate_cards)
    random.shuffle(agreed.details.fixed_fee_rate_cards)
    anew = replace(agreed, prices=UsagePrices())
    for one, other in zip(before, bills(anew, usage, grants), strict=True):
        assert other.burns == one.burns
        assert sorted_lines(other) == sorted_lines(one)


def sorted_lines(bill: Bill) -> list[tuple[str, str, Decimal]]:
    lines = [*bill.usage_info, *walk(bill.revenue_info)]
    return sorted((line.type, line.id or line.description, line.value) for line in lines)


@settings(max_examples=60)
@given(all_terms(), USAGES, GRANTS)
def test_lines_that_are_stored_as_rows_come_back_as_they_were(
    agreed: Terms, usage: dict[str, Decimal], grants: list[tuple[int, int, list[str]]]
) -> None:
    for bill in bills(agreed, usage, grants):
        rows = rows_of(bill.usage_info, bill.revenue_info)
        assert tree_of(rows) == (bill.usage_info, bill.revenue_info)


@settings(max_examples=60)
@given(all_terms(), USAGES, GRANTS)
def test_rules_that_change_nothing_leave_the_bill_as_it_would_be_without_any(
    agreed: Terms, usage: dict[str, Decimal], grants: list[tuple[int, int, list[str]]]
) -> None:
    bare = replace(agreed, rules=())
    never = [msgspec.structs.replace(one, condition="false") for one in agreed.rules]
    idle = [
        msgspec.structs.replace(one, condition=None, computation=encode({"*": [var(one.action.target), 1]}).decode())
        for one in agreed.rules
        if one.action.target is not None
    ]
    for rules in (never, idle):
        ruled = bills(replace(agreed, rules=rules), usage, grants)
        assert [replace(bill, rule_steps=()) for bill in ruled] == bills(bare, usage, grants)


@settings(max_examples=60)
@given(all_terms(), USAGES)
def test_cards_come_to_what_they_were_and_what_rules_changed_and_added(
    agreed: Terms, usage: dict[str, Decimal]
) -> None:
    for bill, bare in zip(bills(agreed, usage, []), bills(replace(agreed, rules=()), usage, []), strict=True):
        true_ups = [sum(values(one.revenue_info).get(LineType.TRUE_UP_AMOUNT, [])) for one in (bill, bare)]
        moved = sum(Fraction(step.revenue_change) for step in bill.rule_steps)
        assert Fraction(bill.gross.amount - true_ups[0]) == Fraction(bare.gross.amount - true_ups[1]) + moved
