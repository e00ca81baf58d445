"""Invoice lines: a tree whose every parent is the sum of its children (domain.md 7.4)."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from tallystick.catalog.rate_card import PriceType
from tallystick.kernel.document import Document
from tallystick.rating.event_fee import EventFee

USAGE_UNITS: Final = "USAGE_UNITS"
"""The units of a line whose value is a usage; every other line's units are its currency."""


class LineType(enum.StrEnum):
    """What a line stands for: the closed set of the wire."""

    TOTAL_USAGE = "TOTAL_USAGE"
    USAGE_METER_USAGE = "USAGE_METER_USAGE"
    GRAND_TOTAL_AMOUNT = "GRAND_TOTAL_AMOUNT"
    TOTAL_AMOUNT = "TOTAL_AMOUNT"
    NET_AMOUNT = "NET_AMOUNT"
    GROSS_AMOUNT = "GROSS_AMOUNT"
    SUB_TOTAL_AMOUNT = "SUB_TOTAL_AMOUNT"
    PRICE_PLAN_AMOUNT = "PRICE_PLAN_AMOUNT"
    FIXED_FEE_RATE_CARD_AMOUNT = "FIXED_FEE_RATE_CARD_AMOUNT"
    CREDIT_GRANT_RATE_CARD_AMOUNT = "CREDIT_GRANT_RATE_CARD_AMOUNT"
    BILLING_ENTITLEMENT_RATE_CARD_AMOUNT = "BILLING_ENTITLEMENT_RATE_CARD_AMOUNT"
    ENTITLEMENT_OVERAGE_RATE_CARD_AMOUNT = "ENTITLEMENT_OVERAGE_RATE_CARD_AMOUNT"
    ENTITLEMENT_OVERAGE_RATE_CARD_SLAB_AMOUNT = "ENTITLEMENT_OVERAGE_RATE_CARD_SLAB_AMOUNT"
    LICENSE_RATE_CARD_AMOUNT = "LICENSE_RATE_CARD_AMOUNT"
    USAGE_CYCLE_AMOUNT = "USAGE_CYCLE_AMOUNT"
    LICENSE_RATE_CARD_SLAB_AMOUNT = "LICENSE_RATE_CARD_SLAB_AMOUNT"
    USAGE_RATE_CARD_AMOUNT = "USAGE_RATE_CARD_AMOUNT"
    USAGE_RATE_CARD_SLAB_AMOUNT = "USAGE_RATE_CARD_SLAB_AMOUNT"
    TOTAL_CREDITS = "TOTAL_CREDITS"
    SUB_CREDITS = "SUB_CREDITS"
    TOTAL_ADVANCED_FEES = "TOTAL_ADVANCED_FEES"
    ADVANCED_FIXED_FEE = "ADVANCED_FIXED_FEE"
    ADVANCED_LICENSE_RATE_CARD_AMOUNT = "ADVANCED_LICENSE_RATE_CARD_AMOUNT"
    ADVANCED_BILLING_ENTITLEMENT_RATE_CARD_AMOUNT = "ADVANCED_BILLING_ENTITLEMENT_RATE_CARD_AMOUNT"
    ADVANCED_CREDIT_GRANT_RATE_CARD_AMOUNT = "ADVANCED_CREDIT_GRANT_RATE_CARD_AMOUNT"
    TOTAL_MISCELLANEOUS_CHARGES = "TOTAL_MISCELLANEOUS_CHARGES"
    MISCELLANEOUS_CHARGE = "MISCELLANEOUS_CHARGE"
    TRUE_UP_AMOUNT = "TRUE_UP_AMOUNT"
    TOTAL_PURCHASE_AMOUNT = "TOTAL_PURCHASE_AMOUNT"
    CUSTOM_AMOUNT = "CUSTOM_AMOUNT"
    CUSTOM_TAG = "CUSTOM_TAG"
    TOTAL_PRICING_RULE_ADDITION_AMOUNT = "TOTAL_PRICING_RULE_ADDITION_AMOUNT"
    PRICING_RULE_ADDITION_AMOUNT = "PRICING_RULE_ADDITION_AMOUNT"
    PRICING_RULE_REVENUE_UPDATE_AMOUNT = "PRICING_RULE_REVENUE_UPDATE_AMOUNT"
    PRICING_RULE_USAGE_UPDATE_AMOUNT = "PRICING_RULE_USAGE_UPDATE_AMOUNT"
    RATE_CONFIG_ADJUSTMENT_AMOUNT = "RATE_CONFIG_ADJUSTMENT_AMOUNT"
    TOTAL_TAX_AMOUNT = "TOTAL_TAX_AMOUNT"
    TAX_AMOUNT = "TAX_AMOUNT"
    PROXY_AMOUNT = "PROXY_AMOUNT"


class PricedStretch(Document, frozen=True, kw_only=True):
    """A quantity of licences, for how many days it stood, and what it costs: in a whole cycle, when there are days."""

    quantity: Decimal
    days: int | None = None
    amount: Decimal


class PricedSlab(Document, frozen=True, kw_only=True):
    """What one slab of a card comes to, where the wire has no line for it; a limit is named when it decided."""

    order: int
    price_type: PriceType
    quantity: Decimal
    rate: Decimal
    package_size: Decimal | None = None
    packages: Decimal | None = None
    minimum_rate: Decimal | None = None
    maximum_rate: Decimal | None = None
    amount: Decimal


class PricedEvents(Document, frozen=True, kw_only=True):
    """What `events` cost that are priced alike, whose amounts come to `quantity`; exact, not rounded yet."""

    fee: EventFee
    events: int
    quantity: Decimal
    amount: Decimal


class Explanation(Document, frozen=True, kw_only=True):
    """How a value comes about when it is not quantity x valuePerQuantity: the line's `metadata`.

    A limit is named when it decided the value; `days` of `cycleDays` are given for a prorated fee. Licences have
    `stretches`, each of which adds its amount, or with `cycleDays` its days' share of it. Credit that is granted has
    the `slabs` that price it. The line of a pricing rule names the rule, with the metadata of its action.

    The `rate` of a PERCENTAGE slab is per cent. Where each event has its own fee - that percentage and `fixedAmount`,
    within limits -, `events` are what those cost that are priced alike. `freeEvents` have cost nothing.

    Overage of an earlier cycle has the start and the end of that, and its bill, which has left it to a later one.
    """

    price_type: PriceType | None = None
    rate: Decimal | None = None
    package_size: Decimal | None = None
    packages: Decimal | None = None
    minimum_rate: Decimal | None = None
    maximum_rate: Decimal | None = None
    days: int | None = None
    cycle_days: int | None = None
    stretches: tuple[PricedStretch, ...] | None = None
    slabs: tuple[PricedSlab, ...] | None = None
    fixed_amount: Decimal | None = None
    free_events: int | None = None
    events: tuple[PricedEvents, ...] | None = None
    rule_id: str | None = None
    rule_metadata: dict[str, str] | None = None
    cycle_start: datetime | None = None
    cycle_end: datetime | None = None
    invoice_id: str | None = None


class InvoiceLineItem(Document, frozen=True, kw_only=True):
    """A line and the lines it is the sum of; a leaf has none. Money is in major units of `units`."""

    id: str | None = None
    description: str
    type: LineType
    quantity: Decimal | None = None
    value_per_quantity: Decimal | None = None
    units: str
    value: Decimal
    explanation: Explanation | None = msgspec.field(default=None, name="metadata")
    line_items: tuple[InvoiceLineItem, ...] = ()
