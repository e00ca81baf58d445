"""The gateway serves the capability's two faces in front of a Togai-compatible API, here one of ours."""

from __future__ import annotations

import json
import subprocess
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tallystick.agents.toolbox import CAPABILITY
from tallystick.api.routes import CAPABILITY as ROUTES
from tests.gateway.conftest import GATEWAY_KEY, Gateway, running
from tests.operations.shop import event
from tests.servers import KEY, TALLYSTICK, environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Child

Json = dict[str, Any]


def customer(name: str) -> Json:
    return {"id": name, "name": f"{name} Inc", "primaryEmail": f"{name}@example.test"}


async def _called(url: str, tool: str, arguments: Json) -> Any:  # noqa: ANN401 - the SDK's result
    headers = {"Authorization": f"Bearer {GATEWAY_KEY}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as client,
        Client(streamable_http_client(url, http_client=client)) as agent,
    ):
        return await agent.call_tool(tool, arguments)


def call(gateway: Gateway, tool: str, **arguments: object) -> Any:  # noqa: ANN401 - the SDK's result
    return anyio.run(_called, gateway.mcp, tool, arguments)


class TestBothFaces:
    def test_what_rest_creates_is_at_the_upstream_and_read_by_a_tool(self, gateway: Gateway, upstream: Child) -> None:
        made = gateway.api().post("/v1/customers", customer("acme"))
        assert made.status == 201
        there = upstream.api().get("/customers/acme").ok()
        assert gateway.api().get("/v1/customers/acme").ok() == there
        read = call(gateway, "get-customer", customerId="acme")
        assert read.structured_content == there
        assert json.loads(read.content[0].text) == there

    def test_what_a_tool_creates_is_read_over_rest(self, gateway: Gateway) -> None:
        made = call(gateway, "create-customer", **customer("beta"))
        assert not made.is_error
        assert gateway.api().get("/v1/customers/beta/accounts").ok()["data"] == [made.structured_content["account"]]
        assert call(gateway, "list-accounts", customerId="beta").structured_content["data"] == [
            made.structured_content["account"]
        ]

    def test_a_credit_of_three_fields_is_granted_exactly(self, gateway: Gateway, upstream: Child) -> None:
        gateway.api().post("/v1/customers", customer("gamma")).ok()
        asked = {"creditAmount": "100.10", "effectiveFrom": "2026-01-01", "effectiveTo": "2026-07-01"}
        credit = gateway.api().post("/v1/accounts/gamma/credits", asked).ok()
        assert (credit["creditAmount"], credit["purpose"]) == (Decimal("100.1"), "Credit grant")
        assert credit["effectiveUntil"] == "2026-07-01"
        by_tool = call(gateway, "grant-credit", accountId="gamma", creditAmount="900.01", effectiveFrom="2026-01-01")
        assert not by_tool.is_error, "no key of ours stands here, so nothing is previewed"
        balance = upstream.api().get("/accounts/gamma/credit_balance").ok()
        assert Decimal(balance["activeCredits"]) == Decimal("1000.11")  # 100.10 + 900.01
        assert len(gateway.api().get("/v1/accounts/gamma/credits").ok()["data"]) == 2

    def test_events_plans_invoices_and_meters_go_through(self, gateway: Gateway) -> None:
        gateway.api().post("/v1/customers", customer("delta")).ok()
        taken = gateway.api().post("/v1/events", {"events": [event("e-1", "delta")]})
        assert (taken.status, taken.body["details"]) == (202, {"accepted": 1})
        by_tool = call(gateway, "ingest-events", events=[event("e-2", "delta")])
        assert by_tool.structured_content["details"] == {"accepted": 1}
        plan = gateway.api().post("/v1/price-plans", {"name": "Basic", "type": "BILLING"}).ok()
        assert plan["status"] == "DRAFT"
        listed = call(gateway, "list-price-plans", query="Basic").structured_content["data"]
        assert [one["id"] for one in listed] == [plan["id"]]
        assert gateway.api().get("/v1/accounts/delta/invoices").ok()["data"] == []

    def test_pages_lead_to_the_end(self, gateway: Gateway) -> None:
        gateway.api().post("/v1/customers", customer("paged")).ok()
        for number in range(3):
            body = {"id": f"paged-{number}", "name": "More"}
            gateway.api().post("/v1/customers/paged/accounts", body).ok()
        pages = gateway.api().pages("/v1/customers/paged/accounts", pageSize=3)
        assert [len(page) for page in pages] == [3, 1]

    def test_the_description_lists_the_eleven_operations(self, gateway: Gateway) -> None:
        paths = gateway.api(None).get("/openapi.json").ok()["paths"]
        described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
        assert described == {(route.method, route.path) for route in ROUTES} | {("POST", "/v1/events")}

    def test_the_tools_are_the_ten(self, gateway: Gateway) -> None:
        async def listed() -> list[str]:
            headers = {"Authorization": f"Bearer {GATEWAY_KEY}"}
            async with (
                httpx2.AsyncClient(headers=headers, trust_env=False) as client,
                Client(streamable_http_client(gateway.mcp, http_client=client)) as agent,
            ):
                return [tool.name for tool in (await agent.list_tools()).tools]

        assert anyio.run(listed) == [tool.name for tool in CAPABILITY]


