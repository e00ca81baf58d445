"""Group commit: one thread makes durable what many ask for at once, with one commit for all who wait."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.stores import faults
from tallystick.stores.log_body import first_ordinals

if TYPE_CHECKING:
    from collections.abc import Callable

    from tallystick.metering.columns import EventColumns

MOST_IN_GROUP: Final = 16_384
"""Events in one commit; a request that alone holds more is a commit of its own."""

CHECK_SECONDS: Final = 1.0
"""How long after a commit that failed it is tried again whether the disk takes anything, if nobody else tries."""

_LIE_SECONDS: Final = 1

_log = logging.getLogger(__name__)


class Journal(Protocol):
    """What commits: called by one thread only."""

    def commit(self, parts: list[EventColumns]) -> int:
        """Make these events durable in one commit and answer with its row.

        Raises:
            OSError: when they could not be made durable.
        """
        ...

    def check(self) -> None:
        """Write something that changes nothing.

        Raises:
            OSError: when it could not be made durable.
        """
        ...

    def end(self) -> int:
        """The last durable row."""
        ...

    def tidy(self) -> bool:
        """Do a small part of what can wait; whether some of it is left.

        Raises:
            OSError: when it did not work this time.
        """
        ...


class Waiter(Protocol):
    """Who hears what became of events; told on the thread that commits. A `Future` is one."""

    def set_running_or_notify_cancel(self) -> bool:
        """Whether anybody still wants the events to be taken."""
        ...

    def set_result(self, row: int, /) -> None:
        """They are durable in this row."""
        ...

    def set_exception(self, failure: BaseException, /) -> None:
        """They are not."""
        ...


@dataclass(frozen=True, slots=True)
class _Append:
    """Events that wait; with `place`, what is told is made of their row and the ordinal of the first of them in it."""

    columns: EventColumns
    done: Waiter
    place: Callable[[int, int], int] | None = None


class GroupCommit:
    """A queue of events before a journal; `most_waiting` bounds the events that are taken but not durable yet."""

    def __init__(self, journal: Journal, most_waiting: int) -> None:
        self._journal = journal
        self._most_waiting = most_waiting
        self.listeners: list[Callable[[], None]] = []
        self._changed = threading.Condition()
        self._appends: deque[_Append] = deque()
        self._barriers: list[Future[int]] = []
        self._waiting = 0
        self._tidy_wanted = False
        self._closing = False
        self.failure: str | None = None
        """Why the disk did not take what was written last; None once it does again."""
        self._thread = threading.Thread(target=self._run, name="event-log", daemon=True)
        self._thread.start()

    def append(self, columns: EventColumns) -> Future[int]:
        """Take events; the future holds the row of their commit, or the error that all of its events share.

        Raises:
            BillingError: of kind UNAVAILABLE, when too many events wait already or the queue is closed.
        """
        done: Future[int] = Future()
        self.append_for(done, columns)
        return done

    def append_for(self, waiter: Waiter, columns: EventColumns) -> None:
        """Take events, and tell a waiter what `append` would tell.

        Raises:
            BillingError: as `append`.
        """
        self._take(_Append(columns, waiter))

    def append_placed(self, columns: EventColumns, place: Callable[[int, int], int]) -> Future[int]:
        """As `append`; the future holds what `place` makes of the row and the ordinal of the first event in it.

        Raises:
            BillingError: as `append`.
        """
        done: Future[int] = Future()
        self._take(_Append(columns, done, place))
        return done

    def _take(self, append: _Append) -> None:
        columns = append.columns
        with self._changed:
            self._refuse_when_closing()
            if self._waiting and self._waiting + len(columns) > self._most_waiting:
                raise unavailable("too many events are waiting to be written: try again in a moment")
            self._waiting += len(columns)
            self._appends.append(append)
            self._changed.notify()

    def barrier(self) -> int:
        """The last durable row, once the fate of every append before this call is settled.

        Raises:
            BillingError: of kind UNAVAILABLE, when the queue is closed.
        """
        settled: Future[int] = Future()
        with self._changed:
            self._refuse_when_closing()
            self._barriers.append(settled)
            self._changed.notify()
        return settled.result()

    def tidy_soon(self) -> None:
        """Let the journal tidy up, a small part between two commits."""
        with self._changed:
            self._tidy_wanted = True
            self._changed.notify()

    def close(self) -> None:
        """Settle everything that was taken, then stop."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _refuse_when_closing(self) -> None:
        if self._closing:
            raise unavailable("the server is shutting down")

    def _run(self) -> None:
        while self._wait():
            group, barriers = self._next()
            if group:
                self._commit(group)
            elif self.failure is not None:
                self._check()
            for settled in barriers:
                settled.set_result(self._journal.end())
            if self._tidy_wanted:
                self._tidy_wanted = self._tidy()

    def _wait(self) -> bool:
        """Wait for work, or for the next look at a disk that failed; False once there is none and none will come."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._appends or self._barriers or self._tidy_wanted or self._closing,
                None if self.failure is None else CHECK_SECONDS,
            )
            return bool(self._appends or self._barriers or self._tidy_wanted) or not self._closing

    def _next(self) -> tuple[list[_Append], list[Future[int]]]:
        """The appends of the next commit, and the barriers that nothing stands before any more afterwards."""
        with self._changed:
            taken: list[_Append] = []
            count = 0
            while self._appends and (not taken or count + len(self._appends[0].columns) <= MOST_IN_GROUP):
                append = self._appends.popleft()
                count += len(append.columns)
                taken.append(append)
            self._waiting -= count
            barriers: list[Future[int]] = []
            if not self._appends:
                barriers, self._barriers = self._barriers, barriers
        return [append for append in taken if append.done.set_running_or_notify_cancel()], barriers

    def _commit(self, group: list[_Append]) -> None:
        lying = faults.armed(faults.ACK_BEFORE_COMMIT)
        if lying:
            _acknowledge(group, self._journal.end() + 1)
            time.sleep(_LIE_SECONDS)
        try:
            row = self._journal.commit([append.columns for append in group])
        except Exception as failure:  # noqa: BLE001 - all who wait must hear of it, and the thread must live on
            self._failed(failure)
            if not lying:
                _refuse(group, failure)
            return
        self.failure = None
        if not lying:
            _acknowledge(group, row)
        for committed in self.listeners:
            committed()

    def _failed(self, failure: Exception) -> None:
        """Remember why; it is logged once, however many senders try again while the disk is full."""
        if not isinstance(failure, OSError) or self.failure != str(failure):
            _log.error("the events of one commit could not be written", exc_info=failure)
        if isinstance(failure, OSError):
            self.failure = str(failure)

    def _check(self) -> None:
        try:
            self._journal.check()
        except OSError as failure:
            self.failure = str(failure)
        else:
            self.failure = None

    def _tidy(self) -> bool:
        try:
            return self._journal.tidy()
        except OSError as failure:
            if self.failure is None:
                _log.exception("the event log could not be pruned; it is tried again later")
            self.failure = str(failure)
            return False


def unavailable(reason: str) -> BillingError:
    """Events cannot be taken now; nothing was kept, and sending them again is safe."""
    return BillingError(Kind.UNAVAILABLE, "event_log_unavailable", Problem("", reason))


def _acknowledge(group: list[_Append], row: int) -> None:
    ordinals = [0] * len(group)
    if any(append.place is not None for append in group):
        ordinals = first_ordinals([append.columns for append in group])
    for append, ordinal in zip(group, ordinals, strict=True):
        append.done.set_result(row if append.place is None else append.place(row, ordinal))


def _refuse(group: list[_Append], failure: Exception) -> None:
    for append in group:
        append.done.set_exception(_for_waiters(failure))


def _for_waiters(failure: Exception) -> Exception:
    if isinstance(failure, OSError):
        return unavailable("the events could not be written to disk: free some space, then send them again")
    return failure
