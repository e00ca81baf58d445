"""Requests that wait for the log on one event loop: each goes on once its own commit is settled."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from tallystick.api.durable import Durable
from tallystick.kernel.errors import BillingError
from tallystick.stores.group_commit import unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tallystick.stores.group_commit import Waiter

LIMIT = 10


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(test(), LIMIT)

    asyncio.run(bounded())


def from_a_thread(tell: Callable[[], None]) -> None:
    threading.Thread(target=tell).start()


def test_each_request_gets_the_row_of_its_commit() -> None:
    async def rows() -> None:
        durable = Durable()
        waiters: list[Waiter] = []
        waiting = [asyncio.ensure_future(durable.wait(waiters.append)) for _ in range(500)]
        await asyncio.sleep(0)
        assert all(waiter.set_running_or_notify_cancel() for waiter in waiters)

        def commit() -> None:
            for row, waiter in enumerate(waiters):
                waiter.set_result(row)

        from_a_thread(commit)
        assert await asyncio.gather(*waiting) == list(range(500))

    run(rows)


def test_a_refusal_reaches_only_those_who_waited_for_it() -> None:
    async def refusals() -> None:
        durable = Durable()
        waiters: list[Waiter] = []
        refused, taken, gone = (asyncio.ensure_future(durable.wait(waiters.append)) for _ in range(3))
        await asyncio.sleep(0)
        gone.cancel()
        from_a_thread(lambda: waiters[0].set_exception(unavailable("the disk is full")))
        with pytest.raises(BillingError, match="disk"):
            await refused
        from_a_thread(lambda: waiters[2].set_result(6))
        from_a_thread(lambda: waiters[1].set_result(7))
        assert await taken == 7
        assert gone.cancelled()

    run(refusals)


def test_what_cannot_be_appended_is_refused_at_once() -> None:
    def refuse(_waiter: Waiter) -> None:
        raise unavailable("the server is shutting down")

    async def refused() -> None:
        with pytest.raises(BillingError, match="shutting down"):
            await Durable().wait(refuse)

    run(refused)


def test_a_commit_after_the_loop_has_closed_hinders_nobody() -> None:
    durable = Durable()
    waiters: list[Waiter] = []

    async def left_behind() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(durable.wait(waiters.append), 0.01)

    run(left_behind)
    waiters[0].set_result(1)

    async def later() -> None:
        waiting = asyncio.ensure_future(durable.wait(waiters.append))
        await asyncio.sleep(0)
        from_a_thread(lambda: waiters[-1].set_result(2))
        assert await waiting == 2

    run(later)
