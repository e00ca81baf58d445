"""What is wrong with enrichments before any event is enriched with them, every problem at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tallystick.catalog.enrichment import EnrichmentType, FieldType
from tallystick.catalog.fields import NUMBER_PATTERN
from tallystick.kernel.errors import BillingError, Problem
from tallystick.logic import ValueType, check, hint, parse, told, types_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from tallystick.catalog.enrichment import EnrichmentField, Enrichments

_NUMBER: Final = frozenset({ValueType.NUMBER})
_GIVES: Final = {
    FieldType.ATTRIBUTE: _NUMBER,
    FieldType.DIMENSION: _NUMBER | {ValueType.TEXT, ValueType.NUMERAL},
}
"""What the rule of a field may give: a number becomes the text of a dimension."""

_KEY: Final = re.compile(r"setting\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


def problems_of(enrichments: Enrichments, sent: AbstractSet[str]) -> list[Problem]:
    """Problems of the enrichments of a schema; `sent` are the variables that its events are sent with."""
    return [
        Problem(f"enrichments.{path}", reason)
        for problems in (_dependency_problems(enrichments), _field_problems(enrichments, sent))
        for path, reason in problems
    ]


def _dependency_problems(enrichments: Enrichments) -> Iterator[tuple[str, str]]:
    names: set[str] = set()
    for index, dependency in enumerate(enrichments.dependencies):
        path = f"dependencies[{index}]"
        if dependency.name in names:
            yield f"{path}.name", f"{dependency.name!r} stands twice"
        names.add(dependency.name)
        if not _KEY.fullmatch(dependency.key):
            yield f"{path}.key", f"is {dependency.key[:60]!r}, expected setting.<namespace>.<id of the setting>"


def _field_problems(enrichments: Enrichments, sent: AbstractSet[str]) -> Iterator[tuple[str, str]]:
    """Fields in the order in which they are computed, each with the variables that it can read by then."""
    dependencies = enrichments.dependency_variables
    known = {*sent, *dependencies}
    made: set[str] = set()
    places = {id(field): index for index, field in enumerate(enrichments.fields)}
    for field in enrichments.in_order:
        path = f"fields[{places[id(field)]}]"
        if field.variable in sent:
            yield f"{path}.name", f"the schema already has the {field.type.lower()} {field.name!r}"
        elif field.variable in made:
            yield f"{path}.name", f"{field.name!r} stands twice"
        for reason in _value_problems(field, known, dependencies):
            yield f"{path}.value", reason
        made.add(field.variable)
        known.add(field.variable)


def _value_problems(field: EnrichmentField, known: AbstractSet[str], dependencies: AbstractSet[str]) -> Iterator[str]:
    match field.enrichment_type:
        case EnrichmentType.VALUE:
            if field.type is FieldType.ATTRIBUTE and not re.fullmatch(NUMBER_PATTERN, field.value):
                yield f"is {field.value[:40]!r}, an attribute needs a number such as 12.5"
        case EnrichmentType.JSON_LOGIC:
            yield from _rule_problems(field, known)
        case EnrichmentType.JSON_LOGIC_FROM_DEPENDENCY:
            names = {name.partition(".")[2] for name in dependencies}
            if field.value not in names:
                yield f"names no dependency: {field.value[:60]!r}{hint(field.value, names)}"


def _rule_problems(field: EnrichmentField, known: AbstractSet[str]) -> Iterator[str]:
    try:
        rule = parse(field.value)
    except BillingError as malformed:
        yield from (problem.reason for problem in malformed.problems)
        return
    yield from map(str, check(rule, known))
    wanted, types = _GIVES[field.type], types_of(rule)
    if not types & wanted:
        yield f"has to give {told(wanted)}, but gives {told(types)}"
