"""Servers in this process for tests of the operations: one whose clock a test may move, and one that stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.operations.shop import Shop
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import Inside


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Inside]:
    """A server of this test alone, whose clock stands at New Year 2026 until the test moves it."""
    with inside(tmp_path / "data") as running:
        yield running


@pytest.fixture
def shop(server: Inside) -> Shop:
    """The first organisation of that server."""
    return Shop(server.api())


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A server whose clock stands at New Year 2026 for all tests of a module."""
    with inside(tmp_path_factory.mktemp("standing") / "data") as running:
        yield running


@pytest.fixture
def still(standing: Inside) -> Shop:
    """A new organisation of that server."""
    return Shop(standing.new_organisation())
