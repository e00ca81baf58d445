"""Purchases: what an account buys once, pays by an order, and gets when that is paid (domain.md 1.4, 5.5).

A purchase waits for its order (PENDING), is carried out once that is paid (IN_PROGRESS), and ends with SUCCESS or
FAILURE. Where its order is void later on, what was granted is taken back and the purchase has failed after all.
"""

from __future__ import annotations

import enum
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tallystick.catalog.fields import Id, Name255
from tallystick.catalog.price_plan import (
    BillingEntitlementRateCards,
    CreditGrantRateCards,
    FixedFeeRateCards,
    PricePlanDetails,
    PricePlanDetailsPatch,
)
from tallystick.kernel.document import Document, Draft, given
from tallystick.kernel.errors import Problem, conflict
from tallystick.kernel.money import exact_in_minor_unit
from tallystick.kernel.quantity import EXACT, ONE, is_tame, spelled

if TYPE_CHECKING:
    from collections.abc import Mapping

Quantity = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class PurchaseType(enum.StrEnum):
    """What is bought: a plan of type PURCHASE, a BILLING plan, money for the wallet, or what a cycle has PREPAID."""

    ENTITLEMENT_GRANT = "ENTITLEMENT_GRANT"
    ASSOCIATION = "ASSOCIATION"
    WALLET_TOPUP = "WALLET_TOPUP"
    PREPAID = "PREPAID"


