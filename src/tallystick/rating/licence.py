"""Licences: how many are held on each day, and what they cost in a cycle (domain.md 4.6).

With proration each day of a cycle costs what the quantity of that day would cost in the whole cycle, divided by the
days of the full calendar cycle; without, the highest quantity of any day is charged once. A usage cycle cuts the cycle
in windows that are priced like cycles of their own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Protocol

from tallystick.accounts.licence import standings
from tallystick.kernel.period import local_date
from tallystick.kernel.quantity import ZERO
from tallystick.kernel.recurrence import CycleRule, Interval, cycles
from tallystick.rating.charge import LicenceCharge, Stretch, WindowCharge
from tallystick.rating.usage_card import UsagePrice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from decimal import Decimal
    from zoneinfo import ZoneInfo

    from tallystick.accounts.licence import LicenceEntry
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


class Seats:
    """Licences as their ledger counts them: of a day's entries, the highest quantity that one leaves is that day's.

    A day without entries has the quantity that the last entry before it left.
    """

    __slots__ = ("_days", "_highest", "_last")

    def __init__(self, days: Sequence[date], highest: Sequence[Decimal], last: Sequence[Decimal]) -> None:
        """Take the days that have entries, and the highest and the last quantity that those of each leave."""
        self._days = days
        self._highest = highest
        self._last = last

    @classmethod
    def of(cls, entries: Sequence[LicenceEntry], zone: ZoneInfo) -> Seats:
        """The entries of one account and licence, which come in the order in which they are in force."""
        highest: dict[date, Decimal] = {}
        last: dict[date, Decimal] = {}
        for entry, standing in zip(entries, standings(entries), strict=True):
            day, held = local_date(entry.effective_from, zone), max(standing, ZERO)
            highest[day] = max(highest.get(day, held), held)
            last[day] = held
        return cls(list(last), list(highest.values()), list(last.values()))

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
        for day in self._days[bisect_left(self._days, first - _DAY) : bisect_left(self._days, behind)]:
            yield from (turn for turn in (day, day + _DAY) if first < turn < behind)


NOTHING_HELD: Final[Holding] = Seats((), (), ())


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


def _days(cycle: Cycle, zone: ZoneInfo) -> tuple[date, date]:
    """The first local day of a cycle, and the first one behind it."""
    return local_date(cycle.period.start, zone), local_date(cycle.period.end, zone)
