"""Arguments are decoded from the very bytes that were sent, or refused by name; nothing is guessed or left out."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tallystick.agents.toolbox import TOOLS
from tallystick.kernel.errors import BillingError
from tests.agent import LEGACY, MODERN

if TYPE_CHECKING:
    from tests.agent import Agent, Json
    from tests.operations.shop import Shop

ACME = {"id": "acme", "name": "Acme Inc", "primaryEmail": "a@acme.test"}
GRANT = {"accountId": "acme", "creditAmount": 1, "effectiveFrom": "2026-01-01"}
BY_NAME = {tool.name: tool for tool in TOOLS}
both_revisions = pytest.mark.parametrize("revision", [MODERN, LEGACY])


def refused(tool: str, sent: bytes) -> str:
    with pytest.raises(BillingError) as refusal:
        BY_NAME[tool].arguments.given(sent)
    return refusal.value.message


REFUSED = [
    ("list-customers", b'{"bogus":1}', "unknown field 'bogus'"),
    ("list-customers", b'{"page_size":1}', "unknown field 'page_size': did you mean 'pageSize'?"),
    (
        "grant-credit",
        b'{"effectivUntil":"2026-07-01"}',
        "unknown field 'effectivUntil': did you mean 'effectiveUntil'?",
    ),
    ("get-customer", b"{}", "required field 'customerId' is missing"),
    ("get-customer", b'{"customerId":null}', "customerId: Expected `str`, got `null`"),
    ("get-customer", b'{"customerId":7}', "customerId: Expected `str`, got `int`"),
    ("list-customers", b'{"pageSize":0}', "pageSize: Expected `int` >= 1"),
    ("list-customers", b'{"pageSize":101}', "pageSize: Expected `int` <= 100"),
    ("list-customers", b'{"pageSize":2.5}', "pageSize: Expected `int"),
    ("list-customers", b'{"pageSize":"2"}', "pageSize: Expected `int"),
    ("grant-credit", b'{"accountId":"a","creditAmount":"ten","effectiveFrom":"2026-01-01"}', "creditAmount: "),
    ("grant-credit", b'{"accountId":"a","creditAmount":"NaN","effectiveFrom":"2026-01-01"}', "creditAmount: is NaN"),
    (
        "grant-credit",
        b'{"accountId":"a","creditAmount":1e999,"effectiveFrom":"2026-01-01"}',
        "creditAmount: is 1E+999",
    ),
    ("grant-credit", b'{"accountId":"a","creditAmount":true,"effectiveFrom":"2026-01-01"}', "creditAmount: "),
    ("grant-credit", b'{"accountId":"a","creditAmount":1,"effectiveFrom":"1 May"}', "effectiveFrom: Invalid "),
    ("grant-credit", b'{"preview":"yes"}', "preview: Expected `bool`"),
    ("grant-credit", b'{"idempotencyKey":""}', "idempotencyKey: Expected `str` of length >= 1"),
    ("create-customer", rb'{"id":"a\u0000b"}', r"the character \u0000 cannot be stored"),
    ("create-customer", b'{"settings":[]}', "unknown field 'settings'"),
    ("create-customer", b'{"account":{"nam":"x"}}', "account: unknown field 'nam': did you mean 'name'?"),
    ("ingest-events", b'{"events":[],"dryRun":true}', "unknown field 'dryRun'"),
    ("create-price-plan", b'{"pricePlanDetails":' + b'{"a":' * 5000 + b"1" + b"}" * 5001, "unknown field 'a'"),
    ("create-price-plan", b'{"name":' + b"[" * 5000 + b"]" * 5000 + b"}", "name: Expected `str"),
]


@pytest.mark.parametrize(("tool", "sent", "message"), REFUSED, ids=[f"{row[0]} {row[1][:40]!r}" for row in REFUSED])
def test_what_does_not_fit_is_refused_by_name(tool: str, sent: bytes, message: str) -> None:
    if tool == "ingest-events":
        with pytest.raises(BillingError) as refusal:
            BY_NAME[tool].arguments.decoded(sent)
        assert message in refusal.value.message
    else:
        assert message in refused(tool, sent)


@pytest.mark.parametrize("tool", BY_NAME)
def test_no_tool_takes_what_it_does_not_know(tool: str) -> None:
    with pytest.raises(BillingError, match="unknown field 'surely_not'"):
        BY_NAME[tool].arguments.decoded(b'{"surely_not":1}')


@pytest.mark.parametrize(
    ("sent", "amount"),
    [
        (b"0.1", "0.1"),
        (b'"0.1"', "0.1"),
        (b"100.10", "100.10"),
        (b"0.1234567890123456789012345", "0.1234567890123456789012345"),
        (b'"90071992547409.93"', "90071992547409.93"),
        (b"90071992547409.93", "90071992547409.93"),
        (b"1e2", "1E+2"),
    ],
)
def test_a_decimal_is_a_number_or_its_digits_in_a_text_and_never_a_float(sent: bytes, amount: str) -> None:
    given = BY_NAME["grant-credit"].arguments.given(
        b'{"accountId":"a","effectiveFrom":"2026-01-01","creditAmount":' + sent + b"}"
    )
    taken: Any = given.arguments["draft"]
    assert isinstance(taken.credit_amount, Decimal)
    assert str(taken.credit_amount) == amount


def test_the_digest_is_that_of_what_is_asked_for_and_not_of_how_it_is_written() -> None:
    read = BY_NAME["grant-credit"].arguments.given
    plain = read(b'{"accountId":"a","creditAmount":5,"effectiveFrom":"2026-01-01"}')
    written = read(b' {"effectiveFrom":"2026-01-01","creditAmount":"5","accountId":"a","preview":true} ')
    keyed = read(b'{"accountId":"a","creditAmount":5,"effectiveFrom":"2026-01-01","idempotencyKey":"k"}')
    other = read(b'{"accountId":"a","creditAmount":5,"effectiveFrom":"2026-01-02"}')
    assert plain.digest == written.digest == keyed.digest
    assert plain.digest != other.digest


@both_revisions
class TestAtTheDoor:
    def test_no_arguments_are_an_empty_object(self, agent: Agent, revision: str) -> None:
        asking = agent.door.agent(agent.key, revision=revision)
        for params in ({}, {"arguments": None}, {"arguments": {}}):
            assert asking.result("tools/call", {"name": "list-customers"} | params)["isError"] is False

    @pytest.mark.parametrize("sent", [b"[1]", b'"x"', b"7"])
    def test_arguments_that_are_no_object_are_no_call(self, agent: Agent, revision: str, sent: bytes) -> None:
        asking = agent.door.agent(agent.key, revision=revision)
        params = {"name": "list-customers", "arguments": msgspec.Raw(sent)}
        assert asking.error("tools/call", params)["code"] == -32602

    @pytest.mark.parametrize(
        "sent",
        [
            b'{"bogus":NaN}',
            b'{"bogus":-Infinity}',
            rb'{"bogus":"\ud800"}',
            b'{"bogus":"\xff"}',
            b'{"bogus":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        ],
        ids=["NaN", "Infinity", "half a surrogate", "no UTF-8", "too deep"],
    )
    def test_what_only_some_readers_take_for_json_is_no_call(self, agent: Agent, revision: str, sent: bytes) -> None:
        """Read by the SDK and not by us, a call would go on without its arguments."""
        answer = asked_for(agent, revision, "list-customers", sent)
        assert answer["error"]["code"] == -32700

    def test_of_arguments_that_are_given_twice_the_last_count(self, shop: Shop, agent: Agent, revision: str) -> None:
        """As the SDK has it, which looks at the name and the header."""
        shop.account()
        twice = b'{"customerId":"nobody"},"arguments":{"customerId":"acme"}'
        assert asked_for(agent, revision, "get-customer", twice)["result"]["structuredContent"]["id"] == "acme"


def asked_for(agent: Agent, revision: str, tool: str, arguments: bytes) -> Json:
    """The answer to a call that is put together as text."""
    asking = agent.door.agent(agent.key, revision=revision)
    body = asking.request("tools/call", {"name": tool})
    mark = msgspec.json.encode(tool)
    content = msgspec.json.encode(body).replace(b'"name":' + mark, b'"name":' + mark + b',"arguments":' + arguments, 1)
    answer: Json = asking.send(content, asking.headers(body)).body
    return answer


def test_a_client_that_misstates_its_name_is_served_all_the_same(agent: Agent) -> None:
    """Its arguments once went lost with its name."""
    asking = agent.door.agent(agent.key, revision=LEGACY)
    for info in ("x", {"name": 7}, None, []):
        meta = {"io.modelcontextprotocol/clientInfo": info}
        params = {"name": "get-customer", "arguments": {"customerId": "nobody"}, "_meta": meta}
        (block,) = asking.result("tools/call", params)["content"]
        assert "nobody" in block["text"]


@pytest.mark.parametrize("name", [[], {"a": 1}, 7, None])
def test_a_tool_whose_name_is_no_text_is_no_call(agent: Agent, name: object) -> None:
    asking = agent.door.agent(agent.key, revision=LEGACY)
    assert asking.error("tools/call", {"name": name, "arguments": {}})["code"] == -32602
