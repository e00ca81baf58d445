"""How units spread over slabs (domain.md 4.4): bounds, and properties over random cards."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.catalog.rate_card import PricingModel
from tallystick.rating.slabs import spread

STEPS = st.lists(st.decimals("0.001", 1000, places=3), max_size=5)
QUANTITIES = st.decimals(-1000, 6000, places=3)


def starts_after(steps: list[Decimal]) -> list[Decimal]:
    return list(accumulate(steps, initial=Decimal(0)))


@pytest.mark.parametrize(
    ("quantity", "tiered", "volume"),
    [
        ("0", ["0", "0", "0"], ["0", "0", "0"]),
        ("10", ["10", "0", "0"], ["10", "0", "0"]),
        ("10.001", ["10", "0.001", "0"], ["0", "10.001", "0"]),
        ("30", ["10", "20", "0"], ["0", "30", "0"]),
        ("31", ["10", "20", "1"], ["0", "0", "31"]),
        ("-1", ["-1", "0", "0"], ["-1", "0", "0"]),
    ],
)
def test_a_slab_holds_what_lies_above_its_start_up_to_and_with_the_next_start(
    quantity: str, tiered: list[str], volume: list[str]
) -> None:
    starts = [Decimal(0), Decimal(10), Decimal(30)]
    assert spread(Decimal(quantity), starts, PricingModel.TIERED) == [Decimal(units) for units in tiered]
    assert spread(Decimal(quantity), starts, PricingModel.VOLUME) == [Decimal(units) for units in volume]


@given(STEPS, QUANTITIES, st.sampled_from(PricingModel))
def test_no_unit_is_lost_and_none_is_priced_twice(steps: list[Decimal], quantity: Decimal, model: PricingModel) -> None:
    shares = spread(quantity, starts_after(steps), model)
    assert sum(map(Fraction, shares)) == Fraction(quantity)
    assert all(share >= 0 for share in shares) or quantity < 0


@given(STEPS, QUANTITIES)
def test_volume_gives_everything_to_one_slab(steps: list[Decimal], quantity: Decimal) -> None:
    shares = spread(quantity, starts_after(steps), PricingModel.VOLUME)
    assert sorted(map(bool, shares)) == [False] * len(steps) + [bool(quantity)]


@given(STEPS.filter(bool), QUANTITIES)
def test_tiers_fill_one_after_the_other(steps: list[Decimal], quantity: Decimal) -> None:
    shares = spread(quantity, starts_after(steps), PricingModel.TIERED)
    for lower, capacity, upper in zip(shares, steps, shares[1:], strict=False):
        assert not upper or lower == capacity
