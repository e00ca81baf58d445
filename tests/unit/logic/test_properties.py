"""Properties of the whole room, on generated texts, rules and data."""

from __future__ import annotations

import decimal
import json
from decimal import Decimal
from fractions import Fraction

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallystick.kernel.errors import BillingError, Kind
from tallystick.logic import EvaluationError, check, evaluate, parse
from tallystick.logic.compact import compact
from tallystick.logic.operators import OPERATORS

numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=9)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    numbers,
    st.text(max_size=8),
    st.sampled_from(["a", "a.b", "", "0", "1.5", "2024-01-31T00:00Z", "P1M", "PT36H", "DAYS", "current"]),
)
rules = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.builds(
            lambda operator, arguments: {operator: arguments},
            st.sampled_from([*OPERATORS, "no such operator"]),
            st.one_of(inner, st.lists(inner, max_size=4)),
        ),
    ),
    max_leaves=12,
)
data = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(["a", "b", "a.b", "c"]), inner, max_size=4)
    ),
    max_leaves=10,
)
json_like = st.text(alphabet='{}[]":,0123456789.eE+-truefalsnvo \n\\/"', max_size=60)
# Written out, since the thread's context would round what it calculates.
ROUGH = decimal.Context(prec=3, rounding=decimal.ROUND_UP, Emax=9, Emin=-9, traps=[])
STRICT = decimal.Context(prec=1, traps=[decimal.Inexact, decimal.Rounded, decimal.Subnormal, decimal.Clamped])


def outcome(rule: object, given_data: object) -> str:
    try:
        return repr(evaluate(parse([rule]), given_data))
    except EvaluationError as failure:
        return failure.message


@given(st.one_of(st.text(max_size=60), json_like, st.binary(max_size=60)))
@example('{"a": 1, "a": 2}')
@example("[" * 100)
def test_any_text_is_a_rule_or_refused_as_invalid(text: str | bytes) -> None:
    try:
        parse(text)
    except BillingError as failure:
        refusal = failure
    else:
        return
    assert refusal.kind is Kind.INVALID
    assert refusal.message.encode()


@given(json_like)
@settings(max_examples=300)
def test_nothing_is_taken_that_a_json_decoder_refuses(text: str) -> None:
    try:
        parse(text)
    except BillingError:
        return
    json.loads(text)


@given(rules)
def test_a_rule_is_the_same_from_text_and_decoded(rule: object) -> None:
    text = compact([rule])
    assert parse([rule]) == parse(text) == parse(text.encode())


@given(rules, data)
@settings(max_examples=300)
def test_evaluation_gives_a_value_or_its_one_error(rule: object, given_data: object) -> None:
    outcome(rule, given_data)
    check(parse([rule]), {"a", "a.b"})


@given(rules, data)
@settings(max_examples=200)
def test_the_decimal_context_of_the_thread_plays_no_part(rule: object, given_data: object) -> None:
    expected = outcome(rule, given_data)
    for context in (ROUGH, STRICT):
        with decimal.localcontext(context):
            got = outcome(rule, given_data)
        assert got == expected


@given(st.lists(numbers, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_a_sum_is_exact_and_its_order_does_not_matter(terms: list[Decimal], random: object) -> None:
    shuffled = list(terms)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    total = evaluate(parse({"+": terms}), None)
    assert total == evaluate(parse({"+": shuffled}), None)
    assert isinstance(total, Decimal)
    assert Fraction(total) == sum(map(Fraction, terms))


@given(numbers, numbers)
def test_products_and_differences_are_exact(one: Decimal, other: Decimal) -> None:
    product = evaluate(parse({"*": [one, other]}), None)
    difference = evaluate(parse({"-": [one, other]}), None)
    assert isinstance(product, Decimal)
    assert isinstance(difference, Decimal)
    assert Fraction(product) == Fraction(one) * Fraction(other)
    assert Fraction(difference) == Fraction(one) - Fraction(other)


@given(numbers, numbers.filter(bool))
@example(Decimal("1.00005"), Decimal(1))
@example(Decimal("-0.00005"), Decimal(1))
def test_a_quotient_is_the_nearest_ten_thousandth_and_halves_go_away_from_zero(one: Decimal, other: Decimal) -> None:
    quotient = evaluate(parse({"/": [one, other]}), None)
    assert isinstance(quotient, Decimal)
    exact = Fraction(one) / Fraction(other)
    steps = abs(exact) * 10_000
    nearest = (2 * steps.numerator + steps.denominator) // (2 * steps.denominator)
    assert Fraction(quotient) * 10_000 == (nearest if exact > 0 else -nearest)


@given(numbers, numbers.filter(bool))
def test_a_remainder_completes_the_whole_part(one: Decimal, other: Decimal) -> None:
    rest = evaluate(parse({"%": [one, other]}), None)
    assert isinstance(rest, Decimal)
    exact = Fraction(one) / Fraction(other)
    whole = abs(exact).__floor__() * (1 if exact > 0 else -1)
    assert Fraction(rest) == Fraction(one) - whole * Fraction(other)
