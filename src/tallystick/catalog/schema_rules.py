"""What an event schema must keep to: names that differ, filter fields that are there, an id template that works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.catalog import enrichment_rules, id_template
from tallystick.kernel.errors import Problem

if TYPE_CHECKING:
    from tallystick.catalog.event_schema import EventSchema


def problems_of(schema: EventSchema) -> list[Problem]:
    """Everything that is wrong with a schema, in the order of its fields."""
    problems = [
        *_repeats("attributes", [attribute.name for attribute in schema.attributes]),
        *_repeats("dimensions", [dimension.name for dimension in schema.dimensions]),
        *_filter_problems(schema),
    ]
    if schema.enrichments:
        problems += enrichment_rules.problems_of(schema.enrichments, schema.sent_variables)
    if schema.event_id_template:
        problems += id_template.problems_of(schema.event_id_template, schema.sent_variables)
    return problems


def _repeats(path: str, names: list[str]) -> list[Problem]:
    return [
        Problem(f"{path}[{index}].name", f"{name!r} stands twice")
        for index, name in enumerate(names)
        if name in names[:index]
    ]


def _filter_problems(schema: EventSchema) -> list[Problem]:
    known = {name.partition(".")[2] for name in schema.variables if not name.startswith("dependencies.")}
    return [
        Problem(f"filterFields[{index}]", f"{field!r} is neither an attribute nor a dimension of this schema")
        for index, field in enumerate(schema.filter_fields or [])
        if field.rpartition(".")[2] not in known
    ]
