"""How far the processing of the event log has come, and who waits for more."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


class Watermark:
    """The last row whose events are in the event store, and when that row was received; it only goes up."""

    def __init__(self, row: int, received_at: datetime | None) -> None:
        self.row = row
        self.received_at = received_at
        self.failure: str | None = None
        self._waiting = 0
        self._listeners: list[Callable[[], None]] = []
        self._changed = threading.Condition()

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for a higher row right now."""
        return self._waiting > 0

    def listen(self, awaited: Callable[[], None]) -> None:
        """Call this, on the thread that begins to wait, each time somebody does."""
        self._listeners.append(awaited)

    def rise(self, row: int, received_at: datetime | None) -> None:
        """The rows up to this one are passed; whoever waited for it goes on."""
        with self._changed:
            if row > self.row:
                self.row = row
                self.received_at = received_at
                self._changed.notify_all()

    def tell(self, failure: str | None) -> None:
        """Say why it does not rise now, or that nothing keeps it any more; it is tried again and again."""
        with self._changed:
            self.failure = failure
            self._changed.notify_all()

    def wait_until(self, row: int, timeout: float, *, while_it_rises: bool = False) -> bool:
        """Wait at most so many seconds until a row is passed, or only while it rises at all; whether it was."""
        if self.row >= row:
            return True
        with self._changed:
            self._waiting += 1
        try:
            for awaited in self._listeners:
                awaited()
            with self._changed:
                self._changed.wait_for(
                    lambda: self.row >= row or (while_it_rises and self.failure is not None), timeout
                )
                return self.row >= row
        finally:
            with self._changed:
                self._waiting -= 1
