"""The capability's page against a running server: both faces, both revisions; and that a broken promise is seen."""

from __future__ import annotations

import copy
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tallystick.cli.serve import serve_command
from tests.agent import LEGACY, MODERN, mcp_of
from tests.contract.capability import Capability, Shown, shortcomings
from tests.operations.shop import Shop, event, tiered
from tests.servers import NEW_YEAR, child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import mcp

    from tests.agent import Agent, Door, Json
    from tests.servers import Answer, Api, Child

PAGE: Final = Path(__file__).parents[2].parent / "shared" / "reference" / "capability.yaml"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the capability's page is not beside the repository")
both_revisions = pytest.mark.parametrize("revision", [MODERN, LEGACY])


@pytest.fixture(scope="module")
def page() -> Json:
    parsed: Json = yaml.safe_load(PAGE.read_text())
    return parsed


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    with child(tmp_path_factory.mktemp("capability") / "data", "--test-clock", NEW_YEAR) as running:
        yield running


@pytest.fixture(scope="module")
def door(server: Child) -> Iterator[Door]:
    with mcp_of(server) as opened:
        yield opened


@pytest.fixture(scope="module")
def api(server: Child) -> Api:
    """A caller of a server at which there is a customer `acme` with an account of the same name."""
    api = server.api()
    api.post("/v1/customers", {"id": "acme", "name": "Acme Inc", "primaryEmail": "a@acme.test"}).ok()
    return api


@pytest.fixture(scope="module", params=[MODERN, LEGACY])
def shown(request: pytest.FixtureRequest, api: Api, door: Door) -> Shown:
    @cache
    def send(method: str, path: str) -> Answer:
        return api.send(method, path, {} if method == "POST" else None)

    return Shown(api.get("/openapi.json").ok(), send, door.agent(revision=request.param).tools())


class TestThePage:
    def test_every_promise_is_kept(self, page: Json, shown: Shown) -> None:
        capability = Capability.of(page)
        assert (len(capability.operations), len(capability.tools)) == (11, 10)
        assert shortcomings(capability, shown) == []

    def test_its_ports_are_those_that_the_server_listens_on(self, page: Json) -> None:
        options: Any = {option.name: option.default for option in serve_command.params}
        assert Capability.of(page).ports == {"rest": options["port"], "mcp": options["mcp_port"]}

    @both_revisions
    def test_the_official_client_sees_the_same_tools(self, page: Json, door: Door, revision: str) -> None:
        async def listed(client: mcp.Client) -> list[str]:
            assert client.protocol_version == revision
            return [tool.name for tool in (await client.list_tools()).tools]

        names = door.official(listed, revision)
        assert names == list(door.agent(revision=revision).tools())
        assert {tool.name for tool in Capability.of(page).tools} <= set(names)


def tools_of(page: Json) -> list[Json]:
    found: list[Json] = page["capability"]["exposes"][1]["tools"]
    return found


def resources_of(page: Json) -> list[Json]:
    found: list[Json] = page["capability"]["exposes"][0]["resources"]
    return found


