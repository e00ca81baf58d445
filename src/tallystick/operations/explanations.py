"""From a line of an invoice back to tier arithmetic, quantity, meter, and the very events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from tallystick.catalog.rule_variable import CardKind
from tallystick.catalog.usage_meter import Aggregation, Computation, MeterFilter, UsageMeter
from tallystick.credits.feature_credit import CreditSource, FeatureCredit
from tallystick.invoicing.charge_explanation import (
    ENTITLEMENTS,
    FEES,
    GRANTS,
    LICENCES,
    OVERAGES,
    Adjustment,
    FeeTerms,
    FixedAmounts,
    RuleUpdate,
    Tier,
    addition_arithmetic,
    adjustments_of,
    arithmetic_of,
    explainable,
    fee_terms_of,
    fixed_amounts_of,
    rule_updates_of,
    tiers_of,
)
from tallystick.invoicing.invoice import InvoiceStatus, InvoiceType
from tallystick.invoicing.line import InvoiceLineItem, LineType
from tallystick.invoicing.record import InvoiceRecord
from tallystick.invoicing.rows import tree_of
from tallystick.invoicing.rule_log import PricingRuleLog, logs_of
from tallystick.kernel.document import Document
from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.kernel.period import local_date
from tallystick.kernel.quantity import plain
from tallystick.metering.aggregation import average, told_units
from tallystick.operations.drafts import draft_bills
from tallystick.operations.metered_usage import units_together
from tallystick.operations.unit_grants import entries_of
from tallystick.operations.work import Work, event_query
from tallystick.stores.event_store import UsageWindow
from tallystick.stores.event_store_queries import EventOrder
from tallystick.stores.state.credit_grants import GrantKey

FIRST_EVENTS: Final = 5
_DECISIVE: Final[Mapping[Aggregation, EventOrder]] = {
    Aggregation.MAX: "greatest",
    Aggregation.MIN: "least",
    Aggregation.LATEST: "latest",
}
"""Which event decides, where one does."""

_TYPES: Final = {
    CardKind.FIXED_FEE: FEES,
    CardKind.LICENCE: LICENCES,
    CardKind.CREDIT_GRANT: GRANTS,
    CardKind.ENTITLEMENT: ENTITLEMENTS,
    CardKind.OVERAGE: OVERAGES,
}
"""The lines of each kind of card; all others are those of usage cards."""


class BilledMeter(Document, frozen=True, kw_only=True):
    """A meter as it is now: how events of its schema become units."""

    id: str
    name: str
    event_schema_name: str | None = None
    aggregation: Aggregation
    filters: list[MeterFilter] | None = None
    computations: list[Computation]


class BilledEvent(Document, frozen=True, kw_only=True):
    """An event of which the meter took units."""

    id: str
    timestamp: datetime
    units: Decimal


class BilledEvents(Document, frozen=True, kw_only=True):
    """How many events of the billed period the meter took units of, and the earliest of them.

    Where one event decides, as the greatest, the least or the latest one, it is `decisive`; of values of which there
    are several, the earliest. An average has its `arithmetic`.
    """

    count: int
    first: list[BilledEvent]
    decisive: BilledEvent | None = None
    arithmetic: str | None = None


class BilledEntry(Document, frozen=True, kw_only=True):
    """An entry of feature credits that a card is about: what it grants and what was used of it, as it is now."""

    id: str
    granted: Decimal | None = None
    used: Decimal
    effective_from: datetime
    effective_until: datetime


class ChargeExplanation(Document, frozen=True, kw_only=True):
    """How the amount of a card of any kind, or of what a pricing rule adds, comes about.

    The billed period is `[startDate, endDate)`. A usage card has a meter, a quantity, tiers, `fixedAmounts` when events
    cost something beside them, adjustments when the card has limits, and events; a licence has the same but for meter
    and events; a fee has its rate and days. Of a credit grant the quantity is the credit that it gives, which is
    `creditId` once the invoice has fallen due; of an entitlement the units that it grants, of overage those beyond,
    with the `entries` of feature credits behind them. `ruleUpdates` are what pricing rules changed of it - the quantity
    is the one after them -, and `pricingRules` the logs of all that are about it, also of those that failed.
    """

    invoice_id: str
    sequence_id: str | None = None
    status: InvoiceStatus
    account_id: str
    account_name: str
    price_plan_id: str
    price_plan_name: str
    start_date: datetime
    end_date: datetime
    line_id: str
    type: LineType
    description: str
    currency: str
    amount: Decimal
    arithmetic: str
    quantity: Decimal | None = None
    tiers: list[Tier] = []
    fixed_amounts: list[FixedAmounts] = []
    adjustments: list[Adjustment] = []
    meter: BilledMeter | None = None
    events: BilledEvents | None = None
    fee: FeeTerms | None = None
    credit_id: str | None = None
    entries: list[BilledEntry] = []
    rule_updates: list[RuleUpdate] = []
    pricing_rules: list[PricingRuleLog] = []


@event_query
def explain_charge(work: Work, invoice_id: str, line_id: str) -> ChargeExplanation:
    """How one line of an invoice comes about; `lineId` is the id of a meter, add-on, feature or pricing rule in it.

    Where a feature has two lines, `ber.` before its id means the units that are granted, `eo.` the overage. Overage of
    an earlier cycle has the day on which that starts behind its id, as `eo.feature...@2026-01-01`.
    """
    record = work.state.invoices.get(invoice_id)
    tree, rule_logs = _lines_and_logs(work, record)
    line = _line(record, tree, line_id, work.organisation.zone)
    source = _source(work, record, line)
    if source.id != record.id:
        rule_logs = _lines_and_logs(work, source)[1]
    logs = [log for log in rule_logs if _is_about(log, line)]
    return ChargeExplanation(
        invoice_id=record.id,
        sequence_id=record.sequence_id,
        status=record.status,
        account_id=record.account_id,
        account_name=work.state.accounts.get(record.account_id).name,
        price_plan_id=record.price_plan_id,
        price_plan_name=work.state.price_plans.names([record.price_plan_id])[record.price_plan_id],
        start_date=source.cycle.period.start,
        end_date=source.cycle.period.end,
        line_id=line_id,
        type=line.type,
        description=line.description,
        currency=line.units,
        amount=line.value,
        rule_updates=rule_updates_of(line),
        pricing_rules=logs,
        **_how(work, source, line, logs),
    )


def _source(work: Work, record: InvoiceRecord, line: InvoiceLineItem) -> InvoiceRecord:
    """The invoice of the cycle that a line is about: the one that shows it, or the earlier one that left it to that."""
    left_by = None if line.explanation is None else line.explanation.invoice_id
    return record if left_by is None else work.state.invoices.get(left_by)


def _lines_and_logs(work: Work, record: InvoiceRecord) -> tuple[InvoiceLineItem, list[PricingRuleLog]]:
    """The lines of an invoice and the logs of its rules: of a draft, both of the same usage."""
    if record.is_draft:
        bill = draft_bills(work, [record.account_id]).bill(record)
        return bill.revenue_info, logs_of(record.id, bill.rule_steps)
    return tree_of(work.state.invoices.lines_of(record.id))[1], work.state.rule_logs.of(record.id)


def _line(record: InvoiceRecord, tree: InvoiceLineItem, line_id: str, zone: ZoneInfo) -> InvoiceLineItem:
    lines: dict[str | None, InvoiceLineItem] = {}
    for line in explainable(tree):
        if line.explanation is not None and line.explanation.cycle_start is not None:
            lines[f"{_kind(line)}.{line.id}@{local_date(line.explanation.cycle_start, zone)}"] = line
            continue
        lines.setdefault(line.id, line)
        if line.type in ENTITLEMENTS | OVERAGES:
            lines.setdefault(f"{_kind(line)}.{line.id}", line)
        if line.explanation is not None and line.explanation.rule_id is not None:
            lines.setdefault(line.explanation.rule_id, line)  # rules may add lines under one id
    if line_id not in lines:
        known = ", ".join(name for name in lines if name is not None) or "none"
        reason = f"line {line_id!r} not found, the lines of invoice {record.id!r} that can be explained: {known}"
        raise BillingError(Kind.NOT_FOUND, "not_found", Problem("", reason))
    return lines[line_id]


def _is_about(log: PricingRuleLog, line: InvoiceLineItem) -> bool:
    """Whether a log is of the rule that added a line, or of one whose target is the card that it is."""
    if line.type is LineType.PRICING_RULE_ADDITION_AMOUNT:
        return line.explanation is not None and log.rule.id == line.explanation.rule_id
    return log.changes.key == f"{_kind(line)}.{line.id}"


def _kind(line: InvoiceLineItem) -> CardKind:
    """The kind of a card that is a line."""
    return next((kind for kind, types in _TYPES.items() if line.type in types), CardKind.USAGE)


def _how(work: Work, record: InvoiceRecord, line: InvoiceLineItem, logs: Sequence[PricingRuleLog]) -> dict[str, Any]:
    """What explains a line of its type."""
    if line.type is LineType.PRICING_RULE_ADDITION_AMOUNT:
        return {"arithmetic": addition_arithmetic(logs[0])}
    found: dict[str, Any] = {"arithmetic": arithmetic_of(line)}
    if line.type in FEES:
        return found | {"fee": fee_terms_of(line)}
    found |= {"quantity": line.quantity, "tiers": tiers_of(line), "adjustments": adjustments_of(line)}
    found |= {"fixed_amounts": fixed_amounts_of(line)}
    if line.type in GRANTS:
        return found | _credit(work, record, line.id or "")
    if line.type in ENTITLEMENTS | OVERAGES:
        return found | {"entries": _entries(work, record, line)}
    return found if line.type in LICENCES else found | _usage(work, record, line.id or "")


def _credit(work: Work, record: InvoiceRecord, item_id: str) -> dict[str, Any]:
    """Which credit was granted with an invoice for an add-on, if it has been."""
    return {"credit_id": work.state.credit_grants.of([record]).get(GrantKey.of(record, item_id))}


def _entries(work: Work, record: InvoiceRecord, line: InvoiceLineItem) -> list[BilledEntry]:
    """What an invoice is about of a feature: what its cycle grants, or allows beyond that, or its purchase."""
    feature_id = line.id or ""
    if record.invoice_type is InvoiceType.AD_HOC and line.type is LineType.BILLING_ENTITLEMENT_RATE_CARD_AMOUNT:
        entries = _bought(work, record, feature_id)
    else:
        source = CreditSource.OVERAGE if line.type in OVERAGES else CreditSource.PRICE_PLAN
        entries = entries_of(work, record, feature_id, source)
    return [
        BilledEntry(
            id=entry.grant.id,
            granted=entry.grant.granted,
            used=entry.used,
            effective_from=entry.grant.valid.start,
            effective_until=entry.grant.valid.end,
        )
        for entry in entries
    ]


def _bought(work: Work, record: InvoiceRecord, feature_id: str) -> list[FeatureCredit]:
    """What was granted of a feature once an order was paid."""
    purchase = work.state.purchases.of_invoice(record.id)
    entries = () if purchase is None else work.state.feature_credits.bought_with(record.account_id, purchase.id)
    return [entry for entry in entries if entry.grant.feature_id == feature_id]


def _usage(work: Work, record: InvoiceRecord, meter_id: str) -> dict[str, Any]:
    """Where the quantity of a usage card comes from."""
    meter = work.state.usage_meters.get(meter_id)
    return {
        "meter": BilledMeter(
            id=meter.id,
            name=meter.name,
            event_schema_name=meter.event_schema_name,
            aggregation=meter.aggregation,
            filters=meter.filters,
            computations=meter.computations,
        ),
        "events": _events(work, UsageWindow(record.account_id, record.cycle.period), meter),
    }


def _events(work: Work, window: UsageWindow, meter: UsageMeter) -> BilledEvents:
    """The events of a window that made the usage of a meter."""

    def found(first: int, order: EventOrder = "earliest") -> tuple[int, list[BilledEvent]]:
        count, events = work.events.metered_events(work.organisation.id, window, meter.id, first=first, order=order)
        shown = [
            BilledEvent(id=one.event_id, timestamp=one.event_at, units=plain(told_units(meter.aggregation, one.value)))
            for one in events
        ]
        return count, shown

    count, first = found(FIRST_EVENTS)
    order = _DECISIVE.get(meter.aggregation)
    decisive = None if order is None else next(iter(found(1, order)[1]), None)
    arithmetic = None
    if meter.aggregation is Aggregation.AVERAGE and count:
        total = units_together(work, window, meter.id)
        arithmetic = f"{total:f} / {count} = {plain(average(total, count)):f}"
    return BilledEvents(count=count, first=first, decisive=decisive, arithmetic=arithmetic)
