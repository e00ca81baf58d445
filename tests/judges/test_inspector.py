"""The MCP Inspector, a client in TypeScript: the walk of a customer through the real command."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tallystick.agents.app import PATHS
from tests.servers import KEY

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from tests.judges.judges import Judges
    from tests.servers import Child

TOOL_ERROR = 5


@pytest.fixture
def url(command: Child) -> str:
    """Where agents come in, as the command itself says."""
    found = re.search(r"Agents come in at (\S+)/mcp", command.said)
    assert found is not None, command.said
    return found[1]


class Agent:
    """Sends requests by way of the Inspector, in one of the protocol's eras."""

    def __init__(self, judges: Judges, url: str, era: str) -> None:
        self._judges = judges
        self._url = f"{url}/mcp/all"
        self.era = era

    def send(self, method: str, *options: str) -> CompletedProcess[str]:
        """What becomes of a request."""
        return self._judges.inspect(self._url, KEY, method, "--protocol-era", self.era, *options)

    def ask(self, method: str, *options: str) -> Any:  # noqa: ANN401 - JSON
        """The result of a request that succeeds."""
        done = self.send(method, *options)
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)

    def try_tool(self, tool: str, /, **arguments: str) -> CompletedProcess[str]:
        """What becomes of a call."""
        given = (f"--tool-arg={argument}={value}" for argument, value in arguments.items())
        return self.send("tools/call", "--tool-name", tool, *given)

    def call(self, tool: str, /, **arguments: str) -> Any:  # noqa: ANN401 - JSON
        """The structured content of a call that succeeds; its text says the same."""
        done = self.try_tool(tool, **arguments)
        assert done.returncode == 0, done.stderr + done.stdout
        result = json.loads(done.stdout)
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
        return result["structuredContent"]


@pytest.fixture(params=["legacy", "modern"])
def agent(judges: Judges, url: str, request: pytest.FixtureRequest) -> Agent:
    """An agent with a key, which sees every tool."""
    return Agent(judges, url, request.param)


@pytest.mark.parametrize("path", PATHS)
def test_the_schemas_of_every_toolset_are_portable(judges: Judges, url: str, path: str) -> None:
    done = judges.inspect(f"{url}{path}", KEY, "tools/list", "--strict")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^0 errors, ", done.stderr, re.MULTILINE), done.stderr
    assert len(json.loads(done.stdout)["tools"]) >= 8


def test_a_customer_is_onboarded_billed_and_credited(agent: Agent) -> None:
    customer, schema = f"acme-{agent.era}", f"calls_{agent.era}"
    agent.call("create-customer", id=customer, name="Acme Inc", primaryEmail="billing@acme.test")
    assert agent.call("get-customer", customerId=customer)["name"] == "Acme Inc"
    assert [account["id"] for account in agent.call("list-accounts", customerId=customer)["data"]] == [customer]
    agent.call("create-event-schema", name=schema, attributes='[{"name": "calls"}]', dimensions="[]")
    agent.call("activate-event-schema", eventSchemaName=schema)
    event = {
        "id": f"e-{agent.era}",
        "accountId": customer,
        "schemaName": schema,
        "timestamp": "2026-01-01T00:00:00Z",
        "attributes": [{"name": "calls", "value": "150"}],
        "dimensions": {},
    }
    assert agent.call("ingest-events", events=json.dumps([event]))["success"] is True
    credit = agent.call("grant-credit", accountId=customer, creditAmount="12.5", effectiveFrom="2026-01-01")
    assert credit["creditAmount"] == 12.5


def test_what_goes_wrong_is_told_in_our_words(agent: Agent) -> None:
    done = agent.try_tool("get-customer", customerId="nobody")
    assert done.returncode == TOOL_ERROR
    assert "tool_is_error" in done.stderr
    result = json.loads(done.stdout)
    assert result["isError"] is True
    assert "structuredContent" not in result
    error = json.loads(result["content"][0]["text"])["error"]
    assert error["code"] == "customer_not_found"
    assert "nobody" in error["message"]
    assert error["nextSteps"]


def test_resources_are_listed_and_read(agent: Agent) -> None:
    addresses = {resource["uri"] for resource in agent.ask("resources/list")["resources"]}
    assert "billing://docs/glossary" in addresses
    templates = {one["uriTemplate"] for one in agent.ask("resources/templates/list")["resourceTemplates"]}
    assert "billing://customers/{customerId}" in templates
    for address in sorted(addresses):
        content = agent.ask("resources/read", "--uri", address)["contents"][0]
        assert content["mimeType"] == "text/markdown"
        assert content["text"].startswith("# ")
    customer = f"globex-{agent.era}"
    agent.call("create-customer", id=customer, name="Globex", primaryEmail="billing@globex.test")
    content = agent.ask("resources/read", "--uri", f"billing://customers/{customer}")["contents"][0]
    assert json.loads(content["text"])["name"] == "Globex"


def test_prompts_are_listed_and_filled(agent: Agent) -> None:
    names = {prompt["name"] for prompt in agent.ask("prompts/list")["prompts"]}
    assert {"investigate-invoice", "onboard-customer", "month-end-close"} <= names
    filled = agent.ask("prompts/get", "--prompt-name", "investigate-invoice", "--prompt-args", "invoiceId=inv-7")
    assert "inv-7" in filled["messages"][0]["content"]["text"]


@pytest.mark.parametrize("key", [None, "tsk_of-nobody"])
def test_nobody_comes_in_without_a_key(judges: Judges, url: str, key: str | None) -> None:
    done = judges.inspect(f"{url}/mcp", key, "tools/list")
    assert done.returncode not in {0, TOOL_ERROR}
    assert "auth_required" in done.stderr or "401" in done.stderr, done.stderr
