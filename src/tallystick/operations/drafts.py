"""What draft invoices come to: computed from usage and terms whenever somebody looks, never stored.

Credits are held by the oldest cycle first: the drafts of an account are billed in order, each from what the
ones before it left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from tallystick.accounts.schedule import Schedule
from tallystick.catalog.price_plan import PricePlanDetails
from tallystick.credits.burndown import OpenCredit
from tallystick.invoicing.assemble import Bill, Terms, advance_bill, arrears_bill, change_bill, prepaid_bill
from tallystick.invoicing.held_overage import OverageBilling
from tallystick.invoicing.invoice import InvoiceClass, InvoiceType
from tallystick.invoicing.record import InvoiceRecord
from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.kernel.money import Money, zero
from tallystick.kernel.period import day_of
from tallystick.metering.event_groups import EventCuts, EventGroups
from tallystick.operations.billed_units import billed_units
from tallystick.operations.cycles import agreed_rules, agreed_terms, versions_of
from tallystick.operations.holdings import holdings_of
from tallystick.operations.metered_usage import event_groups
from tallystick.operations.overage_bills import OverageBills
from tallystick.operations.work import Work
from tallystick.rating.usage_card import UsagePrices
from tallystick.stores.event_replacements import Replacements
from tallystick.stores.event_store import UsageWindow


@dataclass(frozen=True, slots=True)
class Drafted:
    """What drafts come to, by invoice id, and why some of them cannot be billed."""

    pricing: Pricing
    bills: dict[str, Bill] = field(default_factory=dict)
    issues: dict[str, str] = field(default_factory=dict)

    def bill(self, record: InvoiceRecord) -> Bill:
        """The bill of one draft.

        Raises:
            BillingError: of kind UNPROCESSABLE, with the reason why there is none.
        """
        if record.id in self.issues:
            reason = f"invoice {record.id!r} cannot be billed: {self.issues[record.id]}"
            raise BillingError(Kind.UNPROCESSABLE, "not_billable", Problem("", reason))
        return self.bills[record.id]

    def total(self, record: InvoiceRecord) -> Money:
        """What one draft comes to; nothing, as long as it cannot be billed: lists show the others all the same."""
        return self.bills[record.id].total if record.id in self.bills else zero(record.currency)


def draft_bills(work: Work, account_ids: Iterable[str]) -> Drafted:
    """The bills of every draft of these accounts."""
    accounts = list(account_ids)
    return bills_in_order(work, work.state.invoices.drafts_of(accounts), accounts)


def bills_in_order(
    work: Work,
    records: Sequence[InvoiceRecord],
    account_ids: Collection[str],
    usages: Sequence[dict[str, Decimal]] | None = None,
    instead: Replacements | None = None,
    freezing: Collection[str] = (),
) -> Drafted:
    """The bills of drafts, which stand oldest cycle first: each one gets of the credits what those before it left.

    They are billed by the usage and events that there are, or by another usage of each draft and other units of events.
    Those that are `freezing` ask for no overage that other drafts may still leave.
    """
    left: dict[str, list[OpenCredit]] = defaultdict(list)
    for held in work.state.credits.open_of(account_ids):
        left[held.credit.account_id].append(held)
    pricing = Pricing(work, records)
    drafted = Drafted(pricing)
    overage = OverageBills(work, records, pricing.details, freezing)
    usages = usage_of(work, records) if usages is None else usages
    for record, usage, events in zip(records, usages, pricing.events_of(work, records, instead), strict=True):
        try:
            bill = pricing.bill(record, usage, left[record.account_id], events, overage.billing(record))
        except Exception as failure:  # noqa: BLE001 - one account that cannot be billed must not stop the others
            drafted.issues[record.id] = str(failure) or type(failure).__name__
            continue
        left[record.account_id] = _after(left[record.account_id], bill)
        overage.after(record, bill)
        drafted.bills[record.id] = bill
    return drafted


def usage_of(work: Work, records: Sequence[InvoiceRecord]) -> list[dict[str, Decimal]]:
    """What each draft's cycle is billed for by meter and feature, with a few queries for all of them."""
    return billed_units(work, [UsageWindow(record.account_id, record.cycle.period) for record in records])


