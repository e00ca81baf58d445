"""The id of an event: its own, or what the template of its schema makes of its fields (domain.md 2.4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tallystick.catalog.id_template import IdTemplate
from tallystick.kernel.micros import micros_of
from tallystick.metering.event import EventStatus
from tallystick.metering.identity import identified
from tallystick.metering.processing import process_block
from tests.unit.metering.samples import NOON, block, catalogue, flight, meter, schema

if TYPE_CHECKING:
    from tallystick.metering.catalogue import Catalogue
    from tallystick.metering.event import Event


def known(template: str | None) -> Catalogue:
    return catalogue(replace(schema(meter()), id_template=None if template is None else IdTemplate.of(template)))


def made(template: str, *events: Event) -> list[str | None]:
    return identified(block(*events), known(template)).ids


def test_an_event_without_an_id_gets_the_one_that_the_template_makes() -> None:
    template = "${schemaName}|${timestamp}|${accountId}|${attributes.distance}|${dimensions.origin}"
    assert made(template, flight(None), flight("")) == ["flight|2026-03-14T12:00:00Z|acme|100|JFK"] * 2


def test_an_explicit_id_wins() -> None:
    assert made("${accountId}", flight("own"), flight(None)) == ["own", "acme"]


def test_events_that_all_bring_their_ids_stay_the_same_object() -> None:
    sent = block(flight("a"), flight("b"))
    assert identified(sent, known("${accountId}")) is sent


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (NOON.astimezone(timezone(timedelta(hours=-4))), "2026-03-14T12:00:00Z"),
        (NOON + timedelta(microseconds=250_000), "2026-03-14T12:00:00.250000Z"),
    ],
)
def test_a_time_is_written_in_utc_however_it_was_sent(at: object, text: str) -> None:
    assert made("${timestamp}", flight(None, at=at)) == [text]  # type: ignore[arg-type] - a datetime


def test_values_are_taken_as_they_were_sent() -> None:
    sent = flight(None, attributes={"distance": "007.50"}, dimensions={"origin": "Orly é ${x}"})
    assert made("${attributes.distance} ${dimensions.origin}", sent) == ["007.50 Orly é ${x}"]


@pytest.mark.parametrize(
    ("template", "event", "reason"),
    [
        (None, flight(None), "the event has no id, and its schema has no eventIdTemplate"),
        ("${accountId}", flight(None, schema="fligth"), "there is no active event schema of its name"),
        ("${attributes.seats}-${dimensions.dest}", flight(None), "asks for: attributes.seats, dimensions.dest"),
        ("${dimensions.origin}", flight(None, dimensions={"origin": "x" * 513}), "an id of 513 characters"),
        ("${accountId}", flight(None, account=""), "an id of 0 characters"),
    ],
)
def test_without_a_usable_template_an_event_has_no_id_and_is_told_why(
    template: str | None, event: Event, reason: str
) -> None:
    """The id comes before the schema in the pipeline, so an unknown schema without an id is NO_EVENT_ID."""
    sent = identified(block(event), known(template))
    outcomes = process_block(sent, np.array([micros_of(NOON)]), known(template), set())
    assert outcomes.statuses == [EventStatus.NO_EVENT_ID]
    assert reason in (outcomes.descriptions[0] or "")


def test_an_id_may_have_512_characters() -> None:
    longest = flight(None, dimensions={"origin": "x" * 512})
    assert made("${dimensions.origin}", longest) == ["x" * 512]
