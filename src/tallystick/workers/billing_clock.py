"""The billing clock: wakes up what falls due, each thing as of its own instant, however late it is.

It always catches up to now, never just does now: a server that was down for a month opens and freezes every
cycle it missed, in order. Before an instant is billed, the processing of events passes everything that was
received before it.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.kernel.errors import BillingError, Kind, Problem, invalid
from tallystick.operations.bill_runs import Tally, run_bills

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tallystick.engine import Engine

ACTOR: Final = "billing clock"
LOOK_EVERY_SECONDS: Final = 1.0
RETRY_PARKED_SECONDS: Final = 60.0
TIDY_EVERY_LOOKS: Final = 3600
FURTHEST_ADVANCE: Final = timedelta(days=5 * 366)
_log = logging.getLogger("tallystick.billing")


class BillingClock:
    """Runs bills: by itself in real time, and only when told on a test clock."""

    def __init__(self, engine: Engine, processing_failure: Callable[[], str | None]) -> None:
        self._engine = engine
        self._processing_failure = processing_failure
        self._stopping = threading.Event()
        self._one_run = threading.Lock()
        self._thread = threading.Thread(target=self._loop, name="billing-clock", daemon=True)
        self.failure: str | None = None

    def start(self) -> None:
        """Begin to bill in the background, unless time stands still."""
        if not self._engine.is_test:
            self._thread.start()

    def stop(self) -> None:
        """Finish the step at hand and stop."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def advance(self, to: datetime) -> Tally:
        """Move the test clock to an instant, and do everything that falls due on the way, in order.

        Raises:
            BillingError: of kind CONFLICT, on the real clock or for an instant that has passed; INVALID, for more
                than five years at once.
        """
        with self._one_run:
            self._engine.refuse_move(to)
            if to - self._engine.clock.now() > FURTHEST_ADVANCE:
                raise invalid("to", f"lies more than {FURTHEST_ADVANCE.days} days ahead: advance in smaller steps")
            tally = self._bill_until(to)
            self._engine.move_clock(to)
            return tally

    def catch_up(self) -> Tally:
        """Do everything that has fallen due by now, in order."""
        with self._one_run:
            return self._bill_until(self._engine.clock.now())

    def _bill_until(self, end: datetime) -> Tally:
        tally = Tally()
        while not self._stopping.is_set():
            due = self._engine.next_due(end, tally.issues)
            if due is None:
                break
            organisation, instant = due
            if self._engine.is_test and instant > self._engine.clock.now():
                self._engine.move_clock(instant)
            tally.add(self._bill(organisation, instant, tally))
        return tally

    def _bill(self, organisation: str, instant: datetime, so_far: Tally) -> Tally:
        """Everything of one organisation that falls due at one instant, step by step."""
        self._await_events(instant)
        tally = Tally()
        while not self._stopping.is_set():
            with self._engine.work_for(organisation, ACTOR, writes=True, now=instant) as (work, _):
                step = run_bills(work, parked=[*so_far.issues, *tally.issues])
            if step.is_idle:
                break
            for invoice, reason in step.issues.items():
                _log.error("invoice %s cannot be made: %s", invoice, reason)
            tally.add(step)
        return tally

    def _await_events(self, instant: datetime) -> None:
        """Wait, without a time limit, until every event received before an instant is processed.

        The clock has passed that instant, so what was received before it is in the log or on its way into it.

        Raises:
            BillingError: of kind UNAVAILABLE, when the processing fails, or the server stops meanwhile.
        """
        row = self._engine.log.barrier()
        while not self._engine.events.wait_until(row, LOOK_EVERY_SECONDS):
            failure = self._processing_failure()
            if failure is not None or self._stopping.is_set():
                reason = f"bills as of {instant.isoformat()} wait for events: {failure or 'the server stops'}"
                raise BillingError(Kind.UNAVAILABLE, "processing_behind", Problem("", reason))

    def _loop(self) -> None:
        looks = 0
        while not self._stopping.wait(LOOK_EVERY_SECONDS):
            try:
                tally = self.catch_up()
                if looks % TIDY_EVERY_LOOKS == 0:
                    self._engine.forget_old_answers()
                looks += 1
                self.failure = None
            except Exception as failure:  # noqa: BLE001 - see below
                # A broken step must neither end the loop nor pass in silence: it is tried again, and seen.
                self.failure = str(failure)
                _log.exception("billing stopped short; trying again")
                continue
            if tally.issues:
                self._stopping.wait(RETRY_PARKED_SECONDS)
