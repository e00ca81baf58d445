"""A directory or a file that cannot be used ends the start with one line, and stays as it is (reliability.md F-16)."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tallystick.cli.main import main
from tests.servers import inside, tallystick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = ["state.db", "events.log.db", "events.duckdb"]
TEXT = b"some text, and not a database\n" * 400
PATIENCE_S = 60


def refusal(data: Path) -> str:
    """The one line with which a server refuses a directory."""
    ended = CliRunner().invoke(main, ["serve", "--data", str(data), "--port", "0", "--no-mcp"])
    assert isinstance(ended.exception, SystemExit), ended.exception
    assert ended.exit_code == 1
    (line,) = ended.output.splitlines()
    return line


def everything(data: Path) -> dict[str, tuple[bytes, int]]:
    """Each file, with its content and when it was written."""
    files = [path for path in data.rglob("*") if path.is_file() and path.name != "server.lock"]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A directory that a server has used."""
    with inside(tmp_path / "data"):
        pass
    return tmp_path / "data"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("is_new", [True, False])
def test_a_text_in_the_place_of_a_file(data: Path, tmp_path: Path, name: str, *, is_new: bool) -> None:
    if is_new:
        data = tmp_path / "new"
        data.mkdir()
    (data / name).write_bytes(TEXT)
    before = everything(data)
    line = refusal(data)
    assert line.startswith(f"Error: {data / name} is no ")
    assert line.endswith("put it elsewhere, or restore it")
    assert everything(data) == before


def test_the_command_itself_says_so_and_ends(data: Path) -> None:
    (data / "events.log.db").write_bytes(TEXT)
    ended = tallystick("serve", "--data", str(data), "--port", "0", "--no-mcp")
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", FILES)
def test_a_directory_in_the_place_of_a_file(data: Path, name: str) -> None:
    for file in data.glob(f"{name}*"):
        file.unlink()
    (data / name).mkdir()
    before = everything(data)
    assert refusal(data) == f"Error: cannot open {data / name} to read and write (Is a directory)"
    assert everything(data) == before


def test_a_directory_that_is_a_file_or_cannot_be_made(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(TEXT)
    assert "cannot create the data directory" in refusal(file / "data")
    asked = CliRunner().invoke(main, ["serve", "--data", str(file)])
    assert asked.exit_code == 2
    assert "is a file" in asked.output
    assert file.read_bytes() == TEXT


@pytest.mark.skipif(os.getuid() == 0, reason="permissions do not bind root")
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_may_only_be_read(data: Path, name: str) -> None:
    (data / name).chmod(0o400)
    assert "Permission denied" in refusal(data)


@pytest.fixture
def immutable(data: Path) -> Iterator[Path]:
    """A directory that nobody may write to, root included."""
    chattr = shutil.which("chattr")
    if chattr is None:
        pytest.skip("there is no chattr here")
    made = subprocess.run([chattr, "+i", data], capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    if made.returncode:
        pytest.skip(f"nothing can be made immutable here: {made.stderr.strip()}")
    yield data
    subprocess.run([chattr, "-i", data], check=True, timeout=PATIENCE_S)


def test_a_directory_that_is_immutable(immutable: Path) -> None:
    (lock,) = [path for path in immutable.iterdir() if path.name == "server.lock"]
    subprocess.run(["chattr", "+i", lock], check=True, timeout=PATIENCE_S)
    try:
        assert "cannot write to the data directory" in refusal(immutable)
    finally:
        subprocess.run(["chattr", "-i", lock], check=True, timeout=PATIENCE_S)


def test_sound_files_are_taken(data: Path) -> None:
    """The control: what is refused above is refused for what it is."""
    with inside(data) as server:
        assert server.api().get("/readyz").status == 200
