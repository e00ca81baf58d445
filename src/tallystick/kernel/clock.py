"""The injected clock. Nothing else in the product asks the machine what time it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Something that tells the time as an aware UTC instant."""

    def now(self) -> datetime:
        """The present instant, in UTC."""
        ...


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> datetime:
        """The present instant, in UTC."""
        return datetime.now(UTC)


class FrozenClock:
    """A clock that stands still until it is moved, and moves only forward."""

    def __init__(self, instant: datetime) -> None:
        """Stand at an aware instant.

        Raises:
            ValueError: when the instant has no zone: it would be read in that of the machine.
        """
        if instant.tzinfo is None:
            raise ValueError(f"{instant.isoformat()} has no time zone, append Z or an offset")
        self._instant = instant.astimezone(UTC)

    def now(self) -> datetime:
        """The instant it stands at."""
        return self._instant

    def move_to(self, instant: datetime) -> None:
        """Stand at a later instant.

        Raises:
            ValueError: when the instant lies before the present one.
        """
        if instant < self._instant:
            raise ValueError(f"the clock stands at {self._instant.isoformat()} and only moves forward")
        self._instant = instant.astimezone(UTC)
