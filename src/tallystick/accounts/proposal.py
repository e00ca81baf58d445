"""Proposals: purchases that somebody has to approve before they expire (domain.md 1.4, 5.5).

An approved one goes on as a purchase with the same id; the proposal itself stays PROPOSAL_APPROVED.
"""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.accounts.purchase import Purchase, PurchaseDraft, PurchaseStatus
from tallystick.kernel.document import Draft
from tallystick.kernel.errors import Problem, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping


class PaymentMode(enum.StrEnum):
    """Whether what was approved is paid first, or carried out at once."""

    PREPAID = "PREPAID"
    POSTPAID = "POSTPAID"


class ProposalAnswer(enum.StrEnum):
    """What may be answered to a proposal."""

    APPROVE = "APPROVE"
    DECLINE = "DECLINE"


ENDS: Final[Mapping[ProposalAnswer, PurchaseStatus]] = {
    ProposalAnswer.APPROVE: PurchaseStatus.PROPOSAL_APPROVED,
    ProposalAnswer.DECLINE: PurchaseStatus.PROPOSAL_DECLINED,
}


class ProposalDraft(PurchaseDraft, frozen=True, kw_only=True):
    """What `POST /accounts/{id}/purchase_proposals` takes."""

    payment_mode: PaymentMode


class ProposalStatusUpdate(Draft, frozen=True, kw_only=True):
    """What `POST /purchase_proposals/{id}/update_status` takes."""

    status: ProposalAnswer


class Proposal(Purchase, frozen=True, kw_only=True):
    """A purchase that waits to be approved; `price` is what it would come to."""

    payment_mode: PaymentMode
    proposal_response_date: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can still be answered, as far as its state goes."""
        return self.status is PurchaseStatus.PROPOSAL_ACTIVE

    def answered(self, answer: ProposalAnswer, now: datetime) -> Proposal:
        """The proposal once it was approved or declined.

        Raises:
            BillingError: of kind INVALID, when it was answered before, or its expiry has come.
        """
        if not self.is_open:
            raise invalid("status", f"proposal {self.id!r} is {self.status}: only an active one can be answered")
        if self.expiry_date is not None and now >= self.expiry_date:
            raise invalid("status", f"proposal {self.id!r} expired at {self.expiry_date.isoformat()}")
        return msgspec.structs.replace(self, status=ENDS[answer], proposal_response_date=now, updated_at=now)

    def expired(self, now: datetime) -> Proposal:
        """The proposal once its expiry has come and nobody has answered."""
        return msgspec.structs.replace(self, status=PurchaseStatus.PROPOSAL_EXPIRED, updated_at=now)

    def purchase(self, now: datetime) -> Purchase:
        """The purchase that an approved one becomes; the idempotency key and the expiry were the proposal's."""
        asked = {name: getattr(self, name) for name in Purchase.__struct_fields__}
        changes = {"status": PurchaseStatus.PENDING, "idempotency_key": None, "expiry_date": None}
        return Purchase(**(asked | changes | {"created_at": now, "updated_at": now}))


def proposal_problems(draft: ProposalDraft, expires_on: date | None) -> list[Problem]:
    """What keeps a proposal from being made; `expires_on` is the local day of its expiry."""
    if draft.effective_from is None or expires_on is None or draft.effective_from > expires_on:
        return []
    return [Problem("effectiveFrom", f"is {draft.effective_from}, expected a day after expiryDate, {expires_on}")]
