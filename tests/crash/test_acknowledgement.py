"""Nothing is acknowledged before the disk has it: the kernel is watched while events come in (reliability.md F-03)."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.operations.shop import event
from tests.servers import KEY, TALLYSTICK, environment

if TYPE_CHECKING:
    from pathlib import Path

CALLS = "fsync,fdatasync,read,recvfrom,recvmsg,readv,write,writev,sendto,sendmsg"
ASKED = re.compile(r"(?:read|recvfrom|readv|recvmsg)\(.*POST /ingest")
ANSWERED = re.compile(r"(?:write|writev|sendto|sendmsg)\(.*HTTP/1\.1 202")
DURABLE = re.compile(r"f(?:data)?sync\(\d+<[^>]*events\.log\.db-wal>")
SERVES = re.compile(r"serves (http://\S+)")

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace, which watches the kernel, is not here")


class TooEarlyError(AssertionError):
    """An answer went out before the disk had the events."""


def watched(folder: Path, faults: str | None = None) -> list[str]:
    """What the kernel was asked for while one event and a batch came in."""
    trace, said = folder / "trace", folder / "said"
    variables = environment(KEY) | ({} if faults is None else {"TALLYSTICK_FAULTS": faults})
    command = ["strace", "-f", "-y", "-s", "64", "-e", f"trace={CALLS}", "-o", str(trace), *TALLYSTICK, "serve"]
    with said.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--data", str(folder / "data"), "--port", "0", "--no-mcp"],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = _url(said)
        headers = {"Authorization": f"Bearer {KEY}"}
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
            for path, body in (
                ("/ingest", {"event": event("e-1", at=now)}),
                ("/ingestBatch", {"events": [event("e-2", at=now), event("e-3", at=now)]}),
            ):
                assert client.post(path, json=body).status_code == 202
    finally:
        os.kill(int(trace.read_text().split(maxsplit=1)[0]), signal.SIGTERM)  # the server's: strace follows it
        process.wait(60)
    return trace.read_text(errors="replace").splitlines()


def _url(said: Path) -> str:
    patience = time.monotonic() + 60
    while time.monotonic() < patience:
        found = SERVES.search(said.read_text())
        if found is not None:
            return found[1]
        time.sleep(0.05)
    raise AssertionError(said.read_text())


def check(calls: list[str]) -> int:
    """How many answers went out, each after the disk had its events.

    Raises:
        TooEarlyError: when one did not wait.
    """
    answers = 0
    is_durable = False
    for call in calls:
        if ASKED.search(call):
            is_durable = False
        elif DURABLE.search(call):
            is_durable = True
        elif ANSWERED.search(call):
            if not is_durable:
                raise TooEarlyError(call)
            answers += 1
    return answers


def test_every_202_follows_a_sync_of_the_log(tmp_path: Path) -> None:
    assert check(watched(tmp_path)) == 2


def test_a_build_that_acknowledges_before_the_commit_is_caught(tmp_path: Path) -> None:
    with pytest.raises(TooEarlyError):
        _check_three_times(tmp_path, faults="ack_before_commit")


def _check_three_times(folder: Path, faults: str) -> None:
    """A build lies for a second, in which the slowest machine may not have answered yet."""
    for attempt in range(3):
        again = folder / str(attempt)
        again.mkdir()
        check(watched(again, faults))
