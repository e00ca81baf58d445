"""What an account may still use of a feature, and what its events use of it, in the order of the log (domain.md 6.3).

A pot is one entry of feature credits. An event takes all its units or none at all: of the pots that are usable at its
own time, those that end first come first, overage comes last, and several may give for one event.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from tallystick.kernel.quantity import EXACT, ZERO, summed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from tallystick.kernel.period import Period


PurseKey: TypeAlias = tuple[str, str]
"""An account and a feature, by their ids."""

EntryKey: TypeAlias = tuple[str, str, str]
"""An account, a feature and an entry, by their ids."""


@dataclass(frozen=True, slots=True)
class Pot:
    """What is left of one entry, for events that happen within its time; None without a limit."""

    entry_id: str
    valid: Period
    left: Decimal | None
    is_overage: bool


class Part(NamedTuple):
    """How many units one pot gives."""

    entry_id: str
    units: Decimal


class Purse:
    """The pots of one feature of one account; no pot ever falls below zero."""

    __slots__ = ("_left", "_pots")

    def __init__(self, pots: Iterable[Pot] = ()) -> None:
        self._pots = sorted(pots, key=_in_order)
        self._left = {pot.entry_id: pot.left for pot in self._pots}

    def parts(self, units: Decimal, at: datetime) -> tuple[Part, ...] | None:
        """Which pots give so many units to an event of that time; None, when they have less together."""
        found, missing = self.gathered(units, at)
        return None if missing > ZERO else found

    def gathered(self, units: Decimal, at: datetime) -> tuple[tuple[Part, ...], Decimal]:
        """Which pots give how many of so many units to an event of that time, and how many none of them has."""
        found: list[Part] = []
        missing = units
        for pot in self._pots:
            if missing <= ZERO:
                break
            left = self._left[pot.entry_id]
            if pot.valid.contains(at) and left != ZERO:
                given = missing if left is None else min(left, missing)
                found.append(Part(pot.entry_id, given))
                missing = EXACT.subtract(missing, given)
        return tuple(found), missing

    def left(self, at: datetime) -> Decimal:
        """What the pots with a limit have together for an event of that time."""
        usable = (self._left[pot.entry_id] for pot in self._pots if pot.valid.contains(at))
        return summed(left for left in usable if left is not None)

    def put(self, pot: Pot) -> None:
        """Have one more pot from now on."""
        bisect.insort(self._pots, pot, key=_in_order)
        self._left[pot.entry_id] = pot.left

    def change(self, entry_id: str, units: Decimal) -> None:
        """Take from a pot, or put back into it; what came from one that is gone is lost."""
        left = self._left.get(entry_id)
        if left is not None:
            self._left[entry_id] = EXACT.add(left, units)


def _in_order(pot: Pot) -> tuple[bool, datetime, datetime, str]:
    """Earliest end, then earliest start, then id; overage behind all others."""
    return pot.is_overage, pot.valid.end, pot.valid.start, pot.entry_id


class Debit(NamedTuple):
    """What an event used of one entry, or with `is_return` got back.

    `position` is that of the event, `row` that of the log which made it so: the event's own, or that of an order.
    """

    row: int
    position: int
    account_id: str
    feature_id: str
    entry_id: str
    units: Decimal
    is_return: bool = False

    @property
    def purse(self) -> PurseKey:
        """Whose units of which feature."""
        return self.account_id, self.feature_id

    @property
    def entry(self) -> EntryKey:
        """The entry they are of."""
        return self.account_id, self.feature_id, self.entry_id


class Purses:
    """The purses of an organisation while events of a round are judged; `booked` is what is to be stored of that."""

    def __init__(
        self,
        pots: Mapping[PurseKey, Iterable[Pot]],
        *,
        recorded: Iterable[Debit] = (),
        standing: Iterable[Debit] = (),
        revisions: Mapping[EntryKey, int] | None = None,
    ) -> None:
        """Take the pots, `recorded` for rows of the log that were judged before, and are judged again after a crash.

        The pots are already without what was recorded. `standing` was debited for events that may be taken back;
        `revisions` are those of the entries as they were read.
        """
        self._purses = {key: Purse(held) for key, held in pots.items()}
        self._recorded: dict[tuple[int, int], list[Debit]] = defaultdict(list)
        self._returned: set[Debit] = set()
        self._standing: dict[int, list[Debit]] = defaultdict(list)
        for debit in recorded:
            if debit.is_return:
                self._returned.add(debit)
            else:
                self._recorded[debit.row, debit.position].append(debit)
        for debit in standing:
            self._stand(debit)
        self.revisions = {} if revisions is None else revisions
        self.booked: list[Debit] = []

    def offered(
        self, row: int, position: int, purse: PurseKey, units: Decimal, event_at: datetime
    ) -> Sequence[Debit] | None:
        """The debits by which an event can have so many units, None when there are too few.

        What was recorded for the event when it was judged before is offered again, whatever has changed since; what was
        recorded for another one, which stood there in a log that was lost, is not.
        """
        recorded = self._recorded.get((row, position))
        if recorded and recorded[0].purse == purse and _total(recorded) == units:
            return recorded
        parts = self._purse(purse).parts(units, event_at)
        return None if parts is None else [Debit(row, position, *purse, *part) for part in parts]

    def foresee(self, used: Mapping[EntryKey, Decimal]) -> None:
        """Count what would have been used of entries before, or with a minus have come back; nothing is booked."""
        for (account_id, feature_id, entry_id), units in used.items():
            self._purse((account_id, feature_id)).change(entry_id, -units)

    def left(self, purse: PurseKey, event_at: datetime) -> Decimal:
        """How many units there are for events of that time, when there are too few."""
        return self._purse(purse).left(event_at)

    def pay(self, debits: Sequence[Debit]) -> None:
        """Debit what was offered: the event counts."""
        is_recorded = bool(debits) and self._recorded.get(debits[0][:2]) is debits
        if is_recorded:
            del self._recorded[debits[0][:2]]
        for debit in debits:
            self._stand(debit)
            if not is_recorded:
                self._purse(debit.purse).change(debit.entry_id, -debit.units)
                self.booked.append(debit)

    def give_back(self, row: int, position: int) -> None:
        """Reverse the debits that stand of an event, which counts no more."""
        for debit in self._standing.pop(position, ()):
            self._return(debit._replace(row=row, is_return=True))

    def settle(self, through_row: int) -> None:
        """Reverse what was recorded for events of rows up to this one that, judged again, do not count after all."""
        left = [debit for place, debits in self._recorded.items() if place[0] <= through_row for debit in debits]
        for debit in left:
            self._return(debit._replace(is_return=True))

    def _purse(self, key: PurseKey) -> Purse:
        if key not in self._purses:
            self._purses[key] = Purse()
        return self._purses[key]

    def _stand(self, debit: Debit) -> None:
        """Count a debit, or take one away that was returned."""
        held = self._standing[debit.position]
        if debit.is_return:
            held[:] = [one for one in held if one.entry_id != debit.entry_id]
        else:
            held.append(debit)

    def _return(self, debit: Debit) -> None:
        if debit in self._returned:
            return
        self._purse(debit.purse).change(debit.entry_id, debit.units)
        self.booked.append(debit)


def _total(debits: Iterable[Debit]) -> Decimal:
    return summed(debit.units for debit in debits)


class Till(NamedTuple):
    """Where the events of a block pay: event i is at `positions[i]`, and judged by row `rows[i]` of the log."""

    purses: Purses
    rows: Sequence[int]
    positions: Sequence[int]

    def offered(self, ordinal: int, purse: PurseKey, units: Decimal, event_at: datetime) -> Sequence[Debit] | None:
        """As `Purses.offered`, for one of the events."""
        return self.purses.offered(int(self.rows[ordinal]), int(self.positions[ordinal]), purse, units, event_at)


class PurseSource(Protocol):
    """Where the processor gets purses, and has it stored what was booked of them."""

    def open(
        self, organisation: str, events: Mapping[str, Collection[datetime]], ordered: Collection[int], after_row: int
    ) -> Purses:
        """The purses of accounts for events of these times, and what stands of stored events that orders are about.

        What was booked for rows behind `after_row` was booked before a crash, and is not booked again.
        """
        ...

    def book(self, organisation: str, purses: Purses) -> bool:
        """Store what was booked; False, when entries have changed since they were read: all is to be judged anew."""
        ...
