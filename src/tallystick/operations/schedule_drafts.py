"""An account's plan over time (v2): edit a draft of the timeline, look at it, and put it in force as a whole.

The draft starts as a copy of the timeline in force. Whatever v1 refuses is refused here too, when the draft is edited
and again when it is finalised.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from tallystick.accounts.account import Account
from tallystick.accounts.schedule import PricePlanInfo, Schedule, ScheduleChanged, ScheduleMode
from tallystick.accounts.schedule_draft import (
    AccountSchedule,
    Association,
    AssociationConfig,
    DraftTimeline,
    ScheduleEditsV2,
    ScheduleEditV2,
    ScheduleFinalisation,
    ScheduleInfo,
    TimelineMode,
    as_v1,
    digest_of,
)
from tallystick.accounts.timeline import Timeline, merged, piece_at
from tallystick.catalog.plan_override import OVERRIDE, RULES_OVERRIDE, override_between, rules_between
from tallystick.catalog.plan_rules import terms_problems
from tallystick.catalog.price_plan import PlanStatus, PricePlan, PricePlanDetailsPatch
from tallystick.catalog.price_plan_v2 import EntityError
from tallystick.catalog.pricing_rule_checks import pricing_rule_problems
from tallystick.kernel.document import Document
from tallystick.kernel.errors import BillingError, Problem, conflict, invalid, not_found, refuse_if_any
from tallystick.kernel.period import local_date, local_midnight
from tallystick.kernel.scope import Scope
from tallystick.operations.accounts import live_account
from tallystick.operations.agreements import agreed, edited
from tallystick.operations.answers import DONE, Done, Listed
from tallystick.operations.cycles import (
    agreed_cycle,
    agreed_rules,
    agreed_terms,
    agreed_version,
    has_own_cycle,
    rules_of,
    terms_of,
)
from tallystick.operations.overage_bills import reason_for, stranded
from tallystick.operations.pages import refuse_further_pages
from tallystick.operations.plan_drafts import entity_error, in_v2
from tallystick.operations.pre_actions import carry_out
from tallystick.operations.price_plans import item_problems
from tallystick.operations.timelines import (
    billed_account,
    displaced,
    early_moves,
    keep_timeline,
    one_by_one,
    reason_against,
    renamed,
    timeline_of,
    tomorrow,
)
from tallystick.operations.work import Work, catalogue_command, command, needs, query

_CONFIG: Final = "associationConfig"
_IN_V2: Final = {
    "pricePlanId": f"{_CONFIG}.pricePlanId",
    "retainStartOffsets": f"{_CONFIG}.retainStartOffsets",
    f"{OVERRIDE}.pricingCycleConfig": f"{_CONFIG}.pricingCycleConfigOverride",
    OVERRIDE: f"{_CONFIG}.scheduleId",
    RULES_OVERRIDE: f"{_CONFIG}.scheduleId",
}
"""Where v2 has what v1 calls so; cards and rules of an override are those of the schedule that was named."""

_SCHEDULE: Final = "SCHEDULE"
_STALE: Final = "the plans of account '{}' changed since its draft was opened: discard that first"


class AccountSchedules(Document, frozen=True, kw_only=True, omit_defaults=False):
    """The pieces of an account's timeline, oldest first."""

    data: list[AccountSchedule]
    next_token: str | None = None
    previous_token: str | None = None


@command
def edit_draft_schedules(
    work: Work, account_id: str, draft: ScheduleEditsV2, *, discard: bool = False
) -> ScheduleChanged:
    """Make up to ten edits of the draft of an account's timeline, or with `discard` of a new one; all, or none."""
    work, account, active = billed_account(work, account_id)
    if discard:
        work.state.timeline_drafts.discard(account.id)
    present = opened_draft(work, account, active)

    def made(timeline: Timeline, edit: ScheduleEditV2) -> Timeline:
        return _edited(work, account, active, timeline, edit)

    after = one_by_one(present.pieces, draft.edits, made)
    work.state.timeline_drafts.keep(account.id, DraftTimeline(present.base, after), work.now)
    return agreed(work, account, after)


@query
def list_account_schedules(
    work: Work,
    account_id: str,
    *,
    mode: TimelineMode,
    next_token: str | None = None,
    page_size: int | None = None,
) -> AccountSchedules:
    """The account's timeline in force, or its draft; nothing, when there is no draft."""
    refuse_further_pages(page_size, next_token)
    account = live_account(work, account_id)
    if mode is TimelineMode.ACTIVE:
        return _listed(work, timeline_of(work, account))
    draft = work.state.timeline_drafts.find(account.id)
    return _listed(work, () if draft is None else draft.pieces)


