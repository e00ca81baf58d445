"""Time series: how a span of time is cut into hours, days, weeks or months of the organisation's zone."""

from __future__ import annotations

import enum
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.kernel.errors import invalid
from tallystick.kernel.period import local_date, local_midnight

if TYPE_CHECKING:
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from tallystick.kernel.period import Period

MOST_POINTS: Final = 300
_HOUR: Final = timedelta(hours=1)
_MONTHS_PER_YEAR: Final = 12


class Granularity(enum.StrEnum):
    """How wide a point of a series is; weeks start on Monday (domain.md 8.1)."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


def bounds_of(span: Period, granularity: Granularity, zone: ZoneInfo, path: str = "endTime") -> list[datetime]:
    """The edges of the points: the span's start, every calendar edge inside, the span's end.

    `path` is where the span's end came from.

    Raises:
        BillingError: of kind INVALID, for more than 300 points.
    """
    bounds = [span.start]
    while bounds[-1] < span.end:
        if len(bounds) > MOST_POINTS:
            raise invalid(
                path,
                f"the range has more than {MOST_POINTS} points of a {granularity}: ask for less time or coarser points",
            )
        bounds.append(min(_edge_after(bounds[-1], granularity, zone), span.end))
    return bounds


def _edge_after(instant: datetime, granularity: Granularity, zone: ZoneInfo) -> datetime:
    if granularity is Granularity.HOUR:
        local = instant.astimezone(zone)
        return instant + _HOUR - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    on = local_date(instant, zone)
    if granularity is Granularity.MONTH:
        return local_midnight(_next_month(on), zone)
    days = 1 if granularity is Granularity.DAY else 7 - on.weekday()
    return local_midnight(on + timedelta(days=days), zone)


def _next_month(on: date) -> date:
    year, month = divmod(on.year * _MONTHS_PER_YEAR + on.month, _MONTHS_PER_YEAR)
    return on.replace(year=year, month=month + 1, day=1)
