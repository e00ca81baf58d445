"""Timelines in draft: edits that are put in force together when they are finalised (domain.md 5.4)."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from tallystick.accounts.schedule import PreAction, PricePlanInfo, ScheduleEdit, ScheduleMode
from tallystick.catalog.price_plan import PricePlanDetailsPatch, PricingCycleConfig
from tallystick.catalog.pricing_rule import PricingRule, PricingRuleDraft
from tallystick.kernel.document import Document, Draft

if TYPE_CHECKING:
    from tallystick.accounts.timeline import Timeline


class TimelineMode(enum.StrEnum):
    """Which of an account's two timelines is meant."""

    ACTIVE = "ACTIVE"
    DRAFT = "DRAFT"


class AssociationConfig(Draft, frozen=True, kw_only=True):
    """The plan to be put on an account: by its id, or with the cards of another schedule."""

    price_plan_id: str | None = None
    schedule_id: str | None = None
    pricing_cycle_config_override: PricingCycleConfig | None = None
    retain_start_offsets: bool = False


class ScheduleEditV2(Draft, frozen=True, kw_only=True):
    """A plan for the days from `effectiveFrom` on and before `effectiveUntil`, or none; as v2 takes it."""

    mode: ScheduleMode = ScheduleMode.ASSOCIATE
    effective_from: date
    effective_until: date
    association_config: AssociationConfig | None = None
    merge_schedules: bool = False


class ScheduleEditsV2(Draft, frozen=True, kw_only=True):
    """What `POST /v2/accounts/{id}/edit_schedules` takes: edits, each on what the ones before it left."""

    edits: Annotated[list[ScheduleEditV2], Meta(min_length=1, max_length=10)]


class ScheduleFinalisation(Draft, frozen=True, kw_only=True):
    """What `POST /v2/accounts/{id}/finalize_schedules` takes."""

    merge_schedules: bool = False
    pre_actions: list[PreAction] = []


class ScheduleInfo(Document, frozen=True, kw_only=True):
    """The cycle, the currencies and the pricing rules of a schedule."""

    pricing_cycle_config: PricingCycleConfig
    supported_currencies: list[str]
    pricing_rules: list[PricingRule] = []


class AccountSchedule(Document, frozen=True, kw_only=True, omit_defaults=False):
    """A piece of an account's timeline as v2 shows it."""

    id: str
    account_id: str
    price_plan_id: str
    price_plan_info: PricePlanInfo
    version: int
    start_date: datetime
    end_date: datetime
    is_overridden: bool
    deferred_revenue: bool
    allow_ongoing_cycle_updates: bool
    account_schedule_info: ScheduleInfo


@dataclass(frozen=True, slots=True)
class DraftTimeline:
    """A timeline that is not in force yet, and the active one that it was made from, as a digest."""

    base: str
    pieces: Timeline


def digest_of(timeline: Timeline) -> str:
    """The same for timelines of the same pieces; a piece is a fact, so that its id and its days say enough."""
    said = [f"{piece.id} {piece.within.start.isoformat()} {piece.within.end.isoformat()}" for piece in timeline]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Association:
    """What an association of v2 means: a plan, and what is agreed on in the place of its terms and of its rules."""

    price_plan_id: str | None = None
    override: PricePlanDetailsPatch | None = None
    pricing_rules: list[PricingRuleDraft] | None = None


def as_v1(edit: ScheduleEditV2, meant: Association) -> ScheduleEdit:
    """An edit of v2 as v1 has it."""
    config = edit.association_config
    return ScheduleEdit(
        mode=edit.mode,
        price_plan_id=meant.price_plan_id,
        effective_from=edit.effective_from,
        effective_until=edit.effective_until,
        price_plan_details_override=meant.override,
        pricing_rules_override=meant.pricing_rules,
        retain_start_offsets=config is not None and config.retain_start_offsets,
    )
