"""Charges as values: what they say about themselves."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tallystick.rating.charge import Stretch, WindowCharge
from tests.unit.rating.cards import S, charge_usage, licence_card


def window(cycle_days: int | None, *stretches: tuple[int, int]) -> WindowCharge:
    """Quantities of seats at 30, each with its days."""
    card = licence_card(S("0", "PER_UNIT", "30"))
    return WindowCharge(
        first=date(2026, 6, 1),
        last=date(2026, 6, 30),
        quantity=Decimal(max(quantity for quantity, _ in stretches)),
        cycle_days=cycle_days,
        stretches=tuple(
            Stretch(days=days, charge=charge_usage(card, "USD", Decimal(quantity))) for quantity, days in stretches
        ),
    )


@pytest.mark.parametrize(
    ("cycle_days", "stretches", "whole"),
    [
        (30, [(10, 30)], 10),  # all days alike
        (None, [(10, 1)], 10),  # the highest of a cycle that is not prorated
        (30, [(10, 15)], None),  # half a cycle
        (30, [(10, 20), (15, 10)], None),  # in parts
        (30, [(10, 30), (15, 10)], None),
        (None, [(15, 1), (10, -1)], None),  # what a new peak costs more
    ],
)
def test_a_window_is_whole_when_one_charge_is_all_of_it(
    cycle_days: int | None, stretches: list[tuple[int, int]], whole: int | None
) -> None:
    found = window(cycle_days, *stretches).whole
    assert (found and found.quantity) == whole
