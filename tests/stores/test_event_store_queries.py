"""What is asked of the event store is exact, half-open, of one organisation, and pages do not slip."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.kernel.period import Period
from tallystick.metering.event import EventStatus
from tallystick.stores import event_store_sorting
from tallystick.stores.duck_event_store import DuckEventStore
from tallystick.stores.event_facts import Revision
from tallystick.stores.event_log import position_of
from tallystick.stores.event_store import MeteredEvent, UsageFact, UsageWindow
from tallystick.stores.id_folder import IdFolder
from tallystick.stores.known_ids import KnownIds, keys_of
from tests.stores.event_samples import JANUARY, RECEIVED, block, total, trip
from tests.unit.metering.samples import ORGANISATION, catalogue, departures, flight, meter, schema, span

if TYPE_CHECKING:
    from pathlib import Path

    from tallystick.metering.event import Event

DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
MOST = "99999999999999999999999999.999999999999"
"""The largest number that DECIMAL(38,12) holds."""


def day(number: float) -> datetime:
    return JANUARY + number * DAY


def days(first: float, last: float) -> Period:
    return Period(day(first), day(last))


def test_totals_are_half_open_and_of_one_account_and_organisation(store: DuckEventStore) -> None:
    edges = [("before", -0.5, "1"), ("start", 0, "2"), ("inside", 0.5, "4"), ("end", 1, "8")]
    events = [trip(name, miles, day=at) for name, at, miles in edges]
    late = flight("last", at=day(1) - MICROSECOND, attributes={"distance": "16"})
    store.apply(
        [
            block(*events, late, trip("other", "32", day=0.5, account="zenith"), row=1),
            block(trip("foreign", "64", day=0.5), row=2, organisation="org.2"),
        ],
        2,
        RECEIVED,
    )
    asked = [UsageWindow("acme", days(0, 1)), UsageWindow("zenith", days(0, 1)), UsageWindow("apex", days(0, 1))]
    assert store.usage_totals(ORGANISATION, asked) == [
        {"um.miles": Decimal(22)},
        {"um.miles": Decimal(32)},
        {},
    ]


def test_windows_may_differ_overlap_and_repeat(store: DuckEventStore) -> None:
    events = [trip(f"e{number}", str(2**number), day=number) for number in range(6)]
    store.apply([block(*events, row=1)], 1, RECEIVED)
    spans = [days(0, 2), days(1, 4), days(1, 4), days(5, 5), days(0, 6)]
    totals = store.usage_totals(ORGANISATION, [UsageWindow("acme", within) for within in spans])
    assert [total(found) for found in totals] == [3, 14, 14, 0, 63]
    same = store.usage_totals(ORGANISATION, [UsageWindow("acme", days(0, 3))] * 2)
    assert [total(found) for found in same] == [7, 7]
    assert store.usage_totals(ORGANISATION, []) == []


@pytest.mark.parametrize(
    ("miles", "expected"),
    [
        ([MOST], MOST),
        ([MOST, MOST], "199999999999999999999999999.999999999998"),
        ([MOST] * 1000, "99999999999999999999999999999.999999999000"),
        ([MOST, f"-{MOST}", "0.000000000001"], "0.000000000001"),
        ([MOST, MOST, f"-{MOST}", f"-{MOST}", "-7.5"], "-7.5"),
        ([f"-{MOST}", "-0.000000000001"], "-100000000000000000000000000"),
        (["0.1"] * 10_000, "1000"),
    ],
)
def test_sums_are_exact_beyond_what_the_store_can_hold(store: DuckEventStore, miles: list[str], expected: str) -> None:
    """Where 38 digits overflow, also only in between, the sum is taken in wider parts; before and after sorting."""
    store.apply([block(*[trip(f"e{n}", value) for n, value in enumerate(miles)], row=1)], 1, RECEIVED)
    for _ in range(2):
        found = store.usage_totals(ORGANISATION, [UsageWindow("acme", days(0, 1))])
        assert total(found[0]) == Decimal(expected)
        assert store.usage_series(ORGANISATION, [day(0), day(1)]) == [(None, 0, Decimal(expected))]
        assert store.sort_portion() in {0, len(miles)}


ALIASES = catalogue(
    schema(meter(), departures()),
    accounts={"acme": [span("acme")], "blue": [span("acme")], "zenith": [span("zenith")]},
)


@pytest.fixture
def year(store: DuckEventStore) -> DuckEventStore:
    """One flight a day for 40 days: miles are the day's number, every third from LGA, accounts take turns."""
    events = [
        flight(
            f"e{number}",
            at=day(number),
            account=("acme", "blue", "zenith", "nobody")[number % 4],
            attributes={"distance": str(number)},
            dimensions={"origin": "LGA" if number % 3 == 0 else "JFK"},
        )
        for number in range(40)
    ]
    store.apply([block(*events, row=1, known=ALIASES)], 1, RECEIVED)
    return store


