"""What accounts would have left of features while events are metered anew; nothing of it is booked.

An order judges portions of events, and what one portion uses or gives back is there for the next one. So it is here,
where the portions are only looked at: what they come to is kept for each entry of feature credits, never for an event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from tallystick.kernel.quantity import EXACT
from tallystick.metering.catalogue import Catalogue, MeterTerms
from tallystick.metering.event import COUNTED
from tallystick.metering.purse import EntryKey, Till
from tallystick.metering.remetering import Facts
from tallystick.operations.billed_units import overage_by_cycle
from tallystick.operations.remetering_plan import Assessed, assessed
from tallystick.operations.work import Work
from tallystick.stores.event_store import StoredEvent, UsageWindow
from tallystick.stores.state.purses import purses_in

_NO_ROW: Final = 0
"""Nothing of this has a row in the log."""


@dataclass(slots=True)
class ForeseenPurses:
    """The purses of an organisation after the portions that were assessed so far."""

    _used: dict[EntryKey, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def assessed(
        self,
        work: Work,
        events: Sequence[StoredEvent],
        facts: Mapping[int, Facts],
        meter: MeterTerms,
        catalogue: Catalogue,
        claimed: set[str],
    ) -> list[Assessed]:
        """What becomes of the next portion of events, as `remetering_plan.assessed`, where they pay as they would."""
        ordered = [event.position for event in events]
        purses = purses_in(work.state.feature_credits, _payers(events, catalogue), ordered)
        purses.foresee(self._used)
        found = assessed(
            events,
            facts,
            meter,
            catalogue,
            work.now,
            claimed,
            lambda position: Till(purses, [_NO_ROW], [position]),
        )
        for one in found:
            if one.ceases_to_count:
                purses.give_back(_NO_ROW, one.stored.position)
        for debit in purses.booked:
            units = -debit.units if debit.is_return else debit.units
            self._used[debit.entry] = EXACT.add(self._used[debit.entry], units)
        return found

    def overage(self, work: Work, cycles: Sequence[UsageWindow]) -> list[dict[str, Decimal]]:
        """How many units of each feature more or fewer each cycle would be billed for, in the order of the cycles."""
        accounts = {cycle.account_id for cycle in cycles}
        found = work.state.feature_credits.entries(key for key in self._used if key[0] in accounts)
        changed = [replace(entry, used=self._used[key]) for key, entry in found.items() if entry.is_overage]
        return overage_by_cycle(cycles, changed)


def _payers(events: Sequence[StoredEvent], catalogue: Catalogue) -> dict[str, set[datetime]]:
    """The accounts whose events may come to count, with the times of these, where their schema is tied to a feature."""
    payers: dict[str, set[datetime]] = defaultdict(set)
    for stored in events:
        schema = catalogue.schemas.get(stored.event.schema_name)
        if schema is not None and schema.feature is not None and stored.status not in COUNTED:
            for span in catalogue.accounts.get(stored.event.account_id, ()):
                payers[span.account.id].add(stored.event.timestamp)
    return payers
