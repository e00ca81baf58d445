"""The lines of single cards: charges rounded leaf by leaf, with what explains them (domain.md 7.4, 9.0)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tallystick.catalog.rate_card import PriceType
from tallystick.invoicing.line import USAGE_UNITS, Explanation, InvoiceLineItem, LineType, PricedEvents
from tallystick.invoicing.totals import adjustment, leaf, parent, rounded, shown, sum_of
from tallystick.kernel.quantity import plain
from tallystick.rating.limits import Bound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.rating.charge import EventsCharge, FeeCharge, FixedCharge, SlabCharge, UsageCharge
    from tallystick.rating.limits import Limits

FIXED_AMOUNTS: Final = "Fixed amount per event"
ADJUSTMENTS: Final = {
    Bound.MINIMUM: "Minimum charge",
    Bound.MAXIMUM: "Maximum charge",
    None: "No adjustment",
}


def usage_line(charge: UsageCharge) -> InvoiceLineItem:
    """The usage of a meter, as `usageInfo` shows it."""
    return InvoiceLineItem(
        id=charge.billable_id,
        description=charge.display_name,
        type=LineType.USAGE_METER_USAGE,
        units=USAGE_UNITS,
        value=plain(charge.quantity),
    )


def usage_card_line(charge: UsageCharge, currency: str) -> InvoiceLineItem:
    """A usage card with a line per slab."""
    return parent(
        LineType.USAGE_RATE_CARD_AMOUNT,
        charge.display_name,
        slab_lines(charge, LineType.USAGE_RATE_CARD_SLAB_AMOUNT, currency),
        currency,
        entity_id=charge.billable_id,
        quantity=charge.quantity,
    )


def overage_card_line(charge: UsageCharge, currency: str) -> InvoiceLineItem:
    """A card for overage of a feature with a line per slab."""
    return parent(
        LineType.ENTITLEMENT_OVERAGE_RATE_CARD_AMOUNT,
        charge.display_name,
        slab_lines(charge, LineType.ENTITLEMENT_OVERAGE_RATE_CARD_SLAB_AMOUNT, currency),
        currency,
        entity_id=charge.billable_id,
        quantity=charge.quantity,
    )


def slab_lines(charge: UsageCharge, kind: LineType, currency: str) -> list[InvoiceLineItem]:
    """One line of that type per slab, used or not; one for fixed amounts and one for limits if the card has any."""
    lines = [_slab_line(slab, kind, currency) for slab in charge.slabs]
    if charge.fixed is not None:
        lines.append(_fixed_line(charge.fixed, kind, currency))
    if charge.limits:
        lines.append(_adjustment_line(charge.limits, lines, currency))
    return lines


def fee_line(charge: FeeCharge, kind: LineType, currency: str) -> InvoiceLineItem:
    """A fixed fee; a prorated one names its full rate and its days."""
    explanation = (
        Explanation(rate=plain(charge.rate), days=charge.days, cycle_days=charge.cycle_days)
        if charge.is_prorated
        else None
    )
    return leaf(
        kind,
        charge.display_name,
        rounded(charge.amount, currency),
        entity_id=charge.billable_id,
        explanation=explanation,
    )


def by_tag(tagged: Sequence[tuple[str | None, InvoiceLineItem]], currency: str) -> list[InvoiceLineItem]:
    """Card lines with those of one tag gathered under a CUSTOM_TAG line, where the first of them stood."""
    members: dict[str, list[InvoiceLineItem]] = {}
    for tag, line in tagged:
        if tag:
            members.setdefault(tag, []).append(line)
    lines = []
    for tag, line in tagged:
        if not tag:
            lines.append(line)
        elif tag in members:
            lines.append(parent(LineType.CUSTOM_TAG, tag, members.pop(tag), currency))
    return lines


def _slab_line(slab: SlabCharge, kind: LineType, currency: str) -> InvoiceLineItem:
    return leaf(
        kind,
        f"Slab {slab.order}",
        rounded(slab.amount, currency),
        quantity=slab.quantity,
        value_per_quantity=slab.rate if slab.price_type is PriceType.PER_UNIT else None,
        explanation=_slab_explanation(slab),
    )


def _fixed_line(fixed: FixedCharge, kind: LineType, currency: str) -> InvoiceLineItem:
    """What events cost beside the slabs; the wire has no other type for a part of a card."""
    return leaf(
        kind,
        FIXED_AMOUNTS,
        rounded(fixed.amount, currency),
        quantity=Decimal(fixed.events - fixed.free),
        value_per_quantity=fixed.rate,
        explanation=Explanation(fixed_amount=plain(fixed.rate), free_events=fixed.free or None),
    )


def _slab_explanation(slab: SlabCharge) -> Explanation | None:
    if slab.price_type is PriceType.PER_UNIT and slab.bound is None:
        return None
    return Explanation(
        price_type=slab.price_type,
        rate=plain(slab.rate),
        package_size=shown(slab.package_size),
        packages=shown(slab.packages),
        minimum_rate=plain(slab.amount) if slab.bound is Bound.MINIMUM else None,
        maximum_rate=plain(slab.amount) if slab.bound is Bound.MAXIMUM else None,
        fixed_amount=shown(slab.fixed) or None,
        events=tuple(map(_priced_events, slab.events)) if slab.fixed is not None else None,
    )


def _priced_events(charge: EventsCharge) -> PricedEvents:
    return PricedEvents(
        fee=charge.fee, events=charge.events, quantity=plain(charge.quantity), amount=plain(charge.amount)
    )


def _adjustment_line(limits: Limits, lines: Sequence[InvoiceLineItem], currency: str) -> InvoiceLineItem:
    amount, bound = adjustment(limits, sum_of(lines, currency))
    explanation = None
    if bound is Bound.MINIMUM:
        explanation = Explanation(minimum_rate=shown(limits.minimum))
    elif bound is Bound.MAXIMUM:
        explanation = Explanation(maximum_rate=shown(limits.maximum))
    return leaf(LineType.RATE_CONFIG_ADJUSTMENT_AMOUNT, ADJUSTMENTS[bound], amount, explanation=explanation)
