"""What becomes of connections while a server stops: those in the backlog are served, later ones are not let in."""

from __future__ import annotations

import socket
import struct
import sys
from contextlib import closing

import pytest

from tallystick.cli import doors

SOON = 0.3


def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def connect(to: socket.socket) -> socket.socket:
    return socket.create_connection(to.getsockname(), timeout=SOON)


def test_who_waits_in_the_backlog_is_let_in_and_can_ask() -> None:
    with closing(listener()) as waiting, connect(waiting) as first, connect(waiting) as second:
        served = list(doors._last_connected(_unblocked(waiting)))
        assert len(served) == 2
        for caller, connection in zip((first, second), served, strict=True):
            caller.sendall(b"asked")
            assert connection.recv(5) == b"asked"
            connection.close()


def _unblocked(opened: socket.socket) -> socket.socket:
    opened.setblocking(False)
    return opened


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels know no packet filter of a socket")
def test_nobody_is_let_in_between_the_last_look_and_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(_unblocked(listener())) as opened:
        doors._let_nobody_in(opened)
        with pytest.raises(TimeoutError):
            connect(opened)
    monkeypatch.setattr(doors, "_DROP_ALL", struct.pack("HBBI", 0x06, 0, 0, 0xFFFFFFFF))  # keeps all
    with closing(_unblocked(listener())) as opened:
        doors._let_nobody_in(opened)
        connect(opened).close()
