"""Usage that is no sum is asked of the events that count: exact, half-open, whatever was reversed or sorted."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.catalog.usage_meter import Aggregation
from tallystick.kernel.period import Period
from tallystick.metering.event import EventStatus
from tallystick.metering.event_groups import EventCuts, EventGroup
from tallystick.stores import event_store_sorting
from tallystick.stores.duck_event_store import DuckEventStore
from tallystick.stores.event_facts import MeterVersion, OtherUnits, Revision
from tallystick.stores.event_log import position_of
from tallystick.stores.event_replacements import Replacements
from tallystick.stores.event_store import UsageWindow
from tests.stores.event_samples import ALWAYS, JANUARY, RECEIVED, block, trip
from tests.unit.metering.samples import ORGANISATION, catalogue, flight, meter, schema, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HOUR: Final = timedelta(hours=1)
METER: Final = "um.miles"
MOST: Final = "99999999999999999999999999.999999999999"
"""The largest number that DECIMAL(38,12) holds."""

KINDS: Final = [kind for kind in Aggregation if not kind.adds_up]
TWO_METERS: Final = catalogue(
    schema(meter(), meter("again")), accounts={name: [span(name)] for name in ("acme", "apex")}
)


def hours(first: float, last: float) -> Period:
    return Period(JANUARY + first * HOUR, JANUARY + last * HOUR)


def units(store: DuckEventStore, kind: Aggregation, within: Period = ALWAYS, account: str = "acme") -> Decimal | None:
    (found,) = store.aggregate_totals(ORGANISATION, [UsageWindow(account, within)], {METER: kind})
    return found.get(METER)


def every_kind(store: DuckEventStore, within: Period = ALWAYS) -> list[Decimal | None]:
    """The greatest, the least, the average, the number of different ones, and the latest."""
    return [units(store, kind, within) for kind in KINDS]


def revised(position: int, row: int, *changes: str, account: str = "acme", event_at: datetime = JANUARY) -> Revision:
    """Facts that are added to those of an event, in the log row in which somebody ordered it."""
    return Revision(
        position=position,
        number=position_of(row),
        organisation=ORGANISATION,
        revised_at=RECEIVED,
        status=EventStatus.METERED,
        status_description=None,
        account_id=account,
        event_at=event_at,
        usage=tuple((MeterVersion(METER, 1), Decimal(change)) for change in changes),
        is_outcome=False,
    )


def figures(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


def test_each_kind_of_the_same_five_events(store: DuckEventStore) -> None:
    events = [("2", 0), ("7.5", 1), ("-1", 2), ("7.5", 3), ("4", 4)]
    store.apply([block(*[trip(f"e{at}", value, day=at) for value, at in events], row=1)], 1, RECEIVED)
    # (2 + 7.5 - 1 + 7.5 + 4) / 5 = 20 / 5; 2, 7.5, -1 and 4 differ; 4 came last.
    assert every_kind(store) == figures("7.5", "-1", "4", "4", "4")
    # In the first two days: (2 + 7.5) / 2.
    assert every_kind(store, hours(0, 48)) == figures("7.5", "2", "4.75", "2", "7.5")
    assert every_kind(store, hours(120, 240)) == [None] * 5


def test_windows_are_half_open_and_of_one_account_and_organisation(store: DuckEventStore) -> None:
    mine = [trip("start", "1", day=1), trip("end", "8", day=2), trip("other", "16", day=1, account="zenith")]
    store.apply([block(*mine, row=1), block(trip("foreign", "64", day=1), row=2, organisation="org.2")], 2, RECEIVED)
    windows = [UsageWindow(account, hours(24, 48)) for account in ("acme", "zenith", "apex", "acme")]
    found = store.aggregate_totals(ORGANISATION, windows, {METER: Aggregation.MAX})
    assert found == [{METER: Decimal(1)}, {METER: Decimal(16)}, {}, {METER: Decimal(1)}]
    assert store.aggregate_totals(ORGANISATION, [], {METER: Aggregation.MAX}) == []
    assert store.aggregate_totals(ORGANISATION, windows, {"um.unknown": Aggregation.MAX}) == [{}] * 4
    assert store.aggregate_totals(ORGANISATION, windows, {}) == [{}] * 4


def test_windows_may_differ_and_overlap(store: DuckEventStore) -> None:
    store.apply([block(*[trip(f"e{n}", str(2**n), day=n) for n in range(6)], row=1)], 1, RECEIVED)
    windows = [UsageWindow("acme", hours(0, 24 * days)) for days in range(1, 7)]
    found = store.aggregate_totals(ORGANISATION, windows, {METER: Aggregation.AVERAGE})
    # 1; 3 / 2; 7 / 3; 15 / 4; 31 / 5; 63 / 6.
    assert [one[METER] for one in found] == figures("1", "1.5", "2.333333333333", "3.75", "6.2", "10.5")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "0", "0"], "0.333333333333"),
        (["2", "0", "0"], "0.666666666667"),
        (["-2", "0", "0"], "-0.666666666667"),
        (["0.000000000001", "0"], "0.000000000001"),  # half a step is rounded away from zero
        (["-0.000000000001", "0"], "-0.000000000001"),
        (["0.000000000001", "0", "0"], "0"),
        ([MOST, MOST, MOST], MOST),
        ([MOST, f"-{MOST}"], "0"),
    ],
)
def test_an_average_is_rounded_half_up_to_the_twelfth_digit(
    store: DuckEventStore, values: list[str], expected: str
) -> None:
    store.apply([block(*[trip(f"e{n}", value) for n, value in enumerate(values)], row=1)], 1, RECEIVED)
    assert units(store, Aggregation.AVERAGE) == Decimal(expected)


def test_of_two_events_at_one_instant_the_one_that_came_later_is_the_latest(store: DuckEventStore) -> None:
    store.apply([block(trip("b", "5", day=1), trip("a", "3", day=1), row=1)], 1, RECEIVED)
    assert units(store, Aggregation.LATEST) == 3
    store.apply([block(trip("c", "1", day=0.5), row=2)], 2, RECEIVED)
    assert units(store, Aggregation.LATEST) == 3, "a late event is not the latest"


@pytest.mark.parametrize("sorts", [False, True])
def test_a_fact_that_was_reversed_does_not_count(store: DuckEventStore, *, sorts: bool) -> None:
    """The maximum is taken back, comes to another value, and is taken back again; a zero is reversed by a zero."""
    store.apply([block(trip("low", "1"), trip("high", "9"), trip("none", "0"), row=1)], 1, RECEIVED)
    high, none = position_of(1, 1), position_of(1, 2)
    seen = []
    for row, changes in enumerate([(high, "-9"), (high, "4"), (high, "-4", "12"), (none, "0"), (high, "-12")], 2):
        if sorts:
            store.sort_portion()
        store.apply([], row, RECEIVED, [revised(changes[0], row, *changes[1:])])
        seen.append(every_kind(store))
    assert seen == [
        figures("1", "0", "0.5", "2", "0"),
        figures("4", "0", "1.666666666667", "3", "0"),  # (1 + 4 + 0) / 3
        figures("12", "0", "4.333333333333", "3", "0"),  # (1 + 12 + 0) / 3
        figures("12", "1", "6.5", "2", "12"),
        figures("1", "1", "1", "1", "1"),
    ]


def test_values_of_38_digits_are_read_also_where_they_were_replaced(store: DuckEventStore) -> None:
    store.apply([block(trip("e", MOST), trip("f", "1"), row=1)], 1, RECEIVED)
    store.apply([], 2, RECEIVED, [revised(position_of(1), 2, MOST, f"-{MOST}")])
    # 99999999999999999999999999.999999999999 + 1 = 100000000000000000000000000.999999999999, and half of it.
    assert every_kind(store) == figures(MOST, "1", "50000000000000000000000000.5", "2", "1")


def test_series_ask_each_bucket_by_itself_and_add_up_accounts_and_meters(store: DuckEventStore) -> None:
    events = [("acme", "5", 0), ("acme", "3", 1), ("apex", "10", 1), ("apex", "20", 25), ("acme", "1", 30)]
    sent = [
        flight(f"e{n}", at=JANUARY + at * HOUR, account=account, attributes={"distance": value})
        for n, (account, value, at) in enumerate(events)
    ]
    store.apply([block(*sent, row=1, known=TWO_METERS)], 1, RECEIVED)
    days = [JANUARY, JANUARY + 24 * HOUR, JANUARY + 48 * HOUR, JANUARY + 72 * HOUR]
    kinds = {METER: Aggregation.MAX, "um.again": Aggregation.DISTINCT_COUNT}
    # The greatest of each day: acme 5, 1; apex 10, 20. Different ones: acme 2, 1; apex 1, 1.
    asked = store.aggregate_series(ORGANISATION, days, kinds, by="account")
    assert asked == [("acme", 0, 7), ("acme", 1, 2), ("apex", 0, 11), ("apex", 1, 21)]
    asked = store.aggregate_series(ORGANISATION, days, kinds, by="meter")
    assert asked == [("um.again", 0, 3), ("um.again", 1, 2), (METER, 0, 15), (METER, 1, 21)]
    assert store.aggregate_series(ORGANISATION, days, kinds) == [(None, 0, 18), (None, 1, 23)]
    assert store.aggregate_series(ORGANISATION, days, kinds, account_ids=["apex"]) == [(None, 0, 11), (None, 1, 21)]
    assert store.aggregate_series(ORGANISATION, days, kinds, account_ids=[]) == []
    assert store.aggregate_series("org.2", days, kinds) == []


def test_sums_leave_out_the_meters_that_do_not_add_up(store: DuckEventStore) -> None:
    store.apply([block(trip("e", "5"), trip("f", "3"), row=1, known=TWO_METERS)], 1, RECEIVED)
    windows, days = [UsageWindow("acme", ALWAYS)], [JANUARY, JANUARY + 24 * HOUR]
    assert store.usage_totals(ORGANISATION, windows, but=[METER]) == [{"um.again": Decimal(8)}]
    assert store.usage_series(ORGANISATION, days, by="meter", but={METER: 1}) == [("um.again", 0, 8)]
    assert store.usage_series(ORGANISATION, days, but=[METER, "um.again"]) == []


def test_other_units_may_stand_in_the_place_of_some(store: DuckEventStore) -> None:
    """Of three events one would have none, one others, and an account that has no events would have one."""
    store.apply(
        [block(*[trip(f"e{at}", value, day=at) for value, at in (("9", 1), ("4", 2), ("6", 3))], row=1)], 1, RECEIVED
    )
    instead = Replacements()
    instead.add([])
    instead.add([other("acme", 0, 1, None), other("acme", 1, 2, "0")])
    instead.add([other("apex", 7, 2, "5"), other("zenith", 8, 2, "100"), other("acme", 2, 3, "50", "um.again")])
    windows = [UsageWindow("acme", ALWAYS), UsageWindow("apex", hours(48, 72)), UsageWindow("apex", hours(0, 48))]
    asked = instead.of(["acme", "apex"])
    found = [store.aggregate_totals(ORGANISATION, windows, {METER: kind}, asked) for kind in KINDS]
    # Of acme 0 and 6 are left.
    assert [one[0][METER] for one in found] == figures("6", "0", "3", "2", "6")
    assert [one[1:] for one in found] == [[{METER: units}, {}] for units in figures("5", "5", "5", "1", "5")]
    assert units(store, Aggregation.MAX) == 9, "nothing was changed"


def other(account: str, ordinal: int, day: int, value: str | None, meter_id: str = METER) -> OtherUnits:
    at = JANUARY + timedelta(days=day)
    return OtherUnits(account, meter_id, position_of(1, ordinal), at, None if value is None else Decimal(value))


def test_a_value_is_new_once_in_each_span_of_its_account(store: DuckEventStore) -> None:
    events = [("acme", "5", 0), ("acme", "3", 1), ("acme", "5", 25), ("acme", "7", 26), ("acme", "7", 27)]
    sent = [
        flight(f"e{n}", at=JANUARY + at * HOUR, account=account, attributes={"distance": value})
        for n, (account, value, at) in enumerate([*events, ("apex", "5", 30)])
    ]
    store.apply([block(*sent, row=1)], 1, RECEIVED)
    days = [JANUARY, JANUARY + 24 * HOUR, JANUARY + 48 * HOUR, JANUARY + 72 * HOUR]
    spans = [("acme", days), ("acme", days[1:]), ("apex", days), ("nobody", days[:2]), ("acme", days[:1])]
    # acme: 5 and 3, then 7, then none; from the second day on 5 and 7, then none; apex: none, 5, none.
    counts = [2, 1, 0, 2, 0, 0, 1, 0, 0]
    assert store.new_values(ORGANISATION, spans, [METER]) == [{METER: count} if count else {} for count in counts]
    assert store.new_values(ORGANISATION, spans, ["um.unknown"]) == [{}] * 9
    assert store.new_values("org.2", spans, [METER]) == [{}] * 9
    assert store.new_values(ORGANISATION, [], [METER]) == store.new_values(ORGANISATION, spans[-1:], [METER]) == []


VALUES = st.sampled_from(["0", "1", "1.0", "-1", "2.5", "0.000000000001", "1000000", "-7"])
ACCOUNTS = ("acme", "apex")
CUTS = (Decimal(-1), Decimal(0), Decimal(1))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rounds=st.lists(
        st.tuples(
            st.lists(st.tuples(st.sampled_from(ACCOUNTS), st.integers(0, 100), VALUES), min_size=1, max_size=12),
            st.lists(st.tuples(st.integers(0, 40), st.none() | VALUES), max_size=6),
            st.none() | st.integers(1, 15),
        ),
        min_size=1,
        max_size=4,
    ),
    spans=st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)).map(sorted), min_size=1, max_size=4),
    reopened=st.booleans(),
)
def test_figures_agree_with_a_naive_oracle(
    tmp_path_factory: pytest.TempPathFactory,
    rounds: list[tuple[list[tuple[str, int, str]], list[tuple[int, str | None]], int | None]],
    spans: list[tuple[int, int]],
    *,
    reopened: bool,
) -> None:
    """Events come, are taken back, given other values and sorted; the oracle keeps a list of what stands."""
    path = tmp_path_factory.mktemp("aggregates") / "events.duckdb"
    store, oracle = DuckEventStore(path), Oracle()
    for number, (events, changes, portion) in enumerate(rounds, 1):
        oracle.send(store, 2 * number, events)
        oracle.revise(store, 2 * number + 1, changes)
        if portion is not None:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(event_store_sorting, "PORTION", portion)
                store.sort_portion()
    if reopened:
        store.close()
        store = DuckEventStore(path)
    windows = [UsageWindow(account, hours(first, last)) for first, last in spans for account in ACCOUNTS]
    bounds = sorted({JANUARY + hour * HOUR for span in spans for hour in span} | {JANUARY + 101 * HOUR})
    for kind in KINDS:
        found = store.aggregate_totals(ORGANISATION, windows, {METER: kind})
        assert [one.get(METER) for one in found] == [
            oracle.figure(kind, [one.account_id], one.period) for one in windows
        ]
        series = store.aggregate_series(ORGANISATION, [JANUARY, *bounds], {METER: kind})
        assert {place: figure for _, place, figure in series} == {
            place: figure
            for place, ends in enumerate(pairwise([JANUARY, *bounds]))
            if (figure := oracle.figure(kind, ACCOUNTS, Period(*ends))) is not None
        }
    asked = [(window, EventCuts(METER, CUTS)) for window in windows]
    assert store.event_groups(ORGANISATION, asked) == [oracle.groups(one.account_id, one.period) for one in windows]
    for account in ACCOUNTS:
        growing = [bounds, bounds[1:]]
        found = store.new_values(ORGANISATION, [(account, instants) for instants in growing], [METER])
        assert found == [
            {METER: count} if count else {} for instants in growing for count in oracle.new_values(account, instants)
        ]
    store.close()


class Oracle:
    """What each event comes to last, by its position: nothing of facts and reversals."""

    def __init__(self) -> None:
        self.stands: dict[int, tuple[str, datetime, str | None]] = {}

    def send(self, store: DuckEventStore, row: int, events: Sequence[tuple[str, int, str]]) -> None:
        made = []
        for ordinal, (account, hour, value) in enumerate(events):
            event_at = JANUARY + hour * HOUR
            made.append(flight(f"e{row}-{ordinal}", at=event_at, account=account, attributes={"distance": value}))
            self.stands[position_of(row, ordinal)] = (account, event_at, value)
        store.apply([block(*made, row=row)], row, RECEIVED)

    def revise(self, store: DuckEventStore, row: int, changes: Iterable[tuple[int, str | None]]) -> None:
        revisions = []
        for place, after in changes:
            position = sorted(self.stands)[place % len(self.stands)]
            account, event_at, before = self.stands[position]
            facts = [*([] if before is None else [f"{-Decimal(before)}"]), *([] if after is None else [after])]
            revisions.append(revised(position, row, *facts, account=account, event_at=event_at))
            self.stands[position] = (account, event_at, after)
        store.apply([], row, RECEIVED, revisions)

    def new_values(self, account: str, instants: Sequence[datetime]) -> list[int]:
        """How many more values stand from the first instant until each of the others than until the one before."""
        counts = [self.figure(Aggregation.DISTINCT_COUNT, [account], Period(instants[0], end)) or 0 for end in instants]
        return [int(after - before) for before, after in pairwise(counts)]

    def figure(self, kind: Aggregation, accounts: Iterable[str], within: Period) -> Decimal | None:
        """The figures of accounts, added up; None, where no account has an event."""
        values: dict[str, list[Fraction]] = defaultdict(list)
        for _, (account, event_at, value) in sorted(self.stands.items(), key=lambda one: (one[1][1], one[0])):
            if account in accounts and value is not None and within.contains(event_at):
                values[account].append(Fraction(value))
        return sum((rounded(NAIVE[kind](of_account)) for of_account in values.values()), Decimal()) if values else None

    def groups(self, account: str, within: Period) -> tuple[EventGroup, ...]:
        """How many events of one account there are between the cuts, and what they come to."""
        stands = [one for one in self.stands.values() if one[0] == account and within.contains(one[1])]
        values = [Decimal(value) for _, _, value in stands if value is not None]
        told = [[value for value in values if sum(cut < value for cut in CUTS) == place] for place in range(4)]
        return tuple(EventGroup(len(group), sum(group, Decimal(0))) for group in told)


NAIVE = {
    Aggregation.MAX: max,
    Aggregation.MIN: min,
    Aggregation.AVERAGE: lambda values: sum(values, Fraction()) / len(values),
    Aggregation.DISTINCT_COUNT: lambda values: Fraction(len(set(values))),
    Aggregation.LATEST: lambda values: values[-1],
}


def rounded(exact: Fraction) -> Decimal:
    """A fraction with 12 digits behind the point, half up."""
    steps = abs(exact) * 10**12
    digits = (2 * steps.numerator + steps.denominator) // (2 * steps.denominator)
    return Decimal(digits if exact >= 0 else -digits).scaleb(-12)
