"""The only place that rounds, and what is computed from rounded amounts (domain.md 1.9).

Charge leaves (slabs, fees) are rounded first. Limits and commitments are rounded too, and adjustments and
true-ups follow from rounded amounts. Every parent is the sum of its children.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tallystick.invoicing.line import InvoiceLineItem
from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.kernel.money import LARGEST_MINOR, Money, from_minor, round_half_up, zero
from tallystick.kernel.quantity import EXACT, ZERO, plain, spelled
from tallystick.rating.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from tallystick.invoicing.line import Explanation, LineType
    from tallystick.rating.limits import Bound


def rounded(amount: Decimal, currency: str) -> Money:
    """An exact amount in the currency's minor unit, halves away from zero.

    Raises:
        BillingError: of kind UNPROCESSABLE, when the amount is more than the ledger holds.
    """
    money = round_half_up(Money(amount, currency))
    most = _most(currency)
    if money.amount.copy_abs() > most.amount:
        reason = f"a line comes to {spelled(amount)} {currency}, the most that can be billed is {most}"
        raise BillingError(Kind.UNPROCESSABLE, "amount_too_large", Problem("", reason))
    return money


def adjustment(limits: Limits, total: Money) -> tuple[Money, Bound | None]:
    """What brings a card's total to its rounded limits, and the limit that asks for it (domain.md 4.4)."""
    currency = total.currency
    least = None if limits.minimum is None else rounded(limits.minimum, currency).amount
    most = None if limits.maximum is None else rounded(limits.maximum, currency).amount
    amount, bound = Limits(least, most).apply(total.amount)
    return Money(amount, currency) - total, bound


def true_up(commitment: Decimal, sub_total: Money) -> Money:
    """What is missing to the minimum commitment, never less than nothing (domain.md 4.7)."""
    nothing = zero(sub_total.currency)
    return max(rounded(commitment, sub_total.currency) - sub_total, nothing)


def leaf(
    kind: LineType,
    description: str,
    amount: Money,
    *,
    entity_id: str | None = None,
    quantity: Decimal | None = None,
    value_per_quantity: Decimal | None = None,
    explanation: Explanation | None = None,
) -> InvoiceLineItem:
    """A line with an amount of its own, rounded already."""
    return InvoiceLineItem(
        id=entity_id,
        description=description,
        type=kind,
        quantity=shown(quantity),
        value_per_quantity=shown(value_per_quantity),
        units=amount.currency,
        value=plain(amount.amount),
        explanation=explanation,
    )


def parent(
    kind: LineType,
    description: str,
    lines: Sequence[InvoiceLineItem],
    currency: str,
    *,
    entity_id: str | None = None,
    quantity: Decimal | None = None,
) -> InvoiceLineItem:
    """A line that comes to the sum of others; without any, to nothing."""
    return InvoiceLineItem(
        id=entity_id,
        description=description,
        type=kind,
        quantity=shown(quantity),
        units=currency,
        value=plain(sum_of(lines, currency).amount),
        line_items=tuple(lines),
    )


def money_of(line: InvoiceLineItem) -> Money:
    """The value of a line in its currency."""
    return Money(line.value, line.units)


def sum_of(lines: Iterable[InvoiceLineItem], currency: str) -> Money:
    """What lines come to together.

    Raises:
        ValueError: when a line is in another currency.
    """
    total = ZERO
    for line in lines:
        if line.units != currency:
            raise ValueError(f"cannot add a line in {line.units} to a sum in {currency}")
        total = EXACT.add(total, line.value)
    return Money(total, currency)


def shown(figure: Decimal | None) -> Decimal | None:
    """A figure of a line in its shortest exact form, if there is one."""
    return None if figure is None else plain(figure)


@cache
def _most(currency: str) -> Money:
    return from_minor(LARGEST_MINOR, currency)
