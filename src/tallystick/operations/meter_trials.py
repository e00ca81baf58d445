"""Trying a usage meter on sample events: units out, and no effect on anything."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from tallystick.catalog.fields import Lifecycle
from tallystick.catalog.usage_meter import Aggregation, UsageMeter, UsageMeterDraft
from tallystick.kernel.document import Document, Draft
from tallystick.kernel.errors import invalid
from tallystick.kernel.quantity import ZERO, plain
from tallystick.metering.event import Event
from tallystick.metering.trial import TriedEvent, try_events
from tallystick.operations.usage_meters import drafted
from tallystick.operations.work import Work, query
from tallystick.stores.state.catalogues import schema_terms


class MeterTrial(Draft, frozen=True, kw_only=True):
    """What `POST /v1/usage-meters/preview` takes: a meter by id or as a draft, and events of its schema."""

    usage_meter_id: str | None = None
    meter: UsageMeterDraft | None = None
    events: Annotated[list[Event], Meta(min_length=1, max_length=100)]


class MeterTrialResult(Document, frozen=True, kw_only=True):
    """What the meter makes of each event, and the units of all of them together."""

    usage_meter_id: str | None = None
    name: str
    event_schema_name: str
    aggregation: Aggregation
    total_units: Decimal
    events: list[TriedEvent]


@query
def try_usage_meter(work: Work, draft: MeterTrial) -> MeterTrialResult:
    """Meter sample events with a stored meter or a draft of one, and keep nothing.

    Events are judged as if the meter and its schema were active; accounts, duplicates and lateness are not looked at.
    """
    meter, path = _meter(work, draft)
    schema = None if meter.event_schema_name is None else work.state.event_schemas.find(meter.event_schema_name)
    if schema is None or schema.status is Lifecycle.ARCHIVED:
        raise invalid(path, "the meter has no event schema whose events it reads: set its eventSchemaName")
    settings = work.state.settings_for({event.account_id for event in draft.events})
    tried = try_events(schema_terms(schema, [meter]), draft.events, settings)
    return MeterTrialResult(
        usage_meter_id=draft.usage_meter_id,
        name=meter.name,
        event_schema_name=schema.name,
        aggregation=meter.aggregation,
        total_units=plain(sum((one.units for one in tried if one.units is not None), ZERO)),
        events=tried,
    )


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