class TestABrokenPromiseIsSeen:
    """The controls: whatever differs between the page and the server is told, wherever it lies."""

    def test_a_tool_that_is_missing(self, page: Json, shown: Shown) -> None:
        for tool in Capability.of(page).tools:
            fewer = {name: one for name, one in shown.tools.items() if name != tool.name}
            found = shortcomings(Capability.of(page), Shown(shown.description, shown.send, fewer))
            assert found == [f"{tool.name}: not listed"]

    def test_a_tool_of_another_name(self, page: Json, shown: Shown) -> None:
        for position, tool in enumerate(tools_of(page)):
            changed = copy.deepcopy(page)
            tools_of(changed)[position]["name"] = f"{tool['name']}s"
            assert shortcomings(Capability.of(changed), shown) == [f"{tool['name']}s: not listed"]

    def test_every_hint_that_is_another_or_missing(self, page: Json, shown: Shown) -> None:
        for position, tool in enumerate(tools_of(page)):
            for hint, value in tool["hints"].items():
                changed = copy.deepcopy(page)
                tools_of(changed)[position]["hints"][hint] = not value
                found = shortcomings(Capability.of(changed), shown)
                assert found == [f"{tool['name']}: {hint} is {value}, expected {not value}"]
        for name in {tool["name"] for tool in tools_of(page)}:
            for hint in ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"):
                tools = copy.deepcopy(dict(shown.tools))
                del tools[name]["annotations"][hint]
                assert len(shortcomings(Capability.of(page), Shown(shown.description, shown.send, tools))) == 1

    def test_every_argument_of_another_name(self, page: Json, shown: Shown) -> None:
        for position, tool in enumerate(tools_of(page)):
            for argument in tool.get("with", {}):
                changed = copy.deepcopy(page)
                sent = tools_of(changed)[position]["with"]
                sent[f"{argument}s"] = sent.pop(argument)
                found = shortcomings(Capability.of(changed), shown)
                assert f"{tool['name']}: does not take {argument}s" in found

    def test_an_argument_that_is_newly_required(self, page: Json, shown: Shown) -> None:
        for tool in Capability.of(page).tools:
            tools = copy.deepcopy(dict(shown.tools))
            tools[tool.name]["inputSchema"].setdefault("required", []).append("reason")
            found = shortcomings(Capability.of(page), Shown(shown.description, shown.send, tools))
            assert found == [f"{tool.name}: requires reason, which nobody sends"]

    def test_a_tool_without_a_description(self, page: Json, shown: Shown) -> None:
        tools = copy.deepcopy(dict(shown.tools))
        tools["grant-credit"]["description"] = ""
        found = shortcomings(Capability.of(page), Shown(shown.description, shown.send, tools))
        assert found == ["grant-credit: no description"]

    @pytest.mark.parametrize(
        "rename",
        [
            lambda path: path.replace("/v1/", "/v2/"),
            lambda path: f"{path}s",
            lambda path: path.replace("{customerId}", "{customer_id}").replace("{accountId}", "{account}"),
        ],
        ids=["version", "path", "parameter"],
    )
    def test_every_path_and_parameter_of_another_name(
        self, page: Json, shown: Shown, rename: Callable[[str], str]
    ) -> None:
        for position, resource in enumerate(resources_of(page)):
            changed = copy.deepcopy(page)
            path = resources_of(changed)[position]["path"] = rename(resource["path"])
            found = shortcomings(Capability.of(changed), shown)
            assert bool(found) is (path != resource["path"])

    def test_every_method_that_is_another(self, page: Json, shown: Shown) -> None:
        for position, resource in enumerate(resources_of(page)):
            for place in range(len(resource["operations"])):
                changed = copy.deepcopy(page)
                resources_of(changed)[position]["operations"][place]["method"] = "PUT"
                assert len(shortcomings(Capability.of(changed), shown)) == 2  # described, and answered

    def test_a_description_that_names_a_parameter_otherwise(self, page: Json, shown: Shown) -> None:
        described = copy.deepcopy(shown.description)
        described["paths"]["/v1/customers/{customerId}"]["get"]["parameters"][0]["name"] = "id"
        found = shortcomings(Capability.of(page), Shown(described, shown.send, shown.tools))
        assert found == ["GET /v1/customers/{customerId}: path parameters ['id'], expected ['customerId']"]

    def test_a_server_that_fails(self, page: Json, api: Api, shown: Shown) -> None:
        broken = api.get("/no/such/path")
        found = shortcomings(Capability.of(page), Shown(shown.description, lambda _method, _path: broken, shown.tools))
        assert len(found) == 11


@pytest.fixture(params=[MODERN, LEGACY])
def agent(request: pytest.FixtureRequest, door: Door) -> Agent:
    return door.agent(revision=request.param, path="/mcp/all")


