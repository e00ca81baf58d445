"""Orders: invoices that have to be paid before what they sell is granted (ADR 0036).

An order is an invoice of class ORDER and type AD_HOC. It is frozen, numbered and paid from credits by the same code as
every other one. What happens once it is paid stands in `fulfilment.py`.
"""

from __future__ import annotations

from tallystick.accounts.account import Account
from tallystick.accounts.purchase import Purchase, PurchaseStatus, PurchaseType
from tallystick.credits.burndown import OpenCredit
from tallystick.invoicing.invoice import InvoiceClass, InvoiceStatus, InvoiceType
from tallystick.invoicing.record import InvoiceRecord
from tallystick.kernel.quantity import plain
from tallystick.operations.cycles import versions_of
from tallystick.operations.drafts import bills_in_order
from tallystick.operations.due_invoices import Billed, details_of, make_due
from tallystick.operations.fulfilment import order_paid
from tallystick.operations.purchase_offers import Offer
from tallystick.operations.settlement import fall_due, void
from tallystick.operations.work import Work


def open_credits(work: Work, account_id: str) -> list[OpenCredit]:
    """What is left of an account's credits once the drafts of cycles that have begun hold what they need."""
    left = {one.credit.id: one for one in work.state.credits.open_of([account_id])}
    drafts = [one for one in work.state.invoices.drafts_of([account_id]) if one.cycle.period.start < work.now]
    for bill in bills_in_order(work, drafts, [account_id]).bills.values():
        for burn in bill.burns:
            free = left[burn.credit.id]
            left[burn.credit.id] = OpenCredit(free.credit, free.left - burn.amount)
    return list(left.values())


def raise_order(
    work: Work, account: Account, offer: Offer, invoice_class: InvoiceClass = InvoiceClass.ORDER
) -> InvoiceRecord:
    """The invoice of a purchase, DUE at once, or PAID when nothing is left to be paid; postpaid it is no ORDER.

    What the wallet has pays it, but no money for the wallet itself.
    """
    record = InvoiceRecord(
        id=work.ids.mint("inv"),
        account_id=account.id,
        customer_id=account.customer_id,
        schedule_id=offer.schedule_id,
        price_plan_id="" if offer.plan is None else offer.plan.id,
        invoice_class=invoice_class,
        invoice_type=InvoiceType.AD_HOC,
        status=InvoiceStatus.DRAFT,
        cycle=offer.cycle,
        ordinal=offer.ordinal,
        freeze_at=work.now,
        currency=account.invoice_currency,
        net_term_days=account.net_term_days,
        created_at=work.now,
        updated_at=work.now,
    )
    customer = work.state.customers.get(account.customer_id)
    details = details_of(customer, account, None if offer.plan is None else offer.plan.name)
    work.state.invoices.add_drafts([record])
    due = make_due(work, [Billed(record, None, offer.bill, details, work.events.offset())])
    return due[0] if offer.plan is None else fall_due(work, due)[0]


def await_payment(work: Work, order: InvoiceRecord, billed: Billed) -> None:
    """Let what the PREPAID cards of a cycle grant wait until their order is paid, as a purchase of that type."""
    piece = billed.piece
    assert piece is not None, "a cycle is one of a piece"
    purchase = Purchase(
        id=work.ids.mint("purchase"),
        account_id=order.account_id,
        type=PurchaseType.PREPAID,
        status=PurchaseStatus.PENDING,
        price_plan_id=order.price_plan_id,
        price_plan_version=versions_of(work, [piece])[piece.plan_version_id].version,
        quantity=1,
        price=plain(billed.bill.gross.amount),
        invoice_id=order.id,
        invoice_currency=order.currency,
        created_at=work.now,
        updated_at=work.now,
    )
    work.state.purchases.add(purchase, due_at=None)
    if order.status is InvoiceStatus.PAID:
        order_paid(work, order)


def lapse(work: Work, purchase: Purchase) -> None:
    """Void an order that was not paid in time; what was paid of it goes into the wallet."""
    order = work.state.invoices.get(purchase.invoice_id or "")
    lapsed = purchase.moved(PurchaseStatus.FAILURE, work.now, f"its order was not paid by {work.now.isoformat()}")
    work.state.purchases.replace(lapsed, purchase.status)
    void(work, order)
