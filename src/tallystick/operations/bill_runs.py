"""Bill runs: everything that falls due at one instant, in order. The only place that sees the whole flow.

At an instant first the cycles that start are opened, then the drafts that fall due are frozen, oldest cycle
first, and then credits expire. Each step takes a bounded number at a time, so that one transaction stays short;
the natural key of an invoice makes a repeated run do nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from tallystick.credits.credit import CreditStatus
from tallystick.invoicing.assemble import Bill
from tallystick.invoicing.invoice import BilledAccount, BilledCustomer, InvoiceDetails
from tallystick.invoicing.record import InvoiceRecord
from tallystick.invoicing.rows import rows_of
from tallystick.invoicing.states import when_due
from tallystick.operations.cycles import open_cycles
from tallystick.operations.drafts import Pricing, open_credits, usage_of
from tallystick.operations.work import Work

CHUNK = 200


@dataclass(slots=True)
class Tally:
    """What a bill run did; `issues` are the invoices that could not be made, with the reason."""

    opened: int = 0
    frozen: int = 0
    expired: int = 0
    issues: dict[str, str] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Count what another step did as well."""
        self.opened += other.opened
        self.frozen += other.frozen
        self.expired += other.expired
        self.issues |= other.issues

    @property
    def is_idle(self) -> bool:
        """Whether nothing was left to do."""
        return not (self.opened or self.frozen or self.expired or self.issues)


def run_bills(work: Work, parked: Collection[str]) -> Tally:
    """One step of what falls due at `work.now`; to be called until it answers that nothing was left to do.

    The processing must have passed every event received before that instant. Invoices among `parked` failed
    before and are left alone: one account that fails does not stop the others.
    """
    openings = work.state.schedules.opening_at(work.now, CHUNK)
    if openings:
        return Tally(opened=open_cycles(work, openings, until=work.now))
    due = list(_one_each(work.state.invoices.freezing_at(work.now, parked, CHUNK)))
    if due:
        return freeze(work, due)
    expiring = work.state.credits.expiring(work.now)
    for credit in expiring:
        work.state.credits.close(credit, CreditStatus.EXPIRED, work.now, work.ids)
    return Tally(expired=len(expiring))


def freeze(work: Work, records: Sequence[InvoiceRecord]) -> Tally:
    """Make drafts due: bill them, number them, burn their credits, write their lines; at most one per account."""
    customers = work.state.customers.among({record.customer_id for record in records})
    accounts = work.state.accounts.among({record.account_id for record in records})
    left = open_credits(work.state.credits.active_of(list(accounts)))
    pricing = Pricing(work, records)
    tally = Tally()
    for record, usage in zip(records, usage_of(work, records), strict=True):
        try:
            bill = pricing.bill(record, usage, left[record.account_id])
        except Exception as failure:  # noqa: BLE001 - one account that cannot be billed must not stop the others
            tally.issues[record.id] = str(failure) or type(failure).__name__
            continue
        customer, account = customers[record.customer_id], accounts[record.account_id]
        details = InvoiceDetails(
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
            price_plan_name=pricing.plan_name(record),
        )
        _write(work, record, bill, details)
        tally.frozen += 1
    return tally


def _write(work: Work, record: InvoiceRecord, bill: Bill, details: InvoiceDetails) -> None:
    frozen = dataclasses.replace(
        record,
        status=when_due(bill.total),
        total=bill.total,
        sequence_id=work.organisation.invoice_number(work.state.next_invoice_number()),
        frozen_at=work.now,
        frozen_position=work.events.offset(),
        details=details,
        updated_at=work.now,
    )
    work.state.invoices.freeze(frozen, rows_of(bill.usage_info, bill.revenue_info))
    for burn in bill.burns:
        work.state.credits.burn(burn.credit.id, burn.amount, record.id, work.now, work.ids)


def _one_each(records: Sequence[InvoiceRecord]) -> Iterator[InvoiceRecord]:
    """The first records with an account each: a second one must see what the first burned."""
    seen: set[str] = set()
    for record in records:
        if record.account_id in seen:
            return
        seen.add(record.account_id)
        yield record
