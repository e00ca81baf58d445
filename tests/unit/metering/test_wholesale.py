"""Events judged wholesale end as they would one by one: whatever is among them, in whatever order."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.accounts.schedule import END_OF_MICROS, TakenUntil
from tallystick.catalog.enrichment import Enrichments
from tallystick.catalog.usage_meter import Aggregation
from tallystick.kernel.document import decode, encode
from tallystick.kernel.micros import micros_of
from tallystick.logic import parse
from tallystick.logic.reads import variables_of
from tallystick.metering.catalogue import SchemaTerms
from tallystick.metering.event import Attribute, Event, EventStatus
from tallystick.metering.predefined import usage_schema
from tallystick.metering.processing import WORTH_WHOLESALE, process
from tallystick.metering.unit_column import LONGEST_DIGITS, column_of
from tallystick.metering.units import units_of
from tests.unit.metering.samples import (
    FROM_JFK,
    MILES,
    NOON,
    catalogue,
    columns,
    departures,
    flight,
    meter,
    schema,
    span,
)

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.metering.catalogue import Catalogue, MeterTerms
    from tallystick.metering.outcomes import Outcomes

MANY = WORTH_WHOLESALE + 8
DAY = timedelta(days=1)


class _Late:
    """The gate of an account that takes no event of the past: half of its cycle, from the reception on, is open."""

    def refuses(self, event_at: datetime, received_at: datetime) -> bool:
        return event_at < received_at

    def taken_until(self, event_at: int) -> TakenUntil:
        noon = micros_of(NOON)
        return (
            TakenUntil(noon, END_OF_MICROS, END_OF_MICROS) if event_at >= noon else TakenUntil(-END_OF_MICROS, noon, 0)
        )


LATE = _Late()

METERS = [
    meter("miles"),
    meter("miles from jfk", (FROM_JFK, MILES)),
    meter("singular", ('{"!=": [{"var": "dimension.origin"}, "LGA"]}', '{"var": "attribute.distance"}')),
    departures(),
    meter("every", aggregation=Aggregation.COUNT),
    meter("of any", (FROM_JFK, "1"), (None, "1"), aggregation=Aggregation.COUNT),
    meter("filtered", filters={"dimensions.origin": "JFK"}),
    meter("filtered by a bare name", filters={"origin": "LGA"}),
    meter("filtered by an attribute", filters={"attributes.distance": "100"}),
    meter("filtered by what may be absent", filters={"gate": "7"}),
    meter("far", ('{">": [{"var": "attributes.distance"}, 50]}', MILES)),
    meter("kilometres", (None, '{"*": [{"var": "attributes.distance"}, 1.609]}')),
    meter("failing at nought", (None, '{"/": [1, {"var": "attributes.distance"}]}')),
    meter("failing at LGA", ('{"in": [{"var": "dimensions.origin"}, {"substr": ["LGA JFK", 99]}]}', MILES)),
    meter("of two", (FROM_JFK, MILES), (None, "1")),
    meter("of what may be absent", (None, '{"var": ["attributes.extra", 3]}')),
    meter("no number", (None, '{"var": "dimensions.origin"}')),
    meter("greatest", aggregation=Aggregation.MAX),
    meter("latest of two", (FROM_JFK, MILES), (None, "1"), aggregation=Aggregation.LATEST),
    meter("origins", (None, '{"var": "dimensions.origin"}'), aggregation=Aggregation.DISTINCT_COUNT),
    meter("distances", (FROM_JFK, MILES), aggregation=Aggregation.DISTINCT_COUNT),
]
DIGITS = [
    "100",
    "0",
    "-0",
    "-12.5",
    "007",
    "50.000000000001",
    "1" * 13,
    "1" * 14,
    "9" * 26,
    "9" * 27,
    "0." + "0" * 12 + "1",
]

numbers = st.sampled_from(DIGITS)
attributes = st.one_of(
    numbers.map(lambda digits: [Attribute("distance", digits)]),
    st.tuples(numbers, numbers).map(lambda two: [Attribute("distance", two[0]), Attribute("extra", two[1])]),
    st.tuples(numbers, numbers).map(lambda two: [Attribute("extra", two[0]), Attribute("distance", two[1], "mi")]),
    st.tuples(numbers, numbers).map(lambda two: [Attribute("distance", two[0]), Attribute("distance", two[1])]),
    st.just([]),
)
events = st.builds(
    Event,
    schema_name=st.sampled_from(["flight", "flight", "flight", "bare", "enriched", "togai-usage", "unknown"]),
    id=st.one_of(st.none(), st.just(""), st.integers(0, 60).map(str), st.uuids().map(str), st.uuids().map(str)),
    timestamp=st.sampled_from([NOON, NOON - DAY, NOON + DAY]),
    account_id=st.sampled_from(["acme", "acme", "late", "alias", "nobody"]),
    attributes=attributes,
    dimensions=st.sampled_from(
        [{"origin": "JFK"}, {"origin": "LGA"}, {"origin": "EWR", "gate": "7"}, {"gate": "7"}, {}, {"origin": 'J"K'}]
    ),
)
alike = st.builds(
    lambda digits, origin, number: flight(f"x{number}", attributes={"distance": digits}, dimensions={"origin": origin}),
    numbers,
    st.sampled_from(["JFK", "LGA"]),
    st.integers(0, 1_000_000),
)
blocks = st.one_of(
    st.lists(events, min_size=MANY, max_size=MANY + 20), st.lists(alike, min_size=MANY, max_size=MANY + 20)
)


def known(*meters: MeterTerms) -> Catalogue:
    """A catalogue in which everything is found that the events name, but for one schema and one account."""
    enriched = SchemaTerms("enriched", 3, ("distance",), ("origin",), meters, enrichments=ENRICHED)
    bare = SchemaTerms("bare", 4, (), ("origin",), ())
    accounts = {
        "acme": [span("acme")],
        "late": [span("late", gate=LATE)],
        "alias": [span("acme", since=NOON), span("other", until=NOON)],
    }
    return catalogue(schema(*meters), bare, enriched, usage_schema(meters), accounts=accounts)


ENRICHED = decode(
    encode({"fields": [{"name": "half", "type": "ATTRIBUTE", "enrichmentType": "VALUE", "value": "1", "order": 0}]}),
    Enrichments,
)


def told(outcomes: Outcomes) -> dict[str, Any]:
    """Everything that outcomes say, whatever the order of the facts."""
    facts = Counter((ordinal, of.id, value + 0) for ordinal, of, value in outcomes.facts())
    names = (
        "statuses",
        "descriptions",
        "schema_versions",
        "account_ids",
        "customer_ids",
        "filtered_out",
        "enrichments",
    )
    return {name: list(getattr(outcomes, name)) for name in names} | {"facts": facts}


def one_by_one(sent: list[Event], terms: Catalogue, claimed: set[str]) -> dict[str, Any]:
    """What becomes of each event in a block of its own."""
    alone = [told(process(columns(event), NOON, terms, claimed)) for event in sent]
    facts = Counter(
        {(place, of, value): times for place, one in enumerate(alone) for (_, of, value), times in one["facts"].items()}
    )
    return {name: [one[name][0] for one in alone] for name in alone[0] if name != "facts"} | {"facts": facts}


@given(blocks, st.lists(st.sampled_from(METERS), max_size=4, unique_by=id), st.sets(st.integers(0, 60).map(str)))
@settings(max_examples=150)
def test_it_makes_no_difference(sent: list[Event], meters: list[MeterTerms], claimed: set[str]) -> None:
    terms = known(*meters)
    claimed_alone = set(claimed)
    together = told(process(columns(*sent), NOON, terms, claimed))
    assert together == one_by_one(sent, terms, claimed_alone)
    assert claimed == claimed_alone


def plain(count: int) -> list[Event]:
    return [flight(f"e{number}", attributes={"distance": str(number)}) for number in range(count)]


def test_what_was_sent_as_digits_stays_digits() -> None:
    outcomes = process(columns(*plain(MANY)), NOON, known(meter()), set())
    assert [column.units.to_pylist() for column in outcomes.digit_columns] == [[str(number) for number in range(MANY)]]
    assert outcomes.usage_values == []


def test_the_second_of_two_equal_ids_is_the_duplicate_also_when_the_first_fails_in_between() -> None:
    sent = plain(MANY)
    sent[3] = flight("same", account="nobody")
    sent[7], sent[9] = flight("same"), flight("same")
    outcomes = process(columns(*sent), NOON, known(meter()), set())
    told_of = [outcomes.statuses[place] for place in (3, 7, 9)]
    assert told_of == [EventStatus.ACCOUNT_NOT_FOUND, EventStatus.METERED, EventStatus.DUPLICATE]


def test_more_digits_than_are_surely_held_are_looked_at() -> None:
    sent = plain(MANY)
    sent[5] = flight("long", attributes={"distance": "1" * (LONGEST_DIGITS + 1)})
    sent[6] = flight("too long", attributes={"distance": "0." + "1" * 13})
    outcomes = process(columns(*sent), NOON, known(meter()), set())
    assert (outcomes.usage_ordinals, outcomes.usage_values) == ([5], [Decimal("1" * (LONGEST_DIGITS + 1))])
    assert outcomes.statuses[6] is EventStatus.UNITS_INVALID


def test_more_combinations_of_dimensions_than_are_remembered_are_judged_all_the_same() -> None:
    sent = [flight(f"e{number}", dimensions={"origin": "JFK", "seat": str(number)}) for number in range(5_000)]
    terms = known(departures())
    for _ in range(2):
        (column,) = process(columns(*sent), NOON, terms, set()).digit_columns
        assert column.units.to_pylist() == ["1"] * 5_000


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        ("1", set()),
        (MILES, {"attributes.distance"}),
        ('{"and": [[{"var": "a"}], {"==": [{"var": ["b"]}, 1]}]}', {"a", "b"}),
        ('{"var": ["a", 1]}', None),
        ('{"var": ""}', {""}),
        ('{"var": {"var": "a"}}', None),
        ('{"missing": ["a"]}', None),
        ('{"some": [{"var": "a"}, {"var": "b"}]}', None),
    ],
)
def test_the_variables_of_a_rule_are_known_from_its_text_or_not_at_all(rule: str, names: set[str] | None) -> None:
    assert variables_of(parse(rule)) == names


@pytest.mark.parametrize("terms", METERS, ids=lambda terms: terms.name)
def test_only_what_dimensions_tell_is_asked_once_for_all(terms: MeterTerms) -> None:
    by_rule = {"filtered by an attribute", "filtered by what may be absent", "far", "kilometres", "failing at nought"}
    by_rule |= {"of two", "of what may be absent", "no number", "latest of two", "origins", "distances"}
    assert (column_of(terms, schema(), units_of(terms)).rule is not None) is (terms.name in by_rule)
