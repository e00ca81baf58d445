"""What a capability's page promises, and what a server shows of it that falls short."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.servers import Answer

    Json = dict[str, Any]

_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_HINTS: Final = ("readOnly", "destructive", "idempotent", "openWorld")


@dataclass(frozen=True, slots=True)
class Operation:
    """A call over REST."""

    method: str
    path: str

    @property
    def parameters(self) -> list[str]:
        """The names in its path."""
        return _PARAMETER.findall(self.path)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: the hints that its page gives, and the arguments that it sends."""

    name: str
    hints: Mapping[str, bool]
    arguments: frozenset[str]


@dataclass(frozen=True, slots=True)
class Capability:
    """Everything that a page promises."""

    ports: Mapping[str, int]
    operations: tuple[Operation, ...]
    tools: tuple[Tool, ...]

    @classmethod
    def of(cls, page: Json) -> Capability:
        """The promises of a parsed page."""
        doors = {door["type"]: door for door in page["capability"]["exposes"]}
        operations = [
            Operation(operation["method"], resource["path"])
            for resource in doors["rest"]["resources"]
            for operation in resource["operations"]
        ]
        tools = [Tool(tool["name"], tool["hints"], frozenset(tool.get("with", {}))) for tool in doors["mcp"]["tools"]]
        return cls({name: door["port"] for name, door in doors.items()}, tuple(operations), tuple(tools))


@dataclass(frozen=True, slots=True)
class Shown:
    """What a server shows: its description, its answers, and its tools in one revision of the protocol."""

    description: Json
    send: Callable[[str, str], Answer]
    tools: Mapping[str, Json]


def shortcomings(capability: Capability, shown: Shown) -> list[str]:
    """Every promise that a server does not keep, in one line each."""
    found = [line for operation in capability.operations for line in _of_operation(operation, shown)]
    return found + [line for tool in capability.tools for line in _of_tool(tool, shown.tools)]


def _of_operation(operation: Operation, shown: Shown) -> Iterator[str]:
    name = f"{operation.method} {operation.path}"
    described = shown.description["paths"].get(operation.path, {}).get(operation.method.lower())
    if described is None:
        yield f"{name}: not in the description"
    else:
        parameters = [one["name"] for one in described.get("parameters", ()) if one["in"] == "path"]
        if parameters != operation.parameters:
            yield f"{name}: path parameters {parameters}, expected {operation.parameters}"
    answer = shown.send(operation.method, _PARAMETER.sub("acme", operation.path))
    # A GET finds what is there, and a POST without a body is refused for that.
    expected = 200 if operation.method == "GET" else 400
    if answer.status != expected:
        yield f"{name}: answers {answer.status}, expected {expected}"


def _of_tool(tool: Tool, tools: Mapping[str, Json]) -> Iterator[str]:
    listed = tools.get(tool.name)
    if listed is None:
        yield f"{tool.name}: not listed"
        return
    if not listed.get("description"):
        yield f"{tool.name}: no description"
    annotations = listed.get("annotations", {})
    for hint in _HINTS:
        told = annotations.get(f"{hint}Hint")
        if told is not tool.hints.get(hint, told) or not isinstance(told, bool):
            yield f"{tool.name}: {hint} is {told}, expected {tool.hints.get(hint, 'either')}"
    schema = listed["inputSchema"]
    for argument in tool.arguments - set(schema["properties"]):
        yield f"{tool.name}: does not take {argument}"
    for argument in set(schema.get("required", ())) - tool.arguments:
        yield f"{tool.name}: requires {argument}, which nobody sends"
