"""The lines that a plan prices are all of the gross amount, whatever stands around them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tallystick.catalog.rate_card import InvoiceTiming
from tallystick.invoicing.assemble import advance_bill, arrears_bill
from tallystick.invoicing.line import InvoiceLineItem, LineType
from tallystick.invoicing.priced_lines import item_of, priced_lines
from tests.unit.credits.grants import open_credit
from tests.unit.invoicing.terms import terms
from tests.unit.rating.cards import S, fee_card, usage_card

if TYPE_CHECKING:
    from collections.abc import Iterable


def items(lines: Iterable[InvoiceLineItem]) -> dict[str, Decimal]:
    return {item_of(line): line.value for line in lines}


def test_each_card_fee_and_commitment_once_by_its_item_before_credits() -> None:
    """10 x 2 and 3 x 1 under a tag, a fee of 5: 28, so 12 are missing to 40; credits of 7 change nothing of it."""
    offered = terms(
        usage_card(S("0", "PER_UNIT", "2"), meter="um.a"),
        usage_card(S("0", "PER_UNIT", "1"), meter="um.b", tag="Storage"),
        fee_card("5", addon="addon.f"),
        fee_card("9", addon="addon.g", timing=InvoiceTiming.IN_ADVANCE),
        commitment="40",
    )
    used = {"um.a": Decimal(10), "um.b": Decimal(3)}
    bill = arrears_bill(offered, used, [open_credit("cred.1", "7")])
    found = items(priced_lines(bill.revenue_info))
    assert found == {"um.a": 20, "um.b": 3, "addon.f": 5, "MINIMUM_COMMITMENT": 12}
    assert sum(found.values()) == bill.gross.amount
    assert items(priced_lines(advance_bill(offered, ()).revenue_info)) == {"addon.g": 9}


def test_a_line_of_any_other_kind_counts_by_its_id_or_else_by_its_kind() -> None:
    def line(kind: LineType, value: int, *below: InvoiceLineItem, name: str | None = None) -> InvoiceLineItem:
        return InvoiceLineItem(
            id=name, description="", type=kind, units="USD", value=Decimal(value), line_items=tuple(below)
        )

    additions = line(
        LineType.TOTAL_PRICING_RULE_ADDITION_AMOUNT,
        -3,
        line(LineType.PRICING_RULE_ADDITION_AMOUNT, -3),
    )
    licences = line(
        LineType.LICENSE_RATE_CARD_AMOUNT, 50, line(LineType.LICENSE_RATE_CARD_SLAB_AMOUNT, 50), name="addon.l"
    )
    gross = line(LineType.GROSS_AMOUNT, 47, line(LineType.SUB_TOTAL_AMOUNT, 47, licences, additions))
    net = line(LineType.NET_AMOUNT, 40, gross, line(LineType.TOTAL_CREDITS, -7, line(LineType.SUB_CREDITS, -7)))
    total = line(LineType.TOTAL_AMOUNT, 50, net, line(LineType.TOTAL_MISCELLANEOUS_CHARGES, 10))
    assert items(priced_lines(total)) == {"addon.l": 50, "PRICING_RULE_ADDITION_AMOUNT": -3}
