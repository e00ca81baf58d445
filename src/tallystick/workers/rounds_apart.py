"""Rounds that another process judges, each while the one before it is stored here."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from tallystick.kernel.errors import BillingError
from tallystick.stores.known_ids import KnownIds
from tallystick.workers.judging import taken_earlier
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

    @property
    def begun(self) -> Sequence[RawRow]:
        """The rows that the other process has begun with; without any, everything that was judged is stored."""
        return self._begun

    def round(self, rows: Sequence[RawRow], most_events: int) -> bool:
        """Have the rows judged that are begun, or else come next, and store those before them; whether that was to be.

        If not, everything before them is stored, and they are to be judged here.

        Raises:
            Exception: whatever storing fails with; then everything that is not stored is judged again.
        """
        try:
            is_judged = self._judge(rows, most_events)
            if is_judged and not self._begun:
                self._begin_behind(rows[-1].row, most_events)
            if not self._begun:
                self._store()
        except BaseException:
            self._begun, self._judged = [], None
            raise
        return is_judged

    def _judge(self, rows: Sequence[RawRow], most_events: int) -> bool:
        """Have rows judged, and store those before them; False, when they are to be judged here.

        If there is another whole round of them, the other process begins with it before this one is stored.
        """
        is_begun, self._begun = bool(self._begun), []
        try:
            keys = self._apart.keys() if is_begun or self._begins(rows) else None
            if keys is None:
                return False
            behind = self._whole_behind(rows, most_events)
            self._apart.tell(self._taken(keys), behind)
            self._store()
            self._judged = _Unstored(self._apart.judged(), rows[-1])
            self._begun = behind
        except ApartError:
            return False
        self.count += 1
        return True

    def _begin_behind(self, row: int, most_events: int) -> None:
        """Let the other process begin with the rows that come next, if there are such; else they can wait."""
        with suppress(ApartError):
            rows = self._behind(row, most_events)
            if self._begins(rows):
                self._begun = rows

    def _whole_behind(self, rows: Sequence[RawRow], most_events: int) -> Sequence[RawRow]:
        """The rows behind a whole round, if they are a whole one too; if not, more of them gather meanwhile."""
        if not _is_whole(rows, most_events):
            return []
        behind = self._behind(rows[-1].row, most_events)
        return behind if _is_whole(behind, most_events) else []

    def _behind(self, row: int, most_events: int) -> Sequence[RawRow]:
        """The rows that come next."""
        with suppress(BillingError):  # a damaged row: who reads it next says so
            return self._log.read_raw(row, most_events)
        return []

    def _begins(self, rows: Sequence[RawRow]) -> bool:
        """Let the other process begin with rows, if there are enough to be worth it; whether it does."""
        if not self._apart.is_ready or sum(row.count for row in rows) < WORTH_SENDING:
            return False
        self._apart.begin(rows)
        return True

    def _taken(self, keys: Keys) -> list[tuple[str, str]]:
        """The (organisation, id) among these keys that earlier events took, stored or not."""
        stored = taken_earlier(keys, self._known, self._events)
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


def _is_whole(rows: Sequence[RawRow], most_events: int) -> bool:
    return sum(row.count for row in rows) >= most_events // 2


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
