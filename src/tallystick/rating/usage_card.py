"""Cards with slabs: pricing models and price types (domain.md 4.4), for usage, licences, credit and units granted."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING

from tallystick.catalog.credit_grant import CreditGrantRateCard
from tallystick.catalog.rate_card import PriceType, PricingModel, shown_name
from tallystick.kernel.quantity import EXACT, ONE, ZERO, from_text
from tallystick.rating.charge import SlabCharge, UsageCharge, in_currency
from tallystick.rating.event_fee import percentage
from tallystick.rating.event_price import EventPrice
from tallystick.rating.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from typing import TypeAlias

    from tallystick.catalog.entitlement import BillingEntitlementRateCard, EntitlementOverageRateCard
    from tallystick.catalog.price_plan import PricePlanDetails
    from tallystick.catalog.rate_card import LicenseRateCard, RatePlan, RateValue, Slab, SlabRate, UsageRateCard
    from tallystick.metering.event_groups import EventCuts, EventGroup

    CardWithSlabs: TypeAlias = (
        UsageRateCard | LicenseRateCard | CreditGrantRateCard | BillingEntitlementRateCard | EntitlementOverageRateCard
    )


class UsagePrice:
    """A card with slabs in one currency, ready to price any number of quantities.

    A slab holds `(start, next start]`: the lower bound exclusive, the upper inclusive, the last one open. So a quantity
    ends in one slab; those above hold nothing, and those below all they can (TIERED) or nothing either (VOLUME). Only
    the slab in which it ends has to be priced; the others were beforehand.
    """

    __slots__ = (
        "_above",
        "_below",
        "_billable_id",
        "_events",
        "_limits",
        "_model",
        "_name",
        "_slabs",
        "_starts",
        "_tag",
    )

    def __init__(self, card: CardWithSlabs, currency: str) -> None:
        """Take a card of a plan, whose first slab starts at zero.

        Raises:
            BillingError: of kind BROKEN, when the card has no rate in the currency.
        """
        self._billable_id = card.billable_id
        self._name = shown_name(card)
        self._tag = card.tag
        plan, value = _prices_in(card, currency, self._name)
        rates = {rate.order: rate for rate in value.slab_rates}
        slabs = sorted(plan.slabs, key=attrgetter("order"))
        self._model = plan.pricing_model
        self._starts = [slab.start_after for slab in slabs]
        self._slabs = [_SlabPrice(slab, rates[slab.order]) for slab in slabs]
        self._limits = Limits.of(value.rate_config)
        self._events = EventPrice.of(card.billable_id, value)
        unused = [slab.charge(ZERO) for slab in self._slabs]
        widths = [EXACT.subtract(end, start) for start, end in pairwise(self._starts)]
        full = [slab.charge(width) for slab, width in zip(self._slabs, widths, strict=False)]
        below = full if self._model is PricingModel.TIERED else unused
        self._below = [tuple(below[:place]) for place in range(len(slabs))]
        self._above = [tuple(unused[place + 1 :]) for place in range(len(slabs))]

    @property
    def billable_id(self) -> str:
        """The meter, add-on or feature that is priced."""
        return self._billable_id

    @property
    def name(self) -> str:
        """What the card is called on an invoice."""
        return self._name

    @property
    def cuts(self) -> EventCuts | None:
        """How the events have to be told apart, where the price depends on more than what they come to together."""
        return None if self._events is None else self._events.cuts

    def charge(self, quantity: Decimal, groups: Sequence[EventGroup] | None = None) -> UsageCharge:
        """What a quantity costs in one cycle, in units of the item and major units of the currency.

        A negative quantity, such as refunds leave, falls into the first slab whole. A card that has `cuts` needs the
        groups of the cycle's events, which decide its quantity too.

        Raises:
            BillingError: of kind BROKEN, when such a card is charged without them.
        """
        if self._events is None:
            return self._of(quantity)
        charge = self._of(self._events.quantity(groups, self._name))
        return self._events.charged(charge, groups or ())

    def _of(self, quantity: Decimal) -> UsageCharge:
        """What a quantity costs by its slabs alone."""
        place = max(bisect_left(self._starts, quantity) - 1, 0)
        units = quantity
        if place and self._model is PricingModel.TIERED:
            units = EXACT.subtract(quantity, self._starts[place])
        return UsageCharge(
            billable_id=self._billable_id,
            display_name=self._name,
            tag=self._tag,
            quantity=quantity,
            slabs=(*self._below[place], self._slabs[place].charge(units), *self._above[place]),
            limits=self._limits,
        )


class _SlabPrice:
    """How one slab prices its units."""

    __slots__ = ("_limits", "_order", "_package_size", "_price_type", "_rate")

    def __init__(self, slab: Slab, rate: SlabRate) -> None:
        self._order = slab.order
        self._price_type = slab.price_type
        self._rate = rate.rate
        config = slab.slab_config
        self._package_size = from_text(config.package_size) if config and config.package_size else None
        self._limits = Limits.of(rate.slab_rate_config)

    def charge(self, units: Decimal) -> SlabCharge:
        """The charge for units; the slab's limits bind only when there are some, of either sign.

        Negative ones are priced per unit and by percentage only.
        """
        packages, bound = None, None
        if self._price_type is PriceType.PER_UNIT:
            amount = EXACT.multiply(self._rate, units)
        elif self._price_type is PriceType.PERCENTAGE:
            amount = percentage(self._rate, units)
        elif self._package_size is not None:
            packages = _packages_begun(units, self._package_size)
            amount = EXACT.multiply(self._rate, packages)
        else:
            amount = self._rate if units > 0 else ZERO
        if units and self._limits:
            amount, bound = self._limits.apply(amount)
        return SlabCharge(
            order=self._order,
            price_type=self._price_type,
            quantity=units,
            rate=self._rate,
            package_size=self._package_size,
            packages=packages,
            bound=bound,
            amount=amount,
        )


class UsagePrices:
    """The usage cards of plans, made ready once for each currency: thousands of accounts share a plan's terms."""

    def __init__(self) -> None:
        self._ready: dict[tuple[int, str], tuple[PricePlanDetails, tuple[UsagePrice, ...]]] = {}

    def of(self, details: PricePlanDetails, currency: str) -> tuple[UsagePrice, ...]:
        """The usage cards of these terms, in their order.

        Raises:
            BillingError: as `UsagePrice`.
        """
        key = id(details), currency  # the terms are kept, so that no others come to have their id
        if key not in self._ready:
            self._ready[key] = details, tuple(UsagePrice(card, currency) for card in details.usage_rate_cards)
        return self._ready[key][1]


def _prices_in(card: CardWithSlabs, currency: str, name: str) -> tuple[RatePlan, RateValue]:
    """The slabs of a card, and their rates in a currency."""
    if isinstance(card, CreditGrantRateCard):
        granted = in_currency(card.rate_details.currency_slab_rate_details, currency, name)
        return card.rate_plan(granted), granted.rate_value
    return card.rate_plan, in_currency(card.rate_values, currency, name)


def _packages_begun(units: Decimal, size: Decimal) -> Decimal:
    if units <= 0:
        return ZERO
    whole, rest = EXACT.divmod(units, size)
    return EXACT.add(whole, ONE) if rest else whole
