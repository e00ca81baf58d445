"""An agent that knows nothing: it calls what its task says, and then does what answers tell it to do, word for word."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agent import Agent, Json, Told

_CALL: Final = re.compile(r"\b[Cc]all ([a-z-]+) with (?=\{)")
_BLANK: Final = re.compile(r"<([^<>]*)>")
_FOUND: Final = re.compile(r"id of the ([a-z ]+) that was found")
_DECIMALS: Final = re.compile(r"\((\d+) decimals\)")
_PATIENCE: Final = 12
"""Calls that it makes for one task before it gives up."""


@dataclass
class NaiveAgent:
    """Does tasks through one agent; `facts` are what its person can tell it, by the name of an argument."""

    agent: Agent
    facts: Json = field(default_factory=dict)
    called: list[str] = field(default_factory=list)

    def do(self, tool: str, arguments: Json) -> Any:  # noqa: ANN401 - JSON
        """Call a tool, and follow what it says until that tool has done it; its answer."""
        told = self._call(tool, arguments)
        sent = arguments
        while told.is_error or "previewToken" in told.json:
            told, sent = self._followed(tool, told, sent)
        return told.json

    def read_all(self, tool: str, arguments: Json) -> list[Any]:
        """A list to its end, as the description of nextToken has it: of the last answer, for the next page."""
        page = self.do(tool, arguments)
        found = list(page["data"])
        while page["nextToken"] is not None:
            page = self.do(tool, arguments | {"nextToken": page["nextToken"]})
            found += page["data"]
        return found

    def _followed(self, tool: str, told: Told, sent: Json) -> tuple[Told, Json]:
        """Take every step of an answer in turn, up to one that calls the tool of the task again or ends it."""
        said = told.json.get("error", told.json)
        last: Json = {}
        for name, arguments in steps_in(said["nextSteps"]):
            filled = {one: self._filled(value, sent.get(one), said, last) for one, value in arguments.items()}
            told, sent = self._call(name, filled), filled
            if name == tool or not told.is_error:
                last = told.json
            if name == tool:
                return told, sent
        if last:
            return _as_done(told), sent  # what it wanted is there already, says the step it was sent to
        raise AssertionError(f"no step to take: {said}")

    def _filled(self, value: object, before: object, said: Json, last: Json) -> object:
        """A value of a step with its blank filled: by what was found, by rounding, or by asking the person."""
        blank = _BLANK.fullmatch(value) if isinstance(value, str) else None
        if blank is None:
            return value
        meant = blank[1]
        found = _FOUND.fullmatch(meant)
        if found is not None:
            return next(hit["id"] for hit in last["hits"] if hit["type"].replace("_", " ").lower() == found[1])
        decimals = _DECIMALS.search(said["message"])
        if meant.endswith(", corrected") and decimals is not None:
            return str(Decimal(str(before)).quantize(Decimal(1).scaleb(-int(decimals[1])), ROUND_DOWN))
        return self.facts[meant.removesuffix(", corrected")]

    def _call(self, tool: str, arguments: Json) -> Told:
        self.called.append(tool)
        assert len(self.called) <= _PATIENCE, f"in circles: {self.called}"
        return self.agent.call(tool, arguments)


def steps_in(texts: list[str]) -> Iterator[tuple[str, Json]]:
    """The calls that steps tell it to make."""
    for text in texts:
        for found in _CALL.finditer(text):
            arguments, _ = json.JSONDecoder(parse_float=Decimal).raw_decode(text[found.end() :])
            yield found[1], arguments


def _as_done(told: Told) -> Told:
    assert not told.is_error, told.text
    return told
