"""Entitlement cards: units of a feature that a plan grants, and what units beyond them cost (domain.md 4.3, 4.7)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final

from msgspec import Meta

from tallystick.catalog.fields import Id, Text50, Text255
from tallystick.catalog.rate_card import (
    MOST_CURRENCIES,
    FeeType,
    InvoiceTiming,
    RatePlan,
    RateValue,
    RecurrenceConfig,
)
from tallystick.kernel.day_span import DaySpan
from tallystick.kernel.document import Draft

_AT_ONCE: Final = frozenset({"PT0S", "PT0M", "PT0H", "P0D"})
"""The durations that last no time at all, of which ISO 8601 knows many."""


class FeatureConfig(Draft, frozen=True, kw_only=True):
    """How many units are granted together, and from when until when after the grant they may be used (ISO 8601)."""

    effective_from: Text50 | None = None
    effective_until: Text50
    feature_credit_limit: Decimal

    @property
    def begins_after(self) -> DaySpan:
        """From when on after the grant the units may be used: at once, unless something else is said.

        Raises:
            ValueError: when that is no span of whole days.
        """
        if self.effective_from is None or self.effective_from in _AT_ONCE:
            return DaySpan(0, 0)
        return DaySpan.of(self.effective_from)

    @property
    def ends_after(self) -> DaySpan:
        """Until when after the grant they may be used.

        Raises:
            ValueError: when that is no span of whole days.
        """
        return DaySpan.of(self.effective_until)


class BillingEntitlementRateCard(Draft, frozen=True, kw_only=True):
    """Units of a feature that each cycle grants, and their price."""

    feature_id: Id
    display_name: Text255 | None = None
    name: Text255 | None = None
    tag: Text50 | None = None
    feature_configs: Annotated[list[FeatureConfig], Meta(min_length=1, max_length=50)]
    invoice_timing: InvoiceTiming
    rate_plan: RatePlan
    rate_values: Annotated[list[RateValue], Meta(max_length=MOST_CURRENCIES)]
    recurrence_config: RecurrenceConfig | None = None

    @property
    def billable_id(self) -> str:
        """The feature."""
        return self.feature_id

    @property
    def type(self) -> FeeType:
        """It recurs: the wire knows no card of this kind that comes once."""
        return FeeType.RECURRING


class BillingConfig(Draft, frozen=True, kw_only=True, omit_defaults=False):
    """From which cycle on overage costs something (`startOffset`, from 0), of how many a bill asks (`interval`).

    Written in full.
    """

    interval: Annotated[int, Meta(ge=1, le=2**63 - 1)] = 1
    start_offset: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


class EntitlementOverageRateCard(Draft, frozen=True, kw_only=True):
    """What units of a feature cost that go beyond all that was granted; always in arrears."""

    feature_id: Id
    display_name: Text255 | None = None
    name: Text255 | None = None
    tag: Text50 | None = None
    max_quantity: Decimal | None = None
    rate_plan: RatePlan
    rate_values: Annotated[list[RateValue], Meta(max_length=MOST_CURRENCIES)]
    billing_config: BillingConfig | None = None

    @property
    def billable_id(self) -> str:
        """The feature."""
        return self.feature_id

    def is_charged(self, ordinal: int) -> bool:
        """Whether overage of the cycle with this 0-based number costs something; that of the ones before is free."""
        return self.billing_config is None or ordinal >= self.billing_config.start_offset

    def is_held(self, ordinal: int) -> bool:
        """Whether what the overage of a cycle costs is asked for by the bill of a later one (domain.md 4.5)."""
        config = self.billing_config
        if config is None or not self.is_charged(ordinal):
            return False
        return (ordinal + 1 - config.start_offset) % config.interval != 0
