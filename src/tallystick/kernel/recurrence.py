"""Calendar cycles: where each pricing cycle of a schedule starts and ends (domain.md 4.2 and 4.10).

Starts are computed from the rule alone, never by adding to the last end, so that a 31st which February lacks
is back in March. Cycles begin at 00:00 in the organisation's time zone.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, Literal

from tallystick.kernel.errors import Problem, refuse_if_any
from tallystick.kernel.micros import MICROSECOND
from tallystick.kernel.period import FOREVER_ON, Period, local_date, local_midnight

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from zoneinfo import ZoneInfo

NIL: Final = "NIL"
FIRST: Final = "FIRST"
LAST: Final = "LAST"

Day = int | Literal["LAST"]

_WEEK: Final = timedelta(days=7)
_SUNDAY: Final = 7
_LONGEST_MONTH: Final = 31
_MONTHS_PER_YEAR: Final = 12


class Interval(StrEnum):
    """How long a full pricing cycle is."""

    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    QUARTERLY = "QUARTERLY"
    HALF_YEARLY = "HALF_YEARLY"
    ANNUALLY = "ANNUALLY"


_MONTHS: Final = {
    Interval.WEEKLY: 0,
    Interval.MONTHLY: 1,
    Interval.QUARTERLY: 3,
    Interval.HALF_YEARLY: 6,
    Interval.ANNUALLY: 12,
}


@dataclass(frozen=True, slots=True)
class CycleRule:
    """When cycles start: on `day` of the week (Monday = 1) or month, in `month` of the interval (from 1).

    `month` is None for WEEKLY and MONTHLY. A day that a month lacks falls back to the month's last day.
    """

    interval: Interval
    day: Day
    month: int | None = None

    @classmethod
    def of(cls, interval: Interval, day_offset: str, month_offset: str = NIL, path: str = "startOffset") -> CycleRule:
        """The rule that the wire's texts stand for; `path` is where they came from.

        Raises:
            BillingError: of kind INVALID, naming each text that the interval does not allow.
        """
        days, months = _days(interval), _months(interval)
        problems = []
        if day_offset not in days:
            problems.append(Problem(f"{path}.dayOffset", _refusal(day_offset, interval, days)))
        if month_offset not in months:
            problems.append(Problem(f"{path}.monthOffset", _refusal(month_offset, interval, months)))
        refuse_if_any(problems)
        return cls(interval, days[day_offset], months[month_offset])

    @classmethod
    def anniversary(cls, interval: Interval, on: date) -> CycleRule:
        """The rule whose cycles start on the anniversaries of a date (domain.md 4.2)."""
        if interval is Interval.WEEKLY:
            return cls(interval, on.isoweekday())
        ends_february = interval is Interval.ANNUALLY and (on.month, on.day) in {(2, 28), (2, 29)}
        day: Day = LAST if ends_february or on.day == _LONGEST_MONTH else on.day
        step = _MONTHS[interval]
        return cls(interval, day, None if interval is Interval.MONTHLY else (on.month - 1) % step + 1)

    def offsets(self) -> tuple[str, str]:
        """The wire's dayOffset and monthOffset; FIRST and LAST months come back as their numbers."""
        return str(self.day), NIL if self.month is None else str(self.month)

    def start_on_or_before(self, on: date) -> date:
        """The start of the cycle that holds a date; 9999-01-01 from then on."""
        return _starts_around(self, on)[0]

    def next_start_after(self, on: date) -> date:
        """The start of the cycle after the one that holds a date, at the latest 9999-01-01."""
        return _starts_around(self, on)[1]


@cache
def _days(interval: Interval) -> dict[str, Day]:
    longest = _SUNDAY if interval is Interval.WEEKLY else _LONGEST_MONTH
    return {**{str(day): day for day in range(1, longest + 1)}, LAST: LAST}


@cache
def _months(interval: Interval) -> dict[str, int | None]:
    step = _MONTHS[interval]
    if step <= 1:
        return {NIL: None}
    return {**{str(month): month for month in range(1, step + 1)}, FIRST: 1, LAST: step}


def _refusal(came: str, interval: Interval, allowed: Iterable[str]) -> str:
    numbers = [text for text in allowed if text.isdigit()]
    words = [text for text in allowed if not text.isdigit()]
    span = [f'"{numbers[0]}" to "{numbers[-1]}"'] if numbers else []
    return f"{came!r} does not fit a {interval} cycle, send " + " or ".join([*span, *(f'"{word}"' for word in words)])


