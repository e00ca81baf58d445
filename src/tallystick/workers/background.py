"""Work beside the doors: a thread that looks every second what there is to do, until it is told to stop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from tallystick.kernel.errors import BillingError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from tallystick.engine import Engine

LOOK_EVERY_SECONDS: Final = 1.0


class Background:
    """Runs by itself in real time; on a test clock when a command may have given it something to do."""

    def __init__(
        self,
        engine: Engine,
        processing_failure: Callable[[], str | None],
        name: str,
        log: logging.Logger,
        complaint: str,
    ) -> None:
        """A worker on a thread of that name; `complaint` is what the log says when a look broke off.

        `processing_failure` tells why events cannot be processed, if they cannot.
        """
        self._engine = engine
        self._processing_failure = processing_failure
        self._complaint = complaint
        self._log = log
        self._stopping = threading.Event()
        self._one_run = threading.Lock()
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    def start(self) -> None:
        """Do what there is to do already, and in real time go on to do so in the background."""
        if self._engine.is_test:
            self.catch_up()
        else:
            self._thread.start()

    def stop(self) -> None:
        """Finish the step at hand and stop; the rest follows after the next start."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def catch_up(self) -> object:
        """Do everything that there is to do now.

        Raises:
            BillingError: of kind UNAVAILABLE, when events cannot be processed or the server stops meanwhile.
        """
        raise NotImplementedError

    def _look(self) -> None:
        """One look in the background, which never raises."""
        try:
            self.catch_up()
        except BillingError:
            pass  # the processor says what is wrong; what there is to do stays
        except Exception:  # noqa: BLE001 - the loop must go on, and what is wrong must be seen
            self._log.exception(self._complaint)

    def _loop(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_SECONDS):
            self._look()
