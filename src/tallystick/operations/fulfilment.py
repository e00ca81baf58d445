"""What happens to a purchase once its order is paid, or void: granted once, or ended (ADR 0036).

It is carried out in the transaction in which the order becomes PAID: but for an association, which changes the
catalogue at a position in the log of events and is left to the billing clock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from tallystick.accounts.purchase import Purchase, PurchaseStatus, PurchaseType
from tallystick.catalog.entitlement import BillingEntitlementRateCard
from tallystick.credits.feature_credit import EntryStatus, FeatureCredit
from tallystick.credits.purchase_units import units_again, units_bought
from tallystick.invoicing.assemble import association_bill
from tallystick.invoicing.invoice import InvoiceClass
from tallystick.invoicing.purchase_bill import purchase_bill
from tallystick.invoicing.record import InvoiceRecord
from tallystick.kernel.errors import BillingError, invalid
from tallystick.kernel.money import Money
from tallystick.kernel.period import local_date
from tallystick.operations.accounts import live_account
from tallystick.operations.agreements import edited
from tallystick.operations.credit_grants import grant_with, take_back
from tallystick.operations.drafts import Pricing
from tallystick.operations.purchase_offers import association, bought_terms, first_cycle
from tallystick.operations.timelines import billed_account, keep_timeline
from tallystick.operations.unit_grants import prepaid_cards
from tallystick.operations.wallets import kept_wallet, put_into_wallet
from tallystick.operations.work import Work
from tallystick.stores.state.database import is_passing
from tallystick.stores.state.wallets import Occasion

_log = logging.getLogger("tallystick.purchases")


def order_paid(work: Work, invoice: InvoiceRecord) -> None:
    """Carry out the purchase whose order has become PAID; an association is left to the clock.

    Of an invoice that is no order, or was paid before, it does nothing.
    """
    if invoice.invoice_class is not InvoiceClass.ORDER:
        return  # nearly every one that wallets pay in a bill run
    purchase = work.state.purchases.of_invoice(invoice.id)
    if purchase is None or purchase.status is not PurchaseStatus.PENDING:
        return
    paid = purchase.moved(PurchaseStatus.IN_PROGRESS, work.now)
    work.state.purchases.replace(paid, purchase.status, due_at=work.now)
    if paid.type is not PurchaseType.ASSOCIATION:
        carry_out(work, paid)


def carry_out(work: Work, purchase: Purchase) -> None:
    """Grant what was bought, all of it or nothing: what cannot be granted is a FAILURE that says why.

    Raises:
        Exception: what the database fails with when it cannot be used now: nothing is decided, and it is tried again.
    """
    try:
        with work.state.attempt():
            _CARRIED_OUT[purchase.type](work, purchase)
    except BillingError as failure:
        ended = purchase.moved(PurchaseStatus.FAILURE, work.now, str(failure))
    except Exception as failure:  # the payment stands, and other accounts must not wait for this one
        if is_passing(failure):
            raise
        _log.exception("purchase %s could not be carried out", purchase.id)
        ended = purchase.moved(PurchaseStatus.FAILURE, work.now, f"the server failed ({type(failure).__name__})")
    else:
        ended = purchase.moved(PurchaseStatus.SUCCESS, work.now)
    work.state.purchases.replace(ended, purchase.status)


def order_void(work: Work, invoice: InvoiceRecord) -> None:
    """End the purchase whose order is void: what was granted is taken back, what has not been granted never will be.

    Raises:
        BillingError: of kind INVALID, when what was sold cannot be taken back with it.
    """
    purchase = work.state.purchases.of_invoice(invoice.id)
    if purchase is None or purchase.status is PurchaseStatus.FAILURE:
        return
    if _is_associated(purchase):
        reason = "take the plan off the account, and give back by a credit what is to be given back"
        raise invalid("status", f"the order of {purchase.id!r} has been carried out: {reason}")
    _take_back(work, purchase)
    void = purchase.moved(PurchaseStatus.FAILURE, work.now, f"its order {invoice.id} is void")
    work.state.purchases.replace(void, purchase.status)


def order_refunded(work: Work, invoice: InvoiceRecord) -> None:
    """Undo a purchase whose money goes back: what it sold is taken back, and credits that paid for it come back.

    A plan that it has put on the account stays there, and is paid for by the credits that did.

    Raises:
        BillingError: of kind INVALID, when what was sold cannot be taken back any more.
    """
    purchase = work.state.purchases.of_invoice(invoice.id)
    if purchase is None:
        return
    take_back(work, invoice)
    _take_back(work, purchase)
    if _is_associated(purchase):
        return
    work.state.credits.give_back(invoice.id, work.now, work.ids)
    if purchase.status is not PurchaseStatus.FAILURE:
        refunded = purchase.moved(PurchaseStatus.FAILURE, work.now, f"its order {invoice.id} is refunded")
        work.state.purchases.replace(refunded, purchase.status)


def _is_associated(purchase: Purchase) -> bool:
    """Whether it has put its plan on the account, from where the timeline alone takes it off."""
    return purchase.type is PurchaseType.ASSOCIATION and purchase.status is PurchaseStatus.SUCCESS


def _take_back(work: Work, purchase: Purchase) -> None:
    """Take back the units that a purchase has granted, and its money for the wallet.

    Raises:
        BillingError: of kind INVALID, when the wallet does not hold that money any more.
    """
    _take_back_units(work, purchase)
    if purchase.type is PurchaseType.WALLET_TOPUP and purchase.status is PurchaseStatus.SUCCESS:
        _take_back_topup(work, purchase)


def _grant_plan(work: Work, purchase: Purchase) -> None:
    """Grant what the cards of a plan that is bought once grant, on the day on which it is paid."""
    live_account(work, purchase.account_id)
    order = _invoice_of(work, purchase)
    plan = work.state.price_plans.get(order.price_plan_id)
    ends_on = local_date(order.cycle.period.end, work.organisation.zone)
    terms = bought_terms(purchase, plan)
    bill = purchase_bill(purchase, terms, order.currency, ends_on, ())
    grant_with(work, [(order, None, bill.grants)], work.now)
    _grant_units(work, purchase, terms.billing_entitlement_rate_cards, work.now)


def _grant_units(work: Work, purchase: Purchase, cards: Iterable[BillingEntitlementRateCard], at: datetime) -> None:
    """Grant the units of features that a purchase of these cards grants, as of an instant."""
    zone = work.organisation.zone
    work.state.feature_credits.add(list(units_bought(purchase, cards, local_date(at, zone), zone)), work.now)


def _take_back_units(work: Work, purchase: Purchase) -> None:
    """Void what is left of the units that a purchase has granted."""
    for entry in work.state.feature_credits.bought_with(purchase.account_id, purchase.id):
        if not entry.is_voided:
            work.state.feature_credits.change(entry, work.now, status=EntryStatus.VOIDED)


def _grant_prepaid(work: Work, purchase: Purchase) -> None:
    """Grant what the PREPAID cards of a cycle grant, on the day on which they are paid.

    Where the order takes the place of a void one that was carried out, what is left of that is there again instead.
    """
    live_account(work, purchase.account_id)
    order = _invoice_of(work, purchase)
    pricing = Pricing(work, [order])
    bill = pricing.bill(order, {}, (), {})
    grant_with(work, [(order, pricing.piece(order), bill.grants)], work.now)
    void = _void_units(work, order)
    if void:
        work.state.feature_credits.add(list(units_again(purchase, void)), work.now)
    else:
        _grant_units(work, purchase, prepaid_cards(pricing.details(order), order.ordinal), work.now)


def _void_units(work: Work, order: InvoiceRecord) -> list[FeatureCredit]:
    """The entries of the last order that was carried out before it was void, and in whose place this one is."""
    for name in work.state.invoices.void_before(order):
        purchase = work.state.purchases.of_invoice(name)
        entries = [] if purchase is None else work.state.feature_credits.bought_with(order.account_id, purchase.id)
        if entries:
            return entries
    return []


def _top_up(work: Work, purchase: Purchase) -> None:
    """Put the money that was bought into the wallet, once."""
    account = live_account(work, purchase.account_id)
    put_into_wallet(work, account, _topped_up(purchase), Occasion("Purchase", purchase.id, purchase.id))


def _take_back_topup(work: Work, purchase: Purchase) -> None:
    """Take the money that was bought out of the wallet: all of it, once."""
    wallet, amount = kept_wallet(work, work.state.accounts.get(purchase.account_id)), _topped_up(purchase)
    if wallet.left < amount:
        reason = f"has put {amount} into the wallet, in which {wallet.left} are left: put in what is missing first"
        raise invalid("status", f"the order of {purchase.id!r} {reason}")
    why = Occasion("Purchase is taken back", purchase.id, f"{purchase.id} taken back")
    work.state.wallets.debit(wallet, amount, why, work.now, work.ids)


def _topped_up(purchase: Purchase) -> Money:
    """What a purchase of money for the wallet puts there, which need not be what it costs."""
    assert purchase.wallet_topup_details is not None, "a top-up says how much"
    assert purchase.invoice_currency is not None, "what is bought has a price"
    return Money(purchase.wallet_topup_details.topup_amount, purchase.invoice_currency)


def _associate(work: Work, purchase: Purchase) -> None:
    """Put the plan on the account; what its order has billed, the first cycle grants from its start on."""
    work, account, before = billed_account(work, purchase.account_id)
    piece_id = work.state.purchases.schedule_of(purchase.id)
    after = edited(
        work,
        account,
        before,
        before,
        association(purchase),
        version=purchase.price_plan_version,
        piece_id=piece_id,
    )
    keep_timeline(work, account, before, after)
    if purchase.invoice_id is not None:
        piece = next(one for one in after if one.id == piece_id)
        order, begins_at = _invoice_of(work, purchase), max(work.now, piece.within.start)
        terms = replace(first_cycle(work, account, piece), ordinal=order.ordinal)
        grant_with(work, [(order, piece, association_bill(terms, ()).grants)], begins_at)
        _grant_units(work, purchase, prepaid_cards(terms.details, terms.ordinal), begins_at)


def _invoice_of(work: Work, purchase: Purchase) -> InvoiceRecord:
    assert purchase.invoice_id is not None, "what is granted has an invoice"
    return work.state.invoices.get(purchase.invoice_id)


_CARRIED_OUT: Final[Mapping[PurchaseType, Callable[[Work, Purchase], None]]] = {
    PurchaseType.ENTITLEMENT_GRANT: _grant_plan,
    PurchaseType.PREPAID: _grant_prepaid,
    PurchaseType.WALLET_TOPUP: _top_up,
    PurchaseType.ASSOCIATION: _associate,
}
