"""Price plans: a pricing cycle, rate cards and the currencies they are priced in."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tallystick.catalog.credit_grant import CreditGrantRateCard
from tallystick.catalog.entitlement import BillingEntitlementRateCard, EntitlementOverageRateCard
from tallystick.catalog.fields import CurrencyCode, NumberText, Text255
from tallystick.catalog.plan_migration import PlanFinalisation
from tallystick.catalog.pricing_rule import PricingRule, PricingRuleDrafts
from tallystick.catalog.rate_card import (
    MOST_CURRENCIES,
    FixedFeeRateCard,
    LicenseRateCard,
    MinimumCommitment,
    UsageRateCard,
)
from tallystick.kernel.document import Document, Draft
from tallystick.kernel.recurrence import CycleRule, Interval

PlanName = Annotated[str, Meta(min_length=1, max_length=50)]
UsageRateCards = Annotated[list[UsageRateCard], Meta(max_length=100)]
FixedFeeRateCards = Annotated[list[FixedFeeRateCard], Meta(max_length=100)]
LicenseRateCards = Annotated[list[LicenseRateCard], Meta(max_length=100)]
BillingEntitlementRateCards = Annotated[list[BillingEntitlementRateCard], Meta(max_length=100)]
CreditGrantRateCards = Annotated[list[CreditGrantRateCard], Meta(max_length=100)]
EntitlementOverageRateCards = Annotated[list[EntitlementOverageRateCard], Meta(max_length=100)]
Currencies = Annotated[list[CurrencyCode], Meta(min_length=1, max_length=MOST_CURRENCIES)]


class PlanType(enum.StrEnum):
    """Recurring, or bought once."""

    BILLING = "BILLING"
    PURCHASE = "PURCHASE"


class PlanStatus(enum.StrEnum):
    """States of a plan (domain.md 1.4)."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"


class VersionStatus(enum.StrEnum):
    """States of one version of a plan: still being written, or agreed on with whoever takes it."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"


class StartOffset(Draft, frozen=True, kw_only=True, omit_defaults=False):
    """Where in the calendar a cycle starts, as the wire's texts; always written in full."""

    day_offset: NumberText
    month_offset: NumberText = "NIL"


class PricingCycleConfig(Draft, frozen=True, kw_only=True):
    """How long a cycle is, where it starts, and for how many days after its end late events are taken."""

    interval: Interval
    start_offset: StartOffset | None = None
    grace_period: Annotated[int, Meta(ge=0, le=3660)]
    anniversary_cycle: bool | None = None

    @property
    def calendar_rule(self) -> CycleRule | None:
        """When cycles start; None, when that is on the anniversaries of an association (domain.md 4.2)."""
        if self.anniversary_cycle or self.start_offset is None:
            return None
        return CycleRule.of(self.interval, self.start_offset.day_offset, self.start_offset.month_offset)


class PricePlanDetails(Document, frozen=True, kw_only=True):
    """The terms of one plan version."""

    supported_currencies: list[str]
    active_currencies: list[str]
    pricing_cycle_config: PricingCycleConfig | None = None
    usage_rate_cards: list[UsageRateCard] = []
    fixed_fee_rate_cards: list[FixedFeeRateCard] = []
    license_rate_cards: list[LicenseRateCard] = []
    billing_entitlement_rate_cards: list[BillingEntitlementRateCard] = []
    credit_grant_rate_cards: list[CreditGrantRateCard] = []
    entitlement_overage_rate_cards: list[EntitlementOverageRateCard] = []
    minimum_commitment: MinimumCommitment | None = None
    deferred_revenue: bool = False
    allow_ongoing_cycle_updates: bool = msgspec.field(default=False, name="allow_ongoing_cycle_updates")
    type: PlanType

    @property
    def may_change_ongoing_cycle(self) -> bool:
        """Whether an account's plan may change back to the start of the cycle that runs (domain.md 4.2)."""
        return self.deferred_revenue or self.allow_ongoing_cycle_updates

    @property
    def billable_ids(self) -> set[str]:
        """The meters, add-ons and features that have a card."""
        cards = (
            self.usage_rate_cards,
            self.fixed_fee_rate_cards,
            self.license_rate_cards,
            self.billing_entitlement_rate_cards,
            self.credit_grant_rate_cards,
            self.entitlement_overage_rate_cards,
        )
        return {card.billable_id for kind in cards for card in kind}

    @property
    def has_percentages(self) -> bool:
        """Whether a card takes a part of an amount of money, which the Togai wire does not know."""
        return any(card.has_percentages for card in self.usage_rate_cards)


class PricingSchedule(Document, frozen=True, kw_only=True):
    """One version of a plan with its terms."""

    id: str
    start_date: datetime
    end_date: datetime
    version: int
    is_overriden: bool
    price_plan_details: PricePlanDetails | None = None
    pricing_rules: list[PricingRule] = []


class PlanVersion(PricingSchedule, frozen=True, kw_only=True):
    """One version of a plan as it is stored: with its state, its instants and what the plan says of itself in it."""

    price_plan_details: PricePlanDetails
    status: VersionStatus
    description: str | None = None
    created_at: datetime
    updated_at: datetime


class PricePlanAnswer(Document, frozen=True, kw_only=True):
    """A plan in one of its versions, as v1 shows it."""

    id: str
    name: str
    type: PlanType
    description: str | None = None
    status: PlanStatus
    pricing_schedule: list[PricingSchedule]


