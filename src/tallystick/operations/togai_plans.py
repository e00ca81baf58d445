"""Price plans as the Togai wire knows them: without percentages, which its clients cannot read.

Plans that have some are under `/v1/price-plans` and in the catalogue. They are not listed here, and whoever names one
is told where it is; accounts take them like any other plan.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

from msgspec import UnsetType

from tallystick.catalog.percentage_rules import ELSEWHERE, beyond_togai, card_beyond_togai
from tallystick.catalog.plan_card import RateCardOperations
from tallystick.catalog.price_plan import PlanStatus, PlanType, PricePlanDraft, PricePlanListItem, PricePlanPatch
from tallystick.catalog.price_plan_v2 import PricePlanV2
from tallystick.kernel.errors import BillingError, Kind, Problem, invalid, refuse_if_any
from tallystick.kernel.paging import PageRequest
from tallystick.operations import plan_drafts, price_plans, revenue_calculator
from tallystick.operations.answers import Listed
from tallystick.operations.revenue_calculator import CalculatedRevenue, CalculatedRevenueV2
from tallystick.operations.revenue_question import RevenueQuestion
from tallystick.operations.schedule_cards import schedule_terms
from tallystick.operations.work import Work, event_query, query

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


def on_togai(operation: F) -> F:
    """An operation on plans or schedules as this wire offers it: it takes no percentages, and shows none."""

    @functools.wraps(operation)
    def offered(work: Work, **arguments: Any) -> Any:  # noqa: ANN401 - whatever the operation takes and answers
        refuse_if_any([problem for sent in arguments.values() for problem in _beyond(sent)])
        if "price_plan_id" in arguments:
            _refuse_plan(work, arguments["price_plan_id"])
        if "schedule_id" in arguments:
            _refuse_schedule(work, arguments["schedule_id"])
        return operation(work, **arguments)

    return cast("F", offered)


@query
def list_price_plans(
    work: Work, page: PageRequest, *, status: PlanStatus | None = None, type: PlanType | None = None
) -> Listed[PricePlanListItem]:
    """Page through plans, without their rate cards; archived ones only when asked for."""
    return price_plans.listed(work.state.togai_plans, page, status, type)


@query
def list_price_plans_v2(work: Work, page: PageRequest) -> Listed[PricePlanV2]:
    """Page through plans, each in its last version, which may be a draft; archived ones are left out."""
    return plan_drafts.listed(work.state.togai_plans, page)


@event_query
def calculate_revenue(work: Work, question: RevenueQuestion) -> CalculatedRevenue:
    """What an existing or a new plan comes to for some usage, card by card; nothing is stored."""
    calculated = revenue_calculator.calculate_revenue(work, question)
    _refuse_calculated(has_percentages=calculated.price_plan_details.has_percentages)
    return calculated


@event_query
def calculate_revenue_v2(work: Work, question: RevenueQuestion) -> CalculatedRevenueV2:
    """What an existing or a new plan comes to for some usage, each card as v2 has it; nothing is stored."""
    calculated = revenue_calculator.calculate_revenue_v2(work, question)
    cards = [info.rate_card.rate_card_details.usage_rate_card for info in calculated.revenue_info]
    _refuse_calculated(has_percentages=any(card is not None and card.has_percentages for card in cards))
    return calculated


def _beyond(sent: object) -> Iterator[Problem]:
    """What this wire does not know of what somebody sent."""
    if isinstance(sent, PricePlanDraft | PricePlanPatch):
        cards = getattr(sent.price_plan_details, "usage_rate_cards", ())
        yield from beyond_togai("pricePlanDetails.usageRateCards", () if isinstance(cards, UnsetType) else cards)
    if isinstance(sent, RateCardOperations):
        for position, one in enumerate(sent.operations):
            card = one.rate_card and one.rate_card.rate_card_details.usage_rate_card
            if card:
                yield from card_beyond_togai(f"operations[{position}].rateCard.rateCardDetails.usageRateCard", card)


def _refuse_plan(work: Work, price_plan_id: str) -> None:
    """A plan that this wire does not know is not found, by a reason that says where it is."""
    plan = work.state.price_plans.find(price_plan_id)
    if plan is not None and plan.has_percentages:
        reason = f"price plan {plan.id!r} has percentages: it is {ELSEWHERE}"
        raise BillingError(Kind.NOT_FOUND, "price_plan_not_found", Problem("", reason))


def _refuse_schedule(work: Work, schedule_id: str) -> None:
    """The cards of a schedule that this wire does not know are not found, by a reason that says where they are."""
    terms = schedule_terms(work, schedule_id)
    if terms is not None and terms.has_percentages:
        reason = f"schedule {schedule_id!r} has percentages: its plan is {ELSEWHERE}"
        raise BillingError(Kind.NOT_FOUND, "schedule_not_found", Problem("", reason))


def _refuse_calculated(*, has_percentages: bool) -> None:
    if has_percentages:
        raise invalid("pricePlanDetailsConfig", "the plan has percentages: ask POST /v1/revenue-calculator")
