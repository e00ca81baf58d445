"""Events: list them with their status, read one with everything that became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from tallystick.accounts.account import Account
from tallystick.kernel import paging
from tallystick.kernel.document import decode
from tallystick.kernel.errors import not_found
from tallystick.kernel.ids import event_reference
from tallystick.kernel.micros import EPOCH, instant_of, micros_of
from tallystick.kernel.paging import Query
from tallystick.kernel.period import at, local_date
from tallystick.kernel.quantity import plain, summed
from tallystick.metering.aggregation import told_units
from tallystick.metering.enrichment import EnrichmentTrace
from tallystick.metering.event import EventStatus, statuses_named
from tallystick.metering.event_view import (
    AccountTrace,
    CustomerTrace,
    EventList,
    EventTrace,
    EventView,
    FeatureTrace,
    IngestionStatus,
    MeterTrace,
    PlanTrace,
    RevenueTrace,
    SchemaTrace,
    Source,
    TracedEvent,
    TracedEvents,
)
from tallystick.operations.cycles import terms_of
from tallystick.operations.event_conflicts import with_conflicts
from tallystick.operations.event_revenue import revenue_of_event
from tallystick.operations.waiting_events import waiting_events
from tallystick.operations.work import Work, event_query
from tallystick.stores.event_store import StoredEvent, UsageFact

LARGEST_PAGE: Final = 50
_LISTING: Final = "events"
_SUCCEEDED: Final = "Ingestion completed successfully"
_SAID_OTHERWISE: Final = {EventStatus.UNKNOWN: "The stored status is not known to this release"}


@event_query
def list_events(
    work: Work,
    *,
    status: str | None = None,
    account_id: str | None = None,
    schema_name: str | None = None,
    page_size: int | None = None,
    next_token: str | None = None,
) -> EventList:
    """Page through events by event time, newest first; `status` is a raw status or the name of a group."""
    asked = _query(work, next_token, page_size, status=status, account_id=account_id, schema_name=schema_name)
    found = _page(work, asked)
    shown = with_conflicts(work, found[: asked.size])
    token = None
    if len(found) > asked.size:
        last = shown[-1]
        micros = micros_of(last.event.timestamp)
        after: list[str | int] = [micros, last.event.id or "", last.position]
        token = paging.sign(msgspec.structs.replace(asked, after=after), work.secret)
    return EventList(events=[view(work, event) for event in shown], next_token=token)


@event_query
def get_event(work: Work, event_id: str) -> TracedEvents:
    """One event, by the id it was sent with, with everything that became of it."""
    waiting = [event for event in waiting_events(work) if event.event.id == event_id]
    found = _together(work.events.events_with_id(work.organisation.id, event_id), waiting)
    if not found:
        raise not_found("event", event_id)
    found = with_conflicts(work, found)
    facts = work.events.units_of(work.organisation.id, [event.position for event in found])
    return TracedEvents(events=[_traced(work, event, facts) for event in found])


def _page(work: Work, asked: Query) -> list[StoredEvent]:
    """One event more than the page takes, if there is one, in the order of the list."""
    status, account_id, schema_name = (asked.filters.get(name) for name in ("status", "account_id", "schema_name"))
    statuses = None if status is None else statuses_named(status, "status")
    place = _place(asked.after)
    waiting = [
        event
        for event in waiting_events(work)
        if (statuses is None or event.status in statuses)
        and account_id in (None, event.event.account_id)
        and schema_name in (None, event.event.schema_name)
        and (place is None or _order(event) > (EPOCH - place[0], *place[1:]))
    ]
    stored = work.events.page_events(
        work.organisation.id,
        statuses=statuses,
        account_id=account_id,
        schema_name=schema_name,
        size=asked.size + 1,
        after=place,
    )
    return sorted(_together(stored, waiting), key=_order)[: asked.size + 1] if waiting else stored


def _together(stored: list[StoredEvent], waiting: list[StoredEvent]) -> list[StoredEvent]:
    """Both, each event once: what was processed while both were read counts as stored."""
    processed = {event.position for event in stored}
    return stored + [event for event in waiting if event.position not in processed]


def _order(event: StoredEvent) -> tuple[timedelta, str, int]:
    """Newest first by event time, then by id, then by position."""
    return EPOCH - event.event.timestamp, event.event.id or "", event.position


def _query(work: Work, token: str | None, size: int | None, **filters: str | None) -> Query:
    if token:
        return paging.read(token, listing=_LISTING, organisation=work.organisation.id, secret=work.secret)
    return Query(
        listing=_LISTING,
        organisation=work.organisation.id,
        filters={name: value for name, value in filters.items() if value is not None},
        size=paging.size_of(size, LARGEST_PAGE, LARGEST_PAGE),
    )


def _place(after: Sequence[str | int] | None) -> tuple[datetime, str, int] | None:
    if after is None:
        return None
    micros, event_id, position = after
    return instant_of(int(micros)), str(event_id), int(position)


def view(work: Work, event: StoredEvent) -> EventView:
    """An event as lists show it."""
    return EventView(
        reference_id=event_reference(event.reserved, work.secret),
        event_payload=event.event,
        ingestion_status=IngestionStatus(
            status=event.status,
            status_description=event.status_description or _SAID_OTHERWISE.get(event.status, _SUCCEEDED),
        ),
        customer_id=event.customer_id,
        source=Source(id=event.source, type=event.source),
        created_at=event.received_at,
    )


def _traced(work: Work, event: StoredEvent, facts: Sequence[UsageFact]) -> TracedEvent:
    seen = view(work, event)
    shown: dict[str, Any] = {field: getattr(seen, field) for field in EventView.__struct_fields__}
    return TracedEvent(**shown, event_pipeline_info=_trace(work, event, facts))


def _trace(work: Work, event: StoredEvent, facts: Sequence[UsageFact]) -> EventTrace:
    schema = event.schema_version
    metered = [fact for fact in facts if fact.position == event.position]
    return EventTrace(
        event_schema=None if schema is None else SchemaTrace(name=event.event.schema_name, version=schema),
        usage_meters=_meter_traces(work, event, metered),
        feature_details=_feature_trace(work, event),
        enrichments=None if event.enrichments is None else decode(event.enrichments, EnrichmentTrace),
        status_before_reverting=event.before_reverting,
        **_account_trace(work, event, [fact.meter_id for fact in metered]),
    )


def _meter_traces(work: Work, event: StoredEvent, facts: Sequence[UsageFact]) -> list[MeterTrace]:
    ids = {fact.meter_id for fact in facts} | {meter_id for meter_id, _ in event.filtered_out}
    meters = work.state.usage_meters.among(ids)
    computed = [
        MeterTrace(
            id=fact.meter_id,
            name=meters[fact.meter_id].name,
            version=fact.meter_version,
            status="PROCESSED_UNITS_COMPUTED",
            units=plain(told_units(meters[fact.meter_id].aggregation, fact.value)),
        )
        for fact in facts
    ]
    return computed + [
        MeterTrace(id=meter_id, name=meters[meter_id].name, version=version, status="PROCESSED_FILTERED_OUT")
        for meter_id, version in event.filtered_out
    ]


def _feature_trace(work: Work, event: StoredEvent) -> FeatureTrace | None:
    """The feature that the event's schema is tied to, when units of it were debited for the event."""
    tie = work.state.ties.of_schema(event.event.schema_name)
    debits = [] if tie is None else work.state.feature_credits.debits_of([event.position])
    if tie is None or tie.feature_id not in {debit.feature_id for debit in debits}:
        return None
    beyond = {
        entry.grant.id: entry.used
        for entry in work.state.feature_credits.of([debits[0].account_id], at(event.event.timestamp), tie.feature_id)
        if entry.is_overage
    }
    own = [-debit.units if debit.is_return else debit.units for debit in debits if debit.entry_id in beyond]
    return FeatureTrace(
        feature_id=tie.feature_id,
        mapped_attribute=tie.attribute_name,
        overage_in_cycle=plain(summed(beyond.values())),
        overage_in_event=plain(summed(own)),
    )


