"""What is held of the newest ids is what the stored events say, whatever of it was let go."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tallystick.metering.event import EventStatus
from tallystick.stores.event_facts import Revision
from tallystick.stores.event_log import position_of
from tallystick.stores.event_store_queries import EventQueries
from tallystick.stores.recent_ids import RecentIds
from tests.stores.event_samples import JANUARY, RECEIVED, block, trip
from tests.unit.metering.samples import ORGANISATION, flight

if TYPE_CHECKING:
    from tallystick.metering.event import Event
    from tallystick.stores.duck_event_store import DuckEventStore
    from tallystick.stores.taken_ids import TakenIds


def in_order(taken: TakenIds) -> list[tuple[str, str]]:
    return sorted((organisation, event_id) for organisation, ids in taken.items() for event_id in ids)


def sent(chance: random.Random, names: int) -> list[Event]:
    """Events of which some have no id, some no account, and some the id of an earlier one of their round."""
    made: list[Event] = []
    for _ in range(chance.randrange(1, 12)):
        name = f"e{chance.randrange(names)}"
        kind = chance.random()
        if kind < 0.1:
            made.append(flight(None))
        else:
            made.append(trip(name, "1", account="nobody" if kind < 0.25 else "acme"))
    return made


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("most_held", [0, 7, 40, 10_000])
def test_recent_and_older_ids_together_are_those_that_are_stored(
    store: DuckEventStore, most_held: int, seed: int
) -> None:
    chance = random.Random(seed)
    store._recent = RecentIds(most_held, worth_apart=5)
    row = 0
    for _ in range(12):
        first = row + 1
        blocks = []
        for _ in range(chance.randrange(1, 4)):
            row += 1
            organisation = chance.choice((ORGANISATION, "org.2"))
            blocks.append(block(*sent(chance, 30), row=row, organisation=organisation))
        chance.shuffle(blocks)
        store.apply(blocks, row, RECEIVED, _reverted(chance, first) if chance.random() < 0.1 else ())
        every = np.array([position_of(at, ordinal) for at in range(1, row + 2) for ordinal in range(13)])
        asked = np.sort(np.array(chance.sample(every.tolist(), chance.randrange(1, len(every)))))
        assert in_order(store.ids_at(asked)) == in_order(EventQueries.ids_at(store, asked))


def _reverted(chance: random.Random, row: int) -> list[Revision]:
    """An event of an earlier row gives its id back, if there is one."""
    if row < 2:
        return []
    return [
        Revision(
            position=position_of(chance.randrange(1, row), 0),
            number=position_of(row),
            organisation=ORGANISATION,
            revised_at=RECEIVED,
            status=EventStatus.REVERTED,
            status_description=None,
            event_at=JANUARY,
        )
    ]


def test_duckdb_is_asked_for_older_events_only(store: DuckEventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store._recent = RecentIds(2, worth_apart=1)
    store.apply([block(trip("a", "1"), trip("b", "1"), row=1)], 1, RECEIVED)
    store.apply([block(trip("c", "1"), row=2)], 2, RECEIVED)
    queries: list[list[int]] = []

    def noted(_: EventQueries, positions: np.ndarray) -> TakenIds:
        queries.append(positions.tolist())
        return {}

    monkeypatch.setattr(EventQueries, "ids_at", noted)
    assert store.ids_at(np.array([position_of(2, 0), position_of(2, 1)])) == {ORGANISATION: ["c"]}
    assert queries == []
    store.ids_at(np.array([position_of(1, 1), position_of(2, 0)]))
    assert queries == [[position_of(1, 1)]]
