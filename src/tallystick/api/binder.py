"""Reads an operation's signature and binds it to HTTP: what is in the path, the query and the body.

`Work` is injected; names in the path are path parameters; a Draft is the body; the rest are query parameters, whose
names are taken as written here and in camelCase. The return type is the answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, Union, get_args, get_type_hints

import msgspec

from tallystick.kernel.document import Draft, encode
from tallystick.kernel.errors import invalid
from tallystick.kernel.paging import PageRequest
from tallystick.kernel.shapes import drafted, nearest, object_fields, shape_error
from tallystick.operations.signature import REQUIRED, Signature, camel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tallystick.operations.signature import Parameter

_IN_PATH: Final = re.compile(r"{(\w+)(?::\w+)?}")
_NUL: Final = "\0"
_REQUIRED_FIELD: Final = "required field "
ACCEPTED: Final = 202
ASKS_FOR_A_JOB: Final = ("run_async", "require_confirmation")
"""Query parameters by which a caller wants a job; `async` is no name in Python."""

_WIRE_NAMES: Final = {
    "page_size": "pageSize",
    "next_token": "nextToken",
    "search": "_search",
    "sort": "_sort",
    "effective_on": "effectiveOn",
    "include_group_details": "includeGroupDetails",
    "include_schema": "includeSchema",
    "run_async": "async",
    "named_license_id": "licenseId",
}
"""Query parameters that the Togai wire does not write in snake case."""


@dataclass(frozen=True)
class Route:
    """One row of the API's table of contents."""

    method: str
    path: str
    operation: Callable[..., Any]
    status: int
    tag: str
    dry_run: bool = False
    name: str = ""
    """Its id in the description, where the name of its function would stand twice."""
    lenient: bool = False
    """Whether numbers may come as text, and what is optional as an empty text."""
    may_be_empty: bool = False
    """Whether a request without a body is one whose body says nothing."""
    job: Callable[..., Any] | None = None
    """The operation that does the same as a job, for callers who send `async` or `require_confirmation`."""

    @property
    def id(self) -> str:
        """What the operation is called in the description."""
        return self.name or self.operation.__name__

    @property
    def shown_path(self) -> str:
        """The path without its converters."""
        return _IN_PATH.sub(r"{\1}", self.path)

    @cached_property
    def binding(self) -> Binding:
        """How this route's requests become arguments."""
        return Binding.of(self)

    @cached_property
    def as_job(self) -> Route | None:
        """The same route for callers who want a job, which is accepted and goes on after the answer."""
        return None if self.job is None else replace(self, operation=self.job, status=ACCEPTED, job=None)


