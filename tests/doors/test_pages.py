"""Lists come in pages that a signed token continues (domain.md 1.5)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

import pytest

from tests.operations.shop import ADDRESS, Shop, event

if TYPE_CHECKING:
    from tests.servers import Api, Inside

MANY: Final = 45


@pytest.fixture(scope="module")
def api(server: Inside) -> Api:
    """An organisation with 45 of each of the things that are listed."""
    caller = server.new_organisation()
    shop = Shop(caller)
    shop.metered_plan()
    for number in range(MANY - 1):
        name = f"c-{number:03d}"
        body = {"id": name, "name": f"Customer {number}", "primaryEmail": "c@example.test", "address": ADDRESS}
        caller.post("/customers", body).ok()
    for number in range(MANY):
        shop.addon(f"Add-on {number:03d}")
        shop.credit(1, account="c-001")
    caller.post("/ingestBatch", {"events": [event(f"e-{number}") for number in range(MANY)]}).ok()
    return caller


def sizes(pages: list[list[object]]) -> list[int]:
    return [len(page) for page in pages]


@pytest.mark.parametrize("path", ["/customers", "/accounts", "/addons", "/credits"])
def test_pages_of_seven_hold_everything_once(api: Api, path: str) -> None:
    pages = api.pages(path, pageSize=7)
    assert sizes(pages) == [7] * 6 + [3]
    found = [item["id"] for page in pages for item in page]
    assert len(set(found)) == MANY


def test_events_are_paged_newest_first(api: Api) -> None:
    found, query = [], {"pageSize": 7}
    while True:
        page = api.get("/events", **query).ok()
        found += [one["eventPayload"]["id"] for one in page["events"]]
        if page["nextToken"] is None:
            break
        query = {"nextToken": page["nextToken"]}
    assert (len(found), len(set(found))) == (MANY, MANY)


def test_what_is_added_meanwhile_does_not_shift_a_page(api: Api) -> None:
    first = api.get("/addons", pageSize=40).ok()
    Shop(api).addon("Add-on 000 and a half")
    rest = api.get("/addons", nextToken=first["nextToken"]).ok()["data"]
    assert [addon["name"] for addon in rest] == [f"Add-on {number:03d}" for number in range(40, 45)]


def test_the_token_carries_everything_and_the_rest_is_ignored(api: Api) -> None:
    first = api.get("/customers", pageSize=4, _search="customer 1").ok()
    again = api.get("/customers", nextToken=first["nextToken"], pageSize=99, _search="nothing", status="ARCHIVED").ok()
    assert len(again["data"]) == 4
    assert all("Customer 1" in customer["name"] for customer in again["data"])


def test_a_list_without_a_wish_has_20_and_one_of_events_50(api: Api) -> None:
    assert len(api.get("/customers").ok()["data"]) == 20
    assert len(api.get("/credits").ok()["data"]) == MANY
    assert len(api.get("/events").ok()["events"]) == MANY


@pytest.mark.parametrize(("path", "field"), [("/customers", "data"), ("/events", "events")])
def test_larger_pages_are_cut_to_the_largest(api: Api, path: str, field: str) -> None:
    for size in (101, 10**6, 10**30):
        assert len(api.get(path, pageSize=size).ok()[field]) == MANY


@pytest.mark.parametrize("path", ["/customers", "/events", "/invoices", "/addons", "/features", "/usage_meters"])
@pytest.mark.parametrize("size", ["0", "-1", "-99999999999999999999", "seven", "", "7.5", "0x7"])
def test_sizes_that_are_none_are_refused(api: Api, path: str, size: str) -> None:
    assert api.get(path, pageSize=size).refused(400).startswith("pageSize: ")


def test_a_token_that_was_not_made_here_is_refused(api: Api) -> None:
    token = api.get("/customers", pageSize=7).ok()["nextToken"]
    middle = len(token) // 2
    swapped = "A" if token[middle] != "A" else "B"
    for bad in (
        token[:middle] + swapped + token[middle + 1 :],
        token[:-2],
        token + "AA",
        "AAAA" + token,
        "eyJwYWdlU2l6ZSI6MjB9",
        "not base64!",
        "é",
    ):
        message = api.get("/customers", nextToken=bad).refused(400)
        assert message.startswith("nextToken: Invalid nextToken")


def test_a_token_whose_query_was_changed_is_refused(api: Api) -> None:
    token = api.get("/customers", pageSize=7).ok()["nextToken"]
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    changed = raw.replace(b'"size":7', b'"size":9')
    assert changed != raw
    forged = base64.urlsafe_b64encode(changed).decode().rstrip("=")
    assert "Invalid nextToken" in api.get("/customers", nextToken=forged).refused(400)


@pytest.mark.parametrize("path", ["/accounts", "/events", "/invoices"])
def test_a_token_of_another_list_is_refused(api: Api, path: str) -> None:
    token = api.get("/customers", pageSize=7).ok()["nextToken"]
    assert "Invalid nextToken" in api.get(path, nextToken=token).refused(400)


def test_a_list_can_be_sorted_and_searched(api: Api) -> None:
    names = [one["name"] for one in api.get("/customers", _sort="name:ASC", pageSize=3).ok()["data"]]
    assert names == ["Customer 0", "Customer 1", "Customer 10"]
    assert [one["id"] for one in api.get("/customers", _search="C-004").ok()["data"]] == ["c-004"]
    assert api.get("/customers", _search="%").ok()["data"] == []


@pytest.mark.parametrize(
    "path", ["/payments", "/license_updates", "/jobs", "/v1/jobs", "/accounts/acme/wallet/entries"]
)
def test_a_search_is_refused_where_there_is_none(api: Api, path: str) -> None:
    assert api.get(path, _search="a").refused(400) == "_search: this list cannot be searched: leave it out"


def test_sorting_keeps_its_place_over_pages(api: Api) -> None:
    pages = api.pages("/customers", _sort="name:DESC", pageSize=7)
    found = [one["name"] for page in pages for one in page]
    assert found == sorted(found, reverse=True)
    assert len(found) == MANY
