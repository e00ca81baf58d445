"""The test clock stands still, moves forward when told, and does on the way whatever falls due."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.operations.shop import Shop

if TYPE_CHECKING:
    from tests.servers import Api, Inside


@pytest.fixture
def api(server: Inside) -> Api:
    """The clock is the server's, not the organisation's."""
    return server.api()


def test_it_stands_where_it_was_set(api: Api) -> None:
    assert api.get("/v1/test-clock").ok() == {"now": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    "to", ["2025-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2026-01-01T00:59:59+01:00"], ids=str
)
def test_it_never_goes_back(api: Api, to: str) -> None:
    message = api.post("/v1/test-clock/advance", {"to": to}).refused(409)
    assert message == "to: the test clock stands at 2026-01-01T00:00:00+00:00 and only moves forward"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"to": "2027-01-01T00:00:00"}, "to: send an instant with its offset"),
        ({"to": "2027-01-01"}, "to: "),
        ({"to": 1798761600}, "to: "),
        ({"to": "9999-12-31T23:59:59-12:00"}, "to: "),
        ({"too": "2027-01-01T00:00:00Z"}, "unknown field 'too': did you mean 'to'?"),
        ({}, "required field 'to' is missing"),
        (None, ""),
    ],
    ids=str,
)
def test_what_is_no_instant_is_refused(api: Api, body: object, message: str) -> None:
    assert api.post("/v1/test-clock/advance", body).refused(400).startswith(message)
    assert api.get("/v1/test-clock").ok() == {"now": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/test-clock"), ("POST", "/v1/test-clock/advance")])
def test_there_is_none_in_real_time(real_time: Inside, method: str, path: str) -> None:
    body = {"to": "2099-01-01T00:00:00Z"} if method == "POST" else None
    assert "--test-clock" in real_time.api().send(method, path, body).refused(409)


def test_it_counts_what_fell_due_on_the_way(api: Api) -> None:
    shop = Shop(api)
    shop.metered_plan()
    shop.credit(5, effectiveFrom="2026-01-01", effectiveUntil="2026-02-01", applicableEntityIds=["um.another"])
    assert api.advance("2026-01-01T12:00:00Z") == {
        "now": "2026-01-01T12:00:00Z",
        "draftsOpened": 0,
        "invoicesFrozen": 0,
        "creditsExpired": 0,
        "issues": {},
    }
    # Cycles start on 1 Feb and 1 Mar; January's invoice is due on 3 Feb, and the credit's time ends meanwhile.
    figures = api.advance("2026-03-01T00:00:00+00:00")
    assert (figures["draftsOpened"], figures["invoicesFrozen"], figures["creditsExpired"]) == (2, 1, 1)
    assert api.advance("2026-03-01T01:00:00+01:00")["now"] == "2026-03-01T00:00:00Z"


def test_everything_is_dated_by_it(api: Api) -> None:
    now = api.get("/v1/test-clock").ok()["now"]
    made = api.post("/addons", {"type": "CREDIT_GRANT"}).ok()
    assert made["createdAt"] == now
