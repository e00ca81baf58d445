"""What simulations found: kept as it was found, sorted by how much would change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from tallystick.kernel.paging import PageRequest
from tallystick.stores.state.job_tables import simulated_account
from tests.stores.state import nouns
from tests.stores.state.world import HOME

if TYPE_CHECKING:
    from sqlalchemy.sql.dml import UpdateBase

    from tests.stores.state.world import World

FOUND = [
    nouns.comparison("a", "5"),
    nouns.comparison("b", "-5"),
    nouns.comparison("c", "5"),
    nouns.comparison("d", "7", "EUR"),
    nouns.comparison("e", "100", "JPY"),
]


@pytest.fixture
def filled(world: World) -> World:
    """A simulation of five accounts, and another one of one of them."""
    with world.writing() as state:
        for name in ("job.1", "job.2"):
            state.jobs.add(nouns.job(name))
        state.simulations.add("job.1", FOUND)
        state.simulations.add("job.2", [nouns.comparison("a", "1")])
    return world


def paged(world: World, *, sort: str | None = None, currency: str | None = None) -> list[str]:
    """The accounts of all pages of two."""
    names: list[str] = []
    token = None
    while True:
        with world.reading() as state:
            request = PageRequest(page_size=2, next_token=token, sort=sort)
            page, token = state.simulations.page(request, "job.1", currency)
        names += [one.account_id for one in page]
        if token is None:
            return names


def test_what_was_found_comes_back_as_it_was(filled: World) -> None:
    with filled.reading() as state:
        page, token = state.simulations.page(PageRequest(), "job.1", None)
    assert ({one.account_id: one for one in page}, token) == ({one.account_id: one for one in FOUND}, None)


def test_by_currency_the_largest_difference_first_and_equal_ones_by_account(filled: World) -> None:
    assert paged(filled) == ["d", "e", "a", "c", "b"]
    assert paged(filled, currency="USD") == ["a", "c", "b"]
    assert paged(filled, sort="difference:ASC", currency="USD") == ["b", "a", "c"]
    assert paged(filled, sort="account_id") == ["a", "b", "c", "d", "e"]


def test_an_account_is_in_a_simulation_once(filled: World) -> None:
    with pytest.raises(IntegrityError), filled.writing() as state:
        state.simulations.add("job.1", [nouns.comparison("a")])


def test_none_is_found_for_a_simulation_that_is_not_there(filled: World) -> None:
    with pytest.raises(IntegrityError), filled.writing() as state:
        state.simulations.add("job.3", [nouns.comparison("a")])


@pytest.mark.parametrize(
    "statement",
    [
        update(simulated_account).where(simulated_account.c.organisation_id == HOME).values(new_minor=1),
        delete(simulated_account).where(simulated_account.c.organisation_id == HOME),
    ],
    ids=["update", "delete"],
)
def test_what_was_found_is_never_changed(filled: World, statement: UpdateBase) -> None:
    with pytest.raises(DBAPIError, match="rows are frozen"), filled.database.write() as connection:
        connection.execute(statement)
