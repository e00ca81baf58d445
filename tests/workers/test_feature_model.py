"""Random grants, events, corrections, voids and patches against a model of fractions and dictionaries.

The model is written from domain.md 6.3 alone. Now and then the outcome of a round cannot be stored at first; sometimes
an entry changes meanwhile, and then it is only checked that what counts is debited, exactly, and nothing else.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from tallystick.credits.feature_credit import CreditSource, EntryStatus, FeatureGrant
from tallystick.kernel.period import Period
from tallystick.metering.columns import EventColumns
from tallystick.metering.event import COUNTED, EventSource
from tallystick.stores.state.feature_credits import FeatureCredits
from tests.unit.metering.samples import NOON, ORGANISATION, flight
from tests.workers.feature_plant import FEATURE, FeaturePlant

if TYPE_CHECKING:
    from pathlib import Path

    from tallystick.metering.event import Event

STEPS = 25
DAY = timedelta(days=1)


@dataclass
class Entry:
    """One entry, as the model sees it; days are counted from `NOON`."""

    granted: Fraction | None
    first: int
    end: int
    is_overage: bool
    used: Fraction = Fraction(0)
    is_void: bool = False


@dataclass
class Model:
    """What should be there; `parts` are what stands of each event that counts, by its name."""

    entries: dict[str, Entry] = field(default_factory=dict)
    parts: dict[str, dict[str, Fraction]] = field(default_factory=dict)

    def use(self, name: str, units: Fraction, day: int) -> None:
        """An event of a day, all of whose units are there or none counts; an id counts once."""
        if name in self.parts:
            return
        usable = [key for key, one in self.entries.items() if not one.is_void and one.first <= day < one.end]
        usable.sort(key=lambda key: (self.entries[key].is_overage, self.entries[key].end, self.entries[key].first, key))
        taken: dict[str, Fraction] = {}
        for key in usable:
            entry, missing = self.entries[key], units - sum(taken.values())
            some = missing if entry.granted is None else min(entry.granted - entry.used, missing)
            if some > 0:
                taken[key] = some
        if sum(taken.values()) == units:
            self.parts[name] = taken
            for key, some in taken.items():
                self.entries[key].used += some

    def undo(self, name: str) -> None:
        """What an event used comes back."""
        for key, some in self.parts.pop(name, {}).items():
            self.entries[key].used -= some


class Life:
    """A plant to which things happen at random, and its model."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.plant = FeaturePlant(directory)
        self.model = Model()
        self.chance = random.Random(seed)
        self.names: list[str] = []

    def units(self, most: int) -> Decimal:
        """Some units, with a few digits behind the point."""
        return Decimal(self.chance.randint(0, most * 1000)).scaleb(-3)

    def grant(self) -> None:
        """A new entry."""
        name, first = f"entry-{len(self.model.entries)}", self.chance.randint(0, 8)
        end, is_overage = first + self.chance.randint(1, 8), self.chance.random() < 0.3
        granted = None if is_overage and self.chance.random() < 0.5 else self.units(60)
        source = CreditSource.OVERAGE if is_overage else CreditSource.ENTITLEMENT
        valid = Period(NOON + first * DAY, NOON + end * DAY)
        with self.plant.database.write() as connection:
            grant = FeatureGrant(name, "acme", FEATURE, source, granted, valid)
            FeatureCredits(connection, ORGANISATION, b"").add([grant], NOON)
        kept = None if granted is None else Fraction(granted)
        self.model.entries[name] = Entry(kept, first, end, is_overage)

    def change(self) -> None:
        """An entry is voided, or grants another number of units until another day."""
        live = [name for name, entry in self.model.entries.items() if not entry.is_void]
        if not live:
            return
        name = self.chance.choice(live)
        entry = self.model.entries[name]
        with self.plant.database.write() as connection:
            ledger = FeatureCredits(connection, ORGANISATION, b"")
            stored = ledger.get("acme", FEATURE, name)
            if self.chance.random() < 0.3:
                ledger.change(stored, NOON, status=EntryStatus.VOIDED)
                entry.is_void = True
                return
            granted = stored.used + self.units(30)
            entry.end = entry.first + self.chance.randint(1, 8)
            ledger.change(stored, NOON, granted=granted, effective_until=NOON + entry.end * DAY)
            entry.granted = Fraction(granted)

    def use(self) -> list[Event]:
        """Some events in one row, some of them with an id that came before."""
        sent = []
        for _ in range(self.chance.randint(1, 6)):
            again = self.names and self.chance.random() < 0.3
            name = self.chance.choice(self.names) if again else f"e-{len(self.names)}"
            self.names.append(name)
            units, day = self.units(25), self.chance.randint(0, 15)
            sent.append(flight(name, at=NOON + day * DAY, attributes={"distance": f"{units:f}"}))
            self.model.use(name, Fraction(units), day)
        self.plant.send(*sent)
        return sent

    def correct(self) -> None:
        """An event that counts is taken back, and now and then sent again with other units."""
        if not self.model.parts:
            return
        name = self.chance.choice(sorted(self.model.parts))
        stored = next(one for one in self.plant.store.events_with_id(ORGANISATION, name) if one.status in COUNTED)
        again = []
        self.model.undo(name)
        if self.chance.random() < 0.5:
            units, day = self.units(25), self.chance.randint(0, 15)
            again = [flight(name, at=NOON + day * DAY, attributes={"distance": f"{units:f}"})]
            self.model.use(name, Fraction(units), day)
        order = EventColumns.of(again, ORGANISATION, EventSource.API)
        order.undone.append(stored.position)
        self.plant.log.append(order).result(10)

    def process(self, *, meanwhile: bool = False) -> None:
        """Process everything; now and then it cannot be stored at first, and `meanwhile` entries change."""
        if self.plant.log.end() > self.plant.processor.passed() and self.chance.random() < 0.3:
            apply, self.plant.store.apply = self.plant.store.apply, full  # type: ignore[method-assign]
            with pytest.raises(OSError, match="full"):
                self.plant.processor.drain()
            self.plant.store.apply = apply  # type: ignore[method-assign]
            if meanwhile:
                self.change()
                self.grant()
        self.plant.processor.drain()

    def check_books(self) -> None:
        """Each event that counts is debited exactly what it used, no other is; entries have used what was debited."""
        with self.plant.database.read() as connection:
            ledger = FeatureCredits(connection, ORGANISATION, b"")
            used = dict.fromkeys(self.model.entries, Decimal(0))
            for event in self.plant.store.page_events(ORGANISATION, size=1000):
                debits = ledger.debits_of([event.position])
                net = sum((-one.units if one.is_return else one.units for one in debits), Decimal(0))
                expected = Decimal(event.event.attributes[0].value) if event.status in COUNTED else Decimal(0)
                assert net == expected, (event.event.id, event.status)
                for one in debits:
                    used[one.entry_id] += -one.units if one.is_return else one.units
            entries = ledger.entries(("acme", FEATURE, name) for name in used)
        for (_, _, name), entry in entries.items():
            assert entry.used == used[name] >= 0
            assert entry.left is None or entry.left >= 0


