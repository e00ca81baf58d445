"""Trying a usage meter on sample events, or on those that came last: units out, and no effect on anything."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tallystick.catalog.fields import Lifecycle
from tallystick.catalog.usage_meter import Aggregation, UsageMeter, UsageMeterDraft
from tallystick.kernel.document import Document, Draft
from tallystick.kernel.errors import invalid
from tallystick.kernel.quantity import ZERO, plain
from tallystick.metering.aggregation import aggregated, told_units
from tallystick.metering.event import Event, EventStatus
from tallystick.metering.trial import TriedEvent, try_events
from tallystick.operations.usage_meters import drafted
from tallystick.operations.work import Work, event_query
from tallystick.stores.state.catalogues import schema_terms


class MeterTrial(Draft, frozen=True, kw_only=True):
    """What `POST /v1/usage-meters/preview` takes: a meter by id or as a draft, and events of its schema.

    Instead of `events`, `lastEvents` takes so many of the newest that are stored, whatever became of them; those that
    were taken back or came twice are left out.
    """

    usage_meter_id: str | None = None
    meter: UsageMeterDraft | None = None
    events: Annotated[list[Event], Meta(min_length=1, max_length=100)] | None = None
    last_events: Annotated[int, Meta(ge=1, le=1000)] | None = None


class AccountUnits(Document, frozen=True, kw_only=True):
    """The units of the events that name an account, as they name it."""

    account_id: str
    units: Decimal


class MeterTrialResult(Document, frozen=True, kw_only=True):
    """What the meter makes of each event, and its usage by account and of all accounts together."""

    usage_meter_id: str | None = None
    name: str
    event_schema_name: str
    aggregation: Aggregation
    total_units: Decimal
    accounts: list[AccountUnits]
    events: list[TriedEvent]


_COUNTED: Final = tuple(status for status in EventStatus if status not in {EventStatus.DUPLICATE, EventStatus.REVERTED})


@event_query
def try_usage_meter(work: Work, draft: MeterTrial) -> MeterTrialResult:
    """Meter sample events, or the newest stored ones, with a stored meter or a draft of one, and keep nothing.

    Events are judged as if the meter and its schema were active; accounts, duplicates and lateness are not looked at.
    """
    meter, path = _meter(work, draft)
    schema = None if meter.event_schema_name is None else work.state.event_schemas.find(meter.event_schema_name)
    if schema is None or schema.status is Lifecycle.ARCHIVED:
        raise invalid(path, "the meter has no event schema whose events it reads: set its eventSchemaName")
    arrived = _events(work, draft, schema.name)
    events = [event for _, event in arrived]
    settings = work.state.settings_for({event.account_id for event in events})
    tried = try_events(schema_terms(schema, [meter]), events, settings)
    by_account = _by_account(meter.aggregation, arrived, tried)
    return MeterTrialResult(
        usage_meter_id=draft.usage_meter_id,
        name=meter.name,
        event_schema_name=schema.name,
        aggregation=meter.aggregation,
        total_units=plain(sum(by_account.values(), ZERO)),
        accounts=[AccountUnits(account_id=name, units=plain(units)) for name, units in sorted(by_account.items())],
        events=[_told(meter.aggregation, one) for one in tried],
    )


def _by_account(
    aggregation: Aggregation, arrived: Sequence[tuple[int, Event]], tried: Sequence[TriedEvent]
) -> dict[str, Decimal]:
    """What the units of the events come to for each account that they name, as its usage would."""
    units: dict[str, list[Decimal]] = {}
    in_time = sorted(zip(arrived, tried, strict=True), key=lambda pair: (pair[0][1].timestamp, pair[0][0]))
    for (_, event), one in in_time:
        if one.units is not None:
            units.setdefault(event.account_id, []).append(one.units)
    return {name: aggregated(aggregation, of_account) for name, of_account in units.items()}


def _told(aggregation: Aggregation, one: TriedEvent) -> TriedEvent:
    return one if one.units is None else msgspec.structs.replace(one, units=told_units(aggregation, one.units))


def _events(work: Work, draft: MeterTrial, schema_name: str) -> list[tuple[int, Event]]:
    """The events to try the meter on, as they were sent, each with a number that rises as they come in."""
    if draft.events is not None and draft.last_events is None:
        return list(enumerate(draft.events))
    if draft.last_events is not None and draft.events is None:
        found = work.events.page_events(
            work.organisation.id, size=draft.last_events, schema_name=schema_name, statuses=_COUNTED
        )
        return [(one.position, one.event) for one in found]
    raise invalid("events", "send either events, or lastEvents for the newest that are stored")


def _meter(work: Work, draft: MeterTrial) -> tuple[UsageMeter, str]:
    """The meter on trial, and where in the body it stands."""
    if draft.meter is not None and draft.usage_meter_id is None:
        return drafted(work, draft.meter, "", "meter."), "meter.eventSchemaName"
    if draft.usage_meter_id is not None and draft.meter is None:
        meter = work.state.usage_meters.find(draft.usage_meter_id)
        if meter is None or meter.status is Lifecycle.ARCHIVED:
            raise invalid("usageMeterId", f"usage meter {draft.usage_meter_id!r} not found")
        return meter, "usageMeterId"
    raise invalid("usageMeterId", "send either usageMeterId of a stored meter or the draft of one as meter")
