"""Usage meters as the Togai wire knows them: by COUNT and SUM; its client refuses every other aggregation.

Meters of the others are under `/v1/usage-meters`, where `usage_meters` serves them all. They are not listed here, and
whoever names one is told where it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.catalog.fields import Lifecycle
from tallystick.catalog.usage_meter import Aggregation, UsageMeterAnswer, UsageMeterDraft, UsageMeterPatch
from tallystick.kernel.errors import BillingError, Kind, Problem, invalid
from tallystick.kernel.paging import PageRequest
from tallystick.operations import usage_meters
from tallystick.operations.answers import Done, Listed
from tallystick.operations.usage_meters import live_meter
from tallystick.operations.work import Work, catalogue_command, command, query

if TYPE_CHECKING:
    from msgspec import UnsetType


@command
def create_usage_meter(work: Work, draft: UsageMeterDraft) -> UsageMeterAnswer:
    """Define how events of a schema become a number; the meter starts as a DRAFT."""
    _refuse_beyond(draft.aggregation)
    return usage_meters.create_usage_meter(work, draft)


@query
def list_usage_meters(
    work: Work,
    page: PageRequest,
    *,
    status: Lifecycle | None = None,
    aggregations: Aggregation | None = None,
    id: str | None = None,
    event_schema_name: str | None = None,
) -> Listed[UsageMeterAnswer]:
    """Page through meters; archived ones only when asked for."""
    _refuse_beyond(aggregations, "aggregations")
    meters, token = work.state.togai_meters.page(
        page, status=status, aggregation=aggregations, id=id, event_schema_name=event_schema_name
    )
    return Listed(data=[meter.answer() for meter in meters], next_token=token)


@query
def get_usage_meter(work: Work, usage_meter_id: str, *, include_schema: bool = False) -> UsageMeterAnswer:
    """Read a meter, with its event schema when asked for."""
    _refuse_unknown(work, usage_meter_id)
    return usage_meters.get_usage_meter(work, usage_meter_id, include_schema=include_schema)


@command
def update_usage_meter(work: Work, usage_meter_id: str, patch: UsageMeterPatch) -> UsageMeterAnswer:
    """Change a meter that is not active; what it metered stays as it is."""
    _refuse_unknown(work, usage_meter_id)
    _refuse_beyond(patch.aggregation)
    return usage_meters.update_usage_meter(work, usage_meter_id, patch)


@command
def archive_usage_meter(work: Work, usage_meter_id: str) -> Done:
    """Archive a meter; refused while it is active or a plan that is not archived prices it."""
    _refuse_unknown(work, usage_meter_id)
    return usage_meters.archive_usage_meter(work, usage_meter_id)


@catalogue_command
def activate_usage_meter(work: Work, usage_meter_id: str) -> UsageMeterAnswer:
    """Start metering the events that come from now on; the meter's schema must be active."""
    _refuse_unknown(work, usage_meter_id)
    return usage_meters.activate_usage_meter(work, usage_meter_id)


@catalogue_command
def deactivate_usage_meter(work: Work, usage_meter_id: str) -> UsageMeterAnswer:
    """Stop metering; what was metered stays, also when a plan prices the meter."""
    _refuse_unknown(work, usage_meter_id)
    return usage_meters.deactivate_usage_meter(work, usage_meter_id)


def _refuse_unknown(work: Work, usage_meter_id: str) -> None:
    """A meter of an aggregation that this wire does not know is not found, by a reason that says where it is."""
    meter = live_meter(work, usage_meter_id)
    if not meter.aggregation.adds_up:
        reason = f"usage meter {meter.id!r} has the aggregation {meter.aggregation}: it is under /v1/usage-meters"
        raise BillingError(Kind.NOT_FOUND, "usage_meter_not_found", Problem("", reason))


def _refuse_beyond(aggregation: Aggregation | UnsetType | None, path: str = "aggregation") -> None:
    """An aggregation that this wire does not know is asked for where it is known."""
    if isinstance(aggregation, Aggregation) and not aggregation.adds_up:
        raise invalid(path, f"is {aggregation}, expected COUNT or SUM: the others are under /v1/usage-meters")
