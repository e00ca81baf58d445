"""The states of purchases and proposals, and what a draft may ask for (domain.md 1.4, 5.5)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product

import pytest

from tallystick.accounts.proposal import Proposal, ProposalAnswer, proposal_problems
from tallystick.accounts.purchase import PurchaseDraft, PurchaseStatus, PurchaseType, WalletTopupDetails, draft_problems
from tallystick.kernel.errors import BillingError, Kind
from tests.stores.state import nouns

NOW = datetime(2026, 1, 2, tzinfo=UTC)
S = PurchaseStatus
ALLOWED = {
    (S.PENDING, S.IN_PROGRESS),
    (S.PENDING, S.FAILURE),
    (S.IN_PROGRESS, S.SUCCESS),
    (S.IN_PROGRESS, S.FAILURE),
    (S.SUCCESS, S.FAILURE),
}


@pytest.mark.parametrize(("before", "after"), list(product(S, S)))
def test_every_step_of_a_purchase(before: PurchaseStatus, after: PurchaseStatus) -> None:
    purchase = nouns.purchase(status=before, comment="before")
    if (before, after) not in ALLOWED:
        with pytest.raises(BillingError) as refused:
            purchase.moved(after, NOW)
        assert refused.value.kind is Kind.CONFLICT
        return
    moved = purchase.moved(after, NOW)
    assert (moved.status, moved.updated_at, moved.comment) == (after, NOW, "before")


@pytest.mark.parametrize(("status", "said"), list(product(S, ProposalAnswer)))
def test_every_answer_to_a_proposal(status: PurchaseStatus, said: ProposalAnswer) -> None:
    proposal = nouns.proposal(status=status)
    if status is not S.PROPOSAL_ACTIVE:
        with pytest.raises(BillingError, match="only an active one can be answered"):
            proposal.answered(said, NOW)
        return
    wanted = S.PROPOSAL_APPROVED if said is ProposalAnswer.APPROVE else S.PROPOSAL_DECLINED
    assert (proposal.answered(said, NOW).status, proposal.answered(said, NOW).proposal_response_date) == (wanted, NOW)


def test_its_expiry_is_the_first_instant_at_which_it_cannot_be_answered() -> None:
    proposal: Proposal = nouns.proposal(expiry_date=NOW)
    proposal.answered(ProposalAnswer.APPROVE, datetime(2026, 1, 1, 23, 59, 59, 999999, tzinfo=UTC))
    with pytest.raises(BillingError, match="expired at 2026-01-02"):
        proposal.answered(ProposalAnswer.APPROVE, NOW)


def test_an_approved_one_goes_on_as_a_purchase_without_its_key() -> None:
    purchase = nouns.proposal(expiry_date=NOW).purchase(NOW)
    assert (purchase.id, purchase.status, purchase.idempotency_key) == ("purchase.1", S.PENDING, None)
    assert (purchase.expiry_date, purchase.price_plan_version, purchase.created_at) == (None, 1, NOW)


def test_a_plan_starts_after_its_proposal_has_expired() -> None:
    draft = nouns.proposal(effective_from=date(2026, 1, 10))
    assert proposal_problems(draft, date(2026, 1, 9)) == []
    (problem,) = proposal_problems(draft, date(2026, 1, 10))
    assert str(problem) == "effectiveFrom: is 2026-01-10, expected a day after expiryDate, 2026-01-10"
    assert proposal_problems(draft, None) == []


def test_quantities_multiply() -> None:
    purchase = nouns.purchase(quantity=3)
    assert purchase.quantity_of("addon.fee") == Decimal("3.6")
    assert purchase.quantity_of("addon.other") == 3
    assert nouns.purchase().quantity_of("addon.other") == 1


def test_everything_that_says_nothing_to_a_type_is_named_at_once() -> None:
    draft = PurchaseDraft(
        type=PurchaseType.WALLET_TOPUP,
        price_plan_id="pp.1",
        quantity=2,
        effective_from=date(2026, 2, 1),
        wallet_topup_details=WalletTopupDetails(topup_amount=Decimal(5), purchase_amount=Decimal(-1)),
    )
    assert [str(problem) for problem in draft_problems(draft, NOW)] == [
        "pricePlanId: says nothing to WALLET_TOPUP: leave it out",
        "quantity: says nothing to WALLET_TOPUP: leave it out",
        "effectiveFrom: says nothing to WALLET_TOPUP: leave it out",
        "walletTopupDetails.purchaseAmount: is -1, expected 0 or more",
    ]


def test_what_a_top_up_costs() -> None:
    assert WalletTopupDetails(topup_amount=Decimal(50)).price == 50
    assert WalletTopupDetails(topup_amount=Decimal(50), purchase_amount=Decimal(0)).price == 0
