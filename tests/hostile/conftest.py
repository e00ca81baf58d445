"""A server as a child process, whose memory can be looked at, with a metered account and an agent's way in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest

from tests.agent import mcp_of
from tests.operations.shop import Shop
from tests.servers import child

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agent import Agent
    from tests.servers import Child

ROUNDS: Final = int(os.environ.get("HOSTILE_ROUNDS", "1"))
"""How much longer than usual to look for what breaks: `make test-hostile` sets it."""


@pytest.fixture(scope="session")
def rounds() -> int:
    """How thorough to be: 1 in `make test`."""
    return ROUNDS


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """A server on a test clock at New Year 2026; its first organisation has a metered account, `acme`."""
    options = ("--test-clock", "2026-01-01T00:00:00Z", "--mcp-calls-per-minute", "1000000")
    with child(tmp_path_factory.mktemp("hostile") / "data", *options) as running:
        Shop(running.api()).metered_plan()
        yield running


@pytest.fixture(scope="module")
def agent(server: Child) -> Iterator[Agent]:
    """An agent who may do everything there."""
    with mcp_of(server) as door:
        yield door.agent(path="/mcp/all")
