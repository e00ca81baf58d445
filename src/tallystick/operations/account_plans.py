"""An account's plan over time: put a plan on it, take one off, read the timeline."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Final

import msgspec

from tallystick.accounts.account import Account
from tallystick.accounts.schedule import (
    PlanOverride,
    Schedule,
    ScheduleChange,
    ScheduleChanged,
    ScheduleEdit,
    ScheduleEdits,
    ScheduleMode,
)
from tallystick.accounts.timeline import Timeline, cut, piece_at, put_in
from tallystick.catalog.plan_override import OVERRIDE, in_override, overridden, override_problems, shown
from tallystick.catalog.price_plan import (
    PlanStatus,
    PricePlan,
    PricePlanDetailsPatch,
    PricingCycleConfig,
    PricingSchedule,
)
from tallystick.kernel.document import Document
from tallystick.kernel.errors import Problem, invalid, refuse_if_any
from tallystick.kernel.period import Period, local_date
from tallystick.kernel.recurrence import CycleRule
from tallystick.kernel.scope import Scope
from tallystick.operations.accounts import live_account
from tallystick.operations.cycles import agreed_cycle, agreed_terms, agreed_version, has_own_cycle
from tallystick.operations.price_plans import item_problems
from tallystick.operations.timelines import (
    billed_account,
    days_of,
    keep_timeline,
    one_by_one,
    refuse_early,
    timeline_of,
)
from tallystick.operations.work import Work, catalogue_command, needs, query

OPEN_END: Final = date(9999, 1, 1)
"""The end of an agreement that has none."""


class PricePlanInfo(Document, frozen=True, kw_only=True):
    """What a plan is called, beside its terms."""

    name: str
    description: str | None = None


class TimelinePiece(PricingSchedule, frozen=True, kw_only=True):
    """A piece of an account's timeline as `GET .../pricing_schedules` shows it."""

    price_plan_id: str
    price_plan_name: str
    price_plan_info: PricePlanInfo | None = None


class PricingSchedules(Document, frozen=True, kw_only=True, omit_defaults=False):
    """The pieces of an account's timeline, oldest first."""

    data: list[TimelinePiece]
    next_token: str | None = None
    previous_token: str | None = None


@needs(Scope.MONEY)
@catalogue_command
def change_account_plan(work: Work, account_id: str, change: ScheduleChange) -> ScheduleChanged:
    """Put a plan on an account for a range of days, or take off what there is; drafts move along at once."""
    work, account, before = billed_account(work, account_id)
    if change.pre_actions:
        raise invalid("preActions", "licences are not granted yet: leave them out")
    after = _edited(work, account, before, before, change)
    keep_timeline(work, account, before, after)
    return _changed(work, account)


@needs(Scope.MONEY)
@catalogue_command
def edit_schedules(work: Work, account_id: str, draft: ScheduleEdits) -> ScheduleChanged:
    """Make up to ten edits of an account's timeline in their order: all of them, or none."""
    work, account, before = billed_account(work, account_id)
    after = one_by_one(before, draft.edits, partial(_edited, work, account, before))
    keep_timeline(work, account, before, after)
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
    include_price_plan_info: bool = False,
    compact: bool = False,
    next_token: str | None = None,  # noqa: ARG001 - a timeline fits one page
    page_size: int | None = None,  # noqa: ARG001 - the same
) -> PricingSchedules:
    """The account's plan timeline from one day until another, without the terms when `compact`."""
    account = live_account(work, account_id)
    zone = work.organisation.zone
    if start_date is not None and end_date is not None and start_date >= end_date:
        raise invalid("end_date", f"{end_date} must lie after start_date")
    pieces = [
        piece
        for piece in timeline_of(work, account)
        if (start_date is None or local_date(piece.within.end, zone) > start_date)
        and (end_date is None or local_date(piece.within.start, zone) < end_date)
    ]
    plans = work.state.price_plans.among({piece.price_plan_id for piece in pieces})
    shown = [_shown(piece, plans[piece.price_plan_id], compact=compact) for piece in pieces]
    if include_price_plan_info:
        shown = [msgspec.structs.replace(one, price_plan_info=_info(plans[one.price_plan_id])) for one in shown]
    return PricingSchedules(data=shown)


def _edited(work: Work, account: Account, stored: Timeline, timeline: Timeline, change: ScheduleEdit) -> Timeline:
    """A timeline with one edit made.

    Raises:
        BillingError: of kind INVALID, with everything that is wrong with the edit by itself, or on this timeline.
    """
    refuse_if_any(_not_offered(change))
    within = days_of(work, change.effective_from, change.effective_until)
    zone, new_id = work.organisation.zone, partial(work.ids.mint, "sch")
    if change.mode is ScheduleMode.DISASSOCIATE:
        edited = cut(timeline, within, zone, new_id)
    else:
        plan = _plan(work, account, change)
        edited = put_in(timeline, _piece(work, account, plan, within, timeline, change), zone, new_id)
    refuse_early(work, stored, edited, within)
    return edited


