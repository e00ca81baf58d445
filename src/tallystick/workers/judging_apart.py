"""Judging in a process of its own: Python's one lock lets one thread compute at a time, and HTTP needs it here.

The child gets rows of the log as they are on disk, reads the catalogue from the state store itself, and answers rows
for the event store. It keeps nothing: when it dies, or says that it cannot, the round is judged here as ever.
"""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from tallystick.stores.event_log import RawRow
from tallystick.stores.event_store_arrow import Arriving
from tallystick.stores.taken_ids import TakenIds
from tallystick.workers.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.stores.id_run import Keys, Positions

PROGRAM: Final = "tallystick.workers.judge"
READY: Final = b"ready"
"""What the child says first."""

_STOP_SECONDS: Final = 5
_log = logging.getLogger("tallystick.events")


class Rows(msgspec.Struct, frozen=True, tag=True):
    """Rows to begin with."""

    rows: list[RawRow]


class Taken(msgspec.Struct, frozen=True, tag=True):
    """The ids that earlier events took: begin with the rows behind, then judge those begun before."""

    ids: TakenIds
    behind: list[RawRow]


class Begun(msgspec.Struct, frozen=True, tag=True):
    """The keys of the ids in the rows; None, when they order something or use features: that is done by the parent."""

    keys: bytes | None


class Judged(msgspec.Struct, frozen=True, tag=True):
    """The rows for the event store, and the claims of ids; nothing of either, when there were no events."""

    events: memoryview
    facts: memoryview
    series: memoryview
    first_position: int | None
    claimed_keys: memoryview
    claimed_positions: memoryview

    @property
    def arriving(self) -> Arriving | None:
        """The rows for the event store."""
        if self.first_position is None:
            return None
        return Arriving.unpacked(self.events, self.facts, self.series, self.first_position)

    @property
    def claims(self) -> tuple[Keys, Positions]:
        """The keys of the ids that were taken, and at which positions."""
        return np.frombuffer(self.claimed_keys, np.uint64), np.frombuffer(self.claimed_positions, np.int64)


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The child could not; its log says why."""

    reason: str


TO_CHILD: Final = msgspec.msgpack.Decoder(Rows | Taken)
FROM_CHILD: Final = msgspec.msgpack.Decoder(Begun | Judged | Failed)


class ApartError(Exception):
    """The child is not there, or could not: judge here."""


class JudgeApart:
    """The child process, seen from its parent: one thread talks to it."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._is_ready = False
        self._owed = 0
        """Answers that the child has yet to give."""

    def start(self) -> None:
        """Start the child, which is ready some moments later; nothing, when there is one."""
        if self._process is not None:
            return
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this very interpreter, with a module of ours
                [sys.executable, "-m", PROGRAM, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
            self._channel = Channel(ours)
        self._channel.send(self._database_url.encode())  # not as an argument: it may hold a password
        self._is_ready = False
        self._owed = 0

    def stop(self) -> None:
        """Let the child end; it is waited for."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    @property
    def is_ready(self) -> bool:
        """Whether rows can be sent now; a child that has died is started anew."""
        if self._process is None:
            return False
        if self._process.poll() is not None:
            _log.error("the process that judges events has died; it is started anew")
            self.stop()
            self.start()
        if not self._is_ready and self._channel is not None and self._channel.is_waiting():
            self._is_ready = bytes(self._channel.receive()) == READY
        return self._is_ready

    def begin(self, rows: Sequence[RawRow]) -> None:
        """Let the child begin with rows; what it was asked before and has not been heard is dropped.

        Raises:
            ApartError: when it is gone.
        """
        while self._owed:
            self._heard()
        self._send(Rows(list(rows)))

    def keys(self) -> Keys | None:
        """The keys of the ids in the rows that were begun last; None, when they must be judged here.

        Raises:
            ApartError: when the child is gone or could not.
        """
        begun = self._receive()
        assert isinstance(begun, Begun), "that is what answers rows"
        return None if begun.keys is None else np.frombuffer(begun.keys, np.uint64)

    def tell(self, taken: TakenIds, behind: Sequence[RawRow] = ()) -> None:
        """Let the child judge the rows that were begun, now that it is known which ids earlier events took.

        First it begins with the rows behind them, if there are any: `keys` is of those, then `judged` of these.

        Raises:
            ApartError: when it is gone.
        """
        self._send(Taken(taken, list(behind)))
        self._owed += bool(behind)

    def judged(self) -> Judged:
        """The rows that the child was told to judge.

        Raises:
            ApartError: when the child is gone or could not.
        """
        judged = self._receive()
        assert isinstance(judged, Judged), "that is what answers ids"
        return judged

    def _send(self, message: Rows | Taken) -> None:
        if self._channel is None:
            raise ApartError("there is no child")
        try:
            self._channel.send(msgspec.msgpack.encode(message))
        except OSError as gone:
            raise ApartError(str(gone)) from gone
        self._owed += 1

    def _receive(self) -> Begun | Judged:
        message = self._heard()
        if isinstance(message, Failed):
            raise ApartError(message.reason)
        return message

    def _heard(self) -> Begun | Judged | Failed:
        if self._channel is None:
            raise ApartError("there is no child")
        try:
            message: Begun | Judged | Failed = FROM_CHILD.decode(self._channel.receive())
        except OSError as gone:
            raise ApartError("the child is gone") from gone
        self._owed -= 1
        return message
