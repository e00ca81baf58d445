"""An account's plan over time: associate a plan, read the timeline."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Final

import msgspec

from tallystick.accounts.account import Account, AccountStatus
from tallystick.accounts.schedule import (
    Opening,
    PlanOverride,
    Schedule,
    ScheduleChange,
    ScheduleChanged,
    ScheduleMode,
)
from tallystick.catalog.price_plan import (
    PlanStatus,
    PricePlan,
    PricingCycleConfig,
    PricingSchedule,
    StartOffset,
)
from tallystick.kernel.document import Document
from tallystick.kernel.errors import Problem, conflict, invalid, refuse_if_any
from tallystick.kernel.period import Period, local_date, local_midnight
from tallystick.kernel.recurrence import CycleRule
from tallystick.kernel.scope import Scope
from tallystick.operations.accounts import live_account
from tallystick.operations.cycles import open_cycles
from tallystick.operations.work import Work, catalogue_command, needs, query

EARLIEST_START: Final = date(1970, 1, 1)
OPEN_END: Final = date(9999, 1, 1)
"""The end of an agreement that has none."""


class TimelinePiece(PricingSchedule, frozen=True, kw_only=True):
    """A piece of an account's timeline as `GET .../pricing_schedules` shows it."""

    price_plan_id: str
    price_plan_name: str


class Timeline(Document, frozen=True, kw_only=True, omit_defaults=False):
    """The pieces of an account's timeline, oldest first."""

    data: list[TimelinePiece]
    next_token: str | None = None
    previous_token: str | None = None


@needs(Scope.MONEY)
@catalogue_command
def change_account_plan(work: Work, account_id: str, change: ScheduleChange) -> ScheduleChanged:
    """Put a plan on an account for a range of days; its first draft invoice appears at once."""
    work.state.catalogue_changed()  # first, because it locks: nobody else changes the timeline or the zone meanwhile
    work = dataclasses.replace(work, organisation=work.state.get_organisation())
    account = live_account(work, account_id)
    plan = _plan(work, account, change)
    within = _range(work, account, change)
    piece = _piece(work, account, plan, within, change)
    if account.status is AccountStatus.DRAFT:
        raise invalid("", f"account {account_id!r} is a DRAFT: set its status to ACTIVE first")
    work.state.schedules.add(piece, work.now)
    open_cycles(work, [Opening(piece, within.start, 0)], until=max(work.now, within.start))
    return _changed(work, account)


@needs(Scope.MONEY)
@catalogue_command
def assign_price_plan(
    work: Work, account_id: str, price_plan_id: str, *, effective_from: date, effective_until: date = OPEN_END
) -> ScheduleChanged:
    """Put a plan on an account from a day on, for ever or until another day."""
    change = ScheduleChange(price_plan_id=price_plan_id, effective_from=effective_from, effective_until=effective_until)
    return change_account_plan(work, account_id, change)


@query
def list_pricing_schedules(
    work: Work,
    account_id: str,
    *,
    start_date: date | None = None,
    end_date: date | None = None,
    include_price_plan_info: bool = False,  # noqa: ARG001 - every piece names its plan
    compact: bool = False,
    next_token: str | None = None,  # noqa: ARG001 - a timeline fits one page
    page_size: int | None = None,  # noqa: ARG001 - the same
) -> Timeline:
    """The account's plan timeline from one day until another, without the terms when `compact`."""
    account = live_account(work, account_id)
    zone = work.organisation.zone
    if start_date is not None and end_date is not None and start_date >= end_date:
        raise invalid("end_date", f"{end_date} must lie after start_date")
    pieces = [
        piece
        for piece in _timeline(work, account)
        if (start_date is None or local_date(piece.within.end, zone) > start_date)
        and (end_date is None or local_date(piece.within.start, zone) < end_date)
    ]
    plans = work.state.price_plans.among({piece.price_plan_id for piece in pieces})
    return Timeline(data=[_shown(piece, plans[piece.price_plan_id], compact=compact) for piece in pieces])


