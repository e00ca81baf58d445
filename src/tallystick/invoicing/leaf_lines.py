"""Cards whose line is a leaf, which keeps what its slabs come to in its metadata (domain.md 4.7, 7.4).

The wire knows no lines for the slabs of credit that is granted, and of units of a feature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.invoicing.line import Explanation, InvoiceLineItem, LineType, PricedSlab
from tallystick.invoicing.totals import adjustment, leaf, rounded, shown
from tallystick.kernel.money import Money, zero
from tallystick.kernel.quantity import plain
from tallystick.rating.limits import Bound

if TYPE_CHECKING:
    from tallystick.rating.charge import SlabCharge, UsageCharge


def slab_leaf(charge: UsageCharge, kind: LineType, currency: str) -> InvoiceLineItem:
    """What a card asks for what it grants, which is the line's quantity; slabs are rounded one by one, as elsewhere."""
    slabs = tuple(_slab(slab, currency) for slab in charge.slabs)
    total = sum((Money(slab.amount, currency) for slab in slabs), start=zero(currency))
    adjusted, bound = adjustment(charge.limits, total)
    return leaf(
        kind,
        charge.display_name,
        total + adjusted,
        entity_id=charge.billable_id,
        quantity=charge.quantity,
        explanation=Explanation(
            slabs=slabs,
            minimum_rate=shown(charge.limits.minimum) if bound is Bound.MINIMUM else None,
            maximum_rate=shown(charge.limits.maximum) if bound is Bound.MAXIMUM else None,
        ),
    )


def _slab(slab: SlabCharge, currency: str) -> PricedSlab:
    amount = plain(rounded(slab.amount, currency).amount)
    return PricedSlab(
        order=slab.order,
        price_type=slab.price_type,
        quantity=plain(slab.quantity),
        rate=plain(slab.rate),
        package_size=shown(slab.package_size),
        packages=shown(slab.packages),
        minimum_rate=plain(slab.amount) if slab.bound is Bound.MINIMUM else None,
        maximum_rate=plain(slab.amount) if slab.bound is Bound.MAXIMUM else None,
        amount=amount,
    )
