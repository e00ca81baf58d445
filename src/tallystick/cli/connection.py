"""One connection, with limits to what it may send and how long it may take: uvicorn itself has neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tallystick.api.errors import message_response
from tallystick.cli.direct import DirectCycle, plain_fields, written

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from starlette.types import Receive, Scope, Send

    from tallystick.api.direct import DirectEndpoint

LARGEST_HEAD: Final = 64 * 1024
"""Bytes of a request's first line and headers together."""

_HEAD: Final = b"HTTP/1.1 "
_HEAD_END: Final = b"\r\n\r\n"
_TOO_LARGE: Final = 431
_TOO_SLOW: Final = 408
_MALFORMED: Final = 400
_SAID: Final = f"the first line and the headers are larger than {LARGEST_HEAD // 1024} kB together"


class _Joined:
    """A transport that sends the head of an answer together with its body: each write of its own is a system call."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a transport has
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send this, or, when it is a head, with what comes next, at the latest in the next turn of the loop."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_HEAD) and data.endswith(_HEAD_END):
            self._head = data
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def close(self) -> None:
        """Send what there is, and hang up."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            self.write(b"")


class Connection(HttpToolsProtocol):
    """A connection that says since when a request is coming in, and refuses one whose head is too large."""

    coming_since: float | None = None
    """When the request began that has not come in completely, or when the caller came in; None between requests."""

    _ending_since: float | None = None
    _head_size = 0
    _in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(_Joined(transport, self.loop))  # type: ignore[arg-type]
        self._direct: dict[bytes, DirectEndpoint] = getattr(self.app, "direct", {})
        self.coming_since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Read on, unless the head becomes too large."""
        if self._in_head:
            self._head_size += len(data)
        if self.coming_since is None:
            self.coming_since = self.loop.time()
        super().data_received(data)
        if self._in_head and self._head_size > LARGEST_HEAD and not self.transport.is_closing():
            self._refuse(_TOO_LARGE, _SAID)

    def on_headers_complete(self) -> None:
        """Hand the request over; one that came in few large pieces is only now known to have too large a head."""
        self._in_head = False
        if self._head_size > LARGEST_HEAD and _size(self.url, self.headers) > LARGEST_HEAD:
            self.app = _head_too_large
        self._head_size = 0
        if self.url in self._direct and self._is_plain():
            fields = plain_fields(self.headers)
            if fields is not None:
                self.cycle = DirectCycle(self, self._direct[self.url], fields)  # type: ignore[assignment]
                return
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request has come in."""
        cycle: Any = self.cycle
        if not isinstance(cycle, DirectCycle):
            super().on_message_complete()
        elif not cycle.begin():
            self._serve_commonly(cycle)
            super().on_message_complete()
        self.coming_since = None
        self._in_head = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the application see that a request has not come in completely."""
        cycle: Any = self.cycle
        if isinstance(cycle, DirectCycle) and cycle.more_body:
            self._serve_commonly(cycle)
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the way in which everything is refused."""
        self._refuse(_MALFORMED, msg)

    def end_if_slow(self, seconds: float) -> None:
        """End the connection when its request takes longer than that to come in, or its caller to read the last answer.

        Requests that wait for an answer to an earlier one on the same connection are not held against the caller.
        """
        now = self.loop.time()
        if self.transport.is_closing():
            self._ending_since = self._ending_since or now
            if now - self._ending_since > seconds:
                self.transport.abort()
        elif self.coming_since is not None and not self.pipeline and now - self.coming_since > seconds:
            self._refuse(_TOO_SLOW, f"the request has not come in completely within {seconds:g} seconds")

    def _is_plain(self) -> bool:
        """Whether a POST comes alone, over a connection that stays open and whose other side reads its answers."""
        before: RequestResponseCycle | None = self.cycle
        return (
            (before is None or before.response_complete)
            and self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
            and self.app is not _head_too_large
            and not self.flow.write_paused
        )

    def _serve_commonly(self, cycle: DirectCycle) -> None:
        """Let a request go by ASGI after all, with what has come in of its body."""
        self.cycle = None  # type: ignore[assignment]
        super().on_headers_complete()
        super().on_body(bytes(cycle.body))

    def _refuse(self, status: int, message: str) -> None:
        """Answer, unless that could be taken for the answer to another request, and hang up."""
        last: RequestResponseCycle | None = self.cycle
        if last is None or (last.response_complete if self._in_head else not last.response_started):
            self.transport.write(written(message_response(status, message), closes=True))
        self.transport.close()


def _size(url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> int:
    return len(url) + sum(len(name) + len(value) + len(b": \r\n") for name, value in headers)


async def _head_too_large(scope: Scope, receive: Receive, send: Send) -> None:
    await message_response(_TOO_LARGE, _SAID, {"Connection": "close"})(scope, receive, send)