class PurchaseStatus(enum.StrEnum):
    """States of purchases and of proposals, which the wire keeps in one set."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    PROPOSAL_ACTIVE = "PROPOSAL_ACTIVE"
    PROPOSAL_APPROVED = "PROPOSAL_APPROVED"
    PROPOSAL_DECLINED = "PROPOSAL_DECLINED"
    PROPOSAL_EXPIRED = "PROPOSAL_EXPIRED"


STEPS: Final[Mapping[PurchaseStatus, frozenset[PurchaseStatus]]] = {
    PurchaseStatus.PENDING: frozenset({PurchaseStatus.IN_PROGRESS, PurchaseStatus.FAILURE}),
    PurchaseStatus.IN_PROGRESS: frozenset({PurchaseStatus.SUCCESS, PurchaseStatus.FAILURE}),
    PurchaseStatus.SUCCESS: frozenset({PurchaseStatus.FAILURE}),
}
"""The steps of a purchase; the last one is what a void order makes of it."""


class PurchasePlanOverride(Draft, frozen=True, kw_only=True):
    """Cards in the place of those of the plan that is bought: each list that is present, whole."""

    fixed_fee_rate_cards: FixedFeeRateCards | UnsetType = UNSET
    billing_entitlement_rate_cards: BillingEntitlementRateCards | UnsetType = UNSET
    credit_grant_rate_cards: CreditGrantRateCards | UnsetType = UNSET

    def as_patch(self) -> PricePlanDetailsPatch:
        """The same as an override of terms."""
        return PricePlanDetailsPatch(**given(self))

    def shown(self) -> PurchasePlanOverride:
        """Without empty lists, which official clients do not read (domain.md 12)."""
        empty = {name: UNSET for name in self.__struct_fields__ if not given(self).get(name)}
        return msgspec.structs.replace(self, **empty)


class WalletTopupDetails(Draft, frozen=True, kw_only=True):
    """How much comes into the wallet, and what that costs: the same, when nothing else is said."""

    topup_amount: Decimal
    purchase_amount: Decimal | None = None

    @property
    def price(self) -> Decimal:
        """What is to be paid."""
        return self.topup_amount if self.purchase_amount is None else self.purchase_amount


class PurchaseDraft(Draft, frozen=True, kw_only=True):
    """What `POST /accounts/{id}/purchases` takes.

    `quantity` multiplies all cards of the plan, `rateCardQuantities` single ones by their billable ids as well.
    """

    type: PurchaseType | None = None
    price_plan_id: Id | None = None
    quantity: Quantity | None = None
    rate_card_quantities: dict[str, Decimal] = {}
    purchase_plan_override: PurchasePlanOverride | None = None
    association_override: PricePlanDetailsPatch | None = None
    wallet_topup_details: WalletTopupDetails | None = None
    effective_from: date | None = None
    effective_until: date | None = None
    expiry_date: datetime | None = None
    idempotency_key: Name255 | None = None


class Purchase(Document, frozen=True, kw_only=True):
    """What an account buys; `price` is that of all of it in `invoiceCurrency`, before credits."""

    id: str
    account_id: str
    type: PurchaseType
    status: PurchaseStatus
    price_plan_id: str | None = None
    price_plan_version: int | None = None
    quantity: int | None = None
    rate_card_quantities: dict[str, Decimal] = {}
    purchase_plan_override: PurchasePlanOverride | None = None
    association_override: PricePlanDetailsPatch | None = None
    wallet_topup_details: WalletTopupDetails | None = None
    effective_from: date | None = None
    effective_until: date | None = None
    expiry_date: datetime | None = None
    idempotency_key: str | None = None
    price: Decimal | None = None
    invoice_id: str | None = None
    invoice_currency: str | None = None
    comment: str | None = None
    created_at: datetime
    updated_at: datetime

    def quantity_of(self, billable_id: str) -> Decimal:
        """How many times a card is bought."""
        return EXACT.multiply(Decimal(self.quantity or 1), self.rate_card_quantities.get(billable_id, ONE))

    def moved(self, status: PurchaseStatus, now: datetime, comment: str | None = None) -> Purchase:
        """The purchase in its next state.

        Raises:
            BillingError: of kind CONFLICT, for a step that there is not.
        """
        if status not in STEPS.get(self.status, ()):
            raise conflict(f"purchase {self.id!r} is {self.status}: it cannot become {status}")
        return msgspec.structs.replace(self, status=status, updated_at=now, comment=comment or self.comment)

    def asks_the_same(self, other: Purchase) -> bool:
        """Whether another one under the same idempotency key asks for the same."""
        return all(getattr(self, name) == getattr(other, name) for name in _ASKED)


_ASKED: Final = (
    "type",
    "price_plan_id",
    "quantity",
    "rate_card_quantities",
    "purchase_plan_override",
    "association_override",
    "wallet_topup_details",
    "effective_from",
    "effective_until",
    "expiry_date",
)

_GRANTED: Final = ("price_plan_id", "quantity", "rate_card_quantities", "purchase_plan_override")
_BELONGING: Final[Mapping[PurchaseType, tuple[str, ...]]] = {
    PurchaseType.ENTITLEMENT_GRANT: _GRANTED,
    PurchaseType.ASSOCIATION: ("price_plan_id", "association_override", "effective_from", "effective_until"),
    PurchaseType.WALLET_TOPUP: ("wallet_topup_details",),
}
_REQUIRED: Final[Mapping[PurchaseType, tuple[str, ...]]] = {
    PurchaseType.ENTITLEMENT_GRANT: ("price_plan_id",),
    PurchaseType.ASSOCIATION: ("price_plan_id", "effective_from"),
    PurchaseType.WALLET_TOPUP: ("wallet_topup_details",),
}


def draft_problems(draft: PurchaseDraft, now: datetime) -> list[Problem]:
    """What makes no sense in a draft by itself: what is missing for its type, and what says nothing to it."""
    kind = draft.type or PurchaseType.ENTITLEMENT_GRANT
    if kind not in _BELONGING:
        reason = "is PREPAID, which the cycles of a plan with PREPAID cards order by themselves: send "
        return [Problem("type", reason + ", ".join(_BELONGING))]
    fields = dict(zip(draft.__struct_fields__, draft.__struct_encode_fields__, strict=True))
    problems = [
        Problem(fields[name], f"is required for {kind}") for name in _REQUIRED[kind] if not getattr(draft, name)
    ]
    every = {name for names in _BELONGING.values() for name in names}
    problems += [
        Problem(fields[name], f"says nothing to {kind}: leave it out")
        for name in fields
        if name in every - set(_BELONGING[kind]) and getattr(draft, name)
    ]
    if draft.expiry_date is not None and draft.expiry_date <= now:
        problems.append(Problem("expiryDate", f"is {draft.expiry_date.isoformat()}, which has passed"))
    return problems + _topup_problems(draft.wallet_topup_details)


def quantity_problems(quantities: Mapping[str, Decimal], details: PricePlanDetails) -> list[Problem]:
    """What is wrong with the quantities of single cards of these terms."""
    problems = []
    for name, quantity in quantities.items():
        path = f"rateCardQuantities.{name}"
        if name not in details.billable_ids:
            known = ", ".join(sorted(details.billable_ids))
            problems.append(Problem(path, f"names no card of what is bought, which has {known or 'none'}"))
        elif not is_tame(quantity) or quantity < 0:
            problems.append(Problem(path, f"is {spelled(quantity)}, expected 0, or a number between 1e-100 and 1e100"))
    return problems


def _topup_problems(topup: WalletTopupDetails | None) -> list[Problem]:
    if topup is None:
        return []
    problems = []
    if topup.topup_amount <= 0:
        problems.append(Problem("walletTopupDetails.topupAmount", f"is {topup.topup_amount:f}, expected more than 0"))
    if topup.price < 0:
        problems.append(Problem("walletTopupDetails.purchaseAmount", f"is {topup.price:f}, expected 0 or more"))
    return problems


def topup_in_ledger(topup: WalletTopupDetails, currency: str) -> None:
    """Refuse amounts that the ledger of a currency cannot hold.

    Raises:
        BillingError: of kind INVALID.
    """
    exact_in_minor_unit(topup.topup_amount, currency, "walletTopupDetails.topupAmount")
    exact_in_minor_unit(topup.price, currency, "walletTopupDetails.purchaseAmount")
