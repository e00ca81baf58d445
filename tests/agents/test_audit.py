"""Every call of a tool leaves a row: by whom, with what program, which tool, how it ended; never with what."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.agent import LEGACY, mcp_inside

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agent import Agent
    from tests.operations.shop import Shop
    from tests.servers import Inside

    Row = dict[str, Any]
    Rows = Callable[[], list[Row]]

GRANT: Final = {
    "accountId": "acme",
    "creditAmount": 500.25,
    "effectiveFrom": "2026-01-01",
    "purpose": "A secret purpose",
}


@pytest.fixture
def rows(server: Inside, shop: Shop) -> Rows:
    """The rows of an organisation, which has one key."""
    me = shop.api.get("/v1/whoami").ok()

    def ask() -> list[Row]:
        query = "SELECT * FROM tool_call WHERE organisation_id = ? ORDER BY at, id"
        with server.engine.database.read() as connection:
            found = connection.exec_driver_sql(query, (me["organizationId"],))
            kept = [dict(row._mapping) for row in found]
        assert all(row["actor"] == me["keyId"] for row in kept)
        return kept

    return ask


def outcomes(rows: list[Row]) -> list[tuple[str, str]]:
    return [(row["tool"], row["result"]) for row in rows]


def test_each_call_leaves_one_row_however_it_ends(shop: Shop, agent: Agent, rows: Rows) -> None:
    shop.account()
    token = agent.call("grant-credit", GRANT).ok()["previewToken"]
    agent.call("grant-credit", GRANT | {"previewToken": token}).ok()
    agent.call("grant-credit", GRANT | {"previewToken": token}).refused("preview_used")
    agent.call("get-customer", {"customerId": "nobody"}).refused("customer_not_found")
    agent.call("get-customer", {"bogus": 1}).refused("invalid")
    agent.call("list-customers").ok()
    assert outcomes(rows()) == [
        ("grant-credit", "ok"),
        ("grant-credit", "ok"),
        ("grant-credit", "preview_used"),
        ("get-customer", "customer_not_found"),
        ("get-customer", "invalid"),
        ("list-customers", "ok"),
    ]


def test_what_is_no_call_leaves_none(agent: Agent, rows: Rows) -> None:
    agent.tools()
    agent.rpc("tools/call", {"name": "no-such-tool", "arguments": {}})
    agent.rpc("resources/read", {"uri": "billing://docs/errors"})
    assert rows() == []


def test_a_call_that_was_too_much_leaves_one_too(server: Inside, shop: Shop, rows: Rows) -> None:
    with mcp_inside(server, calls_per_minute=1) as door:
        agent = door.agent(shop.api.key)
        agent.call("list-customers").ok()
        agent.call("list-customers").refused("rate_limited")
    assert outcomes(rows()) == [("list-customers", "ok"), ("list-customers", "rate_limited")]


def test_arguments_and_secrets_are_kept_as_a_digest_only(shop: Shop, agent: Agent, rows: Rows) -> None:
    shop.account()
    sent = b'{"accountId":"acme","creditAmount":500.25,"effectiveFrom":"2026-01-01","purpose":"A secret purpose"}'
    token = agent.call("grant-credit", sent).ok()["previewToken"]
    agent.call("grant-credit", GRANT | {"previewToken": token, "idempotencyKey": "a-secret-key"}).ok()
    first, second = rows()
    assert first["argument_digest"] == hashlib.sha256(sent).hexdigest()[:32]
    assert first["argument_digest"] != second["argument_digest"]
    kept = repr([first, second])
    for secret in ("A secret purpose", "a-secret-key", token, agent.key or "", "500.25", "acme"):
        assert secret not in kept


class TestTheProgram:
    def test_it_is_what_a_modern_client_says(self, agent: Agent, rows: Rows) -> None:
        agent.door.agent(agent.key, client="claude-code").call("list-customers").ok()
        assert rows()[0]["client"] == "claude-code 7"

    def test_or_else_the_user_agent(self, agent: Agent, rows: Rows) -> None:
        asking = agent.door.agent(agent.key, revision=LEGACY)
        asking.rpc("tools/call", {"name": "list-customers", "arguments": {}}, User_Agent="some-host/1.2").ok()
        assert rows()[0]["client"] == "some-host/1.2"

    def test_and_no_more_of_it_than_fits(self, agent: Agent, rows: Rows) -> None:
        agent.door.agent(agent.key, client="x" * 5000).call("list-customers").ok()
        assert rows()[0]["client"] == "x" * 200


def test_the_time_is_the_wall_clocks(server: Inside, agent: Agent, rows: Rows) -> None:
    """In microseconds; the test clock stands at New Year 2026."""
    before = server.engine.wall_clock.now()
    agent.call("list-customers").ok()
    assert before.timestamp() * 1_000_000 <= rows()[0]["at"] <= server.engine.wall_clock.now().timestamp() * 1_000_000
    assert server.engine.clock.now() < before
