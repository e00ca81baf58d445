"""Servers of the crash tests: whatever a test leaves running is killed at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    NewServer = Callable[..., Server]


@pytest.fixture
def new_server() -> Iterator[NewServer]:
    """A function that makes a server for a directory, to be started, killed and started again."""
    made: list[Server] = []

    def new(data: Path, *, test_clock: str | None = None, faults: str | None = None) -> Server:
        made.append(Server(data, test_clock=test_clock, faults=faults, agents=False))
        return made[-1]

    yield new
    for server in made:
        server.kill()
