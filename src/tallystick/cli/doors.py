"""Serving applications at ports: the sockets, and one process that runs several servers and ends them together."""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from tallystick.kernel.errors import BillingError, Kind, Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    Door = Callable[[], Awaitable[Any]]
    """Makes the application of a port; its callers wait in the backlog meanwhile."""

DRAIN_SECONDS: Final = 10
_BACKLOG: Final = 2048


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
    """The servers of one process."""

    def __init__(self) -> None:
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
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
        server = _Server(config)
        self._servers.append(server)
        if not self._is_stopping:
            await server.serve(sockets=[listener])

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


async def _nothing(_scope: object, _receive: object, _send: object) -> None:
    """Stands where the choice of a loop wants an application."""
