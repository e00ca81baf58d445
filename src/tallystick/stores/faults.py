"""Points at which a crash test makes the product fail on purpose. Nothing happens unless TALLYSTICK_FAULTS asks for it.

The variable holds names separated by commas: `ack_before_commit` makes the event log lie about durability, and
`crash@<point>` kills the process as it reaches one of the `POINTS`.
"""

from __future__ import annotations

import os
import signal
from typing import Final

ACK_BEFORE_COMMIT: Final = "ack_before_commit"

LOG_BEFORE_COMMIT: Final = "log_before_commit"
LOG_COMMITTED: Final = "log_committed_before_ack"
EVENTS_BEFORE_COMMIT: Final = "events_before_commit"
EVENTS_COMMITTED: Final = "events_committed"
POINTS: Final = frozenset({LOG_BEFORE_COMMIT, LOG_COMMITTED, EVENTS_BEFORE_COMMIT, EVENTS_COMMITTED})


def armed(fault: str) -> bool:
    """Whether a test asked for this fault."""
    return fault in os.environ.get("TALLYSTICK_FAULTS", "").split(",")


def reach(point: str) -> None:
    """Die here as from kill -9, if a test asked for it."""
    if armed(f"crash@{point}"):
        os.kill(os.getpid(), signal.SIGKILL)
