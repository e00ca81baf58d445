"""What units of a feature cost that a plan grants, and those beyond them (domain.md 4.7)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.errors import BillingError
from tallystick.rating.entitlement import charge_entitlement
from tallystick.rating.fixed_fee import is_charged
from tallystick.rating.usage_card import UsagePrice
from tests.unit.rating.cards import S, charge_usage, entitlement_card, overage_card, usage_card

UNITS = st.integers(1, 1_000_000).map(lambda number: Decimal(number).scaleb(-3))
RATES = st.integers(-20_000, 20_000).map(lambda number: Decimal(number).scaleb(-4))
ONE_EACH = S("0", "PER_UNIT", "1")
CHEAPER = (S("0", "PER_UNIT", "0.05"), S("25000", "PER_UNIT", "0.03"))


@pytest.mark.parametrize(
    ("units", "slabs", "model", "quantity", "granted", "costs"),
    [
        # The official sample: a limit of 100 at 1 each, bought 1.2 times.
        (("100",), (ONE_EACH,), "TIERED", "1.2", "120", "120"),
        (("100",), (ONE_EACH,), "TIERED", "1", "100", "100"),
        # By hand: 60 + 60 units are priced together: 100 x 1 + 20 x 0.5; all 120 at 0.5; 12 packages of 10 at 3.
        (("60", "60"), (ONE_EACH, S("100", "PER_UNIT", "0.5")), "TIERED", "1", "120", "110"),
        (("60", "60"), (ONE_EACH, S("100", "PER_UNIT", "0.5")), "VOLUME", "1", "120", "60"),
        (("60", "60"), (S("0", "PACKAGE", "3", size="10"),), "TIERED", "1", "120", "36"),
        (("0.5",), (S("0", "FLAT", "20"),), "TIERED", "1", "0.5", "20"),
    ],
)
def test_units_are_priced_together(
    units: tuple[str, ...], slabs: tuple[S, ...], model: str, quantity: str, granted: str, costs: str
) -> None:
    charge = charge_entitlement(entitlement_card(*slabs, units=units, model=model), "USD", Decimal(quantity))
    assert charge.quantity == Decimal(granted)
    assert sum(slab.amount for slab in charge.slabs) == Decimal(costs)


@pytest.mark.parametrize(
    ("units", "costs"),
    # The worked example of the reference: 25000 x 0.05 + 5000 x 0.03; the edge, and one unit behind it, by hand.
    [("30000", "1400"), ("25000", "1250"), ("25001", "1250.03"), ("0", "0")],
)
def test_overage_is_priced_by_slabs(units: str, costs: str) -> None:
    charge = UsagePrice(overage_card(*CHEAPER), "USD").charge(Decimal(units))
    assert sum(slab.amount for slab in charge.slabs) == Decimal(costs)


def test_a_charge_says_of_what_and_under_which_name() -> None:
    charge = charge_entitlement(entitlement_card(ONE_EACH, name="Exports", tag="extras", low="200"), "USD")
    assert (charge.billable_id, charge.display_name, charge.tag) == ("feature.exports", "Exports", "extras")
    assert charge.limits.minimum == 200


def test_a_card_grants_nothing_in_a_currency_that_it_does_not_have() -> None:
    with pytest.raises(BillingError, match="has no rate in EUR"):
        charge_entitlement(entitlement_card(ONE_EACH), "EUR")


@given(st.lists(UNITS, min_size=1, max_size=4), st.lists(RATES, min_size=1, max_size=3), st.sampled_from([1, 3]))
def test_units_cost_what_as_much_usage_would(units: list[Decimal], rates: list[Decimal], times: int) -> None:
    slabs = [S(start, "PER_UNIT", str(rate)) for start, rate in zip(("0", "10.5", "300"), rates, strict=False)]
    card = entitlement_card(*slabs, units=tuple(map(str, units)))
    granted = charge_entitlement(card, "USD", Decimal(times))
    assert granted.slabs == charge_usage(usage_card(*slabs), "USD", sum(units) * times).slabs


@given(UNITS, UNITS, st.integers(0, 20_000), st.integers(0, 20_000))
def test_overage_costs_what_each_of_its_units_does(units: Decimal, edge: Decimal, first: int, second: int) -> None:
    """A slow oracle: units are counted out in steps of a thousandth, each at the price of the slab that it lies in."""
    start, count = edge.quantize(Decimal("0.1")) + 1, int((units % 50).quantize(Decimal("0.01")) * 100)
    card = overage_card(S("0", "PER_UNIT", str(first)), S(str(start), "PER_UNIT", str(second)))
    used = Decimal(count).scaleb(-2)
    each = [first if Decimal(step).scaleb(-2) < start else second for step in range(count)]
    assert sum(slab.amount for slab in UsagePrice(card, "USD").charge(used).slabs) == Decimal(sum(each)).scaleb(-2)


@pytest.mark.parametrize(
    ("timing", "interval", "offset", "cycles"),
    [
        ("IN_ADVANCE", 1, 0, [0, 1, 2, 3, 4, 5]),
        ("IN_ADVANCE", 2, 1, [1, 3, 5]),
        ("IN_ARREARS", 1, 0, [0, 1, 2, 3, 4, 5]),
        ("IN_ARREARS", 2, 1, [2, 4]),
    ],
)
def test_units_recur_like_fees(timing: str, interval: int, offset: int, cycles: list[int]) -> None:
    card = entitlement_card(ONE_EACH, timing=timing, interval=interval, offset=offset)
    assert [ordinal for ordinal in range(6) if is_charged(card, ordinal)] == cycles


def test_overage_of_the_first_cycles_may_be_free() -> None:
    assert [ordinal for ordinal in range(4) if overage_card(ONE_EACH, free_cycles=2).is_charged(ordinal)] == [2, 3]
    assert overage_card(ONE_EACH).is_charged(0)


@pytest.mark.parametrize(
    ("every", "free", "held"),
    [(1, 0, []), (1, 2, []), (2, 0, [0, 2, 4]), (3, 0, [0, 1, 3, 4]), (2, 1, [1, 3, 5]), (3, 2, [2, 3, 5])],
)
def test_overage_is_left_until_the_last_of_so_many_cycles(every: int, free: int, held: list[int]) -> None:
    # domain.md 4.5: a card in arrears is charged when n + 1 - offset is above 0 and a multiple of the interval.
    card = overage_card(ONE_EACH, every=every, free_cycles=free)
    assert [ordinal for ordinal in range(6) if card.is_held(ordinal)] == held
    charged = [n for n in range(6) if n + 1 - free > 0 and (n + 1 - free) % every == 0]
    assert [n for n in range(6) if card.is_charged(n) and not card.is_held(n)] == charged
