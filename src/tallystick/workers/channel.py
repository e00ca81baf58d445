"""Messages between two processes of this machine, some of them of many megabytes, which only the kernel copies."""

from __future__ import annotations

import select
import struct
from typing import TYPE_CHECKING, Final, Self

import numpy as np

if TYPE_CHECKING:
    import socket
    from types import TracebackType

_SIZE: Final = struct.Struct("=Q")


class Channel:
    """One end of a pair of sockets; one thread sends and receives."""

    def __init__(self, end: socket.socket) -> None:
        """Take the socket, which is closed with this."""
        self._socket = end

    def send(self, message: bytes) -> None:
        """Send a message.

        Raises:
            OSError: when nobody will receive it.
        """
        self._socket.sendall(_SIZE.pack(len(message)))
        self._socket.sendall(message)

    def receive(self) -> memoryview:
        """The next message; waits for it.

        Raises:
            OSError: when none will come.
        """
        (size,) = _SIZE.unpack(self._received(_SIZE.size))
        return self._received(size)

    def is_waiting(self, seconds: float = 0) -> bool:
        """Whether a message begins to come in within so many seconds, or none will come any more."""
        return bool(select.select([self._socket], [], [], seconds)[0])

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def __enter__(self) -> Self:
        """Nothing but itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        self.close()

    def _received(self, size: int) -> memoryview:
        """So many bytes, in memory of their own; Python's own connections gather them from many pieces."""
        held = np.empty(size, dtype=np.uint8).data
        place = 0
        while place < size:
            count = self._socket.recv_into(held[place:])
            if not count:
                raise ConnectionResetError("the other side hung up")
            place += count
        return held
