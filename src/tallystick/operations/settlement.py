"""What becomes of an invoice once it is due: the only place that changes its status, and what is paid of it.

Payments, wallets, callers and the clock all come through `settle` (domain.md 7.2, 7.8).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tallystick.credits.payment import PaymentLineType
from tallystick.invoicing.invoice import InvoiceStatus
from tallystick.invoicing.record import InvoiceRecord
from tallystick.invoicing.states import PAYABLE, when_paid
from tallystick.kernel.money import Money, zero
from tallystick.operations.credit_grants import take_back
from tallystick.operations.fulfilment import order_paid, order_refunded, order_void
from tallystick.operations.wallets import kept_wallet, put_into_wallet
from tallystick.operations.work import Work
from tallystick.stores.state.wallets import Occasion


def settle(work: Work, record: InvoiceRecord, status: InvoiceStatus, paid: Money | None = None) -> InvoiceRecord:
    """Let a frozen invoice have another status and, when told, another sum that is paid; answers what it is then.

    An invoice that becomes PAID after it has fallen due does so here, and what it sells as an order is granted; one of
    which nothing is owed from the beginning is PAID in `fall_due`.

    Raises:
        BillingError: of kind CONFLICT, when it has changed since it was read.
    """
    changed = dataclasses.replace(
        record, status=status, paid=record.paid if paid is None else paid, updated_at=work.now
    )
    work.state.invoices.settle(record, changed)
    if status is InvoiceStatus.PAID:
        order_paid(work, changed)
    elif status is InvoiceStatus.REFUND_INITIATED:
        order_refunded(work, changed)
    return changed


def fall_due(work: Work, records: Sequence[InvoiceRecord]) -> list[InvoiceRecord]:
    """Let wallets pay invoices that have just fallen due, in their order; answers what they are then."""
    wallets = work.state.wallets.of({record.account_id for record in records})
    settled = []
    for record in records:
        wallet = wallets.get(record.account_id)
        if record.status in PAYABLE and wallet is not None and wallet.left and wallet.pays_at(work.now):
            amount = min(wallet.left, record.open)
            work.state.wallets.debit(wallet, amount, Occasion("Invoice fell due", record.id), work.now, work.ids)
            wallets[record.account_id] = wallet.less(amount)
            settled.append(receive(work, record, amount))
        else:
            settled.append(record)
    return settled


def receive(work: Work, record: InvoiceRecord, amount: Money) -> InvoiceRecord:
    """Count money that came in for an invoice: it is paid in part, or whole.

    Raises:
        BillingError: as `settle`.
    """
    paid = amount if record.paid is None else record.paid + amount
    assert record.total is not None, "only what is frozen is paid"
    return settle(work, record, when_paid(record.total, paid), paid)


def void(work: Work, record: InvoiceRecord) -> InvoiceRecord:
    """Void a frozen invoice: credits come back, what it granted is void too, what was paid goes into the wallet.

    Raises:
        BillingError: as `settle`.
    """
    order_void(work, record)
    changed = settle(work, record, InvoiceStatus.VOID, zero(record.currency))
    work.state.credits.give_back(record.id, work.now, work.ids)
    take_back(work, record)
    if record.paid:
        _return_payments(work, record)
    return changed


def complete_refunds(work: Work) -> int:
    """Complete the refunds that were initiated by now; answers how many. The money is paid out elsewhere."""
    refunding = work.state.invoices.refunding_at(work.now)
    for record in refunding:
        settle(work, record, InvoiceStatus.REFUND_COMPLETED)
    return len(refunding)


def _return_payments(work: Work, record: InvoiceRecord) -> None:
    """Put what an invoice was paid with into the wallet: what came from there, and from payments, part by part."""
    account = work.state.accounts.get(record.account_id)
    wallet = kept_wallet(work, account)
    spent = work.state.wallets.spent_on(wallet, record.id)
    if spent:
        put_into_wallet(work, account, spent, Occasion("Invoice is void", record.id))
    for (payment_id, version), shares in work.state.payments.of_invoice(record.id).items():
        moved = []
        for share in shares:
            if share.pays(record.id):
                put_into_wallet(work, account, share.amount, Occasion("Paid invoice is void", payment_id))
                moved.append(share.to(PaymentLineType.WALLET_CREDIT, wallet.id))
            else:
                moved.append(share)
        work.state.payments.follow(payment_id, version, moved)
