"""Requests that are served without a task of their own: the application is handed the head and the body, whole.

A task, its messages and a request object cost more than everything else about an event that is sent by itself. What is
not as plain as such a request usually is goes by ASGI, as all other requests do.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from tallystick.api.requests import declared_length

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.responses import Response

    from tallystick.api.direct import DirectEndpoint
    from tallystick.cli.connection import Connection

LARGEST_BODY: Final = 64 * 1024
"""Bytes of a body; uvicorn reads no further than that before somebody asks for it."""

_LONG_WAY: Final = frozenset({b"expect", b"transfer-encoding", b"content-encoding", b"idempotency-key", b"upgrade"})


def plain_fields(headers: list[tuple[bytes, bytes]]) -> Mapping[bytes, bytes] | None:
    """The fields of a head by their names, if nothing about it is out of the ordinary; otherwise None."""
    fields = dict(headers)
    if len(fields) != len(headers) or not fields.keys().isdisjoint(_LONG_WAY):
        return None
    length = declared_length(fields.get(b"content-length", b""))
    return fields if length and length <= LARGEST_BODY else None


def written(response: Response, *, others: Iterable[tuple[bytes, bytes]] = (), closes: bool) -> bytes:
    """An answer as it goes over the wire, with other headers before its own, when no task sends it."""
    lines = [STATUS_LINE[response.status_code]]
    for name, value in (*others, *response.raw_headers):
        lines += (name, b": ", value, b"\r\n")
    lines.append(b"connection: close\r\n\r\n" if closes else b"\r\n")
    lines.append(bytes(response.body))
    return b"".join(lines)


class DirectCycle:
    """One request and its answer, in the place of uvicorn's own, which knows the fields without an underscore."""

    message_event: Final = asyncio.Event()
    """Nobody waits for it."""

    def __init__(self, connection: Connection, endpoint: DirectEndpoint, fields: Mapping[bytes, bytes]) -> None:
        self.body = bytearray()
        self.more_body = True
        self.keep_alive = True
        self.disconnected = False
        self.response_started = False
        self.response_complete = False
        self._connection = connection
        self._endpoint = endpoint
        self._fields = fields

    def begin(self) -> bool:
        """Hand the request over, which has come in completely; False when it has to go by ASGI."""
        self.more_body = False
        return self._endpoint(self._fields, bytes(self.body), self._answer)

    def _answer(self, response: Response) -> None:
        """Send the answer in one piece, and let the connection go on."""
        connection = self._connection
        if not self.disconnected and not connection.transport.is_closing():
            self.response_started = True
            defaults = connection.server_state.default_headers
            connection.transport.write(written(response, others=defaults, closes=not self.keep_alive))
        self.response_complete = True
        if not self.keep_alive:
            connection.transport.close()
        connection.on_response_complete()
