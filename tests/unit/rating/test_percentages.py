"""Percentages of amounts of money, and what each event costs beside them (docs/adr/0038); all figures by hand.

2.9 means 2.9 %.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from random import Random  # noqa: TC003 - drawn by Hypothesis
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.kernel.quantity import EXACT
from tallystick.metering.event_groups import LEAST_UNITS, MOST_UNITS, UNIT, EventCuts, EventGroup
from tallystick.rating.event_fee import EventFee, FeeLimits
from tallystick.rating.usage_card import UsagePrice
from tests.unit.rating.cards import S, amount_of, charge_events, charge_usage, each_event, usage_card

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.catalog.rate_card import EventRates, UsageRateCard

THREE_SLABS: Final = (S("0", "PERCENTAGE", "3"), S("1000", "PERCENTAGE", "2"), S("5000", "PERCENTAGE", "1"))
PROCESSOR: Final = usage_card(S("0", "PERCENTAGE", "2.9"), per_event=each_event("0.30"))
LIMITED: Final = usage_card(S("0", "PERCENTAGE", "2.9"), per_event=each_event("0.30", "0.50", "10"))


def amounts(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


def groups_of(card: UsageRateCard, *texts: str) -> list[tuple[str, int, Decimal, Decimal]]:
    """How the events of a card of one slab are told apart: what they are, how many, their amounts, their fees."""
    (slab,) = charge_events(card, amounts(*texts)).slabs
    return [(one.fee.value, one.events, one.quantity, one.amount) for one in slab.events]


class TestSlabs:
    @pytest.mark.parametrize(
        ("usage", "tiered", "volume"),
        [
            ("0", "0", "0"),
            ("100", "3", "3"),
            ("1000", "30", "30"),  # a slab holds its upper bound
            ("1000.01", "30.0002", "20.0002"),  # 1000 x 3 % + 0.01 x 2 % | 1000.01 x 2 %
            ("5000", "110", "100"),  # 30 + 4000 x 2 %
            ("5000.01", "110.0001", "50.0001"),
            ("8000", "140", "80"),  # 110 + 3000 x 1 %
            ("-50", "-1.5", "-1.5"),  # refunds beyond what was paid fall into the first slab
        ],
    )
    def test_each_takes_its_per_cent_of_the_amount_inside_it(self, usage: str, tiered: str, volume: str) -> None:
        for model, expected in (("TIERED", tiered), ("VOLUME", volume)):
            charge = charge_usage(usage_card(*THREE_SLABS, model=model), "USD", Decimal(usage))
            assert amount_of(charge) == Decimal(expected)

    def test_others_may_stand_beside(self) -> None:
        # 20 for up to 1000, then 1.5 %: 20 + 400 x 1.5 %
        card = usage_card(S("0", "FLAT", "20"), S("1000", "PERCENTAGE", "1.5"))
        assert amount_of(charge_usage(card, "USD", Decimal(1400))) == Decimal(26)

    def test_a_slab_has_limits_like_any_other(self) -> None:
        card = usage_card(S("0", "PERCENTAGE", "2.9", low="5", high="20"))
        found = [amount_of(charge_usage(card, "USD", Decimal(usage))) for usage in (0, 100, 300, 1000)]
        assert found == amounts("0", "5", "8.7", "20")

    def test_nothing_is_lost_of_a_rate_with_many_digits(self) -> None:
        card = usage_card(S("0", "PERCENTAGE", "0.000000000000000000000001"))
        assert amount_of(charge_usage(card, "USD", UNIT)) == Decimal("1E-38")


class TestFixedAmounts:
    def test_a_payment_processor_takes_its_share_and_thirty_cents(self) -> None:
        # 100 + 49.99 + 7 = 156.99; x 2.9 % = 4.55271; 3 x 0.30 = 0.90
        charge = charge_events(PROCESSOR, amounts("100", "49.99", "7"))
        assert charge.quantity == Decimal("156.99")
        assert [slab.amount for slab in charge.slabs] == amounts("4.55271")
        assert charge.fixed is not None
        assert (charge.fixed.events, charge.fixed.free, charge.fixed.amount) == (3, 0, Decimal("0.90"))
        assert charge.fixed.rate == Decimal("0.30")

    def test_events_above_zero_are_told_apart_from_all_others(self) -> None:
        assert UsagePrice(PROCESSOR, "USD").cuts == EventCuts("um.calls", (Decimal(0),))

    def test_a_refund_gives_its_percentage_back_and_no_fixed_amount(self) -> None:
        # (100 - 40) x 2.9 % + 0.30
        assert amount_of(charge_events(PROCESSOR, amounts("100", "-40"))) == Decimal("2.04")

    def test_an_amount_of_nothing_costs_nothing(self) -> None:
        assert amount_of(charge_events(PROCESSOR, amounts("0", "0"))) == 0
        assert amount_of(charge_events(PROCESSOR, [])) == 0

    def test_the_first_events_may_be_free(self) -> None:
        card = usage_card(*THREE_SLABS, per_event=each_event("0.30", free=2))
        # 2000: 30 + 1000 x 2 % = 50; of five events three are paid: 0.90
        charge = charge_events(card, amounts("1000", "400", "300", "200", "100"))
        assert amount_of(charge) == Decimal("50.90")
        assert charge.fixed is not None
        assert (charge.fixed.events, charge.fixed.free) == (5, 2)
        # 300 x 3 %; one event, and it is free
        assert amount_of(charge_events(card, amounts("300"))) == 9


class TestLimitsOfEachEvent:
    def test_each_event_costs_at_least_and_at_most(self) -> None:
        # 5 x 2.9 % + 0.30 = 0.445 -> 0.50; 100 -> 3.20; 400 -> 11.90 -> 10
        assert amount_of(charge_events(LIMITED, amounts("5", "100", "400"))) == Decimal("13.70")
        assert groups_of(LIMITED, "5", "1", "100", "50", "400") == [
            ("MINIMUM", 2, Decimal(6), Decimal("1.00")),
            ("PERCENTAGE", 2, Decimal(150), Decimal("4.95")),  # 4.35 + 0.60
            ("MAXIMUM", 1, Decimal(400), Decimal(10)),
        ]

    def test_the_quantity_is_what_the_events_come_to(self) -> None:
        charge = charge_events(LIMITED, amounts("5", "100", "-40"))
        assert charge.quantity == Decimal(65)
        assert [(slab.quantity, slab.fixed) for slab in charge.slabs] == [(Decimal(65), Decimal("0.30"))]

    def test_bounds_that_no_decimal_is_are_the_greatest_amount_below(self) -> None:
        # (0.50 - 0.30) / 2.9 % = 6.896551724137|93...; (10 - 0.30) / 2.9 % = 334.482758620689|65...
        # and 10 / 2.9 % = 344.827586206896|55..., below which refunds give back the maximum.
        price = UsagePrice(LIMITED, "USD")
        assert price.cuts is not None
        assert price.cuts.meter_id == "um.calls"
        assert price.cuts.cuts == tuple(amounts("-344.827586206897", "0", "6.896551724137", "334.482758620689"))
        assert groups_of(LIMITED, "6.896551724137", "6.896551724138")[0][:2] == ("MINIMUM", 1)
        assert groups_of(LIMITED, "334.482758620689", "334.482758620690")[-1][:2] == ("MAXIMUM", 1)

    def test_at_a_bound_that_is_a_decimal_the_limit_does_not_decide(self) -> None:
        card = usage_card(S("0", "PERCENTAGE", "2"), per_event=each_event(low="0.50", high="4"))
        assert groups_of(card, "25", "200") == [("PERCENTAGE", 2, Decimal(225), Decimal("4.5"))]
        assert groups_of(card, "24.999999999999", "200.000000000001") == [
            ("MINIMUM", 1, Decimal("24.999999999999"), Decimal("0.50")),
            ("MAXIMUM", 1, Decimal("200.000000000001"), Decimal(4)),
        ]

    def test_a_refund_gives_back_at_most_the_maximum_and_knows_no_minimum(self) -> None:
        assert groups_of(LIMITED, "-5", "-100", "-400", "-1000") == [
            ("REFUND_MAXIMUM", 2, Decimal(-1400), Decimal(-20)),
            ("REFUND", 2, Decimal(-105), Decimal("-3.045")),
        ]

    def test_a_minimum_up_to_the_fixed_amount_never_decides(self) -> None:
        card = usage_card(S("0", "PERCENTAGE", "2.9"), per_event=each_event("0.30", "0.30"))
        assert groups_of(card, "0.000000000001") == [
            ("PERCENTAGE", 1, UNIT, Decimal("0.300000000000029")),
        ]

    def test_a_maximum_below_the_fixed_amount_always_decides(self) -> None:
        card = usage_card(S("0", "PERCENTAGE", "2.9"), per_event=each_event("0.30", high="0.20"))
        assert amount_of(charge_events(card, amounts("0.01", "1000"))) == Decimal("0.40")

    @pytest.mark.parametrize("rate", ["1E-100", "0.000000000000000000000000000001"])
    def test_bounds_beyond_every_amount_are_no_cuts_of_their_own(self, rate: str) -> None:
        card = usage_card(S("0", "PERCENTAGE", rate), per_event=each_event(low="1", high="2"))
        found = charge_events(card, [LEAST_UNITS, UNIT, MOST_UNITS])
        assert [one.fee for one in found.slabs[0].events] == [EventFee.REFUND, EventFee.MINIMUM]

    def test_a_bound_just_above_the_least_amount_that_an_event_may_have_is_a_cut(self) -> None:
        most = EXACT.subtract(MOST_UNITS, UNIT)
        card = usage_card(S("0", "PERCENTAGE", "100"), per_event=each_event(high=str(most)))
        assert groups_of(card, str(LEAST_UNITS)) == [("REFUND_MAXIMUM", 1, LEAST_UNITS, EXACT.minus(most))]

    def test_without_the_events_there_is_no_charge(self) -> None:
        for groups in (None, [EventGroup(1, Decimal(1))]):
            with pytest.raises(BillingError) as caught:
                UsagePrice(PROCESSOR, "USD").charge(Decimal(100), groups)
            assert (caught.value.kind, caught.value.code) == (Kind.BROKEN, "no_events")
            assert caught.value.problems == (
                Problem("", "card 'um.calls' prices events one by one, and is charged without them"),
            )


def fee(amount: Decimal, rate: Decimal, each: EventRates) -> Fraction:
    """The slow way: the fee of one event, in fractions."""
    share, most = Fraction(amount) * Fraction(rate) / 100, each.maximum_amount
    if amount <= 0:
        return share if most is None else max(share, -Fraction(most))
    share += Fraction(each.fixed_amount or 0)
    if each.minimum_amount is not None:
        share = max(share, Fraction(each.minimum_amount))
    return share if most is None else min(share, Fraction(most))


def slow(events: Sequence[Decimal], rates: Sequence[tuple[str, str]], each: EventRates, model: str) -> Fraction:
    """The slow way: the sum of fees, or the parts of the total in each slab and a fixed amount for each event."""
    if each.has_limits:
        return sum((fee(amount, Decimal(rates[0][1]), each) for amount in events), Fraction(0))
    total, charged = sum(map(Fraction, events), Fraction(0)), Fraction(0)
    bounds = [Fraction(start) for start, _ in rates]
    for place, (start, rate) in enumerate(zip(bounds, (rate for _, rate in rates), strict=True)):
        end = bounds[place + 1] if place + 1 < len(bounds) else None
        is_first, is_last = place == 0, end is None or total <= end
        if model == "TIERED":
            inside = (total if is_last or end is None else end) - start
            part = inside if is_first or inside > 0 else Fraction(0)
        else:
            part = total if is_last and (is_first or total > start) else Fraction(0)
        charged += part * Fraction(rate) / 100
    paid = max(sum(amount > 0 for amount in events) - each.free_events, 0)
    return charged + paid * Fraction(each.fixed_amount or 0)


steps = st.integers(-(10**15), 10**15).map(lambda steps: EXACT.multiply(UNIT, steps))
cents = st.integers(-100_000, 1_000_000).map(lambda cents: Decimal(cents) / 100)
extremes = st.sampled_from([LEAST_UNITS, MOST_UNITS, UNIT, -UNIT, Decimal(0)])
events_of_all_sizes = st.lists(st.one_of(steps, cents, extremes), max_size=12)
per_cents = st.integers(1, 10**6).map(lambda rate: Decimal(rate) / 10**4)
fees = st.integers(0, 2000).map(lambda cents: str(Decimal(cents) / 100))


@st.composite
def limited(draw: st.DrawFn) -> tuple[Decimal, EventRates]:
    low, high = sorted((draw(fees), draw(fees)), key=Decimal)
    shape = draw(st.sampled_from(["low", "high", "both"]))
    fixed = draw(st.one_of(st.none(), fees))
    return draw(per_cents), each_event(fixed, None if shape == "high" else low, None if shape == "low" else high)


class TestWhatAlwaysHolds:
    @given(limited(), events_of_all_sizes)
    def test_groups_of_events_come_to_what_each_event_costs(
        self, terms: tuple[Decimal, EventRates], events: list[Decimal]
    ) -> None:
        rate, each = terms
        card = usage_card(S("0", "PERCENTAGE", str(rate)), per_event=each)
        found = amount_of(charge_events(card, events))
        assert Fraction(found) == slow(events, [("0", str(rate))], each, "TIERED")

    @given(limited(), st.data())
    def test_they_do_also_around_the_bounds(self, terms: tuple[Decimal, EventRates], data: st.DataObject) -> None:
        rate, each = terms
        card = usage_card(S("0", "PERCENTAGE", str(rate)), per_event=each)
        cuts = FeeLimits.of(rate, each).cuts("um.calls").cuts
        near = [EXACT.add(cut, EXACT.multiply(UNIT, step)) for cut in cuts for step in (-1, 0, 1)]
        events = data.draw(st.lists(st.sampled_from(near), max_size=8))
        found = amount_of(charge_events(card, events))
        assert Fraction(found) == slow(events, [("0", str(rate))], each, "TIERED")

    @given(st.sampled_from(["TIERED", "VOLUME"]), st.lists(per_cents, min_size=1, max_size=4), fees, st.data())
    def test_slabs_and_fixed_amounts_come_to_what_fractions_do(
        self, model: str, rates: list[Decimal], fixed: str, data: st.DataObject
    ) -> None:
        starts = [str(1000 * place) for place in range(len(rates))]
        each = each_event(fixed, free=data.draw(st.integers(0, 5)))
        slabs = [S(start, "PERCENTAGE", str(rate)) for start, rate in zip(starts, rates, strict=True)]
        events = data.draw(st.lists(st.one_of(steps, cents), max_size=12))
        found = amount_of(charge_events(usage_card(*slabs, model=model, per_event=each), events))
        told = [(start, str(rate)) for start, rate in zip(starts, rates, strict=True)]
        assert Fraction(found) == slow(events, told, each, model)

    @given(limited(), events_of_all_sizes, st.randoms())
    def test_the_order_of_events_does_not_matter(
        self, terms: tuple[Decimal, EventRates], events: list[Decimal], random: Random
    ) -> None:
        rate, each = terms
        card = usage_card(S("0", "PERCENTAGE", str(rate)), per_event=each)
        shuffled = random.sample(events, len(events))
        assert charge_events(card, shuffled) == charge_events(card, events)

    @given(limited(), steps, steps)
    def test_a_greater_event_never_costs_less(
        self, terms: tuple[Decimal, EventRates], one: Decimal, other: Decimal
    ) -> None:
        rate, each = terms
        card = usage_card(S("0", "PERCENTAGE", str(rate)), per_event=each)
        lesser, greater = (amount_of(charge_events(card, [amount])) for amount in sorted((one, other)))
        assert lesser <= greater

    @given(st.lists(per_cents, min_size=2, max_size=4), st.integers(1, 10**13))
    def test_tiered_percentages_rise_without_a_jump(self, rates: list[Decimal], distance: int) -> None:
        """Across a bound, the charge moves by no more than the greater rate of the little that lies between."""
        slabs = [S(str(1000 * place), "PERCENTAGE", str(rate)) for place, rate in enumerate(rates)]
        card, little = usage_card(*slabs), EXACT.multiply(UNIT, distance)
        for place in range(1, len(rates)):
            bound = Decimal(1000 * place)
            below, above = (
                amount_of(charge_usage(card, "USD", amount))
                for amount in (EXACT.subtract(bound, little), EXACT.add(bound, little))
            )
            assert 0 < above - below <= max(rates) / 100 * 2 * little

    @given(limited(), events_of_all_sizes)
    def test_an_event_and_its_whole_refund_never_pay_out(
        self, terms: tuple[Decimal, EventRates], events: list[Decimal]
    ) -> None:
        rate, each = terms
        card = usage_card(S("0", "PERCENTAGE", str(rate)), per_event=each)
        for amount in events:
            assert amount_of(charge_events(card, [amount, EXACT.minus(amount)])) >= 0


class TestTheDocument:
    """The figures of docs/percentages.md."""

    @pytest.mark.parametrize(
        ("card", "payments", "charge"),
        [
            (PROCESSOR, ("100", "49.99", "7"), "5.45271"),
            (LIMITED, ("5", "100", "400"), "13.70"),
            (usage_card(*THREE_SLABS), ("8000",), "140"),
            (usage_card(*THREE_SLABS, model="VOLUME"), ("8000",), "80"),
            (
                usage_card(S("0", "PERCENTAGE", "3"), per_event=each_event("0.30", free=2)),
                ("1000", "500", "500"),
                "60.30",
            ),
        ],
    )
    def test_what_it_tells_is_what_is_charged(
        self, card: UsageRateCard, payments: tuple[str, ...], charge: str
    ) -> None:
        assert amount_of(charge_events(card, amounts(*payments))) == Decimal(charge)
