"""Dates and durations: date, date.add, date.sub, duration.of, duration.between, duration.as.

Bad input gives null (domain.md 3.3); only a wrong number of arguments is an error.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tallystick.logic import moment
from tallystick.logic.evaluation import OperatorError
from tallystick.logic.moment import NANOSECONDS, Moment
from tallystick.logic.number import from_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from tallystick.logic.value import Value

_LENGTH: Final = {
    "NANOS": 1,
    "MICROS": 10**3,
    "MILLIS": 10**6,
    "SECONDS": NANOSECONDS,
    "MINUTES": 60 * NANOSECONDS,
    "HOURS": 3_600 * NANOSECONDS,
    "HALF_DAYS": 43_200 * NANOSECONDS,
    "DAYS": 86_400 * NANOSECONDS,
}
"""Nanoseconds in each unit that has one length."""

_CALENDAR_UNITS: Final = {"WEEKS": (7, "D"), "MONTHS": (1, "M"), "YEARS": (1, "Y")}
"""Weeks are written in days, as java.time writes them and as date.add reads them."""

UNITS: Final = (*_LENGTH, *_CALENDAR_UNITS)
"""What `duration.of` makes durations from."""

COUNTED_UNITS: Final = ("MILLIS", "SECONDS", "MINUTES", "HOURS", "DAYS")
"""What `duration.as` counts durations in."""


_LONG: Final = range(-(2**63), 2**63)
"""What the fork counts seconds and units with: 64 bits."""


def date(values: list[Value]) -> Value:
    """The moment that a text names, for == and !=; null for a bad text (decided, domain.md X-06).

    Anything but a text is false; without an argument it is null.

    Raises:
        OperatorError: for more than one argument.
    """
    if len(values) > 1:
        raise OperatorError(f"takes one argument, got {len(values)}")
    if not values:
        return None
    return moment.moment(values[0]) if isinstance(values[0], str) else False


def shifted(direction: int) -> Callable[[list[Value]], Value]:
    """`date.add` (direction 1) or `date.sub` (-1): the text of a date moved by a calendar duration."""

    def apply(values: list[Value]) -> Value:
        start, duration = _pair(values)
        if not isinstance(start, str) or not isinstance(duration, str):
            return None
        from_, by = moment.moment(start), moment.calendar_duration(duration)
        if from_ is None or by is None:
            return None
        try:
            return str(_moved(from_, *(direction * amount for amount in by)))
        except (ValueError, OverflowError):  # before year 1 or after year 9999
            return None

    return apply


def _moved(start: Moment, years: int, months: int, days: int, hours: int, minutes: int, seconds: int) -> Moment:
    at = _months_later(_months_later(start.at, 12 * years), months)
    at += timedelta(days=days)
    at += timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return Moment(at, start.nanosecond)


def _months_later(at: datetime, months: int) -> datetime:
    """The same day that many months on, or the month's last day where it has no such day."""
    years, month = divmod(at.month - 1 + months, 12)
    year = at.year + years
    return at.replace(year=year, month=month + 1, day=min(at.day, monthrange(year, month + 1)[1]))


def duration_between(values: list[Value]) -> Value:
    """`duration.between`: the time from one date text to another, as an ISO text."""
    start, end = (moment.moment(value) if isinstance(value, str) else None for value in _pair(values))
    if start is None or end is None:
        return None
    return moment.exact_duration_text(end.since_epoch - start.since_epoch)


def duration_of(values: list[Value]) -> Value:
    """`duration.of`: so many units as ISO text: 90 MINUTES is PT1H30M, 3 MONTHS P3M, 2 WEEKS P14D."""
    amount, unit = _pair(values)
    count = _count(amount)
    if count is None or not isinstance(unit, str):
        return None
    if unit in _CALENDAR_UNITS:
        factor, letter = _CALENDAR_UNITS[unit]
        return f"P{count * factor}{letter}"
    nanoseconds = count * _LENGTH.get(unit, 0)
    if unit not in _LENGTH or nanoseconds // NANOSECONDS not in _LONG:
        return None
    return moment.exact_duration_text(nanoseconds)


def _count(amount: Value) -> int | None:
    """The whole number written there in plain digits, else None: 1.0 and 1E+2 are not; a blank text is 0."""
    number = amount
    if isinstance(amount, str):
        number = from_text(amount if amount.strip() else "0")
    if not isinstance(number, Decimal) or number.as_tuple().exponent != 0 or int(number) not in _LONG:
        return None
    return int(number)


def duration_as(values: list[Value]) -> Value:
    """`duration.as`: whole units in an ISO duration; SECONDS are rounded down, the others toward zero."""
    text, unit = _pair(values)
    nanoseconds = moment.exact_duration(text) if isinstance(text, str) else None
    if nanoseconds is None or not isinstance(unit, str) or unit not in COUNTED_UNITS:
        return None
    whole, rest = divmod(nanoseconds, _LENGTH[unit])
    if rest and nanoseconds < 0 and unit != "SECONDS":
        whole += 1
    return Decimal(whole) if whole in _LONG else None


def _pair(values: list[Value]) -> tuple[Value, Value]:
    match values:
        case [one, other]:
            return one, other
        case _:
            raise OperatorError(f"takes two arguments, got {len(values)}")
