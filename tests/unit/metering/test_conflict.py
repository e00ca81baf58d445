"""Events under one id: which fields say something else (domain.md 2.3, issue 4)."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from tallystick.metering.conflict import counts, differing_fields
from tallystick.metering.event import EventStatus
from tests.unit.metering.samples import NOON, flight

if TYPE_CHECKING:
    from tallystick.metering.event import Event

FIRST = flight(attributes={"distance": "100", "seats": "2"}, dimensions={"origin": "JFK", "dest": "SFO"})


@pytest.mark.parametrize(
    "again",
    [
        FIRST,
        flight("other", attributes={"distance": "100", "seats": "2"}, dimensions={"origin": "JFK", "dest": "SFO"}),
        flight(attributes={"seats": "2", "distance": "100"}, dimensions={"dest": "SFO", "origin": "JFK"}),
        flight(
            at=NOON.astimezone(timezone(timedelta(hours=2))),
            attributes={"distance": "100", "seats": "2"},
            dimensions={"origin": "JFK", "dest": "SFO"},
        ),
    ],
)
def test_a_retry_says_the_same(again: Event) -> None:
    assert differing_fields(again, FIRST) == []


def test_every_field_that_differs_is_named() -> None:
    other = flight(schema="ride", at=NOON + timedelta(seconds=1), account="zenith")
    assert differing_fields(other, FIRST) == ["schemaName", "timestamp", "accountId", "attributes", "dimensions"]
    less = flight(attributes={"distance": "100.0", "seats": "2"}, dimensions={"origin": "JFK", "dest": "SFO"})
    assert differing_fields(less, FIRST) == ["attributes"]


def test_an_event_that_failed_never_counted() -> None:
    counting = {status for status in EventStatus if counts(status)}
    assert counting == {
        EventStatus.METERED,
        EventStatus.NOT_METERED,
        EventStatus.NO_MATCHING_METERS,
        EventStatus.REVERTED,
    }
