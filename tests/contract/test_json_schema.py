"""The checker of the contract tests refuses what it must: otherwise they would prove nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.contract.json_schema import Description

PLAIN = {
    "type": "object",
    "required": ["id"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "maxLength": 3},
        "kind": {"type": "string", "enum": ["A", "B"]},
        "count": {"type": "integer", "minimum": 1},
        "rate": {"type": "number"},
        "at": {"type": "string", "format": "date-time"},
        "rows": {"type": "array", "maxItems": 1, "items": {"$ref": "#/components/schemas/Row"}},
    },
}
DESCRIPTION = Description(
    {
        "components": {
            "schemas": {
                "Plain": PLAIN,
                "Row": {"type": "object", "additionalProperties": {"type": "string"}},
                "Joined": {"allOf": [{"$ref": "#/components/schemas/Plain"}, {"properties": {"more": {}}}]},
            }
        }
    }
)


@pytest.mark.parametrize(
    "value", [{"id": "a"}, {"id": "a", "count": 1, "rate": Decimal("0.5"), "rows": [{"x": "y"}]}], ids=str
)
def test_what_fits_has_no_problems(value: object) -> None:
    assert [*DESCRIPTION.problems({"$ref": "#/components/schemas/Plain"}, value)] == []


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([], "$: [] is no object"),
        ({}, "$: id is missing"),
        ({"id": None}, "$.id: None is no string"),
        ({"id": "abcd"}, "$.id: 4 is no allowed number of length"),
        ({"id": "a", "extra": 1}, "$: extra is extra"),
        ({"id": "a", "kind": "C"}, "$.kind: 'C' is not one of ['A', 'B']"),
        ({"id": "a", "count": Decimal("1.0")}, "$.count: Decimal('1.0') is no integer"),
        ({"id": "a", "count": True}, "$.count: True is no integer"),
        ({"id": "a", "count": 0}, "$.count: 0 is out of range"),
        ({"id": "a", "rate": "1"}, "$.rate: '1' is no number"),
        ({"id": "a", "at": "yesterday"}, "$.at: 'yesterday' is no date-time"),
        ({"id": "a", "rows": [{}, {}]}, "$.rows: 2 is no allowed number of items"),
        ({"id": "a", "rows": [{"x": 1}]}, "$.rows[0].x: 1 is no string"),
    ],
)
def test_what_does_not_fit_is_named(value: object, problem: str) -> None:
    assert [*DESCRIPTION.problems({"$ref": "#/components/schemas/Plain"}, value)] == [problem]


def test_joined_schemas_stay_closed() -> None:
    joined = {"$ref": "#/components/schemas/Joined"}
    assert [*DESCRIPTION.problems(joined, {"id": "a", "more": 1})] == []
    assert [*DESCRIPTION.problems(joined, {"more": 1, "extra": 1})] == ["$: id is missing", "$: extra is extra"]
