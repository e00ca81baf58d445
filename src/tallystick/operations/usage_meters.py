"""Usage meters of every aggregation: define, read, list, change, activate, deactivate, archive.

Routes under `/v1` and tools serve these; the Togai wire has its own view of them, in `togai_meters`.
"""

from __future__ import annotations

import msgspec

from tallystick.catalog.event_schema import EventSchema
from tallystick.catalog.fields import Lifecycle
from tallystick.catalog.meter_rules import change_problems, computations_of, problems_of
from tallystick.catalog.usage_meter import (
    Aggregation,
    UsageMeter,
    UsageMeterAnswer,
    UsageMeterDraft,
    UsageMeterPatch,
)
from tallystick.kernel.document import given
from tallystick.kernel.errors import Problem, invalid, not_found, refuse_if_any
from tallystick.kernel.paging import PageRequest
from tallystick.operations.answers import DONE, Done, Listed
from tallystick.operations.price_plans import refuse_priced
from tallystick.operations.work import Work, catalogue_command, command, query


@command
def create_usage_meter(work: Work, draft: UsageMeterDraft) -> UsageMeterAnswer:
    """Define how events of a schema become a number; the meter starts as a DRAFT."""
    meter = drafted(work, draft, work.ids.mint("um"))
    work.state.usage_meters.add(meter, work.now)
    return meter.answer()


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
    meters, token = work.state.usage_meters.page(
        page, status=status, aggregation=aggregations, id=id, event_schema_name=event_schema_name
    )
    return Listed(data=[meter.answer() for meter in meters], next_token=token)


@query
def get_usage_meter(work: Work, usage_meter_id: str, *, include_schema: bool = False) -> UsageMeterAnswer:
    """Read a meter, with its event schema when asked for."""
    meter = live_meter(work, usage_meter_id)
    return meter.answer(_schema_of(work, meter) if include_schema else None)


@command
def update_usage_meter(work: Work, usage_meter_id: str, patch: UsageMeterPatch) -> UsageMeterAnswer:
    """Change a meter that is not active; what it metered stays as it is."""
    meter = live_meter(work, usage_meter_id)
    if meter.status is Lifecycle.ACTIVE:
        raise invalid("", f"usage meter {meter.id!r} is ACTIVE: deactivate it first")
    changes = given(patch)
    if "computations" in changes:
        changes["computations"] = computations_of(
            changes["computations"], changes.get("aggregation", meter.aggregation)
        )
    changed = msgspec.structs.replace(meter, **changes, version=meter.version + 1, updated_at=work.now)
    changed = msgspec.structs.replace(changed, display_name=changed.billable_name or changed.name)
    _refuse_problems(work, changed, before=meter)
    work.state.usage_meters.replace(changed, work.now)
    return changed.answer()


@command
def archive_usage_meter(work: Work, usage_meter_id: str) -> Done:
    """Archive a meter; refused while it is active or a plan that is not archived prices it."""
    meter = live_meter(work, usage_meter_id)
    if meter.status is Lifecycle.ACTIVE:
        raise invalid("", f"usage meter {meter.id!r} is ACTIVE: deactivate it first")
    refuse_priced(work, meter.id, f"usage meter {meter.id!r}")
    archived = msgspec.structs.replace(meter, status=Lifecycle.ARCHIVED, updated_at=work.now)
    work.state.usage_meters.replace(archived, work.now)
    return DONE


@catalogue_command
def activate_usage_meter(work: Work, usage_meter_id: str) -> UsageMeterAnswer:
    """Start metering the events that come from now on; the meter's schema must be active."""
    meter = live_meter(work, usage_meter_id)
    if meter.status is Lifecycle.ACTIVE:
        raise invalid("", f"usage meter {meter.id!r} is already ACTIVE")
    _refuse_problems(work, meter)
    schema = _schema_of(work, meter)
    if schema is not None and schema.status is not Lifecycle.ACTIVE:
        raise invalid("", f"event schema {schema.name!r} is {schema.status}: activate it first")
    active = msgspec.structs.replace(meter, status=Lifecycle.ACTIVE, last_activated_at=work.now, updated_at=work.now)
    return _store(work, active)


@catalogue_command
def deactivate_usage_meter(work: Work, usage_meter_id: str) -> UsageMeterAnswer:
    """Stop metering; what was metered stays, also when a plan prices the meter."""
    meter = live_meter(work, usage_meter_id)
    if meter.status is not Lifecycle.ACTIVE:
        raise invalid("", f"usage meter {meter.id!r} is {meter.status}, not ACTIVE")
    return _store(work, msgspec.structs.replace(meter, status=Lifecycle.INACTIVE, updated_at=work.now))


def drafted(work: Work, draft: UsageMeterDraft, usage_meter_id: str, path: str = "") -> UsageMeter:
    """The meter that a draft describes, checked but not stored; `path` is where the draft stands in the body.

    Raises:
        BillingError: of kind INVALID, for every problem of its rules and of the schema they read.
    """
    meter = UsageMeter(
        id=usage_meter_id,
        name=draft.name,
        billable_name=draft.billable_name,
        display_name=draft.billable_name or draft.name,
        description=draft.description,
        filters=draft.filters,
        type=draft.type,
        status=Lifecycle.DRAFT,
        aggregation=draft.aggregation,
        computations=computations_of(draft.computations, draft.aggregation),
        event_schema_name=draft.event_schema_name,
        version=1,
        created_at=work.now,
        updated_at=work.now,
    )
    _refuse_problems(work, meter, path)
    return meter


def live_meter(work: Work, usage_meter_id: str) -> UsageMeter:
    """The meter that a path names.

    Raises:
        BillingError: of kind NOT_FOUND, when there is none or it is archived.
    """
    meter = work.state.usage_meters.get(usage_meter_id)
    if meter.status is Lifecycle.ARCHIVED:
        raise not_found("usage meter", usage_meter_id)
    return meter


def _store(work: Work, meter: UsageMeter) -> UsageMeterAnswer:
    work.state.usage_meters.replace(meter, work.now)
    work.state.catalogue_changed()
    return meter.answer()


def _schema_of(work: Work, meter: UsageMeter) -> EventSchema | None:
    return None if meter.event_schema_name is None else work.state.event_schemas.find(meter.event_schema_name)


def _refuse_problems(work: Work, meter: UsageMeter, path: str = "", before: UsageMeter | None = None) -> None:
    """Every problem of the rules and of the schema they read, in one answer; `before` is what the meter was."""
    schema = _schema_of(work, meter)
    usable = schema is not None and schema.status is not Lifecycle.ARCHIVED
    variables = schema.variables if schema is not None and usable else None
    problems = problems_of(meter.computations, meter.filters or [], meter.aggregation, variables)
    if meter.event_schema_name is not None and not usable:
        problems.append(Problem("eventSchemaName", f"event schema {meter.event_schema_name!r} not found"))
    if before is not None:
        problems += change_problems(before, meter)
    refuse_if_any([Problem(f"{path}{problem.path}", problem.reason) for problem in problems])
