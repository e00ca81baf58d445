"""Measure (g): calls of tools per second, beside the same reads over REST, and the bytes of a list of tools."""

from __future__ import annotations

import http.client
import json
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from benchmarks import world
from benchmarks.figure import Aim, Figure
from benchmarks.server import HOST, KEY, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.figure import Scale
    from benchmarks.server import Server

    Call = Callable[[http.client.HTTPConnection], bytes]

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
REVISIONS: Final = ("2026-07-28", "2025-11-25")
_CONNECTIONS: Final = (1, 16)
_CALLS: Final = 2_000
_LARGEST_LIST: Final = Aim(16_000, "descriptions and schemas of sixteen tools", at_most=True)


def measure(scale: Scale, scratch: Path) -> Iterator[Figure]:
    """A read of one customer, by REST and by a tool in each revision, and a credit granted by a tool."""
    made = world.build(scratch / "agents", scale.billed_accounts, test_clock=START)
    with running(made.data, test_clock=START.isoformat()) as server:
        account = next(iter(server.client.get("/accounts")["data"]))["id"]
        customer = server.client.get(f"/accounts/{account}")["customerId"]
        for connections in _CONNECTIONS:
            rest = f"GET /customers/x over {connections} connections"
            yield _speed(scale, rest, server.port, connections, lambda wire: _read(wire, customer))
            for revision in REVISIONS:
                called = _tool(revision, "get-customer", {"customerId": customer})
                name = f"get-customer, {revision}, over {connections} connections"
                yield _speed(scale, name, server.mcp_port, connections, called, baseline=rest)
        grant = {"accountId": account, "creditAmount": "0.01", "effectiveFrom": "2026-01-01"}
        called = _tool(REVISIONS[0], "grant-credit", grant)
        yield _speed(scale, f"grant-credit, {REVISIONS[0]}, over 1 connections", server.mcp_port, 1, called)
        yield _list_size(server)


def _speed(scale: Scale, name: str, port: int, connections: int, call: Call, baseline: str = "") -> Figure:
    runs = [_per_second(port, connections, call) for _ in range(scale.runs)]
    return Figure(name=name, unit="calls/s", runs=runs, baselines=(baseline,))


def _per_second(port: int, connections: int, call: Call) -> float:
    each = _CALLS // connections

    def work() -> None:
        wire = http.client.HTTPConnection(HOST, port)
        for _ in range(each):
            call(wire)
        wire.close()

    workers = [threading.Thread(target=work) for _ in range(connections)]
    begun = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return each * connections / (time.perf_counter() - begun)


def _read(wire: http.client.HTTPConnection, customer: str) -> bytes:
    wire.request("GET", f"/customers/{customer}", headers={"Authorization": f"Bearer {KEY}"})
    return _answered(wire)


def _tool(revision: str, name: str, arguments: dict[str, Any]) -> Call:
    return lambda wire: _post(wire, revision, "tools/call", {"name": name, "arguments": arguments}, name)


def _post(
    wire: http.client.HTTPConnection, revision: str, method: str, params: dict[str, Any], name: str | None = None
) -> bytes:
    """One request of the protocol; the newer revision wants to hear in its headers what stands in the body."""
    headers = {
        "Authorization": f"Bearer {KEY}",
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "MCP-Protocol-Version": revision,
    }
    if revision == REVISIONS[0]:
        meta = {"protocolVersion": revision, "clientCapabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
        params = params | {"_meta": {f"io.modelcontextprotocol/{key}": value for key, value in meta.items()}}
        headers |= {"Mcp-Method": method} | ({} if name is None else {"Mcp-Name": name})
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    wire.request("POST", "/mcp", body, headers)
    answer = _answered(wire)
    if b'"isError":true' in answer or b'"error":' in answer[:60]:
        raise RuntimeError(answer[:500].decode())
    return answer


def _answered(wire: http.client.HTTPConnection) -> bytes:
    answer = wire.getresponse()
    body = answer.read()
    if answer.status != http.client.OK:
        raise RuntimeError(f"answered {answer.status}: {body[:500].decode(errors='replace')}")
    return body


def _list_size(server: Server) -> Figure:
    wire = http.client.HTTPConnection(HOST, server.mcp_port)
    size = len(_post(wire, REVISIONS[0], "tools/list", {}))
    wire.close()
    return Figure(name="tools/list of /mcp, 16 tools", unit="bytes", runs=[size], aim=_LARGEST_LIST)
