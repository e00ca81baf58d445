"""The events of a request are transposed once, and merged with others without losing their order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.period import in_utc
from tallystick.metering.columns import EventColumns, grouped
from tallystick.metering.event import Attribute, Event, EventSource
from tests.unit.metering.samples import NOON, columns, flight


def test_every_field_of_an_event_is_in_its_column() -> None:
    event = Event(
        schema_name="flight",
        id="e1",
        timestamp=NOON,
        account_id="acme",
        attributes=[Attribute("distance", "007.50", "miles"), Attribute("seats", "-3")],
        dimensions={"origin": "JFK"},
    )
    held = EventColumns.of([event], "org.1", EventSource.API)
    assert held == EventColumns(
        organisation="org.1",
        source=EventSource.API,
        ids=["e1"],
        schema_names=["flight"],
        event_ats=[NOON],
        account_refs=["acme"],
        attributes=b'[{"name":"distance","value":"007.50","unit":"miles"},{"name":"seats","value":"-3"}]\n',
        dimensions=b'{"origin":"JFK"}\n',
    )


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        # domain.md 1.9: without a zone it is UTC
        (datetime(2022, 6, 15, 7, 30, 35, 123000), datetime(2022, 6, 15, 7, 30, 35, 123000, tzinfo=UTC)),  # noqa: DTZ001
        (datetime(2022, 6, 15, 7, 30, tzinfo=timezone(timedelta(hours=14))), datetime(2022, 6, 14, 17, 30, tzinfo=UTC)),
        (
            datetime(2022, 6, 15, 23, 30, tzinfo=timezone(-timedelta(hours=12))),
            datetime(2022, 6, 16, 11, 30, tzinfo=UTC),
        ),
    ],
)
def test_timestamps_become_utc(sent: datetime, expected: datetime) -> None:
    assert columns(flight(at=sent)).event_ats == [expected]
    assert in_utc(sent, "at") == expected


def test_a_timestamp_that_utc_cannot_express_is_refused_by_its_path() -> None:
    early = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    with pytest.raises(BillingError) as refusal:
        columns(flight(), flight(at=early))
    assert refusal.value.kind is Kind.INVALID
    assert refusal.value.problems[0].path == "events[1].timestamp"


def test_requests_are_grouped_by_organisation_in_the_order_of_arrival() -> None:
    parts = [
        columns(flight("a1")),
        columns(flight("b1"), organisation="org.2"),
        columns(flight("a2"), flight("a3")),
        columns(flight("a4"), source=EventSource.API),
    ]
    assert grouped(parts) == [[parts[0], parts[2], parts[3]], [parts[1]]]


def test_a_request_that_orders_something_stays_by_itself() -> None:
    parts = [columns(flight("a1")), msgspec.structs.replace(columns(flight("a2")), undone=[7]), columns(flight("a3"))]
    assert grouped(parts) == [[parts[0], parts[2]], [parts[1]]]
