"""The rate cards of a schedule (v2): list them, and let a schedule of a draft have cards of its own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import msgspec
from msgspec import UNSET

from tallystick.accounts.schedule import Schedule
from tallystick.accounts.schedule_draft import TimelineMode
from tallystick.catalog.card_operations import in_request, operated
from tallystick.catalog.plan_card import RateCard, RateCardOperations, cards_of, shown
from tallystick.catalog.plan_override import override_between
from tallystick.catalog.plan_rules import terms_problems
from tallystick.catalog.price_plan import PricePlanDetails, PricePlanDetailsPatch
from tallystick.kernel.errors import refuse_if_any
from tallystick.operations.answers import Listed
from tallystick.operations.cycles import agreed_terms, agreed_version, terms_of
from tallystick.operations.named_schedules import changed_in_draft, known_schedule, schedule_in
from tallystick.operations.pages import page_of
from tallystick.operations.plan_cards import ChangedCards
from tallystick.operations.plan_drafts import in_v2
from tallystick.operations.price_plans import item_problems
from tallystick.operations.work import Work, command, query


@query
def list_schedule_rate_cards(
    work: Work, schedule_id: str, *, mode: TimelineMode, page_size: int | None = None, next_token: str | None = None
) -> Listed[RateCard]:
    """Page through the rate cards of a schedule in force, or of one in a draft."""
    cards = _shown(work, schedule_in(work, schedule_id, mode))
    return page_of(work, f"schedule_rate_cards_{mode}", schedule_id, cards, page_size, next_token)


@command
def change_schedule_rate_cards(work: Work, schedule_id: str, changes: RateCardOperations) -> ChangedCards:
    """Create, replace and delete rate cards of a schedule in a draft, by their names; all of it is done, or nothing.

    A draft of the account's timeline is opened first when there is none, as a copy of the one in force.
    """
    changed = changed_in_draft(work, schedule_id, partial(_changed, work, changes))
    return ChangedCards(rate_cards=_shown(work, changed))


def schedule_terms(work: Work, schedule_id: str) -> PricePlanDetails | None:
    """The terms of a schedule in a draft or in force, if there is one."""
    piece = known_schedule(work, schedule_id)
    return None if piece is None else terms_of(work, [piece])[piece.id]


def _changed(work: Work, changes: RateCardOperations, piece: Schedule) -> Schedule:
    """A schedule with changed cards, which stand in the place of its plan's.

    Raises:
        BillingError: of kind INVALID, naming every problem.
    """
    plan = work.state.price_plans.get(piece.price_plan_id)
    version = agreed_version(piece, plan)
    result = operated(agreed_terms(piece, version), changes.operations)
    found = in_v2(terms_problems(result.details, plan.type) + item_problems(work, result.details))
    refuse_if_any([*result.problems, *in_request(found, result.origins)])
    cycle = UNSET if piece.override is None else piece.override.pricing_cycle_config
    between = override_between(agreed_terms(replace(piece, override=None), version), result.details)
    override = msgspec.structs.replace(between, pricing_cycle_config=cycle)
    return replace(piece, override=None if override == PricePlanDetailsPatch() else override)


def _shown(work: Work, piece: Schedule) -> list[RateCard]:
    cards = cards_of(terms_of(work, [piece])[piece.id])
    return [
        shown(one, price_plan_id=piece.price_plan_id, reference_id=piece.id, account_id=piece.account_id)
        for one in cards
    ]
