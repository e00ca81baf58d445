"""The rules inside a meter: what callers write, what is kept of it, and every problem at once (domain.md 11.1 a)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tallystick.catalog.fields import Lifecycle
from tallystick.catalog.meter_rules import change_problems, computations_of, problems_of
from tallystick.catalog.usage_meter import (
    Aggregation,
    Computation,
    ComputationDraft,
    MeterFilter,
    MeterType,
    UsageMeter,
    UsageMeterDraft,
)
from tallystick.kernel.document import decode
from tallystick.kernel.period import BEGINNING
from tallystick.logic import evaluate, parse, truthy

COUNT, SUM = Aggregation.COUNT, Aggregation.SUM
RIDES = frozenset({"attributes.distance", "dimensions.city"})

ARTICLE = {
    "name": "Rides",
    "description": "Cab rides",
    "type": "COUNTER",
    "aggregation": "SUM",
    "eventSchemaName": "evfhr123d",
    "computations": [
        {
            "matcher": '{\n "and": [\n {"in": [{"var": "dimension.city"}, "chennai", "mumbai"]},\n "or": [\n'
            ' {">": [{"var": "attribute.distance"}, 100]},\n {"<": [{"var": "attribute.distance"}, 20]}\n ]\n ]\n}\n',
            "computation": {"*": [{"var": "attributes.distance"}, 0.4]},
        }
    ],
}
"""The payload of the article "Creating billable items", character by character."""

REPAIRED = (
    '{"and":[{"in":[{"var":"dimension.city"},["chennai","mumbai"]]},'
    '{"or":[{">":[{"var":"attribute.distance"},100]},{"<":[{"var":"attribute.distance"},20]}]}]}'
)
"""The matcher that domain.md 11.1 (a) says must be accepted."""


def kept(*drafts: dict[str, Any], aggregation: Aggregation = SUM) -> list[Computation]:
    """What is kept of computations that a caller sends as JSON."""
    return computations_of(decode(json.dumps(drafts), list[ComputationDraft]), aggregation)


def problems(
    *computations: Computation | str,
    aggregation: Aggregation = SUM,
    filters: tuple[str, ...] = (),
    variables: frozenset[str] | None = RIDES,
) -> list[str]:
    """What is wrong with computations; a text stands for a computation without a matcher."""
    rules = [
        Computation(computation=rule, order=order) if isinstance(rule, str) else rule
        for order, rule in enumerate(computations, start=1)
    ]
    asked = [MeterFilter(field=field, value="x") for field in filters]
    return [str(problem) for problem in problems_of(rules, asked, aggregation, variables)]


def test_an_object_becomes_its_compact_text_and_a_text_stays_as_it_is() -> None:
    (first, second) = kept(
        {"matcher": REPAIRED, "computation": {"*": [{"var": "attributes.distance"}, 0.4]}, "order": 7, "id": "c"},
        {"matcher": {"==": [1, 1.50]}, "computation": ' {"var": "attributes.distance"} ', "order": 3},
    )
    assert first == Computation(
        id="c", matcher=REPAIRED, computation='{"*":[{"var":"attributes.distance"},0.4]}', order=7
    )
    assert (second.matcher, second.computation) == ('{"==":[1,1.5]}', ' {"var": "attributes.distance"} ')


def test_no_digit_of_a_number_in_a_rule_is_lost() -> None:
    body = b'[{"computation": {"*": [0.1234567890123456789012345, {"var": "attributes.distance"}]}}]'
    (only,) = computations_of(decode(body, list[ComputationDraft]), SUM)
    assert only.computation == '{"*":[0.1234567890123456789012345,{"var":"attributes.distance"}]}'


def test_a_missing_order_becomes_the_position() -> None:
    found = kept({"computation": "1"}, {"computation": "2", "order": 9}, {"computation": "3"})
    assert [one.order for one in found] == [1, 9, 3]


@pytest.mark.parametrize("matcher", [{}, {"matcher": None}])
def test_a_computation_may_go_without_a_matcher(matcher: dict[str, None]) -> None:
    (only,) = kept({"computation": 1} | matcher)
    assert only == Computation(computation="1", order=1)


def test_a_counting_meter_without_a_computation_counts_each_event_as_one() -> None:
    assert kept(aggregation=COUNT) == [Computation(computation="1", order=1)]
    assert kept(aggregation=SUM) == []


def test_the_articles_payload_is_refused_with_the_place_of_its_flaw_and_what_to_do() -> None:
    draft = decode(json.dumps(ARTICLE), UsageMeterDraft)
    computations = computations_of(draft.computations, draft.aggregation)
    # The object is taken as text and the missing order as 1: the matcher is the one thing left that is wrong.
    assert (computations[0].computation, computations[0].order) == ('{"*":[{"var":"attributes.distance"},0.4]}', 1)
    (problem,) = problems(*computations)
    assert problem.startswith("computations[0].matcher: not valid JSON (line 4, column 6)")
    assert '{"or": [...]}' in problem


@pytest.mark.parametrize(
    ("city", "distance", "units"),
    [("chennai", "150", "60"), ("mumbai", "10", "4"), ("chennai", "50", None), ("pune", "150", None)],
)
def test_the_repaired_payload_meters_what_the_article_means(city: str, distance: str, units: str | None) -> None:
    computation = Computation(matcher=REPAIRED, computation='{"*":[{"var":"attributes.distance"},0.4]}', order=1)
    assert problems(computation) == []
    data = {"dimension": {"city": city}, "attribute": {"distance": Decimal(distance)}}
    data |= {"attributes": data["attribute"]}
    assert truthy(evaluate(parse(REPAIRED), data)) is (units is not None)
    if units is not None:
        assert evaluate(parse(computation.computation), data) == Decimal(units)


def test_a_repaired_article_with_three_arguments_to_in_is_accepted_too() -> None:
    matcher = REPAIRED.replace('["chennai","mumbai"]', '"chennai","mumbai"')
    assert problems(Computation(matcher=matcher, computation="1", order=1)) == []


@pytest.mark.parametrize("computation", ["2", '{"var":"attributes.distance"}', "1.0", '"1"', ""])
def test_a_counting_meter_takes_no_other_computation_than_one(computation: str) -> None:
    found = problems(computation, aggregation=COUNT)
    assert found[-1] == (
        "computations[0].computation: a COUNT meter counts each event as 1: send '1', or use aggregation SUM"
    )


def test_a_counting_meter_may_have_matchers() -> None:
    assert problems(Computation(matcher=REPAIRED, computation=" 1 ", order=1), aggregation=COUNT) == []


def test_an_unknown_variable_is_answered_with_the_nearest_name() -> None:
    (problem,) = problems('{"var":"attributes.distnce"}')
    assert problem.startswith("computations[0].computation: unknown variable 'attributes.distnce'")
    assert "did you mean 'attributes.distance'?" in problem


def test_an_unknown_operator_is_answered_with_the_nearest_name() -> None:
    (problem,) = problems('{"maxx":[1,2]}')
    assert problem.startswith("computations[0].computation: unknown operator 'maxx'; did you mean 'max'?")


@pytest.mark.parametrize("kind", ["attribute", "attributes"])
def test_variables_may_be_written_in_the_singular(kind: str) -> None:
    assert problems(f'{{"var":"{kind}.distance"}}') == []


def test_without_a_schema_only_the_text_of_rules_is_judged() -> None:
    assert problems('{"var":"attributes.anything"}', filters=("anything",), variables=None) == []
    assert problems(variables=None) == []
    (problem,) = problems('{"var":', variables=None)
    assert problem.startswith("computations[0].computation: not valid JSON")


@pytest.mark.parametrize(("field", "length", "most"), [("matcher", 1501, 1500), ("computation", 501, 500)])
def test_a_rule_is_not_longer_than_the_wire_allows(field: str, length: int, most: int) -> None:
    rules = {"computation": "1", "matcher": None, "order": 1}
    longest = "1".ljust(most)
    assert problems(Computation(**rules | {field: longest})) == []
    assert problems(Computation(**rules | {field: longest + " "})) == [
        f"computations[0].{field}: {length} characters are too many: at most {most}"
    ]


@pytest.mark.parametrize("field", ["city", "dimension.city", "dimensions.city", "distance", "attributes.distance"])
def test_a_filter_names_a_field_of_the_schema_bare_or_with_what_it_is(field: str) -> None:
    assert problems("1", filters=(field,)) == []


def test_every_problem_is_named_at_once() -> None:
    broken = Computation(matcher='{"==":[{"var":"dimensions.town"},"x"]}', computation='{"+":[1', order=1)
    found = problems(broken, '{"var":"attributes.fare"}', filters=("city", "mood"))
    assert [problem.partition(":")[0] for problem in found] == [
        "computations[0].matcher",
        "computations[0].computation",
        "computations[1].computation",
        "filters[1].field",
    ]
    assert found[-1] == "filters[1].field: 'mood' is neither an attribute nor a dimension of the schema"


def test_a_meter_of_another_shape_is_refused_by_path() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"missing required field `computation` - at `\$\.computations"):
        decode('{"name":"a","type":"COUNTER","aggregation":"SUM","computations":[{"order":1}]}', UsageMeterDraft)
    with pytest.raises(msgspec.ValidationError, match=r"Invalid enum value 'MEDIAN' - at `\$\.aggregation`"):
        decode('{"name":"a","type":"COUNTER","aggregation":"MEDIAN"}', UsageMeterDraft)


@pytest.mark.parametrize("kind", [kind for kind in Aggregation if kind is not COUNT])
def test_a_meter_of_a_schema_that_does_not_count_needs_a_computation(kind: Aggregation) -> None:
    assert problems(aggregation=kind) == [f"computations: a {kind} meter needs at least one computation"]
    assert problems('{"var":"attributes.distance"}', aggregation=kind) == []


@pytest.mark.parametrize(
    ("computation", "is_told_apart"),
    [
        ('{"var":"attributes.distance"}', True),
        ('{"var":"dimensions.city"}', True),
        ('{"cat":[{"var":"dimensions.city"},"-",{"var":"attributes.distance"}]}', True),
        ('"7"', True),
        ('{"if":[true,{"var":"dimensions.city"}]}', True),
        ('{"==":[{"var":"attributes.distance"},1]}', False),
        ("null", False),
        ('[{"var":"dimensions.city"}]', False),
    ],
)
def test_texts_and_numbers_are_told_apart_and_nothing_else(computation: str, *, is_told_apart: bool) -> None:
    found = problems(computation, aggregation=Aggregation.DISTINCT_COUNT)
    assert [problem.partition(", but")[0] for problem in found] == (
        [] if is_told_apart else ["computations[0].computation: has to give a number or a text"]
    )


@pytest.mark.parametrize("kind", [Aggregation.MAX, Aggregation.MIN, Aggregation.AVERAGE, Aggregation.LATEST])
def test_the_other_aggregations_are_of_numbers(kind: Aggregation) -> None:
    (problem,) = problems('{"var":"dimensions.city"}', aggregation=kind)
    assert problem == "computations[0].computation: has to give a number, but gives a text"


def test_different_values_are_those_of_one_computation() -> None:
    (problem,) = problems("1", "2", aggregation=Aggregation.DISTINCT_COUNT)
    assert problem == (
        "computations: a DISTINCT_COUNT meter has one computation, whose values it tells apart: 2 were sent"
    )


@pytest.mark.parametrize(
    ("before", "after", "was_active", "is_refused"),
    [
        (SUM, COUNT, True, False),
        (COUNT, SUM, True, False),
        (SUM, Aggregation.MAX, True, True),
        (Aggregation.MAX, SUM, True, True),
        (Aggregation.MAX, Aggregation.MIN, True, True),
        (Aggregation.LATEST, Aggregation.LATEST, True, False),
        (Aggregation.MAX, Aggregation.DISTINCT_COUNT, False, False),
    ],
)
def test_what_was_metered_has_to_mean_the_same_afterwards(
    before: Aggregation, after: Aggregation, *, was_active: bool, is_refused: bool
) -> None:
    def meter(kind: Aggregation) -> UsageMeter:
        return UsageMeter(
            id="um.1",
            name="a",
            display_name="a",
            type=MeterType.COUNTER,
            status=Lifecycle.INACTIVE,
            aggregation=kind,
            computations=[],
            created_at=BEGINNING,
            updated_at=BEGINNING,
            last_activated_at=BEGINNING if was_active else None,
            version=1,
        )

    found = [str(problem) for problem in change_problems(meter(before), meter(after))]
    reason = f"aggregation: cannot become {after}, since the meter has been active by {before}: make another one"
    assert found == ([reason] if is_refused else [])
