"""The conversation of docs/mcp.md, call by call."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.agent import mcp_inside
from tests.servers import inside

PAGE = Path(__file__).parents[2] / "docs" / "mcp.md"
CALL = re.compile(
    r"<!-- (?P<kind>call|refused): (?P<tool>[\w-]+)(?: (?P<code>\w+))? -->\n```json\n(?P<sent>.*?)\n```"
    r"(?:\n```json\n(?P<answer>.*?)\n```)?",
    re.DOTALL,
)
NAME = re.compile(r"\$[A-Z]+")


def read(text: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(text, parse_float=Decimal)


def compare(told: Any, came: Any, names: dict[str, str], path: str = "") -> None:  # noqa: ANN401 - JSON
    """Whether an answer holds what the page tells of it; names that it tells first are remembered."""
    if isinstance(told, dict):
        assert set(told) <= set(came), (path, told, came)
        for key, value in told.items():
            compare(value, came[key], names, f"{path}.{key}")
    elif isinstance(told, list):
        assert len(told) == len(came), (path, told, came)
        for index, value in enumerate(told):
            compare(value, came[index], names, f"{path}[{index}]")
    elif isinstance(told, str) and NAME.fullmatch(told):
        if told == "$TOKEN":
            names[told] = came
        assert names.setdefault(told, came) == came, path
    else:
        assert (told, path) == (came, path)


def test_the_worked_conversation_goes_as_it_is_told(tmp_path: Path) -> None:
    calls = list(CALL.finditer(PAGE.read_text()))
    assert len(calls) == PAGE.read_text().count("<!-- ")
    names: dict[str, str] = {}
    with inside(tmp_path / "data") as server, mcp_inside(server) as door:
        for call in calls:
            sent = NAME.sub(lambda name: names[name[0]], call["sent"])
            told = door.agent(path="/mcp/all").call(call["tool"], sent.encode())
            if call["kind"] == "refused":
                told.refused(call["code"])
            else:
                compare(read(call["answer"]), told.ok(), names)


def test_a_page_that_tells_something_else_would_not_pass() -> None:
    for told, came in [({"a": 1}, {"a": 2}), ({"b": 1}, {"a": 1}), ([1], [1, 2])]:
        try:
            compare(told, came, {})
        except AssertionError:
            continue
        raise AssertionError(f"{told} passes for {came}")
