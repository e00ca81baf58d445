"""What is asked of the revenue calculator: a plan, a currency, usage, and the rest of domain.md 8.2, each by a mode."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from tallystick.catalog.price_plan import PricePlanDetailsDraft
from tallystick.kernel.document import Draft

Name = Annotated[str, Meta(min_length=1, max_length=512)]
UsageMap = Annotated[dict[str, Decimal], Meta(max_length=1000)]


class CurrencyMode(enum.StrEnum):
    """Where the currency comes from."""

    CUSTOM = "CUSTOM"
    ACCOUNT_INVOICE = "ACCOUNT_INVOICE"


class PlanMode(enum.StrEnum):
    """Where the terms come from."""

    CUSTOM = "CUSTOM"
    PRICE_PLAN = "PRICE_PLAN"
    ACCOUNT = "ACCOUNT"


class LookupMode(enum.StrEnum):
    """Whether quantities are sent along, or those of an account in a range or in one of its cycles."""

    CUSTOM = "CUSTOM"
    LOOKUP_RANGE = "LOOKUP_RANGE"
    LOOKUP_CYCLE = "LOOKUP_CYCLE"


class CycleMode(enum.StrEnum):
    """Whether something is sent along, or that of one of an account's cycles."""

    CUSTOM = "CUSTOM"
    LOOKUP_CYCLE = "LOOKUP_CYCLE"


class CurrencyConfig(Draft, frozen=True, kw_only=True):
    """The currency to be priced in."""

    mode: CurrencyMode
    currency: Name | None = None
    account_id: Name | None = None


class PricePlanDetailsConfig(Draft, frozen=True, kw_only=True):
    """The terms to be priced by, and for which cycle: `pricingCycleOrdinal` counts from 1, the first one."""

    mode: PlanMode
    price_plan_details: PricePlanDetailsDraft | None = None
    price_plan_id: Name | None = None
    account_id: Name | None = None
    effective_on: datetime | None = None
    pricing_cycle_ordinal: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class LookupRange(Draft, frozen=True, kw_only=True):
    """What an account used from `start` on and before `end`."""

    start: datetime
    end: datetime
    account_id: Name


class LookupCycle(Draft, frozen=True, kw_only=True):
    """What an account used in its cycle of an instant, by default of now."""

    cycle_effective_on: datetime | None = None
    account_id: Name


class UsageConfig(Draft, frozen=True, kw_only=True):
    """The usage of meters."""

    mode: LookupMode
    usage_map: UsageMap | None = None
    lookup_range: LookupRange | None = None
    lookup_cycle: LookupCycle | None = None


class LicenseEntry(Draft, frozen=True, kw_only=True):
    """How many licences there are from an instant on."""

    license_id: Name
    quantity: int
    effective_from: datetime


class LicenseEntriesConfig(Draft, frozen=True, kw_only=True):
    """The licences of an account, or others."""

    mode: LookupMode
    custom: Annotated[list[LicenseEntry], Meta(max_length=1000)] | None = None
    lookup_range: LookupRange | None = None
    lookup_cycle: LookupCycle | None = None


class NamedLicenseEntry(Draft, frozen=True, kw_only=True):
    """Somebody who has a licence; the wire's description calls the name an integer, which is a slip."""

    license_id: Name
    name: str | int
    effective_from: datetime
    effective_until: datetime | None = None


class NamedLicenseEntriesConfig(Draft, frozen=True, kw_only=True):
    """The named licences of an account, or others."""

    mode: LookupMode
    custom: Annotated[list[NamedLicenseEntry], Meta(max_length=1000)] | None = None
    lookup_range: LookupRange | None = None
    lookup_cycle: LookupCycle | None = None


class CustomProration(Draft, frozen=True, kw_only=True):
    """A cycle `[cycleStartDate, cycleEndDate)` and the day from which on it is charged."""

    cycle_start_date: datetime
    cycle_end_date: datetime
    current_date: datetime


class LookupProration(Draft, frozen=True, kw_only=True):
    """An account's cycle of an instant, and the day from which on it is charged; both by default now."""

    account_id: Name
    cycle_effective_on: datetime | None = None
    current_date_time: datetime | None = None


class ProrationConfig(Draft, frozen=True, kw_only=True):
    """For which part of a cycle cards with proration are charged."""

    mode: CycleMode
    custom_config: CustomProration | None = None
    lookup_cycle_config: LookupProration | None = None


class EntitlementOverageEntry(Draft, frozen=True, kw_only=True):
    """Units of a feature beyond what was granted."""

    feature_id: Name
    quantity: Decimal


class LookupOverage(Draft, frozen=True, kw_only=True):
    """The overage of an account in a cycle."""

    account_id: Name
    billing_cycle_end_date: datetime


class EntitlementOverageConfig(Draft, frozen=True, kw_only=True):
    """The overage of an account, or another."""

    mode: CycleMode
    custom: Annotated[list[EntitlementOverageEntry], Meta(max_length=1000)] | None = None
    lookup_cycle: LookupOverage | None = None


class RevenueQuestion(Draft, frozen=True, kw_only=True):
    """What `POST /revenue_calculator` and `POST /v2/revenue_calculator` take; no `prorationConfig`, no proration."""

    currency_config: CurrencyConfig
    price_plan_details_config: PricePlanDetailsConfig
    usage_config: UsageConfig
    license_entries_config: LicenseEntriesConfig
    named_license_entries_config: NamedLicenseEntriesConfig | None = None
    proration_config: ProrationConfig | None = None
    entitlement_overage_config: EntitlementOverageConfig | None = None
