"""Agents for tests: JSON-RPC by hand, so that every byte can be looked at, and the official client of the protocol.

`mcp_inside` opens the MCP endpoint of a server in this process without a socket, `mcp_of` finds that of a child.
"""

from __future__ import annotations

import itertools
import json
import re
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import httpx2
import mcp
import msgspec
from anyio.from_thread import start_blocking_portal
from mcp.client.streamable_http import streamable_http_client
from msgspec import UNSET, UnsetType

from tallystick.agents.limits import CALLS_PER_MINUTE
from tallystick.agents.opening import opened
from tests.servers import KEY, Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence

    from anyio.from_thread import BlockingPortal

    from tests.servers import Child, Inside

Json = dict[str, Any]

MODERN: Final = "2026-07-28"
LEGACY: Final = "2025-11-25"
MODES: Final = {MODERN: "auto", LEGACY: "legacy"}
"""The modes of the official client by the revision that each comes to speak with a server of both."""
_META: Final = "io.modelcontextprotocol/"
_PATIENCE_S: Final = 60
_GREETING: Final = re.compile(r"Agents come in at (http://\S+)/mcp")
_ENCODE: Final = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class Told:
    """What a tool answered: its text, and its structured content as the wire has it."""

    text: str
    structured: bytes | None
    is_error: bool

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        """The JSON of the text, every number exact."""
        return json.loads(self.text, parse_float=Decimal)

    def ok(self) -> Any:  # noqa: ANN401 - JSON
        """The answer of a call that did what was asked: the same bytes as text and as structured content."""
        assert not self.is_error, self.text
        assert self.structured is not None
        assert self.structured.decode() == self.text
        return self.json

    def refused(self, code: str) -> Json:
        """The error of a call that did not; it comes as text alone."""
        assert self.is_error, self.text[:600]
        assert self.structured is None
        assert set(self.json) == {"error"}, self.text
        error: Json = self.json["error"]
        assert set(error) == {"code", "message", "field", "retryable", "nextSteps"}
        assert error["code"] == code, error
        return error


