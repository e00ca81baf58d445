"""The ledger of licences: what stands after each entry (domain.md 8.3); figures by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.accounts.licence import (
    LicenceEntry,
    UpdateType,
    balance_problems,
    in_force,
    most_held,
    quantity_problems,
    standings,
)
from tallystick.kernel.period import Period

RELATIVE, ABSOLUTE = UpdateType.RELATIVE, UpdateType.ABSOLUTE


def entry(number: int, day: int, quantity: str, kind: UpdateType = RELATIVE) -> LicenceEntry:
    """The entry that was made as the so-manieth, in force from a day of June on."""
    at = datetime(2026, 6, day, tzinfo=UTC)
    return LicenceEntry(
        id=f"licence_entry.{number:05}",
        license_id="addon.seats",
        account_id="acme",
        update_type=kind,
        quantity=Decimal(quantity),
        effective_from=at,
        booked_at=at,
        created_at=at,
        metadata={},
    )


def after(*entries: LicenceEntry) -> list[str]:
    return [str(standing) for standing in standings(in_force(entries))]


def test_relative_entries_add_up_and_an_absolute_one_sets() -> None:
    assert after(entry(1, 1, "10"), entry(2, 11, "5"), entry(3, 21, "-3")) == ["10", "15", "12"]
    assert after(entry(1, 1, "10"), entry(2, 11, "4", ABSOLUTE), entry(3, 21, "1")) == ["10", "4", "5"]


def test_an_entry_in_the_past_moves_what_stands_after_later_relative_ones() -> None:
    assert after(entry(1, 1, "10"), entry(2, 21, "-3"), entry(3, 11, "5")) == ["10", "15", "12"]


def test_it_moves_nothing_from_the_next_absolute_one_on() -> None:
    assert after(entry(1, 1, "10"), entry(2, 21, "12", ABSOLUTE), entry(3, 22, "1"), entry(4, 11, "5")) == [
        "10",
        "15",
        "12",
        "13",
    ]


def test_of_one_instant_the_last_one_made_comes_last() -> None:
    assert after(entry(2, 1, "3"), entry(1, 1, "10", ABSOLUTE)) == ["10", "13"]
    assert after(entry(1, 1, "3"), entry(2, 1, "10", ABSOLUTE)) == ["3", "10"]


def test_digits_are_never_lost() -> None:
    assert after(entry(1, 1, "0.1"), entry(2, 2, "0.2")) == ["0.1", "0.3"]


def test_a_ledger_below_zero_is_refused_also_where_an_earlier_entry_brings_a_later_one_there() -> None:
    kept = [entry(1, 1, "10"), entry(2, 21, "-8")]
    assert balance_problems(in_force(kept)) == []
    (problem,) = balance_problems(in_force([*kept, entry(3, 11, "-3")]))
    assert str(problem) == (
        "quantity: would leave -1 from 2026-06-21T00:00:00+00:00 on, expected an update that leaves 0 or more"
    )
    assert balance_problems([entry(1, 1, "-1", ABSOLUTE)]) != []


@pytest.mark.parametrize(
    ("since", "until", "most"), [(1, 2, 0), (1, 3, 10), (5, 12, 15), (12, 20, 15), (12, 25, 15), (21, 30, 12)]
)
def test_the_most_that_is_held_in_a_time(since: int, until: int, most: int) -> None:
    ledger = [entry(1, 2, "10"), entry(2, 11, "5"), entry(3, 21, "-3")]
    within = Period(datetime(2026, 6, since, tzinfo=UTC), datetime(2026, 6, until, tzinfo=UTC))
    assert most_held(ledger, within) == most
    assert most_held([], within) == 0


@pytest.mark.parametrize("text", ["1" * 26, "0.000000000001", "-5", "0", "1E+25"])
def test_quantities_that_the_ledger_holds(text: str) -> None:
    assert quantity_problems(Decimal(text)) == []


@pytest.mark.parametrize("text", ["1" * 27, "0.0000000000001", "1E+26"])
def test_quantities_that_it_does_not_hold(text: str) -> None:
    assert [problem.path for problem in quantity_problems(Decimal(text))] == ["quantity"]


@given(st.lists(st.tuples(st.integers(1, 28), st.integers(-5, 5), st.sampled_from(UpdateType)), max_size=12))
def test_what_stands_is_what_replaying_every_entry_day_by_day_gives(made: list[tuple[int, int, UpdateType]]) -> None:
    entries = [entry(number, day, str(quantity), kind) for number, (day, quantity, kind) in enumerate(made)]
    ordered = in_force(entries)
    found = dict(zip((one.id for one in ordered), standings(ordered), strict=True))
    standing = 0
    for day in range(1, 29):
        for number, (since, quantity, kind) in enumerate(made):
            if since == day:
                standing = quantity if kind is ABSOLUTE else standing + quantity
                assert found[f"licence_entry.{number:05}"] == standing
