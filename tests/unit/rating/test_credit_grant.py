"""What credit costs that a card grants (domain.md 4.7): its slabs applied to the amount of the credit."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.catalog.rate_card import PriceType
from tallystick.kernel.errors import BillingError
from tallystick.rating.credit_grant import charge_grant
from tallystick.rating.fixed_fee import is_charged
from tallystick.rating.usage_card import UsagePrice
from tests.unit.rating.cards import S, charge_usage, grant_card, usage_card

AMOUNTS = st.integers(0, 100_000).map(lambda cents: Decimal(cents).scaleb(-2))
RATES = st.integers(-20_000, 20_000).map(lambda number: Decimal(number).scaleb(-4))


def price(*slabs: S, amount: str = "100", model: str = "TIERED") -> Decimal:
    return sum(slab.amount for slab in charge_grant(grant_card(amount, *slabs, model=model), "USD").slabs)


@pytest.mark.parametrize(
    ("amount", "slabs", "model", "costs"),
    [
        # The worked example of the reference: 10 for 100 of credit; a promotion costs nothing.
        ("100", (S("0", "FLAT", "10"),), "TIERED", "10"),
        ("100", (S("0", "FLAT", "0"),), "TIERED", "0"),
        # By hand: 50 x 0.1 + 50 x 0.05; all 100 at 0.05; 4 packages of 30 are begun; 100 x 0.9.
        ("100", (S("0", "PER_UNIT", "0.1"), S("50", "PER_UNIT", "0.05")), "TIERED", "7.5"),
        ("100", (S("0", "PER_UNIT", "0.1"), S("50", "PER_UNIT", "0.05")), "VOLUME", "5"),
        ("100", (S("0", "PACKAGE", "1", size="30"),), "TIERED", "4"),
        ("100", (S("0", "PER_UNIT", "0.9"),), "TIERED", "90"),
        # No credit ends in the first slab and begins nothing; a limit of that slab does not hold either.
        ("0", (S("0", "FLAT", "10", low="5"),), "TIERED", "0"),
    ],
)
def test_credit_is_priced_by_its_amount(amount: str, slabs: tuple[S, ...], model: str, costs: str) -> None:
    assert price(*slabs, amount=amount, model=model) == Decimal(costs)


def test_a_charge_says_what_is_granted() -> None:
    charge = charge_grant(grant_card("100", S("0", "FLAT", "10"), name="Bonus", tag="extras", low="20"), "USD")
    assert (charge.billable_id, charge.display_name, charge.tag) == ("addon.bonus", "Bonus", "extras")
    assert (charge.quantity, charge.limits.minimum) == (100, 20)
    assert [(slab.price_type, slab.quantity, slab.rate) for slab in charge.slabs] == [(PriceType.FLAT, 100, 10)]


def test_a_card_grants_nothing_in_a_currency_that_it_does_not_have() -> None:
    with pytest.raises(BillingError, match="card 'Bonus' has no rate in EUR"):
        charge_grant(grant_card("100", S("0", "FLAT", "10"), name="Bonus"), "EUR")
    with pytest.raises(BillingError, match="card 'Bonus' has no rate in EUR"):
        UsagePrice(grant_card("100", S("0", "FLAT", "10"), name="Bonus"), "EUR")


@given(AMOUNTS, st.lists(RATES, min_size=1, max_size=3), st.sampled_from(["TIERED", "VOLUME"]))
def test_credit_costs_what_as_much_usage_would(amount: Decimal, rates: list[Decimal], model: str) -> None:
    slabs = [S(start, "PER_UNIT", str(rate)) for start, rate in zip(("0", "10.5", "300"), rates, strict=False)]
    granted = charge_grant(grant_card(str(amount), *slabs, model=model), "USD")
    used = charge_usage(usage_card(*slabs, model=model), "USD", amount)
    assert granted.slabs == used.slabs


@pytest.mark.parametrize(
    ("timing", "kind", "interval", "offset", "cycles"),
    [
        ("IN_ADVANCE", "RECURRING", 1, 0, [0, 1, 2, 3, 4, 5]),
        ("IN_ADVANCE", "RECURRING", 2, 1, [1, 3, 5]),
        ("IN_ADVANCE", "ONE_TIME", 1, 0, [0]),
        ("IN_ADVANCE", "ONE_TIME", 2, 1, [1]),
        ("IN_ARREARS", "RECURRING", 1, 0, [0, 1, 2, 3, 4, 5]),
        ("IN_ARREARS", "RECURRING", 2, 1, [2, 4]),
        ("IN_ARREARS", "ONE_TIME", 2, 1, [2]),
    ],
)
def test_credit_recurs_like_fees(timing: str, kind: str, interval: int, offset: int, cycles: list[int]) -> None:
    card = grant_card("1", S("0", "FLAT", "1"), timing=timing, kind=kind, interval=interval, offset=offset)
    assert [ordinal for ordinal in range(6) if is_charged(card, ordinal)] == cycles
