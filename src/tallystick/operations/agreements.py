"""What an account and its plan agree on for a range of days: one edit of a timeline, checked and made a piece.

v1 and v2 make the same agreements; v1 puts them in force at once, v2 into a draft first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import msgspec

from tallystick.accounts.account import Account
from tallystick.accounts.schedule import PlanOverride, Schedule, ScheduleChanged, ScheduleEdit, ScheduleMode
from tallystick.accounts.timeline import Timeline, cut, put_in
from tallystick.catalog.plan_override import (
    OVERRIDE,
    RULES_OVERRIDE,
    in_override,
    overridden,
    override_problems,
    own_rules,
    shown,
)
from tallystick.catalog.price_plan import PlanStatus, PlanType, PricePlan, PricePlanDetails, PricePlanDetailsPatch
from tallystick.catalog.pricing_rule import PricingRule
from tallystick.catalog.pricing_rule_checks import pricing_rule_problems
from tallystick.kernel.errors import Problem, invalid, refuse_if_any
from tallystick.kernel.period import Period
from tallystick.kernel.recurrence import CycleRule
from tallystick.operations.cycles import agreed_cycle, agreed_version, has_own_cycle
from tallystick.operations.price_plans import item_problems
from tallystick.operations.timelines import days_of, refuse_change, retained_rule
from tallystick.operations.work import Work


def edited(
    work: Work,
    account: Account,
    stored: Timeline,
    timeline: Timeline,
    change: ScheduleEdit,
    *,
    version: int | None = None,
    piece_id: str | None = None,
) -> Timeline:
    """A timeline with one edit made; `stored` is the one in force, from which it may differ from tomorrow on.

    What was agreed on earlier names the `version` of the plan and the id that its piece has.

    Raises:
        BillingError: of kind INVALID, with everything that is wrong with the edit by itself, or on this timeline.
    """
    refuse_if_any(_senseless(change))
    within = days_of(work, change.effective_from, change.effective_until)
    zone, new_id = work.organisation.zone, partial(work.ids.mint, "sch")
    if change.mode is ScheduleMode.DISASSOCIATE:
        after = cut(timeline, within, zone, new_id)
    else:
        plan = _plan(work, account, change, version)
        piece = _piece(work, account, plan, within, timeline, change)
        after = put_in(timeline, piece if piece_id is None else replace(piece, id=piece_id), zone, new_id)
    refuse_change(work, stored, after, within)
    return after


def _senseless(change: ScheduleEdit) -> list[Problem]:
    """What makes no sense together."""
    problems: list[Problem] = []
    if change.mode is ScheduleMode.ASSOCIATE and change.price_plan_id is None:
        problems.append(Problem("pricePlanId", "is required to associate a plan"))
    if change.mode is ScheduleMode.DISASSOCIATE:
        sent = {
            "pricePlanId": change.price_plan_id is not None,
            OVERRIDE: change.price_plan_details_override is not None,
            RULES_OVERRIDE: bool(change.pricing_rules_override),
            "retainStartOffsets": change.retain_start_offsets,
        }
        reason = "says nothing to DISASSOCIATE, which takes off whatever plan there is: leave it out"
        problems += [Problem(path, reason) for path, is_sent in sent.items() if is_sent]
    return problems


def named_plan(work: Work, price_plan_id: str | None, version: int | None) -> PricePlan:
    """The plan of an id as it was up to a version, or as it is.

    Raises:
        BillingError: of kind INVALID, when there is none.
    """
    plan = work.state.price_plans.find(price_plan_id or "")
    if plan is None or plan.status is PlanStatus.ARCHIVED:
        raise invalid("pricePlanId", f"price plan {price_plan_id!r} not found")
    return plan if version is None else plan.up_to(version)


def refuse_inactive(plan: PricePlan) -> None:
    """Refuse a plan that is not ACTIVE.

    Raises:
        BillingError: of kind INVALID.
    """
    if plan.status is not PlanStatus.ACTIVE:
        raise invalid("pricePlanId", f"price plan {plan.id!r} is {plan.status}: activate it first")


def refuse_foreign(plan: PricePlan, account: Account) -> None:
    """Refuse a plan that is not active in the account's currency.

    Raises:
        BillingError: of kind INVALID.
    """
    if account.invoice_currency not in plan.details.active_currencies:
        active = ", ".join(plan.details.active_currencies)
        reason = f"price plan {plan.id!r} is active in {active}, the account is billed in {account.invoice_currency}"
        raise invalid("pricePlanId", reason)


def _plan(work: Work, account: Account, change: ScheduleEdit, version: int | None) -> PricePlan:
    """The plan to be put on the account, up to a version; it must be ACTIVE, also in the account's currency."""
    plan = named_plan(work, change.price_plan_id, version)
    refuse_inactive(plan)
    if plan.type is not PlanType.BILLING:
        raise invalid("pricePlanId", f"price plan {plan.id!r} is a {plan.type} plan: it is bought, not associated")
    refuse_foreign(plan, account)
    return plan


@dataclass(frozen=True, slots=True)
class _OwnTerms:
    """What an account gets in the place of a part of a plan's terms, and of its rules; None, where nothing is named."""

    override: PricePlanDetailsPatch | None
    pricing_rules: tuple[PricingRule, ...] | None


def _own_terms(work: Work, account: Account, plan: PricePlan, change: ScheduleEdit) -> _OwnTerms:
    """What an edit puts in the place of the plan's; the rules are held against the cards that hold then.

    Raises:
        BillingError: of kind INVALID, naming every problem.
    """
    override = change.price_plan_details_override
    if override == PricePlanDetailsPatch():
        override = None
    details, problems = overridden(plan.details, override), []
    if override is not None:
        problems += override_problems(plan.details, override, account.invoice_currency)
        problems += in_override(item_problems(work, details))
    kept = plan.version.pricing_rules
    rules = own_rules(kept, change.pricing_rules_override, partial(work.ids.mint, "pp_rule"))
    if rules is not None:
        problems += pricing_rule_problems(rules, details, RULES_OVERRIDE)
    elif override is not None:
        problems += _broken_rules(kept, details)
    refuse_if_any(problems)
    return _OwnTerms(override, rules)


def _broken_rules(rules: Sequence[PricingRule], details: PricePlanDetails) -> list[Problem]:
    """What a plan's pricing rules lack on an account that agrees on these cards in the place of the plan's."""
    return [
        Problem(OVERRIDE, f"leaves the plan's {found.path} behind: {found.reason}")
        for found in pricing_rule_problems(rules, details)
    ]


def _piece(
    work: Work,
    account: Account,
    plan: PricePlan,
    within: Period,
    timeline: Timeline,
    change: ScheduleEdit,
) -> Schedule:
    own = _own_terms(work, account, plan, change)
    config = overridden(plan.details, own.override).pricing_cycle_config
    assert config is not None, "an ACTIVE plan has a pricing cycle"
    if change.retain_start_offsets:
        rule = retained_rule(timeline, within, config)
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
        override=own.override,
        pricing_rules=own.pricing_rules,
    )


def agreed(work: Work, account: Account, timeline: Timeline) -> ScheduleChanged:
    """A timeline as the answer of an edit shows it."""
    plans = work.state.price_plans.among({piece.price_plan_id for piece in timeline})
    return ScheduleChanged(
        account_id=account.id,
        account_name=account.name,
        pricing_schedules=[_override_shown(piece, plans[piece.price_plan_id]) for piece in timeline],
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
        pricing_rules_override=piece.pricing_rules,
    )
