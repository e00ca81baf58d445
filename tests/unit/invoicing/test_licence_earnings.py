"""When licences earn what they are billed for (domain.md 8.1); the month of domain.md 4.6."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.invoicing.assemble import arrears_bill
from tallystick.invoicing.licence_earnings import licence_earnings
from tests.unit.credits.grants import usd
from tests.unit.invoicing.terms import terms
from tests.unit.rating.cards import S, licence_card
from tests.unit.rating.held import GROWING, JUNE, seats

if TYPE_CHECKING:
    from tallystick.catalog.rate_card import LicenseRateCard
    from tallystick.rating.licence import Holding

END = datetime(2026, 7, 1, tzinfo=UTC)
THIRTY = S("0", "PER_UNIT", "30")


def earned(card: LicenseRateCard, held: Holding, until: datetime = END) -> list[tuple[int, Decimal]]:
    """(day of June, amount), without what is nothing."""
    agreed = terms(card, cycle=JUNE, licences={"addon.seats": held})
    return [(one.at.day, one.amount) for one in licence_earnings(agreed, until) if one.amount]


def test_in_arrears_each_change_earns_on_its_day() -> None:
    assert earned(licence_card(THIRTY), seats(*GROWING)) == [(1, 300), (11, 100), (21, -30)]
    assert earned(licence_card(THIRTY, prorated=False), seats(*GROWING)) == [(1, 300), (11, 150)]


@pytest.mark.parametrize(
    ("refund", "days"),
    [
        ("CREDITS", [(1, 300), (11, 100), (21, -30)]),
        ("PAYMENT", [(1, 300), (11, 100), (21, -30)]),
        ("NONE", [(1, 300), (11, 100)]),
        (None, [(1, 300), (11, 100)]),
    ],
)
def test_in_advance_what_is_not_given_back_stays_earned(refund: str | None, days: list[tuple[int, Decimal]]) -> None:
    assert earned(licence_card(THIRTY, timing="IN_ADVANCE", refund=refund), seats(*GROWING)) == days


@pytest.mark.parametrize("timing", ["IN_ADVANCE", "IN_ARREARS"])
def test_what_is_yet_to_come_has_earned_nothing(timing: str) -> None:
    held, now = seats(*GROWING), datetime(2026, 6, 11, 5, tzinfo=UTC)
    assert earned(licence_card(THIRTY, timing=timing), held, now) == [(1, 300), (11, 100)]


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9)), max_size=6), st.booleans())
def test_the_days_of_a_cycle_in_arrears_add_up_to_its_bill(
    changes: list[tuple[int, int]],
    prorated: bool,  # noqa: FBT001 - drawn
) -> None:
    card = licence_card(S("0", "PER_UNIT", "0.333"), S("4", "PACKAGE", "1.1", "3"), prorated=prorated, low="0.7")
    held = seats(*((f"2026-06-{day:02}", str(quantity)) for day, quantity in changes))
    bill = arrears_bill(terms(card, cycle=JUNE, licences={"addon.seats": held}), {}, ())
    assert usd(str(sum((amount for _, amount in earned(card, held)), Decimal(0)))) == bill.gross
