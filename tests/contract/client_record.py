"""The walk over every route with the official client: what it can say it says, and it has to parse every answer."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, Final, get_args, get_type_hints
from urllib.parse import parse_qsl, unquote

import msgspec
import togai_client as togai
from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers import Api

_METHOD: Final = re.compile(r"method='(\w+)'")
_PATH: Final = re.compile(r"resource_path='([^']+)'")
_HTTP_INFO: Final = "_with_http_info"
_LITERALS: Final = {"true": True, "false": False}


class Wire:
    """The transport of the client, to a server in this process."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def request(
        self,
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        body: object = None,
        post_params: object = None,  # noqa: ARG002 - as the client calls it
        _request_timeout: object = None,
    ) -> togai.rest.RESTResponse:
        """Send what the client sends."""
        content = None if body is None else msgspec.json.encode(body)
        return togai.rest.RESTResponse(_Answer(self._api.send(method, url, content=content, headers=headers)))


class _Answer:
    """An answer as the client's HTTP library gives it."""

    def __init__(self, answer: Any) -> None:  # noqa: ANN401 - an answer of ours
        self.status, self.reason, self.data, self.headers = answer.status, "", answer.content, answer.headers


def operations() -> dict[tuple[str, str], tuple[type, str]]:
    """Every operation of the client, by its method and path."""
    found = {}
    for kind in (getattr(togai, name) for name in dir(togai) if name.endswith("Api")):
        for name, serialize in inspect.getmembers(kind, inspect.isfunction):
            if name.startswith("_") and name.endswith("_serialize"):
                source = inspect.getsource(serialize)
                where = _METHOD.search(source), _PATH.search(source)
                found[where[0][1], where[1][1]] = (kind, name.removeprefix("_").removesuffix("_serialize"))
    return found


class ClientRecord:
    """Calls routes by their templates, with the client where it has words for what is asked."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._client = togai.ApiClient(togai.Configuration(host="http://inside", access_token=api.key))
        self._client.rest_client = Wire(api)
        self._operations = operations()
        self.said: dict[tuple[str, str], dict[str, Any]] = {}
        """What the client was called with last, by operation."""

    def __call__(self, method: str, template: str, body: object = None, query: str = "", **names: object) -> Any:  # noqa: ANN401 - JSON
        kind, name = self._operations[method, template]
        api = kind(self._client)
        try:
            meant = {name: value for name, value in names.items() if f"{{{name}}}" in template}
            arguments = _arguments(getattr(api, name), body, query, meant)
        except (LookupError, ValidationError):
            return self._api.send(method, template.format(**names) + query, body).ok()
        self.said[method, template] = arguments
        detailed = getattr(api, name + _HTTP_INFO)(**arguments)
        assert detailed.data is not None or detailed.status_code == 204, (method, template)
        if method == "GET":
            assert getattr(api, name)(**arguments) == detailed.data
        return self._api.send(method, template.format(**names) + query).ok() if method == "GET" else _sent(detailed)

    def raised(self, key: str) -> Iterator[tuple[str, type[Exception] | None]]:
        """What the client raises when it says the same with another key, by operation."""
        stranger = togai.ApiClient(togai.Configuration(host="http://inside", access_token=key))
        stranger.rest_client = Wire(self._api)
        for where, arguments in self.said.items():
            kind, name = self._operations[where]
            try:
                getattr(kind(stranger), name)(**arguments)
                yield name, None
            except togai.exceptions.ApiException as failure:
                yield name, type(failure)


def _arguments(call: Callable[..., Any], body: object, query: str, names: dict[str, object]) -> dict[str, Any]:
    """What the client is called with.

    Raises:
        LookupError: when it has no name for a part of the request.
        ValidationError: when it holds the request for impossible.
    """
    parameters = {name: kind for name, kind in get_type_hints(call).items() if not name.startswith("_")}
    del parameters["return"]
    arguments: dict[str, Any] = {name: unquote(str(value)) for name, value in names.items()}
    for name, value in parse_qsl(query.removeprefix("?"), strict_parsing=True) if query else ():
        if name not in parameters:
            raise LookupError(name)
        arguments[name] = _LITERALS.get(value, int(value) if value.isdigit() else value)
    models = {name: model for name, kind in parameters.items() if (model := _model(kind)) is not None}
    if body is not None:
        ((name, model),) = models.items()
        arguments[name] = model.from_dict(msgspec.json.decode(msgspec.json.encode(body)))
    if unknown := arguments.keys() - parameters.keys():
        raise LookupError(unknown)
    return arguments


def _model(kind: Any) -> type[BaseModel] | None:  # noqa: ANN401 - a type hint
    options = [kind, *get_args(kind)]
    return next((one for one in options if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _sent(detailed: Any) -> Any:  # noqa: ANN401 - an answer of the client
    return msgspec.json.decode(detailed.raw_data) if detailed.raw_data else None
