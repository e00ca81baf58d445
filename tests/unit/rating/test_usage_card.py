"""Usage cards priced: every worked example of domain.md 4.4, and what it says in words."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

import msgspec
import pytest

from tallystick.kernel.errors import BillingError, Kind
from tallystick.rating.limits import Bound
from tallystick.rating.usage_card import UsagePrices
from tests.unit.catalog.pricing_rules import details
from tests.unit.rating.cards import S, charge_usage, usage_card

if TYPE_CHECKING:
    from tallystick.rating.charge import UsageCharge

TWO_RATES = (S("0", "PER_UNIT", "2"), S("100", "PER_UNIT", "1"))
MOSTLY_FLAT = (S("0", "FLAT", "20"), S("1000", "FLAT", "15"), S("5000", "PER_UNIT", "0.01"))
PACKAGES = (S("0", "PACKAGE", "10", size="1000"),)
FREE_THEN_PACKAGES = (
    S("0", "PER_UNIT", "0"),
    S("1000", "PACKAGE", "1", size="10"),
    S("5000", "PACKAGE", "0.5", size="100"),
)
BOUNDED = (S("0", "PER_UNIT", "0.5", low="25", high="400"),)
ONE_THEN_LESS = (S("0", "PER_UNIT", "1"), S("5000", "PER_UNIT", "0.8"))

# slabs, usage, TIERED, VOLUME
WORKED = [
    (TWO_RATES, "100", "200", "200"),
    (TWO_RATES, "100.5", "200.5", "100.5"),
    (TWO_RATES, "150", "250", "150"),
    (MOSTLY_FLAT, "0", "0", "0"),
    (MOSTLY_FLAT, "1", "20", "20"),
    (MOSTLY_FLAT, "1000", "20", "20"),
    (MOSTLY_FLAT, "1001", "35", "15"),
    (MOSTLY_FLAT, "6000", "45", "60"),
    (PACKAGES, "1", "10", "10"),
    (PACKAGES, "1000", "10", "10"),
    (PACKAGES, "1001", "20", "20"),
    (PACKAGES, "2500", "30", "30"),
    (FREE_THEN_PACKAGES, "1005", "1", "101"),
    (FREE_THEN_PACKAGES, "5250", "401.5", "26.5"),
    (BOUNDED, "0", "0", "0"),
    (BOUNDED, "10", "25", "25"),
    (BOUNDED, "100", "50", "50"),
    (BOUNDED, "1000", "400", "400"),
    (ONE_THEN_LESS, "5000", "5000", "5000"),
    (ONE_THEN_LESS, "6000", "5800", "4800"),
]


def charge(slabs: tuple[S, ...], usage: str, model: str = "TIERED") -> UsageCharge:
    return charge_usage(usage_card(*slabs, model=model), "USD", Decimal(usage))


def total(charged: UsageCharge) -> Decimal:
    return sum((slab.amount for slab in charged.slabs), Decimal(0))


@pytest.mark.parametrize(("slabs", "usage", "tiered", "volume"), WORKED)
def test_every_worked_example_of_the_reference(slabs: tuple[S, ...], usage: str, tiered: str, volume: str) -> None:
    assert total(charge(slabs, usage, "TIERED")) == Decimal(tiered)
    assert total(charge(slabs, usage, "VOLUME")) == Decimal(volume)


def test_the_official_calculator_sample_follows_the_formula_not_the_figures_printed_there() -> None:
    sample = (S("0", "PER_UNIT", "10", low="1", high="10"), S("2", "PACKAGE", "20", size="10"))
    assert [slab.amount for slab in charge(sample, "10").slabs] == [10, 20]  # domain.md X-07


def test_a_charge_says_how_each_slab_came_to_its_amount() -> None:
    slabs = (
        S("0", "PER_UNIT", "0.01", low="5"),
        S("100", "FLAT", "20", high="15"),
        S("200", "PACKAGE", "3", size="40"),
        S("500", "PER_UNIT", "1", low="5"),
    )
    charged = charge(slabs, "250")
    facts = [(slab.order, slab.quantity, slab.rate, slab.packages, slab.bound) for slab in charged.slabs]
    assert facts == [
        (1, 100, Decimal("0.01"), None, Bound.MINIMUM),
        (2, 100, 20, None, Bound.MAXIMUM),
        (3, 50, 3, 2, None),
        (4, 0, 1, None, None),
    ]
    assert [slab.amount for slab in charged.slabs] == [5, 15, 6, 0]
    assert [slab.package_size for slab in charged.slabs] == [None, None, 40, None]
    assert charged.quantity == 250


@pytest.mark.parametrize("model", ["TIERED", "VOLUME"])
def test_refunds_beyond_the_usage_go_to_the_first_slab_and_only_per_unit_pays_them_back(model: str) -> None:
    per_unit = charge(TWO_RATES, "-5", model)
    assert [(slab.quantity, slab.amount) for slab in per_unit.slabs] == [(-5, -10), (0, 0)]
    assert total(charge(MOSTLY_FLAT, "-5", model)) == 0
    packages = charge(PACKAGES, "-5", model)
    assert (total(packages), packages.slabs[0].packages) == (0, 0)


def test_a_slab_limit_binds_whenever_the_slab_holds_units_of_either_sign() -> None:
    assert total(charge(BOUNDED, "-5")) == 25  # domain.md 4.4: clamped "only if u_k != 0"


def test_a_negative_rate_pays_out() -> None:
    assert total(charge((S("0", "PER_UNIT", "-0.25"),), "10")) == Decimal("-2.5")


def test_the_limits_of_the_whole_card_are_left_to_the_bill_which_applies_them_to_rounded_amounts() -> None:
    card = usage_card(*TWO_RATES, low="400.005", high="500")
    charged = charge_usage(card, "USD", Decimal(0))
    assert total(charged) == 0
    assert (charged.limits.minimum, charged.limits.maximum) == (Decimal("400.005"), 500)


def test_slabs_are_taken_in_the_order_they_name_not_as_they_are_listed() -> None:
    card = usage_card(*TWO_RATES)
    card.rate_plan.slabs.reverse()
    card.rate_values[0].slab_rates.reverse()
    charged = charge_usage(card, "USD", Decimal(150))
    assert [(slab.order, slab.amount) for slab in charged.slabs] == [(1, 200), (2, 50)]


def test_amounts_are_exact_whatever_the_context_of_the_thread() -> None:
    with localcontext(prec=5):
        charged = charge((S("0", "PER_UNIT", "0." + "1" * 31),), "9")
    assert str(charged.slabs[0].amount) == "0." + "9" * 31


def test_a_card_without_a_rate_in_the_currency_cannot_be_charged() -> None:
    with pytest.raises(BillingError, match=r"card 'um\.calls' has no rate in EUR") as caught:
        charge_usage(usage_card(*TWO_RATES), "EUR", Decimal(1))
    assert (caught.value.kind, caught.value.code) == (Kind.BROKEN, "no_rate")
    assert [problem.path for problem in caught.value.problems] == [""]


def test_the_cards_of_a_plan_are_made_ready_once_for_each_currency() -> None:
    card = usage_card(*TWO_RATES)
    card.rate_values.append(
        msgspec.structs.replace(usage_card(S("0", "PER_UNIT", "3"), *TWO_RATES[1:]).rate_values[0], currency="EUR")
    )
    plan, other = details(card, usage_card(*PACKAGES, meter="um.bytes")), details(usage_card(*ONE_THEN_LESS))
    prices = UsagePrices()
    dollars, euros = prices.of(plan, "USD"), prices.of(details(card), "EUR")
    assert [price.billable_id for price in dollars] == ["um.calls", "um.bytes"]
    assert [total(price.charge(Decimal(150))) for price in (*dollars, *euros)] == [250, 10, 350]
    assert prices.of(plan, "USD") is dollars
    assert total(prices.of(other, "USD")[0].charge(Decimal(150))) == 150


def test_a_card_is_called_by_its_display_name_else_by_its_name_else_by_what_it_prices() -> None:
    assert charge(TWO_RATES, "1").display_name == "um.calls"
    named = usage_card(*TWO_RATES, name="API calls", tag="compute")
    charged = charge_usage(named, "USD", Decimal(1))
    assert (charged.display_name, charged.tag, charged.billable_id) == ("API calls", "compute", "um.calls")
