"""What was used, served from other entries: by hand, and against a model of fractions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tallystick.credits.feature_credit import CreditSource, FeatureCredit, FeatureGrant
from tallystick.credits.other_units import OtherUnits, UnitsUsed
from tallystick.kernel.period import Period

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
JANUARY = Period(START, START + 31 * DAY)
FEBRUARY = Period(JANUARY.end, JANUARY.end + 28 * DAY)


def grant(
    name: str, units: object, first: int = 0, end: int = 31, source: CreditSource = CreditSource.PRICE_PLAN
) -> FeatureGrant:
    """Units from one day of the year until another, counted from 0; None without a limit."""
    granted = None if units is None else Decimal(str(units))
    return FeatureGrant(name, "acme", "feature.calls", source, granted, Period(START + first * DAY, START + end * DAY))


def beyond(name: str, units: object = None, first: int = 0, end: int = 31) -> FeatureGrant:
    """Overage, with a limit or without one."""
    return grant(name, units, first, end, CreditSource.OVERAGE)


def kept(one: FeatureGrant, *, made: int = 0, used: object = 0, void: bool = False) -> FeatureCredit:
    """An entry that was made on a day."""
    return FeatureCredit(one, Decimal(str(used)), void, 0, START + made * DAY, START + made * DAY)


def used(position: int, units: object, day: float, came: float | None = None) -> UnitsUsed:
    """What an event used on a day, which came in at once or on another one."""
    return UnitsUsed(position, Decimal(str(units)), START + day * DAY, START + (day if came is None else came) * DAY)


def served(units: OtherUnits, *events: UnitsUsed) -> tuple[dict[int, Decimal], Decimal]:
    """What went beyond, by the day on which its cycle starts, and what would have been refused."""
    for event in events:
        units.use(event)
    return {(start - START) // DAY: amount for start, amount in units.beyond.items()}, units.unserved


def test_overage_comes_last_and_is_told_by_its_cycle() -> None:
    """10 units in January; 8 and 7 are used: 5 beyond. In February none are granted: 3 beyond."""
    units = OtherUnits([grant("a", 10), beyond("o1"), beyond("o2", None, 31, 59)], cycles=[JANUARY, FEBRUARY])
    assert served(units, used(1, 8, 3), used(2, 7, 4), used(3, 3, 40)) == ({0: 5, 31: 3}, 0)


def test_an_event_gets_what_there_is_and_the_rest_is_told_for_the_cycles_asked_for() -> None:
    """4 granted and 5 allowed beyond: of 12 are 3 too many. In February, which nobody asks for, 6 of 6 are."""
    units = OtherUnits([grant("a", 4), beyond("o", 5)], cycles=[JANUARY])
    assert served(units, used(1, 12, 3), used(2, 6, 40)) == ({0: 5}, 3)


def test_what_is_taken_back_goes_where_it_came_from() -> None:
    """Of 10 units the first takes 6, the second 4 and 3 beyond; without the first 6 are there again for the third."""
    units = OtherUnits([grant("a", 10), beyond("o", 4)], cycles=[JANUARY], given_back={1, 3})
    served(units, used(1, 6, 3), used(2, 7, 4))
    units.give_back(1)
    assert served(units, used(3, 8, 5)) == ({0: 4}, 1)
    units.give_back(3)
    units.give_back(3)
    assert served(units, used(4, 6, 6)) == ({0: 3}, 0)
    assert served(units, used(5, 1, 6)) == ({0: 4}, 0)


def test_what_was_bought_is_there_when_it_was_bought_and_of_a_void_entry_what_was_used() -> None:
    """5 bought on the 10th are not there for what came in on the 9th; of 9 that are void 2 were used."""
    bought = kept(grant("b", 5, source=CreditSource.ENTITLEMENT), made=10)
    void = kept(grant("v", 9, source=CreditSource.ENTITLEMENT), made=2, used=2, void=True)
    units = OtherUnits([beyond("o")], [bought, void])
    assert served(units, used(1, 3, 8, came=9)) == ({0: 1}, 0)
    assert served(units, used(2, 6, 8, came=10)) == ({0: 2}, 0)


def test_what_other_plans_grant_is_there_from_the_beginning_and_their_overage_is_theirs() -> None:
    """3 units of another plan and 2 beyond by it, then 1 beyond by this one."""
    other = [kept(grant("p", 3), made=20), kept(beyond("q", 2, end=20), made=20)]
    units = OtherUnits([beyond("o")], other)
    assert served(units, used(1, 6, 5)) == ({0: 1}, 0)


@dataclass
class Model:
    """The same by fractions and dictionaries, one search of the least entry after the other."""

    left: dict[str, Fraction | None]
    entries: dict[str, FeatureGrant]
    parts: dict[int, dict[str, Fraction]] = field(default_factory=dict)
    missing: Fraction = Fraction(0)

    def use(self, event: UnitsUsed) -> None:
        """Take one entry after the other until nothing is missing."""
        wanted, taken = Fraction(event.units), {}
        while wanted:
            usable = [
                name
                for name, one in self.entries.items()
                if one.valid.start <= event.event_at < one.valid.end and name not in taken and self.left[name] != 0
            ]
            if not usable:
                break
            name = min(usable, key=self._rank)
            left = self.left[name]
            taken[name] = wanted if left is None else min(left, wanted)
            self.left[name] = None if left is None else left - taken[name]
            wanted -= taken[name]
        self.missing += wanted
        self.parts[event.position] = taken

    def _rank(self, name: str) -> tuple[bool, datetime, datetime, str]:
        one = self.entries[name]
        return one.source is CreditSource.OVERAGE, one.valid.end, one.valid.start, name

    def overage(self) -> Fraction:
        """What all events took beyond."""
        found = [(name, some) for parts in self.parts.values() for name, some in parts.items()]
        return sum((some for name, some in found if self.entries[name].source is CreditSource.OVERAGE), Fraction(0))


amounts = st.integers(0, 50_000).map(lambda thousandths: Decimal(thousandths).scaleb(-3))
spans = st.tuples(st.integers(0, 58), st.integers(1, 59)).map(lambda one: (one[0], min(one[0] + one[1], 59)))
pots = st.lists(st.tuples(amounts, spans, st.booleans()), max_size=6)
uses = st.lists(st.tuples(amounts, st.integers(0, 58)), max_size=12)


@given(pots, uses)
def test_a_model_of_fractions_finds_the_same(
    granted: list[tuple[Decimal, tuple[int, int], bool]], events: list[tuple[Decimal, int]]
) -> None:
    grants = [
        beyond(f"e{number}", amount or None, *span) if is_overage else grant(f"e{number}", amount, *span)
        for number, (amount, span, is_overage) in enumerate(granted)
    ]
    model = Model(
        {one.id: None if one.granted is None else Fraction(one.granted) for one in grants},
        {one.id: one for one in grants},
    )
    units = OtherUnits(grants, cycles=[Period(START, START + 59 * DAY)])
    for position, (amount, day) in enumerate(events):
        units.use(used(position, amount, day))
        model.use(used(position, amount, day))
    assert Fraction(sum(units.beyond.values(), Decimal(0))) == model.overage()
    assert Fraction(units.unserved) == model.missing


@given(uses, st.lists(amounts, min_size=2, max_size=2), st.randoms(use_true_random=False))
def test_units_for_the_whole_cycle_make_the_overage_that_a_sum_tells(
    events: list[tuple[Decimal, int]], sizes: list[Decimal], chance: object
) -> None:
    """Where all units are of the whole cycle, no order matters: what was used less what was granted, if above 0."""
    units = OtherUnits([grant("a", sizes[0]), grant("b", sizes[1]), beyond("o")], cycles=[JANUARY])
    within = [(amount, day % 31) for amount, day in events]
    chance.shuffle(within)  # type: ignore[attr-defined]
    served(units, *(used(position, amount, day) for position, (amount, day) in enumerate(within)))
    total = sum((amount for amount, _ in within), Decimal(0))
    assert units.beyond[START] == max(total - sizes[0] - sizes[1], 0)
    assert units.unserved == 0


@given(pots, uses, uses)
def test_events_that_are_taken_back_leave_nothing_behind(
    granted: list[tuple[Decimal, tuple[int, int], bool]],
    gone: list[tuple[Decimal, int]],
    events: list[tuple[Decimal, int]],
) -> None:
    def plain() -> OtherUnits:
        made = [
            beyond(f"e{number}", amount, *span) if is_overage else grant(f"e{number}", amount, *span)
            for number, (amount, span, is_overage) in enumerate(granted)
        ]
        return OtherUnits(made, cycles=[Period(START, START + 59 * DAY)], given_back=range(100, 200))

    one, other = plain(), plain()
    for position, (amount, day) in enumerate(gone, 100):
        one.use(used(position, amount, day))
    for position in range(100, 100 + len(gone)):
        one.give_back(position)
    for position, (amount, day) in enumerate(events):
        one.use(used(position, amount, day))
        other.use(used(position, amount, day))
    assert {start: units for start, units in one.beyond.items() if units} == {
        start: units for start, units in other.beyond.items() if units
    }
    assert one.unserved == other.unserved