@needs(Scope.MONEY)
@catalogue_command
def finalize_schedules(work: Work, account_id: str, finalisation: ScheduleFinalisation) -> AccountSchedules:
    """Put the draft of an account's timeline in force, in the place of the one there is; drafts of invoices follow."""
    work, account, active = billed_account(work, account_id)
    draft = _draft_of(work, account)
    _refuse_stale(account, draft, active)
    after = draft.pieces
    if finalisation.merge_schedules:
        after = _merged(work, after)
    refuse_if_any([Problem(_place(one), one.error_message) for one in _errors(work, active, after)])
    after = renamed(work, active, after)
    carry_out(work, account.id, finalisation.pre_actions, after)
    keep_timeline(work, account, active, after)
    work.state.timeline_drafts.discard(account.id)
    return _listed(work, after)


@query
def list_schedule_errors(work: Work, schedule_id: str) -> Listed[EntityError]:
    """What keeps a schedule of a draft from being put in force; nothing, when it is complete or in force."""
    account_id = work.state.timeline_drafts.owner_of(schedule_id)
    if account_id is None:
        if schedule_id not in work.state.schedules.among([schedule_id]):
            raise not_found("schedule", schedule_id)
        return Listed(data=[])
    account = live_account(work, account_id)
    active, draft = timeline_of(work, account), _draft_of(work, account)
    errors = [one for one in _errors(work, active, draft.pieces) if one.reference_id == schedule_id]
    if draft.base != digest_of(active):
        piece = next(piece for piece in draft.pieces if piece.id == schedule_id)
        errors.append(_error(piece, _STALE.format(account.id)))
    return Listed(data=errors)


@command
def discard_schedules(work: Work, account_id: str) -> Done:
    """Throw the draft of an account's timeline away."""
    account = live_account(work, account_id)
    _draft_of(work, account)
    work.state.timeline_drafts.discard(account.id)
    return DONE


def opened_draft(work: Work, account: Account, active: Timeline) -> DraftTimeline:
    """The draft of an account's timeline that there is, or a new one, as a copy of the timeline in force.

    Raises:
        BillingError: of kind CONFLICT, when the timeline in force has changed since the draft was opened.
    """
    draft = work.state.timeline_drafts.find(account.id) or DraftTimeline(digest_of(active), active)
    _refuse_stale(account, draft, active)
    return draft


def _draft_of(work: Work, account: Account) -> DraftTimeline:
    draft = work.state.timeline_drafts.find(account.id)
    if draft is None:
        raise invalid("", f"account {account.id!r} has no draft of its schedules: edit them first")
    return draft


def _refuse_stale(account: Account, draft: DraftTimeline, active: Timeline) -> None:
    """Refuse a draft that was made from another timeline than the one in force.

    Raises:
        BillingError: of kind CONFLICT.
    """
    if draft.base != digest_of(active):
        raise conflict(_STALE.format(account.id))


def _edited(work: Work, account: Account, active: Timeline, timeline: Timeline, edit: ScheduleEditV2) -> Timeline:
    """A draft with one edit made, which v1 checks."""
    refuse_if_any(_config_problems(edit))
    meant = _meant(work, timeline, edit.association_config)
    try:
        after = edited(work, account, active, timeline, as_v1(edit, meant))
    except BillingError as refused:
        raise refused.with_paths(_in_v2) from None
    return _merged(work, after) if edit.merge_schedules else after


def _merged(work: Work, timeline: Timeline) -> Timeline:
    """A draft with neighbours that agree on the same made one; what was ordered and paid stays by itself."""
    zone = work.organisation.zone
    since = local_midnight(tomorrow(work), zone)
    ordered = work.state.purchases.ordered([piece.id for piece in timeline if piece.within.start >= since])
    return merged(timeline, since, zone, ordered)


def _config_problems(edit: ScheduleEditV2) -> list[Problem]:
    config = edit.association_config
    if edit.mode is ScheduleMode.DISASSOCIATE:
        reason = "says nothing to DISASSOCIATE, which takes off whatever plan there is: leave it out"
        return [] if config is None else [Problem(_CONFIG, reason)]
    if config is None or (config.price_plan_id is None and config.schedule_id is None):
        return [Problem(_CONFIG, "is required to associate a plan: send its pricePlanId, or a scheduleId to copy")]
    return []


