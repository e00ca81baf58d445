"""Event schemas: names that repeat, filter fields that are not there, and what a rule may read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tallystick.catalog.event_schema import (
    EventAttribute,
    EventDimension,
    EventSchema,
    EventSchemaDraft,
)
from tallystick.catalog.fields import Lifecycle
from tallystick.catalog.schema_rules import problems_of
from tallystick.kernel.document import decode

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def schema(attributes: str, dimensions: str, **more: Any) -> EventSchema:  # noqa: ANN401 - a schema's fields
    return EventSchema(
        name="rides",
        version=1,
        status=Lifecycle.DRAFT,
        attributes=[EventAttribute(name=name) for name in attributes.split()],
        dimensions=[EventDimension(name=name) for name in dimensions.split()],
        event_level_revenue=False,
        created_at=NOW,
        updated_at=NOW,
        **more,
    )


def problems(attributes: str, dimensions: str, *filter_fields: str, **more: Any) -> list[str]:  # noqa: ANN401
    found = problems_of(schema(attributes, dimensions, filter_fields=list(filter_fields), **more))
    return [str(problem) for problem in found]


def test_a_schema_whose_names_differ_has_no_problems() -> None:
    assert problems("distance fare", "city driver", "city", "fare") == []


def test_a_schema_may_be_empty() -> None:
    assert problems("", "") == []


def test_an_attribute_and_a_dimension_may_share_a_name() -> None:
    assert problems("speed", "speed", "speed") == []


@pytest.mark.parametrize("field", ["city", "dimensions.city", "dimension.city", "fare", "attributes.fare"])
def test_a_filter_field_is_named_bare_or_with_what_it_is(field: str) -> None:
    assert problems("fare", "city", field) == []


def test_every_problem_is_named_at_its_place() -> None:
    assert problems("fare fare fare", "city town city", "city", "country", "dimensions.mood") == [
        "attributes[1].name: 'fare' stands twice",
        "attributes[2].name: 'fare' stands twice",
        "dimensions[2].name: 'city' stands twice",
        "filterFields[1]: 'country' is neither an attribute nor a dimension of this schema",
        "filterFields[2]: 'dimensions.mood' is neither an attribute nor a dimension of this schema",
    ]


def test_a_rule_may_read_attributes_and_dimensions_by_their_kind() -> None:
    assert schema("distance fare", "city").variables == {"attributes.distance", "attributes.fare", "dimensions.city"}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('{"name":"a/b","attributes":[],"dimensions":[]}', r"matching regex .* at `\$\.name`"),
        ('{"name":"","attributes":[],"dimensions":[]}', r"length >= 1 - at `\$\.name`"),
        ('{"name":"' + "x" * 51 + '","attributes":[],"dimensions":[]}', r"length <= 50 - at `\$\.name`"),
        ('{"name":"a","attributes":[{"name":"x","defaultUnit":"12345678901"}],"dimensions":[]}', "length <= 10"),
        ('{"name":"a","attributes":[],"dimensions":[],"enrichments":{}}', "missing required field `fields`"),
        ('{"name":"a","attributes":[]}', "missing required field `dimensions`"),
    ],
)
def test_a_schema_of_another_shape_is_refused_by_path(body: str, problem: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=problem):
        decode(body, EventSchemaDraft)
