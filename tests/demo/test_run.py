"""The demo as a newcomer starts it: how it ends, and that it leaves nothing behind."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN = Path(__file__).parents[2] / "demo" / "run.py"


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """A shell that starts the tests in the background makes them, and what they start, ignore interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _demo(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, RUN, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"TMPDIR": str(tmp_path), "COLUMNS": "120"},
    )


def test_an_interrupt_ends_the_server_and_removes_its_data(tmp_path: Path) -> None:
    with _demo(tmp_path) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        port = re.search(r"runs at http://127.0.0.1:(\d+);", first)
        assert port is not None, first
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()
    assert (process.returncode, errors) == (130, "")
    assert "the server and its data are gone" in output
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port[1])))
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with _demo(tmp_path, "--port", str(port)) as process:
            _, errors = process.communicate()
    assert process.returncode == 1
    assert f"port {port} cannot be used" in errors
