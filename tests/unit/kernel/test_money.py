"""Money: currencies kept apart, rounding, allocation (domain.md 1.9)."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.money import (
    LARGEST_MINOR,
    Money,
    allocate,
    exact_in_minor_unit,
    from_minor,
    is_currency,
    minor_digits,
    round_half_up,
    zero,
)


def usd(text: str) -> Money:
    return Money(Decimal(text), "USD")


@pytest.mark.parametrize(
    ("currency", "digits"), [("USD", 2), ("INR", 2), ("EUR", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3)]
)
def test_each_currency_has_its_own_smallest_unit(currency: str, digits: int) -> None:
    assert is_currency(currency)
    assert minor_digits(currency) == digits


@pytest.mark.parametrize("code", ["usd", "US", "USDX", "$", "", "ZZZ"])
def test_what_the_table_does_not_know_is_no_currency(code: str) -> None:
    assert not is_currency(code)


@pytest.mark.parametrize(
    ("currency", "amount", "rounded"),
    [
        # The four facts of case G25 (flexprice, currency_rounding_test.go).
        ("USD", "10.275", "10.28"),
        ("EUR", "10.275", "10.28"),
        ("JPY", "1000.5", "1001"),
        ("KRW", "1000.5", "1001"),
        # Below the smallest unit nothing is left (domain.md 1.9).
        ("USD", "0.001", "0.00"),
        ("USD", "0.005", "0.01"),
        ("USD", "0.00499999999999999999999999999999999999999999", "0.00"),
        ("USD", "-10.275", "-10.28"),
        ("KWD", "1.2345", "1.235"),
        ("USD", "12345678901234567890123456789012345678.905", "12345678901234567890123456789012345678.91"),
        ("USD", "7", "7.00"),
    ],
)
def test_halves_are_rounded_away_from_zero_to_the_smallest_unit(currency: str, amount: str, rounded: str) -> None:
    assert str(round_half_up(Money(Decimal(amount), currency)).amount) == rounded


def test_a_tiny_negative_amount_becomes_plain_nothing() -> None:
    assert str(round_half_up(usd("-0.001")).amount) == "0.00"
    assert str(-zero("USD").amount) == "0"


def test_arithmetic_within_one_currency() -> None:
    assert usd("1.10") + usd("2.20") == usd("3.30")
    assert usd("1.10") - usd("2.20") == usd("-1.10")
    assert -usd("1.10") == usd("-1.10")
    assert usd("1") < usd("2") <= usd("2.00")
    assert max(usd("1"), usd("2")) == usd("2")
    assert usd("0.01")
    assert not zero("USD")
    assert str(usd("1E+3")) == "1000 USD"


def test_two_currencies_never_meet() -> None:
    euro = Money(Decimal(1), "EUR")
    for combine in (
        lambda: usd("1") + euro,
        lambda: usd("1") - euro,
        lambda: usd("1") < euro,
        lambda: usd("1") <= euro,
    ):
        with pytest.raises(ValueError, match="cannot combine USD with EUR"):
            combine()
    assert usd("1") != euro


def test_arithmetic_is_exact_on_a_thread_that_has_another_context() -> None:
    with localcontext(Context(prec=3)):
        assert usd("12345.67") + usd("0.01") == usd("12345.68")
        assert usd("12345.67") - usd("0.01") == usd("12345.66")
        assert -usd("12345.67") == usd("-12345.67")
        assert allocate(usd("12345.67"), [Decimal(1), Decimal(2)]) == [usd("4115.22"), usd("8230.45")]


@pytest.mark.parametrize(
    ("money", "units"), [(usd("1700.00"), 170000), (usd("-0.01"), -1), (Money(Decimal(5), "JPY"), 5)]
)
def test_minor_units_there_and_back(money: Money, units: int) -> None:
    assert money.minor == units
    assert from_minor(units, money.currency) == money


def test_an_amount_finer_than_the_smallest_unit_has_no_minor_units() -> None:
    with pytest.raises(ValueError, match="finer than the minor unit of USD"):
        _ = usd("0.001").minor


def test_a_callers_amount_is_taken_as_it_is() -> None:
    assert exact_in_minor_unit(Decimal("12.3"), "USD", "creditAmount") == usd("12.30")
    assert exact_in_minor_unit(Decimal("1E+2"), "JPY", "creditAmount") == Money(Decimal(100), "JPY")
    assert exact_in_minor_unit(Decimal(LARGEST_MINOR), "JPY", "creditAmount").minor == LARGEST_MINOR


@pytest.mark.parametrize(
    ("amount", "currency", "message"),
    [
        ("12.345", "USD", "creditAmount: 12.345 is finer than the smallest unit of USD (2 decimals)"),
        ("0.5", "JPY", "creditAmount: 0.5 is finer than the smallest unit of JPY (0 decimals)"),
        ("1E-99999", "USD", "creditAmount: 1E-99999 is finer than the smallest unit of USD (2 decimals)"),
        ("1E+99999", "USD", "creditAmount: 1E+99999 is out of range, the most is 10000000000000.00 USD"),
        ("-1E+14", "USD", "creditAmount: -100000000000000 is out of range, the most is 10000000000000.00 USD"),
        ("NaN", "USD", "creditAmount: NaN is out of range, the most is 10000000000000.00 USD"),
        ("Infinity", "USD", "creditAmount: Infinity is out of range, the most is 10000000000000.00 USD"),
    ],
)
def test_a_callers_amount_that_a_ledger_cannot_hold_is_refused(amount: str, currency: str, message: str) -> None:
    with pytest.raises(BillingError) as refused:
        exact_in_minor_unit(Decimal(amount), currency, "creditAmount")
    assert refused.value.kind is Kind.INVALID
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        ("100.00", "1 1 1", "33.34 33.33 33.33"),
        ("0.02", "1 1 1", "0.01 0.01 0.00"),
        ("-100.00", "1 1 1", "-33.34 -33.33 -33.33"),
        ("10.00", "0 3 1", "0.00 7.50 2.50"),
        ("0.05", "3 7", "0.02 0.03"),  # 0.015 and 0.035: equal remainders, the earlier part wins
        ("1.00", "0.5 0.25 0.25", "0.50 0.25 0.25"),
        ("0.00", "1 2", "0.00 0.00"),
    ],
)
def test_allocation_by_largest_remainder(total: str, weights: str, parts: str) -> None:
    found = allocate(usd(total), [Decimal(weight) for weight in weights.split()])
    assert found == [usd(part) for part in parts.split()]


@pytest.mark.parametrize("weights", [[], [Decimal(0)], [Decimal(2), Decimal(-1)]])
def test_weights_that_say_nothing_are_refused(weights: list[Decimal]) -> None:
    with pytest.raises(ValueError, match="weights"):
        allocate(usd("1"), weights)


WEIGHTS = st.lists(
    st.decimals(min_value=0, max_value=10**9, places=12, allow_nan=False), min_size=1, max_size=20
).filter(any)


@given(st.integers(-(10**15), 10**15), st.sampled_from(["USD", "JPY", "KWD"]), WEIGHTS)
def test_allocation_conserves_the_total_and_stays_within_one_unit_of_the_exact_share(
    units: int, currency: str, weights: list[Decimal]
) -> None:
    parts = allocate(from_minor(units, currency), weights)
    assert sum(part.minor for part in parts) == units
    whole = sum(map(Fraction, weights))
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.minor - units * Fraction(weight) / whole) < 1
        assert weight or not part


@given(st.decimals(-(10**12), 10**12, allow_nan=False), st.sampled_from(["USD", "JPY", "KWD"]))
def test_rounding_moves_an_amount_by_half_a_unit_at_most_and_rounds_once(amount: Decimal, currency: str) -> None:
    money = Money(amount, currency)
    rounded = round_half_up(money)
    half = Fraction(1, 2 * 10 ** minor_digits(currency))
    assert abs(Fraction(rounded.amount) - Fraction(amount)) <= half
    assert round_half_up(rounded) == rounded
    assert round_half_up(-money) == -rounded
