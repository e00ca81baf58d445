"""What is committed works anywhere: no paths of one machine, no hosts of one registry."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.house.source import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

VENDORED = "src/tallystick/api/assets/"
HERE = "tests/house/test_committed_text.py"

PATHS_OF_ONE_MACHINE = re.compile(
    r"(?<![\w.}])/(?:home|Users)/\w+|(?<![\w.}])/(?:root|work)/\w+|\b[A-Z]:\\\\?Users|" + re.escape(str(ROOT))
)
REGISTRY_HOSTS = re.compile(
    r"python[h]osted\.org|[p]ypi\.org/simple|registry[.]npmjs|\bartifactory\b|\bdevpi\b"
    r"|(?<![\w-])--(?:extra-)?index-url|--trusted-host|--find-links"
)
RULES = {"a path of one machine": PATHS_OF_ONE_MACHINE, "a host of a registry": REGISTRY_HOSTS}


def findings(name: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), start=1):
        for what, pattern in RULES.items():
            if pattern.search(line):
                yield f"{name}:{number}: {what}: {line.strip()[:100]}"


def committed() -> list[str]:
    """The names of all committed files."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as failure:
        pytest.skip(f"not a git checkout: {failure}")
    return [name for name in listed.decode().split("\0") if name]


def test_no_committed_file_names_a_machine_or_a_registry() -> None:
    found = []
    for name in committed():
        path = ROOT / name
        if name.startswith(VENDORED) or name == HERE or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += findings(name, text)
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "data = '/home/ann/tallystick-data'",
        "see /Users/ann/notes.md",
        "cd /root" + "/project",
        "/work" + "/project/src",
        r"C:\Users\ann",
        f"{ROOT}/src",
        "--index-url https://mirror.example/simple",
        "pip install --extra-index-url https://mirror.example/simple x",
        "https://files.python" + "hosted.org/packages/x.whl",
        "--find-links wheels",
    ],
)
def test_a_line_that_names_one_is_found(line: str) -> None:
    assert list(findings("example", line))


@pytest.mark.parametrize(
    "line",
    [
        "uv pip compile --no-emit-index-url",
        "GET /customers/acme",
        "the /workers room",
        "{directory}/work/file",
        "src/home/x",
    ],
)
def test_a_line_that_names_none_is_let_pass(line: str) -> None:
    assert list(findings("example", line)) == []
