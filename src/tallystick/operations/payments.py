"""Payments: record and allot, read, list; and what marks an invoice as paid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Meta

from tallystick.accounts.account import Account
from tallystick.credits.credit import CreditRequest
from tallystick.credits.payment import (
    Payment,
    PaymentDraft,
    PaymentLine,
    PaymentLineType,
    PaymentReference,
    PaymentSource,
    Share,
    allot,
)
from tallystick.invoicing.invoice import InvoiceStatus
from tallystick.invoicing.record import InvoiceRecord
from tallystick.invoicing.states import PAYABLE
from tallystick.kernel.errors import Problem, attempted, invalid, refuse_if_any
from tallystick.kernel.money import Money, exact_in_minor_unit
from tallystick.kernel.paging import PageRequest
from tallystick.kernel.period import local_date
from tallystick.kernel.quantity import plain
from tallystick.kernel.scope import Scope
from tallystick.operations.answers import Listed
from tallystick.operations.refunds import LAST, grant_without_end
from tallystick.operations.settlement import receive
from tallystick.operations.wallets import put_into_wallet, wallet_of
from tallystick.operations.work import Work, command, needs, query
from tallystick.stores.state.wallets import Occasion

_PURPOSE: Final = "Payment"
_LONGEST_PURPOSE: Final = 500

Version = Annotated[int, Meta(ge=1, le=2**31 - 1)]


@needs(Scope.MONEY)
@command
def create_payment(work: Work, draft: PaymentDraft) -> Payment:
    """Record money that came in, and allot it to invoices, new credits and the wallet, which takes the rest."""
    account = _payer(work, draft)
    total = exact_in_minor_unit(draft.total_amount, account.invoice_currency, "totalAmount")
    records = _payable(work, account, draft.line_item_records)
    shares = allot(draft.line_item_records, total, {name: record.open for name, record in records.items()})
    payment = Payment(
        id=work.ids.mint("payment"),
        description=draft.description,
        notes=draft.notes,
        account_id=account.id,
        external_payment_references=draft.external_payment_reference,
        line_item_records=[],
        total_amount=plain(total.amount),
        currency=account.invoice_currency,
        version=1,
        created_by=work.actor,
        created_at=work.now,
    )
    work.state.payments.add(payment, [_paid(work, account, payment, share, records) for share in shares])
    return work.state.payments.get(payment.id)


@query
def list_payments(
    work: Work, page: PageRequest, *, account_id: str | None = None, id: str | None = None
) -> Listed[Payment]:
    """Page through payments in their latest versions, newest first."""
    payments, token = work.state.payments.page(page, account_id=account_id, id=id)
    return Listed(data=payments, next_token=token)


@query
def get_payment(work: Work, payment_id: str, *, version: Version | None = None) -> Payment:
    """A payment as it is now, or as one of its versions says; a void invoice that it paid makes a new version."""
    return work.state.payments.get(payment_id, version)


def mark_as_paid(work: Work, record: InvoiceRecord) -> None:
    """Record a payment of all that is open of an invoice, in cash, because a caller says that it is paid."""
    amount = record.open
    payment = Payment(
        id=work.ids.mint("payment"),
        account_id=record.account_id,
        external_payment_references=PaymentReference(
            source_name="marked as paid", source_type=PaymentSource.CASH, transaction_number=record.id
        ),
        line_item_records=[],
        total_amount=plain(amount.amount),
        currency=record.currency,
        version=1,
        created_by=work.actor,
        created_at=work.now,
    )
    receive(work, record, amount)
    work.state.payments.add(payment, [Share(PaymentLineType.INVOICE, 1, amount, record.id)])


def _payer(work: Work, draft: PaymentDraft) -> Account:
    """The account that has paid; an archived one may still pay what it owes.

    Raises:
        BillingError: of kind INVALID, when there is none, or it pays in another currency, or nothing.
    """
    account = work.state.accounts.find(draft.account_id)
    if account is None:
        raise invalid("accountId", f"account {draft.account_id!r} not found")
    problems = []
    if draft.currency != account.invoice_currency:
        reason = f"is {draft.currency[:40]!r}, account {account.id!r} pays in {account.invoice_currency}"
        problems.append(Problem("currency", reason))
    if draft.total_amount <= 0:
        problems.append(Problem("totalAmount", f"is {draft.total_amount:f}, expected more than 0"))
    attempted(problems, lambda: exact_in_minor_unit(draft.total_amount, account.invoice_currency, "totalAmount"))
    refuse_if_any(problems)
    return account


def _payable(work: Work, account: Account, lines: Sequence[PaymentLine]) -> dict[str, InvoiceRecord]:
    """The invoices that lines pay, by id.

    Raises:
        BillingError: of kind INVALID, with every line that pays something else than it may.
    """
    named = {line.togai_id for line in lines if line.type is PaymentLineType.INVOICE and line.togai_id}
    records = work.state.invoices.among(named)
    wallet = wallet_of(work, account)
    problems = []
    for index, line in enumerate(lines):
        reason = _misdirected(account, line, records, wallet.id)
        if reason is not None:
            problems.append(Problem(f"lineItemRecords[{index}].togaiId", reason))
    refuse_if_any(problems)
    return records


def _misdirected(account: Account, line: PaymentLine, records: dict[str, InvoiceRecord], wallet_id: str) -> str | None:
    """Why a line cannot pay what it names, if there is a reason."""
    name = line.togai_id
    if line.type is PaymentLineType.INVOICE:
        return _not_payable(account, name, records.get(name or ""))
    if line.type is PaymentLineType.CREDIT:
        return None if name is None else f"is {name!r}, but a payment makes a new credit: leave it out"
    return None if name in {None, wallet_id} else f"is {name!r}, the wallet of the account is {wallet_id!r}"


def _not_payable(account: Account, name: str | None, record: InvoiceRecord | None) -> str | None:
    """Why an account cannot pay the invoice that a line names, if there is a reason."""
    if name is None:
        return "is missing: say which invoice is paid"
    if record is None or record.account_id != account.id:
        return f"account {account.id!r} has no invoice {name!r}"
    if record.status in PAYABLE:
        return None
    if record.status is InvoiceStatus.UN_COLLECTIBLE:
        return f"invoice {name!r} was given up as {record.status}: PATCH its status to PAID"
    return f"invoice {name!r} is {record.status}, only one that is DUE or PARTIALLY_PAID can be paid"


def _paid(work: Work, account: Account, payment: Payment, share: Share, records: dict[str, InvoiceRecord]) -> Share:
    """Do what a part of a payment is for; answers the part with what it has become."""
    if not share.amount:
        return share
    match share.type:
        case PaymentLineType.INVOICE:
            assert share.target is not None, "checked before"
            records[share.target] = receive(work, records[share.target], share.amount)
            return share
        case PaymentLineType.CREDIT:
            return share.to(share.type, _credit(work, account, payment, share.amount))
        case PaymentLineType.WALLET_CREDIT:
            wallet = put_into_wallet(work, account, share.amount, Occasion(_PURPOSE, payment.id))
            return share.to(share.type, wallet.id)


def _credit(work: Work, account: Account, payment: Payment, amount: Money) -> str:
    """Grant a credit that never expires for money that came in; its id."""
    request = CreditRequest(
        account_id=account.id,
        purpose=(payment.description or _PURPOSE)[:_LONGEST_PURPOSE],
        effective_from=local_date(work.now, work.organisation.zone),
        credit_amount=amount.amount,
        priority=LAST,
        grantor_id=payment.id,
    )
    return grant_without_end(work, request, account.customer_id, account.invoice_currency)
