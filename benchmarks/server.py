"""The product's server as a child process on a directory: started, killed and started again."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from demo.client import Client, RefusedError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY: Final = "tsk_of-a-directory-that-is-thrown-away"
HOST: Final = "127.0.0.1"
PATIENCE_S: Final = 60
_LOOK_S: Final = 0.005
_REST_S: Final = 1.0
_AT_REST: Final = 0.05
_ADDRESS: Final = re.compile(r"serves http://127\.0\.0\.1:(\d+)")
_AGENTS: Final = re.compile(r"come in at http://127\.0\.0\.1:(\d+)")
_AGENTS_PORT: Final = ("--mcp-port", "0", "--mcp-calls-per-minute", "1000000000")


@dataclass(frozen=True, slots=True)
class Memory:
    """What is resident, in bytes: of the server, and of the child process that judges events."""

    server: int
    judge: int

    @property
    def total(self) -> int:
        """Both together."""
        return self.server + self.judge


class Server:
    """One server at a time on a directory; `faults` asks the product to fail on purpose (stores/faults.py)."""

    def __init__(
        self, data: Path, *, test_clock: str | None = None, faults: str | None = None, agents: bool = True
    ) -> None:
        self.data = data
        self._options = ["--port", "0", *(_AGENTS_PORT if agents else ["--no-mcp"])]
        self._options += [] if test_clock is None else ["--test-clock", test_clock]
        self._has_agents = agents
        self._faults = {} if faults is None else {"TALLYSTICK_FAULTS": faults}
        self._output = data.with_suffix(".out")
        self._process: subprocess.Popen[bytes] | None = None
        self._client: Client | None = None
        self.port = 0
        self.mcp_port = 0

    @property
    def client(self) -> Client:
        """Talks to the server that runs now, or ran last.

        Raises:
            RuntimeError: before the first start.
        """
        if self._client is None:
            raise RuntimeError("the server was never started")
        return self._client

    @property
    def memory(self) -> Memory:
        """What the process and its child hold now."""
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, check=True)
        rows = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
        return Memory(
            sum(size for pid, _, size in rows if pid == self.pid) * 1024,
            sum(size for _, parent, size in rows if parent == self.pid) * 1024,
        )

    def start(self) -> float:
        """Start, and wait until events can be taken and usage read; the seconds that took.

        Raises:
            RuntimeError: when the server ends, or is not ready in time; the message holds what it said.
        """
        program = Path(sys.executable).with_name("tallystick")
        plain = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
        begun = time.perf_counter()
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [program, "serve", "--data", self.data, *self._options],
                env={**plain, **self._faults, "TOGAI_API_TOKEN": KEY},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while not self._is_ready():
            if self._process.poll() is not None or time.perf_counter() - begun > PATIENCE_S:
                self.kill()
                raise RuntimeError(f"the server is not ready; it said:\n{self.said}")
            time.sleep(_LOOK_S)
        return time.perf_counter() - begun

    def settle(self) -> None:
        """Wait until it rests, when what is imported and started beside the first requests is there."""
        patience = time.perf_counter() + PATIENCE_S
        before = self._cpu_s()
        while time.perf_counter() < patience:
            time.sleep(_REST_S)
            now = self._cpu_s()
            if now - before < _REST_S * _AT_REST:
                return
            before = now

    def _cpu_s(self) -> float:
        """Seconds of computing so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """End it as a power failure would, but for the disk: SIGKILL, to this one process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE_S)

    def stop(self) -> int:
        """Ask it to stop, wait until it has; its exit status."""
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            return self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def signal(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self._process is not None:
            self._process.send_signal(number)

    def ended(self) -> int:
        """Wait until it ends by itself; its exit status, negative when a signal ended it.

        Raises:
            subprocess.TimeoutExpired: when it goes on.
        """
        if self._process is None:
            raise RuntimeError("the server was never started")
        return self._process.wait(PATIENCE_S)

    @property
    def said(self) -> str:
        """What the server printed since its last start."""
        return self._output.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """The id of its process.

        Raises:
            RuntimeError: before the first start.
        """
        if self._process is None:
            raise RuntimeError("the server was never started")
        return self._process.pid

    def _is_ready(self) -> bool:
        address, agents = _ADDRESS.search(self.said), _AGENTS.search(self.said)
        if address is None or (agents is None and self._has_agents):
            return False
        self.port, self.mcp_port = int(address[1]), 0 if agents is None else int(agents[1])
        self._client = Client(HOST, self.port, KEY)
        try:
            self._client.get("/readyz")
        except (UnreachableError, RefusedError):
            return False
        return True


@contextmanager
def running(data: Path, test_clock: str | None = None) -> Iterator[Server]:
    """A server that runs while the block does."""
    server = Server(data, test_clock=test_clock)
    server.start()
    try:
        yield server
    finally:
        server.stop()
