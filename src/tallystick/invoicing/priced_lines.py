"""The lines of a bill that a plan prices: each card, fee and commitment once; their sum is the gross amount."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.catalog.rate_card import COMMITMENT_ID
from tallystick.invoicing.line import LineType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallystick.invoicing.line import InvoiceLineItem

_SUMS: Final = frozenset(
    {
        LineType.GRAND_TOTAL_AMOUNT,
        LineType.TOTAL_AMOUNT,
        LineType.NET_AMOUNT,
        LineType.GROSS_AMOUNT,
        LineType.PRICE_PLAN_AMOUNT,
        LineType.SUB_TOTAL_AMOUNT,
        LineType.CUSTOM_TAG,
        LineType.TOTAL_PRICING_RULE_ADDITION_AMOUNT,
        LineType.TOTAL_ADVANCED_FEES,
        LineType.TOTAL_PURCHASE_AMOUNT,
    }
)
"""What only adds up the lines below it."""

_BEHIND_GROSS: Final = frozenset(
    {LineType.TOTAL_CREDITS, LineType.TOTAL_MISCELLANEOUS_CHARGES, LineType.TOTAL_TAX_AMOUNT}
)


def priced_lines(line: InvoiceLineItem) -> Iterator[InvoiceLineItem]:
    """The lines at or below a line of which the gross amount is the sum; any kind of card is one of them."""
    if line.type in _SUMS:
        for child in line.line_items:
            yield from priced_lines(child)
    elif line.type not in _BEHIND_GROSS:
        yield line


def item_of(line: InvoiceLineItem) -> str:
    """The billable item that a priced line is about; a minimum commitment is one too (domain.md 4.3)."""
    if line.id is not None:
        return line.id
    return COMMITMENT_ID if line.type is LineType.TRUE_UP_AMOUNT else line.type.value
