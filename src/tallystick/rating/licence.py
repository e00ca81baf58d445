"""Licences: how many are held on each day, and what they cost in a cycle (domain.md 4.6).

With proration each day of a cycle costs what the quantity of that day would cost in the whole cycle, divided by the
days of the full calendar cycle; without, the highest quantity of any day is charged once. A usage cycle cuts the cycle
in windows that are priced like cycles of their own. In advance, the same is charged by what is booked when the cycle
starts, and each day's later changes by what they make of it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Protocol

from tallystick.accounts.licence import standings
from tallystick.kernel.micros import MICROSECOND
from tallystick.kernel.period import FOREVER, Period, local_date, local_midnight
from tallystick.kernel.quantity import ZERO
from tallystick.kernel.recurrence import CycleRule, Interval, cycles
from tallystick.rating.charge import LicenceCharge, Stretch, WindowCharge
from tallystick.rating.usage_card import UsagePrice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from tallystick.accounts.licence import LicenceEntry
    from tallystick.accounts.named_licence import NamedSpan
    from tallystick.catalog.rate_card import LicenseRateCard
    from tallystick.kernel.recurrence import Cycle

_DAY: Final = timedelta(days=1)
_WEEK: Final = 7
_MONTHS: Final = {Interval.MONTHLY: 1, Interval.QUARTERLY: 3, Interval.HALF_YEARLY: 6, Interval.ANNUALLY: 12}


class Holding(Protocol):
    """How much of a licence an account holds over time; days are those of the organisation's zone."""

    def on(self, day: date) -> Decimal:
        """The quantity of one day."""
        ...

    def during(self, first: date, behind: date) -> Decimal:
        """The quantity of the days from one until before another, taken as one."""
        ...

    def turns(self, first: date, behind: date) -> Iterable[date]:
        """The days between two, in any order, on which the quantity can differ from that of the day before."""
        ...

    def changed_on(self, within: Period) -> Sequence[date]:
        """The days on which something changed in a period, in their order."""
        ...

    def until(self, instant: datetime) -> Holding:
        """The same without what changed at an instant or later."""
        ...

    def booked_on(self, within: Period) -> Sequence[date]:
        """The days on which changes that count in bills in advance came to be known and in force, in their order."""
        ...

    def booked_until(self, instant: datetime) -> Holding:
        """The same without what was booked at an instant or later."""
        ...


class Seats:
    """Licences as their ledger counts them: of a day's entries, the highest quantity that one leaves is that day's.

    A day without entries has the quantity that the last entry before it left.
    """

    __slots__ = ("_days", "_entries", "_highest", "_last", "_zone")

    def __init__(self, entries: Sequence[LicenceEntry], zone: ZoneInfo) -> None:
        """Take the entries of one account and licence in the order in which they are in force."""
        self._entries = entries
        self._zone = zone
        highest: dict[date, Decimal] = {}
        last: dict[date, Decimal] = {}
        for entry, standing in zip(entries, standings(entries), strict=True):
            day, held = local_date(entry.effective_from, zone), max(standing, ZERO)
            highest[day] = max(highest.get(day, held), held)
            last[day] = held
        self._days = list(last)
        self._highest = list(highest.values())
        self._last = list(last.values())

    def on(self, day: date) -> Decimal:
        """The highest quantity that an entry of the day left, else what was held before."""
        place = bisect_right(self._days, day) - 1
        if place < 0:
            return ZERO
        return self._highest[place] if self._days[place] == day else self._last[place]

    def during(self, first: date, behind: date) -> Decimal:
        """The highest quantity of any day."""
        return max(map(self.on, (first, *self.turns(first, behind))))

    def turns(self, first: date, behind: date) -> Iterator[date]:
        """The days of entries and those after them."""
        for day in self._days[bisect_left(self._days, first) : bisect_left(self._days, behind)]:
            yield from (turn for turn in (day, day + _DAY) if first < turn < behind)

    def changed_on(self, within: Period) -> list[date]:
        """The days of entries that came into force in a period."""
        return self._days_of(entry.effective_from for entry in self._entries if within.contains(entry.effective_from))

    def until(self, instant: datetime) -> Seats:
        """The ledger without entries that came into force at an instant or later."""
        return Seats([entry for entry in self._entries if entry.effective_from < instant], self._zone)

    def booked_on(self, within: Period) -> list[date]:
        """The days of entries that were booked in a period."""
        return self._days_of(entry.booked_at for entry in self._entries if within.contains(entry.booked_at))

    def booked_until(self, instant: datetime) -> Seats:
        """The ledger without entries that were booked at an instant or later."""
        return Seats([entry for entry in self._entries if entry.booked_at < instant], self._zone)

    def _days_of(self, instants: Iterable[datetime]) -> list[date]:
        return sorted({local_date(instant, self._zone) for instant in instants})


