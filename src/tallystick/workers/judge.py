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
from tallystick.workers.judging_apart import READY, TO_CHILD, Begun, Failed, Judged, Rows, Taken
from tallystick.workers.orders import NO_ORDERS
from tallystick.workers.program import collecting_rarely, log_warnings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tallystick.metering.catalogue import CatalogueSource
    from tallystick.stores.event_log import RawRow
    from tallystick.stores.taken_ids import TakenIds

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
        _answer_one(parent, judge, parent.receive())
        if not parent.is_waiting(PAUSE_SECONDS):
            give_back()


def _answer_one(parent: Channel, judge: Judge, sent: memoryview) -> None:
    """Answer first for the rows to begin with, then for those to judge, which were begun before."""
    message = TO_CHILD.decode(sent)
    at_hand = judge.begun
    rows = message.rows if isinstance(message, Rows) else message.behind
    if rows:
        parent.send(_tried(lambda: judge.begin(rows)))
    if isinstance(message, Taken):
        taken = message.ids
        parent.send(_tried(lambda: judge.judge(at_hand, taken)))


def _tried(work: Callable[[], Begun | Judged]) -> bytes:
    try:
        answer: Begun | Judged | Failed = work()
    except Exception as failure:  # noqa: BLE001 - the parent judges these rows itself, and fails where it can be seen
        _log.exception("rows cannot be judged apart")
        answer = Failed(str(failure) or type(failure).__name__)
    return msgspec.msgpack.encode(answer)


class Judge:
    """Judges one round after the other."""

    def __init__(self, catalogues: CatalogueSource) -> None:
        self._catalogues = catalogues
        self.begun: Round | None = None
        """What was begun last, if it can be judged here."""

    def begin(self, packed: Sequence[RawRow]) -> Begun:
        """Read rows, and tell the keys of their ids."""
        self.begun = None
        rows = [row.unpacked() for row in packed]
        if any(columns.orders for row in rows for columns in row.blocks):
            return Begun(None)
        begun = Round(rows, self._catalogues, NO_ORDERS)
        if begun.uses_features:  # what they use is stored with the state, by the parent
            return Begun(None)
        self.begun = begun
        return Begun(begun.keys.tobytes())

    def judge(self, at_hand: Round | None, taken: TakenIds) -> Judged:
        """Judge rows that were begun."""
        assert at_hand is not None, "the parent began a round that could be judged here"
        blocks = at_hand.judged(taken)
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
        )


if __name__ == "__main__":
    main()
