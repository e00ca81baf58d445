"""Signed page tokens (domain.md 1.5)."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.paging import Query, _signature, read, sign

SECRET = b"a secret of this server"
QUERY = Query(
    listing="invoices",
    organisation="org.1",
    filters={"status": "DRAFT"},
    search="acme",
    sort=[("created_at", True), ("id", False)],
    size=50,
    after=["2026-01-01T00:00:00Z", 7],
)
TOKEN = sign(QUERY, SECRET)


def assert_refused(token: str, listing: str = "invoices", organisation: str = "org.1") -> None:
    with pytest.raises(BillingError) as refused:
        read(token, listing=listing, organisation=organisation, secret=SECRET)
    assert refused.value.kind is Kind.INVALID
    assert refused.value.message.startswith("nextToken: Invalid nextToken")


def test_a_token_carries_the_whole_query() -> None:
    assert read(TOKEN, listing="invoices", organisation="org.1", secret=SECRET) == QUERY


@given(
    st.builds(
        Query,
        listing=st.just("events"),
        organisation=st.just("org.1"),
        filters=st.dictionaries(st.text(), st.text(), max_size=3),
        size=st.integers(1, 100),
        after=st.none() | st.lists(st.text() | st.integers(-(2**63), 2**63 - 1), max_size=3),
    )
)
def test_any_query_comes_back_from_a_token_that_needs_no_quoting_in_an_address(query: Query) -> None:
    token = sign(query, SECRET)
    assert token.replace("-", "").replace("_", "").isalnum()
    assert read(token, listing="events", organisation="org.1", secret=SECRET) == query


@pytest.mark.parametrize("place", range(0, len(TOKEN) - 1, 3))
def test_a_token_with_one_letter_changed_is_refused(place: int) -> None:
    other = "A" if TOKEN[place] != "A" else "B"
    assert_refused(TOKEN[:place] + other + TOKEN[place + 1 :])


@pytest.mark.parametrize(
    "garbage",
    ["", "A", "=", "!!!", "not a token", "\u00e9", TOKEN[:-4], f"{TOKEN}AAAA", f"!{TOKEN}", f"{TOKEN}\n"],
)  # fmt: skip
def test_garbage_is_refused(garbage: str) -> None:
    assert_refused(garbage)


def test_a_token_of_another_list_is_refused() -> None:
    assert_refused(TOKEN, listing="credits")


def test_a_token_of_another_organisation_is_refused() -> None:
    assert_refused(TOKEN, organisation="org.2")


def test_a_token_signed_with_another_secret_is_refused() -> None:
    assert_refused(sign(QUERY, b"another secret"))


def test_a_token_of_a_release_that_wrote_queries_otherwise_is_refused() -> None:
    body = b'{"listing":"invoices","page":3}'
    assert_refused(base64.urlsafe_b64encode(_signature(body, SECRET) + body).decode().rstrip("="))
