"""Purchases and proposals as answers show them: with the terms that were bought, or short, in a list."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from tallystick.accounts.proposal import PaymentMode, Proposal
from tallystick.accounts.purchase import Purchase, PurchaseStatus, PurchaseType, WalletTopupDetails
from tallystick.catalog.plan_override import shown
from tallystick.catalog.price_plan import PricePlanDetails
from tallystick.kernel.document import Document

P = TypeVar("P", bound=Purchase)


class PurchasedFeature(Document, frozen=True, kw_only=True):
    """Units of a feature that a purchase has granted, and what is left of them."""

    id: str
    name: str
    credits_granted: Decimal
    credits_available: Decimal
    updated_at: datetime
    effective_from: datetime
    effective_until: datetime


class PurchaseDetails(Purchase, frozen=True, kw_only=True):
    """A purchase with the terms that were bought, and the units of features that it has granted."""

    purchase_plan: PricePlanDetails | None = None
    features: list[PurchasedFeature] = []

    @classmethod
    def of(
        cls, purchase: Purchase, terms: PricePlanDetails | None, features: list[PurchasedFeature]
    ) -> PurchaseDetails:
        """The view on one purchase."""
        return cls(**_fields(displayed(purchase), Purchase), purchase_plan=terms, features=features)


class PurchaseListItem(Document, frozen=True, kw_only=True):
    """A purchase as lists show it."""

    id: str
    price_plan_id: str | None = None
    price_plan_name: str | None = None
    price_plan_version: int | None = None
    quantity: int | None = None
    rate_card_quantities: dict[str, Decimal] = {}
    status: PurchaseStatus
    idempotency_key: str | None = None
    purchase_plan: PricePlanDetails | None = None
    wallet_topup_details: WalletTopupDetails | None = None
    price: Decimal | None = None
    invoice_currency: str | None = None
    created_at: datetime
    updated_at: datetime
    type: PurchaseType

    @classmethod
    def of(cls, purchase: Purchase, plan_name: str | None, terms: PricePlanDetails | None) -> PurchaseListItem:
        """The view on one purchase."""
        return cls(**_fields(purchase, cls), price_plan_name=plan_name, purchase_plan=terms)


class ProposalListItem(Document, frozen=True, kw_only=True):
    """A proposal as lists show it."""

    id: str
    price_plan_id: str | None = None
    price_plan_name: str | None = None
    price_plan_version: int | None = None
    status: PurchaseStatus
    wallet_topup_details: WalletTopupDetails | None = None
    idempotency_key: str | None = None
    created_at: datetime
    updated_at: datetime
    expiry_date: datetime | None = None
    payment_mode: PaymentMode
    type: PurchaseType

    @classmethod
    def of(cls, proposal: Proposal, plan_name: str | None) -> ProposalListItem:
        """The view on one proposal."""
        return cls(**_fields(proposal, cls), price_plan_name=plan_name)


def displayed(one: P) -> P:
    """A purchase or proposal without the empty lists of its overrides, which official clients do not read."""
    plan, agreed = one.purchase_plan_override, one.association_override
    return msgspec.structs.replace(
        one,
        purchase_plan_override=None if plan is None else plan.shown(),
        association_override=None if agreed is None else shown(agreed),
    )


def _fields(one: Purchase, kind: type[Document]) -> dict[str, Any]:
    """What a view shows of a purchase as it is."""
    return {name: getattr(one, name) for name in kind.__struct_fields__ if name in one.__struct_fields__}
