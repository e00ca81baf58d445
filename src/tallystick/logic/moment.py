"""Moments and durations as texts: ISO 8601 with an offset, and the two ISO duration forms that rules know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

NANOSECONDS: Final = 10**9
"""Nanoseconds in a second: the finest step of a moment and of a duration."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WIDEST_OFFSET: Final = timedelta(hours=18)

_MOMENT: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?"
    r"(?:[Zz]|([+-])(\d\d)(?::?([0-5]\d)(?::?([0-5]\d))?)?)",
    re.ASCII,
)
_CALENDAR_DURATION: Final = re.compile(
    r"-?P(?=.)(?:(\d{1,9})Y)?(?:(\d{1,9})M)?(?:(\d{1,9})D)?"
    r"(?:T(?=.)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.\d+)?S)?)?",
    re.ASCII,
)
_EXACT_DURATION: Final = re.compile(
    r"([+-])?P(?=.)(?:([+-]?\d{1,18})D)?"
    r"(?:T(?=.)(?:([+-]?\d{1,18})H)?(?:([+-]?\d{1,18})M)?(?:([+-]?\d{1,18})(?:[.,](\d{0,9}))?S)?)?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time with the offset it was written in; equal when the instants are equal."""

    at: datetime
    nanosecond: int

    @property
    def since_epoch(self) -> int:
        """Nanoseconds since 1970-01-01T00:00Z."""
        return (self.at - _EPOCH) // timedelta(seconds=1) * NANOSECONDS + self.nanosecond

    def __str__(self) -> str:
        """As java.time writes it: zero seconds are left out, fractions have three, six or nine digits."""
        text = f"{self.at.date().isoformat()}T{self.at.hour:02}:{self.at.minute:02}"
        if self.at.second or self.nanosecond:
            text += f":{self.at.second:02}"
        if self.nanosecond:
            text += "." + re.sub("(000){1,2}$", "", f"{self.nanosecond:09}")
        offset = self.at.isoformat()[19:]
        return text + ("Z" if offset == "+00:00" else offset)


def moment(text: str) -> Moment | None:
    """The moment that an ISO 8601 text names, or None; time and offset are mandatory, years 0001 to 9999."""
    found = _MOMENT.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, sign, *offset = found.groups()
    hours, minutes, seconds = (int(part or 0) for part in offset)
    ahead = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if ahead > _WIDEST_OFFSET:
        return None
    zone = timezone(-ahead if sign == "-" else ahead)
    try:
        at = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), tzinfo=zone)
    except ValueError:
        return None
    return Moment(at, int((fraction or "").ljust(9, "0")))


def calendar_duration(text: str) -> tuple[int, int, int, int, int, int] | None:
    """Years, months, days, hours, minutes, whole seconds of an XML Schema duration, PnYnMnDTnHnMnS, or None.

    The sign is lost and fractions of a second are dropped, as in the fork: "-P1D" is one day.
    """
    found = _CALENDAR_DURATION.fullmatch(text)
    if not found:
        return None
    years, months, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return years, months, days, hours, minutes, seconds


def exact_duration(text: str) -> int | None:
    """The nanoseconds of a duration in days and smaller units, PnDTnHnMnS as java.time reads it, or None."""
    found = _EXACT_DURATION.fullmatch(text)
    if not found:
        return None
    sign, days, hours, minutes, seconds, fraction = found.groups()
    whole = ((int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    nanoseconds = int((fraction or "").ljust(9, "0"))
    total = whole * NANOSECONDS + (-nanoseconds if (seconds or "").startswith("-") else nanoseconds)
    return -total if sign == "-" else total


def exact_duration_text(nanoseconds: int) -> str:
    """A duration in hours and smaller units, as java.time writes it: 100 days is PT2400H, zero is PT0S."""
    sign = "-" if nanoseconds < 0 else ""
    whole, fraction = divmod(abs(nanoseconds), NANOSECONDS)
    hours, minutes, seconds = whole // 3600, whole // 60 % 60, whole % 60
    text = "PT" + (f"{sign}{hours}H" if hours else "") + (f"{sign}{minutes}M" if minutes else "")
    if fraction:
        return f"{text}{sign}{seconds}.{f'{fraction:09}'.rstrip('0')}S"
    return f"{text}{sign}{seconds}S" if seconds or text == "PT" else text
