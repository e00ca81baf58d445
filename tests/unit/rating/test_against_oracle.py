"""Usage cards against an independent slow calculation in fractions, over random cards."""

from __future__ import annotations

import math
import os
import random
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from tallystick.catalog.rate_card import PriceType, UsageRateCard
from tallystick.rating.usage_card import UsagePrice
from tests.unit.rating.cards import S, charge_usage, usage_card

CARDS = int(os.environ.get("RATED_CARDS", "5000"))
EDGES, LIMITED = 0.2, 0.3
"""How often a quantity is the start of a slab, and how often a slab has limits."""

RATES = st.decimals(-5, 50, places=4)
PRICES = st.decimals(0, 50, places=4)


@st.composite
def slab_lists(draw: st.DrawFn, *, rates: st.SearchStrategy[Decimal] = RATES, bounded: bool = True) -> list[S]:
    steps = draw(st.lists(st.decimals("0.5", 400, places=2), max_size=4))
    return [draw(slabs(start, rates, bounded)) for start in accumulate(steps, initial=Decimal(0))]


@st.composite
def slabs(draw: st.DrawFn, start: Decimal, rates: st.SearchStrategy[Decimal], bounded: bool) -> S:  # noqa: FBT001 - reads well above
    kind = draw(st.sampled_from(PriceType))
    size = str(draw(st.decimals("0.5", 60, places=1))) if kind is PriceType.PACKAGE else None
    low, high = None, None
    if bounded and draw(st.booleans()):
        low, high = map(str, sorted((draw(rates), draw(rates))))
    return S(str(start), kind, str(draw(rates)), size, low, high)


def oracle(slabs: list[S], model: str, usage: Fraction) -> list[Fraction]:
    """Slab amounts by the words of domain.md 4.4, each unit range looked at on its own."""
    starts = [Fraction(slab.start) for slab in slabs]
    if usage < 0 or model == "VOLUME":
        owner = 0
        for place, start in enumerate(starts):
            if usage > start:
                owner = place
        held = [usage if place == owner else Fraction(0) for place in range(len(slabs))]
    else:
        tops = [min(usage, end) for end in starts[1:]] + [usage]
        held = [top - start if top > start else Fraction(0) for start, top in zip(starts, tops, strict=True)]
    return [slab_price(slab, units) for slab, units in zip(slabs, held, strict=True)]


def slab_price(slab: S, units: Fraction) -> Fraction:
    if units == 0:
        return Fraction(0)
    if slab.price_type == "PER_UNIT":
        price = Fraction(slab.rate) * units
    elif slab.price_type == "PERCENTAGE":
        price = Fraction(slab.rate) / 100 * units
    elif units < 0:
        price = Fraction(0)
    elif slab.price_type == "FLAT":
        price = Fraction(slab.rate)
    else:
        assert slab.size is not None
        price = Fraction(slab.rate) * math.ceil(units / Fraction(slab.size))
    if slab.low is not None and price < Fraction(slab.low):
        price = Fraction(slab.low)
    if slab.high is not None and price > Fraction(slab.high):
        price = Fraction(slab.high)
    return price


def total(card: UsageRateCard, usage: Decimal) -> Fraction:
    return sum((Fraction(slab.amount) for slab in charge_usage(card, "USD", usage).slabs), Fraction(0))


@given(slab_lists(), st.sampled_from(["TIERED", "VOLUME"]), st.data())
def test_every_slab_agrees_with_the_oracle_to_the_last_digit(slabs: list[S], model: str, data: st.DataObject) -> None:
    edges = st.sampled_from([Decimal(slab.start) for slab in slabs])
    usage = data.draw(edges | st.decimals(-100, 2000, places=3))
    charged = charge_usage(usage_card(*slabs, model=model), "USD", usage)
    assert [Fraction(slab.amount) for slab in charged.slabs] == oracle(slabs, model, Fraction(usage))


def test_a_great_many_cards_agree_too() -> None:
    """More than Hypothesis makes in the same time, and without its liking for small numbers."""
    chance = random.Random(0)
    for _ in range(CARDS):
        slabs, model = random_slabs(chance), chance.choice(["TIERED", "VOLUME"])
        usage = Decimal(chance.randrange(-100_000, 2_000_000)) / 1000
        if chance.random() < EDGES:
            usage = Decimal(chance.choice(slabs).start)
        charged = charge_usage(usage_card(*slabs, model=model), "USD", usage)
        assert [Fraction(slab.amount) for slab in charged.slabs] == oracle(slabs, model, Fraction(usage)), (
            slabs,
            usage,
        )


def random_slabs(chance: random.Random) -> list[S]:
    starts = sorted(chance.sample(range(1, 200_000), chance.randrange(10)))
    return [random_slab(chance, Decimal(start) / 100) for start in [0, *starts]]


def random_slab(chance: random.Random, start: Decimal) -> S:
    def rate() -> Decimal:
        return Decimal(chance.randrange(-50_000, 500_000)) / 10_000

    kind = chance.choice(list(PriceType))
    size = str(Decimal(chance.randrange(5, 600)) / 10) if kind is PriceType.PACKAGE else None
    low, high = map(str, sorted((rate(), rate()))) if chance.random() < LIMITED else (None, None)
    return S(str(start), kind, str(rate()), size, low, high)


@given(slab_lists(rates=PRICES, bounded=False), st.decimals(-100, 2000, places=3), st.decimals(0, 500, places=3))
def test_more_usage_never_costs_less_in_tiers(slabs: list[S], usage: Decimal, more: Decimal) -> None:
    card = usage_card(*slabs)
    assert total(card, usage) <= total(card, usage + more)


@given(slab_lists(rates=PRICES), st.decimals(0, 2000, places=3), st.decimals(0, 500, places=3))
def test_nor_does_it_where_slabs_have_limits(slabs: list[S], usage: Decimal, more: Decimal) -> None:
    card = usage_card(*slabs)  # a minimum binds refunds too, so that this holds from no usage on
    assert total(card, usage) <= total(card, usage + more)


@given(slab_lists(bounded=False), st.decimals("0.001", "0.4", places=3))
def test_tiers_per_unit_do_not_jump_at_a_bound(slabs: list[S], step: Decimal) -> None:
    per_unit = [slab._replace(price_type="PER_UNIT", size=None) for slab in slabs]
    card = usage_card(*per_unit)
    for slab in per_unit:
        bound = Decimal(slab.start)
        assert total(card, bound + step) - total(card, bound) == Fraction(slab.rate) * Fraction(step)


@given(slab_lists(), st.sampled_from(["TIERED", "VOLUME"]), st.lists(st.decimals(-100, 2000, places=3), max_size=5))
def test_every_account_has_slabs_of_its_own(slabs: list[S], model: str, usages: list[Decimal]) -> None:
    card = usage_card(*slabs, model=model)
    shared = UsagePrice(card, "USD")
    assert [shared.charge(usage) for usage in usages] == [charge_usage(card, "USD", usage) for usage in usages]


@given(st.decimals(-5, 50, places=4), st.lists(st.decimals(-100, 2000, places=3), max_size=5))
def test_parts_of_a_period_cost_together_what_the_whole_costs_where_every_unit_costs_the_same(
    rate: Decimal, usages: list[Decimal]
) -> None:
    card = usage_card(S("0", PriceType.PER_UNIT, str(rate)))
    assert sum((total(card, usage) for usage in usages), Fraction(0)) == total(card, sum(usages, Decimal(0)))