def _not_offered(change: ScheduleEdit) -> list[Problem]:
    """What makes no sense together, or is not offered yet."""
    problems: list[Problem] = []
    if change.pricing_rules_override:
        problems.append(Problem("pricingRulesOverride", "pricing rules are not evaluated yet: leave them out"))
    if change.mode is ScheduleMode.ASSOCIATE and change.price_plan_id is None:
        problems.append(Problem("pricePlanId", "is required to associate a plan"))
    if change.mode is ScheduleMode.DISASSOCIATE:
        sent = {
            "pricePlanId": change.price_plan_id is not None,
            OVERRIDE: change.price_plan_details_override is not None,
            "retainStartOffsets": change.retain_start_offsets,
        }
        reason = "says nothing to DISASSOCIATE, which takes off whatever plan there is: leave it out"
        problems += [Problem(path, reason) for path, is_sent in sent.items() if is_sent]
    return problems


def _plan(work: Work, account: Account, change: ScheduleEdit) -> PricePlan:
    """The plan to be put on the account; it must be ACTIVE, also in the account's currency."""
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


def _override(work: Work, account: Account, plan: PricePlan, change: ScheduleEdit) -> PricePlanDetailsPatch | None:
    """What the account gets in the place of a part of the plan's terms; None when nothing is named."""
    override = change.price_plan_details_override
    if override is None or override == PricePlanDetailsPatch():
        return None
    problems = override_problems(plan.details, override, account.invoice_currency)
    refuse_if_any(problems + in_override(item_problems(work, overridden(plan.details, override))))
    return override


def _piece(
    work: Work,
    account: Account,
    plan: PricePlan,
    within: Period,
    timeline: Timeline,
    change: ScheduleEdit,
) -> Schedule:
    override = _override(work, account, plan, change)
    config = overridden(plan.details, override).pricing_cycle_config
    assert config is not None, "an ACTIVE plan has a pricing cycle"
    if change.retain_start_offsets:
        rule = _retained(timeline, within, config)
    else:
        rule = config.calendar_rule or CycleRule.anniversary(config.interval, change.effective_from)
    return Schedule(
        id=work.ids.mint("sch"),
        account_id=account.id,
        price_plan_id=plan.id,
        plan_version_id=plan.version.id,
        within=within,
        rule=rule,
        grace_days=config.grace_period,
        anniversary=bool(config.anniversary_cycle) and not change.retain_start_offsets,
        override=override,
    )


def _retained(timeline: Timeline, within: Period, config: PricingCycleConfig) -> CycleRule:
    """The cycle rule that is in force where the new plan starts (domain.md 4.9).

    Raises:
        BillingError: of kind INVALID, when there is no plan then, or its cycles have another interval.
    """
    present = piece_at(timeline, within.start)
    if present is None:
        raise invalid("retainStartOffsets", "the account has no plan on effectiveFrom whose offsets could be kept")
    if present.rule.interval is not config.interval:
        reason = (
            f"the account's cycle is {present.rule.interval}, that of the plan {config.interval}: they must be equal"
        )
        raise invalid("retainStartOffsets", reason)
    return present.rule


def _changed(work: Work, account: Account) -> ScheduleChanged:
    pieces = timeline_of(work, account)
    plans = work.state.price_plans.among({piece.price_plan_id for piece in pieces})
    return ScheduleChanged(
        account_id=account.id,
        account_name=account.name,
        pricing_schedules=[_override_shown(piece, plans[piece.price_plan_id]) for piece in pieces],
    )


def _override_shown(piece: Schedule, plan: PricePlan) -> PlanOverride:
    """A piece, and what was agreed on in the place of a part of its plan's terms."""
    override = piece.override
    if has_own_cycle(piece, agreed_version(piece, plan)):
        cycle = agreed_cycle(piece)
        override = msgspec.structs.replace(override or PricePlanDetailsPatch(), pricing_cycle_config=cycle)
    return PlanOverride(
        id=piece.id,
        price_plan_id=piece.price_plan_id,
        price_plan_name=plan.name,
        start_date=piece.within.start,
        end_date=piece.within.end,
        price_plan_details_override=None if override is None else shown(override),
    )


def _shown(piece: Schedule, plan: PricePlan, *, compact: bool) -> TimelinePiece:
    version = agreed_version(piece, plan)
    details = agreed_terms(piece, version)
    own_cycle = has_own_cycle(piece, version)
    if own_cycle:
        details = msgspec.structs.replace(details, pricing_cycle_config=agreed_cycle(piece))
    return TimelinePiece(
        id=piece.id,
        start_date=piece.within.start,
        end_date=piece.within.end,
        version=version.version,
        is_overriden=own_cycle or piece.override is not None,
        price_plan_details=None if compact else details,
        price_plan_id=plan.id,
        price_plan_name=plan.name,
    )


def _info(plan: PricePlan) -> PricePlanInfo:
    return PricePlanInfo(name=plan.name, description=plan.description)
