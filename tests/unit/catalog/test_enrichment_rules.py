"""What is wrong with enrichments before any event meets them: every problem at its place (domain.md 2.6)."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.catalog.enrichment import Enrichments
from tallystick.catalog.enrichment_rules import problems_of
from tallystick.kernel.document import decode, encode

SENT = frozenset({"attributes.meters", "dimensions.city"})
RATE = {"type": "SETTING", "key": "setting.user.meters_per_km", "name": "meters_per_km"}


def field(name: str, value: str, order: int = 1, **more: str) -> dict[str, Any]:
    return {"name": name, "type": "ATTRIBUTE", "enrichmentType": "JSON_LOGIC", "value": value, "order": order} | more


def problems(*fields: dict[str, Any], dependencies: tuple[dict[str, str], ...] = (RATE,)) -> list[str]:
    body = encode({"dependencies": dependencies, "fields": fields})
    return [str(problem) for problem in problems_of(decode(body, Enrichments), SENT)]


def test_a_field_may_read_what_is_sent_the_settings_and_the_fields_before_it() -> None:
    kilometres = '{"/":[{"var":"attributes.meters"},{"var":"dependencies.meters_per_km"}]}'
    far = '{"if":[{">":[{"var":"attributes.km"},100]},"far","near"]}'
    assert problems(field("range", far, 2, type="DIMENSION"), field("km", kilometres, 1)) == []


def test_fields_of_one_order_are_computed_as_they_stand() -> None:
    first, second = field("a", "1"), field("b", '{"var":"attributes.a"}')
    assert problems(first, second) == []
    (problem,) = problems(second, first)
    assert problem.startswith("enrichments.fields[0].value: unknown variable 'attributes.a'")


def test_an_attribute_and_a_dimension_may_share_a_name() -> None:
    assert problems(field("km", "1"), field("km", "near", type="DIMENSION", enrichmentType="VALUE")) == []


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (field("meters", "1"), "fields[0].name: the schema already has the attribute 'meters'"),
        (field("km", "x", enrichmentType="VALUE"), "fields[0].value: is 'x', an attribute needs a number such as 12.5"),
        (field("km", '{"var":"attributes.meter"}'), "did you mean 'attributes.meters'?"),
        (field("km", '{"+":[1,'), "fields[0].value: not valid JSON (line 1, column 9)"),
        (field("km", '{"plus":[1,2]}'), "fields[0].value: unknown operator 'plus'"),
        (
            field("km", '{"+":[{"var":"dimensions.city"},1]}'),
            "'+' calculates with numbers, got dimensions.city, a text",
        ),
        (field("km", '{"var":"dimensions.city"}'), "fields[0].value: has to give a number, but gives a text"),
        (field("km", '{">":[1,2]}', type="DIMENSION"), "has to give a number or a text, but gives true or false"),
        (
            field("km", "meters_per_kn", enrichmentType="JSON_LOGIC_FROM_DEPENDENCY"),
            "fields[0].value: names no dependency: 'meters_per_kn'; did you mean 'meters_per_km'?",
        ),
    ],
)
def test_a_wrong_field_is_named_at_its_place(wrong: dict[str, Any], problem: str) -> None:
    (found,) = problems(wrong)
    assert found.startswith("enrichments.fields[0].")
    assert problem in found


def test_a_value_of_a_dimension_is_any_text() -> None:
    assert problems(field("tier", "", type="DIMENSION", enrichmentType="VALUE")) == []


def test_every_problem_is_named_at_once() -> None:
    found = problems(
        field("a", '{"var":"dependencies.none"}', 2),
        field("a", "x", 1, enrichmentType="VALUE"),
        dependencies=(RATE, RATE | {"key": "user.meters_per_km"}),
    )
    assert [problem.partition(": ")[0] for problem in found] == [
        "enrichments.dependencies[1].name",
        "enrichments.dependencies[1].key",
        "enrichments.fields[1].value",
        "enrichments.fields[0].name",
        "enrichments.fields[0].value",
    ]
