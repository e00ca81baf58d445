"""Jobs: work that goes on after the answer, entry by entry, and where jobs and entries stand (domain.md 1.4)."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from tallystick.kernel.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class JobType(enum.StrEnum):
    """What a job does."""

    PRICE_PLAN = "PRICE_PLAN"
    EVENT_CORRECTIONS = "EVENT_CORRECTIONS"
    BILL_RUN = "BILL_RUN"
    REMETERING = "REMETERING"
    SIMULATION = "SIMULATION"


TOGAI_TYPES: Final = (JobType.PRICE_PLAN, JobType.EVENT_CORRECTIONS, JobType.BILL_RUN)
"""The types that the Togai wire knows; its client refuses any other."""

MONEY_TYPES: Final = frozenset(JobType) - {JobType.SIMULATION}
"""The types of jobs that change what somebody pays: a simulation only looks."""


class JobStatus(enum.StrEnum):
    """Where a job stands."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    INITIALIZED = "INITIALIZED"
    WAITING_FOR_CONFIRMATION = "WAITING_FOR_CONFIRMATION"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Whether nothing becomes of it any more."""
        return not _NEXT[self]

    @property
    def is_runnable(self) -> bool:
        """Whether there is something to do for it that nobody has to allow first."""
        return not self.is_final and self is not JobStatus.WAITING_FOR_CONFIRMATION


class EntryStatus(enum.StrEnum):
    """Where one entry of a job stands."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Whether nothing becomes of it any more."""
        return not _ENTRY_NEXT[self]


_J, _E = JobStatus, EntryStatus
_NEXT: Final[Mapping[JobStatus, frozenset[JobStatus]]] = {
    _J.SCHEDULED: frozenset({_J.INITIALIZED, _J.FAILED}),
    _J.PENDING: frozenset({_J.INITIALIZED, _J.FAILED}),
    _J.INITIALIZED: frozenset({_J.WAITING_FOR_CONFIRMATION, _J.IN_PROGRESS, _J.FAILED}),
    _J.WAITING_FOR_CONFIRMATION: frozenset({_J.IN_PROGRESS, _J.CANCELLED}),
    _J.IN_PROGRESS: frozenset({_J.COMPLETED, _J.FAILED}),
    _J.COMPLETED: frozenset(),
    _J.FAILED: frozenset(),
    _J.CANCELLED: frozenset(),
}
_ENTRY_NEXT: Final[Mapping[EntryStatus, frozenset[EntryStatus]]] = {
    _E.PENDING: frozenset({_E.IN_PROGRESS, _E.FAILED, _E.CANCELLED}),
    _E.IN_PROGRESS: frozenset({_E.COMPLETED, _E.FAILED}),
    _E.COMPLETED: frozenset(),
    _E.FAILED: frozenset(),
    _E.CANCELLED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it stands; `settled_at` is when it came to its end.

    `instructions` is the JSON of what is to be done and never changes; `progress` the JSON of how far that has come,
    and of what was found. `metadata` is what people see.
    """

    id: str
    type: JobType
    status: JobStatus
    instructions: str
    progress: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    requires_confirmation: bool = False
    total: int = 0
    failed: int = 0
    completed: int = 0
    cancelled: int = 0
    created_at: datetime
    updated_at: datetime
    settled_at: datetime | None = None

    @property
    def pending(self) -> int:
        """How many entries have not come to their end."""
        return self.total - self.failed - self.completed - self.cancelled

    @property
    def outcome(self) -> JobStatus:
        """How a job ends whose entries have all come to their end: as FAILED, when not one of them was completed."""
        return JobStatus.FAILED if self.failed and not self.completed else JobStatus.COMPLETED

    def moved(self, status: JobStatus, now: datetime) -> Job:
        """The job one step further.

        Raises:
            BillingError: of kind INVALID, when there is no such step from where it stands.
        """
        if status not in _NEXT[self.status]:
            raise invalid("", f"job {self.id!r} is {self.status}: it cannot become {status}")
        return replace(self, status=status, updated_at=now, settled_at=now if status.is_final else None)

    def saying(self, **metadata: str) -> Job:
        """The job with more to say to people."""
        return replace(self, metadata={**self.metadata, **metadata})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEntry:
    """One thing that a job is about, such as an event or an account; `number` is its place in the job.

    `reference` is where the thing is found again, such as the position of an event; `details` the JSON of what was
    found about it. `metadata` is what people see.
    """

    number: int
    entity_id: str
    status: EntryStatus = EntryStatus.PENDING
    reference: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    details: str | None = None
    created_at: datetime

    def begun(self) -> JobEntry:
        """The entry as one in progress, which it may be already."""
        return self if self.status is EntryStatus.IN_PROGRESS else self.moved(EntryStatus.IN_PROGRESS)

    def moved(self, status: EntryStatus, **metadata: str) -> JobEntry:
        """The entry one step further, with more to say about it.

        Raises:
            ValueError: when there is no such step from where it stands.
        """
        if status not in _ENTRY_NEXT[self.status]:
            raise ValueError(f"entry {self.entity_id!r} is {self.status}: it cannot become {status}")
        return replace(self, status=status, metadata={**self.metadata, **metadata})
