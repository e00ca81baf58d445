"""The API's description, generated from the table of routes and the types of its operations."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallystick import __version__
from tallystick.api.binder import ACCEPTED
from tallystick.api.cloud_events import BATCHED, STRUCTURED
from tallystick.api.errors import LONGEST_MESSAGE
from tallystick.api.server_routes import Advance, Advanced, ClockReading, Token
from tallystick.engine.event_bodies import EventBatch, SingleEvent
from tallystick.engine.intake import IngestAnswer
from tallystick.kernel.document import Document, encode
from tallystick.metering.cloud_event import CloudEvent
from tallystick.metering.event import MAX_BATCH
from tallystick.operations.answers import Done

if TYPE_CHECKING:
    from tallystick.api.binder import Route

_TEMPLATE: Final = "#/components/schemas/{name}"
_ERRORS: Final = {
    "400": "The request does not fit; the message names the JSON path, what came and what was expected",
    "401": "No API key, or one that is unknown, revoked or expired",
    "404": "What the path names does not exist",
    "409": "The request collides with what is already there",
}


class Message(Document, frozen=True, kw_only=True):
    """What every error says."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One operation of the API as the description shows it."""

    method: str
    path: str
    name: str
    tag: str
    text: str
    answer: Any
    statuses: tuple[int, ...] = (200,)
    body: Any = None
    query: type[msgspec.Struct] | None = None
    in_path: tuple[str, ...] = ()
    is_cloud: bool = False
    accepted: Any = None
    """The answer to callers who want a job."""

    @property
    def types(self) -> list[Any]:
        """The types whose schemas this entry needs."""
        return [kind for kind in (self.answer, self.accepted, self.body, self.query) if kind is not None]


_BY_HAND: Final = (
    _Entry(
        method="post",
        path="/ingest",
        name="ingest",
        tag="Events",
        text="Take one event; answered when it is durable.",
        body=SingleEvent,
        answer=IngestAnswer,
        statuses=(202,),
    ),
    _Entry(
        method="post",
        path="/ingestBatch",
        name="ingest_batch",
        tag="Events",
        text="Take up to 1,000 events; answered when the good ones are durable, with a reason for each other one.",
        body=EventBatch,
        answer=IngestAnswer,
        statuses=(202, 207),
    ),
    _Entry(
        method="post",
        path="/entitled",
        name="ingest_entitled_event",
        tag="Entitlements",
        text=(
            "Take one event that uses a feature, if the account has as many units of it left; answered when they are "
            "debited. Refused with 403 when there are too few, 409 when the id has counted before."
        ),
        body=SingleEvent,
        answer=Done,
    ),
    _Entry(
        method="post",
        path="/v1/events",
        name="ingest-events",
        tag="Capability",
        text="Take up to 1,000 events, as /ingestBatch does.",
        body=EventBatch,
        answer=IngestAnswer,
        statuses=(202, 207),
    ),
    _Entry(
        method="post",
        path="/v1/cloudevents",
        name="ingest_cloud_events",
        tag="Events",
        text=(
            "Take CloudEvents 1.0, one or up to 1,000, and answer as /ingestBatch does; one by itself that lies too "
            "far ahead is refused as /ingest does it.\n\n"
            "`type` is the event schema, `subject` the account, `source` and `id` together make its id. Numbers "
            "of `data`, and texts whose name is an attribute of the schema, are attributes; other texts, and numbers "
            "whose name is a dimension of the schema, are dimensions. With `application/json` and the headers `ce-id`, "
            "`ce-source`, ... the body is the data of one event."
        ),
        body=CloudEvent,
        answer=IngestAnswer,
        statuses=(202, 207),
        is_cloud=True,
    ),
    _Entry(
        method="post",
        path="/authenticate",
        name="authenticate",
        tag="Server",
        text="Exchange an API key for a token that is good for 24 hours.",
        answer=Token,
    ),
    _Entry(
        method="get",
        path="/v1/test-clock",
        name="get_test_clock",
        tag="Server",
        text="Where the test clock stands; 409 on a server that runs in real time.",
        answer=ClockReading,
    ),
    _Entry(
        method="post",
        path="/v1/test-clock/advance",
        name="advance_test_clock",
        tag="Server",
        text="Move the test clock forward and do everything that falls due on the way, in order.",
        body=Advance,
        answer=Advanced,
    ),
)


@cache
def describe(routes: tuple[Route, ...], by_hand: frozenset[str] | None = None) -> bytes:
    """The OpenAPI 3.1 document of these routes, as JSON; made when first asked for, since that takes a while.

    `by_hand` names the operations beside the table that are served too; by default all are.
    """
    entries = [*map(_entry, routes), *(entry for entry in _BY_HAND if by_hand is None or entry.name in by_hand)]
    types = [kind for entry in entries for kind in entry.types] + [Message]
    schemas, components = msgspec.json.schema_components(types, ref_template=_TEMPLATE)
    references = dict(zip(map(id, types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for entry in entries:
        paths.setdefault(entry.path, {})[entry.method] = _operation(entry, references, components)
    queries = {entry.query.__name__ for entry in entries if entry.query is not None}
    named = {name: schema for name, schema in components.items() if name not in queries}
    named["Message"]["properties"]["message"]["maxLength"] = LONGEST_MESSAGE
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
            "schemas": named,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key or a token"}},
        },
    }
    return encode(_numbers(document))


def _entry(route: Route) -> _Entry:
    binding = route.binding
    return _Entry(
        method=route.method.lower(),
        path=route.shown_path,
        name=route.id,
        tag=route.tag,
        text=inspect.getdoc(route.operation) or "",
        answer=binding.answer,
        statuses=(route.status,),
        accepted=None if route.as_job is None else route.as_job.binding.answer,
        body=None if binding.body is None else binding.body[1],
        query=binding.query,
        in_path=tuple(binding.path),
    )


def _operation(entry: _Entry, references: dict[int, Any], components: dict[str, Any]) -> dict[str, Any]:
    summary, _, rest = entry.text.partition("\n")
    answers = {str(status): _json(references[id(entry.answer)], "Done") for status in entry.statuses}
    if entry.accepted is not None:
        answers[str(ACCEPTED)] = _json(references[id(entry.accepted)], "Goes on as a job")
    errors = {status: _json(_MESSAGE, description) for status, description in _ERRORS.items()}
    described: dict[str, Any] = {
        "tags": [entry.tag],
        "operationId": entry.name,
        "summary": summary,
        "description": rest.strip(),
        "parameters": _parameters(entry, components),
        "responses": answers | errors,
    }
    if entry.body is not None:
        contents = _cloud_contents if entry.is_cloud else _content
        described["requestBody"] = {"required": True, "content": contents(references[id(entry.body)])}
    return described


_MESSAGE: Final = {"$ref": _TEMPLATE.format(name="Message")}


def _parameters(entry: _Entry, components: dict[str, Any]) -> list[dict[str, Any]]:
    found = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in entry.in_path]
    query = {} if entry.query is None else components.get(entry.query.__name__, {})
    required = query.get("required", ())
    return found + [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in query.get("properties", {}).items()
    ]


def _json(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"description": description, "content": _content(schema)}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _cloud_contents(one: dict[str, Any]) -> dict[str, Any]:
    many = {"type": "array", "items": one, "minItems": 1, "maxItems": MAX_BATCH}
    return {STRUCTURED: {"schema": one}, BATCHED: {"schema": many}} | _content({"anyOf": [one, many]})


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
