"""Proposals: make, read, list, approve or decline; the clock lets them expire (domain.md 5.5)."""

from __future__ import annotations

import msgspec

from tallystick.accounts.proposal import (
    PaymentMode,
    Proposal,
    ProposalAnswer,
    ProposalDraft,
    ProposalStatusUpdate,
    proposal_problems,
)
from tallystick.accounts.purchase import PurchaseStatus, draft_problems
from tallystick.accounts.purchase_views import ProposalListItem, displayed
from tallystick.kernel.errors import conflict, refuse_if_any
from tallystick.kernel.paging import PageRequest
from tallystick.kernel.period import local_date
from tallystick.kernel.scope import Scope
from tallystick.operations.accounts import live_account
from tallystick.operations.answers import Listed
from tallystick.operations.purchases import asked, begun, offered, priced, refuse_unpayable
from tallystick.operations.work import Work, catalogue_command, needs, query


@needs(Scope.MONEY)
@catalogue_command
def create_proposal(work: Work, account_id: str, draft: ProposalDraft) -> Proposal:
    """Propose a purchase, which has to be approved before it expires; nothing is billed or changed before that."""
    live_account(work, account_id)
    fields = asked(work, account_id, draft) | {"payment_mode": draft.payment_mode}
    proposal = Proposal(**fields, status=PurchaseStatus.PROPOSAL_ACTIVE)
    if draft.idempotency_key is not None:
        known = work.state.proposals.with_key(account_id, draft.idempotency_key)
        if known is not None:
            return _first(known, proposal)
    expires_on = None
    if proposal.expiry_date is not None:
        expires_on = local_date(proposal.expiry_date, work.organisation.zone)
    refuse_if_any(draft_problems(draft, work.now) + proposal_problems(draft, expires_on))
    work, _, offer = offered(work, proposal)
    if proposal.payment_mode is PaymentMode.PREPAID:
        refuse_unpayable(work, proposal, offer)
    proposal = priced(proposal, offer)
    work.state.proposals.add(proposal, due_at=proposal.expiry_date)
    return displayed(proposal)


@query
def list_proposals(work: Work, account_id: str, page: PageRequest) -> Listed[ProposalListItem]:
    """Page through the proposals of an account, newest first."""
    live_account(work, account_id)
    found, token = work.state.proposals.page(page, account_id)
    plans = work.state.price_plans.among({one.price_plan_id for one in found if one.price_plan_id})
    names = {plan.id: plan.name for plan in plans.values()}
    return Listed(
        data=[ProposalListItem.of(one, names.get(one.price_plan_id or "")) for one in found], next_token=token
    )


@query
def get_proposal(work: Work, purchase_proposal_id: str) -> Proposal:
    """Read a proposal; once it is approved, `GET /purchases/{id}` tells how it goes on."""
    return displayed(work.state.proposals.get(purchase_proposal_id))


@needs(Scope.MONEY)
@catalogue_command
def update_proposal_status(work: Work, purchase_proposal_id: str, update: ProposalStatusUpdate) -> Proposal:
    """Approve or decline a proposal; an approved one goes on as the purchase of the same id."""
    proposal = work.state.proposals.get(purchase_proposal_id)
    answered = proposal.answered(update.status, work.now)
    if update.status is ProposalAnswer.APPROVE:
        is_prepaid = proposal.payment_mode is PaymentMode.PREPAID
        purchase = begun(work, proposal.purchase(work.now), is_prepaid=is_prepaid)
        changes = {"price": purchase.price, "invoice_id": purchase.invoice_id}
        answered = msgspec.structs.replace(answered, **changes)
    work.state.proposals.replace(answered, proposal.status)
    return displayed(answered)


def expire_due(work: Work, limit: int) -> int:
    """Let proposals expire that nobody has answered; answers how many there were."""
    due = work.state.proposals.due_at(work.now, limit)
    for proposal in due:
        work.state.proposals.replace(proposal.expired(work.now), proposal.status)
    return len(due)


def _first(known: Proposal, proposal: Proposal) -> Proposal:
    """The proposal that was made under an idempotency key before.

    Raises:
        BillingError: of kind CONFLICT, when that was another one.
    """
    if not known.asks_the_same(proposal) or known.payment_mode is not proposal.payment_mode:
        raise conflict(f"idempotencyKey {known.idempotency_key!r} was used for another proposal")
    return displayed(known)
