"""Rounds that another process judges, while those before them are stored here, by a thread of its own."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tallystick.kernel.errors import BillingError
from tallystick.stores.known_ids import KnownIds
from tallystick.stores.taken_ids import together
from tallystick.workers.judging import taken_earlier
from tallystick.workers.judging_apart import ApartError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from tallystick.stores.event_log import EventLog, RawRow
    from tallystick.stores.event_store import EventStore
    from tallystick.stores.event_store_arrow import Arriving
    from tallystick.stores.id_run import Keys, Positions
    from tallystick.stores.taken_ids import TakenIds
    from tallystick.workers.judging_apart import JudgeApart, Judged

WORTH_SENDING: Final = 2_000
"""Events in a round from which on it is judged apart: below, telling takes longer than doing."""

MOST_UNSTORED: Final = 2
"""Rounds that are judged and not stored, of some 20 MB each: storing takes longer whenever DuckDB rewrites its log."""


class RoundsApart:
    """Takes rows from the log to the store by way of the other process; one thread calls it."""

    def __init__(self, log: EventLog, events: EventStore, known: KnownIds, apart: JudgeApart) -> None:
        self._log = log
        self._events = events
        self._known = known
        self._apart = apart
        self._begun: Sequence[RawRow] = []
        self._looked_up: _LookedUp | None = None
        self._ahead: Sequence[RawRow] = []
        self._unstored: deque[_Unstored] = deque()
        self._storing = ThreadPoolExecutor(1, "event-storing")
        self.count = 0
        """How many rounds were judged by the other process."""

    @property
    def begun(self) -> Sequence[RawRow]:
        """The rows that the other process has begun with; without any, everything that was judged is stored."""
        return self._begun

    def round(self, rows: Sequence[RawRow], most_events: int) -> bool:
        """Have the rows judged that are begun, or else come next, to be stored behind others; whether that was to be.

        If not, everything before them is stored, and they are to be judged here.

        Raises:
            Exception: whatever storing fails with; then everything that is not stored is judged again.
        """
        try:
            is_judged = self._judge(rows, most_events)
            if is_judged and not self._begun:
                self._begin_behind(rows[-1].row, most_events)
            if not self._begun:
                self._settle(0)
        except BaseException:
            self.drop()
            raise
        return is_judged

    def drop(self) -> None:
        """Forget what is not stored, to be judged again; what is being stored now may be, or may not."""
        wait([judged.storing for judged in self._unstored if not judged.storing.cancel()])
        self._begun, self._looked_up, self._ahead = [], None, []
        self._unstored.clear()

    def _judge(self, rows: Sequence[RawRow], most_events: int) -> bool:
        """Have rows judged, to be stored; False, when they are to be judged here.

        If there is another whole round of them, the other process begins with it first: while it judges these, it is
        looked up here who took the ids of those.
        """
        is_begun, self._begun = bool(self._begun), []
        looked_up, self._looked_up = self._looked_up, None
        try:
            if looked_up is None and (is_begun or self._begins(rows)):
                looked_up = self._look_up()
            if looked_up is None or looked_up.keys is None:
                return False
            behind = self._whole_behind(rows, most_events)
            unstored = self._taken_unstored(looked_up.keys, looked_up.row)
            self._apart.tell(together([looked_up.taken, *unstored]), behind)
            following = None
            if behind:
                following = self._look_up()
                self._ahead = self._behind(behind[-1].row, most_events)
            self._settle(MOST_UNSTORED - 1)
            self._keep(self._apart.judged(), rows[-1])
        except ApartError:
            return False
        self._begun, self._looked_up = behind, following
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
        ahead, self._ahead = self._ahead, []
        if not _is_whole(rows, most_events) or self._known.is_damaged:
            return []
        is_next = ahead and ahead[0].row == rows[-1].row + 1
        behind = ahead if is_next and _is_whole(ahead, most_events) else self._behind(rows[-1].row, most_events)
        return behind if _is_whole(behind, most_events) else []

    def _behind(self, row: int, most_events: int) -> Sequence[RawRow]:
        """The rows that come next."""
        with suppress(BillingError):  # a damaged row: who reads it next says so
            return self._log.read_raw(row, most_events)
        return []

    def _begins(self, rows: Sequence[RawRow]) -> bool:
        """Let the other process begin with rows, if there are enough to be worth it; whether it does."""
        if self._known.is_damaged or not self._apart.is_ready or sum(row.count for row in rows) < WORTH_SENDING:
            return False
        self._apart.begin(rows)
        return True

    def _look_up(self) -> _LookedUp:
        """What the rows that were begun need to be judged, as far as it is known now."""
        keys = self._apart.keys()
        if keys is None:
            return _LookedUp(None, {}, 0)
        unstored = self._taken_unstored(keys, 0)
        row = self._unstored[-1].last.row if self._unstored else 0
        return _LookedUp(keys, together([*unstored, taken_earlier(keys, self._known, self._events)]), row)

    def _taken_unstored(self, keys: Keys, row: int) -> list[TakenIds]:
        """The ids with these keys that events behind a row took, which are judged and not stored."""
        return [judged.taken(keys) for judged in self._unstored if judged.last.row > row]

    def _keep(self, judged: Judged, last: RawRow) -> None:
        """Have a round stored behind those before it."""
        after_row = self._unstored[-1].last.row if self._unstored else self._events.offset()
        arriving = judged.arriving
        storing = self._storing.submit(self._store, arriving, last, after_row)
        self._unstored.append(_Unstored(arriving, judged.claims, last, storing))

    def _store(self, arriving: Arriving | None, last: RawRow, after_row: int) -> None:
        """Store a round, on the thread for that, unless the one before it could not be stored."""
        if self._events.offset() != after_row:
            raise RuntimeError(f"row {after_row} of the log is not stored")
        if arriving is None:
            self._events.apply([], last.row, last.received_at)
        else:
            self._events.apply_rows(arriving, last.row, last.received_at)

    def _settle(self, most: int) -> None:
        """Know the ids of rounds that are stored; wait until no more than so many are not."""
        while self._unstored and (len(self._unstored) > most or self._unstored[0].storing.done()):
            judged = self._unstored[0]
            judged.storing.result()
            self._known.add(*judged.claims, judged.last.row)
            self._unstored.popleft()


def _is_whole(rows: Sequence[RawRow], most_events: int) -> bool:
    return sum(row.count for row in rows) >= most_events // 2


@dataclass(frozen=True, slots=True)
class _LookedUp:
    """Rows that the other process has begun with: the keys of their ids, and which of these were taken up to a row."""

    keys: Keys | None
    taken: TakenIds
    row: int


class _Unstored:
    """A round that was judged and is being stored, or waits for it."""

    def __init__(
        self, arriving: Arriving | None, claims: tuple[Keys, Positions], last: RawRow, storing: Future[None]
    ) -> None:
        self.claims = claims
        self.last = last
        self.storing = storing
        self._arriving = arriving
        self._ids = KnownIds()
        self._ids.add(*claims, last.row)

    def taken(self, keys: Keys) -> TakenIds:
        """The ids of its events that have one of these keys and took theirs."""
        positions = self._ids.candidates(keys)
        return {} if self._arriving is None or not len(positions) else self._arriving.ids_at(positions)