def _account_trace(work: Work, event: StoredEvent, meter_ids: list[str]) -> dict[str, Any]:
    """The account, its customer, the plan and cycle that the event falls into, and what it earned there."""
    account = None if event.account_id is None else work.state.accounts.find(event.account_id)
    if account is None:
        return {}
    customer = work.state.customers.get(account.customer_id)
    zone, at = work.organisation.zone, event.event.timestamp
    plans = []
    for piece in work.state.schedules.of([account.id])[account.id]:
        if piece.within.contains(at):
            period = piece.cycle_at(at, zone).period
            plan = work.state.price_plans.get(piece.price_plan_id)
            priced = {card.usage_meter_id for card in terms_of(work, [piece])[piece.id].usage_rate_cards}
            plans.append(
                PlanTrace(
                    name=plan.name,
                    id=plan.id,
                    schedule_id=piece.id,
                    cycle_start=local_date(period.start, zone),
                    cycle_end=local_date(period.end, zone),
                    usage_meters=[meter_id for meter_id in meter_ids if meter_id in priced],
                )
            )
    alias = event.event.account_id
    return {
        "account": AccountTrace(id=account.id, name=account.name, alias=None if alias == account.id else alias),
        "customer": CustomerTrace(id=customer.id, name=customer.name),
        "price_plans": plans,
        "revenue_details": _revenue_traces(work, account, event, meter_ids),
        "base_currency": work.organisation.base_currency,
        "invoice_currency": account.invoice_currency,
    }


def _revenue_traces(work: Work, account: Account, event: StoredEvent, meter_ids: list[str]) -> list[RevenueTrace]:
    """What the event earned; nothing is told where the account is billed in a currency without a conversion."""
    if account.invoice_currency != work.organisation.base_currency:
        return []
    return [
        RevenueTrace(
            usage_meter_id=meter_id, revenue_base_currency=plain(amount), revenue_invoice_currency=plain(amount)
        )
        for meter_id, amount in revenue_of_event(work, event, meter_ids).items()
    ]
