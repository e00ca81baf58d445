"""How often a key may call tools: enough for agents at work, too little for one that runs in circles."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from typing import Final

from tallystick.kernel.errors import BillingError, Kind, Problem

MINUTE: Final = 60
CALLS_PER_MINUTE: Final = 600


class Limits:
    """Counts the calls of the last minute by key."""

    def __init__(self, calls_per_minute: int) -> None:
        self._most = calls_per_minute
        self._calls: dict[str, deque[int]] = defaultdict(deque)
        self._counting = threading.Lock()

    def count(self, key_id: str) -> None:
        """Count one call.

        Raises:
            BillingError: of kind LIMIT_EXCEEDED, when the key has made too many.
        """
        now = time.monotonic_ns()
        with self._counting:
            calls = self._calls[key_id]
            while calls and calls[0] <= now - MINUTE * 1_000_000_000:
                calls.popleft()
            if len(calls) >= self._most:
                reason = f"this key has called {self._most} tools within a minute, which is as many as it may"
                raise BillingError(Kind.LIMIT_EXCEEDED, "rate_limited", Problem("", reason))
            calls.append(now)