class Pricing:
    """The terms of many drafts, read at once."""

    def __init__(self, work: Work, records: Sequence[InvoiceRecord]) -> None:
        self._zone = work.organisation.zone
        self._pieces: dict[str, Schedule] = work.state.schedules.among({record.schedule_id for record in records})
        versions = versions_of(work, list(self._pieces.values()))
        agreed = [(piece, versions[piece.plan_version_id]) for piece in self._pieces.values()]
        self._details = {piece.id: agreed_terms(piece, version) for piece, version in agreed}
        self._rules = {piece.id: agreed_rules(piece, version) for piece, version in agreed}
        self._prices = UsagePrices()
        self._held = holdings_of(work, {record.account_id for record in records}, self._details.values())
        self._plan_names = work.state.price_plans.names({record.price_plan_id for record in records})

    def plan_name(self, record: InvoiceRecord) -> str:
        """What the plan behind a draft is called."""
        return self._plan_names[record.price_plan_id]

    def piece(self, record: InvoiceRecord) -> Schedule:
        """The piece of the account's timeline that a draft bills."""
        return self._pieces[record.schedule_id]

    def details(self, record: InvoiceRecord) -> PricePlanDetails:
        """The terms that the piece of a draft was agreed on."""
        return self._details[record.schedule_id]

    def event_cuts(self, record: InvoiceRecord) -> tuple[EventCuts, ...]:
        """How the events of a draft's cycle have to be told apart; only what is billed in arrears has any."""
        if record.invoice_type is not InvoiceType.STANDARD:
            return ()
        try:
            return self._terms(record).event_cuts
        except Exception:  # noqa: BLE001 - the bill of this draft says why there is none, the others are made
            return ()

    def events_of(
        self, work: Work, records: Sequence[InvoiceRecord], instead: Replacements | None = None
    ) -> list[EventGroups]:
        """The events of each draft's cycle, told apart as its terms ask for it, or with other units of some."""
        asked = [(UsageWindow(record.account_id, record.cycle.period), self.event_cuts(record)) for record in records]
        return event_groups(work, asked, instead)

    def bill(
        self,
        record: InvoiceRecord,
        usage: dict[str, Decimal],
        credits: Sequence[OpenCredit],
        events: EventGroups,
        overage: OverageBilling | None = None,
    ) -> Bill:
        """What one draft comes to, from its usage and events, the credits open for it, and the overage of others."""
        terms = self._terms(record)
        if record.invoice_class is InvoiceClass.ORDER:
            return prepaid_bill(terms, credits)
        if record.invoice_type is InvoiceType.STANDARD_ADVANCED:
            return advance_bill(terms, credits)
        if record.invoice_type is InvoiceType.ADHOC_ADVANCED:
            return change_bill(terms, day_of(record.cycle.period.start, self._zone), credits)
        return arrears_bill(terms, usage, credits, events, overage)

    def _terms(self, record: InvoiceRecord) -> Terms:
        """What a draft is made from, beside usage and credits."""
        cycle = record.cycle
        if record.invoice_type is InvoiceType.ADHOC_ADVANCED:
            cycle = self.piece(record).cycle_at(record.cycle.period.start, self._zone)
        return Terms(
            plan_name=self.plan_name(record),
            details=self._details[record.schedule_id],
            rules=self._rules[record.schedule_id],
            currency=record.currency,
            zone=self._zone,
            cycle=cycle,
            ordinal=record.ordinal,
            licences=self._held[record.account_id],
            prices=self._prices,
        )


def _after(credits: Sequence[OpenCredit], bill: Bill) -> list[OpenCredit]:
    """What a bill leaves of the credits."""
    burned = {burn.credit.id: burn.amount for burn in bill.burns}
    return [
        OpenCredit(held.credit, held.left - burned[held.credit.id]) if held.credit.id in burned else held
        for held in credits
    ]
