"""The lines of licences (domain.md 7.4) and how they are explained; figures of domain.md 4.6 or by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.credits.credit import EntityGroup
from tallystick.invoicing.assemble import arrears_bill, coverable_lines
from tallystick.invoicing.charge_explanation import adjustments_of, arithmetic_of, explainable, tiers_of
from tallystick.invoicing.line import LineType
from tallystick.invoicing.rows import rows_of, tree_of
from tests.unit.credits.grants import open_credit, usd
from tests.unit.invoicing.terms import first, terms, values, walk
from tests.unit.rating.cards import S, fee_card, licence_card
from tests.unit.rating.held import GROWING, JUNE, cycle, seats

if TYPE_CHECKING:
    from tallystick.catalog.rate_card import LicenseRateCard
    from tallystick.invoicing.assemble import Bill
    from tallystick.invoicing.line import InvoiceLineItem
    from tallystick.kernel.recurrence import Cycle
    from tallystick.rating.licence import Holding

SEATS = "addon.seats"
THIRTY = S("0", "PER_UNIT", "30")
CARD, SLAB, WINDOW = (
    LineType.LICENSE_RATE_CARD_AMOUNT,
    LineType.LICENSE_RATE_CARD_SLAB_AMOUNT,
    LineType.USAGE_CYCLE_AMOUNT,
)


def billed(card: LicenseRateCard, held: Holding, within: Cycle = JUNE) -> Bill:
    return arrears_bill(terms(card, cycle=within, licences={SEATS: held}), {}, ())


def card_line(card: LicenseRateCard, held: Holding, within: Cycle = JUNE) -> InvoiceLineItem:
    return first(billed(card, held, within).revenue_info, CARD)


def test_seat_days_of_a_month_come_to_370_and_say_how() -> None:
    line = card_line(licence_card(THIRTY, name="Seats"), seats(*GROWING))
    assert (line.id, line.description, line.value, line.quantity) == (SEATS, "Seats", 370, 15)
    (slab,) = line.line_items
    assert (slab.type, slab.value, slab.quantity, slab.explanation.cycle_days) == (SLAB, 370, None, 30)
    assert [(one.quantity, one.days, one.amount) for one in slab.explanation.stretches] == [
        (10, 10, 300),
        (15, 10, 450),
        (12, 10, 360),
    ]
    assert arithmetic_of(line) == "(300 x 10 + 450 x 10 + 360 x 10) / 30 days = 370"


def test_a_quantity_that_stays_is_a_slab_line_like_any_other() -> None:
    line = card_line(licence_card(THIRTY), seats(("2026-01-01", "10")))
    (slab,) = line.line_items
    assert (slab.value, slab.quantity, slab.value_per_quantity, slab.explanation) == (300, 10, 30, None)
    assert arithmetic_of(line) == "10 x 30 = 300"


def test_a_short_cycle_says_for_how_many_days() -> None:
    line = card_line(
        licence_card(THIRTY), seats(("2026-06-16", "10")), cycle("2026-06-01", "2026-07-01", joined="2026-06-16")
    )
    assert (line.value, arithmetic_of(line)) == (150, "300 x 15 / 30 days = 150")


def test_leaves_are_rounded_and_the_card_is_their_sum() -> None:
    # Ten at 1 on every day, and five more at 0.5 on 20 of 30 days: 10 + 1.666...
    card = licence_card(S("0", "PER_UNIT", "1"), S("10", "PER_UNIT", "0.5"))
    line = card_line(card, seats(("2026-06-01", "10"), ("2026-06-11", "5")))
    assert [slab.value for slab in line.line_items] == [Decimal(10), Decimal("1.67")]
    assert line.value == Decimal("11.67")
    assert tiers_of(line)[1].arithmetic == "(0 x 10 + 2.5 x 20) / 30 days = 1.666666..., rounded to 1.67"


def test_each_usage_cycle_has_its_own_slabs() -> None:
    card = licence_card(S("0", "PER_UNIT", "1"), windows="WEEKLY", prorated=False)
    february = cycle("2026-02-01", "2026-03-01")
    line = card_line(card, seats(("2026-01-01", "1"), ("2026-02-10", "2")), february)
    assert [(window.description, window.quantity, window.value) for window in line.line_items] == [
        ("2026-02-01 to 2026-02-07", 1, 1),
        ("2026-02-08 to 2026-02-14", 3, 3),
        ("2026-02-15 to 2026-02-21", 3, 3),
        ("2026-02-22 to 2026-02-28", 3, 3),
    ]
    assert {window.type for window in line.line_items} == {WINDOW}
    assert (line.value, arithmetic_of(line)) == (10, "1 + 3 + 3 + 3 = 10")
    assert tiers_of(line)[1].description == "2026-02-08 to 2026-02-14: Slab 1"


class TestLimits:
    def test_a_minimum_holds_also_for_an_account_without_licences(self) -> None:
        line = card_line(licence_card(THIRTY, low="100"), seats())
        assert [(one.type, one.value) for one in line.line_items] == [
            (SLAB, 0),
            (LineType.RATE_CONFIG_ADJUSTMENT_AMOUNT, 100),
        ]

    def test_each_day_keeps_them_by_itself(self) -> None:
        # 2 seats are 60, raised to 100, for 15 days; 5 are 150: (100 + 150) / 2 = 125, of which 20 is the minimum's.
        line = card_line(licence_card(THIRTY, low="100"), seats(("2026-06-01", "2"), ("2026-06-16", "3")))
        slab, adjustment = line.line_items
        assert (slab.value, adjustment.value, line.value) == (105, 20, 125)
        (told,) = adjustments_of(line)
        assert told.description == "Minimum and maximum charge"
        assert told.arithmetic == "(40 x 15 + 0 x 15) / 30 days = 20"

    def test_the_same_limit_on_every_day_is_named(self) -> None:
        line = card_line(licence_card(THIRTY, high="20"), seats(("2026-06-01", "2"), ("2026-06-16", "3")))
        assert (line.line_items[-1].description, line.value) == ("Maximum charge", 20)


def test_licences_stand_in_the_sub_total_and_are_topped_up_to_the_commitment() -> None:
    agreed = terms(
        licence_card(THIRTY), fee_card("50"), commitment="500", cycle=JUNE, licences={SEATS: seats(*GROWING)}
    )
    found = values(arrears_bill(agreed, {}, ()).revenue_info)
    assert (found[LineType.SUB_TOTAL_AMOUNT], found[LineType.TRUE_UP_AMOUNT]) == ([420], [80])


@pytest.mark.parametrize(
    ("entities", "burned"),
    [([], 100), ([EntityGroup.ALL_LICENSE_RATE_CARDS.value], 100), ([SEATS], 100), (["ALL_FIXED_FEE_RATE_CARDS"], 0)],
)
def test_credits_pay_licences(entities: list[str], burned: int) -> None:
    credit = open_credit("cred.1", "100", applies=entities)
    agreed = terms(licence_card(THIRTY), cycle=JUNE, licences={SEATS: seats(*GROWING)})
    bill = arrears_bill(agreed, {}, [credit])
    assert bill.total == usd(str(370 - burned))


def test_what_credits_may_pay_is_the_whole_card() -> None:
    bill = billed(licence_card(THIRTY, windows="WEEKLY"), seats(*GROWING))
    (line,) = coverable_lines(bill.revenue_info)
    assert (line.billable_id, line.group) == (SEATS, EntityGroup.ALL_LICENSE_RATE_CARDS)


def test_lines_of_one_tag_stand_together() -> None:
    agreed = terms(fee_card("50", tag="base"), licence_card(THIRTY, tag="base"), cycle=JUNE)
    (tagged,) = [line for line in walk(arrears_bill(agreed, {}, ()).revenue_info) if line.type is LineType.CUSTOM_TAG]
    assert [line.type for line in tagged.line_items] == [LineType.FIXED_FEE_RATE_CARD_AMOUNT, CARD]


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9)), max_size=6),
    st.sampled_from([None, "WEEKLY", "MONTHLY"]),
    st.booleans(),
)
def test_every_parent_is_the_sum_of_its_children_and_frozen_rows_tell_the_same(
    changes: list[tuple[int, int]],
    windows: str | None,
    prorated: bool,  # noqa: FBT001 - drawn
) -> None:
    card = licence_card(
        S("0", "PER_UNIT", "0.333"), S("4", "PACKAGE", "1.1", "3"), windows=windows, prorated=prorated, low="0.7"
    )
    held = seats(*((f"2026-06-{day:02}", str(quantity)) for day, quantity in changes))
    bill = billed(card, held)
    for line in walk(bill.revenue_info):
        if line.line_items:
            assert line.value == sum(child.value for child in line.line_items)
    assert tree_of(rows_of(bill.usage_info, bill.revenue_info)) == (bill.usage_info, bill.revenue_info)
    assert [line.id for line in explainable(bill.revenue_info)] == [SEATS]
    assert arithmetic_of(first(bill.revenue_info, CARD))
