"""One server in this process with its MCP endpoint for each module, and a new organisation for whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.agent import mcp_inside
from tests.operations.shop import Shop
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agent import Agent, Door
    from tests.servers import Inside


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A server whose clock stands at New Year 2026."""
    with inside(tmp_path_factory.mktemp("agents") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def door(server: Inside) -> Iterator[Door]:
    """Its MCP endpoint."""
    with mcp_inside(server) as opened:
        yield opened


@pytest.fixture
def shop(server: Inside) -> Shop:
    """A new organisation, by way of REST."""
    return Shop(server.new_organisation())


@pytest.fixture
def agent(shop: Shop, door: Door) -> Agent:
    """An agent with that organisation's key, to whom every tool is shown."""
    return door.agent(shop.api.key, path="/mcp/all")
