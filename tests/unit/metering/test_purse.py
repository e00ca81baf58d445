"""What accounts may use of a feature: all or nothing, in order, never below nothing (domain.md 6.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.period import Period
from tallystick.metering.purse import Debit, Part, Pot, Purse, Purses

JANUARY = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
ACME = ("acme", "feature.calls")


def pot(name: str, left: object, *, ends: int = 31, starts: int = 0, overage: bool = False) -> Pot:
    """A pot from one day of January until another."""
    valid = Period(JANUARY.start + timedelta(days=starts), JANUARY.start + timedelta(days=ends))
    return Pot(name, valid, None if left is None else Decimal(str(left)), overage)


def debit(row: int, position: int, name: str, units: object, *, back: bool = False) -> Debit:
    return Debit(row, position, *ACME, name, Decimal(str(units)), back)


class TestAPurse:
    @pytest.mark.parametrize(
        ("pots", "units", "parts"),
        [
            ([pot("a", 10)], "10", [("a", "10")]),
            ([pot("a", 10)], "10.000000000001", None),
            ([], "0", []),
            ([pot("a", 10)], "0", []),
            ([pot("late", 10, ends=31), pot("soon", 10, ends=20)], "15", [("soon", "10"), ("late", "5")]),
            ([pot("a", 10, starts=5), pot("b", 10, starts=1)], "15", [("b", "10"), ("a", "5")]),
            ([pot("b", 10), pot("a", 10)], "15", [("a", "10"), ("b", "5")]),
            ([pot("over", None, ends=11, overage=True), pot("a", 10)], "15", [("a", "10"), ("over", "5")]),
            ([pot("over", 4, overage=True), pot("a", 10)], "15", None),
            ([pot("over", None, overage=True)], "9999999999", [("over", "9999999999")]),
            ([pot("past", 10, ends=9), pot("future", 10, starts=10), pot("a", 1)], "1", [("a", "1")]),
            ([pot("past", 10, ends=9), pot("future", 10, starts=10), pot("a", 1)], "2", None),
            ([pot("empty", 0, ends=20), pot("a", 1)], "1", [("a", "1")]),
        ],
    )
    def test_gives_all_the_units_or_none(
        self, pots: list[Pot], units: str, parts: list[tuple[str, str]] | None
    ) -> None:
        found = Purse(pots).parts(Decimal(units), NOON)
        assert found == (None if parts is None else tuple(Part(name, Decimal(some)) for name, some in parts))


class TestPurses:
    def test_what_was_recorded_is_offered_again_whatever_is_left(self) -> None:
        recorded = debit(5, 70, "a", 4)
        purses = Purses({ACME: [pot("a", 0)]}, recorded=[recorded])
        offered = purses.offered(5, 70, ACME, Decimal(4), NOON)
        assert offered == [recorded]
        purses.pay(offered)
        purses.settle(5)
        assert purses.booked == []
        assert purses.offered(5, 71, ACME, Decimal(1), NOON) is None

    @pytest.mark.parametrize(("purse", "units"), [(("zenith", ACME[1]), 4), (ACME, 3)])
    def test_what_was_recorded_for_another_event_goes_back(self, purse: tuple[str, str], units: int) -> None:
        purses = Purses({ACME: [pot("b", 9)], ("zenith", ACME[1]): [pot("z", 9)]}, recorded=[debit(5, 70, "a", 4)])
        offered = purses.offered(5, 70, purse, Decimal(units), NOON)
        assert offered is not None
        purses.pay(offered)
        purses.settle(5)
        assert purses.booked == [*offered, debit(5, 70, "a", 4, back=True)]

    def test_what_was_recorded_for_an_event_that_does_not_count_after_all_goes_back(self) -> None:
        recorded, later = debit(5, 70, "a", 4), debit(9, 90, "a", 1)
        purses = Purses({ACME: [pot("a", 0)]}, recorded=[recorded, later])
        purses.settle(5)
        assert purses.booked == [debit(5, 70, "a", 4, back=True)]

    def test_what_was_debited_and_given_back_by_one_row_is_so_again(self) -> None:
        recorded = [debit(5, 7, "a", 4), debit(5, 7, "a", 4, back=True)]
        purses = Purses({ACME: [pot("a", 4)]}, recorded=recorded)
        offered = purses.offered(5, 7, ACME, Decimal(4), NOON)
        assert offered is not None
        purses.pay(offered)
        purses.give_back(5, 7)
        purses.settle(5)
        assert purses.booked == []

    def test_what_went_back_already_does_not_go_back_again(self) -> None:
        recorded = [debit(5, 70, "a", 4), debit(5, 70, "a", 4, back=True)]
        purses = Purses({ACME: [pot("a", 4)]}, recorded=recorded)
        purses.settle(5)
        assert purses.booked == []

    def test_an_event_gives_back_what_stands_of_it_once(self) -> None:
        standing = [debit(5, 70, "a", 4), debit(5, 70, "b", 1)]
        purses = Purses({ACME: [pot("a", 0)]}, standing=standing)
        purses.give_back(8, 70)
        purses.give_back(9, 70)
        assert purses.booked == [debit(8, 70, "a", 4, back=True), debit(8, 70, "b", 1, back=True)]
        assert purses.offered(8, 80, ACME, Decimal(4), NOON) == [debit(8, 80, "a", 4)]
        assert purses.offered(8, 80, ACME, Decimal(5), NOON) is None  # b is gone, and what came back to it

    def test_what_came_back_before_does_not_stand(self) -> None:
        standing = [debit(5, 70, "a", 4), debit(6, 70, "a", 4, back=True)]
        purses = Purses({}, standing=standing)
        purses.give_back(8, 70)
        assert purses.booked == []

    def test_what_was_given_back_before_a_crash_is_not_given_back_again(self) -> None:
        back = debit(8, 70, "a", 4, back=True)
        purses = Purses({ACME: [pot("a", 4)]}, recorded=[back], standing=[debit(5, 70, "a", 4)])
        purses.give_back(8, 70)
        assert purses.booked == []
        assert purses.offered(8, 80, ACME, Decimal(5), NOON) is None


@dataclass
class Slow:
    """The same by fractions and dictionaries, written from domain.md 6.3 alone."""

    left: dict[str, Fraction | None]
    spans: dict[str, tuple[datetime, datetime, bool]]
    events: dict[int, dict[str, Fraction]] = field(default_factory=dict)

    def use(self, position: int, units: Fraction, at: datetime) -> bool:
        usable = [name for name, (start, end, _) in self.spans.items() if start <= at < end]
        usable.sort(key=lambda name: (self.spans[name][2], self.spans[name][1], self.spans[name][0], name))
        taken: dict[str, Fraction] = {}
        for name in usable:
            missing = units - sum(taken.values())
            have = self.left[name]
            some = missing if have is None else min(have, missing)
            if some:
                taken[name] = some
        if sum(taken.values()) < units:
            return False
        for name, some in taken.items():
            have = self.left[name]
            self.left[name] = None if have is None else have - some
        self.events[position] = taken
        return True

    def undo(self, position: int) -> None:
        for name, some in self.events.pop(position, {}).items():
            have = self.left[name]
            self.left[name] = None if have is None else have + some


UNITS = st.decimals(min_value=0, max_value=40, places=12)
DAYS = st.integers(0, 30)


@st.composite
def pots(draw: st.DrawFn) -> list[Pot]:
    """Some pots with times and limits of all kinds."""
    found = []
    for number in range(draw(st.integers(0, 5))):
        starts, lasts = draw(DAYS), draw(st.integers(1, 20))
        overage = draw(st.booleans())
        left = None if overage and draw(st.booleans()) else draw(UNITS)
        found.append(pot(f"p{number}", left, starts=starts, ends=starts + lasts, overage=overage))
    return found


@given(pots(), st.lists(st.one_of(st.tuples(UNITS, DAYS), st.integers(0, 20)), max_size=20))
def test_purses_agree_with_a_slow_model(held: list[Pot], steps: list[tuple[Decimal, int] | int]) -> None:
    """Events and corrections in any order: the same ones get units, the same is left, and nothing falls below zero."""
    slow = Slow(
        {one.entry_id: None if one.left is None else Fraction(one.left) for one in held},
        {one.entry_id: (one.valid.start, one.valid.end, one.is_overage) for one in held},
    )
    purses = Purses({ACME: held})
    for position, step in enumerate(steps):
        if isinstance(step, int):
            purses.give_back(position, step)
            slow.undo(step)
        else:
            at = JANUARY.start + timedelta(days=step[1])
            offered = purses.offered(position, position, ACME, step[0], at)
            assert (offered is not None) == slow.use(position, Fraction(step[0]), at)
            if offered is not None:
                purses.pay(offered)
    used = {one.entry_id: Fraction(0) for one in held}
    for booked in purses.booked:
        used[booked.entry_id] += -Fraction(booked.units) if booked.is_return else Fraction(booked.units)
    for one in held:
        if one.left is not None:
            assert Fraction(one.left) - used[one.entry_id] == slow.left[one.entry_id] >= 0
