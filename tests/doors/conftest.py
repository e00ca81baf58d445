"""One server in this process for each module of tests about the doors, and a new organisation for whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers import Child, child, inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Api, Inside


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A server on a test clock that stands at New Year 2026."""
    with inside(tmp_path_factory.mktemp("inside") / "data") as running:
        yield running


@pytest.fixture
def api(server: Inside) -> Api:
    """The only caller of a new organisation."""
    return server.new_organisation()


@pytest.fixture(scope="module")
def real_time(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A server whose time passes."""
    with inside(tmp_path_factory.mktemp("real") / "data", now=None) as running:
        yield running


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """A server as a child process, in real time."""
    with child(tmp_path_factory.mktemp("child") / "data") as running:
        yield running
