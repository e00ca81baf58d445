"""Price plans (v2): create, read, edit the draft, see what it lacks, finalise or discard it.

v1 and v2 are two views of the same plans. In v2 whatever changes an active plan goes into a draft, its next version,
which nobody gets before it is finalised.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.catalog.plan_card import cards_of, placed
from tallystick.catalog.plan_migration import PlanFinalisation
from tallystick.catalog.plan_rules import missing_for_activation, terms_problems
from tallystick.catalog.plan_versions import discarded, edited, finalised, opened
from tallystick.catalog.price_plan import PlanVersion, PricePlan, PricePlanDetails
from tallystick.catalog.price_plan_v2 import EntityError, PricePlanV2, PricePlanV2Draft, PricePlanV2Patch
from tallystick.catalog.pricing_rule import PricingRule
from tallystick.catalog.pricing_rule_checks import pricing_rule_problems
from tallystick.kernel.document import given
from tallystick.kernel.errors import Problem, invalid, not_found, refuse_if_any
from tallystick.kernel.paging import PageRequest
from tallystick.kernel.scope import Scope
from tallystick.operations.answers import DONE, Done, Listed
from tallystick.operations.pages import page_of
from tallystick.operations.plan_migrations import migrate_to_active
from tallystick.operations.price_plans import drafted, item_problems, live_plan
from tallystick.operations.work import Work, command, needs, query

if TYPE_CHECKING:
    from tallystick.stores.state.documents import Documents

_TERMS: Final = "pricePlanDetails."
_OTHERWISE: Final = {"allow_ongoing_cycle_updates": "allowOngoingCycleUpdates", "pricePlanDetails": ""}
"""Fields of v1 that v2 writes in another way."""

LATEST: Final = "LATEST"
ACTIVE: Final = "ACTIVE"


@command
def create_price_plan_v2(work: Work, draft: PricePlanV2Draft) -> PricePlanV2:
    """Create a plan as a draft without cards, which are added to it afterwards."""
    plan, problems = drafted(work, draft.as_v1())
    refuse_if_any(in_v2(problems))
    work.state.price_plans.add(plan, work.now)
    return PricePlanV2.of(plan, plan.latest)


@query
def get_price_plan_v2(work: Work, price_plan_id: str, *, version: str = LATEST) -> PricePlanV2:
    """Read a plan in its last version, which may be a draft, in its last ACTIVE one, or in the one of a number."""
    plan = live_plan(work, price_plan_id)
    return PricePlanV2.of(plan, version_asked(plan, version))


@query
def list_price_plan_versions(
    work: Work, price_plan_id: str, *, page_size: int | None = None, next_token: str | None = None
) -> Listed[PricePlanV2]:
    """Page through the versions of a plan, newest first."""
    plan = live_plan(work, price_plan_id)
    versions = [PricePlanV2.of(plan, version) for version in reversed(plan.pricing_schedule)]
    return page_of(work, "price_plan_versions", plan.id, versions, page_size, next_token)


@command
def update_price_plan_v2(work: Work, price_plan_id: str, patch: PricePlanV2Patch) -> PricePlanV2:
    """Edit the draft of a plan; on top of an active version one is opened first, as a copy.

    Cards without rates in a currency that is new may get them afterwards: until then the plan cannot be finalised.
    """
    plan = opened(live_plan(work, price_plan_id), work.ids.mint("sch"), work.now)
    changes = given(patch)
    description = changes.pop("description", plan.latest.description)
    details = msgspec.structs.replace(plan.latest.price_plan_details, **changes)
    of_changes = tuple(name for name in msgspec.to_builtins(patch) if name != "description")
    refuse_if_any([one for one in in_v2(terms_problems(details, plan.type)) if one.path.startswith(of_changes)])
    changed = edited(plan, plan.latest, work.now, price_plan_details=details, description=description)
    work.state.price_plans.replace(changed, work.now)
    return PricePlanV2.of(changed, changed.latest)


@query
def list_price_plan_errors(work: Work, price_plan_id: str) -> Listed[EntityError]:
    """What still keeps the draft of a plan from being finalised; nothing, when there is none or it is complete."""
    plan = live_plan(work, price_plan_id)
    if plan.draft is None:
        return Listed(data=[])
    problems = _problems(work, plan, plan.draft)
    return Listed(data=[_entity_error(plan, plan.draft, problem) for problem in problems])


@needs(Scope.MONEY)
@command
def finalize_price_plan(work: Work, price_plan_id: str, finalisation: PlanFinalisation) -> Done:
    """Make the draft of a plan its active version, in every currency that it supports; new agreements take it.

    Accounts that have the plan already move to it only by the `migrationMode`.
    """
    plan = live_plan(work, price_plan_id)
    if plan.draft is None:
        raise invalid("", f"price plan {plan.id!r} has no draft: there is nothing to finalize")
    refuse_if_any(_problems(work, plan, plan.draft))
    currencies = plan.draft.price_plan_details.supported_currencies
    changed = finalised(plan, plan.draft, currencies, work.now)
    work.state.price_plans.replace(changed, work.now)
    migrate_to_active(work, changed, finalisation)
    return DONE


@command
def discard_price_plan(work: Work, price_plan_id: str) -> Done:
    """Throw the draft of a plan away; a plan that was never finalised goes with it."""
    plan = live_plan(work, price_plan_id)
    rest = discarded(plan)
    if rest is None:
        work.state.price_plans.remove(plan.id)
    else:
        work.state.price_plans.replace(rest, work.now)
    return DONE


def version_asked(plan: PricePlan, version: str) -> PlanVersion:
    """The version of a plan that a query means.

    Raises:
        BillingError: of kind NOT_FOUND, when there is none; of kind INVALID for anything that means no version.
    """
    if version in {LATEST, ACTIVE}:
        found = plan.latest if version == LATEST else plan.active
    elif version.isascii() and version.isdecimal():
        found = plan.numbered(int(version))
    else:
        raise invalid("version", f"is {version!r}, expected {LATEST}, {ACTIVE} or a number")
    if found is None:
        raise not_found("version", version, "version")
    return found


def listed(plans: Documents[PricePlan], page: PageRequest) -> Listed[PricePlanV2]:
    """One page of plans, each in its last version."""
    found, token = plans.page(page)
    return Listed(data=[PricePlanV2.of(plan, plan.latest) for plan in found], next_token=token)


def in_v2(problems: Iterable[Problem]) -> list[Problem]:
    """Problems of v1's body with the paths that v2's fields have."""
    found = []
    for problem in problems:
        path = problem.path.removeprefix(_TERMS)
        found.append(Problem(_OTHERWISE.get(path, path), problem.reason))
    return found


def _problems(work: Work, plan: PricePlan, version: PlanVersion) -> list[Problem]:
    """Everything that keeps a version from being finalised."""
    details: PricePlanDetails = version.price_plan_details
    lacking = missing_for_activation(details, details.supported_currencies)
    rules = pricing_rule_problems(version.pricing_rules, details)
    return in_v2(terms_problems(details, plan.type) + item_problems(work, details) + rules + lacking)


def entity_error(
    details: PricePlanDetails,
    rules: Sequence[PricingRule],
    problem: Problem,
    *,
    reference_id: str,
    entity_id: str,
    entity_type: str,
) -> EntityError:
    """A problem of terms in v2's paths, told of the card or rule that it is about, or else of the entity as a whole."""
    message = str(problem)
    for path, one in placed(cards_of(details)):
        rest = problem.path.removeprefix(path)
        if rest != problem.path and rest[:1] in {"", "."}:
            entity_id, entity_type = one.name, "RATE_CARD"
            message = str(Problem(rest.removeprefix("."), problem.reason))
    for position, rule in enumerate(rules):
        if problem.path.startswith(f"pricingRules[{position}]"):
            entity_id, entity_type = rule.id, "PRICING_RULE"
    return EntityError(reference_id=reference_id, entity_id=entity_id, entity_type=entity_type, error_message=message)


def _entity_error(plan: PricePlan, version: PlanVersion, problem: Problem) -> EntityError:
    """A problem of a version, told of the card or rule that it is about, or of the plan as a whole."""
    return entity_error(
        version.price_plan_details,
        version.pricing_rules,
        problem,
        reference_id=version.id,
        entity_id=plan.id,
        entity_type="PRICE_PLAN",
    )
