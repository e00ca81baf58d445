"""Rate cards: the price of one billable item inside a plan."""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta

from tallystick.catalog.addon import AddOnType
from tallystick.catalog.fields import CurrencyCode, Id, NumberText, Text50, Text255
from tallystick.kernel.document import Draft
from tallystick.kernel.recurrence import Interval

if TYPE_CHECKING:
    from typing import TypeAlias

    from tallystick.catalog.credit_grant import CreditGrantRateCard
    from tallystick.catalog.entitlement import BillingEntitlementRateCard, EntitlementOverageRateCard

    ItemCard: TypeAlias = (
        "UsageRateCard | FixedFeeRateCard | LicenseRateCard | CreditGrantRateCard"
        " | BillingEntitlementRateCard | EntitlementOverageRateCard"
    )

MOST_CURRENCIES = 200
"""More than ISO 4217 has."""

COMMITMENT_ID: Final = "MINIMUM_COMMITMENT"
"""What a plan's minimum commitment is called where billable items are named by their ids (domain.md 4.3)."""


class PricingModel(enum.StrEnum):
    """Whether each slab prices its own units, or one slab prices them all."""

    TIERED = "TIERED"
    VOLUME = "VOLUME"


class PriceType(enum.StrEnum):
    """How a slab turns units into an amount; PERCENTAGE is known under /v1 only, on usage cards."""

    FLAT = "FLAT"
    PER_UNIT = "PER_UNIT"
    PACKAGE = "PACKAGE"
    PERCENTAGE = "PERCENTAGE"


class InvoiceTiming(enum.StrEnum):
    """Whether a card is billed before, after, or as an order paid beforehand."""

    IN_ADVANCE = "IN_ADVANCE"
    IN_ARREARS = "IN_ARREARS"
    PREPAID = "PREPAID"


class FeeType(enum.StrEnum):
    """Whether a fee is charged once or every cycle."""

    ONE_TIME = "ONE_TIME"
    RECURRING = "RECURRING"


class ProratedRefundMode(enum.StrEnum):
    """How the unused days of licences that were paid in advance are given back."""

    NONE = "NONE"
    CREDITS = "CREDITS"
    PAYMENT = "PAYMENT"
    WALLET = "WALLET"


class MaxQuantityBreachAction(enum.StrEnum):
    """What becomes of licences beyond the most that may be held: they are not granted."""

    DO_NOTHING = "DO_NOTHING"


class SlabConfig(Draft, frozen=True, kw_only=True):
    """Settings of a slab; `packageSize` belongs to PACKAGE slabs."""

    package_size: NumberText | None = None


class RateLimits(Draft, frozen=True, kw_only=True):
    """The least and the most that a slab or a whole card comes to; numbers as text."""

    minimum_rate: NumberText | None = None
    maximum_rate: NumberText | None = None


class Slab(Draft, frozen=True, kw_only=True):
    """A range of units `(startAfter, next startAfter]` and how it is priced."""

    order: Annotated[int, Meta(ge=1, le=10)]
    start_after: Decimal
    price_type: PriceType
    slab_config: SlabConfig | None = None


class RatePlan(Draft, frozen=True, kw_only=True):
    """The slabs of a card and how they share the units."""

    pricing_model: PricingModel
    slabs: Annotated[list[Slab], Meta(min_length=1, max_length=50)]


class SlabRate(Draft, frozen=True, kw_only=True):
    """The rate of one slab in one currency; of a PERCENTAGE slab per cent: 2.9 is 2.9 % of the amount."""

    order: int
    rate: Decimal
    slab_rate_config: RateLimits | None = None


class EventRates(Draft, frozen=True, kw_only=True):
    """What each event of a card of PERCENTAGE slabs costs beside the percentage of its amount, in major units.

    `fixedAmount` is charged for each event above zero but the first `freeEvents` of a cycle. With `minimumAmount` or
    `maximumAmount`, which belong to cards of one slab, every event above zero costs at least and at most so much.
    """

    fixed_amount: Decimal | None = None
    free_events: Annotated[int, Meta(ge=0, le=2**53)] = 0
    minimum_amount: Decimal | None = None
    maximum_amount: Decimal | None = None

    @property
    def has_limits(self) -> bool:
        """Whether events are priced one by one: what they come to together says nothing of their limits."""
        return self.minimum_amount is not None or self.maximum_amount is not None


