"""The rate cards of a plan (v2): list them, and change several at once."""

from __future__ import annotations

from tallystick.catalog.card_operations import in_request, operated
from tallystick.catalog.plan_card import RateCard, RateCardOperations, cards_of, shown
from tallystick.catalog.plan_rules import terms_problems
from tallystick.catalog.plan_versions import edited, opened
from tallystick.catalog.price_plan import PricePlan
from tallystick.kernel.document import Document
from tallystick.kernel.errors import refuse_if_any
from tallystick.operations.answers import Listed
from tallystick.operations.pages import page_of
from tallystick.operations.plan_drafts import in_v2
from tallystick.operations.price_plans import item_problems, live_plan
from tallystick.operations.work import Work, command, query


class ChangedCards(Document, frozen=True, kw_only=True, omit_defaults=False):
    """The cards of a plan after they were changed."""

    rate_cards: list[RateCard]


@query
def list_rate_cards(
    work: Work, price_plan_id: str, *, page_size: int | None = None, next_token: str | None = None
) -> Listed[RateCard]:
    """Page through the rate cards of a plan's last version, which may be a draft."""
    plan = live_plan(work, price_plan_id)
    return page_of(work, "rate_cards", plan.id, _shown(plan), page_size, next_token)


@command
def change_rate_cards(work: Work, price_plan_id: str, changes: RateCardOperations) -> ChangedCards:
    """Create, replace and delete rate cards of a plan's draft, by their names; all of it is done, or nothing.

    On top of an active version a draft is opened first, as a copy.
    """
    plan = opened(live_plan(work, price_plan_id), work.ids.mint("sch"), work.now)
    result = operated(plan.latest.price_plan_details, changes.operations)
    found = in_v2(terms_problems(result.details, plan.type) + item_problems(work, result.details))
    refuse_if_any([*result.problems, *in_request(found, result.origins)])
    changed = edited(plan, plan.latest, work.now, price_plan_details=result.details)
    work.state.price_plans.replace(changed, work.now)
    return ChangedCards(rate_cards=_shown(changed))


def _shown(plan: PricePlan) -> list[RateCard]:
    version = plan.latest
    cards = cards_of(version.price_plan_details)
    return [shown(one, price_plan_id=plan.id, reference_id=version.id) for one in cards]
