"""How units spread over slabs (domain.md 4.4): bounds, and properties over random cards."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.catalog.rate_card import PriceType, PricingModel
from tests.unit.rating.cards import S, charge_usage, usage_card

STEPS = st.lists(st.decimals("0.001", 1000, places=3), max_size=5)
QUANTITIES = st.decimals(-1000, 6000, places=3)


def shares(quantity: Decimal, steps: list[Decimal], model: PricingModel) -> list[Decimal]:
    """The units in each slab; the next starts so far above."""
    slabs = [S(str(start), PriceType.PER_UNIT, "1") for start in accumulate(steps, initial=Decimal(0))]
    return [slab.quantity for slab in charge_usage(usage_card(*slabs, model=model), "USD", quantity).slabs]


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
    steps = [Decimal(10), Decimal(20)]
    assert shares(Decimal(quantity), steps, PricingModel.TIERED) == [Decimal(units) for units in tiered]
    assert shares(Decimal(quantity), steps, PricingModel.VOLUME) == [Decimal(units) for units in volume]


@given(STEPS, QUANTITIES, st.sampled_from(PricingModel))
def test_no_unit_is_lost_and_none_is_priced_twice(steps: list[Decimal], quantity: Decimal, model: PricingModel) -> None:
    held = shares(quantity, steps, model)
    assert sum(map(Fraction, held)) == Fraction(quantity)
    assert all(share >= 0 for share in held) or quantity < 0


@given(STEPS, QUANTITIES)
def test_volume_gives_everything_to_one_slab(steps: list[Decimal], quantity: Decimal) -> None:
    held = shares(quantity, steps, PricingModel.VOLUME)
    assert sorted(map(bool, held)) == [False] * len(steps) + [bool(quantity)]


@given(STEPS.filter(bool), QUANTITIES)
def test_tiers_fill_one_after_the_other(steps: list[Decimal], quantity: Decimal) -> None:
    held = shares(quantity, steps, PricingModel.TIERED)
    for lower, capacity, upper in zip(held, steps, held[1:], strict=False):
        assert not upper or lower == capacity