class Names:
    """Named licences: the distinct names that held one at any time of a day, or of a window."""

    __slots__ = ("_spans", "_zone")

    def __init__(self, spans: Sequence[NamedSpan], zone: ZoneInfo) -> None:
        """Take the times in which names held the licence."""
        self._spans = spans
        self._zone = zone

    def on(self, day: date) -> Decimal:
        """The names that held it at any time of the day."""
        return self.during(day, day + _DAY)

    def during(self, first: date, behind: date) -> Decimal:
        """The names that held it at any time of these days, each counted once."""
        within = Period(local_midnight(first, self._zone), local_midnight(behind, self._zone))
        return Decimal(len({span.name for span in self._spans if span.held.intersect(within)}))

    def turns(self, first: date, behind: date) -> Iterator[date]:
        """The days on which a name came or went, and those after them."""
        for day in self._days_of(instant for span in self._spans for instant in (span.held.start, span.held.end)):
            yield from (turn for turn in (day, day + _DAY) if first < turn < behind)

    def changed_on(self, within: Period) -> list[date]:
        """The days on which a name came or went in a period."""
        bounds = (instant for span in self._spans for instant in (span.held.start, span.held.end))
        return self._days_of(instant for instant in bounds if within.contains(instant))

    def until(self, instant: datetime) -> Names:
        """The names without those that came, and with those that went, at an instant or later."""
        return Names(
            [
                replace(span, held=Period(span.held.start, FOREVER)) if span.held.end >= instant else span
                for span in self._spans
                if span.held.start < instant
            ],
            self._zone,
        )

    booked_on, booked_until = changed_on, until

    def _days_of(self, instants: Iterable[datetime]) -> list[date]:
        return sorted({local_date(instant, self._zone) for instant in instants})


class LicencePrice:
    """A licence card in one currency, ready to price what anybody holds."""

    __slots__ = ("_price", "card")

    def __init__(self, card: LicenseRateCard, currency: str) -> None:
        """Take a card of a plan.

        Raises:
            BillingError: of kind BROKEN, when the card has no rate in the currency.
        """
        self.card = card
        self._price = UsagePrice(card, currency)

    def charge(self, held: Holding, cycle: Cycle, zone: ZoneInfo) -> LicenceCharge:
        """What the licences that an account holds cost in a cycle."""
        return self._charge(held.during(*_days(cycle, zone)), self._windows(held, cycle, zone))

    def opening(self, held: Holding, cycle: Cycle, zone: ZoneInfo) -> LicenceCharge:
        """What is charged in advance when a cycle starts, for what is booked by then."""
        return self.charge(held.booked_until(_opened(cycle)), cycle, zone)

    def of(self, quantity: Decimal, cycle: Cycle, zone: ZoneInfo) -> LicenceCharge:
        """What one quantity costs, for a card whose charge depends on nothing else: no proration, no usage cycle."""
        return self._charge(quantity, [self._priced(cycle, zone, quantity, [(quantity, 1)])])

    def change(self, held: Holding, cycle: Cycle, day: Period, zone: ZoneInfo) -> LicenceCharge:
        """What the changes booked on one day of a cycle add to its charge in advance, or take from it.

        With proration that is the difference between the charges with and without them. Without, it is what a new
        highest quantity costs more than the highest that was billed so far (domain.md 4.6).
        """
        start = max(day.start, _opened(cycle))
        before, after = held.booked_until(start), held.booked_until(day.end)
        on = local_date(day.start, zone)
        windows = []
        for window in windows_of(cycle, self.card.usage_cycle, zone):
            first, behind = _days(window, zone)
            if self.card.enable_proration:
                shares = _difference(_shares(after, first, behind), _shares(before, first, behind))
            else:
                billed = max(known.during(first, behind) for known in _billed(held, cycle, start, zone))
                shares = _difference([(max(billed, after.during(first, behind)), 1)], [(billed, 1)])
            if shares:
                shown = min(max(on, first), behind - _DAY)
                windows.append(self._priced(window, zone, after.on(shown) - before.on(shown), shares))
        return self._charge(after.on(on) - before.on(on), windows)

    def _charge(self, quantity: Decimal, windows: Sequence[WindowCharge]) -> LicenceCharge:
        return LicenceCharge(
            billable_id=self.card.id,
            display_name=self._price.name,
            tag=self.card.tag,
            quantity=quantity,
            windows=tuple(windows),
            has_usage_cycle=self.card.usage_cycle is not None,
        )

    def _windows(self, held: Holding, cycle: Cycle, zone: ZoneInfo) -> list[WindowCharge]:
        return [self._window(held, window, zone) for window in windows_of(cycle, self.card.usage_cycle, zone)]

    def _window(self, held: Holding, window: Cycle, zone: ZoneInfo) -> WindowCharge:
        first, behind = _days(window, zone)
        quantity = held.during(first, behind)
        shares = _shares(held, first, behind) if self.card.enable_proration else [(quantity, 1)]
        return self._priced(window, zone, quantity, shares)

    def _priced(
        self, window: Cycle, zone: ZoneInfo, quantity: Decimal, shares: Sequence[tuple[Decimal, int]]
    ) -> WindowCharge:
        first, behind = _days(window, zone)
        return WindowCharge(
            first=first,
            last=behind - _DAY,
            quantity=quantity,
            cycle_days=window.nominal_days(zone) if self.card.enable_proration else None,
            stretches=tuple(Stretch(days=days, charge=self._price.charge(units)) for units, days in shares),
        )


