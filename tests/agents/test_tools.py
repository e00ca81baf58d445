"""The tools as agents see them: what each list says of them, and that every answer is as described."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, Final

import jsonschema
import msgspec
import pytest

from tallystick.agents.app import PATHS
from tallystick.agents.tool import Toolset
from tallystick.agents.toolbox import TOOLS
from tests.agent import LEGACY, MODERN, mcp_inside
from tests.operations.shop import CALLS, Shop, event, tiered
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import mcp

    from tests.agent import Agent, Door
    from tests.servers import Inside

BY_NAME: Final = {tool.name: tool for tool in TOOLS}
LARGEST_LIST: Final = 16_000
MONTHLY: Final = {"interval": "MONTHLY", "startOffset": {"dayOffset": "1"}, "gracePeriod": 2}
METER: Final = {
    "name": "Calls",
    "type": "COUNTER",
    "aggregation": "SUM",
    "eventSchemaName": "api_call",
    "computations": [{"computation": CALLS, "order": 1}],
}
CUSTOMER: Final = {"id": "acme", "name": "Acme Inc", "primaryEmail": "a@acme.test"}
GRANT: Final = {"accountId": "acme", "creditAmount": "12.50", "effectiveFrom": "2026-01-01"}


def walk(agent: Agent) -> Iterator[tuple[str, Any]]:
    """A billing life that calls every tool: its name and the answer, checked against its description."""
    listed = agent.tools()

    def call(tool: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
        told = agent.call(tool, arguments)
        answer = told.ok()
        jsonschema.Draft202012Validator(listed[tool]["outputSchema"]).validate(json.loads(told.text))
        answers.append((tool, answer))
        return answer

    answers: list[tuple[str, Any]] = []
    call("whoami")
    call("create-customer", **CUSTOMER)
    call("get-customer", customerId="acme")
    call("create-account", customerId="acme", id="acme-2", name="Second")
    call("get-account", accountId="acme-2")
    call("list-customers")
    call("list-accounts", customerId="acme", pageSize=1)
    call("search-billing", query="acme")
    call("create-event-schema", name="api_call", attributes=[{"name": "calls"}], dimensions=[{"name": "region"}])
    call("activate-event-schema", eventSchemaName="api_call")
    call("list-event-schemas")
    meter = call("create-usage-meter", **METER)["id"]
    call("test-usage-meter", usageMeterId=meter, events=[event("e-0")])
    call("activate-usage-meter", usageMeterId=meter)
    call("list-usage-meters", eventSchemaName="api_call")
    call("create-price-plan", name="Bare", type="BILLING")
    terms = {
        "supportedCurrencies": ["USD"],
        "pricingCycleConfig": MONTHLY,
        "usageRateCards": [tiered(meter, (0, "0.5"))],
    }
    plan = call("create-price-plan", name="Full", type="BILLING", pricePlanDetails=terms)["id"]
    call("get-price-plan", pricePlanId=plan)
    call("list-price-plans")
    for tool, more in (
        ("activate-price-plan", {}),
        ("assign-price-plan", {"accountId": "acme", "effectiveFrom": "2026-01-01"}),
    ):
        token = call(tool, pricePlanId=plan, **more)["previewToken"]
        call(tool, pricePlanId=plan, previewToken=token, **more)
    call("ingest-events", events=[event("e-1", calls=150), event("e-2") | {"timestamp": "yesterday"}])
    call("get-event", eventId="e-1")
    call("get-usage", accountId="acme", startDate="2026-01-01", endDate="2026-02-01", groupBy="MONTH")
    call("grant-credit", **GRANT, preview=True)
    call("grant-credit", **GRANT)
    call("list-credits", accountId="acme")
    call("get-credit-balance", accountId="acme")
    invoice = call("list-invoices", accountId="acme")["data"][0]["id"]
    call("get-invoice", invoiceId=invoice)
    call("preview-invoice", accountId="acme")
    call("explain-charge", invoiceId=invoice, lineId=meter)
    yield from answers


def test_every_answer_is_as_its_tool_describes_it(shop: Shop, agent: Agent) -> None:
    assert shop.api.key == agent.key
    called = [name for name, _ in walk(agent)]
    assert set(called) == set(BY_NAME) == set(agent.tools())


@pytest.mark.parametrize("revision", [MODERN, LEGACY])
def test_the_official_client_finds_answers_as_described(shop: Shop, door: Door, revision: str) -> None:
    """It holds each structured answer against the tool's output schema itself."""

    async def talk(client: mcp.Client) -> list[Any]:
        await client.list_tools()
        asked = [
            ("create-customer", CUSTOMER),
            ("grant-credit", GRANT),
            ("grant-credit", GRANT | {"creditAmount": 500}),
            ("get-customer", {"customerId": "acme"}),
            ("list-customers", {}),
            ("get-customer", {"customerId": "nobody"}),
        ]
        return [await client.call_tool(name, arguments) for name, arguments in asked]

    *done, refused = door.official(talk, revision, shop.api.key or "")
    for result in done:
        assert not result.is_error
        assert json.loads(result.content[0].text) == result.structured_content
    assert refused.is_error
    assert refused.structured_content is None