def test_series_leave_out_what_lies_outside_and_group_as_asked(year: DuckEventStore) -> None:
    bounds = [day(1), day(3), day(4), day(6)]
    # days 1, 2 | 3 | 4, 5; day 3 belongs to nobody
    assert year.usage_series(ORGANISATION, bounds, meter_ids=["um.miles"]) == [(None, 0, 3), (None, 2, 9)]
    assert year.usage_series(ORGANISATION, bounds, by="meter") == [
        ("um.departures", 0, 2),
        ("um.departures", 2, 2),
        ("um.miles", 0, 3),
        ("um.miles", 2, 9),
    ]
    assert year.usage_series(ORGANISATION, bounds, by="account", meter_ids=["um.miles"]) == [
        ("acme", 0, 1),
        ("acme", 2, 9),
        ("zenith", 0, 2),
    ]
    assert year.usage_series(ORGANISATION, bounds, account_ids=["zenith"], meter_ids=["um.miles"]) == [(None, 0, 2)]
    assert year.usage_series(ORGANISATION, bounds, account_ids=[]) == []
    assert year.usage_series(ORGANISATION, [day(50), day(60)]) == []
    assert year.usage_series("org.2", bounds) == []


def test_counts_group_as_asked_and_take_unknown_accounts_as_sent(year: DuckEventStore) -> None:
    bounds = [day(0), day(4)]
    assert year.event_counts(ORGANISATION, bounds) == [(None, 0, 4)]
    assert year.event_counts(ORGANISATION, bounds, by="account") == [
        ("acme", 0, 2),
        ("nobody", 0, 1),
        ("zenith", 0, 1),
    ]
    assert year.event_counts(ORGANISATION, bounds, by="schema") == [("flight", 0, 4)]
    assert year.event_counts(ORGANISATION, bounds, by="status") == [
        ("INGESTION_COMPLETED_EVENT_METERED", 0, 3),
        ("INGESTION_FAILED_ACCOUNT_NOT_FOUND", 0, 1),
    ]
    assert year.event_counts(ORGANISATION, bounds, statuses=[EventStatus.METERED]) == [(None, 0, 3)]
    assert year.event_counts(ORGANISATION, bounds, account_ids=["acme", "nobody"]) == [(None, 0, 3)]
    assert year.event_counts(ORGANISATION, bounds, schema_name="boat") == []


EDGES = [
    pytest.param([0, 40], id="one bucket"),
    pytest.param([0, 1], id="one day"),
    pytest.param([2, 5, 9], id="two buckets"),
    pytest.param(list(range(41)), id="equal days"),
    pytest.param([0.5, *range(1, 39), 38.25], id="equal days, parts at both ends"),
    pytest.param([0, 7, 14, 21, 28, 30], id="weeks"),
    pytest.param([0, 9, 10, 11, 12], id="a first one that is too wide"),
    pytest.param([3, 4, 5, 6, 12], id="a last one that is too wide"),
    pytest.param([0, 31, 38, 40], id="months"),
    pytest.param([-300000, -299999, -299998, -299997, 40], id="long before 1970"),
    pytest.param([1, 2, 4, 8, 16, 32, 33, 34, 39], id="all different"),
]


