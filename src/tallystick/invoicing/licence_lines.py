"""The lines of licence cards: what every slab comes to over the days of a cycle (domain.md 4.6, 7.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tallystick.invoicing.card_lines import ADJUSTMENTS, slab_lines
from tallystick.invoicing.line import Explanation, InvoiceLineItem, LineType, PricedStretch
from tallystick.invoicing.totals import leaf, parent, rounded, shown
from tallystick.kernel.quantity import EXACT, ONE, plain, summed

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from tallystick.rating.charge import LicenceCharge, UsageCharge, WindowCharge


class _Part(NamedTuple):
    """A part of what a quantity costs in a whole cycle, with the units that it is for."""

    units: Decimal
    amount: Decimal


def licence_card_line(charge: LicenceCharge, kind: LineType, currency: str) -> InvoiceLineItem:
    """A licence card, with its usage cycles if it has any, and a line per slab."""
    if charge.has_usage_cycle:
        lines = [_window_line(window, currency) for window in charge.windows]
    else:
        lines = [line for window in charge.windows for line in _lines(window, currency)]
    return parent(kind, charge.display_name, lines, currency, entity_id=charge.billable_id, quantity=charge.quantity)


def _window_line(window: WindowCharge, currency: str) -> InvoiceLineItem:
    days = f"{window.first} to {window.last}"
    return parent(LineType.USAGE_CYCLE_AMOUNT, days, _lines(window, currency), currency, quantity=window.quantity)


def _lines(window: WindowCharge, currency: str) -> list[InvoiceLineItem]:
    """The slabs of a window; where it is charged in parts, each with the stretches of days that it is made of."""
    if window.whole is not None:
        return slab_lines(window.whole, LineType.LICENSE_RATE_CARD_SLAB_AMOUNT, currency)
    lines = [_slab_line(window, place, currency) for place in range(len(window.stretches[0].charge.slabs))]
    if window.stretches[0].charge.limits:
        lines.append(_adjustment_line(window, currency))
    return lines


def _slab_line(window: WindowCharge, place: int, currency: str) -> InvoiceLineItem:
    slab = window.stretches[0].charge.slabs[place]
    stretches, amount = _over_days(
        window, lambda charge: _Part(charge.slabs[place].quantity, charge.slabs[place].amount)
    )
    explanation = Explanation(
        price_type=slab.price_type,
        rate=plain(slab.rate),
        package_size=shown(slab.package_size),
        cycle_days=window.cycle_days,
        stretches=stretches,
    )
    kind = LineType.LICENSE_RATE_CARD_SLAB_AMOUNT
    return leaf(kind, f"Slab {slab.order}", rounded(amount, currency), explanation=explanation)


def _adjustment_line(window: WindowCharge, currency: str) -> InvoiceLineItem:
    """What the card's limits add or take: each day's charge keeps them by itself."""
    bounds = {stretch.charge.limits.apply(_total(stretch.charge))[1] for stretch in window.stretches}
    description = ADJUSTMENTS[bounds.pop()] if len(bounds) == 1 else "Minimum and maximum charge"
    stretches, amount = _over_days(window, _adjustment)
    explanation = Explanation(cycle_days=window.cycle_days, stretches=stretches)
    kind = LineType.RATE_CONFIG_ADJUSTMENT_AMOUNT
    return leaf(kind, description, rounded(amount, currency), explanation=explanation)


def _over_days(
    window: WindowCharge, part_of: Callable[[UsageCharge], _Part]
) -> tuple[tuple[PricedStretch, ...], Decimal]:
    """The stretches of a part of the charge, those that are taken back below zero, and what they exactly come to."""
    parts = [(stretch.days, part_of(stretch.charge)) for stretch in window.stretches]
    total = summed(EXACT.multiply(part.amount, days) for days, part in parts)
    stretches = (
        PricedStretch(
            quantity=plain(part.units),
            days=abs(days) if window.cycle_days else None,
            amount=plain(part.amount if days > 0 else EXACT.minus(part.amount)),
        )
        for days, part in parts
    )
    return tuple(stretches), EXACT.divide(total, window.cycle_days or ONE)


def _adjustment(charge: UsageCharge) -> _Part:
    total = _total(charge)
    return _Part(charge.quantity, EXACT.subtract(charge.limits.apply(total)[0], total))


def _total(charge: UsageCharge) -> Decimal:
    return summed(slab.amount for slab in charge.slabs)
