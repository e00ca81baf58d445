"""The billing clock: wakes up what falls due, each thing as of its own instant, however late it is.

It always catches up to now, never just does now: a server that was down for a month opens and freezes every
cycle it missed, in order. Before an instant is billed, the processing of events passes everything that was
received before it.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.kernel.errors import BillingError, Kind, Problem, invalid
from tallystick.operations.bill_runs import Tally, run_bills
from tallystick.stores import faults
from tallystick.workers.background import LOOK_EVERY_SECONDS, Background

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tallystick.engine import Engine

ACTOR: Final = "billing clock"
RETRY_PARKED_SECONDS: Final = 60.0
TIDY_EVERY_LOOKS: Final = 3600
FURTHEST_ADVANCE: Final = timedelta(days=5 * 366)
_log = logging.getLogger("tallystick.billing")


class BillingClock(Background):
    """Runs bills: by itself in real time; on a test clock when time is moved, or something new is due already."""

    def __init__(self, engine: Engine, processing_failure: Callable[[], str | None]) -> None:
        super().__init__(engine, processing_failure, "billing-clock", _log, "billing stopped short; trying again")
        self._looks = 0
        self._retry_at: dict[str, float] = {}
        self.failure: str | None = None

    @property
    def parked(self) -> int:
        """How many invoices could not be made when they were tried last."""
        return len(self._retry_at)

    def advance(self, to: datetime) -> dict[str, Tally]:
        """Move the test clock to an instant, and do everything that falls due on the way, in order.

        Answers what was done for each organisation.

        Raises:
            BillingError: of kind CONFLICT, on the real clock or for an instant that has passed; INVALID, for more
                than five years at once; UNAVAILABLE, when events cannot be processed or the server stops: the clock
                then stands where billing came to, and the call can be repeated.
        """
        with self._one_run:
            self._engine.refuse_move(to)
            if to - self._engine.clock.now() > FURTHEST_ADVANCE:
                raise invalid("to", f"lies more than {FURTHEST_ADVANCE.days} days ahead: advance in smaller steps")
            self._retry_at.clear()
            tallies = self._bill_until(to)
            self._engine.move_clock(to)
            return tallies

    def catch_up(self) -> dict[str, Tally]:
        """Do everything that has fallen due by now, in order; answers what was done for each organisation."""
        with self._one_run:
            return self._bill_until(self._engine.clock.now())

    def _bill_until(self, end: datetime) -> dict[str, Tally]:
        tallies: dict[str, Tally] = defaultdict(Tally)
        broken: set[str] = set()
        while (due := self._engine.next_due(end, self._waiting(), broken)) is not None:
            organisation, instant = due
            if self._engine.is_test and instant > self._engine.clock.now():
                self._engine.move_clock(instant)
            self._await_events(instant)
            try:
                self._bill(organisation, instant, tallies[organisation])
            except BillingError as interrupted:
                if interrupted.kind is Kind.UNAVAILABLE:
                    raise
                self._leave_out(organisation, instant, broken, tallies)
            except Exception:  # noqa: BLE001 - one organisation whose bills fail must not stop those of the others
                self._leave_out(organisation, instant, broken, tallies)
        return tallies

    def _leave_out(self, organisation: str, instant: datetime, broken: set[str], tallies: dict[str, Tally]) -> None:
        """Go on without an organisation whose bills have just failed; the next run tries it again."""
        _log.exception("billing of organisation %s as of %s stopped short", organisation, instant)
        broken.add(organisation)
        tallies[organisation].issues[organisation] = "billing stopped short; the server's log says why"

    def _bill(self, organisation: str, instant: datetime, tally: Tally) -> None:
        """Everything of one organisation that falls due at one instant, step by step."""
        while True:
            self._refuse_when_stopping(instant)
            with self._engine.work_for(organisation, ACTOR, writes=True, now=instant) as (work, _):
                step = run_bills(work, self._waiting())
                if step.frozen:
                    faults.reach(faults.INVOICES_BEFORE_COMMIT)
            if step.frozen:
                faults.reach(faults.INVOICES_COMMITTED)
            if step.is_idle:
                return
            for invoice, reason in step.issues.items():
                _log.error("invoice %s cannot be made: %s", invoice, reason)
                self._retry_at[invoice] = time.monotonic() + RETRY_PARKED_SECONDS
            tally.add(step)

    def _waiting(self) -> list[str]:
        """The parked invoices that are not tried again yet."""
        now = time.monotonic()
        self._retry_at = {invoice: at for invoice, at in self._retry_at.items() if at > now}
        return list(self._retry_at)

    def _await_events(self, instant: datetime) -> None:
        """Wait, without a time limit, until every event received before an instant is processed.

        The clock has passed that instant, so what was received before it is in the log or on its way into it.

        Raises:
            BillingError: of kind UNAVAILABLE, when the processing fails, or the server stops meanwhile.
        """
        row = self._engine.log.barrier()
        while not self._engine.events.wait_until(row, LOOK_EVERY_SECONDS):
            if self._processing_failure() is not None:
                raise _unavailable(instant, "events cannot be processed")
            self._refuse_when_stopping(instant)
        self._refuse_when_stopping(instant)

    def _refuse_when_stopping(self, instant: datetime) -> None:
        if self._stopping.is_set():
            raise _unavailable(instant, "the server is shutting down")

    def _look(self) -> None:
        """Bill, tidy up now and then, and let readiness say what keeps bills waiting."""
        try:
            self.catch_up()
            if self._looks % TIDY_EVERY_LOOKS == 0:
                self._engine.forget_old_answers()
            self._looks += 1
            self.failure = None
        except BillingError as failure:
            self.failure = failure.message
        except Exception:  # noqa: BLE001 - see below
            # A broken step must neither end the loop nor pass in silence: it is tried again, and seen.
            self.failure = "the server's log says why"
            _log.exception(self._complaint)


def _unavailable(instant: datetime, reason: str) -> BillingError:
    problem = Problem("", f"bills as of {instant.isoformat()} have to wait: {reason}")
    return BillingError(Kind.UNAVAILABLE, "billing_interrupted", problem)
