"""JSON Schemas for tools: arguments in full and without references, answers in outline, both short.

An agent reads these with every conversation, so each byte counts: what is deeper than an answer's own fields is
called an object or an array and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Json = dict[str, Any]

_DEFS: Final = "$defs"
_REF: Final = "$ref"
_NOISE: Final = frozenset(
    {"title", "description", _DEFS, "maxLength", "minLength", "maxItems", "maxProperties", "propertyNames"}
)
"""What is written for developers, and limits that nobody comes near: whoever does is told by the error."""

_OBVIOUS: Final[Json] = {"default": (None, [], {}, False), "required": ([],)}
_DECIMAL: Final[Json] = {"type": ["number", "string"]}
"""A decimal comes as a number, or as its digits in a text."""


def arguments_schema(kind: Any, notes: Mapping[str, str], shallow: Collection[str] = ()) -> Json:  # noqa: ANN401 - any type
    """The schema of a tool's arguments.

    `notes` say, by name, what an argument means and where it comes from; of those in `shallow` they say all there is.
    """
    described = msgspec.json.schema(kind)
    schema: Json = _inlined(described, described.get(_DEFS, {}))
    for name, argument in schema["properties"].items():
        if name in shallow:
            schema["properties"][name] = {"type": argument["type"], "description": notes[name]}
        elif name in notes:
            argument["description"] = notes[name]
    return schema


def answer_outline(kind: Any) -> Json:  # noqa: ANN401 - any type
    """The schema of the fields that an answer always has; others may stand beside them."""
    described = msgspec.json.schema(kind)
    definitions = described.get(_DEFS, {})
    root = _resolved(described, definitions)
    always = root.get("required", [])
    outlined = {name: _outline(_resolved(root["properties"][name], definitions)) for name in always}
    return {"type": "object", "properties": outlined, "required": always}


def _inlined(node: Any, definitions: Json) -> Any:  # noqa: ANN401 - any JSON
    """The same schema with each reference replaced by what it leads to, and without what goes without saying."""
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    node = _without_null(_resolved(node, definitions), definitions)
    if node.get("format") == "decimal":
        return dict(_DECIMAL)
    if "enum" in node:
        node = {"type": "string"} | node
    inlined = {}
    for name, value in node.items():
        if name == "properties":
            inlined[name] = {
                field: _inlined(below, definitions) for field, below in value.items() if not _is_refused(below)
            }
        elif name not in _NOISE and not (name in _OBVIOUS and value in _OBVIOUS[name]):
            inlined[name] = _inlined(value, definitions)
    return inlined


def _without_null(node: Json, definitions: Json) -> Json:
    """What may be null may be left out as well, and that is what an agent should do."""
    options = [option for option in node.get("anyOf", ()) if option != {"type": "null"}]
    return _resolved(options[0], definitions) if len(options) == 1 else node


def _is_refused(field: Json) -> bool:
    """Whether a field takes nothing but an empty list: it is there to refuse by name what is not offered."""
    return field.get("items") == {} and field.get("default") == []


def _resolved(node: Json, definitions: Json) -> Json:
    while _REF in node:
        node = definitions[node[_REF].rpartition("/")[2]] | {key: value for key, value in node.items() if key != _REF}
    return node


def _outline(node: Json) -> Json:
    """What kind of JSON stands there; nothing where it may be of several."""
    if node.get("format") == "decimal":
        return {"type": "number"}
    if "enum" in node:
        return {"type": "string"}
    kind = node.get("type")
    return {} if kind is None else {"type": kind}