class TestRoundTrip:
    """What one face creates the other reads, in the same JSON."""

    def test_created_by_rest_read_by_agents(self, api: Api, agent: Agent) -> None:
        name = f"rest-{agent.revision[:4]}"
        api.post("/v1/customers", {"id": name, "name": "Rest Inc", "primaryEmail": "r@rest.test"}).ok()
        api.post(f"/v1/customers/{name}/accounts", {"id": f"{name}-2", "name": "Second"}).ok()
        api.post(f"/v1/accounts/{name}/credits", {"creditAmount": "12.34", "effectiveFrom": "2026-01-01"}).ok()
        both = [
            ("get-customer", {"customerId": name}, f"/v1/customers/{name}"),
            ("list-accounts", {"customerId": name}, f"/v1/customers/{name}/accounts"),
            ("list-credits", {"accountId": name}, f"/v1/accounts/{name}/credits"),
            ("list-invoices", {"accountId": name}, f"/v1/accounts/{name}/invoices"),
        ]
        for tool, arguments, path in both:
            assert agent.call(tool, arguments).ok() == api.get(path).ok()
        listed = [one for page in agent.pages("list-customers", {"pageSize": 2}) for one in page]
        assert listed == [one for page in api.pages("/v1/customers", pageSize=3) for one in page]

    def test_created_by_agents_read_by_rest(self, api: Api, agent: Agent) -> None:
        name = f"mcp-{agent.revision[:4]}"
        asked = {"id": name, "name": "Agent's Inc", "primaryEmail": "m@mcp.test"}
        made = agent.call("create-customer", asked).ok()
        assert made["account"] == api.get(f"/accounts/{name}").ok()
        read = api.get(f"/v1/customers/{name}").ok()
        assert {field: read[field] for field in asked} == asked
        credit = agent.call("grant-credit", {"accountId": name, "creditAmount": 7, "effectiveFrom": "2026-01-01"}).ok()
        assert api.get(f"/v1/accounts/{name}/credits").ok()["data"] == [credit]
        plan = agent.call("create-price-plan", {"name": f"Plan {name}", "type": "BILLING"}).ok()
        assert api.get(f"/price_plans/{plan['id']}").ok() == plan

    def test_events_sent_by_agents_are_counted(self, api: Api, agent: Agent) -> None:
        name = f"events-{agent.revision[:4]}"
        shop = Shop(api)
        schema = shop.schema(f"calls_{agent.revision[:4]}")
        meter = shop.meter(f"Calls {agent.revision}", schema=schema)
        shop.account(name)
        shop.associate(shop.plan(usageRateCards=[tiered(meter, (0, "0.5"))]), name)
        units = "1234567890123.000000000001"
        sent = event(f"e-{name}", name, units, schemaName=schema)
        answer = agent.call("ingest-events", {"events": [sent]}).ok()
        assert answer == api.post("/v1/events", {"events": [sent]}).ok()  # the same again, which counts once
        assert agent.call("list-usage-meters", {"eventSchemaName": schema}).ok()["data"][0]["id"] == meter
        (read,) = agent.call("get-event", {"eventId": f"e-{name}"}).ok()["events"][:1]
        assert read == api.get(f"/events/e-{name}").ok()["events"][0]
        asked = {"accountId": name, "startDate": "2026-01-01", "endDate": "2026-02-01"}
        used = agent.call("get-usage", asked)
        assert used.ok()["usageMeters"][0]["units"] == Decimal(units)
        assert f'"units":{units}'.encode() in (used.structured or b"")
        # half of it, in cents: 617283945061.5000000000005
        draft = agent.call("list-invoices", {"accountId": name})
        assert draft.ok()["data"][0]["totalAmount"] == Decimal("617283945061.5")
        assert draft.ok() == api.get(f"/v1/accounts/{name}/invoices").ok()


