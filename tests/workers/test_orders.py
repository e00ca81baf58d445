"""Orders about stored events: whatever comes together in one round comes to what it would come to one by one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest

from tallystick.metering.columns import EventColumns
from tallystick.metering.event import EventSource, EventStatus
from tests.unit.metering.samples import ORGANISATION, catalogue, meter, schema, span
from tests.workers.test_event_processor import Plant, distance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tallystick.metering.catalogue import MeterTerms

METERED = EventStatus.METERED
INVALID = EventStatus.UNITS_INVALID
TENTHS = '{"/":[{"var":"attributes.distance"},10]}'
FEET = '{"var":"dimensions.origin"}'
"""A text, so that units are no number."""


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    opened = Plant(tmp_path)
    known(opened)
    yield opened
    opened.close()


def known(plant: Plant, *meters: object, accounts: tuple[str, ...] = ("acme",)) -> None:
    """Let the catalogue have these meters from now on."""
    spans = {name: [span(name)] for name in accounts}
    plant.catalogues.fixed = catalogue(schema(*(meters or (meter(),))), accounts=spans)


def second(*computations: tuple[str | None, str], version: int = 2) -> MeterTerms:
    """The meter of miles in another version."""
    return replace(meter("miles", *computations), version=version)


def order(plant: Plant, **what: object) -> None:
    nothing = EventColumns.of([], ORGANISATION, EventSource.API)
    plant.log.append(msgspec.structs.replace(nothing, **what)).result(60)


def positions(plant: Plant, *names: str) -> list[int]:
    return [plant.store.events_with_id(ORGANISATION, name)[0].position for name in names]


def status(plant: Plant, name: str) -> EventStatus:
    return plant.store.events_with_id(ORGANISATION, name)[0].status


def test_what_is_judged_again_and_taken_back_in_one_round_makes_no_usage(plant: Plant) -> None:
    plant.send(distance("a", 7, account="late"))
    plant.processor.drain()
    known(plant, accounts=("late",))
    (at,) = positions(plant, "a")
    order(plant, rejudged=[at])
    order(plant, undone=[at])
    plant.processor.drain()
    assert (status(plant, "a"), plant.miles("late")) == (EventStatus.REVERTED, 0)


def test_what_is_metered_anew_and_taken_back_in_one_round_makes_no_usage(plant: Plant) -> None:
    plant.send(distance("a", 70), distance("b", 5))
    plant.processor.drain()
    known(plant, second((None, TENTHS)))
    (at,) = positions(plant, "a")
    order(plant, remetered=[at], meter=("um.miles", 2))
    order(plant, undone=[at])
    plant.processor.drain()
    assert (status(plant, "a"), plant.miles()) == (EventStatus.REVERTED, 5)
    assert plant.store.units_of(ORGANISATION, [at]) == []


def test_metering_anew_twice_changes_nothing_the_second_time(plant: Plant) -> None:
    plant.send(distance("a", 70), distance("b", 50))
    plant.processor.drain()
    known(plant, second((None, TENTHS)))
    at = positions(plant, "a", "b")
    for rounds in (2, 1):
        for _ in range(rounds):
            order(plant, remetered=at, meter=("um.miles", 2))
        plant.processor.drain()
        assert plant.miles() == 12
        facts = plant.store.units_of(ORGANISATION, at)
        assert [(fact.meter_version, fact.value) for fact in facts] == [(2, 7), (2, 5)]


def test_a_meter_that_has_changed_since_the_order_is_left_alone(plant: Plant) -> None:
    plant.send(distance("a", 70))
    plant.processor.drain()
    known(plant, second((None, TENTHS), version=3))
    order(plant, remetered=positions(plant, "a"), meter=("um.miles", 2))
    plant.processor.drain()
    assert plant.miles() == 70


def test_an_event_that_fails_now_counts_no_more_for_any_meter_and_gives_its_id_back(plant: Plant) -> None:
    known(plant, meter(), meter("other", (None, "1")))
    plant.send(distance("a", 70))
    plant.processor.drain()
    known(plant, second((None, FEET)), meter("other", (None, "1")))
    (at,) = positions(plant, "a")
    order(plant, remetered=[at], meter=("um.miles", 2))
    plant.processor.drain()
    assert (status(plant, "a"), plant.miles(), plant.store.units_of(ORGANISATION, [at])) == (INVALID, 0, [])
    known(plant)
    plant.send(distance("a", 3))
    plant.processor.drain()
    assert plant.miles() == 3


def test_an_event_that_failed_for_its_units_counts_once_it_no_longer_does(plant: Plant) -> None:
    known(plant, meter("miles", (None, FEET)), meter("other", (None, "1")))
    plant.send(distance("a", 70), distance("b", 5))
    plant.send(distance("b", 6))
    plant.processor.drain()
    assert plant.statuses() == {INVALID: 3}
    known(plant, second((None, TENTHS)), meter("other", (None, "1")))
    both = [event.position for event in plant.store.events_with_id(ORGANISATION, "b")]
    order(plant, remetered=[*positions(plant, "a"), *both], meter=("um.miles", 2))
    plant.processor.drain()
    assert plant.miles() == Decimal("7.5"), "of two with one id the first counts"
    assert [event.status for event in plant.store.events_with_id(ORGANISATION, "b")] == [METERED, INVALID]
    assert len(plant.store.units_of(ORGANISATION, both)) == 2, "by every meter of the schema"
    plant.send(distance("a", 1))
    plant.processor.drain()
    assert plant.miles() == Decimal("7.5"), "its id is taken"


def test_an_event_that_came_before_the_meter_was_there_is_metered(plant: Plant) -> None:
    known(plant, meter("other", (None, "1")))
    plant.send(distance("a", 70))
    plant.processor.drain()
    known(plant, meter("other", (None, "1")), meter())
    (at,) = positions(plant, "a")
    order(plant, remetered=[at], meter=("um.miles", 1))
    plant.processor.drain()
    assert plant.miles() == 70
    assert [(fact.meter_id, fact.value) for fact in plant.store.units_of(ORGANISATION, [at])] == [
        ("um.miles", 70),
        ("um.other", 1),
    ]


def test_a_meter_that_says_no_now_takes_its_units_back(plant: Plant) -> None:
    plant.send(distance("a", 70))
    plant.processor.drain()
    known(plant, second(("false", TENTHS)))
    (at,) = positions(plant, "a")
    order(plant, remetered=[at], meter=("um.miles", 2))
    plant.processor.drain()
    (event,) = plant.store.events_with_id(ORGANISATION, "a")
    assert (event.status, event.filtered_out) == (EventStatus.NOT_METERED, (("um.miles", 2),))
    assert (plant.miles(), plant.store.units_of(ORGANISATION, [at])) == (0, [])
