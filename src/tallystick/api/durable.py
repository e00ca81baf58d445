"""Waiting for durable events on an event loop: one wake-up for all whom a commit settles."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from tallystick.stores.group_commit import Waiter

    Settle: TypeAlias = Callable[[], None]


class Durable:
    """The requests of one event loop that wait until their events are durable."""

    def __init__(self) -> None:
        self._settled: deque[Settle] = deque()
        self._is_woken = False

    async def wait(self, append: Callable[[Waiter], None]) -> int:
        """Have events appended, and wait for their row.

        Raises:
            Exception: what `append` raises, or what the log says of the commit.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[int] = loop.create_future()
        append(_Waiting(self, loop, future))
        return await future

    def settle(self, loop: asyncio.AbstractEventLoop, settle: Settle) -> None:
        """Have this done on the loop soon; called on the thread that commits, for one request after the other."""
        self._settled.append(settle)
        if self._is_woken:
            return
        self._is_woken = True
        try:
            loop.call_soon_threadsafe(self._settle_all)
        except RuntimeError:  # the loop is closed, so nobody waits any more
            self._is_woken = False

    def _settle_all(self) -> None:
        self._is_woken = False  # before the first is taken, so that what comes now is either taken here or wakes again
        while self._settled:
            self._settled.popleft()()


class _Waiting:
    """One request, as the log knows it."""

    __slots__ = ("_durable", "_future", "_loop")

    def __init__(self, durable: Durable, loop: asyncio.AbstractEventLoop, future: asyncio.Future[int]) -> None:
        self._durable = durable
        self._loop = loop
        self._future = future

    def set_running_or_notify_cancel(self) -> bool:
        """Events are taken even when the client has gone: it will send them again, with the same ids."""
        return True

    def set_result(self, row: int, /) -> None:
        """Let the request go on."""
        self._durable.settle(self._loop, lambda: None if self._future.done() else self._future.set_result(row))

    def set_exception(self, failure: BaseException, /) -> None:
        """Let the request fail."""
        self._durable.settle(self._loop, lambda: None if self._future.done() else self._future.set_exception(failure))
