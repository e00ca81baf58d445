"""What an operation would change, shown before it is done: the same operation, run and rolled back.

What somebody watches is looked at before and after. A view's `state` is what the preview rests on: a commit that
would find or leave another state is refused. Its `figures` are shown beside and may move on, as usage does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from tallystick.kernel.document import Document, encode
from tallystick.kernel.errors import conflict
from tallystick.kernel.period import local_date
from tallystick.kernel.quantity import plain
from tallystick.operations import credits
from tallystick.operations.accounts import live_account
from tallystick.operations.drafts import draft_bills
from tallystick.operations.price_plans import live_plan
from tallystick.operations.work import Work, like

Operation: TypeAlias = Callable[..., Any]


class View(Document, frozen=True, kw_only=True, omit_defaults=False):
    """What is watched, at one moment."""

    state: dict[str, Any]
    figures: dict[str, Any] = {}


class Effect(Document, frozen=True, kw_only=True, omit_defaults=False):
    """What an operation changes of what is watched."""

    before: View
    after: View

    @property
    def digest(self) -> str:
        """The same for effects that rest on the same states."""
        return hashlib.sha256(encode([self.before.state, self.after.state])).hexdigest()[:32]


Watch: TypeAlias = Callable[[Work, Mapping[str, Any]], View]
"""Looks at what an operation with these arguments is about."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A preview that somebody was shown: its name, what it rests on, and until when it may be committed."""

    id: str
    effect: str
    expires_at: datetime


def previewed(operation: Operation, watch: Watch) -> Operation:
    """The operation that tells the effect of another one; whoever runs it rolls it back."""

    @like(operation, with_events=True)
    def preview(work: Work, **arguments: Any) -> Effect:  # noqa: ANN401 - those of the operation
        return _effect(work, operation, watch, arguments)[0]

    return preview


def committed(operation: Operation, watch: Watch, preview: Preview) -> Operation:
    """The operation that does what a preview showed, once, if it still rests on the same state.

    It raises BillingError of kind CONFLICT with the code preview_used or preview_stale.
    """

    @like(operation)
    def commit(work: Work, **arguments: Any) -> Any:  # noqa: ANN401 - those of the operation
        if not work.state.use_preview(preview.id, preview.expires_at):
            raise conflict("this preview was committed before: it counts once", "previewToken", "preview_used")
        effect, answer = _effect(work, operation, watch, arguments)
        if effect.digest != preview.effect:
            reason = "what the preview rests on has changed since: look at a new one"
            raise conflict(reason, "previewToken", "preview_stale")
        return answer

    return commit


def credit_view(work: Work, arguments: Mapping[str, Any]) -> View:
    """The credits of an account, and what its running invoices come to with them."""
    balance = credits.get_credit_balance(work, arguments["account_id"])
    state = {
        "accountId": arguments["account_id"],
        "currency": balance.unit,
        "activeCredits": balance.active_credits,
        "availableBalance": balance.available_balance,
    }
    figures = {"runningBalance": balance.running_balance, "draftInvoices": _drafts(work, arguments["account_id"])}
    return View(state=state, figures=figures)


def agreement_view(work: Work, arguments: Mapping[str, Any]) -> View:
    """The price plans of an account over time, and what its running invoices come to."""
    account = live_account(work, arguments["account_id"])
    zone = work.organisation.zone
    pieces = sorted(work.state.schedules.of([account.id])[account.id], key=lambda piece: piece.within.start)
    plans = work.state.price_plans.among({piece.price_plan_id for piece in pieces})
    timeline = [
        {
            "pricePlanId": piece.price_plan_id,
            "pricePlanName": plans[piece.price_plan_id].name,
            "effectiveFrom": local_date(piece.within.start, zone),
            "effectiveUntil": local_date(piece.within.end, zone),
        }
        for piece in pieces
    ]
    state = {"accountId": account.id, "currency": account.invoice_currency, "pricePlans": timeline}
    return View(state=state, figures={"draftInvoices": _drafts(work, account.id)})


def plan_view(work: Work, arguments: Mapping[str, Any]) -> View:
    """A price plan's status and currencies, and the terms that they would put in force."""
    plan = live_plan(work, arguments["price_plan_id"])
    state = {
        "pricePlanId": plan.id,
        "name": plan.name,
        "status": plan.status,
        "activeCurrencies": plan.details.active_currencies,
        "pricePlanDetails": plan.details,
        "pricingRules": plan.version.pricing_rules,
    }
    return View(state=state)


def _effect(work: Work, operation: Operation, watch: Watch, arguments: Mapping[str, Any]) -> tuple[Effect, Any]:
    before = watch(work, arguments)
    answer = operation(work, **arguments)
    return Effect(before=before, after=watch(work, arguments)), answer


def _drafts(work: Work, account_id: str) -> list[dict[str, Any]]:
    """The draft invoices of an account with what they come to; None, where one cannot be billed."""
    zone = work.organisation.zone
    drafted = draft_bills(work, [account_id])
    return [
        {
            "startDate": local_date(record.cycle.period.start, zone),
            "endDate": local_date(record.cycle.period.end, zone),
            "totalAmount": plain(drafted.bills[record.id].total.amount) if record.id in drafted.bills else None,
        }
        for record in work.state.invoices.drafts_of([account_id])
    ]