def full(*_: object) -> None:
    """A disk that takes nothing."""
    raise OSError("the disk is full")


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_the_model_agrees(tmp_path: Path, seed: int) -> None:
    life = Life(tmp_path, seed)
    for _ in range(STEPS):
        step = life.chance.choice(("grant", "change", "use", "use", "use", "correct"))
        getattr(life, step)()
        life.process()
    counted = {
        event.event.id for event in life.plant.store.page_events(ORGANISATION, size=1000) if event.status in COUNTED
    }
    assert counted == {*life.model.parts}
    with life.plant.database.read() as connection:
        ledger = FeatureCredits(connection, ORGANISATION, b"")
        found = ledger.entries(("acme", FEATURE, name) for name in life.model.entries)
    used = {name: Fraction(entry.used) for (_, _, name), entry in found.items()}
    assert used == {name: entry.used for name, entry in life.model.entries.items()}
    life.check_books()
    life.plant.close()


@pytest.mark.parametrize("seed", range(10, 12))
def test_entries_that_change_between_the_debits_and_the_outcome_lose_nothing(tmp_path: Path, seed: int) -> None:
    life = Life(tmp_path, seed)
    for _ in range(STEPS):
        life.chance.choice((life.grant, life.change, life.use, life.use, life.use))()
        life.process(meanwhile=True)
        life.check_books()
    life.plant.close()
