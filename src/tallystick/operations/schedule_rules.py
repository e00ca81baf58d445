"""The pricing rules of a schedule (v2): list them, and let a schedule of a draft have rules of its own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from tallystick.accounts.schedule import Schedule
from tallystick.accounts.schedule_draft import TimelineMode
from tallystick.catalog.pricing_rule import PricingRules, PricingRulesChange, rules_of, say_the_same
from tallystick.catalog.pricing_rule_checks import pricing_rule_problems
from tallystick.kernel.errors import refuse_if_any
from tallystick.operations import cycles
from tallystick.operations.cycles import agreed_rules, agreed_terms, agreed_version
from tallystick.operations.named_schedules import changed_in_draft, schedule_in
from tallystick.operations.work import Work, command, query


@query
def list_schedule_pricing_rules(work: Work, schedule_id: str, *, mode: TimelineMode) -> PricingRules:
    """The pricing rules that hold for a schedule in force, or for one in a draft: those of its plan, or its own."""
    return _shown(work, schedule_in(work, schedule_id, mode))


@command
def replace_schedule_pricing_rules(work: Work, schedule_id: str, change: PricingRulesChange) -> PricingRules:
    """Put rules in the place of all that hold for a schedule in a draft; left out, its plan's hold again.

    A draft of the account's timeline is opened first when there is none, as a copy of the one in force.
    """
    return _shown(work, changed_in_draft(work, schedule_id, partial(_changed, work, change)))


def _changed(work: Work, change: PricingRulesChange, piece: Schedule) -> Schedule:
    """A schedule with other rules; where they say what its plan's do, the plan's hold.

    Raises:
        BillingError: of kind INVALID, naming every problem.
    """
    if change.pricing_rules is None:
        return replace(piece, pricing_rules=None)
    version = agreed_version(piece, work.state.price_plans.get(piece.price_plan_id))
    rules = rules_of(change.pricing_rules, agreed_rules(piece, version), partial(work.ids.mint, "pp_rule"))
    refuse_if_any(pricing_rule_problems(rules, agreed_terms(piece, version)))
    return replace(piece, pricing_rules=None if say_the_same(rules, version.pricing_rules) else tuple(rules))


def _shown(work: Work, piece: Schedule) -> PricingRules:
    return PricingRules(data=cycles.rules_of(work, [piece])[piece.id])
