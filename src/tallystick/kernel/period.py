"""Half-open spans of time, and the local days of an organisation's time zone (domain.md 1.9).

Instants are aware UTC datetimes. A local day begins at its first instant and lasts until the next one begins,
so local days tile time whatever the zone does: 23 or 25 hours, no midnight at all, or midnight twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from tallystick.kernel.errors import invalid
from tallystick.kernel.micros import MICROSECOND

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The open start of a range."""

FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""The open end of a range, and the end of time: the same instant in every zone."""

FOREVER_ON: Final = date(9999, 1, 1)
"""The date that `FOREVER` bears in every zone."""

_DAY: Final = timedelta(days=1)
_NO_OFFSET: Final = timedelta(0)


def in_utc(instant: datetime, path: str) -> datetime:
    """The same instant in UTC; one without an offset is UTC already (domain.md 1.9). `path` is where it came from.

    Raises:
        BillingError: of kind INVALID, when it lies outside the years 1 to 9999 in UTC.
    """
    if instant.tzinfo is None:
        return instant.replace(tzinfo=UTC)
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise invalid(path, f"{instant.isoformat()} lies outside the years 1 to 9999 in UTC") from None


def _is_utc(instant: datetime) -> bool:
    return instant.tzinfo is UTC or instant.utcoffset() == _NO_OFFSET


@dataclass(frozen=True, slots=True)
class Period:
    """The instants from `start` on and before `end`, both aware and in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse what is not a span of UTC instants.

        Raises:
            ValueError: when a bound is not in UTC, or the end lies before the start.
        """
        if not (_is_utc(self.start) and _is_utc(self.end)):
            raise ValueError(f"the bounds of a period are in UTC, not {self.start} and {self.end}")
        if self.end < self.start:
            raise ValueError(f"a period cannot end at {self.end}, before it starts at {self.start}")

    @property
    def is_empty(self) -> bool:
        """Whether no instant lies inside."""
        return self.start == self.end

    def contains(self, instant: datetime) -> bool:
        """Whether the instant lies inside: the start does, the end does not."""
        return self.start <= instant < self.end

    def intersect(self, other: Period) -> Period | None:
        """The instants that lie in both, or None when there are none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start < end else None

    def days(self, zone: ZoneInfo) -> int:
        """Calendar days from the start's local date to the end's; a date that the zone skipped counts."""
        return (local_date(self.end, zone) - local_date(self.start, zone)).days


def at(instant: datetime) -> Period:
    """The shortest span that holds an instant: times are kept to the microsecond."""
    return Period(instant, instant + MICROSECOND)


@lru_cache(maxsize=8192)
def local_midnight(on: date, zone: ZoneInfo) -> datetime:
    """The first instant, in UTC, of a local day.

    Where clocks skip midnight the day begins when they jump, and a day that is skipped whole begins (and
    ends) where the next one does. Where midnight comes twice the day begins at the first. Any date from
    9999-01-01 on gives `FOREVER`.
    """
    if on >= FOREVER_ON:
        return FOREVER
    # A gap that swallows midnight starts at it, in every zone since 1970: fold 0 then gives the gap's end.
    return datetime.combine(on, time(), tzinfo=zone).astimezone(UTC)


@lru_cache(maxsize=8192)
def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """The date of the local day that holds an instant (from 1970 on).

    When clocks fall back over midnight, the hour that bears yesterday's date again belongs to the day begun.
    """
    if instant >= FOREVER:
        return FOREVER_ON
    on = min(instant.astimezone(zone).date(), FOREVER_ON - _DAY)
    return on + _DAY if local_midnight(on + _DAY, zone) <= instant else on


def day_of(instant: datetime, zone: ZoneInfo) -> Period:
    """The local day that holds an instant (from 1970 on, before 9998-12-31)."""
    on = local_date(instant, zone)
    return Period(local_midnight(on, zone), local_midnight(on + _DAY, zone))
