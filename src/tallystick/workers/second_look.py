"""A second look: events whose account was unknown are judged again once an account or alias of that name is there.

The wish is written in the transaction that makes the account or the alias; here it becomes orders in the event log, and
is forgotten once they are carried out. Orders may be given twice, so a wish survives any interruption.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.metering.columns import EventColumns
from tallystick.metering.event import EventSource, EventStatus
from tallystick.stores import faults
from tallystick.stores.state import wishes
from tallystick.workers.background import LOOK_EVERY_SECONDS, Background

if TYPE_CHECKING:
    from collections.abc import Callable

    from tallystick.engine import Engine

EVENTS_AT_ONCE: Final = 1_000
_WISHES_AT_ONCE: Final = 1_000
_log = logging.getLogger("tallystick.events")


class SecondLook(Background):
    """Looks at what is wished for, that which was there already and that which comes with new accounts and aliases."""

    def __init__(self, engine: Engine, processing_failure: Callable[[], str | None]) -> None:
        complaint = "events that wait for their account could not be looked at; trying again"
        super().__init__(engine, processing_failure, "second-look", _log, complaint)

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