@pytest.mark.parametrize("edges", EDGES)
def test_every_event_is_in_exactly_the_bucket_between_its_bounds(year: DuckEventStore, edges: list[float]) -> None:
    expected = [
        (None, index, count)
        for index, (first, last) in enumerate(pairwise(edges))
        if (count := sum(first <= number < last for number in range(40)))
    ]
    assert year.event_counts(ORGANISATION, [day(edge) for edge in edges]) == expected


def test_pages_go_from_new_to_old_then_by_id_then_by_position(store: DuckEventStore) -> None:
    first = [flight("b", at=day(1)), flight("a", at=day(1)), flight("old", at=day(0)), flight("new", at=day(2))]
    again = [flight("a", at=day(1)), flight(None, at=day(1))]
    store.apply([block(*first, row=1), block(*again, row=2)], 2, RECEIVED)
    page = store.page_events(ORGANISATION, size=10)
    assert [(event.event.id, event.position >> 20) for event in page] == [
        ("new", 1),
        (None, 2),
        ("a", 1),
        ("a", 2),
        ("b", 1),
        ("old", 1),
    ]


def test_pages_show_only_what_was_asked_for(year: DuckEventStore) -> None:
    def shown(**filters: object) -> list[str | None]:
        return [event.event.id for event in year.page_events(ORGANISATION, size=4, **filters)]  # type: ignore[arg-type]

    assert shown() == ["e39", "e38", "e37", "e36"]
    assert shown(account_id="acme") == ["e37", "e36", "e33", "e32"]
    assert shown(account_id="blue") == ["e37", "e33", "e29", "e25"]
    assert shown(account_id="nobody") == ["e39", "e35", "e31", "e27"]
    assert shown(statuses=[EventStatus.ACCOUNT_NOT_FOUND]) == ["e39", "e35", "e31", "e27"]
    assert shown(statuses=[EventStatus.METERED, EventStatus.ACCOUNT_NOT_FOUND]) == ["e39", "e38", "e37", "e36"]
    assert shown(statuses=[]) == []
    assert shown(schema_name="boat") == []
    assert year.page_events("org.2", size=4) == []


def test_pages_do_not_slip_while_events_arrive(store: DuckEventStore) -> None:
    """Every event that was there at the first page is shown once; later ones may or may not show."""
    there = [trip(f"e{number:02}", "1", day=number % 5) for number in range(23)]
    store.apply([block(*there, row=1)], 1, RECEIVED)
    seen: list[str | None] = []
    after = None
    row = 1
    while page := store.page_events(ORGANISATION, size=4, after=after):
        seen += [event.event.id for event in page]
        last = page[-1]
        after = (last.event.timestamp, last.event.id or "", last.position)
        row += 1
        arriving = [trip(f"new{row}-{number}", "1", day=number) for number in range(-1, 6)]
        store.apply([block(*arriving, row=row)], row, RECEIVED)
        if row > 40:
            break
    counted = Counter(event_id for event_id in seen if event_id is not None and event_id.startswith("e"))
    assert counted == Counter(event.id for event in there)


def test_all_events_with_an_id_are_found_first_one_first(store: DuckEventStore) -> None:
    store.apply(
        [
            block(trip("same", "1"), trip("other", "2"), row=1),
            block(trip("same", "4"), row=2, organisation="org.2"),
            block(trip("same", "8", day=-3), row=3),
        ],
        3,
        RECEIVED,
    )
    found = store.events_with_id(ORGANISATION, "same")
    assert [event.position >> 20 for event in found] == [1, 3]
    assert store.events_with_id(ORGANISATION, "nobody") == []