class TestNumbers:
    """Numbers are numbers on both wires, to the last digit; a float on the way would show in each of these."""

    RATE: Final = "0.1234567890123456789012345"

    def test_a_rate_of_25_digits(self, api: Api, agent: Agent) -> None:
        shop = Shop(api)
        name = f"exact_{agent.revision[:4]}"
        meter = shop.meter(f"Exact {agent.revision}", schema=shop.schema(name))
        for rate in (Decimal(self.RATE), self.RATE):
            terms = {
                "supportedCurrencies": ["USD"],
                "pricingCycleConfig": {"interval": "MONTHLY", "startOffset": {"dayOffset": "1"}, "gracePeriod": 2},
                "usageRateCards": [tiered(meter, (0, rate))],
            }
            asked = {"name": f"{name} {type(rate).__name__}", "type": "BILLING", "pricePlanDetails": terms}
            made = agent.call("create-price-plan", asked)
            plan = made.ok()
            for told in (made, agent.call("get-price-plan", {"pricePlanId": plan["id"]})):
                assert f'"rate":{self.RATE}'.encode() in (told.structured or b"")
            assert f'"rate":{self.RATE}'.encode() in api.get(f"/price_plans/{plan['id']}").content

    def test_a_sum_that_floats_get_wrong(self, api: Api, agent: Agent) -> None:
        assert 0.1 + 0.2 != 0.3
        name = f"sum-{agent.revision[:4]}"
        Shop(api).account(name)
        for amount in (0.1, "0.2"):
            agent.call("grant-credit", {"accountId": name, "creditAmount": amount, "effectiveFrom": "2026-01-01"}).ok()
        told = agent.call("get-credit-balance", {"accountId": name})
        assert b'"availableBalance":0.3,' in (told.structured or b"")
        assert b'"availableBalance":0.3,' in api.get(f"/accounts/{name}/credit_balance").content

    def test_100_10(self, api: Api, agent: Agent) -> None:
        name = f"tens-{agent.revision[:4]}"
        Shop(api).account(name)
        asked = b'{"accountId":"%s","creditAmount":10.10,"effectiveFrom":"2026-01-01"}' % name.encode()
        assert b'"creditAmount":10.1,' in (agent.call("grant-credit", asked).structured or b"")
        assert b'"creditAmount":10.1,' in api.get(f"/v1/accounts/{name}/credits").content


UNKNOWN: Final = {
    "get-customer": {"customerId": "nobody"},
    "list-accounts": {"customerId": "nobody"},
    "list-invoices": {"accountId": "nobody"},
    "list-credits": {"accountId": "nobody"},
    "grant-credit": {"accountId": "nobody", "creditAmount": 1, "effectiveFrom": "2026-01-01"},
    "list-usage-meters": {"eventSchemaName": "nothing"},
}


@pytest.mark.parametrize("tool", UNKNOWN)
def test_what_is_unknown_is_an_error_and_never_an_empty_list(agent: Agent, tool: str) -> None:
    noun = "event_schema" if tool == "list-usage-meters" else "customer" if "customerId" in UNKNOWN[tool] else "account"
    error = agent.call(tool, UNKNOWN[tool]).refused(f"{noun}_not_found")
    assert error["field"] == next(iter(UNKNOWN[tool]))


def test_every_list_pages_to_its_end(api: Api, agent: Agent) -> None:
    shop = Shop(api)
    name = f"long-{agent.revision[:4]}"
    shop.account(name)
    schema = shop.schema(f"long_{agent.revision[:4]}")
    for number in range(3):
        api.post(f"/v1/customers/{name}/accounts", {"id": f"{name}-{number}", "name": "More"}).ok()
        shop.credit(1, name)
        shop.meter(f"{name} {number}", schema=schema)
        api.post("/v1/price-plans", {"name": f"{name} {number}", "type": "BILLING"}).ok()
    plans = [shop.addon(f"Fee {name}")]
    fees = [{"id": plans[0], "invoiceTiming": "IN_ARREARS", "enableProration": False, "rateValues": RATES}]
    for since, until in (("2026-01-01", "2026-02-01"), ("2026-02-01", "2026-03-01"), ("2026-03-01", "2026-04-01")):
        shop.associate(shop.plan(fixedFeeRateCards=fees), name, since, until)
    lists: dict[str, tuple[Json, int]] = {
        "list-customers": ({}, 0),
        "list-price-plans": ({}, 0),
        "list-accounts": ({"customerId": name}, 4),
        "list-credits": ({"accountId": name}, 3),
        "list-invoices": ({"accountId": name}, 3),
        "list-usage-meters": ({"eventSchemaName": schema}, 3),
    }
    for tool, (arguments, count) in lists.items():
        (whole,) = agent.pages(tool, arguments | {"pageSize": 100})
        pages = agent.pages(tool, arguments | {"pageSize": 1})
        assert [one for page in pages for one in page] == whole
        assert len(pages) == len(whole) == (count or len(whole)) > 1, tool


RATES: Final = [{"currency": "USD", "rate": 5}]
