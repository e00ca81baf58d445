"""As much of JSON Schema as the reference description uses: an answer that fits has no problems.

Schemas there are closed (`additionalProperties: false`), also where `allOf` joins two of them: a field is extra when
no part knows it.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

Schema = dict[str, Any]

_KINDS: Final = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, Decimal),
}
_FORMATS: Final = {"date-time": datetime.fromisoformat, "date": date.fromisoformat}


class Description:
    """An OpenAPI document."""

    def __init__(self, document: Schema) -> None:
        self._document = document

    def operation(self, method: str, path: str) -> Schema | None:
        """The operation of a route, or None where there is none."""
        found: Schema | None = self._document["paths"].get(path, {}).get(method.lower())
        return found

    def successes(self, method: str, path: str) -> set[int]:
        """The 2xx statuses that an operation may answer with."""
        operation = self.operation(method, path) or {}
        return {int(status) for status in operation["responses"] if status.startswith("2")}

    def answer(self, method: str, path: str, status: int) -> Schema:
        """The schema of an answer."""
        operation = self.operation(method, path) or {}
        response = self._resolved(operation["responses"][str(status)])
        schema: Schema = response["content"]["application/json"]["schema"]
        return schema

    def query(self, method: str, path: str) -> dict[str, Schema]:
        """The query parameters of an operation, by name."""
        return {parameter["name"]: parameter["schema"] for parameter in self._in_query(method, path)}

    def required_query(self, method: str, path: str) -> set[str]:
        """Those of them that it cannot do without."""
        return {parameter["name"] for parameter in self._in_query(method, path) if parameter.get("required")}

    def _in_query(self, method: str, path: str) -> list[Schema]:
        operation = self.operation(method, path) or {}
        shared = self._document["paths"][path].get("parameters", [])
        found = [self._resolved(parameter) for parameter in [*shared, *operation.get("parameters", [])]]
        return [parameter for parameter in found if parameter["in"] == "query"]

    def body_fields(self, method: str, path: str) -> set[str]:
        """The fields that the body of an operation may carry."""
        schema = self.body(method, path)
        return set() if schema is None else set(self.merged(schema)["properties"])

    def body(self, method: str, path: str) -> Schema | None:
        """The schema of the body of an operation, or None where it takes none."""
        operation = self.operation(method, path) or {}
        if "requestBody" not in operation:
            return None
        schema: Schema = self._resolved(operation["requestBody"])["content"]["application/json"]["schema"]
        return schema

    def problems(self, schema: Schema, value: object, path: str = "$") -> Iterator[str]:
        """Everything about a value that the schema does not allow."""
        schema = self.merged(schema)
        kind = schema.get("type")
        if kind is not None and not _is(value, kind):
            yield f"{path}: {value!r} is no {kind}"
        elif isinstance(value, dict):
            yield from self._object_problems(schema, value, path)
        elif isinstance(value, list):
            yield from _size_problems(schema, len(value), "Items", path)
            for index, item in enumerate(value):
                yield from self.problems(schema.get("items", {}), item, f"{path}[{index}]")
        else:
            yield from _scalar_problems(schema, value, path)

    def _object_problems(self, schema: Schema, value: dict[str, Any], path: str) -> Iterator[str]:
        known, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
        yield from (f"{path}: {name} is missing" for name in schema.get("required", ()) if name not in value)
        for name, item in value.items():
            if name in known:
                yield from self.problems(known[name], item, f"{path}.{name}")
            elif rest is False:
                yield f"{path}: {name} is extra"
            elif isinstance(rest, dict):
                yield from self.problems(rest, item, f"{path}.{name}")

    def _resolved(self, node: Schema) -> Schema:
        while "$ref" in node:
            found: Any = self._document
            for step in node["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            node = found
        return node

    def merged(self, schema: Schema) -> Schema:
        """A schema with what `allOf` adds to it."""
        schema = self._resolved(schema)
        merged = dict(schema)
        for part in map(self.merged, schema.get("allOf", ())):
            merged |= {name: part[name] for name in part if name not in merged}
            merged["properties"] = part.get("properties", {}) | merged.get("properties", {})
            merged["required"] = [*dict.fromkeys([*merged.get("required", ()), *part.get("required", ())])]
        return merged


def _is(value: object, kind: str) -> bool:
    return isinstance(value, _KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _scalar_problems(schema: Schema, value: object, path: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not one of {schema['enum']}"
    if isinstance(value, str):
        yield from _size_problems(schema, len(value), "Length", path)
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{path}: {value!r} does not match {schema['pattern']}"
        if schema.get("format") in _FORMATS:
            try:
                _FORMATS[schema["format"]](value)
            except ValueError:
                yield f"{path}: {value!r} is no {schema['format']}"
    elif isinstance(value, int | Decimal) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{path}: {value} is out of range"


def _size_problems(schema: Schema, size: int, what: str, path: str) -> Iterator[str]:
    if not schema.get(f"min{what}", size) <= size <= schema.get(f"max{what}", size):
        yield f"{path}: {size} is no allowed number of {what.lower()}"
