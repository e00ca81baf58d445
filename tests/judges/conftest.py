"""What the judges try: the MCP door as it is, and the same one with the suite's fixtures beside its tools."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from tallystick.agents.opening import opened
from tallystick.cli.doors import address, listening
from tests.judges.fixtures import lay_over
from tests.judges.judges import Judges
from tests.servers import KEY, child, inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallystick.agents.app import AgentsApp
    from tests.servers import Child

_HOST = "127.0.0.1"
_PLENTY = 100_000


@pytest.fixture(scope="session")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Judges:
    """The judges, where `make test-mcp` has installed them and asks for them."""
    modules = os.environ.get("TALLYSTICK_JUDGES")
    if modules is None:
        pytest.skip("the judges of the MCP door are asked by `make test-mcp`, which installs them")
    return Judges(Path(modules).resolve(), tmp_path_factory.mktemp("judges"))


@pytest.fixture(scope="session")
def real(judges: Judges, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The MCP door as agents find it, but for the key, which the suite cannot send."""
    assert judges
    with _open(tmp_path_factory.mktemp("real") / "data") as app, _served(app) as url:
        yield f"{url}/mcp"


@pytest.fixture(scope="session")
def judged(judges: Judges, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same door with the suite's fixtures beside its tools, resources and prompts."""
    assert judges
    with _open(tmp_path_factory.mktemp("judged") / "data") as app:
        lay_over(app._manager.app)
        with _served(app) as url:
            yield f"{url}/mcp"


@pytest.fixture(scope="module")
def command(judges: Judges, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """The real command, in a process of its own."""
    assert judges
    with child(tmp_path_factory.mktemp("command") / "data", "--test-clock", "2026-01-01T00:00:00Z") as server:
        yield server


@contextmanager
def _open(data: Path) -> Iterator[AgentsApp]:
    with inside(data) as server:
        yield opened(server.engine, server.workers, [], read_only=False, calls_per_minute=_PLENTY)


@contextmanager
def _served(app: AgentsApp) -> Iterator[str]:
    """Where an application answers, with the tests' key added to every request."""

    async def keyed(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope["headers"], (b"authorization", f"Bearer {KEY}".encode())]}
        await app(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(keyed, log_config=None, access_log=False, timeout_graceful_shutdown=5))
    with listening(_HOST, 0, "port") as listener:
        serving = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        serving.start()
        try:
            yield address(_HOST, listener)
        finally:
            server.should_exit = True
            serving.join()
