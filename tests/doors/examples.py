"""The examples of a page of the documentation, marked by comments such as `<!-- runs: 0 -->`, done as it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from click.testing import CliRunner

from tallystick.cli.main import main
from tests.servers import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

EXAMPLE: Final = re.compile(r"<!-- (?P<verb>\w+): (?P<what>[^>]*) -->\n```\w*\n(?P<text>.*?)\n```", re.DOTALL)


def page(name: str) -> str:
    """A page of the documentation."""
    return (Path(__file__).parents[2] / "docs" / name).read_text(encoding="utf-8")


def do(examples: Iterable[re.Match[str]], url: str, others: dict[str, Callable[[str], None]] | None = None) -> None:
    """Do every example in the working directory: write files, run commands, compare what they print and leave.

    `others` does what the page shows by other verbs.
    """
    printed = ""
    for example in examples:
        verb, what, text = example["verb"], example["what"], example["text"]
        match verb:
            case "file":
                Path(what).parent.mkdir(parents=True, exist_ok=True)
                Path(what).write_text(f"{text}\n", encoding="utf-8")
            case "runs":
                words = shlex.split(text.replace("\\\n", " "))
                assert words[0] == "tallystick"
                ran = CliRunner().invoke(main, words[1:], env={"TALLYSTICK_KEY": KEY, "TALLYSTICK_URL": url})
                assert ran.exit_code == int(what), ran.output
                printed = ran.output
            case "prints":
                assert printed == text + "\n"
            case "holds":
                assert Path(what).read_text(encoding="utf-8") == text + "\n"
            case _:
                assert others is not None, f"nobody does {verb!r}"
                others[verb](text)