def test_the_usage_of_events_names_the_version_of_the_meter(store: DuckEventStore) -> None:
    known = catalogue(schema(meter(), departures()))
    store.apply([block(trip("a", "1.50"), trip("b", "2"), row=1, known=known)], 1, RECEIVED)
    assert store.units_of(ORGANISATION, [position_of(1, 0)]) == [
        UsageFact(position_of(1, 0), "um.departures", 1, Decimal(1)),
        UsageFact(position_of(1, 0), "um.miles", 1, Decimal("1.5")),
    ]
    assert store.units_of(ORGANISATION, []) == []
    assert store.units_of("org.2", [position_of(1, 0)]) == []


def test_the_usage_of_one_instant_is_read_from_a_position_on(store: DuckEventStore) -> None:
    known = catalogue(schema(meter()), accounts={name: [span(name)] for name in ("acme", "zenith")})
    events = [trip("a", "1"), trip("b", "2"), trip("c", "4", day=1), trip("d", "8"), trip("e", "16", account="zenith")]
    store.apply([block(*events, row=1, known=known)], 1, RECEIVED)

    def units(name: str, at: float, since: int) -> list[Decimal]:
        return [fact.value for fact in store.units_at(ORGANISATION, name, day(at), since=position_of(1, since))]

    assert (units("acme", 0, 0), units("acme", 0, 1), units("acme", 0, 2)) == ([1, 2, 8], [2, 8], [8])
    assert (units("acme", 1, 0), units("zenith", 0, 0), units("apex", 0, 0)) == ([4], [16], [])
    assert store.units_at("org.2", "acme", day(0), since=0) == []


def test_metered_events_are_counted_and_the_earliest_are_told(store: DuckEventStore) -> None:
    """Half-open, of one account, meter and organisation; ties go to the event that came in first."""
    known = catalogue(schema(meter(), departures()), accounts={name: [span(name)] for name in ("acme", "zenith")})
    events = [
        trip("late", "1", day=3),
        trip("first", "2.50", day=0),
        trip("end", "4", day=5),
        trip("tie", "8", day=3),
        trip("before", "16", day=-1),
        trip("other", "32", day=1, account="zenith"),
        trip("lost", "64", day=1, account="nobody"),
    ]
    store.apply(
        [block(*events, row=1, known=known), block(trip("foreign", "128", day=1), row=2, organisation="org.2")],
        2,
        RECEIVED,
    )
    window = UsageWindow("acme", days(0, 5))
    count, found = store.metered_events(ORGANISATION, window, "um.miles", first=2)
    assert count == 3
    assert found == [MeteredEvent("first", day(0), Decimal("2.5")), MeteredEvent("late", day(3), Decimal(1))]
    _, found = store.metered_events(ORGANISATION, window, "um.departures", first=9)
    assert [(one.event_id, one.value) for one in found] == [("first", 1), ("late", 1), ("tie", 1)]
    assert store.metered_events("org.2", UsageWindow("zenith", days(0, 5)), "um.miles", first=2) == (0, [])
    assert store.metered_events(ORGANISATION, window, "um.boats", first=2) == (0, [])


def test_only_events_that_claimed_their_id_are_told_to_the_index(store: DuckEventStore) -> None:
    sent = block(trip("a", "1"), trip("a", "1"), flight(None), trip("lost", "1", account="nobody"), row=1)
    store.apply([sent, block(trip("b", "1"), row=2)], 2, RECEIVED)
    told = {
        (int(key), int(position))
        for keys, positions in store.ids_after(position_of(1) - 1)
        for key, position in zip(keys, positions, strict=True)
    }
    a, b = (int(key) for key in keys_of(ORGANISATION, ["a", "b"]))
    assert told == {(a, position_of(1, 0)), (b, position_of(2, 0))}
    behind = [positions.tolist() for _, positions in store.ids_after(position_of(2) - 1)]
    assert behind == [[position_of(2, 0)]]
    found = store.ids_at(np.array([position_of(1, 3), position_of(2, 0), position_of(9)]))
    assert found == {ORGANISATION: ["b"]}, "what failed holds no id"


