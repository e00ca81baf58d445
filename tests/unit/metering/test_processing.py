"""What becomes of events (domain.md 2.4): one case for each status, and what must not matter."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.metering.event import EventStatus
from tallystick.metering.outcomes import LONGEST_DESCRIPTION
from tallystick.metering.processing import process
from tests.unit.metering.samples import NOON, catalogue, columns, departures, flight, meter, schema, span

if TYPE_CHECKING:
    from tallystick.metering.catalogue import Catalogue
    from tallystick.metering.event import Event
    from tallystick.metering.outcomes import Outcomes

DAY = timedelta(days=1)
SCHEMA = schema(meter(), departures())
KNOWN = catalogue(SCHEMA)


def judged(*events: Event, known: Catalogue = KNOWN, claimed: set[str] | None = None) -> Outcomes:
    return process(columns(*events), NOON, known, set() if claimed is None else claimed)


def usage(outcomes: Outcomes) -> Counter[tuple[str | None, str]]:
    """The units by account and meter."""
    total: Counter[tuple[str | None, str]] = Counter()
    for ordinal, of_meter, units in outcomes.facts():
        total[outcomes.account_ids[ordinal], of_meter.id] += units  # type: ignore[assignment] - exact, not int
    return total


def test_an_event_that_meters_take_makes_usage_of_each() -> None:
    outcomes = judged(flight(attributes={"distance": "2475"}))
    assert outcomes.statuses == [EventStatus.METERED]
    assert outcomes.descriptions == [None]
    assert outcomes.schema_versions == [3]
    assert (outcomes.account_ids, outcomes.customer_ids) == (["acme"], ["customer of acme"])
    assert outcomes.filtered_out == [None]
    assert usage(outcomes) == {("acme", "um.miles"): Decimal(2475), ("acme", "um.departures"): Decimal(1)}


def test_an_event_is_metered_when_one_meter_takes_it_and_names_the_one_that_did_not() -> None:
    outcomes = judged(flight(dimensions={"origin": "LGA"}))
    assert outcomes.statuses == [EventStatus.METERED]
    assert outcomes.filtered_out == ['[["um.departures",1]]']
    assert usage(outcomes) == {("acme", "um.miles"): Decimal(100)}


FAILING = meter("failing", (None, '{"/": [1, 0]}'))
LATE = span("acme", gate=type("Late", (), {"refuses": lambda _self, _at, received_at: received_at == NOON})())


@pytest.mark.parametrize(
    ("event", "known", "status", "description"),
    [
        pytest.param(flight(None), KNOWN, EventStatus.NO_EVENT_ID, "no id", id="no id"),
        pytest.param(flight(""), KNOWN, EventStatus.NO_EVENT_ID, "no id", id="an empty id"),
        pytest.param(
            flight(schema="fligth"), KNOWN, EventStatus.SCHEMA_NOT_DEFINED, "no active event schema", id="no schema"
        ),
        pytest.param(
            flight(attributes={}), KNOWN, EventStatus.FAILED, "attribute distance is missing", id="attribute missing"
        ),
        pytest.param(
            flight(attributes={"origin": "1"}, dimensions={"distance": "100"}),
            KNOWN,
            EventStatus.FAILED,
            "attribute distance is missing; dimension origin is missing",
            id="both missing, under the other's name",
        ),
        pytest.param(flight(account="acne"), KNOWN, EventStatus.ACCOUNT_NOT_FOUND, "no account", id="no account"),
        pytest.param(
            flight(),
            catalogue(SCHEMA, accounts={"acme": [LATE]}),
            EventStatus.PAST_GRACE_PERIOD,
            "takes no more events",
            id="too late",
        ),
        pytest.param(
            flight(attributes={"distance": "0.0000000000001"}),
            KNOWN,
            EventStatus.UNITS_INVALID,
            "usage meter miles: the units need more than",
            id="units too fine",
        ),
        pytest.param(
            flight(),
            catalogue(schema(meter(), FAILING)),
            EventStatus.UNITS_INVALID,
            "usage meter failing: '/'",
            id="a rule fails",
        ),
        pytest.param(flight(), catalogue(schema()), EventStatus.NO_MATCHING_METERS, None, id="no meter"),
        pytest.param(
            flight(dimensions={"origin": "LGA"}),
            catalogue(schema(departures())),
            EventStatus.NOT_METERED,
            None,
            id="all meters say no",
        ),
    ],
)
def test_every_status_has_its_reason_and_makes_no_usage(
    event: Event, known: Catalogue, status: EventStatus, description: str | None
) -> None:
    outcomes = judged(event, known=known)
    assert outcomes.statuses == [status]
    if description is None:
        assert outcomes.descriptions == [None]
    else:
        assert description in (outcomes.descriptions[0] or "")
    assert not outcomes.usage_values


def test_a_duplicate_is_refused_in_the_same_block_and_against_what_was_claimed_before() -> None:
    claimed = {"old"}
    outcomes = judged(flight("new"), flight("old"), flight("new"), claimed=claimed)
    assert outcomes.statuses == [EventStatus.METERED, EventStatus.DUPLICATE, EventStatus.DUPLICATE]
    assert claimed == {"old", "new"}
    assert usage(outcomes)["acme", "um.miles"] == Decimal(100)


def test_an_event_that_fails_leaves_its_id_to_the_next_one() -> None:
    outcomes = judged(flight(account="nobody"), flight(), flight())
    assert outcomes.statuses == [EventStatus.ACCOUNT_NOT_FOUND, EventStatus.METERED, EventStatus.DUPLICATE]


def test_the_order_of_the_questions_is_that_of_the_pipeline() -> None:
    """An event with everything wrong fails at the first question; each repair leads to the next (domain.md 2.4)."""
    wrong = flight(None, schema="fligth", account="acne", attributes={"distance": "1" * 512})
    known = catalogue(SCHEMA, accounts={"acme": [LATE], "punctual": [span("punctual")]})
    repairs = [
        ({}, EventStatus.NO_EVENT_ID),
        ({"id": "old"}, EventStatus.DUPLICATE),
        ({"id": "new"}, EventStatus.SCHEMA_NOT_DEFINED),
        ({"schema_name": "flight", "dimensions": {}}, EventStatus.FAILED),
        ({"dimensions": {"origin": "JFK"}}, EventStatus.ACCOUNT_NOT_FOUND),
        ({"account_id": "acme"}, EventStatus.PAST_GRACE_PERIOD),
        ({"account_id": "punctual"}, EventStatus.UNITS_INVALID),
    ]
    for repair, status in repairs:
        wrong = msgspec.structs.replace(wrong, **repair)
        assert judged(wrong, known=known, claimed={"old"}).statuses == [status]


def test_the_account_is_known_also_where_the_event_fails_before_it_matters() -> None:
    outcomes = judged(flight(None), flight(attributes={}), flight(schema="fligth"))
    assert outcomes.account_ids == ["acme"] * 3
    assert outcomes.customer_ids == ["customer of acme"] * 3


ALIASES = {
    "blue": [span("acme", since=NOON - DAY, until=NOON), span("zenith", since=NOON, until=NOON + DAY)],
    "acme": [span("zenith"), span("acme", since=NOON + DAY)],
}


@pytest.mark.parametrize(
    ("reference", "at", "expected"),
    [
        ("blue", NOON - DAY, "acme"),
        ("blue", NOON - timedelta(microseconds=1), "acme"),
        ("blue", NOON, "zenith"),
        ("blue", NOON + DAY, None),
        ("blue", NOON - DAY - timedelta(microseconds=1), None),
        ("acme", NOON, "acme"),
        ("Acme", NOON, None),
    ],
)
def test_an_alias_stands_for_the_account_that_had_it_at_the_events_time_and_an_exact_id_comes_first(
    reference: str, at: datetime, expected: str | None
) -> None:
    outcomes = judged(flight(account=reference, at=at), known=catalogue(SCHEMA, accounts=ALIASES))
    assert outcomes.account_ids == [expected]


def test_lateness_is_judged_by_when_the_event_was_received() -> None:
    known = catalogue(SCHEMA, accounts={"acme": [LATE]})
    statuses = [process(columns(flight()), received_at, known, set()).statuses[0] for received_at in (NOON, NOON + DAY)]
    assert statuses == [EventStatus.PAST_GRACE_PERIOD, EventStatus.METERED]


def test_extra_fields_are_ignored_by_the_check() -> None:
    outcomes = judged(flight(attributes={"distance": "1", "seats": "2"}, dimensions={"origin": "LGA", "dest": "SFO"}))
    assert outcomes.statuses == [EventStatus.METERED]


def test_a_failing_meter_takes_the_usage_of_the_others_with_it() -> None:
    outcomes = judged(flight(), known=catalogue(schema(meter(), FAILING, departures())))
    assert outcomes.statuses == [EventStatus.UNITS_INVALID]
    assert not outcomes.usage_values
    assert outcomes.filtered_out == [None]


def test_descriptions_are_cut_to_what_the_wire_takes() -> None:
    many = schema(name="wide")
    names = tuple(f"attribute_number_{number}" for number in range(50))
    wide = type(many)("wide", 1, names, (), ())
    (description,) = judged(flight(schema="wide"), known=catalogue(wide)).descriptions
    assert description is not None
    assert len(description) == LONGEST_DESCRIPTION == 250
    assert description.startswith("attribute attribute_number_0 is missing; ")


def test_a_change_of_the_catalogue_is_seen_by_the_next_block() -> None:
    before, after = catalogue(schema(meter())), catalogue(schema(meter("miles", (None, "1"))))
    totals = [usage(judged(flight(), known=known))["acme", "um.miles"] for known in (before, after)]
    assert totals == [100, 1]


EVENTS = st.lists(
    st.builds(
        flight,
        st.integers(0, 40).map(lambda number: f"e{number}"),
        at=st.integers(-3, 3).map(lambda days: NOON + days * DAY),
        account=st.sampled_from(["acme", "blue", "nobody"]),
        attributes=st.decimals(-1000, 1000, places=3).map(lambda number: {"distance": str(number)}),
        dimensions=st.sampled_from(["JFK", "LGA"]).map(lambda origin: {"origin": origin}),
    ),
    max_size=40,
    unique_by=lambda event: event.id,
)


@settings(max_examples=40)
@given(events=EVENTS, data=st.data())
def test_order_and_batching_of_events_do_not_change_usage(events: list[Event], data: st.DataObject) -> None:
    """reliability.md F-60."""
    known = catalogue(SCHEMA, accounts={**ALIASES, "acme": [span("acme")]})
    whole = usage(judged(*events, known=known))
    shuffled = data.draw(st.permutations(events))
    claimed: set[str] = set()
    parts: Counter[tuple[str | None, str]] = Counter()
    while shuffled:
        size = data.draw(st.integers(1, len(shuffled)))
        parts.update(usage(judged(*shuffled[:size], known=known, claimed=claimed)))
        shuffled = shuffled[size:]
    assert parts == whole


@settings(max_examples=40)
@given(events=EVENTS, data=st.data())
def test_duplicates_are_neutral(events: list[Event], data: st.DataObject) -> None:
    repeats = data.draw(st.lists(st.sampled_from(events), max_size=20)) if events else []
    assert usage(judged(*events, *repeats)) == usage(judged(*events))
