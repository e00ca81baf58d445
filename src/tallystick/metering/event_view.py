"""Events as the wire shows them: with their status, and with everything that became of them (domain.md 2.7)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from tallystick.kernel.document import Document
from tallystick.metering.enrichment import EnrichmentTrace
from tallystick.metering.event import Event, EventStatus


class IngestionStatus(Document, frozen=True, kw_only=True):
    """What became of an event, and why."""

    status: EventStatus
    status_description: str


class Source(Document, frozen=True, kw_only=True):
    """By which door an event came in."""

    id: str
    type: str


class EventView(Document, frozen=True, kw_only=True):
    """An event with its status, as lists show it."""

    reference_id: str
    event_payload: Event
    ingestion_status: IngestionStatus
    customer_id: str | None = None
    source: Source
    created_at: datetime


class EventList(Document, frozen=True, kw_only=True, omit_defaults=False):
    """One page of events, newest first by event time."""

    events: list[EventView]
    next_token: str | None = None


class SchemaTrace(Document, frozen=True, kw_only=True):
    """The schema version that an event was read by."""

    name: str
    version: int


class MeterTrace(Document, frozen=True, kw_only=True):
    """What one meter made of an event."""

    id: str
    name: str
    version: int
    status: str
    units: Decimal | None = None


class PlanTrace(Document, frozen=True, kw_only=True):
    """The plan and cycle that an event belongs to; dates are those of the organisation's zone."""

    name: str
    id: str
    schedule_id: str
    cycle_start: date
    cycle_end: date
    usage_meters: list[str]


class AccountTrace(Document, frozen=True, kw_only=True):
    """The account that an event belongs to, and the alias it was sent under."""

    id: str
    name: str
    alias: str | None = None


class CustomerTrace(Document, frozen=True, kw_only=True):
    """The customer that an event belongs to."""

    id: str
    name: str


class FeatureTrace(Document, frozen=True, kw_only=True):
    """The feature whose units an event used, and how many of them, and of its cycle so far, beyond what was granted."""

    feature_id: str
    mapped_attribute: str
    overage_in_cycle: Decimal
    overage_in_event: Decimal


class RevenueTrace(Document, frozen=True, kw_only=True):
    """What an event earned by one meter, in the base currency and in that of the account's invoices."""

    usage_meter_id: str
    revenue_base_currency: Decimal
    revenue_invoice_currency: Decimal


class EventTrace(Document, frozen=True, kw_only=True):
    """Everything that became of an event on its way to usage."""

    event_schema: SchemaTrace | None = None
    usage_meters: list[MeterTrace] = []
    price_plans: list[PlanTrace] = []
    account: AccountTrace | None = None
    customer: CustomerTrace | None = None
    feature_details: FeatureTrace | None = None
    enrichments: EnrichmentTrace | None = None
    revenue_details: list[RevenueTrace] = []
    status_before_reverting: EventStatus | None = None
    base_currency: str | None = None
    invoice_currency: str | None = None


class TracedEvent(EventView, frozen=True, kw_only=True):
    """An event with its whole trace."""

    event_pipeline_info: EventTrace


class TracedEvents(Document, frozen=True, kw_only=True):
    """Every event of one id: an id can come in again."""

    events: list[TracedEvent]