@dataclass(frozen=True, slots=True)
class Agent:
    """One caller of one MCP endpoint, in one revision of the protocol."""

    door: Door
    key: str | None = KEY
    path: str = "/mcp"
    revision: str = MODERN
    client: str = "tests"
    _numbers: Iterator[int] = field(default_factory=partial(itertools.count, 1))

    def at(self, path: str) -> Agent:
        """The same caller at another path."""
        return replace(self, path=path)

    def request(self, method: str, params: Json | None = None) -> Json:
        """The JSON-RPC request of this revision."""
        meta = {
            f"{_META}protocolVersion": self.revision,
            f"{_META}clientCapabilities": {},
            f"{_META}clientInfo": {"name": self.client, "version": "7"},
        }
        known = dict(params or {}) | ({"_meta": meta} if self.revision == MODERN else {})
        return {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": known}

    def headers(self, body: Json) -> dict[str, str]:
        """The headers that belong to such a request."""
        named = body["params"].get("name") or body["params"].get("uri")
        modern = {"Mcp-Method": body["method"]} | ({"Mcp-Name": named} if named else {})
        return (
            {
                "Accept": "application/json, text/event-stream",
                "Content-Type": "application/json",
                "MCP-Protocol-Version": self.revision,
            }
            | (modern if self.revision == MODERN else {})
            | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        )

    def send(self, content: bytes, headers: Mapping[str, str], method: str = "POST") -> Answer:
        """One HTTP request, as it is."""
        answer = self.door.send(method, self.path, content, headers)
        return Answer(answer.status_code, answer.headers, answer.content)

    def rpc(self, method: str, params: Json | None = None, **headers: str) -> Answer:
        """One JSON-RPC request; keywords are further headers, with underscores for dashes."""
        body = self.request(method, params)
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send(_ENCODE(body), self.headers(body) | more)

    def result(self, method: str, params: Json | None = None) -> Json:
        """The result of a request; an error fails the test."""
        answer = self.rpc(method, params).ok()
        assert "result" in answer, answer
        result: Json = answer["result"]
        return result

    def error(self, method: str, params: Json | None = None) -> Json:
        """The JSON-RPC error of a request; a result fails the test."""
        answer = self.rpc(method, params).body
        assert "error" in answer, answer
        error: Json = answer["error"]
        return error

    def call(self, tool: str, arguments: Json | bytes | None = None) -> Told:
        """Call a tool; arguments that are bytes are sent as they are."""
        sent = arguments if isinstance(arguments, bytes) else _ENCODE(arguments or {})
        answer = self.rpc("tools/call", {"name": tool, "arguments": msgspec.Raw(sent)})
        result = msgspec.json.decode(answer.content, type=_Response).result
        assert result is not None, f"{answer.status}: {answer.content.decode()[:600]}"
        (block,) = result.content
        assert block["type"] == "text"
        structured = result.structured
        return Told(block["text"], None if isinstance(structured, UnsetType) else bytes(structured), result.is_error)

    def tools(self) -> dict[str, Json]:
        """Every tool that is listed, by name, to the last page."""
        listed: list[Json] = []
        cursor: str | None = None
        while True:
            page = self.result("tools/list", {"cursor": cursor} if cursor else {})
            listed += page["tools"]
            cursor = page.get("nextCursor")
            if cursor is None:
                return {tool["name"]: tool for tool in listed}

    def pages(self, tool: str, arguments: Json) -> list[list[Json]]:
        """Every page of a tool that lists."""
        page = self.call(tool, arguments).ok()
        found = [page["data"]]
        while page["nextToken"] is not None:
            page = self.call(tool, arguments | {"nextToken": page["nextToken"]}).ok()
            found.append(page["data"])
        return found


class _Result(msgspec.Struct):
    content: list[Json]
    structured: msgspec.Raw | UnsetType = msgspec.field(default=UNSET, name="structuredContent")
    is_error: bool = msgspec.field(default=False, name="isError")


class _Response(msgspec.Struct):
    result: _Result | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """One MCP endpoint, in this process or behind a socket."""

    portal: BlockingPortal
    address: str
    transport: Callable[[], httpx2.AsyncBaseTransport]

    def agent(self, key: str | None = KEY, **more: Any) -> Agent:  # noqa: ANN401 - the fields of an agent
        """Somebody who comes in with a key."""
        return Agent(self, key, **more)

    def send(self, method: str, path: str, content: bytes, headers: Mapping[str, str]) -> httpx2.Response:
        """One HTTP request."""

        async def request() -> httpx2.Response:
            async with self._http({}) as client:
                return await client.request(method, f"{self.address}{path}", content=content, headers=dict(headers))

        return self.portal.call(request)

    def official(self, talk: Callable[[mcp.Client], Awaitable[Any]], revision: str, key: str = KEY) -> Any:  # noqa: ANN401 - whatever it tells
        """Let the official client talk to the endpoint."""

        async def conversation() -> Any:  # noqa: ANN401 - the same
            async with (
                self._http({"Authorization": f"Bearer {key}"}) as http,
                mcp.Client(
                    streamable_http_client(f"{self.address}/mcp", http_client=http), mode=MODES[revision]
                ) as client,
            ):
                return await talk(client)

        return self.portal.call(conversation)

    @asynccontextmanager
    async def _http(self, headers: Mapping[str, str]) -> AsyncIterator[httpx2.AsyncClient]:
        async with httpx2.AsyncClient(
            transport=self.transport(), headers=dict(headers), timeout=_PATIENCE_S, trust_env=False
        ) as client:
            yield client


@contextmanager
def mcp_inside(
    server: Inside,
    *,
    read_only: bool = False,
    calls_per_minute: int = 100 * CALLS_PER_MINUTE,
    hosts: Sequence[str] = (),
) -> Iterator[Door]:
    """The MCP endpoint of a server in this process."""
    app = opened(server.engine, server.workers, hosts, read_only=read_only, calls_per_minute=calls_per_minute)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(app.running()):
        yield Door(portal, "http://127.0.0.1", partial(httpx2.ASGITransport, app))


@contextmanager
def mcp_of(server: Child) -> Iterator[Door]:
    """The MCP endpoint of a child process."""
    greeting = _GREETING.search(server.said)
    assert greeting is not None, server.said
    with start_blocking_portal() as portal:
        yield Door(portal, greeting[1], httpx2.AsyncHTTPTransport)
