"""An answer leaves in one write: its head waits for its body, and never longer than a turn of the loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tallystick.cli.connection import _Joined

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class Transport:
    """Remembers what was done to it."""

    def __init__(self) -> None:
        self.done: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.done.append(data)

    def close(self) -> None:
        self.done.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.done


def after(act: Callable[[Any], None], *, turns: int = 0) -> list[bytes | str]:
    """What was done to a transport, so many turns of the loop after something was done to the one around it."""

    async def acted() -> list[bytes | str]:
        inner: Any = Transport()
        act(_Joined(inner, asyncio.get_running_loop()))
        for _ in range(turns):
            await asyncio.sleep(0)
        return list(inner.done)

    return asyncio.run(acted())


def test_a_head_leaves_with_its_body() -> None:
    def answer(joined: Any) -> None:  # noqa: ANN401 - a transport
        joined.write(HEAD)
        joined.write(b"{}")

    assert after(answer) == after(answer, turns=2) == [HEAD + b"{}"]


def test_a_head_without_a_body_leaves_in_the_next_turn() -> None:
    assert after(lambda joined: joined.write(HEAD)) == []
    assert after(lambda joined: joined.write(HEAD), turns=1) == [HEAD]


def test_the_pieces_of_a_body_leave_one_by_one() -> None:
    def stream(joined: Any) -> None:  # noqa: ANN401 - a transport
        for piece in (HEAD, b"{", b"}"):
            joined.write(piece)

    assert after(stream, turns=1) == [HEAD + b"{", b"}"]


def test_a_head_leaves_before_the_connection_is_closed() -> None:
    def end(joined: Any) -> None:  # noqa: ANN401 - a transport
        joined.write(HEAD)
        joined.close()
        assert joined.is_closing()

    assert after(end, turns=1) == [HEAD, "closed"]


def test_two_answers_leave_in_order() -> None:
    def answers(joined: Any) -> None:  # noqa: ANN401 - a transport
        for _ in range(2):
            joined.write(HEAD)
            joined.write(b"{}")

    assert after(answers, turns=1) == [HEAD + b"{}", HEAD + b"{}"]
