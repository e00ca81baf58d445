"""Limits: the least and the most that a slab or a whole card comes to (domain.md 4.4)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tallystick.catalog.rate_card import RateLimits
from tallystick.rating.limits import NO_LIMITS, Bound, Limits


@pytest.mark.parametrize(
    ("low", "high", "amount", "comes_to", "bound"),
    [
        ("25", "400", "24.99", "25", Bound.MINIMUM),
        ("25", "400", "25", "25", None),
        ("25", "400", "100", "100", None),
        ("25", "400", "400", "400", None),
        ("25", "400", "400.01", "400", Bound.MAXIMUM),
        ("25", None, "1000", "1000", None),
        (None, "400", "-5", "-5", None),
        (None, "0", "0.01", "0", Bound.MAXIMUM),
        (None, None, "7", "7", None),
    ],
)
def test_an_amount_is_held_between_its_limits_and_the_one_it_breaks_is_named(
    low: str | None, high: str | None, amount: str, comes_to: str, bound: Bound | None
) -> None:
    limits = Limits.of(RateLimits(minimum_rate=low, maximum_rate=high))
    assert limits.apply(Decimal(amount)) == (Decimal(comes_to), bound)


@pytest.mark.parametrize(("low", "high", "bind"), [("0", None, True), (None, "0", True), (None, None, False)])
def test_limits_of_zero_are_limits_too(low: str | None, high: str | None, *, bind: bool) -> None:
    assert bool(Limits.of(RateLimits(minimum_rate=low, maximum_rate=high))) is bind


def test_a_card_that_says_nothing_has_none() -> None:
    assert Limits.of(None) is NO_LIMITS
