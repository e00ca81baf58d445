"""Usage cards: slabs, pricing models and price types (domain.md 4.4)."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from tallystick.catalog.rate_card import PriceType
from tallystick.kernel.quantity import EXACT, ONE, ZERO, from_text
from tallystick.rating.charge import SlabCharge, UsageCharge, in_currency, shown_name
from tallystick.rating.limits import Limits
from tallystick.rating.slabs import spread

if TYPE_CHECKING:
    from decimal import Decimal

    from tallystick.catalog.rate_card import Slab, SlabRate, UsageRateCard


def charge_usage(card: UsageRateCard, currency: str, quantity: Decimal) -> UsageCharge:
    """What a meter's usage of one cycle costs, in units of the meter and major units of the currency.

    Raises:
        BillingError: of kind BROKEN, when the card has no rate in the currency.
    """
    name = shown_name(card, card.usage_meter_id)
    value = in_currency(card.rate_values, currency, name)
    slabs = sorted(card.rate_plan.slabs, key=attrgetter("order"))
    rates = {rate.order: rate for rate in value.slab_rates}
    shares = spread(quantity, [slab.start_after for slab in slabs], card.rate_plan.pricing_model)
    return UsageCharge(
        billable_id=card.usage_meter_id,
        display_name=name,
        tag=card.tag,
        quantity=quantity,
        slabs=tuple(_charge_slab(slab, rates[slab.order], units) for slab, units in zip(slabs, shares, strict=True)),
        limits=Limits.of(value.rate_config),
    )


def _charge_slab(slab: Slab, rate: SlabRate, units: Decimal) -> SlabCharge:
    """One slab's charge; its limits bind only when it holds units, of either sign."""
    size = _package_size(slab)
    packages = None if size is None else _packages_begun(units, size)
    amount, bound = _price(slab.price_type, rate.rate, units, packages), None
    if units:
        amount, bound = Limits.of(rate.slab_rate_config).apply(amount)
    return SlabCharge(
        order=slab.order,
        price_type=slab.price_type,
        quantity=units,
        rate=rate.rate,
        package_size=size,
        packages=packages,
        bound=bound,
        amount=amount,
    )


def _price(price_type: PriceType, rate: Decimal, units: Decimal, packages: Decimal | None) -> Decimal:
    """The rate for the slab, per unit, or per package begun; negative units are priced per unit only."""
    if price_type is PriceType.FLAT:
        return rate if units > 0 else ZERO
    return EXACT.multiply(rate, units if packages is None else packages)


def _package_size(slab: Slab) -> Decimal | None:
    config = slab.slab_config
    return from_text(config.package_size) if config and config.package_size else None


def _packages_begun(units: Decimal, size: Decimal) -> Decimal:
    if units <= 0:
        return ZERO
    whole, rest = EXACT.divmod(units, size)
    return EXACT.add(whole, ONE) if rest else whole
