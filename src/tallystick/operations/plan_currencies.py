"""The currencies of a plan (v1): add one with its rates, take away one that is not active.

A currency that is added is a draft until it is activated, so an active plan is changed in place: nobody has agreed on
prices in it, and all other prices stay.
"""

from __future__ import annotations

from tallystick.catalog.card_operations import in_request
from tallystick.catalog.plan_currency import PlanCurrencyDraft, with_currency, without_currency
from tallystick.catalog.plan_rules import terms_problems
from tallystick.catalog.plan_versions import edited, refuse_open_draft
from tallystick.catalog.price_plan import PricePlan, PricePlanAnswer, PricePlanDetails
from tallystick.kernel.errors import invalid, not_found, refuse_if_any
from tallystick.operations.plan_drafts import in_v2
from tallystick.operations.price_plans import live_plan
from tallystick.operations.work import Work, command


@command
def add_plan_currency(work: Work, price_plan_id: str, draft: PlanCurrencyDraft) -> PricePlanAnswer:
    """Let a plan support another currency, with a rate for each of its cards; nobody pays in it until it is active."""
    plan = _plan(work, price_plan_id)
    if draft.currency in plan.details.supported_currencies:
        raise invalid("currency", f"{draft.currency} is one of the plan's supportedCurrencies already")
    repriced = with_currency(plan.details, draft)
    found = in_v2(terms_problems(repriced.details, plan.type))
    refuse_if_any([*repriced.problems, *in_request(found, repriced.origins)])
    return _stored(work, plan, repriced.details)


@command
def remove_plan_currency(work: Work, price_plan_id: str, currency_id: str) -> PricePlanAnswer:
    """Take a currency that is not active away from a plan, with every rate in it."""
    plan = _plan(work, price_plan_id)
    details = plan.details
    if currency_id not in details.supported_currencies:
        raise not_found("currency", currency_id)
    if currency_id in details.active_currencies:
        raise invalid("", f"{currency_id} is active in price plan {plan.id!r}: only a draft currency can be removed")
    if len(details.supported_currencies) == 1:
        raise invalid("", f"{currency_id} is the only currency of price plan {plan.id!r}: add another one first")
    return _stored(work, plan, without_currency(details, currency_id))


def _plan(work: Work, price_plan_id: str) -> PricePlan:
    plan = live_plan(work, price_plan_id)
    refuse_open_draft(plan)
    return plan


def _stored(work: Work, plan: PricePlan, details: PricePlanDetails) -> PricePlanAnswer:
    changed = edited(plan, plan.version, work.now, price_plan_details=details)
    work.state.price_plans.replace(changed, work.now)
    return changed.answer()
