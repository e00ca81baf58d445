"""A batch that is read as text says what it says when every field of it is read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallystick.engine.event_bodies import events_of
from tallystick.engine.plain_batch import MOST_REMEMBERED, PlainBatches
from tallystick.kernel.errors import BillingError
from tallystick.metering.columns import EventColumns
from tallystick.metering.event import Event, EventSource

LATEST = datetime(2026, 4, 1, tzinfo=UTC)
SENT: dict[str, Any] = {
    "schemaName": "flight",
    "id": "e1",
    "timestamp": "2026-03-14T12:00:00Z",
    "accountId": "acme",
    "attributes": [{"name": "distance", "value": "100"}],
    "dimensions": {"origin": "JFK"},
}


def batch(*events: dict[str, Any], style: dict[str, Any] | None = None) -> bytes:
    return json.dumps({"events": events}, **style or {}).encode()


def read(body: bytes, batches: PlainBatches | None = None) -> EventColumns | None:
    return (batches or PlainBatches()).read(body, "org.1", EventSource.BATCH, LATEST)


def field_by_field(body: bytes) -> EventColumns | None:
    """The columns, if every event is taken."""
    try:
        events = [event for event in events_of(body) if isinstance(event, Event) and event.timestamp <= LATEST]
        columns = EventColumns.of(events, "org.1", EventSource.BATCH)
        return columns if len(columns) == len(json.loads(body)["events"]) else None
    except (BillingError, TypeError):
        return None


def changed(**parts: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {name: value for name, value in (SENT | parts).items() if value is not ...}


COMPACT = {"separators": (",", ":")}
names = st.sampled_from(["distance", "dist ance", "seats", "value", "name", 'quo"te', "é", "", "x" * 51])
numbers = st.sampled_from(
    ["100", "-0", "1.5", "007", "", "1e3", "1_0", "٣", "1\n", "9" * 512, "9" * 513, " 1", "0." + "1" * 513]
)
units = st.sampled_from([..., ..., "mi", "m i", None, ""])
attributes = st.lists(
    st.builds(
        lambda name, value, unit: {
            key: part for key, part in (("name", name), ("value", value), ("unit", unit)) if part is not ...
        },
        names,
        numbers,
        units,
    ),
    max_size=3,
)
events = st.builds(
    changed,
    id=st.sampled_from(["e1", "e2", "", None, ..., "x" * 513, "nul\0", 7]),
    timestamp=st.sampled_from(
        [
            "2026-03-14T12:00:00Z",
            "2026-03-14T12:00:00.9999995Z",
            "2026-03-14T12:00:00.99999Z",
            "2026-03-14T12:00:00+02:00",
            "2026-03-14T12:00:00",
            "2027-01-01T00:00:00Z",
            "soon",
        ]
    ),
    attributes=st.one_of(st.just(SENT["attributes"]), attributes, st.just({})),
    dimensions=st.one_of(
        st.just(SENT["dimensions"]),
        st.dictionaries(
            st.sampled_from(["origin", "a b", "é", "x" * 201]), st.sampled_from(["JFK", "", "a  b", "é\n", 1])
        ),
    ),
    extra=st.sampled_from([..., ..., ..., 1]),
)
styles = st.sampled_from([{}, COMPACT, {"indent": 1}, {"ensure_ascii": False}, {"sort_keys": True}])


@given(st.lists(st.one_of(events, st.just(SENT)), min_size=1, max_size=4), styles)
@settings(max_examples=400)
@example([SENT, changed(attributes=[{"name": "dist ance", "value": "1"}])], {})
@example([changed(attributes=[{"name": "dist ance", "value": "1"}])], {})
def test_what_is_read_is_what_a_look_at_every_field_gives(sent: list[dict[str, Any]], style: dict[str, Any]) -> None:
    body = batch(*sent, style=style)
    batches = PlainBatches()
    for _ in range(2):
        plain = read(body, batches)
        assert plain is None or plain == field_by_field(body)


@pytest.mark.parametrize("style", [{}, COMPACT])
def test_what_programs_write_is_plain(style: dict[str, Any]) -> None:
    many = [
        changed(id=f"e{number}", attributes=[{"name": "distance", "value": f"-{number}.50", "unit": "mi"}])
        for number in range(1000)
    ]
    assert read(batch(*many, style=style)) == field_by_field(batch(*many, style=style))
    assert read(batch(*many, style=style)) is not None
    assert read(batch(changed(attributes=[], dimensions={}, id=...), style=style)) is not None


@pytest.mark.parametrize(
    "odd",
    [
        changed(attributes=[{"name": "seats", "value": "1"}]),
        changed(attributes=[{"name": "distance", "value": "1e3"}]),
        changed(attributes=[{"name": "dist ance", "value": "1"}]),
        changed(dimensions={"origin": ""}),
        changed(timestamp="2026-04-01T00:00:00.000001Z"),
        changed(timestamp="2026-03-14T12:00:00.9999995Z"),
        changed(timestamp="2026-03-14T12:00:00+02:00"),
        changed(id="nul\0"),
        changed(extra=1),
    ],
    ids=["other attributes", "no number", "space", "dimension", "future", "rounding", "zone", "nul", "unknown field"],
)
def test_one_odd_event_leaves_the_batch_to_a_look_at_every_field(odd: dict[str, Any]) -> None:
    assert read(batch(SENT, SENT)) is not None
    assert read(batch(SENT, odd, SENT)) is None


def test_more_dimensions_than_are_remembered_are_read_all_the_same() -> None:
    batches = PlainBatches()
    for first in range(0, MOST_REMEMBERED + 2000, 400):
        repeated = [changed(dimensions={"seat": str(first + number % 400)}) for number in range(1000)]
        assert read(batch(*repeated), batches) == field_by_field(batch(*repeated))
    alone = [changed(dimensions={"seat": f"x{number}"}) for number in range(1000)]
    assert read(batch(*alone), batches) == field_by_field(batch(*alone))


def test_half_a_second_ahead_of_the_latest_is_too_late() -> None:
    on_time = LATEST.isoformat().replace("+00:00", "Z")
    ahead = (LATEST + timedelta(seconds=0.5)).isoformat().replace("+00:00", "Z")
    assert read(batch(changed(timestamp=on_time))) is not None
    assert read(batch(changed(timestamp=ahead))) is None
