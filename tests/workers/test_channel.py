"""Messages come through as they were sent, whatever their size, or it is said that none will come."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tallystick.workers.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    one, other = map(Channel, socket.socketpair())
    with one, other:
        yield one, other


def test_messages_come_in_order_also_those_that_no_buffer_of_the_system_holds(ends: tuple[Channel, Channel]) -> None:
    one, other = ends
    sent = [b"", b"a", os.urandom(5_000_000), b"z"]
    sender = threading.Thread(target=lambda: [one.send(message) for message in sent])
    sender.start()
    assert [bytes(other.receive()) for _ in sent] == sent
    sender.join()


def test_it_is_known_whether_a_message_waits(ends: tuple[Channel, Channel]) -> None:
    one, other = ends
    assert not other.is_waiting()
    one.send(b"a")
    assert other.is_waiting(10)


def test_whoever_waits_hears_that_the_other_side_hung_up(ends: tuple[Channel, Channel]) -> None:
    one, other = ends
    one.close()
    assert other.is_waiting()
    with pytest.raises(ConnectionResetError, match="hung up"):
        other.receive()


def test_a_message_that_was_cut_off_is_none() -> None:
    raw, end = socket.socketpair()
    with Channel(end) as other:
        raw.sendall((100).to_bytes(8, "little") + b"half")
        raw.close()
        with pytest.raises(OSError, match="hung up"):
            other.receive()
