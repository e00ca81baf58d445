"""The predefined schemas: usage that goes straight to a meter, and named licences (domain.md 2.5)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tallystick.metering.event import EventStatus
from tallystick.metering.predefined import license_schema, usage_schema
from tallystick.metering.processing import process
from tests.unit.metering.samples import NOON, catalogue, columns, departures, flight, meter, schema

if TYPE_CHECKING:
    from tallystick.metering.event import Event
    from tallystick.metering.outcomes import Outcomes

KNOWN = catalogue(schema(meter()), usage_schema([meter("gigabytes"), departures()]), license_schema(["addon.seat"]))


def judged(event: Event) -> Outcomes:
    return process(columns(event), NOON, KNOWN, set())


def used(meter_id: str | None = "um.gigabytes", usage: str | None = "12.5", **more: str) -> Event:
    return flight(
        schema="togai-usage",
        attributes={} if usage is None else {"usage": usage},
        dimensions=more if meter_id is None else {"usage_meter_id": meter_id} | more,
    )


def licence(action: str = "1", **dimensions: str) -> Event:
    return flight(
        schema="togai-named-license",
        attributes={"action": action},
        dimensions={"license_id": "addon.seat", "name": "ada@acme.test"} | dimensions,
    )


@pytest.mark.parametrize(
    ("usage", "meter_id"), [("12.5", "um.gigabytes"), ("-3", "um.gigabytes"), ("7", "um.departures")]
)
def test_usage_goes_straight_to_the_meter_whatever_its_rules_and_aggregation(usage: str, meter_id: str) -> None:
    outcomes = judged(used(meter_id, usage, region="eu"))
    assert outcomes.statuses == [EventStatus.METERED]
    assert outcomes.schema_versions == [1]
    assert [one.id for one in outcomes.usage_meters] == [meter_id]
    assert outcomes.usage_values == [Decimal(usage)]


@pytest.mark.parametrize(
    ("event", "status", "description"),
    [
        (used("um.nothing"), EventStatus.FAILED, "no active usage meter has the id 'um.nothing'"),
        (used(None), EventStatus.FAILED, "dimension usage_meter_id is missing"),
        (used(usage=None), EventStatus.FAILED, "attribute usage is missing"),
        (used(usage="0.0000000000001"), EventStatus.UNITS_INVALID, "usage: the units need more than"),
    ],
)
def test_usage_that_no_meter_can_take_says_why(event: Event, status: EventStatus, description: str) -> None:
    outcomes = judged(event)
    assert outcomes.statuses == [status]
    assert description in (outcomes.descriptions[0] or "")
    assert not outcomes.usage_values


@pytest.mark.parametrize("action", ["1", "-1", "1.0"])
def test_a_well_formed_licence_event_has_worked_and_makes_no_usage(action: str) -> None:
    outcomes = judged(licence(action, team="red"))
    assert outcomes.statuses == [EventStatus.METERED]
    assert outcomes.descriptions == [None]
    assert not outcomes.usage_values


@pytest.mark.parametrize(
    ("event", "description"),
    [
        (licence("0"), "action: is 0, expected 1 to add the name or -1 to remove it"),
        (licence(license_id="addon.chair"), "license_id: no active add-on of type NAMED_LICENSE has the id"),
        (licence(name="x" * 51), "name: 51 characters are too many: at most 50"),
        (licence("2", license_id="x"), "has the id 'x'; action: is 2"),
        (flight(schema="togai-named-license", attributes={}), "attribute action is missing; dimension license_id"),
    ],
)
def test_a_malformed_licence_event_says_everything_that_is_wrong(event: Event, description: str) -> None:
    outcomes = judged(event)
    assert outcomes.statuses == [EventStatus.INVALID_NAMED_LICENSE_EVENT]
    assert description in (outcomes.descriptions[0] or "")


def test_a_misspelt_predefined_schema_is_not_defined() -> None:
    assert judged(flight(schema="togai-usages")).statuses == [EventStatus.SCHEMA_NOT_DEFINED]
