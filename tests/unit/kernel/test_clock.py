"""Clocks: one that runs, one that is moved by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tallystick.kernel.clock import FrozenClock, SystemClock

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_the_wall_clock_tells_the_time_in_utc_and_does_not_stand() -> None:
    clock = SystemClock()
    first = clock.now()
    assert first.tzinfo is UTC
    assert clock.now() >= first


def test_a_frozen_clock_stands_until_it_is_moved() -> None:
    clock = FrozenClock(NOON)
    assert clock.now() == clock.now() == NOON
    clock.move_to(NOON + timedelta(days=31))
    assert clock.now() == datetime(2026, 2, 1, 12, tzinfo=UTC)


def test_a_frozen_clock_moves_only_forward() -> None:
    clock = FrozenClock(NOON)
    clock.move_to(NOON)
    with pytest.raises(ValueError, match=r"stands at 2026-01-01T12:00:00.* only moves forward"):
        clock.move_to(NOON - timedelta(microseconds=1))
    assert clock.now() == NOON


def test_a_frozen_clock_answers_in_utc_whatever_zone_it_was_set_in() -> None:
    clock = FrozenClock(datetime(2026, 1, 1, 13, tzinfo=timezone(timedelta(hours=1))))
    assert clock.now().tzinfo is UTC
    assert clock.now() == NOON


def test_a_frozen_clock_refuses_an_instant_without_a_zone() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        FrozenClock(datetime(2026, 1, 1, 12))  # noqa: DTZ001 - the naive one is the point
