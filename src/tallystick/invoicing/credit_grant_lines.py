"""Which lines of a bill are the price of credit that it grants (domain.md 4.7, 6.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.invoicing.line import LineType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallystick.invoicing.line import InvoiceLineItem


def grant_lines(line: InvoiceLineItem) -> Iterator[InvoiceLineItem]:
    """The lines of credit that is granted, at or below a line; other credits never pay them (domain.md 6.1)."""
    if line.type in (LineType.CREDIT_GRANT_RATE_CARD_AMOUNT, LineType.ADVANCED_CREDIT_GRANT_RATE_CARD_AMOUNT):
        yield line
    else:
        for child in line.line_items:
            yield from grant_lines(child)
