"""Bill runs: everything that falls due at one instant, in order. The only place that sees the whole flow.

At an instant first the cycles that start are opened and grant their units of features, then the drafts that fall due
are frozen, oldest cycle first, then refunds are completed and credits expire, and then proposals and purchases are
attended to whose instant has come. Each step takes a bounded number at a time, so that one transaction stays short; the
natural key of an invoice makes a repeated run do nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from tallystick.credits.credit import CreditStatus
from tallystick.invoicing.invoice import InvoiceClass, InvoiceStatus
from tallystick.invoicing.record import InvoiceRecord
from tallystick.kernel.errors import invalid
from tallystick.operations.cycles import open_cycles
from tallystick.operations.drafts import bills_in_order
from tallystick.operations.due_invoices import Billed, details_of, make_due
from tallystick.operations.orders import await_payment
from tallystick.operations.overage_bills import keep_overage
from tallystick.operations.proposals import expire_due
from tallystick.operations.purchases import attend_due
from tallystick.operations.refunds import give_back
from tallystick.operations.settlement import complete_refunds, fall_due
from tallystick.operations.unit_grants import grant_units
from tallystick.operations.work import Work

CHUNK = 200


@dataclass(slots=True)
class Tally:
    """What a bill run did; `issues` are the invoices that could not be made, with the reason.

    `attended` are the proposals that expired, and the purchases that were carried out or lapsed.
    """

    opened: int = 0
    granting: int = 0
    frozen: int = 0
    refunded: int = 0
    expired: int = 0
    attended: int = 0
    issues: dict[str, str] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Count what another step did as well."""
        self.opened += other.opened
        self.granting += other.granting
        self.frozen += other.frozen
        self.refunded += other.refunded
        self.expired += other.expired
        self.attended += other.attended
        self.issues |= other.issues

    @property
    def is_idle(self) -> bool:
        """Whether nothing was left to do."""
        done = (self.opened, self.granting, self.frozen, self.refunded, self.expired, self.attended)
        return not (any(done) or self.issues)


def run_bills(work: Work, parked: Collection[str]) -> Tally:
    """One step of what falls due at `work.now`; to be called until it answers that nothing was left to do.

    The processing must have passed every event received before that instant. Invoices among `parked` failed
    before and are left alone: one account that fails does not stop the others.
    """
    openings = work.state.schedules.opening_at(work.now, CHUNK)
    if openings:
        return Tally(opened=open_cycles(work, openings, until=work.now))
    granting = work.state.schedules.granting(work.now, limit=CHUNK)
    if granting:
        grant_units(work, granting)
        return Tally(granting=len(granting))
    due = list(_one_each(work.state.invoices.freezing_at(work.now, parked, CHUNK)))
    if due:
        return freeze(work, due)
    refunded = complete_refunds(work)
    if refunded:
        return Tally(refunded=refunded)
    expiring = work.state.credits.expiring(work.now)
    for credit in expiring:
        work.state.credits.close(credit, CreditStatus.EXPIRED, work.now, work.ids)
    if expiring:
        return Tally(expired=len(expiring))
    return Tally(attended=expire_due(work, CHUNK) + attend_due(work, CHUNK))


def freeze(work: Work, records: Sequence[InvoiceRecord]) -> Tally:
    """Make drafts due, at most one per account; what cannot be billed is among the issues.

    What is still owed then is paid from the wallet, which has what these bills give back. Changes of licences that
    nothing is to be paid for leave no invoice; what they give back becomes credits, or goes into the wallet.
    Older drafts of the same accounts that are not due yet keep what they hold of the credits.
    """
    tally = Tally()
    work.state.licences.take_turns()
    made = list(_billed(work, records, tally.issues))
    billed = [one for one in made if not one.comes_to_nothing]
    work.state.invoices.drop_drafts([one.record for one in made if one.comes_to_nothing])
    for one in made:
        give_back(work, one.record, one.bill.refunds)
    due = make_due(work, billed)
    for record, one in zip(due, billed, strict=True):
        if record.invoice_class is InvoiceClass.ORDER:
            await_payment(work, record, one)
    fall_due(work, due)
    tally.frozen = len(made)
    return tally


def void_draft(work: Work, record: InvoiceRecord) -> None:
    """Let a draft never fall due: it keeps the figures that it has now, no number, and takes no credits.

    Raises:
        BillingError: of kind INVALID, when it cannot be billed, with the reason.
    """
    issues: dict[str, str] = {}
    made = list(_billed(work, [record], issues))
    if issues:
        raise invalid("", issues[record.id])
    work.state.invoices.freeze([(one.frozen(InvoiceStatus.VOID, work.now), one.lines) for one in made])
    keep_overage(work, ((one.record, one.bill) for one in made))


def _billed(work: Work, records: Sequence[InvoiceRecord], issues: dict[str, str]) -> Iterator[Billed]:
    """The bills of drafts; the reasons why there is none for one of them go into `issues`."""
    due = {record.account_id: record for record in records}
    customers = work.state.customers.among({record.customer_id for record in records})
    accounts = work.state.accounts.among(due)
    position = work.events.offset()
    last = max(record.cycle.period.start for record in records)
    drafts = work.state.invoices.drafts_of(due, before=last)
    queue = [draft for draft in drafts if _stands_before(draft, due[draft.account_id])]
    drafted = bills_in_order(work, [*queue, *records], list(due), freezing={record.id for record in records})
    for record in records:
        if record.id in drafted.issues:
            issues[record.id] = drafted.issues[record.id]
            continue
        bill, account = drafted.bills[record.id], accounts[record.account_id]
        details = details_of(customers[record.customer_id], account, drafted.pricing.plan_name(record))
        yield Billed(record, drafted.pricing.piece(record), bill, details, position)


def _stands_before(draft: InvoiceRecord, due: InvoiceRecord) -> bool:
    """Whether a draft of the same account is older than one that falls due."""
    return draft.id != due.id and draft.cycle.period.start < due.cycle.period.start


def _one_each(records: Sequence[InvoiceRecord]) -> Iterator[InvoiceRecord]:
    """The first records with an account each: a second one must see what the first burned."""
    seen: set[str] = set()
    for record in records:
        if record.account_id in seen:
            return
        seen.add(record.account_id)
        yield record
