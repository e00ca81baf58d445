"""The flat rows of frozen lines: numbers, parents, depths, amounts in minor units."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tallystick.invoicing.assemble import arrears_bill
from tallystick.invoicing.line import Explanation, LineType
from tallystick.invoicing.rows import rows_of, tree_of
from tallystick.kernel.document import encode
from tests.unit.credits.grants import open_credit
from tests.unit.invoicing.terms import terms
from tests.unit.rating.cards import S, usage_card

CARD = usage_card(S("0", "PER_UNIT", "2"), S("100", "FLAT", "10.5"), name="API calls")


def test_rows_are_numbered_in_reading_order_below_their_parents() -> None:
    bill = arrears_bill(terms(CARD), {"um.calls": Decimal("150.25")}, [open_credit("cred.1", "80.01")])
    rows = rows_of(bill.usage_info, bill.revenue_info)
    assert [(row.number, row.parent, row.depth, row.type.value, row.minor) for row in rows] == [
        (1, None, 0, "USAGE_METER_USAGE", None),
        (2, None, 0, "GRAND_TOTAL_AMOUNT", 13049),
        (3, 2, 1, "TOTAL_AMOUNT", 13049),
        (4, 3, 2, "NET_AMOUNT", 13049),
        (5, 4, 3, "GROSS_AMOUNT", 21050),
        (6, 5, 4, "PRICE_PLAN_AMOUNT", 21050),
        (7, 6, 5, "SUB_TOTAL_AMOUNT", 21050),
        (8, 7, 6, "USAGE_RATE_CARD_AMOUNT", 21050),
        (9, 8, 7, "USAGE_RATE_CARD_SLAB_AMOUNT", 20000),
        (10, 8, 7, "USAGE_RATE_CARD_SLAB_AMOUNT", 1050),
        (11, 4, 3, "TOTAL_CREDITS", -8001),
        (12, 11, 4, "SUB_CREDITS", -8001),
    ]
    assert (rows[0].quantity, rows[0].units) == (Decimal("150.25"), "USAGE_UNITS")
    assert (rows[7].entity_id, rows[7].quantity) == ("um.calls", Decimal("150.25"))
    assert (rows[8].value_per_quantity, rows[8].explanation) == (2, None)
    assert rows[9].explanation == Explanation(price_type="FLAT", rate=Decimal("10.5"))
    assert rows[11].entity_id == "cred.1"


def test_the_tree_comes_back_word_for_word() -> None:
    bill = arrears_bill(terms(CARD), {"um.calls": Decimal("150.25")}, [open_credit("cred.1", "80.01")])
    usage_info, revenue_info = tree_of(rows_of(bill.usage_info, bill.revenue_info))
    assert encode(usage_info) == encode(bill.usage_info)
    assert encode(revenue_info) == encode(bill.revenue_info)


def test_an_amount_finer_than_the_minor_unit_never_becomes_a_row() -> None:
    line = arrears_bill(terms(), {}, []).revenue_info
    fine = type(line)(description="x", type=LineType.CUSTOM_AMOUNT, units="USD", value=Decimal("0.001"))
    with pytest.raises(ValueError, match="finer than the minor unit"):
        rows_of((), fine)
