"""Templates for event ids: what they may name, and what is wrong with those that cannot work (domain.md 2.4)."""

from __future__ import annotations

import pytest

from tallystick.catalog.id_template import IdTemplate, problems_of

RIDES = frozenset({"attributes.distance", "dimensions.city", "dimensions.driver id"})


@pytest.mark.parametrize(
    ("template", "texts", "names"),
    [
        ("${timestamp}-${accountId}", ("", "-", ""), ("timestamp", "accountId")),
        ("ride ${attributes.distance}!", ("ride ", "!"), ("attributes.distance",)),
        ("${attribute.distance}${dimension.city}", ("", "", ""), ("attributes.distance", "dimensions.city")),
        ("$5 {x} $", ("$5 {x} $",), ()),
    ],
)
def test_a_template_is_texts_with_names_between_them(
    template: str, texts: tuple[str, ...], names: tuple[str, ...]
) -> None:
    assert IdTemplate.of(template) == IdTemplate(texts, names)


def test_values_stand_where_their_names_stood() -> None:
    template = IdTemplate.of("${timestamp}-${accountId}/${attributes.distance}")
    assert template.filled(["2026-01-10T12:00:00Z", "acme", "2.50"]) == "2026-01-10T12:00:00Z-acme/2.50"


@pytest.mark.parametrize(
    "template",
    [
        "${timestamp}",
        "${schemaName}:${accountId}",
        "${dimension.driver id}",
        "${attributes.distance}$",
        "a${accountId}}",
    ],
)
def test_a_template_that_tells_events_apart_has_no_problems(template: str) -> None:
    assert problems_of(template, RIDES) == []


@pytest.mark.parametrize(
    ("template", "reasons"),
    [
        ("${attributes.distanse}", ["unknown variable 'attributes.distanse'; did you mean 'attributes.distance'?"]),
        ("${dimensions.distance}", ["unknown variable 'dimensions.distance'; did you mean 'attributes.distance'?"]),
        ("${accountID}", ["unknown variable 'accountID'; did you mean 'accountId'?"]),
        ("${}", ["a placeholder ${} names no variable"]),
        ("${timestamp", ["a placeholder is not closed: write ${timestamp}, ${accountId} or ${attributes.name}"]),
        ("${a{timestamp}}", ["a placeholder is not closed: write ${timestamp}, ${accountId} or ${attributes.name}"]),
        ("ride", ["every event would get the same id: name what tells events apart, such as ${timestamp}"]),
        ("${schemaName}", ["every event would get the same id: name what tells events apart, such as ${timestamp}"]),
        (
            "${town} ${} ${x",
            [
                "unknown variable 'town'",
                "a placeholder ${} names no variable",
                "a placeholder is not closed: write ${timestamp}, ${accountId} or ${attributes.name}",
            ],
        ),
    ],
)
def test_every_problem_of_a_template_is_named(template: str, reasons: list[str]) -> None:
    found = problems_of(template, RIDES)
    assert [problem.path for problem in found] == ["eventIdTemplate"] * len(reasons)
    assert [problem.reason for problem in found] == reasons
