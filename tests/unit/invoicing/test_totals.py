"""Rounding, adjustments and true-ups (domain.md 1.9, 4.4, 4.7)."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest

from tallystick.invoicing.line import LineType
from tallystick.invoicing.totals import adjustment, leaf, rounded, sum_of, true_up
from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.money import LARGEST_MINOR, from_minor
from tallystick.rating.limits import Bound, Limits
from tests.unit.credits.grants import usd


@pytest.mark.parametrize(
    ("currency", "amount", "expected"),
    [
        ("USD", "10.275", "10.28"),
        ("EUR", "10.275", "10.28"),
        ("JPY", "1000.5", "1001"),
        ("KRW", "1000.5", "1001"),
        ("USD", "-10.275", "-10.28"),
        ("USD", "0.001", "0"),
        ("USD", "0.00499999999999999999999999999999999999", "0"),
    ],
)
def test_halves_round_away_from_zero_to_the_smallest_unit(currency: str, amount: str, expected: str) -> None:
    with localcontext(prec=3):
        assert rounded(Decimal(amount), currency).amount == Decimal(expected)  # case G25


def test_a_line_holds_as_much_as_the_ledger_and_not_a_cent_more() -> None:
    most = from_minor(LARGEST_MINOR, "USD")
    assert rounded(most.amount, "USD") == most
    with pytest.raises(BillingError) as caught:
        rounded(most.amount + Decimal("0.01"), "USD")
    assert (caught.value.kind, caught.value.code) == (Kind.UNPROCESSABLE, "amount_too_large")


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        ("1.00", ("0.01", Bound.MINIMUM)),
        ("1.01", ("0", None)),
        ("2.00", ("0", None)),
        ("2.01", ("-0.01", Bound.MAXIMUM)),
    ],
)
def test_an_adjustment_brings_a_total_to_its_rounded_limits(total: str, expected: tuple[str, Bound | None]) -> None:
    limits = Limits(Decimal("1.005"), Decimal("2.0049"))
    assert adjustment(limits, usd(total)) == (usd(expected[0]), expected[1])


@pytest.mark.parametrize(
    ("commitment", "sub_total", "expected"),
    [("400", "300", "100"), ("400", "400", "0"), ("400", "500", "0"), ("400.005", "-10", "410.01")],
)
def test_a_true_up_tops_up_to_the_commitment_and_is_never_negative(
    commitment: str, sub_total: str, expected: str
) -> None:
    assert true_up(Decimal(commitment), usd(sub_total)) == usd(expected)


def test_lines_of_two_currencies_have_no_sum() -> None:
    line = leaf(LineType.CUSTOM_AMOUNT, "x", usd("1"))
    with pytest.raises(ValueError, match="cannot add a line in USD to a sum in EUR"):
        sum_of([line], "EUR")