class TestSchemas:
    @pytest.mark.parametrize("name", BY_NAME)
    def test_they_are_schemas_by_themselves(self, name: str) -> None:
        tool = BY_NAME[name]
        for schema in (tool.input_schema, tool.output_schema):
            jsonschema.Draft202012Validator.check_schema(schema)
            assert schema["type"] == "object"
            written = json.dumps(schema)
            assert "$ref" not in written
            assert "$defs" not in written
            assert '"title"' not in written
        assert tool.input_schema["additionalProperties"] is False

    @pytest.mark.parametrize("name", BY_NAME)
    def test_every_id_says_where_it_comes_from(self, name: str) -> None:
        fields = BY_NAME[name].input_schema["properties"]
        for field in ("customerId", "accountId", "invoiceId", "pricePlanId", "usageMeterId", "eventSchemaName"):
            if field in fields and field in BY_NAME[name].input_schema.get("required", ()):
                assert fields[field]["description"]

    @pytest.mark.parametrize("name", BY_NAME)
    def test_what_they_require_is_what_the_decoder_requires(self, name: str) -> None:
        required = BY_NAME[name].input_schema.get("required", [])
        fields = {field.encode_name: field for field in msgspec.structs.fields(BY_NAME[name].arguments.kind)}
        needed = {one for one, field in fields.items() if field.required}
        assert set(required) == needed
        assert set(BY_NAME[name].input_schema["properties"]) <= set(fields)

    @pytest.mark.parametrize("name", BY_NAME)
    def test_an_answer_without_its_fields_does_not_fit(self, name: str) -> None:
        """The control: a description that anything fits would prove nothing."""
        tool = BY_NAME[name]
        validator = jsonschema.Draft202012Validator(tool.output_schema)
        assert not validator.is_valid([])
        assert validator.is_valid({}) is (tool.watch is not None)  # which answers one of two things

    def test_a_decimal_is_a_number_or_a_text(self) -> None:
        amount = BY_NAME["grant-credit"].input_schema["properties"]["creditAmount"]
        assert amount["type"] == ["number", "string"]


class TestHints:
    @pytest.mark.parametrize("name", BY_NAME)
    def test_a_tool_that_only_reads_has_an_operation_that_only_reads(self, name: str) -> None:
        tool = BY_NAME[name]
        assert tool.hints.read_only is (tool.scope.value == "read")
        assert tool.hints.open_world is False
        assert tool.hints.destructive is False


class TestLists:
    @pytest.mark.parametrize("revision", [MODERN, LEGACY])
    def test_the_list_of_the_core_is_short(self, agent: Agent, revision: str) -> None:
        answer = agent.door.agent(agent.key, revision=revision).rpc("tools/list")
        assert len(answer.content) < LARGEST_LIST

    def test_the_list_is_the_same_every_time_and_after_every_start(self, agent: Agent, tmp_path: Path) -> None:
        asking = agent.at("/mcp")
        first, again = asking.result("tools/list"), asking.result("tools/list")
        with inside(tmp_path / "data") as other, mcp_inside(other) as door:
            assert first == again == door.agent().result("tools/list")

    @pytest.mark.parametrize("path", PATHS)
    def test_each_path_has_its_toolset(self, agent: Agent, path: str) -> None:
        expected = [tool.name for tool in TOOLS if PATHS[path] in tool.toolsets]
        for form in (path, f"{path.rstrip('/')}/"):
            assert list(agent.at(form).tools()) == expected

    def test_everything_is_in_one_of_them(self) -> None:
        assert set(PATHS.values()) == set(Toolset)
        for tool in TOOLS:
            assert len(tool.toolsets) > 1, f"{tool.name} is only where everything is"

    def test_a_tool_of_another_path_is_unknown(self, agent: Agent) -> None:
        error = agent.at("/mcp").error("tools/call", {"name": "create-usage-meter", "arguments": {}})
        assert (error["code"], error["message"]) == (-32602, "Unknown tool: create-usage-meter")

    def test_it_may_be_kept_for_a_while_by_one_caller(self, agent: Agent) -> None:
        """Which tools there are depends on the key."""
        listed = agent.result("tools/list")
        assert (listed["ttlMs"], listed["cacheScope"]) == (300_000, "private")
        assert agent.result("resources/read", {"uri": "billing://docs/errors"})["ttlMs"] == 0


@pytest.fixture(scope="module")
def reading(server: Inside) -> Iterator[Door]:
    with mcp_inside(server, read_only=True) as opened:
        yield opened


class TestReadOnly:
    def test_what_writes_is_not_there(self, reading: Door, shop: Shop) -> None:
        agent = reading.agent(shop.api.key, path="/mcp/all")
        assert set(agent.tools()) == {tool.name for tool in TOOLS if tool.hints.read_only}
        for name in itertools.chain(tool.name for tool in TOOLS if not tool.hints.read_only):
            error = agent.error("tools/call", {"name": name, "arguments": {}})
            assert (error["code"], error["message"]) == (-32602, f"Unknown tool: {name}")

    def test_what_reads_is(self, reading: Door, shop: Shop) -> None:
        shop.account()
        assert reading.agent(shop.api.key).call("get-customer", {"customerId": "acme"}).ok()["id"] == "acme"
