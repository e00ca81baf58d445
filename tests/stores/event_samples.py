"""Judged events for the tests of the event store, made without a processor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import numpy as np

from tallystick.kernel.micros import micros_of
from tallystick.kernel.period import BEGINNING, FOREVER, Period
from tallystick.metering.event_block import EventBlock
from tallystick.metering.processing import process
from tallystick.stores.event_facts import MeteredBlock, UsageWindow
from tallystick.stores.event_log import position_of
from tallystick.stores.known_ids import keys_of
from tests.unit.metering.samples import ORGANISATION, catalogue, columns, flight, meter, schema, span

if TYPE_CHECKING:
    from tallystick.metering.catalogue import Catalogue
    from tallystick.metering.event import Event
    from tallystick.stores.duck_event_store import DuckEventStore

RECEIVED: Final = datetime(2026, 4, 1, 8, 30, tzinfo=UTC)
JANUARY: Final = datetime(2026, 1, 1, tzinfo=UTC)
ALWAYS: Final = Period(BEGINNING, FOREVER)
MILES: Final = catalogue(schema(meter()), accounts={name: [span(name)] for name in ("acme", "zenith", "apex")})


def block(
    *events: Event, row: int, ordinal: int = 0, organisation: str = ORGANISATION, known: Catalogue = MILES
) -> MeteredBlock:
    """The events of a log row, or of its part behind an ordinal, judged on their own."""
    held = columns(*events, organisation=organisation)
    ordinals = ordinal + np.arange(len(held))
    return MeteredBlock(
        positions=position_of(row) + ordinals,
        reserved=row * 1_000_000 + ordinals,
        received_ats=np.full(len(held), micros_of(RECEIVED)),
        events=EventBlock.of(held),
        outcomes=process(held, RECEIVED, known, set()),
        keys=keys_of(organisation, held.ids),
    )


def trip(event_id: str, miles: str, *, day: float = 0, account: str = "acme") -> Event:
    """An event so many days into 2026."""
    at = JANUARY + timedelta(days=day)
    return flight(event_id, at=at, account=account, attributes={"distance": miles})


def total(found: dict[str, Decimal]) -> Decimal:
    """The miles of one window."""
    return found.get("um.miles", Decimal(0))


def miles(store: DuckEventStore, organisation: str = ORGANISATION) -> Decimal:
    """All miles of the account acme."""
    return total(store.usage_totals(organisation, [UsageWindow("acme", ALWAYS)])[0])
