"""Serving applications at ports: the sockets, and one process that runs several servers and ends them together."""

from __future__ import annotations

import asyncio
import ctypes
import signal
import socket
import struct
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from tallystick.cli.connection import Connection
from tallystick.kernel.errors import BillingError, Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    Door = Callable[[], Awaitable[Any]]
    """Makes the application of a port; its callers wait in the backlog meanwhile."""

DRAIN_SECONDS: Final = 8
"""How long requests at hand may take after SIGTERM."""

FIRST_REQUEST_SECONDS: Final = 0.5
"""How long a connection that has just come in may take to ask, after SIGTERM."""

_LOOK_SECONDS: Final = 0.01
REQUEST_SECONDS: Final = 60
"""In which a request must have come in completely: 8 MB at a little more than a megabit per second."""

_LOOKS_PER_LIMIT: Final = 10
_BACKLOG: Final = 2048
_ATTACH_FILTER: Final = 26
"""Linux's SO_ATTACH_FILTER, for which Python has no name."""
_DROP_ALL: Final = struct.pack("HBBI", 0x06, 0, 0, 0)
"""A program of Berkeley's packet filter: return 0, so that nothing of any packet is kept."""


@contextmanager
def listening(host: str, port: int, option: str) -> Iterator[socket.socket]:
    """A socket that listens; `option` is what chooses its port.

    Raises:
        BillingError: of kind UNAVAILABLE, when the address is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as failure:
            reason = f"cannot listen on {host}:{port} ({failure.strerror}): choose another {option}"
            raise BillingError(Kind.UNAVAILABLE, "address_in_use", Problem("", reason)) from None
        listener.listen(_BACKLOG)
        yield listener


def address(host: str, listener: socket.socket) -> str:
    """Where a socket is reached over HTTP."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"


class Doors:
    """The servers of one process; a connection whose request does not come in within `request_seconds` is ended."""

    def __init__(self, request_seconds: float = REQUEST_SECONDS) -> None:
        self._request_seconds = request_seconds
        self._servers: list[_Server] = []
        self._is_stopping = False

    def run(self, doors: list[tuple[Door, socket.socket]]) -> None:
        """Serve until SIGTERM or SIGINT, then let what is at hand finish; ends quietly, since that is no failure."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._stop) for number in numbers}
        try:
            with asyncio.Runner(loop_factory=uvicorn.Config(_nothing, log_config=None).get_loop_factory()) as runner:
                runner.run(self._serve_all(doors))
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def _serve_all(self, doors: list[tuple[Door, socket.socket]]) -> None:
        await asyncio.gather(*(self._serve(door, listener) for door, listener in doors))

    async def _serve(self, door: Door, listener: socket.socket) -> None:
        config = uvicorn.Config(
            await door(),
            http=Connection,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
        server = _Server(config)
        self._servers.append(server)
        if not self._is_stopping:
            looking = asyncio.create_task(self._end_slow(server))
            try:
                await server.serve(sockets=[listener])
            finally:
                looking.cancel()

    async def _end_slow(self, server: _Server) -> None:
        while True:
            await asyncio.sleep(self._request_seconds / _LOOKS_PER_LIMIT)
            for connection in list(server.server_state.connections):
                assert isinstance(connection, Connection), "the configuration names no other"
                connection.end_if_slow(self._request_seconds)

    def _stop(self, number: int, _frame: object) -> None:
        self._is_stopping = True
        for server in self._servers:
            server.handle_exit(number, None)


class _Server(uvicorn.Server):
    """One of several servers: signals come by way of the one who runs them all."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let in whoever the kernel has connected, let them ask, then end as uvicorn does it.

        Closing a listener alone would reset those connections, whose callers could not know what became of them.
        """
        connected = [connection for listener in sockets or () for connection in _last_connected(listener)]
        loop = asyncio.get_running_loop()
        for connection in connected:
            await loop.connect_accepted_socket(self._new_protocol, connection)
        patience = loop.time() + FIRST_REQUEST_SECONDS
        while loop.time() < patience and any(map(_is_expected, self.server_state.connections)):  # noqa: ASYNC110 - uvicorn has none
            await asyncio.sleep(_LOOK_SECONDS)
        await super().shutdown(sockets)

    def _new_protocol(self) -> Any:  # noqa: ANN401 - asyncio's protocol of uvicorn's choice
        protocol: Any = self.config.http_protocol_class
        return protocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


def _last_connected(listener: socket.socket) -> Iterator[socket.socket]:
    """The connections that wait in the backlog; afterwards there are no new ones."""
    _let_nobody_in(listener)
    with suppress(OSError):
        while True:
            yield listener.accept()[0]
    with suppress(OSError):  # where only connections can be shut down, closing has to do
        listener.shutdown(socket.SHUT_RD)


def _let_nobody_in(listener: socket.socket) -> None:
    """Have the kernel drop whatever comes to a listener from now on, where it can.

    Who connects between the last look into the backlog and its end would be let in and then reset; so they try again,
    and are refused.
    """
    if sys.platform == "linux":
        program = ctypes.create_string_buffer(_DROP_ALL)
        with suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))


def _is_expected(connection: Any) -> bool:  # noqa: ANN401 - uvicorn's protocol
    """Whether a connection is new, so that its first request is on its way."""
    return getattr(connection, "cycle", None) is None


async def _nothing(_scope: object, _receive: object, _send: object) -> None:
    """Stands where the choice of a loop wants an application."""
