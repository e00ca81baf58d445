"""Waiting for the processing of events: reads see what was acknowledged before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.kernel.period import BEGINNING

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.stores.event_log import EventLog
    from tallystick.stores.event_store import EventStore

READ_PATIENCE: Final = 5.0
CHANGE_PATIENCE: Final = 60.0


class Progress:
    """How far the processing had come when one operation looked; `as_of` tells when that was not all."""

    def __init__(self, log: EventLog, events: EventStore) -> None:
        self._log = log
        self._events = events
        self.as_of: datetime | None = None

    def settle(self) -> None:
        """Wait at most 5 seconds until every event acknowledged before this call is processed."""
        if not self._events.wait_until(self._log.end(), READ_PATIENCE):
            self.as_of = self._events.processed_until() or BEGINNING

    def pass_all(self) -> None:
        """Wait until every event acknowledged before this call is processed.

        Raises:
            BillingError: of kind UNAVAILABLE, when that takes longer than a minute, and at once when it cannot be done.
        """
        mark = self._events.watermark
        if mark.wait_until(self._log.barrier(), CHANGE_PATIENCE, while_it_rises=True):
            return
        if mark.failure is None:
            reason = "events are still being processed: try again in a moment"
            raise BillingError(Kind.UNAVAILABLE, "processing_behind", Problem("", reason))
        reason = "events cannot be processed now (/readyz says why), and this has to wait for them: try again later"
        raise BillingError(Kind.UNAVAILABLE, "processing_failed", Problem("", reason))