def _plan(work: Work, account: Account, change: ScheduleChange) -> PricePlan:
    problems: list[Problem] = []
    if change.mode is ScheduleMode.DISASSOCIATE:
        problems.append(Problem("mode", "taking a plan off an account is not offered yet"))
    if change.price_plan_details_override is not None:
        problems.append(Problem("pricePlanDetailsOverride", "overrides are not offered yet: leave them out"))
    if change.retain_start_offsets:
        problems.append(Problem("retainStartOffsets", "is not offered yet: leave it out"))
    if change.price_plan_id is None:
        problems.append(Problem("pricePlanId", "is required to associate a plan"))
    refuse_if_any(problems)
    plan = work.state.price_plans.find(change.price_plan_id or "")
    if plan is None or plan.status is PlanStatus.ARCHIVED:
        raise invalid("pricePlanId", f"price plan {change.price_plan_id!r} not found")
    if plan.status is not PlanStatus.ACTIVE:
        raise invalid("pricePlanId", f"price plan {plan.id!r} is {plan.status}: activate it first")
    if account.invoice_currency not in plan.details.active_currencies:
        active = ", ".join(plan.details.active_currencies)
        reason = f"price plan {plan.id!r} is active in {active}, the account is billed in {account.invoice_currency}"
        raise invalid("pricePlanId", reason)
    return plan


def _range(work: Work, account: Account, change: ScheduleChange) -> Period:
    """The days asked for, in organisation time; free, and not in the past unless it is the first plan."""
    zone = work.organisation.zone
    if change.effective_from < EARLIEST_START:
        raise invalid("effectiveFrom", f"{change.effective_from} is before {EARLIEST_START}")
    if change.effective_from >= change.effective_until:
        raise invalid("effectiveUntil", f"{change.effective_until} must lie after effectiveFrom")
    within = Period(local_midnight(change.effective_from, zone), local_midnight(change.effective_until, zone))
    timeline = _timeline(work, account)
    for piece in timeline:
        if piece.within.intersect(within) is not None:
            start, end = local_date(piece.within.start, zone), local_date(piece.within.end, zone)
            raise conflict(f"the account already has a plan from {start} until {end}", "effectiveFrom")
    if timeline and change.effective_from <= local_date(work.now, zone):
        raise invalid("effectiveFrom", "a change of plan starts tomorrow at the earliest")
    return within


def _piece(work: Work, account: Account, plan: PricePlan, within: Period, change: ScheduleChange) -> Schedule:
    config = plan.details.pricing_cycle_config
    assert config is not None, "an ACTIVE plan has a pricing cycle"
    if config.anniversary_cycle or config.start_offset is None:
        rule = CycleRule.anniversary(config.interval, change.effective_from)
    else:
        rule = CycleRule.of(config.interval, config.start_offset.day_offset, config.start_offset.month_offset)
    return Schedule(
        id=work.ids.mint("sch"),
        account_id=account.id,
        price_plan_id=plan.id,
        plan_version_id=plan.version.id,
        within=within,
        rule=rule,
        grace_days=config.grace_period,
        anniversary=bool(config.anniversary_cycle),
    )


def _timeline(work: Work, account: Account) -> tuple[Schedule, ...]:
    return work.state.schedules.of([account.id])[account.id]


def _changed(work: Work, account: Account) -> ScheduleChanged:
    timeline = _timeline(work, account)
    plans = work.state.price_plans.among({piece.price_plan_id for piece in timeline})
    pieces = [
        PlanOverride(
            id=piece.id,
            price_plan_id=piece.price_plan_id,
            price_plan_name=plans[piece.price_plan_id].name,
            start_date=piece.within.start,
            end_date=piece.within.end,
        )
        for piece in timeline
    ]
    return ScheduleChanged(account_id=account.id, account_name=account.name, pricing_schedules=pieces)


def _shown(piece: Schedule, plan: PricePlan, *, compact: bool) -> TimelinePiece:
    version = next(version for version in plan.pricing_schedule if version.id == piece.plan_version_id)
    details = version.price_plan_details
    if details is not None and piece.anniversary:
        details = msgspec.structs.replace(details, pricing_cycle_config=_agreed_cycle(piece))
    return TimelinePiece(
        id=piece.id,
        start_date=piece.within.start,
        end_date=piece.within.end,
        version=version.version,
        is_overriden=piece.anniversary,
        price_plan_details=None if compact else details,
        price_plan_id=plan.id,
        price_plan_name=plan.name,
    )


def _agreed_cycle(piece: Schedule) -> PricingCycleConfig:
    """The cycle that an anniversary association was given: offsets from its first day (domain.md 4.2)."""
    day_offset, month_offset = piece.rule.offsets()
    return PricingCycleConfig(
        interval=piece.rule.interval,
        start_offset=StartOffset(day_offset=day_offset, month_offset=month_offset),
        grace_period=piece.grace_days,
        anniversary_cycle=True,
    )