def revised(position: int, row: int, status: EventStatus) -> Revision:
    return Revision(
        position=position,
        number=position_of(row),
        organisation=ORGANISATION,
        revised_at=RECEIVED,
        status=status,
        status_description=None,
        event_at=JANUARY,
    )


def test_what_a_correction_made_of_an_event_is_told_behind_the_correction(
    store: DuckEventStore, tmp_path: Path
) -> None:
    """An index that goes to row 2 learns of a claim in row 3 although the event is of row 1, also after a start."""
    store.apply([block(trip("lost", "1", account="nobody"), trip("a", "1"), row=1)], 1, RECEIVED)
    store.apply([block(trip("b", "1"), row=2)], 2, RECEIVED)
    folder = IdFolder(tmp_path / "ids", store.identity)
    lost, a, b = (keys_of(ORGANISATION, [name]) for name in ("lost", "a", "b"))

    def opened() -> KnownIds:
        known = KnownIds(folder=folder, most_held=1)
        known.catch_up(store)
        known.settle()
        return known

    assert [len(opened().candidates(key)) for key in (lost, a, b)] == [0, 1, 1]
    first, second = position_of(1, 0), position_of(1, 1)
    store.apply([], 3, RECEIVED, [revised(first, 3, EventStatus.METERED), revised(second, 3, EventStatus.REVERTED)])
    assert opened().candidates(lost).tolist() == [first]
    assert store.ids_at(np.array([first, second])) == {ORGANISATION: ["lost"]}
    store.apply([], 4, RECEIVED, [revised(first, 4, EventStatus.REVERTED), revised(second, 4, EventStatus.METERED)])
    assert set(opened().candidates(a).tolist()) == {second}
    assert store.ids_at(np.array([first, second])) == {ORGANISATION: ["a"]}
    assert [path.suffix for path in (tmp_path / "ids").iterdir()].count(".ids") == len(opened()._stored)


MILES = st.decimals(-(10**6), 10**6, places=4).map(str)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(st.tuples(st.integers(0, 400), MILES, st.sampled_from(["acme", "zenith"])), max_size=40),
    spans=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)).map(sorted), min_size=1, max_size=6),
    portions=st.lists(st.integers(1, 15), max_size=3),
)
def test_totals_agree_with_adding_by_hand(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[tuple[int, str, str]],
    spans: list[tuple[int, int]],
    portions: list[int],
) -> None:
    """Queries with several predicates, of facts in days of which some are sorted, against a naive oracle."""
    store = DuckEventStore(tmp_path_factory.mktemp("totals") / "events.duckdb")
    sent = [
        flight(f"e{n}", at=JANUARY + timedelta(hours=hour), account=account, attributes={"distance": miles})
        for n, (hour, miles, account) in enumerate(events)
    ]
    store.apply([block(*sent, row=1)], 1, RECEIVED)
    for portion in portions:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(event_store_sorting, "PORTION", portion)
            store.sort_portion()
    hours = [Period(JANUARY + timedelta(hours=first), JANUARY + timedelta(hours=last)) for first, last in spans]
    windows = [UsageWindow(account, within) for within in hours for account in ("acme", "zenith")]
    assert [total(found) for found in store.usage_totals(ORGANISATION, windows)] == [
        added(sent, window.account_id, window.period) for window in windows
    ]
    bounds = sorted({instant for within in hours for instant in (within.start, within.end)})
    found = {
        (account, place): units for account, place, units in store.usage_series(ORGANISATION, bounds, by="account")
    }
    for place, (start, end) in enumerate(pairwise(bounds)):
        for account in ("acme", "zenith"):
            assert found.get((account, place), 0) == added(sent, account, Period(start, end))
    store.close()


def added(sent: list[Event], account: str, within: Period) -> Decimal:
    """The miles of an account's events within a period, one after the other."""
    miles = Decimal(0)
    for event in sent:
        if event.account_id == account and within.contains(event.timestamp):
            miles += Decimal(event.attributes[0].value)
    return miles
