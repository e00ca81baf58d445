"""Frozen lines as flat rows, and back: how an invoice's lines are stored once it is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallystick.invoicing.line import USAGE_UNITS, InvoiceLineItem
from tallystick.invoicing.totals import money_of
from tallystick.kernel.money import from_minor
from tallystick.kernel.quantity import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from tallystick.invoicing.line import Explanation, LineType


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """One line: numbered from 1 in reading order, below its parent's number.

    `minor` is the amount in minor units of the currency in `units`; a usage line has none, its usage is the
    `quantity`.
    """

    number: int
    parent: int | None
    depth: int
    type: LineType
    entity_id: str | None
    description: str
    quantity: Decimal | None
    value_per_quantity: Decimal | None
    units: str
    minor: int | None
    explanation: Explanation | None


def rows_of(usage_info: Iterable[InvoiceLineItem], revenue_info: InvoiceLineItem) -> list[LineRow]:
    """All lines of an invoice as rows, usage first; `tree_of` turns them back.

    Raises:
        ValueError: when an amount is finer than the minor unit of its currency.
    """
    rows: list[LineRow] = []
    for line in (*usage_info, revenue_info):
        _append(rows, line, None, 0)
    return rows


def tree_of(rows: Sequence[LineRow]) -> tuple[tuple[InvoiceLineItem, ...], InvoiceLineItem]:
    """The usage lines and the revenue tree that rows, in the order of their numbers, were made from."""
    below: dict[int | None, list[InvoiceLineItem]] = {}
    for row in reversed(rows):
        children = below.pop(row.number, [])
        below.setdefault(row.parent, []).append(_line(row, tuple(reversed(children))))
    *usage_info, revenue_info = reversed(below[None])
    return tuple(usage_info), revenue_info


def _append(rows: list[LineRow], line: InvoiceLineItem, parent: int | None, depth: int) -> None:
    is_usage = line.units == USAGE_UNITS
    number = len(rows) + 1
    rows.append(
        LineRow(
            number=number,
            parent=parent,
            depth=depth,
            type=line.type,
            entity_id=line.id,
            description=line.description,
            quantity=line.value if is_usage else line.quantity,
            value_per_quantity=line.value_per_quantity,
            units=line.units,
            minor=None if is_usage else money_of(line).minor,
            explanation=line.explanation,
        )
    )
    for child in line.line_items:
        _append(rows, child, number, depth + 1)


def _line(row: LineRow, children: tuple[InvoiceLineItem, ...]) -> InvoiceLineItem:
    amount = None if row.minor is None else plain(from_minor(row.minor, row.units).amount)
    value = row.quantity if amount is None else amount
    assert value is not None, "a usage line's row carries its usage"
    return InvoiceLineItem(
        id=row.entity_id,
        description=row.description,
        type=row.type,
        quantity=None if amount is None else row.quantity,
        value_per_quantity=row.value_per_quantity,
        units=row.units,
        value=value,
        explanation=row.explanation,
        line_items=children,
    )
