"""Identifiers in the native format (domain.md 1.3)."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.clock import FrozenClock, SystemClock
from tallystick.kernel.ids import (
    ALPHABET,
    IdSource,
    base62,
    event_reference,
    nanoseconds,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = b"a secret of this server"


def number_of(letters: str) -> int:
    """The number that base-62 letters stand for, each 62 times the one behind it."""
    return sum(ALPHABET.index(letter) * 62**place for place, letter in enumerate(reversed(letters)))


def time_part(identifier: str) -> str:
    return identifier.split(".")[1]


@pytest.mark.parametrize(
    ("letters", "created", "first_tenths_of_a_millisecond"),
    [
        ("23Xx0Jkc2DM", datetime(2024, 9, 18, 1, 30, 8, tzinfo=UTC), 2168),
        ("22LLLScunZg", datetime(2024, 3, 13, 12, 33, 39, tzinfo=UTC), 9849),
    ],
)
def test_the_time_part_of_a_real_id_decodes_to_its_creation(
    letters: str, created: datetime, first_tenths_of_a_millisecond: int
) -> None:
    number = number_of(letters)
    assert number // 10**9 == int(created.timestamp())
    assert number % 10**9 // 10**5 == first_tenths_of_a_millisecond
    assert base62(number, 11) == letters


@given(st.integers(0, 62**11 - 1), st.integers(0, 62**11 - 1))
def test_base_62_comes_back_and_sorts_like_the_number(one: int, other: int) -> None:
    assert number_of(base62(one, 11)) == one
    assert (base62(one, 11) < base62(other, 11)) == (one < other)


def test_nanoseconds_are_exact_to_the_microsecond() -> None:
    assert nanoseconds(datetime(1970, 1, 1, 0, 0, 1, 1, tzinfo=UTC)) == 1_000_001_000
    assert nanoseconds(datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)) % 10**9 == 999_999_000


def test_an_id_has_its_format_and_a_usage_meters_has_20_characters() -> None:
    identifier = IdSource(SystemClock()).mint("um")
    assert re.fullmatch(r"um\.[0-9A-Za-z]{11}\.[0-9A-Za-z]{5}", identifier)
    assert len(identifier) == 20


def test_an_id_says_when_it_was_made() -> None:
    assert number_of(time_part(IdSource(FrozenClock(START)).mint("inv"))) == nanoseconds(START)


def test_the_random_part_comes_from_the_injected_source() -> None:
    source = IdSource(FrozenClock(START), random_below=lambda bound: bound - 1)
    assert source.mint("inv").endswith(".zzzzz")


def test_ids_on_a_frozen_clock_never_share_their_time_part_and_sort_by_creation() -> None:
    source = IdSource(FrozenClock(START))
    minted = [source.mint("inv") for _ in range(2000)]
    assert all(time_part(earlier) < time_part(later) for earlier, later in pairwise(minted))


def test_ids_minted_by_many_threads_never_share_their_time_part() -> None:
    source = IdSource(FrozenClock(START))
    with ThreadPoolExecutor(8) as pool:
        minted = list(pool.map(lambda _: source.mint("inv"), range(4000)))
    assert len({time_part(identifier) for identifier in minted}) == 4000


def test_a_clock_that_moves_a_little_does_not_bring_a_time_part_back() -> None:
    clock = FrozenClock(START)
    source = IdSource(clock)
    ahead_of_the_clock = source.reserve(5_000_000)
    clock.move_to(START + timedelta(milliseconds=1))
    assert source.reserve() == ahead_of_the_clock + 5_000_000


def test_a_source_started_ahead_passes_what_an_earlier_run_gave_out() -> None:
    earlier = IdSource(FrozenClock(START)).reserve(1000)
    assert IdSource(FrozenClock(START), ahead=1000).reserve() == earlier + 1000


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=50))
def test_reserved_ranges_do_not_overlap(counts: list[int]) -> None:
    source = IdSource(FrozenClock(START))
    ranges = [(source.reserve(count), count) for count in counts]
    assert all(first + count <= following for (first, count), (following, _) in pairwise(ranges))


def test_ranges_reserved_by_many_threads_do_not_overlap() -> None:
    source = IdSource(FrozenClock(START))
    counts = [1, 7, 1000, 50] * 250
    with ThreadPoolExecutor(8) as pool:
        ranges = sorted(zip(pool.map(source.reserve, counts), counts, strict=True))
    assert all(first + count <= following for (first, count), (following, _) in pairwise(ranges))


@given(st.integers(0, 2**63 - 1))
def test_an_event_reference_leads_back_to_what_was_reserved(reserved: int) -> None:
    reference = event_reference(reserved, SECRET)
    assert re.fullmatch(r"event\.[0-9A-Za-z]{11}\.[0-9A-Za-z]{5}", reference)
    assert number_of(time_part(reference)) == reserved


def test_references_of_two_servers_differ() -> None:
    assert event_reference(nanoseconds(START), SECRET) != event_reference(nanoseconds(START), b"another secret")
