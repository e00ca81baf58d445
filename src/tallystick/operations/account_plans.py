"""An account's plan over time: put a plan on it, take one off, read the timeline."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Final

import msgspec

from tallystick.accounts.schedule import (
    PricePlanInfo,
    Schedule,
    ScheduleChange,
    ScheduleChanged,
    ScheduleEdits,
)
from tallystick.catalog.price_plan import (
    PricePlan,
    PricingSchedule,
)
from tallystick.kernel.document import Document
from tallystick.kernel.errors import invalid
from tallystick.kernel.period import local_date
from tallystick.kernel.scope import Scope
from tallystick.operations.accounts import live_account
from tallystick.operations.agreements import agreed, edited
from tallystick.operations.cycles import agreed_cycle, agreed_rules, agreed_terms, agreed_version, has_own_cycle
from tallystick.operations.pages import refuse_further_pages
from tallystick.operations.pre_actions import carry_out
from tallystick.operations.timelines import (
    billed_account,
    keep_timeline,
    one_by_one,
    timeline_of,
)
from tallystick.operations.work import Work, catalogue_command, needs, query

OPEN_END: Final = date(9999, 1, 1)
"""The end of an agreement that has none."""


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
    after = edited(work, account, before, before, change)
    carry_out(work, account.id, change.pre_actions, after)
    keep_timeline(work, account, before, after)
    return agreed(work, account, after)


@needs(Scope.MONEY)
@catalogue_command
def edit_schedules(work: Work, account_id: str, draft: ScheduleEdits) -> ScheduleChanged:
    """Make up to ten edits of an account's timeline in their order: all of them, or none."""
    work, account, before = billed_account(work, account_id)
    after = one_by_one(before, draft.edits, partial(edited, work, account, before))
    keep_timeline(work, account, before, after)
    return agreed(work, account, after)


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
    next_token: str | None = None,
    page_size: int | None = None,
) -> PricingSchedules:
    """The account's plan timeline from one day until another, without the terms when `compact`.

    Terms with percentages, which this wire does not know, are left out too: they are under `/v1/price-plans`.
    """
    refuse_further_pages(page_size, next_token)
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
        is_overriden=own_cycle or piece.has_own_terms,
        price_plan_details=None if compact or details.has_percentages else details,
        pricing_rules=[] if compact else agreed_rules(piece, version),
        price_plan_id=plan.id,
        price_plan_name=plan.name,
    )


def _info(plan: PricePlan) -> PricePlanInfo:
    return PricePlanInfo(name=plan.name, description=plan.description)
