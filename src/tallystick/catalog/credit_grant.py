"""Credit grant cards: credit that a plan gives, when it ends, and what it costs (domain.md 4.3, 4.7)."""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from tallystick.catalog.fields import CurrencyCode, Id, Name255, Text50, Text255
from tallystick.catalog.rate_card import (
    MOST_CURRENCIES,
    FeeType,
    InvoiceTiming,
    PriceType,
    PricingModel,
    RateLimits,
    RatePlan,
    RateValue,
    RecurrenceConfig,
    Slab,
    SlabConfig,
    SlabRate,
)
from tallystick.kernel.day_span import DaySpan
from tallystick.kernel.document import Draft

if TYPE_CHECKING:
    from datetime import date


class ExpiryType(enum.StrEnum):
    """When granted credit ends: with the pricing cycle in which it is granted, never, or some time after the grant."""

    PRICING_CYCLE = "PRICING_CYCLE"
    NO_EXPIRY = "NO_EXPIRY"
    CUSTOM = "CUSTOM"


class GrantDetails(Draft, frozen=True, kw_only=True):
    """What the credit is good for, and for how long; `expiryDuration` belongs to CUSTOM."""

    priority: Annotated[int, Meta(ge=0, le=100)]
    expiry_type: ExpiryType
    expiry_duration: Text50 | None = None
    applicable_entity_ids: Annotated[list[Name255], Meta(max_length=100)] = []

    def ends_on(self, granted_on: date, cycle_ends_on: date) -> date | None:
        """The day on which credit that is granted on a day has ended; `cycle_ends_on` is when that day's cycle has."""
        if self.expiry_type is ExpiryType.PRICING_CYCLE:
            return cycle_ends_on
        return None if self.expiry_duration is None else DaySpan.of(self.expiry_duration).after(granted_on)


class SlabDetail(Draft, frozen=True, kw_only=True):
    """A slab with its rate; slabs stand in their order."""

    start_after: Decimal
    price_type: PriceType
    slab_config: SlabConfig | None = None
    rate: Decimal
    slab_rate_config: RateLimits | None = None


class CurrencySlabRateDetail(Draft, frozen=True, kw_only=True):
    """How much credit is granted in one currency, and the slabs that price it."""

    currency: CurrencyCode
    credit_amount: Decimal
    slab_details: Annotated[list[SlabDetail], Meta(min_length=1, max_length=10)]
    rate_config: RateLimits | None = None

    @property
    def slabs(self) -> list[Slab]:
        """The slabs as other cards have them."""
        return [
            Slab(order=order, start_after=one.start_after, price_type=one.price_type, slab_config=one.slab_config)
            for order, one in enumerate(self.slab_details, 1)
        ]

    @property
    def rate_value(self) -> RateValue:
        """The rates as other cards have them."""
        rates = [
            SlabRate(order=order, rate=one.rate, slab_rate_config=one.slab_rate_config)
            for order, one in enumerate(self.slab_details, 1)
        ]
        return RateValue(currency=self.currency, slab_rates=rates, rate_config=self.rate_config)


class CreditRateDetails(Draft, frozen=True, kw_only=True):
    """What is granted and what that costs, in each currency."""

    pricing_model: PricingModel
    currency_slab_rate_details: Annotated[list[CurrencySlabRateDetail], Meta(max_length=MOST_CURRENCIES)]


class CreditGrantRateCard(Draft, frozen=True, kw_only=True):
    """Credit that is granted with a bill, and its price."""

    id: Id
    display_name: Text255 | None = None
    name: Text255 | None = None
    tag: Text50 | None = None
    grant_details: GrantDetails
    rate_details: CreditRateDetails
    invoice_timing: InvoiceTiming = InvoiceTiming.IN_ARREARS
    type: FeeType = FeeType.RECURRING
    recurrence_config: RecurrenceConfig | None = None

    @property
    def billable_id(self) -> str:
        """The add-on."""
        return self.id

    def rate_plan(self, rates: CurrencySlabRateDetail) -> RatePlan:
        """The slabs that price one of its currencies, as other cards have them."""
        return RatePlan(pricing_model=self.rate_details.pricing_model, slabs=rates.slabs)
