"""Purchases: buy, read, list; and what the clock does with those whose instant has come (domain.md 5.5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from tallystick.accounts.account import Account, AccountStatus
from tallystick.accounts.purchase import Purchase, PurchaseDraft, PurchaseStatus, PurchaseType, draft_problems
from tallystick.accounts.purchase_views import PurchaseDetails, PurchasedFeature, PurchaseListItem, displayed
from tallystick.accounts.timeline import Timeline
from tallystick.catalog.price_plan import PricePlan, PricePlanDetails
from tallystick.invoicing.invoice import InvoiceClass, InvoiceStatus
from tallystick.kernel.errors import conflict, invalid, refuse_if_any
from tallystick.kernel.paging import PageRequest
from tallystick.kernel.period import in_utc, local_midnight
from tallystick.kernel.quantity import ZERO, plain
from tallystick.kernel.scope import Scope
from tallystick.operations.accounts import live_account
from tallystick.operations.answers import Listed
from tallystick.operations.fulfilment import carry_out
from tallystick.operations.orders import lapse, open_credits, raise_order
from tallystick.operations.purchase_offers import Offer, bought_terms, offer_of
from tallystick.operations.timelines import billed_account
from tallystick.operations.work import Work, catalogue_command, needs, query

P = TypeVar("P", bound=Purchase)


@needs(Scope.MONEY)
@catalogue_command
def create_purchase(work: Work, account_id: str, draft: PurchaseDraft) -> Purchase:
    """Buy a plan or money for the wallet: an order is raised, and what it sells is granted once it is paid.

    The same idempotency key answers the first purchase.
    """
    live_account(work, account_id)
    purchase = Purchase(**asked(work, account_id, draft), status=PurchaseStatus.PENDING)
    if draft.idempotency_key is not None:
        known = work.state.purchases.with_key(account_id, draft.idempotency_key)
        if known is not None:
            return _first(known, purchase)
    refuse_if_any(draft_problems(draft, work.now))
    return begun(work, purchase, is_prepaid=True)


@query
def list_purchases(work: Work, account_id: str, page: PageRequest) -> Listed[PurchaseListItem]:
    """Page through the purchases of an account, newest first."""
    live_account(work, account_id)
    found, token = work.state.purchases.page(page, account_id)
    plans = work.state.price_plans.among({one.price_plan_id for one in found if one.price_plan_id})
    items = []
    for one in found:
        plan = plans.get(one.price_plan_id or "")
        items.append(PurchaseListItem.of(one, None if plan is None else plan.name, _bought(one, plan)))
    return Listed(data=items, next_token=token)


@query
def get_purchase(work: Work, purchase_id: str) -> PurchaseDetails:
    """Read a purchase, with the terms that were bought, and the units of features that it has granted."""
    purchase = work.state.purchases.get(purchase_id)
    plan = None if purchase.price_plan_id is None else work.state.price_plans.get(purchase.price_plan_id)
    return PurchaseDetails.of(purchase, _bought(purchase, plan), _features(work, purchase))


def asked(work: Work, account_id: str, draft: PurchaseDraft) -> dict[str, Any]:
    """The fields of a purchase or proposal that a draft asks for."""
    names = set(PurchaseDraft.__struct_fields__) & set(Purchase.__struct_fields__)
    expiry = None if draft.expiry_date is None else in_utc(draft.expiry_date, "expiryDate")
    fields = {name: getattr(draft, name) for name in names} | {"expiry_date": expiry}
    return fields | {
        "id": work.ids.mint("purchase"),
        "account_id": account_id,
        "type": draft.type or PurchaseType.ENTITLEMENT_GRANT,
        "created_at": work.now,
        "updated_at": work.now,
    }


def offered(work: Work, purchase: Purchase) -> tuple[Work, Account, Offer]:
    """What a purchase comes to now, for an account that is billed.

    Raises:
        BillingError: of kind INVALID, with everything that is wrong with it.
    """
    timeline: Timeline = ()
    if purchase.type is PurchaseType.ASSOCIATION:
        work, account, timeline = billed_account(work, purchase.account_id)
    else:
        account = live_account(work, purchase.account_id)
    if account.status is AccountStatus.DRAFT:
        raise invalid("", f"account {account.id!r} is a DRAFT: set its status to ACTIVE first")
    offer = offer_of(work, account, timeline, purchase, open_credits(work, account.id))
    if offer.bill.gross.amount < 0:
        raise invalid("", f"comes to {offer.bill.gross}: a purchase cannot pay anything out")
    return work, account, offer


def begun(work: Work, purchase: Purchase, *, is_prepaid: bool) -> Purchase:
    """A new purchase: its order is raised, or, where it is paid afterwards, it is carried out and billed.

    Raises:
        BillingError: as `offered`.
    """
    work, account, offer = offered(work, purchase)
    purchase = priced(purchase, offer)
    if purchase.type is PurchaseType.ASSOCIATION and not is_prepaid:
        work.state.purchases.add(purchase, due_at=None)
        return _carried_out(work, purchase)
    if is_prepaid:
        refuse_unpayable(work, purchase, offer)
    order = raise_order(work, account, offer, InvoiceClass.ORDER if is_prepaid else InvoiceClass.INVOICE)
    purchase = msgspec.structs.replace(purchase, invoice_id=order.id)
    is_agreed = purchase.type is PurchaseType.ASSOCIATION
    schedule_id = offer.schedule_id if is_agreed else None
    work.state.purchases.add(purchase, due_at=_lapses_at(work, purchase), schedule_id=schedule_id)
    if order.status is InvoiceStatus.PAID or not is_prepaid:
        return _carried_out(work, purchase)
    return displayed(work.state.purchases.get(purchase.id))


def priced(purchase: P, offer: Offer) -> P:
    """A purchase or proposal with what it comes to, before credits, and the version of the plan that it is about."""
    return msgspec.structs.replace(
        purchase,
        price=plain(offer.bill.gross.amount),
        invoice_currency=offer.bill.gross.currency,
        price_plan_version=offer.version,
    )


def attend_due(work: Work, limit: int) -> int:
    """Carry out what was paid, and void the orders that were not paid in time; answers how many there were."""
    due = work.state.purchases.due_at(work.now, limit)
    for purchase in due:
        if purchase.status is PurchaseStatus.IN_PROGRESS:
            carry_out(work, purchase)
        else:
            lapse(work, purchase)
    return len(due)


def _carried_out(work: Work, purchase: Purchase) -> Purchase:
    """A purchase of which nothing is left to be paid, or that is paid afterwards.

    Raises:
        BillingError: of kind INVALID, when it cannot be carried out: then nothing has been bought at all.
    """
    under_way = work.state.purchases.get(purchase.id)
    if under_way.status is PurchaseStatus.PENDING:
        moved = under_way.moved(PurchaseStatus.IN_PROGRESS, work.now)
        work.state.purchases.replace(moved, under_way.status)
        under_way = moved
    if under_way.status is PurchaseStatus.IN_PROGRESS:
        carry_out(work, under_way)
    done = work.state.purchases.get(purchase.id)
    if done.status is PurchaseStatus.FAILURE:
        raise invalid("", done.comment or "cannot be carried out")
    return displayed(done)


def refuse_unpayable(work: Work, purchase: Purchase, offer: Offer) -> None:
    """Refuse an order for a plan that would have started before it could be paid, or whose price nobody knows yet."""
    if offer.licences:
        reason = (
            f"bills licences in advance ({', '.join(offer.licences)}), and how many there will be is not known before "
            "it starts: associate the plan, or propose it POSTPAID"
        )
        raise invalid("pricePlanId", reason)
    starts_at = _starts_at(work, purchase)
    if starts_at is not None and starts_at <= work.now and offer.bill.total:
        raise invalid("effectiveFrom", f"is {purchase.effective_from}: the plan has to start after its order is paid")


def _starts_at(work: Work, purchase: Purchase) -> datetime | None:
    if purchase.type is not PurchaseType.ASSOCIATION or purchase.effective_from is None:
        return None
    return local_midnight(purchase.effective_from, work.organisation.zone)


def _lapses_at(work: Work, purchase: Purchase) -> datetime | None:
    """Until when its order may be paid: before its plan starts, and before it expires."""
    ends = [one for one in (purchase.expiry_date, _starts_at(work, purchase)) if one is not None]
    return min(ends, default=None)


def _first(known: Purchase, purchase: Purchase) -> Purchase:
    """The purchase that was made under an idempotency key before.

    Raises:
        BillingError: of kind CONFLICT, when that was another one.
    """
    if not known.asks_the_same(purchase):
        raise conflict(f"idempotencyKey {known.idempotency_key!r} was used for another purchase")
    return displayed(known)


def _features(work: Work, purchase: Purchase) -> list[PurchasedFeature]:
    """The units of features that a purchase has granted."""
    entries = work.state.feature_credits.bought_with(purchase.account_id, purchase.id)
    features = work.state.features.among({entry.grant.feature_id for entry in entries})
    return [
        PurchasedFeature(
            id=entry.grant.feature_id,
            name=features[entry.grant.feature_id].name,
            credits_granted=entry.grant.granted or ZERO,
            credits_available=ZERO if entry.is_voided else entry.left or ZERO,
            updated_at=entry.updated_at,
            effective_from=entry.grant.valid.start,
            effective_until=entry.grant.valid.end,
        )
        for entry in entries
    ]


def _bought(purchase: Purchase, plan: PricePlan | None) -> PricePlanDetails | None:
    """The terms of a plan that is bought once."""
    return None if plan is None or purchase.type is not PurchaseType.ENTITLEMENT_GRANT else bought_terms(purchase, plan)
