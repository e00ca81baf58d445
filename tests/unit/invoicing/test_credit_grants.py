"""Credit grants on bills: their lines, what pays them, and what they grant (domain.md 4.7, 6.1, 7.4)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.invoicing.assemble import advance_bill, arrears_bill
from tallystick.invoicing.charge_explanation import adjustments_of, arithmetic_of, tiers_of
from tallystick.invoicing.credit_grant_lines import grant_lines
from tallystick.invoicing.line import LineType
from tallystick.invoicing.rows import rows_of, tree_of
from tallystick.kernel.money import Money
from tests.unit.credits.grants import open_credit
from tests.unit.invoicing.terms import first, terms, values
from tests.unit.rating.cards import S, fee_card, grant_card, usage_card

if TYPE_CHECKING:
    from tallystick.catalog.credit_grant import CreditGrantRateCard
    from tallystick.invoicing.line import InvoiceLineItem

FLAT = S("0", "FLAT", "10")
ARREARS, ADVANCE = LineType.CREDIT_GRANT_RATE_CARD_AMOUNT, LineType.ADVANCED_CREDIT_GRANT_RATE_CARD_AMOUNT


def line_of(card: CreditGrantRateCard) -> InvoiceLineItem:
    return first(advance_bill(terms(card), ()).revenue_info, ADVANCE)


def test_a_bill_in_advance_sells_the_credit_of_the_cycle_that_it_opens() -> None:
    of_cycle = terms(grant_card("100", FLAT, name="Bonus"), fee_card("50", timing="IN_ADVANCE"))
    bill = advance_bill(of_cycle, ())
    assert values(bill.revenue_info)[LineType.TOTAL_ADVANCED_FEES] == [60]
    (line,) = grant_lines(bill.revenue_info)
    assert (line.id, line.type, line.description) == ("addon.bonus", ADVANCE, "Bonus")
    assert (line.quantity, line.value, line.line_items) == (100, 10, ())
    assert [(grant.display_name, grant.amount) for grant in bill.grants] == [("Bonus", Money(Decimal(100), "USD"))]
    assert arrears_bill(of_cycle, {}, ()).grants == ()


def test_a_bill_in_arrears_sells_it_among_the_cards_of_the_plan() -> None:
    of_cycle = terms(grant_card("100", FLAT, timing="IN_ARREARS"), usage_card(S("0", "PER_UNIT", "1")), commitment="50")
    bill = arrears_bill(of_cycle, {"um.calls": Decimal(30)}, ())
    found = values(bill.revenue_info)
    assert (found[LineType.SUB_TOTAL_AMOUNT], found[ARREARS]) == ([40], [10])
    assert (found[LineType.TRUE_UP_AMOUNT], bill.total) == ([10], Money(Decimal(50), "USD"))
    assert len(bill.grants) == 1
    assert advance_bill(of_cycle, ()).grants == ()


def test_a_tag_gathers_it_with_other_cards() -> None:
    bill = advance_bill(terms(grant_card("100", FLAT, tag="x"), fee_card("5", timing="IN_ADVANCE", tag="x")), ())
    assert values(bill.revenue_info)[LineType.CUSTOM_TAG] == [15]


def test_credits_pay_everything_but_what_credit_costs() -> None:
    of_cycle = terms(grant_card("100", FLAT, timing="IN_ARREARS"), usage_card(S("0", "PER_UNIT", "1")))
    bill = arrears_bill(of_cycle, {"um.calls": Decimal(30)}, [open_credit("cred.1", "1000")])
    assert [burn.amount.amount for burn in bill.burns] == [30]
    assert bill.total == Money(Decimal(10), "USD")


@pytest.mark.parametrize(("price", "total"), [("10", "10"), ("-10", "0")])
def test_a_discount_is_not_taken_for_the_price_of_credit(price: str, total: str) -> None:
    # Usage 100 less 50 leaves 50 to pay by credits; a grant that itself pays 10 leaves 40.
    of_cycle = terms(
        grant_card("100", S("0", "FLAT", price), timing="IN_ARREARS"),
        usage_card(S("0", "PER_UNIT", "1")),
        fee_card("-50"),
    )
    bill = arrears_bill(of_cycle, {"um.calls": Decimal(100)}, [open_credit("cred.1", "1000")])
    assert bill.total == Money(Decimal(total), "USD")
    assert [burn.amount.amount for burn in bill.burns] == [50 if price == "10" else 40]


def test_slabs_are_rounded_one_by_one_and_kept_beside_the_line() -> None:
    # 50 x 0.0001 = 0.005 is half a cent, rounded up, in each of the two slabs.
    line = line_of(grant_card("100", S("0", "PER_UNIT", "0.0001"), S("50", "PER_UNIT", "0.0001")))
    assert line.value == Decimal("0.02")
    assert line.explanation is not None
    assert [slab.amount for slab in line.explanation.slabs or ()] == [Decimal("0.01"), Decimal("0.01")]
    assert arithmetic_of(line) == "0.01 + 0.01 = 0.02"
    assert [tier.arithmetic for tier in tiers_of(line)] == ["50 x 0.0001 = 0.005, rounded to 0.01"] * 2


@pytest.mark.parametrize(
    ("card", "value", "how"),
    [
        (grant_card("100", FLAT), "10", "flat rate: 1 x 10 = 10"),
        (grant_card("100", S("0", "FLAT", "0")), "0", "flat rate: 1 x 0 = 0"),
        (
            grant_card("100", S("0", "PACKAGE", "1", size="30")),
            "4",
            "100 units in packages of 30: 4 x 1 = 4",
        ),
        (
            grant_card("100", S("0", "PER_UNIT", "0.9", high="80")),
            "80",
            "100 x 0.9 = 90, lowered to the maximum 80",
        ),
        (grant_card("100", FLAT, low="25.555"), "25.56", "10 + 15.56 = 25.56"),
        (grant_card("100", FLAT, low="5", high="20"), "10", "flat rate: 1 x 10 = 10"),
    ],
)
def test_its_arithmetic_is_told(card: CreditGrantRateCard, value: str, how: str) -> None:
    line = line_of(card)
    assert (line.value, arithmetic_of(line)) == (Decimal(value), how)


def test_a_limit_of_the_card_is_told() -> None:
    (found,) = adjustments_of(line_of(grant_card("100", FLAT, low="25.555")))
    assert (found.description, found.minimum_rate, found.amount) == (
        "Minimum charge",
        Decimal("25.555"),
        Decimal("15.56"),
    )
    assert found.arithmetic == "minimum 25.555, rounded to 25.56, - 10 = 15.56"


def test_lines_come_back_as_they_were_stored() -> None:
    bill = advance_bill(terms(grant_card("100", S("0", "PACKAGE", "1", size="30"), low="20")), ())
    assert tree_of(rows_of((), bill.revenue_info)) == ((), bill.revenue_info)


CENTS = st.integers(1, 500)


@given(
    CENTS, st.integers(0, 100_000), st.integers(1, 4), st.integers(0, 3), st.sampled_from(["IN_ADVANCE", "IN_ARREARS"])
)
def test_what_is_granted_and_what_is_charged_go_together(
    cents: int, amount: int, interval: int, offset: int, timing: str
) -> None:
    # A price of whole cents for a unit of credit: the sum of all prices is that much times the sum of all credit.
    rate = Decimal(cents).scaleb(-2)
    card = grant_card(str(amount), S("0", "PER_UNIT", str(rate)), timing=timing, interval=interval, offset=offset)
    of_cycle, charged, granted = terms(card), Decimal(0), Decimal(0)
    for ordinal in range(12):
        for bill in (
            arrears_bill(replace(of_cycle, ordinal=ordinal), {}, ()),
            advance_bill(replace(of_cycle, ordinal=ordinal), ()),
        ):
            lines = list(grant_lines(bill.revenue_info))
            assert len(lines) == len(bill.grants)
            charged += sum(line.value for line in lines)
            granted += sum(grant.amount.amount for grant in bill.grants)
    assert charged == rate * granted
    first_cycle = offset if timing == "IN_ADVANCE" else offset + interval - 1
    assert granted == amount * len(range(first_cycle, 12, interval))