def windows_of(cycle: Cycle, interval: Interval | None, zone: ZoneInfo) -> list[Cycle]:
    """The windows in which a usage cycle cuts a pricing cycle, from its nominal start on; the last may be cut short.

    Without a usage cycle, and with one that is longer, the cycle is its own window.
    """
    start, end = local_date(cycle.nominal.start, zone), local_date(cycle.nominal.end, zone)
    if interval is None or (end - start).days <= _WEEK:
        return [cycle]
    if interval is Interval.WEEKLY:
        rule = CycleRule(interval, start.isoweekday())
    else:
        # Of a cycle from 28 February to 31 May the days are the 31st: a month that lacks it has moved one of them.
        month = None if interval is Interval.MONTHLY else (start.month - 1) % _MONTHS[interval] + 1
        rule = CycleRule(interval, max(start.day, end.day), month)
    if rule.next_start_after(start) > end:
        return [cycle]
    return list(cycles(rule, cycle.period, zone))


def _shares(held: Holding, first: date, behind: date) -> list[tuple[Decimal, int]]:
    """The quantities of successive days, each with for how many days it stood."""
    bounds = [*sorted({first, *held.turns(first, behind)}), behind]
    shares: list[tuple[Decimal, int]] = []
    for start, end in pairwise(bounds):
        quantity, days = held.on(start), (end - start).days
        if shares and shares[-1][0] == quantity:
            days += shares.pop()[1]
        shares.append((quantity, days))
    return shares


def _difference(
    after: Sequence[tuple[Decimal, int]], before: Sequence[tuple[Decimal, int]]
) -> list[tuple[Decimal, int]]:
    """The days of each quantity that there are more, then, below zero, those that there are fewer."""
    days: dict[Decimal, int] = {}
    for sign, shares in ((1, after), (-1, before)):
        for quantity, count in shares:
            days[quantity] = days.get(quantity, 0) + sign * count
    changed = [(quantity, count) for quantity, count in days.items() if count]
    return sorted(changed, key=lambda share: share[1] < 0)


def _billed(held: Holding, cycle: Cycle, before: datetime, zone: ZoneInfo) -> Iterator[Holding]:
    """What was known each time that a cycle was billed in advance before an instant: at its start, and day by day."""
    yield held.booked_until(_opened(cycle))
    for day in held.booked_on(Period(cycle.period.start, before)):
        yield held.booked_until(min(local_midnight(day + _DAY, zone), before))


def _opened(cycle: Cycle) -> datetime:
    """The instant before which everything is booked that the bill at the start of a cycle takes."""
    return cycle.period.start + MICROSECOND


def _days(cycle: Cycle, zone: ZoneInfo) -> tuple[date, date]:
    """The first local day of a cycle, and the first one behind it."""
    return local_date(cycle.period.start, zone), local_date(cycle.period.end, zone)
