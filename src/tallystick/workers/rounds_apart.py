"""Rounds that another process judges, each while the one before it is stored here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.kernel.errors import BillingError
from tallystick.stores.known_ids import KnownIds
from tallystick.workers.judging_apart import ApartError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.stores.event_log import EventLog, RawRow
    from tallystick.stores.event_store import EventStore
    from tallystick.stores.event_store_arrow import Arriving
    from tallystick.stores.id_run import Keys, Positions
    from tallystick.workers.judging_apart import JudgeApart, Judged

WORTH_SENDING: Final = 2_000
"""Events in a round from which on it is judged apart: below, telling takes longer than doing."""


class RoundsApart:
    """Takes rows from the log to the store by way of the other process; one thread calls it."""

    def __init__(self, log: EventLog, events: EventStore, known: KnownIds, apart: JudgeApart) -> None:
        self._log = log
        self._events = events
        self._known = known
        self._apart = apart
        self._begun: Sequence[RawRow] = []
        self._judged: _Unstored | None = None
        self.count = 0
        """How many rounds were judged by the other process."""

    def round(self, most_events: int) -> int:
        """Have the next rows judged, and store those before them; how many events that were.

        It is 0, and everything that was judged is stored, when the next rows are to be judged here.

        Raises:
            Exception: whatever storing fails with; then everything that is not stored is judged again.
        """
        try:
            return self._round(most_events)
        except ApartError:
            self._begun = []
            self._store()
            return 0
        except BaseException:
            self._begun, self._judged = [], None
            raise

    def _round(self, most_events: int) -> int:
        rows = self._begun or self._begin(self._events.offset(), most_events)
        self._begun = []
        keys = self._apart.keys() if rows else None
        if keys is None:
            self._store()
            return 0
        self._apart.tell(self._taken(keys))
        self._store()
        self._judged = _Unstored(self._apart.judged(), rows[-1])
        self._begun = self._begin(rows[-1].row, most_events)
        if not self._begun:
            self._store()
        self.count += 1
        return sum(row.count for row in rows)

    def _begin(self, after_row: int, most_events: int) -> Sequence[RawRow]:
        """Let the other process begin with the rows behind this one, if there are enough to be worth it."""
        if not self._apart.is_ready:
            return []
        try:
            rows = self._log.read_raw(after_row, most_events)
        except BillingError:  # a damaged row: who reads it next says so, and what was judged before it can be stored
            return []
        if sum(row.count for row in rows) < WORTH_SENDING:
            return []
        self._apart.begin(rows)
        return rows

    def _taken(self, keys: Keys) -> list[tuple[str, str]]:
        """The (organisation, id) among these keys that earlier events took, stored or not."""
        positions = self._known.candidates(keys)
        stored = self._events.ids_at(positions) if len(positions) else []
        return stored if self._judged is None else stored + self._judged.taken(keys)

    def _store(self) -> None:
        """Store what was judged before, if it is not yet."""
        judged, self._judged = self._judged, None  # if it cannot be stored now, it is judged again
        if judged is None:
            return
        last = judged.last
        if judged.arriving is None:
            self._events.apply([], last.row, last.received_at)
        else:
            self._events.apply_rows(judged.arriving, last.row, last.received_at)
        self._known.add(*judged.claims, last.row)


class _Unstored:
    """A round that was judged and is not stored yet."""

    def __init__(self, judged: Judged, last: RawRow) -> None:
        self.last = last
        self.arriving: Arriving | None = judged.arriving
        self.claims: tuple[Keys, Positions] = judged.claims
        self._ids = KnownIds()
        self._ids.add(*self.claims, last.row)

    def taken(self, keys: Keys) -> list[tuple[str, str]]:
        """The (organisation, id) of its events that have one of these keys and took their ids."""
        positions = self._ids.candidates(keys)
        return [] if self.arriving is None or not len(positions) else self.arriving.ids_at(positions)
