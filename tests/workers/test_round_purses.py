"""Which purses a round opens, and what is granted before its events are judged."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tallystick.metering.event import EventStatus
from tallystick.stores.state.purses import StatePurses
from tests.unit.metering.samples import NOON, ORGANISATION
from tests.workers.feature_plant import FeaturePlant
from tests.workers.test_event_processor import Plant, distance

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from pathlib import Path

    from tallystick.metering.purse import Purses
    from tallystick.stores.state.database import Database


def test_what_should_be_granted_is_granted_before_events_are_judged(tmp_path: Path) -> None:
    asked: list[tuple[str, dict[str, set[datetime]]]] = []

    def grants(organisation: str, events: Mapping[str, Collection[datetime]]) -> None:
        asked.append((organisation, {account: set(ats) for account, ats in events.items()}))
        plant.grant(Decimal(50))

    def granting(database: Database) -> StatePurses:
        return StatePurses(database, grants)

    plant = FeaturePlant(tmp_path, granting)
    plant.send(distance("a", 30), distance("b", 30), distance("c", 1, account="zenith"))
    plant.processor.drain()
    assert asked == [(ORGANISATION, {"acme": {NOON}, "zenith": {NOON}})]
    assert plant.left() == 20
    assert plant.statuses() == {EventStatus.METERED: 1, EventStatus.INSUFFICIENT_CREDITS: 2}
    plant.close()


class Unasked:
    """A source that nobody may ask."""

    def open(self, *_: object) -> Purses:
        """Fail."""
        raise AssertionError("nothing uses a feature here")

    def book(self, *_: object) -> bool:
        """Fail."""
        raise AssertionError("nothing uses a feature here")


def test_rounds_without_features_ask_for_no_purses(tmp_path: Path) -> None:
    plant = Plant(tmp_path, purses=Unasked())
    plant.send(distance("a", 30))
    plant.processor.drain()
    assert plant.miles() == 30
    plant.close()


def test_the_control_is_asked_where_a_feature_is_used(tmp_path: Path) -> None:
    plant = FeaturePlant(tmp_path, lambda _database: Unasked())
    plant.send(distance("a", 30))
    with pytest.raises(AssertionError, match="nothing uses"):
        plant.processor.drain()
    plant.close()