class RateValue(Draft, frozen=True, kw_only=True):
    """All rates of a card in one currency."""

    currency: CurrencyCode
    slab_rates: Annotated[list[SlabRate], Meta(min_length=1, max_length=50)]
    rate_config: RateLimits | None = None
    per_event: EventRates | None = None


class CurrencyRate(Draft, frozen=True, kw_only=True):
    """One amount in one currency."""

    currency: CurrencyCode
    rate: Decimal


class RecurrenceConfig(Draft, frozen=True, kw_only=True):
    """In which cycles a card is charged: from cycle `offset` on, every `interval` cycles (domain.md 4.5)."""

    interval: Annotated[int, Meta(ge=1)] = 1
    offset: Annotated[int, Meta(ge=0)] = 0


class UsageRateCard(Draft, frozen=True, kw_only=True):
    """The price of a meter's usage; always in arrears."""

    display_name: Text255 | None = None
    name: Text255 | None = None
    tag: Text50 | None = None
    usage_meter_id: Id
    rate_plan: RatePlan
    rate_values: Annotated[list[RateValue], Meta(max_length=MOST_CURRENCIES)]

    @property
    def billable_id(self) -> str:
        """The meter."""
        return self.usage_meter_id

    @property
    def has_percentages(self) -> bool:
        """Whether a slab takes a part of an amount of money, which the Togai wire does not know."""
        return any(slab.price_type is PriceType.PERCENTAGE for slab in self.rate_plan.slabs)

    @property
    def is_priced_by_event(self) -> bool:
        """Whether the price depends on more than what the events come to together."""
        return any(value.per_event is not None for value in self.rate_values)


class FixedFeeRateCard(Draft, frozen=True, kw_only=True):
    """A fee that does not depend on usage."""

    id: Id
    display_name: Text255 | None = None
    name: Text255 | None = None
    tag: Text50 | None = None
    invoice_timing: InvoiceTiming = InvoiceTiming.IN_ARREARS
    type: FeeType = FeeType.RECURRING
    rate_values: Annotated[list[CurrencyRate], Meta(max_length=MOST_CURRENCIES)]
    enable_proration: bool
    recurrence_config: RecurrenceConfig | None = None

    @property
    def billable_id(self) -> str:
        """The add-on."""
        return self.id


class LicenseConfig(Draft, frozen=True, kw_only=True):
    """The most licences that an account may hold, and what becomes of those beyond."""

    max_quantity: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    max_quantity_breach_action: MaxQuantityBreachAction | None = None


class LicenseRateCard(Draft, frozen=True, kw_only=True):
    """The price of licences by how many are held on each day, in windows of a usage cycle when it has one."""

    id: Id
    type: AddOnType | None = None
    display_name: Text255 | None = None
    name: Text255 | None = None
    tag: Text50 | None = None
    invoice_timing: InvoiceTiming = InvoiceTiming.IN_ARREARS
    usage_cycle: Interval | None = None
    enable_proration: bool
    config: LicenseConfig | None = None
    rate_plan: RatePlan
    rate_values: Annotated[list[RateValue], Meta(max_length=MOST_CURRENCIES)]
    prorated_refund_mode: ProratedRefundMode | None = None
    recurrence_config: RecurrenceConfig | None = None

    @property
    def billable_id(self) -> str:
        """The add-on."""
        return self.id

    @property
    def max_quantity(self) -> int | None:
        """The most licences that an account may hold, if there is one."""
        return None if self.config is None else self.config.max_quantity


class MinimumCommitment(Draft, frozen=True, kw_only=True):
    """What the cards of a cycle must come to at least; the rest is a true-up. Its `name` is what v2 calls it by."""

    display_name: Text255
    name: Text50 | None = None
    rate_values: Annotated[list[CurrencyRate], Meta(min_length=1, max_length=MOST_CURRENCIES)]


def shown_name(card: ItemCard) -> str:
    """What a card is called on an invoice."""
    return card.display_name or card.name or card.billable_id
