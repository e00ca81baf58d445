"""A second look: events whose account was unknown are judged again once an account or alias of that name is there.

The wish is written in the transaction that makes the account or the alias; here it becomes orders in the event log, and
is forgotten once they are carried out. Orders may be given twice, so a wish survives any interruption.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.metering.columns import EventColumns
from tallystick.metering.event import EventSource, EventStatus
from tallystick.stores import faults
from tallystick.stores.state import wishes

if TYPE_CHECKING:
    from collections.abc import Callable

    from tallystick.engine import Engine

LOOK_EVERY_SECONDS: Final = 1.0
EVENTS_AT_ONCE: Final = 1_000
_WISHES_AT_ONCE: Final = 1_000
_log = logging.getLogger("tallystick.events")


class SecondLook:
    """Runs by itself in real time; on a test clock when a command may have made an account."""

    def __init__(self, engine: Engine, processing_failure: Callable[[], str | None]) -> None:
        self._engine = engine
        self._processing_failure = processing_failure
        self._stopping = threading.Event()
        self._one_run = threading.Lock()
        self._thread = threading.Thread(target=self._loop, name="second-look", daemon=True)

    def start(self) -> None:
        """Look at what is wished for already, and in real time go on to do so in the background."""
        if self._engine.is_test:
            self.catch_up()
        else:
            self._thread.start()

    def stop(self) -> None:
        """Finish the order at hand and stop; the rest follows after the next start."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def catch_up(self) -> None:
        """Order, and see carried out, everything that is wished for.

        Raises:
            BillingError: of kind UNAVAILABLE, when events cannot be processed or the server stops meanwhile.
        """
        with self._one_run:
            while True:
                with self._engine.database.read() as connection:
                    found = wishes.oldest(connection, _WISHES_AT_ONCE)
                if not found:
                    return
                self._passed(self._engine.log.barrier())  # whoever was judged without the account is in the store now
                for organisation, account_refs in found.items():
                    self._look_at(organisation, account_refs)
                    faults.reach(faults.SECOND_LOOK_DONE)
                    with self._engine.database.write() as connection:
                        wishes.forget(connection, organisation, account_refs)

    def _look_at(self, organisation: str, account_refs: list[str]) -> None:
        after = -1
        while True:
            positions = self._engine.events.positions_of(
                organisation, account_refs, EventStatus.ACCOUNT_NOT_FOUND, after=after, size=EVENTS_AT_ONCE
            )
            if not positions:
                return
            nothing = EventColumns.of([], organisation, EventSource.API)
            order = msgspec.structs.replace(nothing, rejudged=positions)
            self._passed(self._engine.log.append(order).result())
            after = positions[-1]

    def _passed(self, row: int) -> None:
        """Wait, without a time limit, until a row of the log is processed."""
        while not self._engine.events.wait_until(row, LOOK_EVERY_SECONDS):
            if self._stopping.is_set() or self._processing_failure() is not None:
                reason = "events that wait for their account cannot be looked at now"
                raise BillingError(Kind.UNAVAILABLE, "processing_interrupted", Problem("", reason))

    def _loop(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_SECONDS):
            try:
                self.catch_up()
            except BillingError:
                continue  # the processor says what is wrong; the wish stays
            except Exception:  # noqa: BLE001 - the loop must go on, and what is wrong must be seen
                _log.exception("events that wait for their account could not be looked at; trying again")
