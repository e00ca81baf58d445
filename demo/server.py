"""The server as a child process: in an empty directory, on a free port, gone when the demo ends."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from demo.client import Client, RefusedError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST: Final = "127.0.0.1"
READY_S: Final = 30
STOP_S: Final = 20


class ServerError(Exception):
    """The server did not start, or did not do what it was asked; the text is for people."""


@contextmanager
def running_server(test_clock: str, port: int | None = None) -> Iterator[tuple[Client, subprocess.Popen[bytes]]]:
    """A server that is ready, and a client with its key; both and all data are gone at the end.

    Raises:
        ServerError: when the port is taken, the server does not become ready, or a request fails.
    """
    port = _free_port(port)
    key = f"tsk_{secrets.token_urlsafe(24)}"
    with tempfile.TemporaryDirectory(prefix="tallystick-demo-") as folder:
        log = Path(folder, "server.log")
        with log.open("wb") as output:
            process = _start(Path(folder, "data"), port, key, test_clock, output.fileno())
        try:
            client = Client(HOST, port, key)
            _wait_until_ready(client, process)
            yield client, process
        except (UnreachableError, RefusedError) as error:
            said = log.read_text(errors="replace")[-3000:].strip() or "(nothing)"
            raise ServerError(f"{error}\nThe end of the server's log:\n{said}") from error
        finally:
            _stop(process)


def _start(data: Path, port: int, key: str, test_clock: str, output: int) -> subprocess.Popen[bytes]:
    program = Path(sys.executable).with_name("tallystick")
    if not program.exists():
        raise ServerError(f"{program} is not there: run `make setup` first")
    options = ["--data", str(data), "--host", HOST, "--port", str(port), "--test-clock", test_clock]
    # In a session of its own, so that Ctrl-C reaches the demo alone, which then stops the server in order.
    return subprocess.Popen(
        [program, "serve", "--mcp-port", "0", *options],
        env={**_plain_environment(), "TOGAI_API_TOKEN": key},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _plain_environment() -> dict[str, str]:
    """The environment without the reader's own settings: the demo shows the embedded default."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}


def _wait_until_ready(client: Client, process: subprocess.Popen[bytes]) -> None:
    patience = time.monotonic() + READY_S
    while process.poll() is None and time.monotonic() < patience:
        try:
            client.get("/readyz")
        except (UnreachableError, RefusedError):
            time.sleep(0.05)
        else:
            return
    if process.returncode is None:
        raise UnreachableError(f"the server on {client.url} is not ready after {READY_S} s")
    raise UnreachableError(f"the server ended with code {process.returncode}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port(wanted: int | None) -> int:
    """The port that was asked for if nothing listens on it, or else any free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted or 0))
        except OSError as error:
            reason = f"port {wanted} cannot be used ({error.strerror}): choose another --port"
            raise ServerError(reason) from None
        return int(probe.getsockname()[1])
