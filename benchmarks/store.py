"""Filling a directory with events without HTTP: through the event log and the processing, as a server does it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

from benchmarks.events import columns
from tallystick.engine import Engine, Settings
from tallystick.stores.state.catalogues import StateCatalogues
from tallystick.workers.event_processor import EventProcessor

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from benchmarks.world import World

_AT_ONCE: Final = 10_000
_PROCESSED_AFTER: Final = 100_000


def fill(world: World, events: int, accounts: int, test_clock: datetime, start: datetime, span: timedelta) -> None:
    """Add so many events, spread over accounts and a span of time."""
    with closing(Engine(Settings(data=world.data, test_clock=test_clock))) as engine:
        processor = EventProcessor(engine.log, engine.events, StateCatalogues(engine.database))
        for number in range(0, events, _AT_ONCE):
            count = min(_AT_ONCE, events - number)
            engine.log.append(columns(count, world.organisation, accounts, start, span, seed=number)).result()
            if (number + count) % _PROCESSED_AFTER == 0:
                processor.drain()
        processor.drain()