class PricePlan(Document, frozen=True, kw_only=True):
    """A plan and its versions, oldest first; at most one is a draft, and that is the last."""

    id: str
    name: str
    type: PlanType
    status: PlanStatus
    pricing_schedule: list[PlanVersion]

    @property
    def latest(self) -> PlanVersion:
        """The last version, which may be a draft."""
        return self.pricing_schedule[-1]

    @property
    def draft(self) -> PlanVersion | None:
        """The version that is still being written, if there is one."""
        return self.latest if self.latest.status is VersionStatus.DRAFT else None

    @property
    def active(self) -> PlanVersion | None:
        """The last version that was finalised: what new agreements take."""
        finalised = self.pricing_schedule[:-1] if self.draft else self.pricing_schedule
        return finalised[-1] if finalised else None

    @property
    def version(self) -> PlanVersion:
        """The active version; of a plan that was never finalised its draft."""
        return self.active or self.latest

    @property
    def details(self) -> PricePlanDetails:
        """The terms of that version."""
        return self.version.price_plan_details

    @property
    def description(self) -> str | None:
        """What the plan says of itself in that version."""
        return self.version.description

    @property
    def has_percentages(self) -> bool:
        """Whether any of its versions has a card that the Togai wire does not know."""
        return any(version.price_plan_details.has_percentages for version in self.pricing_schedule)

    def numbered(self, number: int) -> PlanVersion | None:
        """The version of that number, if there is one."""
        return next((version for version in self.pricing_schedule if version.version == number), None)

    def up_to(self, number: int) -> PricePlan:
        """The plan as it was when the version of that number was its last one."""
        return msgspec.structs.replace(
            self, pricing_schedule=[one for one in self.pricing_schedule if one.version <= number]
        )

    def answer(self, version: PlanVersion | None = None) -> PricePlanAnswer:
        """The view of v1 on one version, by default the active one; a draft shows as the draft that it is."""
        seen = version or self.version
        shown = {field: getattr(seen, field) for field in PricingSchedule.__struct_fields__}
        return PricePlanAnswer(
            id=self.id,
            name=self.name,
            type=self.type,
            description=seen.description,
            status=PlanStatus.DRAFT if seen.status is VersionStatus.DRAFT else self.status,
            pricing_schedule=[PricingSchedule(**shown)],
        )


class PricePlanListItem(Document, frozen=True, kw_only=True):
    """A plan as lists show it: the rate cards left out, the meters by id."""

    id: str
    name: str
    version: int
    description: str | None = None
    status: PlanStatus
    usage_meters: list[str]
    price_plan_details: PricePlanDetails
    created_at: datetime
    updated_at: datetime
    type: PlanType


class PricePlanDetailsDraft(Draft, frozen=True, kw_only=True):
    """The terms that a caller sends."""

    pricing_cycle_config: PricingCycleConfig | None = None
    supported_currencies: Annotated[list[CurrencyCode], Meta(max_length=MOST_CURRENCIES)]
    usage_rate_cards: UsageRateCards = []
    fixed_fee_rate_cards: FixedFeeRateCards = []
    license_rate_cards: LicenseRateCards = []
    billing_entitlement_rate_cards: BillingEntitlementRateCards = []
    minimum_commitment: MinimumCommitment | None = None
    credit_grant_rate_cards: CreditGrantRateCards = []
    entitlement_overage_rate_cards: EntitlementOverageRateCards = []
    deferred_revenue: bool = False
    allow_ongoing_cycle_updates: bool = msgspec.field(default=False, name="allow_ongoing_cycle_updates")


class PricePlanDraft(Draft, frozen=True, kw_only=True):
    """What `POST /price_plans` takes; a plan of name and type alone gets its terms later (domain.md 4.2)."""

    name: PlanName
    description: Text255 | None = None
    type: PlanType = PlanType.BILLING
    price_plan_details: PricePlanDetailsDraft | UnsetType = UNSET
    pricing_rules: PricingRuleDrafts = []


class PricePlanPatch(PlanFinalisation, frozen=True, kw_only=True):
    """What `PATCH /price_plans/{id}` takes: of the terms, each key that is present replaces the old value.

    Rules that are sent take the place of all rules.
    """

    description: Text255 | UnsetType = UNSET
    price_plan_details: PricePlanDetailsPatch | UnsetType = UNSET
    pricing_rules: PricingRuleDrafts | UnsetType = UNSET


class PricePlanDetailsPatch(Draft, frozen=True, kw_only=True):
    """The part of the terms that a patch replaces, or that an account agreed on otherwise."""

    pricing_cycle_config: PricingCycleConfig | UnsetType = UNSET
    supported_currencies: Currencies | UnsetType = UNSET
    usage_rate_cards: UsageRateCards | UnsetType = UNSET
    fixed_fee_rate_cards: FixedFeeRateCards | UnsetType = UNSET
    license_rate_cards: LicenseRateCards | UnsetType = UNSET
    billing_entitlement_rate_cards: BillingEntitlementRateCards | UnsetType = UNSET
    minimum_commitment: MinimumCommitment | UnsetType | None = UNSET
    credit_grant_rate_cards: CreditGrantRateCards | UnsetType = UNSET
    entitlement_overage_rate_cards: EntitlementOverageRateCards | UnsetType = UNSET


class PricePlanTermsPatch(PricePlanDetailsPatch, frozen=True, kw_only=True):
    """The same with what the Togai wire only says when a plan is made: the catalogue as a whole changes it too."""

    deferred_revenue: bool | UnsetType = UNSET
    allow_ongoing_cycle_updates: bool | UnsetType = msgspec.field(default=UNSET, name="allow_ongoing_cycle_updates")


class PlanActivation(Draft, frozen=True, kw_only=True):
    """What `POST /price_plans/{id}/activate` takes."""

    currencies: Currencies
