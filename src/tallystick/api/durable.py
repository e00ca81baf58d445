"""Waiting for durable events on an event loop: one wake-up for all whom a commit settles."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from tallystick.stores.group_commit import Waiter

    Told: TypeAlias = Callable[[int | BaseException], None]
    """Hears on the loop in which row the events are durable, or why they are not."""


class Durable:
    """The requests of one event loop that wait until their events are durable."""

    def __init__(self) -> None:
        self._settled: deque[tuple[Told, int | BaseException]] = deque()
        self._is_woken = False

    async def wait(self, append: Callable[[Waiter], None]) -> int:
        """Have events appended, and wait for their row.

        Raises:
            Exception: what `append` raises, or what the log says of the commit.
        """
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def told(outcome: int | BaseException) -> None:
            if future.done():
                return
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        self.tell(append, told)
        return await future

    def tell(self, append: Callable[[Waiter], None], told: Told) -> None:
        """Have events appended, and somebody told what became of them, in a later turn of the loop.

        Raises:
            Exception: what `append` raises; then nobody is told anything.
        """
        append(_Waiting(self, asyncio.get_running_loop(), told))

    def settle(self, loop: asyncio.AbstractEventLoop, told: Told, outcome: int | BaseException) -> None:
        """Have somebody told on the loop soon; called on the thread that commits, for one request after the other."""
        self._settled.append((told, outcome))
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
            told, outcome = self._settled.popleft()
            told(outcome)


class _Waiting:
    """One request, as the log knows it."""

    __slots__ = ("_durable", "_loop", "_told")

    def __init__(self, durable: Durable, loop: asyncio.AbstractEventLoop, told: Told) -> None:
        self._durable = durable
        self._loop = loop
        self._told = told

    def set_running_or_notify_cancel(self) -> bool:
        """Events are taken even when the client has gone: it will send them again, with the same ids."""
        return True

    def set_result(self, row: int, /) -> None:
        """Let the request go on."""
        self._durable.settle(self._loop, self._told, row)

    def set_exception(self, failure: BaseException, /) -> None:
        """Let the request fail."""
        self._durable.settle(self._loop, self._told, failure)
