"""A plant whose flights use a feature by their distance, on a state store of its own; and the program that may die."""

from __future__ import annotations

import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tallystick.credits.feature_credit import CreditSource, FeatureGrant
from tallystick.kernel import quantity
from tallystick.kernel.period import BEGINNING, FOREVER, Period
from tallystick.metering.catalogue import TiedFeature
from tallystick.stores.state.database import Database
from tallystick.stores.state.feature_credits import FeatureCredits
from tallystick.stores.state.purses import StatePurses
from tests.unit.metering.samples import NOON, ORGANISATION, catalogue, meter, schema, span
from tests.workers.test_event_processor import Plant, distance

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from tallystick.metering.purse import Purses, PurseSource

FEATURE: Final = "feature.miles"
TIED: Final = catalogue(
    replace(schema(meter()), feature=TiedFeature(FEATURE, "distance")),
    accounts={"acme": [span("acme")], "zenith": [span("zenith")]},
)
GRANTED: Final = Decimal(100)
ALL_TIME: Final = Period(BEGINNING, FOREVER)


class Forgetful(StatePurses):
    """Does not look for what was booked before a crash, and books it under another row: a build that debits twice."""

    def open(
        self,
        organisation: str,
        events: Mapping[str, Collection[datetime]],
        ordered: Collection[int],
        after_row: int,  # noqa: ARG002 - that is what it forgets
    ) -> Purses:
        """The purses as if nothing was judged before."""
        return super().open(organisation, events, ordered, 1 << 40)

    def book(self, organisation: str, purses: Purses) -> bool:
        """Book it once more."""
        with self._database.read() as connection:
            again = len(FeatureCredits(connection, organisation, b"").booked_behind(0))
        purses.booked = [debit._replace(row=debit.row + again * 1000) for debit in purses.booked]
        return super().book(organisation, purses)


class FeaturePlant(Plant):
    """A plant with a state store in the same directory."""

    def __init__(self, directory: Path, source: Callable[[Database], PurseSource] = StatePurses) -> None:
        quantity.install()
        self.database = Database(f"sqlite:///{directory / 'state.db'}")
        super().__init__(directory, sold=TIED, purses=source(self.database))

    def grant(self, units: Decimal = GRANTED, name: str = "entry", account: str = "acme") -> None:
        """Grant an account units for all time."""
        granted = FeatureGrant(name, account, FEATURE, CreditSource.PRICE_PLAN, units, ALL_TIME)
        with self.database.write() as connection:
            FeatureCredits(connection, ORGANISATION, b"").add([granted], NOON)

    def left(self, name: str = "entry", account: str = "acme") -> Decimal | None:
        """What is left of an entry."""
        key = (account, FEATURE, name)
        with self.database.read() as connection:
            return FeatureCredits(connection, ORGANISATION, b"").entries([key])[key].left

    def close(self) -> None:
        """Stop and let go of the files."""
        super().close()
        self.database.close()


def main() -> None:
    """Send three flights, one of which is too long, then undo the first, and process each round by itself."""
    plant = FeaturePlant(Path(sys.argv[1]))
    plant.grant()
    for name, miles in (("a", 60), ("b", 41), ("c", 40)):
        plant.send(distance(name, miles))
        plant.processor.drain()
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()
    plant.close()


if __name__ == "__main__":
    main()
