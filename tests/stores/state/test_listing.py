"""Lists: pages that neither skip nor repeat, filters, search, sort, hidden rows, tokens (domain.md 1.5)."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest

from tallystick.accounts.account import AccountStatus
from tallystick.catalog.fields import Shelf
from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.paging import PageRequest
from tests.stores.state import nouns
from tests.stores.state.world import ABROAD, HOME, NOW, later

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.stores.state.world import World


def add_customers(world: World, names: Iterable[str], organisation: str = HOME) -> None:
    """Customers of these ids and names, each a minute younger than the one before."""
    with world.writing(organisation) as state:
        for minute, name in enumerate(names):
            state.customers.add(nouns.customer(name, name=name), later(minute))


def page(world: World, request: PageRequest, organisation: str = HOME, **filters: str) -> tuple[list[str], str | None]:
    """The ids on one page of customers, and the next token."""
    with world.reading(organisation) as state:
        found, token = state.customers.page(request, **filters)
    return [customer.id for customer in found], token


def listed(world: World, *, search: str | None = None, sort: str | None = None, **filters: str) -> list[str]:
    """The ids on the first page of customers."""
    return page(world, PageRequest(search=search, sort=sort), **filters)[0]


def walk(world: World, sort: str | None, size: int) -> Iterable[list[str]]:
    """One page of customers after the other."""
    request = PageRequest(page_size=size, sort=sort)
    while True:
        found, token = page(world, request)
        yield found
        if token is None:
            return
        request = PageRequest(next_token=token)


def assert_refused(world: World, request: PageRequest, message: str, organisation: str = HOME) -> None:
    with pytest.raises(BillingError, match=message) as refused:
        page(world, request, organisation)
    assert refused.value.kind is Kind.INVALID


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_pages_tile_the_list_and_the_last_one_has_no_token(world: World, size: int) -> None:
    add_customers(world, "abcdefg")
    pages = list(walk(world, None, size))
    assert [name for found in pages for name in found] == list("gfedcba")
    assert all(len(found) == size for found in pages[:-1])
    assert pages[-1]


def test_rows_of_the_same_instant_are_told_apart_by_their_id(world: World) -> None:
    with world.writing() as state:
        for name in "cabed":
            state.customers.add(nouns.customer(name), NOW)
    assert [name for found in walk(world, None, 2) for name in found] == list("abcde")


@pytest.mark.parametrize("sort", [None, "name", "name:DESC", "created_at:ASC,name:DESC", "id:desc"])
@pytest.mark.parametrize("size", [1, 3])
def test_a_walk_meets_each_row_that_was_there_all_the_time_once_whatever_is_added_meanwhile(
    world: World, sort: str | None, size: int
) -> None:
    add_customers(world, "bdfhj")
    newcomers = iter("aceikg")
    seen: list[str] = []
    for found in walk(world, sort, size):
        seen += found
        for newcomer in islice(newcomers, 1):
            add_customers(world, newcomer)
    assert len(seen) == len(set(seen))
    assert set(seen) >= set("bdfhj")


def test_a_page_size_is_cut_to_the_largest_and_never_below_one(world: World) -> None:
    add_customers(world, [f"c{number:03d}" for number in range(105)])
    assert len(page(world, PageRequest())[0]) == 20
    assert len(page(world, PageRequest(page_size=1_000_000))[0]) == 100
    assert_refused(world, PageRequest(page_size=0), "pageSize: 0 is too small")


def test_filters_must_all_hold(world: World) -> None:
    with world.writing() as state:
        for name, customer_id, currency in (("a", "acme", "USD"), ("b", "acme", "EUR"), ("c", "other", "EUR")):
            state.accounts.add(nouns.account(name, customer_id=customer_id, invoice_currency=currency), NOW)
    with world.reading() as state:
        found, _ = state.accounts.page(PageRequest(), customer_id="acme", invoice_currency="EUR", status=None)
    assert [account.id for account in found] == ["b"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("acme", ["acme", "x-acme-y"]),
        ("ACME", ["acme", "x-acme-y"]),
        ("billing@other", ["other"]),
        ("%", ["100%"]),
        ("_", ["a_b"]),
        ("a_b", ["a_b"]),
        ("/", ["a/b"]),
        ("\\", ["a\\b"]),
        ("'", ["o'hara"]),
        ("nobody", []),
    ],
)
def test_a_search_takes_the_text_as_it_is_and_looks_for_it_anywhere(world: World, text: str, found: list[str]) -> None:
    with world.writing() as state:
        for name in ("acme", "x-acme-y", "other", "100%", "a_b", "axb", "a/b", "a\\b", "o'hara"):
            state.customers.add(nouns.customer(name, name="nothing"), NOW)
    assert sorted(listed(world, search=text)) == sorted(found)


def test_a_search_passes_over_fields_that_are_empty(world: World) -> None:
    with world.writing() as state:
        state.accounts.add(nouns.account("silent", primary_email=None), NOW)
        state.accounts.add(nouns.account("loud", primary_email="hello@acme.test"), NOW)
    with world.reading() as state:
        found, _ = state.accounts.page(PageRequest(search="hello@"))
    assert [account.id for account in found] == ["loud"]


@pytest.mark.parametrize(
    ("sort", "ids"),
    [
        ("name", "cab"),
        ("name:asc", "cab"),
        ("name:DESC", "bac"),
        ("created_at", "abc"),
        ("created_at:DESC", "cba"),
        ("updated_at:DESC, id:ASC", "cba"),
        ("id:ASC", "abc"),
    ],
)
def test_a_list_is_sorted_as_asked(world: World, sort: str, ids: str) -> None:
    with world.writing() as state:
        for minute, (name, shown) in enumerate((("a", "Mia"), ("b", "Zoe"), ("c", "Ada"))):
            state.customers.add(nouns.customer(name, name=shown), later(minute))
    assert listed(world, sort=sort) == list(ids)


def test_text_sorts_by_code_point_on_every_database(world: World) -> None:
    with world.writing() as state:
        for name in ("é", "z", "Z", "a", "_", "A", "ä"):
            state.customers.add(nouns.customer(name, name=name), NOW)
    assert listed(world, sort="name") == ["A", "Z", "_", "a", "z", "ä", "é"]


@pytest.mark.parametrize("sort", ["body", "primary_email", "name:UP", ",", "name;DROP TABLE customer"])
def test_a_sort_by_anything_else_is_refused_by_name(world: World, sort: str) -> None:
    expected = r"_sort: .* is unknown: write column:ASC or column:DESC with one of updated_at, id, name, created_at$"
    assert_refused(world, PageRequest(sort=sort), expected)


def test_archived_rows_show_only_when_they_are_asked_for(world: World) -> None:
    with world.writing() as state:
        state.customers.add(nouns.customer("live"), NOW)
        state.customers.add(nouns.customer("gone", status=Shelf.ARCHIVED), NOW)
        state.accounts.add(nouns.account("draft", status=AccountStatus.DRAFT), NOW)
    assert listed(world) == ["live"]
    assert listed(world, search="gone") == []
    assert listed(world, id="gone") == []
    assert listed(world, status="ARCHIVED") == ["gone"]
    with world.reading() as state:
        assert [account.id for account in state.accounts.page(PageRequest())[0]] == ["draft"]


def test_a_token_carries_everything_and_what_is_sent_beside_it_is_ignored(world: World) -> None:
    add_customers(world, ["a1", "a2", "a3", "b1"])
    first, token = page(world, PageRequest(page_size=2, search="a", sort="id:DESC"))
    rest, end = page(world, PageRequest(page_size=1, next_token=token, search="b", sort="name"), id="b1")
    assert (first, rest, end) == (["a3", "a2"], ["a1"], None)


def test_a_token_is_good_for_its_own_list_and_organisation_only(world: World) -> None:
    add_customers(world, "abc")
    add_customers(world, "abc", ABROAD)
    _, token = page(world, PageRequest(page_size=1))
    assert token is not None
    assert_refused(world, PageRequest(next_token=token), "nextToken: Invalid nextToken", ABROAD)
    with pytest.raises(BillingError, match="Invalid nextToken"), world.reading() as state:
        state.accounts.page(PageRequest(next_token=token))


@pytest.mark.parametrize("place", [0, 5, 20, -2])
def test_a_token_that_somebody_changed_is_refused(world: World, place: int) -> None:
    add_customers(world, "abc")
    _, token = page(world, PageRequest(page_size=1))
    assert token is not None
    letters = list(token)
    letters[place] = "A" if letters[place] != "A" else "B"
    assert_refused(world, PageRequest(next_token="".join(letters)), "Invalid nextToken")


def test_a_list_shows_the_rows_of_its_own_organisation_only(world: World) -> None:
    add_customers(world, "ab")
    add_customers(world, "yz", ABROAD)
    assert listed(world) == ["b", "a"]
    assert page(world, PageRequest(), ABROAD)[0] == ["z", "y"]


def test_rows_tell_more_than_the_document(world: World) -> None:
    with world.writing() as state:
        state.price_plans.add(nouns.plan(), NOW)
        state.price_plans.replace(nouns.plan(), later(5))
    with world.reading() as state:
        (row,), _ = state.price_plans.page_of_rows(PageRequest())
    assert (row["created_at"], row["updated_at"]) == (NOW, later(5))
