"""Invoices that fall due: numbered, frozen, and paid from credits, whatever they bill."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tallystick.accounts.account import Account
from tallystick.accounts.customer import Customer
from tallystick.accounts.schedule import Schedule
from tallystick.invoicing.assemble import Bill, coverable_lines
from tallystick.invoicing.invoice import (
    BilledAccount,
    BilledCustomer,
    InvoiceClass,
    InvoiceDetails,
    InvoiceStatus,
    InvoiceType,
)
from tallystick.invoicing.record import InvoiceRecord
from tallystick.invoicing.rows import LineRow, rows_of
from tallystick.invoicing.rule_log import logs_of
from tallystick.invoicing.states import when_due
from tallystick.operations.credit_grants import grant_with
from tallystick.operations.overage_bills import keep_overage
from tallystick.operations.work import Work
from tallystick.stores.state.ledger import InvoiceBurn


@dataclass(frozen=True, slots=True)
class Billed:
    """What a draft comes to, with all that is written when it falls due; a purchase is about no piece of a timeline."""

    record: InvoiceRecord
    piece: Schedule | None
    bill: Bill
    details: InvoiceDetails
    position: int

    @property
    def comes_to_nothing(self) -> bool:
        """Whether it is about changes of licences that nothing is to be paid for: no invoice is made then."""
        is_change = self.record.invoice_type is InvoiceType.ADHOC_ADVANCED
        return is_change and next(coverable_lines(self.bill.revenue_info), None) is None

    @property
    def lines(self) -> Sequence[LineRow]:
        """The lines as they are stored."""
        return rows_of(self.bill.usage_info, self.bill.revenue_info)

    def frozen(self, status: InvoiceStatus, now: datetime) -> InvoiceRecord:
        """The invoice with its figures, in that status and without a number."""
        return dataclasses.replace(
            self.record,
            status=status,
            total=self.bill.total,
            frozen_at=now,
            frozen_position=self.position,
            details=self.details,
            updated_at=now,
        )


def make_due(work: Work, billed: Sequence[Billed]) -> list[InvoiceRecord]:
    """Number and freeze invoices, burn credits, write lines and logs, keep overage; at most one per account.

    The credit that the bill of a cycle grants is there afterwards: it pays nothing of that bill. What orders and
    purchases grant comes when these are carried out.
    """
    due = [_numbered(work, one) for one in billed]
    work.state.invoices.freeze([(record, one.lines) for record, one in zip(due, billed, strict=True)])
    keep_overage(work, ((one.record, one.bill) for one in billed))
    work.state.rule_logs.add((one.record.id, logs_of(one.record.id, one.bill.rule_steps)) for one in billed)
    burns = [InvoiceBurn(burn.credit.id, burn.amount, one.record.id) for one in billed for burn in one.bill.burns]
    work.state.credits.burn(burns, work.now, work.ids)
    sold = [one for one in billed if one.record.invoice_class is not InvoiceClass.ORDER and one.piece is not None]
    grant_with(work, [(one.record, one.piece, one.bill.grants) for one in sold], work.now)
    return due


def details_of(customer: Customer, account: Account, plan_name: str | None) -> InvoiceDetails:
    """Whom and what an invoice is about, as they are now."""
    return InvoiceDetails(
        customer=BilledCustomer(
            name=customer.name,
            primary_email=customer.primary_email,
            billing_address=customer.billing_address,
            address=customer.address,
        ),
        account=BilledAccount(
            name=account.name,
            invoice_currency=account.invoice_currency,
            address=account.address or customer.address,
            primary_email=account.primary_email or customer.primary_email,
        ),
        price_plan_name=plan_name,
    )


def _numbered(work: Work, billed: Billed) -> InvoiceRecord:
    number = work.organisation.invoice_number(work.state.next_invoice_number())
    return dataclasses.replace(billed.frozen(when_due(billed.bill.total), work.now), sequence_id=number)
