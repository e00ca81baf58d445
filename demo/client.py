"""A small HTTP client for the public API: JSON in, JSON out, numbers exact both ways."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S: Final = 120
AS_OF: Final = "Tallystick-Usage-As-Of"
_ENCODE: Final = msgspec.json.Encoder(decimal_format="number").encode


class RefusedError(Exception):
    """The server answered something else than success."""


class UnreachableError(Exception):
    """The server did not answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A decoded answer; `is_settled` is false when events acknowledged before it were still on their way."""

    body: Any
    is_settled: bool


class Client:
    """Talks to one server with one key; each request has a connection of its own, so threads may share it."""

    def __init__(self, host: str, port: int, key: str) -> None:
        self.url = f"http://{host}:{port}"
        self.key = key
        self._address = (host, port)

    def get(self, path: str, **query: object) -> Any:  # noqa: ANN401 - JSON
        """Read a resource.

        Raises:
            RefusedError: when the answer is not a success.
            UnreachableError: when there is no answer.
        """
        return self.send("GET", _with_query(path, query)).body

    def post(self, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Send a body (none, anything JSON, or bytes that are JSON already); errors as `get`."""
        content = body if isinstance(body, bytes | None) else _ENCODE(body)
        return self.send("POST", path, content).body

    def pages(self, path: str, **query: object) -> Iterator[Any]:
        """The items of a list, page after page; errors as `get`."""
        token = None
        while True:
            page = self.get(path, **query, **({"nextToken": token} if token else {}))
            yield from page["data"]
            token = page.get("nextToken")
            if token is None:
                return

    def send(self, method: str, path: str, content: bytes | None = None) -> Answer:
        """One request and its answer; errors as `get`."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            with closing(http.client.HTTPConnection(*self._address, timeout=TIMEOUT_S)) as connection:
                connection.request(method, path, content, headers)
                response = connection.getresponse()
                answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"{method} {self.url}{path}: {error!r}") from error
        if response.status not in {200, 201, 202, 204}:
            raise RefusedError(f"{method} {path} was answered {response.status}: {answer.decode()[:1000]}")
        body = json.loads(answer, parse_float=Decimal) if answer else None
        return Answer(body, response.getheader(AS_OF) is None)


def _with_query(path: str, query: dict[str, object]) -> str:
    return f"{path}?{urllib.parse.urlencode(query)}" if query else path
