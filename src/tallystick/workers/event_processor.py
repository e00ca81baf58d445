"""The loop from the event log to the event store: what was acknowledged becomes status and usage, exactly once."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.metering.event import COUNTED
from tallystick.stores.known_ids import KnownIds
from tallystick.stores.memory import give_back
from tallystick.workers.judging import Round, claims_of, taken_earlier
from tallystick.workers.orders import Orders
from tallystick.workers.rounds_apart import RoundsApart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.metering.catalogue import CatalogueSource
    from tallystick.metering.purse import PurseSource
    from tallystick.stores.event_facts import MeteredBlock, Revision
    from tallystick.stores.event_log import EventLog, RawRow
    from tallystick.stores.event_store import EventStore
    from tallystick.workers.judging_apart import JudgeApart

MOST_IN_ROUND: Final = 65_536
"""Events in one transaction: the fixed cost of a round no longer counts, and its events still fit the caches."""

PAUSE_SECONDS: Final = 0.25
"""How long events may gather while nobody waits for them: a round of ten costs as much as one of a thousand."""

FIRST_BACKOFF_SECONDS: Final = 0.1
LONGEST_BACKOFF_SECONDS: Final = 5.0
ROUNDS_PER_PRUNING: Final = 8
WORTH_PRUNING: Final = 8_192
"""Events in a round from which on their rows go at once: those of a burst would keep the log large until the next."""

MOST_JUDGEMENTS: Final = 20
"""How often a round is judged because the feature credits that it uses change meanwhile, before it pauses."""

_NEVER_BOOKED: Final = "the feature credits that events use change again and again while they are judged"
_log = logging.getLogger(__name__)


class EventProcessor:
    """One thread, or whoever calls `drain`: never two rounds at once."""

    def __init__(
        self,
        log: EventLog,
        events: EventStore,
        catalogues: CatalogueSource,
        *,
        known: KnownIds | None = None,
        apart: JudgeApart | None = None,
        purses: PurseSource | None = None,
    ) -> None:
        """Join a log and a store; with `apart`, large rounds are judged by another process.

        Without `purses`, nobody asks whether accounts have what their events use of features.

        Raises:
            BillingError: of kind BROKEN, when the log does not go on where the store ends.
        """
        log.continue_behind(events.offset())
        self._log = log
        self._events = events
        self._catalogues = catalogues
        self._known = KnownIds() if known is None else known
        self._apart = apart
        self._purses = purses
        self._apart_rounds = None if apart is None else RoundsApart(log, events, self._known, apart)
        self._rounds = 0
        self._is_full = False
        self._one_round = threading.Lock()
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="event-processor", daemon=True)
        log.listen(self._look)
        events.watermark.listen(self._look)

    def start(self) -> None:
        """Begin to process in the background."""
        if self._apart is not None:
            self._apart.start()
        self._thread.start()

    def stop(self) -> None:
        """Finish the round at hand and stop; the rest is processed after the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        if self._apart_rounds is not None:
            self._apart_rounds.drop()
        if self._apart is not None:
            self._apart.stop()
        self._known.close()
        self._log.prune(self.passed())

    def passed(self) -> int:
        """The last row of the log that is processed."""
        return self._events.offset()

    @property
    def failure(self) -> str | None:
        """Why events cannot be processed now, or None; it is tried again."""
        return self._events.watermark.failure

    @property
    def rounds_apart(self) -> int:
        """How many rounds the other process judged."""
        return 0 if self._apart_rounds is None else self._apart_rounds.count

    @property
    def is_behind(self) -> bool:
        """Whether events come in faster than they are processed, as far as the last round shows."""
        return self._is_full and self._log.end() > self.passed()

    def wait_until(self, row: int, timeout: float) -> bool:
        """Wait at most so many seconds until a row is processed; whether it is."""
        return self._events.wait_until(row, timeout)

    def drain(self) -> None:
        """Process, on this thread, everything that was received before this call.

        Raises:
            Exception: whatever a round fails with.
        """
        end = self._log.barrier()
        while self.passed() < end:
            self._round()

    def _look(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        backoff = 0.0
        is_burst = False
        while self._wait(backoff, gather=not self._is_full):
            try:
                self._is_full = self._round() >= MOST_IN_ROUND // 2
                is_burst = self._goes_on(is_burst or self._is_full)
                if self.failure is not None:
                    self._events.watermark.tell(None)
                backoff = 0.0
            except Exception as failure:  # noqa: BLE001 - see below
                # Nothing was stored, so the round is tried again; until it works, readiness shows why.
                if self.failure != str(failure):
                    _log.exception("events cannot be processed; trying again")
                self._events.watermark.tell(str(failure) or type(failure).__name__)
                backoff = min(backoff * 2 or FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS)

    def _goes_on(self, is_burst: bool) -> bool:  # noqa: FBT001 - the answer is of the same kind
        """Whether a burst of events goes on; once nothing of it is left to process, what it has taken is given back."""
        if is_burst and self._log.end() == self.passed():
            self._log.prune(self.passed())
            give_back()
            return False
        return is_burst

    def _wait(self, backoff: float, *, gather: bool) -> bool:
        """Wait for rows, and for more of them while nobody is in a hurry; False once it is time to stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, backoff)
            self._changed.wait_for(lambda: self._stopping or self._log.end() > self.passed())
            if gather:
                self._changed.wait_for(lambda: self._stopping or self._events.watermark.is_awaited, PAUSE_SECONDS)
            return not self._stopping

    def _round(self) -> int:
        """Process the next rows of the log; how many events that were."""
        with self._one_round:
            apart = self._apart_rounds
            if apart is None or not apart.begun:  # else it knows ids of rounds that are stored meanwhile
                self._known.catch_up(self._events)
            rows = (apart.begun if apart else ()) or self._log.read_raw(self.passed(), MOST_IN_ROUND)
            if not rows:
                return 0
            if apart is None or not apart.round(rows, MOST_IN_ROUND):
                self._judge_here(rows)
            self._rounds += 1
            count = sum(row.count for row in rows)
            if self._rounds % ROUNDS_PER_PRUNING == 0 or count >= WORTH_PRUNING:
                self._log.prune(self.passed())
            return count

    def _judge_here(self, packed: Sequence[RawRow]) -> None:
        rows = [row.unpacked() for row in packed]
        for _ in range(MOST_JUDGEMENTS):
            orders = Orders.among((columns for row in rows for columns in row.blocks), self._events)
            at_hand = Round(rows, self._catalogues, orders, self._known.keys_of)
            if self._purses is not None:
                at_hand.open_purses(self._purses, self.passed())
            blocks = at_hand.judged(taken_earlier(at_hand.keys, self._known, self._events))
            if at_hand.book():
                break
        else:
            raise BillingError(Kind.UNAVAILABLE, "feature_credits_change", Problem("", _NEVER_BOOKED))
        self._events.apply(blocks, rows[-1].row, rows[-1].received_at, orders.revisions)
        self._remember(blocks, orders.revisions, rows[-1].row)

    def _remember(self, blocks: Sequence[MeteredBlock], revisions: Sequence[Revision], through_row: int) -> None:
        """Let the index know the ids that were claimed; if this fails, it catches up in the next round."""
        if not any(revision.status in COUNTED for revision in revisions):  # the store tells of those that are older
            self._known.add(*claims_of(blocks), through_row)
