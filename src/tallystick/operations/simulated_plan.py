"""The new terms of a simulation: a stored plan, such a plan with changes, or terms that belong to no plan yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tallystick.catalog.fields import Id
from tallystick.catalog.plan_override import overridden
from tallystick.catalog.plan_rules import details_of, terms_problems
from tallystick.catalog.price_plan import (
    PlanStatus,
    PlanType,
    PlanVersion,
    PricePlanDetails,
    PricePlanDetailsDraft,
    PricePlanDetailsPatch,
)
from tallystick.catalog.pricing_rule import PricingRule, PricingRuleDrafts, rules_of
from tallystick.catalog.pricing_rule_checks import pricing_rule_problems
from tallystick.kernel.document import Draft
from tallystick.kernel.errors import Problem, invalid, refuse_if_any
from tallystick.operations.price_plans import item_problems
from tallystick.operations.work import Work


class SimulatedPlan(Draft, frozen=True, kw_only=True):
    """The new terms as a caller names or writes them.

    `version` is by default the active one, or the draft of a plan that was never finalised. Of `changes`, each key that
    is sent replaces the old value; `pricingRules` replace all that the plan has.
    """

    price_plan_id: Id | None = None
    version: int | None = None
    changes: PricePlanDetailsPatch | None = None
    price_plan_details: PricePlanDetailsDraft | None = None
    pricing_rules: PricingRuleDrafts | None = None


@dataclass(frozen=True, slots=True)
class NewTerms:
    """What accounts would have agreed on, and which version of which plan that is made of, if any."""

    details: PricePlanDetails
    rules: Sequence[PricingRule]
    price_plan_id: str | None = None
    version: int | None = None


def new_terms(work: Work, asked: SimulatedPlan) -> NewTerms:
    """The terms as they stand now.

    Raises:
        BillingError: of kind INVALID, with everything that is wrong with them.
    """
    if asked.price_plan_id is None:
        return _unplanned(work, asked)
    if asked.price_plan_details is not None:
        raise invalid("plan.pricePlanDetails", "stands beside a pricePlanId: send changes to that plan, or terms alone")
    version = _version(work, asked.price_plan_id, asked.version)
    details = overridden(version.price_plan_details, asked.changes)
    rules = _rules(work, asked, version.pricing_rules)
    problems = [] if asked.changes is None else _problems(work, details)
    refuse_if_any(_at("plan.changes", problems) + pricing_rule_problems(rules, details, "plan.pricingRules"))
    return NewTerms(details, rules, asked.price_plan_id, version.version)


def _unplanned(work: Work, asked: SimulatedPlan) -> NewTerms:
    """Terms that came along."""
    problems = [
        Problem(f"plan.{name}", "belongs to a pricePlanId: send that too")
        for name, sent in (("version", asked.version), ("changes", asked.changes))
        if sent is not None
    ]
    if asked.price_plan_details is None:
        problems.append(Problem("plan", "is empty: send a pricePlanId or pricePlanDetails"))
    refuse_if_any(problems)
    assert asked.price_plan_details is not None, "its absence is among the problems"
    details, rules = details_of(asked.price_plan_details, PlanType.BILLING), _rules(work, asked, ())
    problems = _problems(work, details)
    refuse_if_any(_at("plan.pricePlanDetails", problems) + pricing_rule_problems(rules, details, "plan.pricingRules"))
    return NewTerms(details, rules)


def _version(work: Work, price_plan_id: str, number: int | None) -> PlanVersion:
    plan = work.state.price_plans.find(price_plan_id)
    if plan is None or plan.status is PlanStatus.ARCHIVED:
        raise invalid("plan.pricePlanId", f"price plan {price_plan_id!r} not found")
    if plan.type is not PlanType.BILLING:
        raise invalid("plan.pricePlanId", f"price plan {price_plan_id!r} is a {plan.type} plan, which bills no cycles")
    version = plan.version if number is None else plan.numbered(number)
    if version is None:
        raise invalid("plan.version", f"price plan {price_plan_id!r} has no version {number}")
    return version


def _rules(work: Work, asked: SimulatedPlan, kept: Sequence[PricingRule]) -> Sequence[PricingRule]:
    if asked.pricing_rules is None:
        return kept
    return rules_of(asked.pricing_rules, kept, partial(work.ids.mint, "pp_rule"))


def _problems(work: Work, details: PricePlanDetails) -> list[Problem]:
    return terms_problems(details, PlanType.BILLING) + item_problems(work, details)


def _at(path: str, problems: list[Problem]) -> list[Problem]:
    """Problems of terms under the name that they have here."""
    return [Problem(found.path.replace("pricePlanDetails", path, 1), found.reason) for found in problems]
