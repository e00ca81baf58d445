"""Corrections: what may be taken back, and what became of it (domain.md 2.8)."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from tallystick.metering.event import EventStatus as S

if TYPE_CHECKING:
    from collections.abc import Mapping


class CorrectionAction(enum.StrEnum):
    """Take an event back; take it back and send the same again; take it back and send another one in its place."""

    UNDO = "UNDO"
    REDO = "REDO"
    REDO_EVENT = "REDO_EVENT"


class CorrectionOutcome(enum.StrEnum):
    """What became of one event that was to be corrected."""

    REVERTED = "REVERTED"
    REVERTED_AND_REINGESTED = "REVERTED_AND_REINGESTED"
    FAILED = "FAILED"


DONE: Final[Mapping[CorrectionAction, tuple[CorrectionOutcome, str]]] = {
    CorrectionAction.UNDO: (CorrectionOutcome.REVERTED, "taken back"),
    CorrectionAction.REDO: (CorrectionOutcome.REVERTED_AND_REINGESTED, "taken back and sent again"),
    CorrectionAction.REDO_EVENT: (CorrectionOutcome.REVERTED_AND_REINGESTED, "taken back for the event that was sent"),
}
"""What becomes of an event that can be corrected so, and what is said about it."""

_NEVER: Final = frozenset({S.IN_PROGRESS, S.DUPLICATE, S.REVERTED, S.UNKNOWN})
_NOT: Final[Mapping[CorrectionAction, frozenset[S]]] = {
    CorrectionAction.UNDO: _NEVER | {S.INSUFFICIENT_CREDITS},
    CorrectionAction.REDO: _NEVER | {S.UNITS_INVALID, S.PAST_GRACE_PERIOD},
    CorrectionAction.REDO_EVENT: _NEVER | {S.UNITS_INVALID, S.PAST_GRACE_PERIOD, S.ACCOUNT_NOT_FOUND},
}

CLOSED: Final = "Event was ingested in past pricing cycle"
"""Why an event of a cycle that takes no more events stays as it is."""


def taken_back_by(job_id: str) -> str:
    """What is said about an event that was taken back; a job knows its own work by it."""
    return f"taken back by a correction, {job_id}" if job_id else "taken back by a correction"


def stays(status: S) -> bool:
    """Whether no order takes an event with this status back, be it to send it again."""
    return status in _NEVER


def refusal(status: S, action: CorrectionAction) -> str | None:
    """Why an event with this status cannot be corrected in this way; None when it can."""
    return f"an event that is {status} cannot be corrected by {action}" if status in _NOT[action] else None
