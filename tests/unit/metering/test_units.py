"""How many units an event makes (domain.md 3.1, 11.1)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.catalog.usage_meter import Aggregation
from tallystick.kernel import quantity
from tallystick.logic import EvaluationError, evaluate, parse, truthy
from tallystick.metering.columns import EventColumns
from tallystick.metering.event import EventSource
from tallystick.metering.event_data import EventData
from tallystick.metering.units import UnitsInvalidError, different, stored, units_of
from tests.unit.metering.samples import FROM_JFK, MILES, flight, meter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tallystick.metering.catalogue import MeterTerms

COUNT = Aggregation.COUNT
ARTICLE_MATCHER = """
{"and": [{"in": [{"var": "dimension.city"}, ["chennai", "mumbai"]]},
         {"or": [{">": [{"var": "attribute.distance"}, 100]}, {"<": [{"var": "attribute.distance"}, 20]}]}]}
"""
ARTICLE = meter("article", (ARTICLE_MATCHER, '{"*": [{"var": "attributes.distance"}, 0.4]}'))
NO, YES = "false", "true"


def data(attributes: Mapping[str, str] | None = None, dimensions: Mapping[str, str] | None = None) -> EventData:
    held = EventColumns.of([flight(attributes=attributes, dimensions=dimensions)], "org.1", EventSource.API)
    return EventData(held.attributes, held.dimensions)


@pytest.mark.parametrize(
    ("distance", "city", "expected"),
    [("150", "chennai", "60"), ("10", "mumbai", "4"), ("50", "chennai", None), ("150", "pune", None)],
)
def test_the_meter_of_the_article_gives_its_figures(distance: str, city: str, expected: str | None) -> None:
    units = units_of(ARTICLE)(data({"distance": distance}, {"city": city}))
    assert units == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        pytest.param(meter(), "7.25", id="a bare attribute"),
        pytest.param(meter("m", (None, '{"var": "attribute.distance"}')), "7.25", id="the singular spelling"),
        pytest.param(meter("m", (None, '{"var": ["attributes.distance"]}')), "7.25", id="a variable in a list"),
        pytest.param(meter("m", (None, '{"var": ["attributes.seats", 3]}')), "3", id="a default"),
        pytest.param(meter("m", (None, "1")), "1", id="a constant"),
        pytest.param(meter("m", (None, '{"+": [{"var": "attributes.distance"}, 1]}')), "8.25", id="a sum"),
        pytest.param(meter("m", (FROM_JFK, MILES)), "7.25", id="a matcher that says yes"),
        pytest.param(meter("m", ('{"==": [1, 2]}', MILES)), None, id="a matcher that says no"),
        pytest.param(meter("m", ('{"var": "dimensions.nothing"}', MILES)), None, id="a matcher that gives null"),
        pytest.param(meter("m", (MILES, "1")), "1", id="a matcher that gives a number other than 0"),
        pytest.param(meter("m", (None, MILES), (NO, "100"), (YES, "2")), "9.25", id="all that match are added"),
        pytest.param(meter("m", (NO, "1"), (NO, "2")), None, id="none that match"),
        pytest.param(meter("m", aggregation=COUNT), "1", id="count"),
        pytest.param(meter("m", (FROM_JFK, "1"), aggregation=COUNT), "1", id="count with a matcher"),
        pytest.param(
            meter("m", (NO, "1"), (YES, "1"), (YES, "1"), aggregation=COUNT), "1", id="count is one per event"
        ),
        pytest.param(meter("m", (NO, "1"), aggregation=COUNT), None, id="count of what does not match"),
        pytest.param(meter("m", filters={"origin": "JFK"}), "7.25", id="a filter by a bare dimension"),
        pytest.param(meter("m", filters={"origin": "jfk"}), None, id="a filter is exact text"),
        pytest.param(meter("m", filters={"dimensions.origin": "JFK"}), "7.25", id="a filter with its prefix"),
        pytest.param(meter("m", filters={"attribute.distance": "7.25"}), "7.25", id="a filter by an attribute"),
        pytest.param(meter("m", filters={"distance": "7.250"}), None, id="attributes are filtered as text"),
        pytest.param(meter("m", filters={"origin": "JFK", "carrier": "UA"}), None, id="all filters must hold"),
        pytest.param(meter("m", filters={"nowhere": ""}), None, id="an absent field equals nothing"),
    ],
)
def test_units_of_an_event(terms: MeterTerms, expected: str | None) -> None:
    units = units_of(terms)(data({"distance": "7.25"}))
    assert units == (None if expected is None else Decimal(expected))


ORIGIN = '{"var": "dimensions.origin"}'
DISTINCT = Aggregation.DISTINCT_COUNT


@pytest.mark.parametrize("kind", [Aggregation.MAX, Aggregation.MIN, Aggregation.AVERAGE, Aggregation.LATEST])
def test_aggregations_of_values_take_the_number_of_the_computation(kind: Aggregation) -> None:
    assert units_of(meter("m", (FROM_JFK, MILES), aggregation=kind))(data({"distance": "7.25"})) == Decimal("7.25")
    assert units_of(meter("m", (NO, MILES), aggregation=kind))(data()) is None


def test_equal_values_are_told_apart_by_the_same_number_and_others_by_another() -> None:
    texts = units_of(meter("m", (None, ORIGIN), aggregation=DISTINCT))
    numbers = units_of(meter("m", (None, MILES), aggregation=DISTINCT))
    origins = [texts(data(dimensions={"origin": name})) for name in ("JFK", "LGA", "jfk", "", " JFK", "JFK")]
    assert origins[0] == origins[-1]
    assert len(set(origins)) == 5
    miles = [numbers(data({"distance": digits})) for digits in ("1", "1.0", "001", "1.00", "10", "0", "-0", "0.1")]
    assert len(set(miles[:4])) == 1
    assert (len(set(miles)), miles[5]) == (4, miles[6])
    assert texts(data(dimensions={"origin": "1"})) == miles[0], "the text of plain digits is the number"
    assert texts(data(dimensions={"origin": "1.0"})) != miles[0]


def test_what_stands_for_a_value_is_above_0_and_fits_a_fact_so_that_half_a_million_fit_a_sum() -> None:
    texts = units_of(meter("m", (None, ORIGIN), aggregation=DISTINCT))
    made = [texts(data(dimensions={"origin": str(number)})) for number in range(200)]
    assert len(set(made)) == 200
    for units in made:
        assert units is not None
        assert 0 < units < 10**20
        assert stored(units) == units


def test_half_a_pair_of_surrogates_is_a_text_like_any_other() -> None:
    assert different("\ud800") != different("\udfff")


@pytest.mark.parametrize(
    ("computation", "reason"),
    [
        ('{"var": "dimensions.nothing"}', "gives null, not a number or a text"),
        ('{"==": [1, 1]}', "gives true or false, not a number or a text"),
        ("[1]", "gives a list, not a number or a text"),
        (f'{{"/": [1, {MILES}]}}', "division by zero"),
    ],
)
def test_what_cannot_be_told_apart_is_refused_with_a_reason(computation: str, reason: str) -> None:
    units = units_of(meter("m", (None, computation), aggregation=DISTINCT))
    with pytest.raises((UnitsInvalidError, EvaluationError), match=reason):
        units(data({"distance": "0"}))


def test_a_matcher_says_of_which_events_values_are_told_apart() -> None:
    units = units_of(meter("m", (FROM_JFK, ORIGIN), aggregation=DISTINCT))
    assert units(data(dimensions={"origin": "LGA"})) is None
    assert units(data()) is not None


def test_a_meter_without_computations_counts_events_but_sums_nothing() -> None:
    bare = meter("m", (NO, "1"))
    without = [type(bare)(bare.id, "m", 1, kind, (), ()) for kind in (COUNT, Aggregation.SUM, DISTINCT)]
    assert [units_of(terms)(data()) for terms in without] == [1, None, None]


def test_a_dimension_is_preferred_to_an_attribute_of_the_same_name() -> None:
    named_alike = data({"distance": "1", "origin": "5"}, {"origin": "JFK"})
    assert units_of(meter("m", filters={"origin": "JFK"}))(named_alike) == 1
    assert units_of(meter("m", filters={"origin": "5"}))(named_alike) is None


def test_the_last_of_two_attributes_with_one_name_counts() -> None:
    twice = EventData(b'[{"name":"distance","value":"1"},{"name":"distance","value":"2"}]', b"{}")
    assert units_of(meter())(twice) == 2


@pytest.mark.parametrize(
    ("computation", "distance", "reason"),
    [
        ('{"var": "attributes.seats"}', "1", "gives null, not a number"),
        ('{"var": "dimensions.origin"}', "1", "gives a text, not a number"),
        ('{"==": [1, 1]}', "1", "gives true or false, not a number"),
        ("[1]", "1", "gives a list, not a number"),
        (MILES, "1" + 26 * "0", "26 digits before"),
        (MILES, "9" * 512, "26 digits before"),
        (MILES, "0.0000000000001", "12 behind"),
        (MILES, "-0." + 511 * "0" + "1", "12 behind"),
        (f'{{"*": [{MILES}, {MILES}]}}', "9" * 512, "26 digits before"),
        (f'{{"/": [1, {MILES}]}}', "0", "division by zero"),
    ],
)
def test_what_is_no_storable_number_is_refused_with_a_reason(computation: str, distance: str, reason: str) -> None:
    units = units_of(meter("m", (None, computation)))
    with pytest.raises((UnitsInvalidError, EvaluationError), match=reason):
        units(data({"distance": distance}))


@pytest.mark.parametrize(
    "digits",
    [
        "99999999999999999999999999.999999999999",
        "-99999999999999999999999999.999999999999",
        "0.000000000001",
        "-0",
        "1." + 500 * "0",
        500 * "0" + "1",
    ],
)
def test_what_fits_is_stored_to_the_last_digit(digits: str) -> None:
    assert units_of(meter())(data({"distance": digits})) == Decimal(digits)


@given(st.integers(-(10**40), 10**40), st.integers(-20, 5))
def test_stored_is_what_has_38_digits_of_which_12_follow_the_point(digits: int, exponent: int) -> None:
    number = Decimal(digits).scaleb(exponent, context=quantity.EXACT)
    in_steps = digits * 10 ** (exponent + 20)  # in units of 10^-20, so 10^8 units are one step of the store
    if in_steps % 10**8 or abs(in_steps) >= 10**46:
        with pytest.raises(UnitsInvalidError):
            stored(number)
    else:
        assert stored(number) == number
        assert stored(number).as_tuple().exponent == -12


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+26", "1E+999999", "1E-999999"])
def test_what_is_no_number_of_units_is_never_stored(number: str) -> None:
    with pytest.raises(UnitsInvalidError):
        stored(Decimal(number))


RULES = [
    FROM_JFK,
    '{"in": [{"var": "dimension.origin"}, ["JFK", "LGA"]]}',
    '{"if": [{"==": [{"var": "dimensions.origin"}, "JFK"]}, 2, {"var": "dimensions.weight"}]}',
    '{"cat": [{"var": "dimensions.origin"}, {"var": ["dimensions.carrier", "none"]}]}',
    '{"missing": ["dimensions.carrier"]}',
    '{"var": ["dimensions.carrier", {"var": "attributes.distance"}]}',
    '{"var": {"cat": ["dimensions.", "origin"]}}',
    '{"map": [["a", "b"], {"var": "dimensions.origin"}]}',
    '{"var": "dimensions"}',
    '{"var": "dimensions.origin.x"}',
    '{"and": [{"var": "dimensions.origin"}, {"var": "attributes.distance"}]}',
    "null",
]


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["1", "2.50", "0"]),
            st.dictionaries(st.sampled_from(["origin", "carrier", "weight"]), st.sampled_from(["JFK", "LGA", "7"])),
        )
    )
)
def test_a_meter_takes_what_its_rules_say(rule: str, events: list[tuple[str, dict[str, str]]]) -> None:
    """Whatever events came before, and whether the rule is compiled or interpreted."""
    parsed = parse(rule)
    matches = units_of(meter("m", (rule, "1"), aggregation=COUNT))
    computed = units_of(meter("m", (None, rule)))
    for distance, dimensions in events:
        held = data({"distance": distance}, dimensions)
        try:
            value = evaluate(parsed, held.for_rules())
        except EvaluationError:
            with pytest.raises(EvaluationError):
                matches(held)
            with pytest.raises(EvaluationError):
                computed(held)
            continue
        assert (matches(held) is not None) == truthy(value)
        if isinstance(value, Decimal):
            assert computed(held) == value
        else:
            with pytest.raises(UnitsInvalidError):
                computed(held)


def test_events_share_their_dimensions_but_not_what_enriches_them() -> None:
    plain, enriched = data(dimensions={"origin": "JFK"}), data(dimensions={"origin": "JFK"})
    enriched.add_dimension("origin", "LGA")
    matches = units_of(meter("m", (FROM_JFK, "1"), aggregation=COUNT))
    assert [matches(plain), matches(enriched), matches(data())] == [1, None, 1]


@pytest.mark.parametrize("length", [1_000, 1_001])
def test_a_text_too_long_for_compiled_rules_is_read_all_the_same(length: int) -> None:
    enriched = data()
    enriched.add_dimension("route", "x" * length)
    assert units_of(meter("m", ('{"in": ["xx", {"var": "dimensions.route"}]}', MILES)))(enriched) == 100
