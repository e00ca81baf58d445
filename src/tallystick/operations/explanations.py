"""From a line of an invoice back to tier arithmetic, quantity, meter, and the very events."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from tallystick.catalog.usage_meter import Aggregation, Computation, MeterFilter
from tallystick.invoicing.charge_explanation import (
    FEES,
    LICENCES,
    Adjustment,
    FeeTerms,
    Tier,
    adjustments_of,
    arithmetic_of,
    explainable,
    fee_terms_of,
    tiers_of,
)
from tallystick.invoicing.invoice import Invoice, InvoiceStatus
from tallystick.invoicing.line import InvoiceLineItem, LineType
from tallystick.invoicing.record import InvoiceRecord
from tallystick.kernel.document import Document
from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.operations.invoices import shown
from tallystick.operations.work import Work, event_query
from tallystick.stores.event_store import UsageWindow

FIRST_EVENTS: Final = 5


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
    """How many events of the billed period the meter took units of, and the earliest of them."""

    count: int
    first: list[BilledEvent]


class ChargeExplanation(Document, frozen=True, kw_only=True):
    """How the amount of a usage card, licence or fixed fee comes about.

    The billed period is `[startDate, endDate)`. A usage card has a meter, a quantity, tiers, adjustments when the
    card has limits, and events; a licence has the same but for meter and events; a fee has its rate and days.
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
    adjustments: list[Adjustment] = []
    meter: BilledMeter | None = None
    events: BilledEvents | None = None
    fee: FeeTerms | None = None


@event_query
def explain_charge(work: Work, invoice_id: str, line_id: str) -> ChargeExplanation:
    """How one line of an invoice comes about; `lineId` is the id of a usage meter or add-on in its revenueInfo."""
    record = work.state.invoices.get(invoice_id)
    line = _line(shown(work, record), line_id)
    return ChargeExplanation(
        invoice_id=record.id,
        sequence_id=record.sequence_id,
        status=record.status,
        account_id=record.account_id,
        account_name=work.state.accounts.get(record.account_id).name,
        price_plan_id=record.price_plan_id,
        price_plan_name=work.state.price_plans.get(record.price_plan_id).name,
        start_date=record.cycle.period.start,
        end_date=record.cycle.period.end,
        line_id=line_id,
        type=line.type,
        description=line.description,
        currency=line.units,
        amount=line.value,
        arithmetic=arithmetic_of(line),
        **({"fee": fee_terms_of(line)} if line.type in FEES else _tiered(line)),
        **({} if line.type in FEES | LICENCES else _usage(work, record, line_id)),
    )


def _line(invoice: Invoice, line_id: str) -> InvoiceLineItem:
    assert invoice.revenue_info is not None, "an invoice that is shown has its lines"
    lines = {line.id: line for line in explainable(invoice.revenue_info)}
    if line_id not in lines:
        known = ", ".join(name for name in lines if name is not None) or "none"
        reason = f"line {line_id!r} not found, the lines of invoice {invoice.id!r} that can be explained: {known}"
        raise BillingError(Kind.NOT_FOUND, "not_found", Problem("", reason))
    return lines[line_id]


def _tiered(line: InvoiceLineItem) -> dict[str, Any]:
    """What explains a card with slabs beside its amount."""
    return {"quantity": line.quantity, "tiers": tiers_of(line), "adjustments": adjustments_of(line)}


def _usage(work: Work, record: InvoiceRecord, meter_id: str) -> dict[str, Any]:
    """Where the quantity of a usage card comes from."""
    meter = work.state.usage_meters.get(meter_id)
    window = UsageWindow(record.account_id, record.cycle.period)
    count, first = work.events.metered_events(work.organisation.id, window, meter_id, first=FIRST_EVENTS)
    return {
        "meter": BilledMeter(
            id=meter.id,
            name=meter.name,
            event_schema_name=meter.event_schema_name,
            aggregation=meter.aggregation,
            filters=meter.filters,
            computations=meter.computations,
        ),
        "events": BilledEvents(
            count=count,
            first=[BilledEvent(id=one.event_id, timestamp=one.event_at, units=one.value) for one in first],
        ),
    }
