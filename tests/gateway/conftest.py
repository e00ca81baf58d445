"""A server of ours as the upstream of a gateway, both as processes of their own."""

from __future__ import annotations

import re
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.servers import KEY, TALLYSTICK, Api, child, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import Child

GATEWAY_KEY = "gk-of-the-gateway-only"
_PATIENCE_S = 60


class Gateway:
    """A gateway as a child process."""

    def __init__(
        self, log: Path, upstream: str, *options: str, key: str | None = GATEWAY_KEY, token: str = KEY
    ) -> None:
        self._log = log
        ports = () if "--port" in options else ("--port", "0", "--mcp-port", "0")
        variables = environment(token) | ({} if key is None else {"TALLYSTICK_GATEWAY_KEY": key})
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*TALLYSTICK, "gateway", "--upstream", upstream, *ports, *options],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.url, self.mcp = self._addresses()
        self._client = httpx.Client(base_url=self.url, timeout=_PATIENCE_S, trust_env=False)

    @property
    def said(self) -> str:
        """Everything that it has written so far."""
        return self._log.read_text()

    def api(self, key: str | None = GATEWAY_KEY) -> Api:
        """A caller with a key."""
        return Api(self._client.request, key)

    def stop(self) -> int:
        """Ask it to stop; its exit status."""
        self.process.terminate()
        self._client.close()
        return self.process.wait(_PATIENCE_S)

    def _addresses(self) -> tuple[str, str]:
        patience = time.monotonic() + _PATIENCE_S
        while self.process.poll() is None and time.monotonic() < patience:
            found = re.search(r"serves (http://\S+) .*come in at (http://\S+) ", self.said, re.DOTALL)
            if found is not None:
                return found[1], found[2]
            time.sleep(0.02)
        raise AssertionError(f"the gateway does not start: {self.said}")


@contextmanager
def running(log: Path, upstream: str, *options: str, key: str | None = GATEWAY_KEY) -> Iterator[Gateway]:
    """A gateway until the end of the block."""
    gateway = Gateway(log, upstream, *options, key=key)
    try:
        yield gateway
    finally:
        gateway.stop()


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """The API behind the gateway."""
    with child(tmp_path_factory.mktemp("upstream") / "data", "--test-clock", "2026-01-01T00:00:00Z") as server:
        yield server


@pytest.fixture(scope="module")
def gateway(upstream: Child, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The gateway in front of it."""
    with running(tmp_path_factory.mktemp("gateway") / "log", upstream.url) as server:
        yield server
