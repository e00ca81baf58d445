"""Headers at the MCP door: the transport compares them with the body, so they are read as HTTP says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import httpx2
import pytest

from tallystick.agents.opening import opened
from tests.servers import KEY, inside

if TYPE_CHECKING:
    from pathlib import Path

REVISION = "2026-07-28"
CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {
        "name": "list-customers",
        "arguments": {},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": REVISION,
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    },
}


def status(data: Path, name: str) -> int:
    """How a call of list-customers is answered whose header gives this name."""
    headers = {
        "Authorization": f"Bearer {KEY}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": REVISION,
        "Mcp-Method": "tools/call",
        "Mcp-Name": name,
    }
    with inside(data) as server:
        app = opened(server.engine, server.workers, [], read_only=False, calls_per_minute=10)

        async def answer() -> int:
            transport = httpx2.ASGITransport(app)
            async with app.running(), httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return (await client.post("/mcp", json=CALL, headers=headers)).status_code

        return anyio.run(answer)


@pytest.mark.parametrize("name", ["list-customers", "  list-customers", "list-customers \t "])
def test_white_space_around_a_value_is_no_part_of_it(tmp_path: Path, name: str) -> None:
    assert status(tmp_path / "data", name) == 200


@pytest.mark.parametrize("name", ["get-customer", "list customers", ""])
def test_another_name_than_the_body_has_is_refused(tmp_path: Path, name: str) -> None:
    assert status(tmp_path / "data", name) == 400
