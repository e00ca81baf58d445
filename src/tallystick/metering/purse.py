"""What an account may still use of a feature, and what its events use of it, in the order of the log (domain.md 6.3).

A pot is one entry of feature credits. An event takes all its units or none at all: of the pots that are usable at its
own time, those that end first come first, overage comes last, and several may give for one event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tallystick.kernel.quantity import EXACT, ZERO

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from decimal import Decimal

    from tallystick.kernel.period import Period


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
        return None if missing > ZERO else tuple(found)

    def take(self, parts: Iterable[Part]) -> None:
        """Take what `parts` found."""
        for entry_id, units in parts:
            self._change(entry_id, -units)

    def give_back(self, parts: Iterable[Part]) -> None:
        """Put back what was taken; what came from a pot that is gone is lost."""
        for entry_id, units in parts:
            self._change(entry_id, units)

    def _change(self, entry_id: str, units: Decimal) -> None:
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
