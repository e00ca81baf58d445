"""The API's description, generated from the table of routes and the types of its operations."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallystick import __version__
from tallystick.api.errors import LONGEST_MESSAGE
from tallystick.api.ingest import IngestAnswer
from tallystick.kernel.document import encode
from tallystick.metering.event import MAX_BATCH, Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.api.binder import Route

JsonSchema = dict[str, Any]

_TEMPLATE: Final = "#/components/schemas/{name}"
_ERRORS: Final = {
    "400": "The request does not fit; the message names the JSON path, what came and what was expected",
    "401": "No API key, or one that is unknown, revoked or expired",
    "404": "What the path names does not exist",
    "409": "The request collides with what is already there",
}


def describe(routes: Sequence[Route]) -> bytes:
    """The OpenAPI 3.1 document of the API, as JSON."""
    types: list[Any] = [Event, IngestAnswer]
    for route in routes:
        binding = route.binding
        types += [binding.answer, binding.query, *([binding.body[1]] if binding.body else [])]
    schemas, components = msgspec.json.schema_components(types, ref_template=_TEMPLATE)
    paths: dict[str, dict[str, Any]] = {}
    by_type = dict(zip(map(id, types), schemas, strict=True))
    for route in routes:
        paths.setdefault(route.shown_path, {})[route.method.lower()] = _operation(route, by_type, components)
    paths |= _ingest_paths(by_type[id(Event)], by_type[id(IngestAnswer)])
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Tallystick",
            "version": __version__,
            "description": "Usage-based metering and billing, wire-compatible with the Togai API.",
        },
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if not name.endswith("_query")}
            | {"Message": _MESSAGE},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key or a token"}},
        },
    }
    return encode(_numbers(document))


_MESSAGE: Final = {
    "type": "object",
    "properties": {"message": {"type": "string", "maxLength": LONGEST_MESSAGE}},
    "required": ["message"],
}


def _operation(route: Route, by_type: dict[int, Any], components: dict[str, Any]) -> dict[str, Any]:
    binding = route.binding
    text = inspect.getdoc(route.operation) or ""
    described: dict[str, Any] = {
        "tags": [route.tag],
        "operationId": route.operation.__name__,
        "summary": text.partition("\n")[0],
        "parameters": _parameters(route, components),
        "responses": {str(route.status): _json(by_type[id(binding.answer)], "Done")} | _error_responses(),
    }
    if "\n" in text:
        described["description"] = text.partition("\n")[2].strip()
    if binding.body is not None:
        described["requestBody"] = _json(by_type[id(binding.body[1])]) | {"required": True}
    return described


def _parameters(route: Route, components: dict[str, Any]) -> list[dict[str, Any]]:
    binding = route.binding
    found = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in binding.path]
    query = components.get(binding.query.__name__, {})
    required = query.get("required", ())
    for name, schema in query.get("properties", {}).items():
        found.append({"name": name, "in": "query", "required": name in required, "schema": schema})
    return found


def _ingest_paths(event: JsonSchema, answer: JsonSchema) -> JsonSchema:
    many = {"type": "array", "minItems": 1, "maxItems": MAX_BATCH, "items": event}
    return {
        "/ingest": {"post": _ingest("ingest", "Take one event", "event", event, answer, ("202",))},
        "/ingestBatch": {
            "post": _ingest("ingest_batch", "Take up to 1,000 events", "events", many, answer, ("202", "207"))
        },
    }


def _ingest(
    name: str,
    summary: str,
    field: str,
    schema: JsonSchema,
    answer: JsonSchema,
    statuses: tuple[str, ...],
) -> dict[str, Any]:
    body = {"type": "object", "properties": {field: schema}, "required": [field], "additionalProperties": False}
    return {
        "tags": ["Events"],
        "operationId": name,
        "summary": summary,
        "requestBody": _json(body) | {"required": True},
        "responses": {status: _json(answer, "Durable") for status in statuses} | _error_responses(),
    }


def _error_responses() -> dict[str, Any]:
    return {
        status: _json({"$ref": _TEMPLATE.format(name="Message")}, description)
        for status, description in _ERRORS.items()
    }


def _json(schema: JsonSchema, description: str | None = None) -> JsonSchema:
    content = {"content": {"application/json": {"schema": schema}}}
    return content if description is None else {"description": description} | content


def _numbers(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """The same description with decimals as what they are on our wire: JSON numbers."""
    if isinstance(node, dict):
        if node.get("format") == "decimal":
            return {"type": "number"} | {name: _numbers(value) for name, value in node.items() if name not in _TEXTUAL}
        return {name: _numbers(value) for name, value in node.items()}
    if isinstance(node, list):
        return [_numbers(item) for item in node]
    return node


_TEXTUAL: Final = frozenset({"type", "format"})