class TestRefusals:
    def test_a_method_that_a_path_does_not_have_is_answered_with_those_that_it_has(self, gateway: Gateway) -> None:
        for path, allowed in (("/v1/customers", "GET, HEAD, POST"), ("/v1/events", "POST"), ("/docs", "GET, HEAD")):
            answer = gateway.api().send("DELETE", path)
            assert "this method is not known here" in answer.refused(405)
            assert answer.headers["allow"] == allowed
        assert "no such path" in gateway.api().get("/v1/nowhere").refused(404)

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("/v1/customers/nobody", "customer 'nobody' not found"),
            ("/v1/customers/nobody/accounts", "customer 'nobody' not found"),
            ("/v1/accounts/nobody/invoices", "account 'nobody' not found"),
            ("/v1/accounts/nobody/credits", "account 'nobody' not found"),
        ],
    )
    def test_what_is_unknown_is_the_upstreams_404_and_no_empty_list(
        self, gateway: Gateway, path: str, message: str
    ) -> None:
        assert gateway.api().get(path).refused(404) == message

    def test_a_tool_says_what_the_upstream_said(self, gateway: Gateway) -> None:
        refused = call(gateway, "list-usage-meters", eventSchemaName="nothing")
        assert (refused.is_error, refused.structured_content) == (True, None)
        error = json.loads(refused.content[0].text)["error"]
        assert (error["code"], error["message"]) == ("upstream_404", "event schema 'nothing' not found")

    def test_status_and_message_of_a_refusal_are_the_upstreams(self, gateway: Gateway, upstream: Child) -> None:
        bad = {"id": "x"}
        message = upstream.api().post("/customers", bad).refused(400)
        assert gateway.api().post("/v1/customers", bad).refused(400) == message
        gateway.api().post("/v1/customers", customer("twice")).ok()
        gateway.api().post("/v1/customers", customer("twice")).refused(409)

    def test_a_body_that_must_be_rearranged_has_to_be_an_object(self, gateway: Gateway) -> None:
        for body in (b"", b"[]", b"{", b"7"):
            answer = httpx.post(
                f"{gateway.url}/v1/accounts/a/credits",
                content=body,
                headers={"Authorization": f"Bearer {GATEWAY_KEY}", "Content-Type": "application/json"},
            )
            assert answer.status_code == 400

    def test_an_unknown_argument_never_reaches_the_upstream(self, gateway: Gateway) -> None:
        refused = call(gateway, "create-customer", **customer("typo"), primaryMail="x")
        assert "unknown field 'primaryMail'" in json.loads(refused.content[0].text)["error"]["message"]
        gateway.api().get("/v1/customers/typo").refused(404)


class TestKeys:
    def test_callers_need_the_gateways_key_on_both_faces(self, gateway: Gateway) -> None:
        for key in (None, "wrong", KEY):  # the upstream's token is no key of the gateway
            gateway.api(key).get("/v1/customers").refused(401)
            answer = httpx.post(gateway.mcp, json={}, headers={} if key is None else {"Authorization": f"Bearer {key}"})
            assert answer.status_code == 401
            assert "resource_metadata" in answer.headers["WWW-Authenticate"]

    def test_the_token_is_never_shown(self, gateway: Gateway) -> None:
        gateway.api().get("/v1/customers").ok()
        gateway.api().get("/v1/customers/nobody").refused(404)
        assert KEY not in gateway.said
        assert GATEWAY_KEY not in gateway.said

    def test_without_a_key_this_machine_may_call_and_no_page_of_another_origin(
        self, upstream: Child, tmp_path: Path
    ) -> None:
        with running(tmp_path / "log", upstream.url, key=None) as open_gateway:
            assert "only this machine may call" in open_gateway.said
            assert open_gateway.api(None).get("/v1/customers").status == 200
            for headers, status in ({"Origin": "http://evil.test"}, 403), ({"Host": "evil.test"}, 421):
                assert httpx.get(f"{open_gateway.url}/v1/customers", headers=headers).status_code == status
            form = httpx.post(f"{open_gateway.url}/v1/customers", content="{}", headers={"Content-Type": "text/plain"})
            assert form.status_code == 400, "what a page can send without asking is refused"

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
    def test_without_a_key_no_other_address_is_served(self, host: str) -> None:
        ended = started("http://127.0.0.1:9", "--host", host)
        assert ended.returncode == 1
        assert "TALLYSTICK_GATEWAY_KEY: set it before listening on" in ended.stderr

    @pytest.mark.parametrize(
        ("upstream", "message"),
        [
            ("http://billing.example.test", "over http the token would travel in clear: use https"),
            ("billing.example.test", "is no address such as https://"),
            ("ftp://127.0.0.1", "is no address such as https://"),
            ("https://me:secret@billing.example.test", "holds more than an address"),
        ],
    )
    def test_an_address_that_would_give_the_token_away_is_refused(self, upstream: str, message: str) -> None:
        ended = started(upstream)
        assert (ended.returncode, message in ended.stderr) == (1, True)
        assert "secret" not in ended.stderr

    def test_without_a_token_it_does_not_start(self) -> None:
        ended = started("http://127.0.0.1:9", token=None)
        assert "TOGAI_API_TOKEN: is empty" in ended.stderr


def started(upstream: str, *options: str, token: str | None = KEY) -> subprocess.CompletedProcess[str]:
    """A gateway that ends by itself."""
    return subprocess.run(
        [*TALLYSTICK, "gateway", "--upstream", upstream, "--port", "0", "--mcp-port", "0", *options],
        env=environment(token),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
