"""Event schemas: define, read, list, extend, activate, deactivate, archive."""

from __future__ import annotations

from typing import Final

import msgspec

from tallystick.catalog.event_schema import (
    RESERVED,
    EventSchema,
    EventSchemaDraft,
    EventSchemaListItem,
    EventSchemaPatch,
)
from tallystick.catalog.fields import Lifecycle
from tallystick.catalog.schema_rules import problems_of
from tallystick.kernel.document import Document, given
from tallystick.kernel.errors import Problem, conflict, invalid, not_found, refuse_if_any
from tallystick.kernel.paging import PageRequest
from tallystick.operations.answers import DONE, Done, Listed
from tallystick.operations.work import Work, catalogue_command, command, query

_NAMED: Final = ("attributes", "dimensions", "enrichments.dependencies", "enrichments.fields", "filterFields")
"""Where a schema has names, none of which an active one may lose."""


class Versions(Document, frozen=True, kw_only=True):
    """Every version of a schema, newest first."""

    data: list[EventSchema]


@command
def create_event_schema(work: Work, draft: EventSchemaDraft) -> EventSchema:
    """Define the payload of events of a name; the schema starts as a DRAFT."""
    if draft.name in RESERVED:
        raise conflict(f"{draft.name!r} is a predefined schema", "name")
    schema = EventSchema(
        name=draft.name,
        description=draft.description,
        version=1,
        status=Lifecycle.DRAFT,
        attributes=draft.attributes,
        dimensions=draft.dimensions,
        filter_fields=draft.filter_fields,
        enrichments=draft.enrichments,
        event_id_template=draft.event_id_template or None,
        event_level_revenue=False,
        created_at=work.now,
        updated_at=work.now,
    )
    _refuse_problems(schema)
    work.state.event_schemas.add(schema, work.now)
    return schema


@query
def list_event_schemas(
    work: Work, page: PageRequest, *, status: Lifecycle | None = None
) -> Listed[EventSchemaListItem]:
    """Page through the latest versions of the schemas; archived ones only when asked for."""
    schemas, token = work.state.event_schemas.page(page, status=status)
    items = [
        EventSchemaListItem(
            **{field: getattr(schema, field) for field in EventSchema.__struct_fields__},
            usage_meters_count=len(work.state.usage_meters.all(event_schema_name=schema.name)),
        )
        for schema in schemas
    ]
    return Listed(data=items, next_token=token)


@query
def get_event_schema(work: Work, event_schema_name: str, *, version: int | None = None) -> EventSchema:
    """Read a schema: the latest version, or the one asked for."""
    latest = live_schema(work, event_schema_name)
    if version is None or version == latest.version:
        return _with_tie(work, latest)
    for older in work.state.ties.older_versions(event_schema_name):
        if older.version == version:
            return older
    raise not_found("version", str(version), "version")


@query
def list_event_schema_versions(work: Work, event_schema_name: str) -> Versions:
    """Every version of a schema, newest first."""
    latest = live_schema(work, event_schema_name)
    older = reversed(work.state.ties.older_versions(event_schema_name))
    return Versions(data=[_with_tie(work, latest), *older])


@catalogue_command
def update_event_schema(work: Work, event_schema_name: str, patch: EventSchemaPatch) -> EventSchema:
    """Edit a draft freely; add to an active or inactive schema, which makes its next version."""
    schema = live_schema(work, event_schema_name)
    changed = msgspec.structs.replace(schema, **given(patch), updated_at=work.now)
    changed = msgspec.structs.replace(changed, event_id_template=changed.event_id_template or None)
    if schema.status is not Lifecycle.DRAFT:
        _refuse_removals(schema, changed)
        work.state.ties.keep_version(msgspec.structs.replace(schema, status=Lifecycle.ARCHIVED))
        changed = msgspec.structs.replace(changed, version=schema.version + 1)
    _refuse_problems(changed)
    return _store(work, changed)


@catalogue_command
def archive_event_schema(work: Work, event_schema_name: str) -> Done:
    """Archive a schema; refused while it is active or a live meter uses it."""
    schema = live_schema(work, event_schema_name)
    if schema.status is Lifecycle.ACTIVE:
        raise invalid("", f"event schema {event_schema_name!r} is ACTIVE: deactivate it first")
    _refuse_used(work, schema, Lifecycle.DRAFT, Lifecycle.ACTIVE, Lifecycle.INACTIVE)
    _store(work, msgspec.structs.replace(schema, status=Lifecycle.ARCHIVED, updated_at=work.now))
    return DONE


@catalogue_command
def activate_event_schema(work: Work, event_schema_name: str) -> EventSchema:
    """Make a schema usable for events."""
    schema = live_schema(work, event_schema_name)
    if schema.status is Lifecycle.ACTIVE:
        raise invalid("", f"event schema {event_schema_name!r} is already ACTIVE")
    return _store(work, msgspec.structs.replace(schema, status=Lifecycle.ACTIVE, updated_at=work.now))


@catalogue_command
def deactivate_event_schema(work: Work, event_schema_name: str) -> EventSchema:
    """Stop taking events of a schema; refused while an active meter uses it."""
    schema = live_schema(work, event_schema_name)
    if schema.status is not Lifecycle.ACTIVE:
        raise invalid("", f"event schema {event_schema_name!r} is {schema.status}, not ACTIVE")
    _refuse_used(work, schema, Lifecycle.ACTIVE)
    return _store(work, msgspec.structs.replace(schema, status=Lifecycle.INACTIVE, updated_at=work.now))


def live_schema(work: Work, name: str) -> EventSchema:
    """The schema that a path names.

    Raises:
        BillingError: of kind NOT_FOUND, when there is none or it is archived.
    """
    schema = work.state.event_schemas.get(name)
    if schema.status is Lifecycle.ARCHIVED:
        raise not_found("event schema", name)
    return schema


def _store(work: Work, schema: EventSchema) -> EventSchema:
    work.state.event_schemas.replace(schema, work.now)
    work.state.catalogue_changed()
    return _with_tie(work, schema)


def _with_tie(work: Work, schema: EventSchema) -> EventSchema:
    return msgspec.structs.replace(schema, feature_details=work.state.ties.of_schema(schema.name))


def _refuse_problems(schema: EventSchema) -> None:
    refuse_if_any(problems_of(schema))


def _refuse_removals(old: EventSchema, new: EventSchema) -> None:
    """An active schema only grows: what events carried so far stays."""
    problems = [
        Problem(kind, f"{name!r} cannot be removed from a schema that was active; only additions are possible")
        for kind, before, after in zip(_NAMED, _names(old), _names(new), strict=True)
        for name in before
        if name not in after
    ]
    refuse_if_any(problems)


def _names(schema: EventSchema) -> tuple[list[str], ...]:
    """The names of everything that a schema has, in the order of `_NAMED`."""
    enrichments = schema.enrichments
    return (
        [attribute.name for attribute in schema.attributes],
        [dimension.name for dimension in schema.dimensions],
        [dependency.name for dependency in enrichments.dependencies] if enrichments else [],
        [field.variable for field in enrichments.fields] if enrichments else [],
        schema.filter_fields or [],
    )


def _refuse_used(work: Work, schema: EventSchema, *states: Lifecycle) -> None:
    meters = work.state.usage_meters.all(event_schema_name=schema.name)
    users = [meter.id for meter in meters if meter.status in states]
    if users:
        raise invalid("", f"event schema {schema.name!r} is used by usage meters: {', '.join(users)}")
