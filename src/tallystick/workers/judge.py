"""The program of the process that judges events: `python -m tallystick.workers.judge <file descriptor>`."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.kernel import quantity
from tallystick.stores.event_store_arrow import Arriving
from tallystick.stores.memory import give_back
from tallystick.stores.state.catalogues import StateCatalogues
from tallystick.stores.state.database import Database
from tallystick.workers.channel import Channel
from tallystick.workers.judging import Round, claims_of
from tallystick.workers.judging_apart import READY, TO_CHILD, Begun, Failed, Judged, Rows
from tallystick.workers.orders import NO_ORDERS
from tallystick.workers.program import collecting_rarely, log_warnings

if TYPE_CHECKING:
    from tallystick.metering.catalogue import CatalogueSource
    from tallystick.workers.judging_apart import Taken

PAUSE_SECONDS: Final = 0.1
"""How long no rows come until what the last ones took is given back: under load they come sooner, and take it again."""

_NOTHING: Final = memoryview(b"")
_log = logging.getLogger("tallystick.events")


def main() -> None:
    """Judge what the parent sends until it hangs up, as it does when it ends, however it ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent decides, and lets what is at hand finish
    log_warnings()
    quantity.install()
    with Channel(socket.socket(fileno=int(sys.argv[1]))) as parent:
        database = Database(str(parent.receive(), "utf-8"))
        try:
            with collecting_rarely():
                parent.send(READY)
                _answer(parent, Judge(StateCatalogues(database)))
        except OSError:
            pass  # the parent has gone
        finally:
            database.close()


def _answer(parent: Channel, judge: Judge) -> None:
    """Answer the parent for ever, holding nothing meanwhile but the rows that were begun; a pause ends a burst."""
    while True:
        parent.send(_answered(judge, parent.receive()))
        if not parent.is_waiting(PAUSE_SECONDS):
            give_back()


def _answered(judge: Judge, sent: memoryview) -> bytes:
    message = TO_CHILD.decode(sent)
    try:
        answer: Begun | Judged | Failed = judge.begin(message) if isinstance(message, Rows) else judge.judge(message)
    except Exception as failure:  # noqa: BLE001 - the parent judges these rows itself, and fails where it can be seen
        _log.exception("rows cannot be judged apart")
        answer = Failed(str(failure) or type(failure).__name__)
    return msgspec.msgpack.encode(answer)


class Judge:
    """Judges one round after the other."""

    def __init__(self, catalogues: CatalogueSource) -> None:
        self._catalogues = catalogues
        self._round: Round | None = None

    def begin(self, message: Rows) -> Begun:
        """Read rows, and tell the keys of their ids."""
        rows = [row.unpacked() for row in message.rows]
        if any(columns.orders for row in rows for columns in row.blocks):
            self._round = None
            return Begun(None)
        begun = Round(rows, self._catalogues, NO_ORDERS)
        self._round = None if begun.uses_features else begun  # what they use is stored with the state, by the parent
        return Begun(None if self._round is None else self._round.keys.tobytes())

    def judge(self, message: Taken) -> Judged:
        """Judge the rows that were begun, and begin with those behind."""
        assert self._round is not None, "the parent began a round that could be judged here"
        blocks = self._round.judged(message.ids)
        self._round = None
        arriving = Arriving.of(blocks)
        keys, positions = claims_of(blocks)
        events, facts, series = (_NOTHING, _NOTHING, _NOTHING) if arriving is None else arriving.packed()
        return Judged(
            events,
            facts,
            series,
            None if arriving is None else arriving.first_position,
            memoryview(keys.tobytes()),
            memoryview(positions.tobytes()),
            self.begin(Rows(message.behind)) if message.behind else None,
        )


if __name__ == "__main__":
    main()
