"""Servers to send hostile input to: a child process, whose memory can be looked at, and one in this process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest

from tests.agent import mcp_of
from tests.operations.shop import Shop
from tests.servers import child, inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agent import Agent
    from tests.servers import Child, Inside

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
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A server in this process, for what does not look at its memory."""
    with inside(tmp_path_factory.mktemp("here") / "data") as running:
        yield running
        assert running.workers.failure is None


@pytest.fixture(scope="module")
def shop(here: Inside) -> Shop:
    """A metered account there, `acme`, and a plan with it."""
    made = Shop(here.api())
    made.metered_plan()
    return made


@pytest.fixture(scope="module")
def agent(server: Child) -> Iterator[Agent]:
    """An agent who may do everything there."""
    with mcp_of(server) as door:
        yield door.agent(path="/mcp/all")
