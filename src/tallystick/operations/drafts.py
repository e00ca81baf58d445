"""What draft invoices come to: computed from usage and terms whenever somebody looks, never stored.

Credits are held by the oldest cycle first: the drafts of an account are billed in order, each from what the
ones before it left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from tallystick.accounts.schedule import Schedule
from tallystick.catalog.price_plan import PricePlan
from tallystick.credits.burndown import OpenCredit
from tallystick.credits.credit import Credit
from tallystick.invoicing.assemble import Bill, Terms, advance_bill, arrears_bill
from tallystick.invoicing.invoice import InvoiceType
from tallystick.invoicing.record import InvoiceRecord
from tallystick.kernel.money import Money
from tallystick.operations.cycles import terms_of
from tallystick.operations.work import Work
from tallystick.stores.event_store import UsageWindow


def open_credits(credits: Iterable[Credit]) -> dict[str, list[OpenCredit]]:
    """What is left of each ACTIVE credit, by account."""
    found: dict[str, list[OpenCredit]] = defaultdict(list)
    for credit in credits:
        left = credit.amount - Money(credit.consumed_amount, credit.credit_unit)
        found[credit.account_id].append(OpenCredit(credit, left))
    return found


def draft_bills(work: Work, account_ids: Iterable[str]) -> dict[str, Bill]:
    """The bills of every draft of these accounts, by invoice id; waits for the events acknowledged so far."""
    accounts = list(account_ids)
    work.progress.settle()
    records = work.state.invoices.drafts_of(accounts)
    left = open_credits(work.state.credits.active_of(accounts))
    return bills_in_order(work, records, left)


def bills_in_order(work: Work, records: Sequence[InvoiceRecord], left: dict[str, list[OpenCredit]]) -> dict[str, Bill]:
    """The bills of drafts, oldest cycle first; `left` ends with what they do not burn."""
    pricing = Pricing(work, records)
    bills: dict[str, Bill] = {}
    for record, usage in zip(records, usage_of(work, records), strict=True):
        bill = pricing.bill(record, usage, left[record.account_id])
        left[record.account_id] = _after(left[record.account_id], bill)
        bills[record.id] = bill
    return bills


def usage_of(work: Work, records: Sequence[InvoiceRecord]) -> list[dict[str, Decimal]]:
    """The usage of each draft's cycle by meter, with one query for all of them."""
    windows = [UsageWindow(record.account_id, record.cycle.period) for record in records]
    return work.events.usage_totals(work.organisation.id, windows) if windows else []


class Pricing:
    """The terms of many drafts, read at once."""

    def __init__(self, work: Work, records: Sequence[InvoiceRecord]) -> None:
        self._zone = work.organisation.zone
        pieces: list[Schedule] = list(work.state.schedules.among({record.schedule_id for record in records}).values())
        self._details = terms_of(work, pieces)
        self._plans: dict[str, PricePlan] = work.state.price_plans.among({record.price_plan_id for record in records})

    def plan_name(self, record: InvoiceRecord) -> str:
        """What the plan behind a draft is called."""
        return self._plans[record.price_plan_id].name

    def bill(self, record: InvoiceRecord, usage: dict[str, Decimal], credits: Sequence[OpenCredit]) -> Bill:
        """What one draft comes to, from its usage and the credits that are open for it."""
        terms = Terms(
            plan_name=self.plan_name(record),
            details=self._details[record.schedule_id],
            currency=record.currency,
            zone=self._zone,
            cycle=record.cycle,
            ordinal=record.ordinal,
        )
        if record.invoice_type is InvoiceType.STANDARD_ADVANCED:
            return advance_bill(terms, credits)
        return arrears_bill(terms, usage, credits)


def _after(credits: Sequence[OpenCredit], bill: Bill) -> list[OpenCredit]:
    """What a bill leaves of the credits."""
    burned = {burn.credit.id: burn.amount for burn in bill.burns}
    return [
        OpenCredit(held.credit, held.left - burned[held.credit.id]) if held.credit.id in burned else held
        for held in credits
    ]