def _meant(work: Work, timeline: Timeline, config: AssociationConfig | None) -> Association:
    """The plan that an association is about, and what it gets in the place of the plan's terms and rules.

    Raises:
        BillingError: of kind INVALID, when the schedule to copy is not found.
    """
    if config is None:
        return Association()
    plan_id, override, rules = config.price_plan_id, PricePlanDetailsPatch(), None
    if config.schedule_id is not None:
        piece = _schedule(work, timeline, config.schedule_id)
        plan_id = plan_id or piece.price_plan_id
        plan = work.state.price_plans.find(plan_id)
        if plan is not None:
            override = override_between(plan.details, terms_of(work, [piece])[piece.id])
            rules = rules_between(plan.version.pricing_rules, rules_of(work, [piece])[piece.id])
    if config.pricing_cycle_config_override is not None:
        override = msgspec.structs.replace(override, pricing_cycle_config=config.pricing_cycle_config_override)
    return Association(plan_id, override, rules)


def _schedule(work: Work, timeline: Timeline, schedule_id: str) -> Schedule:
    """A schedule of this draft, or of any account's timeline in force."""
    drafted = next((piece for piece in timeline if piece.id == schedule_id), None)
    piece = drafted or work.state.schedules.among([schedule_id]).get(schedule_id)
    if piece is None:
        raise invalid(f"{_CONFIG}.scheduleId", f"schedule {schedule_id!r} not found")
    return piece


def _in_v2(path: str) -> str:
    """A path in v1's edit as v2's has it."""
    known = next((name for name in _IN_V2 if path.startswith(name)), "")
    return _IN_V2.get(known, "") + path.removeprefix(known)


def _errors(work: Work, active: Timeline, after: Timeline) -> list[EntityError]:
    """Everything that keeps a draft from being put in force, by schedule."""
    zone, told = work.organisation.zone, f"a change of plan starts tomorrow, on {tomorrow(work)}, at the earliest"
    errors = [
        _error(_touched(after, at) or _touched(active, at), f"{told}, not on {local_date(at, zone)}")
        for at in early_moves(work, active, after)
    ]
    errors += [
        _error(piece_at(after, piece.within.start), reason_against(work, piece))
        for piece in displaced(work, active, after)
    ]
    errors += [_error(piece_at(active, work.now), reason_for(work, owed)) for owed in stranded(work, active, after)]
    unchanged = {piece.id for piece in active if piece in after}
    changed = [piece for piece in after if piece.id not in unchanged]
    plans = work.state.price_plans.among({piece.price_plan_id for piece in changed})
    for piece in changed:
        plan = plans[piece.price_plan_id]
        if plan.status is not PlanStatus.ACTIVE:
            errors.append(_error(piece, f"price plan {plan.id!r} is {plan.status}"))
        version = agreed_version(piece, plan)
        details, rules = agreed_terms(piece, version), agreed_rules(piece, version)
        problems = terms_problems(details, plan.type) + item_problems(work, details)
        errors += [
            entity_error(details, rules, problem, reference_id=piece.id, entity_id=piece.id, entity_type=_SCHEDULE)
            for problem in in_v2(problems + pricing_rule_problems(rules, details))
        ]
    return errors


def _place(error: EntityError) -> str:
    """What an error is about, where its message does not say it."""
    return f"rate card {error.entity_id!r}" if error.entity_type == "RATE_CARD" else ""


def _touched(timeline: Timeline, instant: datetime) -> Schedule | None:
    """The schedule that starts or ends at an instant, or is in force then."""
    bounds = (piece for piece in timeline if instant in {piece.within.start, piece.within.end})
    return next(bounds, None) or piece_at(timeline, instant)


def _error(piece: Schedule | None, message: str) -> EntityError:
    name = "" if piece is None else piece.id
    return EntityError(reference_id=name, entity_id=name, entity_type=_SCHEDULE, error_message=message)


def _listed(work: Work, timeline: Timeline) -> AccountSchedules:
    plans = work.state.price_plans.among({piece.price_plan_id for piece in timeline})
    return AccountSchedules(data=[_shown(piece, plans[piece.price_plan_id]) for piece in timeline])


def _shown(piece: Schedule, plan: PricePlan) -> AccountSchedule:
    version = agreed_version(piece, plan)
    terms = agreed_terms(piece, version)
    return AccountSchedule(
        id=piece.id,
        account_id=piece.account_id,
        price_plan_id=plan.id,
        price_plan_info=PricePlanInfo(name=plan.name, description=plan.description),
        version=version.version,
        start_date=piece.within.start,
        end_date=piece.within.end,
        is_overridden=piece.has_own_terms or has_own_cycle(piece, version),
        deferred_revenue=terms.deferred_revenue,
        allow_ongoing_cycle_updates=terms.allow_ongoing_cycle_updates,
        account_schedule_info=ScheduleInfo(
            pricing_cycle_config=agreed_cycle(piece),
            supported_currencies=terms.supported_currencies,
            pricing_rules=agreed_rules(piece, version),
        ),
    )
