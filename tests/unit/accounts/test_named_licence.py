"""Who holds a named licence, and since when (domain.md 2.5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tallystick.accounts.named_licence import NameEvent, names_between, spans_of
from tallystick.kernel.period import FOREVER, Period

JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def event(number: int, hour: int, action: int = 1, name: str = "ada", account: str = "acme") -> NameEvent:
    """The event that came in as the so-manieth, about an hour of June."""
    return NameEvent(
        id=f"named_license_entry.{number:03}",
        number=number,
        license_id="addon.seats",
        account_id=account,
        name=name,
        adds=action > 0,
        at=JUNE + timedelta(hours=hour),
        received_at=JUNE + timedelta(hours=1000 + number),
    )


def told(*events: NameEvent) -> list[tuple[str, int, int | None]]:
    """(name, first hour, hour behind the last one)."""
    hours = timedelta(hours=1)
    return [
        (
            span.name,
            (span.held.start - JUNE) // hours,
            None if span.held.end == FOREVER else (span.held.end - JUNE) // hours,
        )
        for span in spans_of(events)
    ]


def test_a_name_holds_a_licence_from_the_event_that_gives_it_to_the_one_that_takes_it() -> None:
    assert told(event(1, 5), event(2, 9, -1), event(3, 7, name="bob")) == [("ada", 5, 9), ("bob", 7, None)]


def test_events_count_in_the_order_of_their_own_times_whenever_they_came_in() -> None:
    assert told(event(1, 9, -1), event(2, 5)) == [("ada", 5, 9)]


def test_a_name_is_given_and_taken_once_until_it_changes() -> None:
    assert told(event(1, 5), event(2, 6), event(3, 9, -1), event(4, 10, -1), event(5, 12)) == [
        ("ada", 5, 9),
        ("ada", 12, None),
    ]


def test_accounts_do_not_share_names() -> None:
    assert told(event(1, 5), event(2, 6, -1, account="other")) == [("ada", 5, None)]


def test_a_span_says_when_it_was_made_known_and_changed() -> None:
    (span,) = spans_of([event(1, 5), event(2, 9, -1)])
    shown = span.shown()
    assert (shown.id, shown.created_at, shown.updated_at) == (
        "named_license_entry.001",
        JUNE + timedelta(hours=1001),
        JUNE + timedelta(hours=1002),
    )
    assert len(shown.id) <= 50
    (span,) = spans_of([event(1, 5)])
    assert span.shown().effective_until is None


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from([1, -1]), st.sampled_from("ab")), max_size=12))
def test_at_any_time_those_hold_it_whose_last_event_gave_it(made: list[tuple[int, int, str]]) -> None:
    events = [event(number, hour, action, name) for number, (hour, action, name) in enumerate(made)]
    for hour in range(22):
        at = JUNE + timedelta(hours=hour)
        last = {one.name: one.adds for one in sorted(events, key=lambda one: (one.at, one.number)) if one.at <= at}
        holders = [span.name for span in spans_of(events) if span.held.contains(at)]
        assert sorted(holders) == sorted(name for name, adds in last.items() if adds)


def held(bounds: list[int], *events: NameEvent) -> dict[str, list[int]]:
    """By account, how many names held the licence between these hours of June."""
    found = names_between(spans_of(events), [JUNE + timedelta(hours=hour) for hour in bounds])
    return {account: names for (account, _), names in found.items()}


class TestNamesBetween:
    def test_a_name_counts_wherever_it_was_for_a_moment(self) -> None:
        # ada from 5 to 9, bob from 7 on: 0-6 ada, 6-8 both, 8-10 both, 10-12 bob.
        events = event(1, 5), event(2, 9, -1), event(3, 7, name="bob")
        assert held([0, 6, 8, 10, 12], *events) == {"acme": [1, 2, 2, 1]}

    def test_the_end_of_a_time_is_not_part_of_it(self) -> None:
        assert held([0, 5, 9, 12], event(1, 5), event(2, 9, -1)) == {"acme": [0, 1, 0]}

    def test_a_name_that_comes_back_counts_once(self) -> None:
        events = event(1, 1), event(2, 2, -1), event(3, 4), event(4, 5, -1), event(5, 11)
        assert held([0, 6, 10, 12], *events) == {"acme": [1, 0, 1]}

    def test_who_held_nothing_in_these_times_is_not_there(self) -> None:
        events = event(1, 1), event(2, 2, -1), event(3, 12, name="bob")
        assert held([2, 8, 12], *events) == {}

    def test_a_name_that_is_given_and_taken_at_once_held_nothing(self) -> None:
        assert held([0, 8], event(1, 5), event(2, 5, -1)) == {}

    def test_the_same_name_of_two_accounts_is_two(self) -> None:
        assert held([0, 8], event(1, 5), event(2, 5, account="other")) == {"acme": [1], "other": [1]}

    @given(
        st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.sampled_from(["ada", "bob", "cid"])), max_size=20),
        st.lists(st.integers(0, 40), min_size=2, max_size=8, unique=True).map(sorted),
    )
    def test_they_are_the_names_whose_time_reaches_into_the_span(
        self, told: list[tuple[int, bool, str]], hours: list[int]
    ) -> None:
        """Held against counting them span by span."""
        spans = spans_of(event(n, hour, 1 if adds else -1, name) for n, (hour, adds, name) in enumerate(told))
        bounds = [JUNE + timedelta(hours=hour) for hour in hours]
        slow = [
            len({span.name for span in spans if span.held.intersect(Period(start, end))})
            for start, end in pairwise(bounds)
        ]
        assert names_between(spans, bounds).get(("acme", "addon.seats"), [0] * len(slow)) == slow