@dataclass(frozen=True)
class Binding:
    """Where each argument of an operation comes from."""

    path: Mapping[str, str]
    """Names in the path, and the parameters that they are."""
    body: tuple[str, Any] | None
    paged: str | None
    query: type[msgspec.Struct]
    query_names: Mapping[str, str]
    answer: Any
    lenient: bool
    may_be_empty: bool

    @classmethod
    def of(cls, route: Route) -> Binding:
        """The binding of a route, from its operation's signature."""
        taken = Signature.of(route.operation)
        in_path = {name: _snake(name) for name in _IN_PATH.findall(route.path)}
        if not set(in_path.values()) <= taken.plain.keys():
            raise TypeError(f"{route.method} {route.path} does not fit {route.operation.__name__}")
        rest = {name: one for name, one in taken.plain.items() if name not in in_path.values()}
        query = _query_struct(route, rest, paged=taken.paged is not None)
        names = _spellings(query)
        return cls(in_path, taken.draft, taken.paged, query, names, taken.answer, route.lenient, route.may_be_empty)

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[Any]:
        """Decodes the body straight into its type."""
        assert self.body is not None, "only routes with a body decode one"
        return msgspec.json.Decoder(self.body[1], strict=not self.lenient)

    def arguments(
        self, path: Mapping[str, str], query: Iterable[tuple[str, str]], body: bytes
    ) -> tuple[dict[str, Any], bool]:
        """The operation's arguments, and whether the caller wants a dry run.

        Raises:
            BillingError: of kind INVALID, for anything that does not fit.
        """
        arguments: dict[str, Any] = {parameter: _text(name, path[name]) for name, parameter in self.path.items()}
        asked = msgspec.structs.asdict(self._query(query))
        dry_run = bool(asked.pop("dry_run", False))
        if self.paged is not None:
            fields = {name: asked.pop(name) for name in PageRequest.__struct_fields__}
            arguments[self.paged] = PageRequest(**fields)
        if self.body is not None:
            arguments[self.body[0]] = self._decode(body)
        return arguments | asked, dry_run

    def _query(self, pairs: Iterable[tuple[str, str]]) -> msgspec.Struct:
        values: dict[str, str] = {}
        for name, value in pairs:
            wire_name = self.query_names.get(name)
            if wire_name is None:
                raise invalid(name, f"unknown query parameter{nearest(name, self.query.__struct_encode_fields__)}")
            if wire_name in values:
                raise invalid(name, "was sent more than once: it takes one value")
            if value or not self.lenient:
                values[wire_name] = _text(name, value)
        try:
            return msgspec.convert(values, self.query, strict=False)
        except msgspec.ValidationError as failure:
            said = shape_error(failure, self.query, values)
            raise invalid("", said.replace(_REQUIRED_FIELD, "required query parameter ", 1)) from None

    def _decode(self, body: bytes) -> Any:  # noqa: ANN401 - the body's own type
        assert self.body is not None
        if not body and not self.may_be_empty:
            raise invalid("", "the request has no body: send JSON")
        sent = body or b"{}"
        return drafted(_without_empty(sent, self.body[1]) if self.lenient else sent, self.decoder, self.body[1])


def _text(name: str, value: str) -> str:
    """A value of the path or the query; NUL is text to Python and SQLite, and an error to PostgreSQL."""
    if _NUL in value:
        raise invalid(name, "the character NUL (%00) cannot be stored, so nothing is found by it")
    return value


def _never_null(hint: Any) -> Any:  # noqa: ANN401 - a type hint
    """A query parameter's type without None: a parameter that is there is a text, even if that text is `null`."""
    kinds = get_args(hint)
    return Union[tuple(kind for kind in kinds if kind is not NoneType)] if NoneType in kinds else hint  # noqa: UP007 - built at run time


def _query_struct(route: Route, taken: Mapping[str, Parameter], *, paged: bool) -> type[msgspec.Struct]:
    """A Struct of everything that the query may carry, with the operation's own defaults."""
    fields: list[Any] = []
    for name, (hint, default) in taken.items():
        kind = _never_null(hint)
        fields.append((name, kind) if default is REQUIRED else (name, kind, default))
    if paged:
        page_hints = get_type_hints(PageRequest)
        fields += [(name, _never_null(page_hints[name]), None) for name in PageRequest.__struct_fields__]
    if route.dry_run:
        fields.append(("dry_run", bool, False))
    if route.job is not None:
        fields += [(name, bool, False) for name in ASKS_FOR_A_JOB]
    ours = {name: camel(name) for name in taken} if route.path.startswith("/v1/") else {}
    return msgspec.defstruct(f"{route.id}_query", fields, kw_only=True, rename=ours | _WIRE_NAMES)


def _spellings(query: type[msgspec.Struct]) -> dict[str, str]:
    """Every way in which a caller may write a query parameter, and its name on the wire."""
    names = dict(zip(query.__struct_fields__, query.__struct_encode_fields__, strict=True))
    return names | {camel(field): name for field, name in names.items()} | {name: name for name in names.values()}


def _without_empty(body: bytes, kind: type[Draft]) -> bytes:
    """The body without optional fields that are an empty text, which is how templates write what is absent."""
    optional = {field.encode_name for field in msgspec.structs.fields(kind) if not field.required}
    return encode(
        {name: value for name, value in object_fields(body).items() if bytes(value) != b'""' or name not in optional}
    )


def _snake(name: str) -> str:
    return re.sub("([A-Z])", lambda letter: f"_{letter[1].lower()}", name)
