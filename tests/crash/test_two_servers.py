"""One server on a directory: a second one is told so, whatever became of the first (reliability.md F-20)."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING

from click.testing import CliRunner

from tallystick.cli.main import main
from tests.servers import Child

if TYPE_CHECKING:
    from pathlib import Path

JANUARY = ("--test-clock", "2026-01-01T00:00:00Z", "--no-mcp")


def refusal(data: Path, port: int = 0) -> str:
    """The one line with which a second server refuses."""
    ended = CliRunner().invoke(main, ["serve", "--data", str(data), "--port", str(port), *JANUARY])
    assert ended.exit_code == 1
    (line,) = ended.output.splitlines()
    return line


def test_a_second_server_is_refused_until_the_first_is_gone_and_then_takes_its_place(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    first = Child(data, *JANUARY, "--port", str(port))
    try:
        assert "choose another --port" in refusal(tmp_path / "other", port)
        in_use = f"Error: another server runs on {data}: stop it, or serve another --data directory"
        assert refusal(data) == in_use
        first.process.send_signal(signal.SIGSTOP)
        assert refusal(data) == in_use, "a server that stands still has not gone"
        first.process.send_signal(signal.SIGCONT)
        assert first.api().get("/readyz").status == 200
        first.process.kill()
        first.process.wait()
        second = Child(data, *JANUARY, "--port", str(port))
        assert second.api().get("/readyz").status == 200
        assert second.stop() == 0
    finally:
        first.process.kill()
        first.stop()
