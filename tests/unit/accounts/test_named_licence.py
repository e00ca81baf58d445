"""Who holds a named licence, and since when (domain.md 2.5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tallystick.accounts.named_licence import NameEvent, spans_of
from tallystick.kernel.period import FOREVER

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
