"""Spans of whole days as ISO 8601 writes them: P10D, P2W, P1M, P1Y6M, and PT240H for ten days."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

_FORM: Final = re.compile(
    r"P(?=.)(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,6})D)?(?:T(\d{1,7})H)?", re.ASCII
)
_MONTHS_PER_YEAR: Final = 12
_DAYS_PER_WEEK: Final = 7
_HOURS_PER_DAY: Final = 24
_MONTH: Final = (28, 31)
_YEAR: Final = (365, 366)
"""Days of the shortest and of the longest one."""
_LONGEST: Final = 100
"""Years that a span may last."""


@dataclass(frozen=True, slots=True)
class DaySpan:
    """Calendar months, and days behind them; at least one of either."""

    months: int
    days: int

    @classmethod
    def of(cls, text: str) -> DaySpan:
        """The span that an ISO 8601 duration stands for.

        Raises:
            ValueError: when the text is no duration of whole days, lasts no time at all or more than 100 years.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(f"{text[:40]!r} is no ISO 8601 duration of whole days")
        years, months, weeks, days, hours = (int(part or 0) for part in found.groups())
        whole, rest = divmod(hours, _HOURS_PER_DAY)
        span = cls(years * _MONTHS_PER_YEAR + months, weeks * _DAYS_PER_WEEK + days + whole)
        if rest:
            raise ValueError(f"{text!r} does not last whole days")
        if not (span.months or span.days):
            raise ValueError(f"{text!r} lasts no time at all")
        if span.months > _LONGEST * _MONTHS_PER_YEAR or span.days > _LONGEST * 366:
            raise ValueError(f"{text!r} lasts more than {_LONGEST} years")
        return span

    def after(self, on: date) -> date:
        """The day so much later: first the months, where a day that a month lacks is its last one, then the days."""
        years, january = divmod(on.month - 1 + self.months, _MONTHS_PER_YEAR)
        year, month = on.year + years, january + 1
        return date(year, month, min(on.day, monthrange(year, month)[1])) + timedelta(days=self.days)

    def ends_behind(self, other: DaySpan) -> bool:
        """Whether this span ends after another one whatever day both begin on, by the shortest and longest months."""
        months, days = self.months - other.months, self.days - other.days
        length = 0 if months >= 0 else 1
        years, rest = divmod(abs(months), _MONTHS_PER_YEAR)
        apart = years * _YEAR[length] + rest * _MONTH[length]
        return days + (apart if months >= 0 else -apart) > 0
