"""Sorting usage facts beside the processing: when it keeps up with what comes in, or when too many have gathered."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from tallystick.stores import faults
from tallystick.stores.event_store_sorting import PORTION
from tallystick.workers.background import Background

if TYPE_CHECKING:
    from tallystick.engine import Engine
    from tallystick.workers.event_processor import EventProcessor

MOST_UNSORTED: Final = 8 * PORTION
"""Facts that may wait for a burst to end, some 60 MB of columns that a question about any account has to read."""

PAUSE_SECONDS: Final = 30.0
"""How long to wait after a failure, such as a full disk: what is not sorted is only slower to read."""

_log = logging.getLogger("tallystick.events")


class FactSorter(Background):
    """Sorts whole portions; what is less than one is read as it arrived."""

    def __init__(self, engine: Engine, processor: EventProcessor) -> None:
        complaint = "usage facts could not be sorted, which makes usage slower to read; trying again"
        super().__init__(engine, lambda: processor.failure, "fact-sorter", _log, complaint)
        self._processor = processor
        self._portion = 1 if faults.armed(faults.SORT_EARLY) else PORTION
        self._failure: str | None = None

    def start(self) -> None:
        """Go on in the background, on a test clock too: which facts are sorted makes no difference to any answer."""
        self._thread.start()

    def catch_up(self) -> None:
        """Sort what there is to sort now.

        Raises:
            Exception: whatever sorting fails with; then everything is as it was.
        """
        with self._one_run:
            while not self._stopping.is_set() and self._is_due(self._engine.events.count_unsorted()):
                self._engine.events.sort_portion()

    def _look(self) -> None:
        """One look in the background, which never raises; a failure that goes on is logged once."""
        try:
            self.catch_up()
            self._failure = None
        except Exception as failure:  # noqa: BLE001 - the loop must go on, and what is wrong must be seen
            if self._failure != str(failure):
                self._log.exception(self._complaint)
            self._failure = str(failure)
            self._stopping.wait(PAUSE_SECONDS)

    def _is_due(self, unsorted: int) -> bool:
        return unsorted >= self._portion and (unsorted >= MOST_UNSORTED or not self._processor.is_behind)
