"""Price plans as v2 shows and takes them: one version at a time, without its cards (domain.md 4.9)."""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET, UnsetType

from tallystick.catalog.fields import Text255
from tallystick.catalog.price_plan import (
    Currencies,
    PlanName,
    PlanType,
    PlanVersion,
    PricePlan,
    PricePlanDetailsDraft,
    PricePlanDraft,
    PricingCycleConfig,
    VersionStatus,
)
from tallystick.kernel.document import Document, Draft


class PricePlanV2(Document, frozen=True, kw_only=True):
    """One version of a plan; `id` is the plan's, `referenceId` the version's."""

    id: str
    reference_id: str
    name: str
    description: str | None = None
    type: PlanType
    version: int
    status: VersionStatus
    pricing_cycle_config: PricingCycleConfig | None = None
    supported_currencies: list[str]
    deferred_revenue: bool = False
    allow_ongoing_cycle_updates: bool = False
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, plan: PricePlan, version: PlanVersion) -> PricePlanV2:
        """The view of v2 on one version of a plan."""
        details = version.price_plan_details
        return cls(
            id=plan.id,
            reference_id=version.id,
            name=plan.name,
            description=version.description,
            type=plan.type,
            version=version.version,
            status=version.status,
            pricing_cycle_config=details.pricing_cycle_config,
            supported_currencies=details.supported_currencies,
            deferred_revenue=details.deferred_revenue,
            allow_ongoing_cycle_updates=details.allow_ongoing_cycle_updates,
            created_at=version.created_at,
            updated_at=version.updated_at,
        )


class PricePlanV2Draft(Draft, frozen=True, kw_only=True):
    """What `POST /v2/price_plans` takes; cards and rules come afterwards."""

    name: PlanName
    description: Text255 | None = None
    type: PlanType
    pricing_cycle_config: PricingCycleConfig | None = None
    supported_currencies: Currencies
    deferred_revenue: bool = False
    allow_ongoing_cycle_updates: bool = False

    def as_v1(self) -> PricePlanDraft:
        """The same as v1 takes it."""
        terms = PricePlanDetailsDraft(
            pricing_cycle_config=self.pricing_cycle_config,
            supported_currencies=self.supported_currencies,
            deferred_revenue=self.deferred_revenue,
            allow_ongoing_cycle_updates=self.allow_ongoing_cycle_updates,
        )
        return PricePlanDraft(name=self.name, description=self.description, type=self.type, price_plan_details=terms)


class PricePlanV2Patch(Draft, frozen=True, kw_only=True):
    """What `PATCH /v2/price_plans/{id}` takes: each key that is sent replaces the old value."""

    description: Text255 | UnsetType = UNSET
    pricing_cycle_config: PricingCycleConfig | UnsetType = UNSET
    supported_currencies: Currencies | UnsetType = UNSET


class EntityError(Document, frozen=True, kw_only=True):
    """Something that keeps a draft from being finalised, and the part of it that is wrong."""

    reference_id: str
    entity_id: str
    entity_type: str
    error_message: str
