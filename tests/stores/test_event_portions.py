"""Events that are read in portions, as jobs do: each once, within what was asked, up to a row of the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tallystick.metering.event import EventStatus
from tallystick.metering.remetering import REMETERED
from tallystick.stores.duck_event_store import DuckEventStore
from tallystick.stores.event_facts import MeterVersion, Revision
from tallystick.stores.event_log import position_of
from tests.stores.event_samples import RECEIVED, block, total, trip
from tests.stores.test_event_store_queries import UsageWindow, day, days
from tests.unit.metering.samples import ORGANISATION, flight

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tallystick.stores.event_store import StoredEvent


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckEventStore]:
    opened = DuckEventStore(tmp_path / "events.duckdb")
    opened.apply(
        [
            block(*(trip(f"e{number}", "1", day=number % 3) for number in range(7)), row=1),
            block(trip("z", "1", account="zenith"), trip("nobody", "1", account="nobody"), row=2),
            block(trip("foreign", "1"), row=3, organisation="org.2"),
            block(flight("boat", schema="boat", at=day(0)), trip("late", "1", day=0), row=4),
        ],
        4,
        RECEIVED,
    )
    yield opened
    opened.close()


def names(events: list[StoredEvent]) -> list[str | None]:
    return [event.event.id for event in events]


def test_the_events_of_a_schema_come_by_position_within_what_was_asked(store: DuckEventStore) -> None:
    def asked(first: float = 0, last: float = 3, accounts: list[str] | None = None, row: int = 4) -> list[str | None]:
        found, after = [], -1
        while portion := store.events_of_schema(
            ORGANISATION,
            "flight",
            days(first, last),
            REMETERED,
            account_ids=accounts,
            through_row=row,
            after=after,
            size=2,
        ):
            found += names(portion)
            after = portion[-1].position
        return found

    assert asked() == ["e0", "e1", "e2", "e3", "e4", "e5", "e6", "z", "late"]
    assert asked(row=3) == ["e0", "e1", "e2", "e3", "e4", "e5", "e6", "z"]
    assert asked(1, 2) == ["e1", "e4"]
    assert asked(accounts=["zenith"]) == ["z"]
    assert asked(accounts=["nobody"]) == []


def test_matches_come_in_their_order_also_when_they_come_in_portions(store: DuckEventStore) -> None:
    found: list[str | None] = []
    after = None
    while portion := store.events_matching(ORGANISATION, "acme", through_row=3, after=after, size=3):
        found += names(portion)
        after = (portion[-1].event.timestamp, portion[-1].event.id or "", portion[-1].position)
    assert found == ["e2", "e5", "e1", "e4", "e0", "e3", "e6"]
    assert names(store.events_matching(ORGANISATION, "acme", size=9))[-1] == "late"


def test_usage_without_an_outcome_of_its_own_leaves_the_outcome_as_it_was(store: DuckEventStore) -> None:
    (event,) = store.events_with_id(ORGANISATION, "z")
    change = Revision(
        position=event.position,
        number=position_of(5),
        organisation=ORGANISATION,
        revised_at=RECEIVED,
        status=EventStatus.METERED,
        status_description=None,
        account_id="zenith",
        event_at=event.event.timestamp,
        usage=((MeterVersion("um.miles", 1), -1), (MeterVersion("um.miles", 2), 5)),
        is_outcome=False,
    )
    store.apply([], 5, RECEIVED, [change])
    assert store.events_with_id(ORGANISATION, "z") == [event]
    assert total(store.usage_totals(ORGANISATION, [UsageWindow("zenith", days(0, 1))])[0]) == 5
    assert [(fact.meter_version, fact.value) for fact in store.units_of(ORGANISATION, [event.position])] == [(2, 5)]
