"""Pricing schedules: the pieces of an account's plan timeline, and the cycles they are cut into.

A piece is a fact: the plan version, the range of time and the cycle rule that were agreed on. Its cycles follow
from the rule and the organisation's time zone; nothing about them is stored.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

from msgspec import Meta

from tallystick.catalog.price_plan import PricePlanDetailsPatch
from tallystick.catalog.pricing_rule import PricingRule, PricingRuleDrafts
from tallystick.kernel.document import Document, Draft
from tallystick.kernel.micros import instant_of, micros_of
from tallystick.kernel.period import Period
from tallystick.kernel.recurrence import Cycle, CycleRule, cycle_after, cycle_at, cycle_count, due_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Schedule:
    """One piece of an account's timeline: a plan version in force in a range of time.

    `first_ordinal` is the number of its first cycle since the plan was put on the account, from 0: more than 0 where
    the piece goes on with a plan that was in force before. `override` is what was agreed on in the place of a part of
    the plan's terms, `pricing_rules` what holds in the place of all of the plan's rules.
    """

    id: str
    account_id: str
    price_plan_id: str
    plan_version_id: str
    within: Period
    rule: CycleRule
    grace_days: int
    anniversary: bool
    first_ordinal: int = 0
    override: PricePlanDetailsPatch | None = None
    pricing_rules: tuple[PricingRule, ...] | None = None

    @property
    def has_own_terms(self) -> bool:
        """Whether something else was agreed on than the plan's own cards and rules."""
        return self.override is not None or self.pricing_rules is not None

    def cycle_at(self, instant: datetime, zone: ZoneInfo) -> Cycle:
        """The cycle that holds an instant of this piece (domain.md 4.10)."""
        return cycle_at(self.rule, self.within, zone, instant)

    def cycle_after(self, cycle: Cycle, zone: ZoneInfo) -> Cycle | None:
        """The next cycle of this piece, or None after its last."""
        return cycle_after(self.rule, self.within, zone, cycle)

    def ordinal_of(self, cycle: Cycle, zone: ZoneInfo) -> int:
        """The number of one of its cycles since the plan was put on the account (domain.md 4.5)."""
        return self.first_ordinal + cycle_count(self.rule, Period(self.within.start, cycle.period.start), zone)

    def cycles_in(self, span: Period, zone: ZoneInfo) -> Iterator[tuple[int, Cycle]]:
        """The cycles that lie in a span at least in part, each with its number."""
        common = self.within.intersect(span)
        cycle = None if common is None else self.cycle_at(common.start, zone)
        ordinal = 0 if cycle is None else self.ordinal_of(cycle, zone)
        while cycle is not None and cycle.period.start < span.end:
            yield ordinal, cycle
            cycle, ordinal = self.cycle_after(cycle, zone), ordinal + 1

    def due_at(self, cycle: Cycle, zone: ZoneInfo) -> datetime:
        """The instant at which the cycle's invoice becomes due: its end plus the grace period."""
        return due_at(cycle.period.end, self.grace_days, zone)

    def ordinal_after(self, zone: ZoneInfo) -> int:
        """The number that a cycle right after this piece has, when the plan goes on."""
        return self.first_ordinal + cycle_count(self.rule, self.within, zone)


@dataclass(frozen=True, slots=True)
class Opening:
    """The next cycle of a piece that has no draft invoice yet: its start, and how many came before it."""

    piece: Schedule
    starts_at: datetime
    ordinal: int


END_OF_MICROS: Final = 1 << 62
"""Farther from 1970 than any instant, in microseconds."""


class TakenUntil(NamedTuple):
    """Events of [start, end) are taken until `due`; all three in microseconds since 1970."""

    start: int
    end: int
    due: int


class LatenessGate:
    """Whether an event comes too late for the cycle it belongs to, judged by when it was received.

    Remembers the last cycle that was open: nearly every event belongs to it.
    """

    __slots__ = ("_last", "_schedules", "_zone")

    def __init__(self, schedules: tuple[Schedule, ...], zone: ZoneInfo) -> None:
        self._schedules = schedules
        self._zone = zone
        self._last = TakenUntil(0, 0, 0)

    def refuses(self, event_at: datetime, received_at: datetime) -> bool:
        """Whether the cycle of the event, and its grace, were over when it was received (domain.md 4.10)."""
        return micros_of(received_at) >= self.taken_until(micros_of(event_at)).due

    def taken_until(self, event_at: int) -> TakenUntil:
        """Until when an event of that time is taken, with all others of its cycle; in microseconds since 1970."""
        start, end, _ = self._last
        if not start <= event_at < end:
            self._last = self._looked_up(event_at)
        return self._last

    def _looked_up(self, event_at: int) -> TakenUntil:
        instant = instant_of(event_at)
        for schedule in self._schedules:
            if schedule.within.contains(instant):
                cycle = schedule.cycle_at(instant, self._zone)
                period, due = cycle.period, schedule.due_at(cycle, self._zone)
                return TakenUntil(micros_of(period.start), micros_of(period.end), micros_of(due))
        return TakenUntil(event_at, event_at + 1, END_OF_MICROS)


class ScheduleMode(enum.StrEnum):
    """Whether a plan is put on an account or taken off it."""

    ASSOCIATE = "ASSOCIATE"
    DISASSOCIATE = "DISASSOCIATE"


class ScheduleEdit(Draft, frozen=True, kw_only=True):
    """A plan for the days from `effectiveFrom` on and before `effectiveUntil`, or none."""

    mode: ScheduleMode = ScheduleMode.ASSOCIATE
    price_plan_id: str | None = None
    effective_from: date
    effective_until: date
    price_plan_details_override: PricePlanDetailsPatch | None = None
    pricing_rules_override: PricingRuleDrafts | None = None
    retain_start_offsets: bool = False


class PreActionType(enum.StrEnum):
    """What may be done right before a change of plan."""

    GRANT_LICENSE = "GRANT_LICENSE"


class PreAction(Draft, frozen=True, kw_only=True):
    """Something that is done right before a change of plan, with what it needs to know."""

    type: PreActionType
    config: dict[str, str] = {}


class ScheduleChange(ScheduleEdit, frozen=True, kw_only=True):
    """What `POST /accounts/{id}/price_plans` takes."""

    pre_actions: list[PreAction] = []


class ScheduleEdits(Draft, frozen=True, kw_only=True):
    """What `POST /accounts/{id}/edit_schedules` takes: edits, each on what the ones before it left."""

    edits: Annotated[list[ScheduleEdit], Meta(min_length=1, max_length=10)]


class PricePlanInfo(Document, frozen=True, kw_only=True):
    """What a plan is called, beside its terms."""

    name: str
    description: str | None = None


class PlanOverride(Document, frozen=True, kw_only=True):
    """A piece as the answer of an association shows it."""

    id: str
    price_plan_id: str
    price_plan_name: str
    start_date: datetime
    end_date: datetime
    price_plan_details_override: PricePlanDetailsPatch | None = None
    pricing_rules_override: tuple[PricingRule, ...] | None = None


class ScheduleChanged(Document, frozen=True, kw_only=True):
    """The answer of `POST /accounts/{id}/price_plans`: the account's timeline as it is now."""

    account_id: str
    account_name: str
    pricing_schedules: list[PlanOverride]
