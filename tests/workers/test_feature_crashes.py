"""Killed between the debits of a round and its outcome, each event is debited once and counts once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tallystick.credits.feature_credit import EntryStatus
from tallystick.metering.columns import EventColumns
from tallystick.metering.event import EventSource, EventStatus
from tallystick.stores import faults
from tallystick.stores.state.feature_credits import FeatureCredits
from tests.unit.metering.samples import NOON, ORGANISATION
from tests.workers.feature_plant import FEATURE, FeaturePlant, Forgetful
from tests.workers.test_event_processor import distance

ROOT = Path(__file__).parents[2]


def died(directory: Path, point: str) -> list[str]:
    """Let the program die at a point; the flights that it had processed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.workers.feature_plant", str(directory)],
        env={**os.environ, "TALLYSTICK_FAULTS": f"crash@{point}", "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    return done.stdout.split()


AT = sorted({*faults.DEBIT_POINTS, faults.EVENTS_BEFORE_COMMIT, faults.EVENTS_COMMITTED})


@pytest.mark.parametrize("point", AT)
def test_killed_around_the_debits_everything_is_debited_once(tmp_path: Path, point: str) -> None:
    assert died(tmp_path, point) == []
    plant = FeaturePlant(tmp_path)
    plant.processor.drain()
    assert (plant.left(), plant.miles()) == (Decimal(40), 60)
    plant.send(distance("a", 60), distance("b", 41), distance("c", 40))
    plant.processor.drain()
    assert (plant.left(), plant.miles()) == (Decimal(0), 100)
    statuses = {
        event.event.id: event.status for name in "abc" for event in plant.store.events_with_id(ORGANISATION, name)
    }
    assert statuses == {
        "a": EventStatus.DUPLICATE,
        "b": EventStatus.INSUFFICIENT_CREDITS,
        "c": EventStatus.METERED,
    }
    plant.close()


def test_what_was_debited_counts_whatever_became_of_the_entry_meanwhile(tmp_path: Path) -> None:
    assert died(tmp_path, faults.DEBITS_COMMITTED) == []
    plant = FeaturePlant(tmp_path)
    with plant.database.write() as connection:
        ledger = FeatureCredits(connection, ORGANISATION, b"")
        key = ("acme", FEATURE, "entry")
        ledger.change(ledger.entries([key])[key], NOON, status=EntryStatus.VOIDED)
    plant.processor.drain()
    assert plant.miles() == 60
    with plant.database.read() as connection:
        assert FeatureCredits(connection, ORGANISATION, b"").entries([key])[key].used == 60
    plant.close()


def test_a_correction_that_is_judged_again_gives_back_once(tmp_path: Path) -> None:
    """The outcome cannot be stored at first: what was booked for it is there already when it is tried again."""
    plant = FeaturePlant(tmp_path)
    plant.grant()
    row = plant.send(distance("a", 60))
    plant.processor.drain()
    undo = EventColumns.of([distance("a", 70)], ORGANISATION, EventSource.API)
    undo.undone.append(plant.store.events_with_id(ORGANISATION, "a")[0].position)
    assert plant.log.append(undo).result(10) == row + 1
    apply, plant.store.apply = plant.store.apply, refuse  # type: ignore[method-assign]
    with pytest.raises(OSError, match="full"):
        plant.processor.drain()
    assert (plant.left(), plant.miles()) == (Decimal(30), 60)
    plant.store.apply = apply  # type: ignore[method-assign]
    plant.processor.drain()
    assert (plant.left(), plant.miles()) == (Decimal(30), 70)
    plant.close()


def refuse(*_: object) -> None:
    """A disk that takes nothing."""
    raise OSError("the disk is full")


def test_a_build_that_forgets_what_it_booked_debits_twice(tmp_path: Path) -> None:
    assert died(tmp_path, faults.DEBITS_COMMITTED) == []
    plant = FeaturePlant(tmp_path, Forgetful)
    plant.grant(Decimal(100), "another")
    plant.processor.drain()
    assert plant.miles() == 60
    assert (plant.left(), plant.left("another")) != (Decimal(40), Decimal(100))
    plant.close()