def _starts_around(rule: CycleRule, on: date) -> tuple[date, date]:
    """The last start on or before a date, and the first one after it (domain.md 4.10)."""
    if on >= FOREVER_ON:
        return FOREVER_ON, FOREVER_ON
    if rule.interval is Interval.WEEKLY:
        weekday = _SUNDAY if rule.day == LAST else rule.day
        start = on - timedelta(days=(on.isoweekday() - weekday) % 7)
        return start, min(start + _WEEK, FOREVER_ON)
    step, position = _MONTHS[rule.interval], rule.month or 1
    month = on.year * _MONTHS_PER_YEAR + on.month - 1
    month -= (month - (position - 1)) % step
    start = _start_in(rule, month)
    if start > on:
        return _start_in(rule, month - step), start
    return start, min(_start_in(rule, month + step), FOREVER_ON)


def _start_in(rule: CycleRule, month: int) -> date:
    """The day on which a cycle starts in a month, counted from January of year 0."""
    year, january = divmod(month, _MONTHS_PER_YEAR)
    last = calendar.monthrange(year, january + 1)[1]
    return date(year, january + 1, last if rule.day == LAST else min(rule.day, last))


@dataclass(frozen=True, slots=True)
class Cycle:
    """One pricing cycle: the part inside its schedule, and the full calendar cycle that it is part of."""

    period: Period
    nominal: Period

    def days(self, zone: ZoneInfo) -> int:
        """Local days inside the schedule: `d` of domain.md 4.6."""
        return self.period.days(zone)

    def nominal_days(self, zone: ZoneInfo) -> int:
        """Local days of the full calendar cycle: `D` of domain.md 4.6."""
        return self.nominal.days(zone)


@lru_cache(maxsize=8192)
def _nominal(rule: CycleRule, on: date, zone: ZoneInfo) -> Period:
    start, end = _starts_around(rule, on)
    return Period(local_midnight(start, zone), local_midnight(end, zone))


def cycle_at(rule: CycleRule, within: Period, zone: ZoneInfo, instant: datetime) -> Cycle:
    """The cycle that holds an instant of the schedule whose range is `within`: cycleOf of domain.md 4.10.

    Raises:
        ValueError: when the instant lies outside `within`.
    """
    if not within.contains(instant):
        raise ValueError(f"{instant} lies outside the schedule from {within.start} to {within.end}")
    nominal = _nominal(rule, local_date(instant, zone), zone)
    return Cycle(Period(max(nominal.start, within.start), min(nominal.end, within.end)), nominal)


def cycle_after(rule: CycleRule, within: Period, zone: ZoneInfo, cycle: Cycle) -> Cycle | None:
    """The cycle that follows one of this schedule, or None after the last."""
    end = cycle.period.end
    return cycle_at(rule, within, zone, end) if end < within.end else None


def cycles(rule: CycleRule, within: Period, zone: ZoneInfo) -> Iterator[Cycle]:
    """All cycles of a schedule, one by one from its start; together they tile its range."""
    cycle = None if within.is_empty else cycle_at(rule, within, zone, within.start)
    while cycle is not None:
        yield cycle
        cycle = cycle_after(rule, within, zone, cycle)


def cycle_count(rule: CycleRule, within: Period, zone: ZoneInfo) -> int:
    """How many cycles a schedule has; counted from their starts, however many there are."""
    if within.is_empty:
        return 0
    first = rule.start_on_or_before(local_date(within.start, zone))
    # Not the day before: that may be one that never was.
    last = rule.start_on_or_before(local_date(within.end - MICROSECOND, zone))
    if rule.interval is Interval.WEEKLY:
        return (last - first) // _WEEK + 1
    months = (last.year - first.year) * _MONTHS_PER_YEAR + last.month - first.month
    return months // _MONTHS[rule.interval] + 1


def due_at(cycle_end: datetime, grace_days: int, zone: ZoneInfo) -> datetime:
    """When the invoice of a cycle falls due: its end plus the grace period in local days (domain.md 4.10)."""
    ends_on = local_date(cycle_end, zone)
    return local_midnight(ends_on + timedelta(days=min(grace_days, (FOREVER_ON - ends_on).days)), zone)
