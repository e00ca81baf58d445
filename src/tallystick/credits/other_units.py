"""What an account would have used of a feature, and beyond it, had other units been granted (docs/adr/0040).

What events really used is served once more, in the order of the log, from other entries and by the rules of the purse
(`metering/purse.py`). An event whose units are not all there gets those that are: nobody knows what else would have
been sent.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from tallystick.credits.feature_credit import CreditSource
from tallystick.kernel.quantity import EXACT, ZERO
from tallystick.metering.purse import Part, Pot, Purse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime
    from decimal import Decimal

    from tallystick.credits.feature_credit import FeatureCredit, FeatureGrant
    from tallystick.kernel.period import Period


class UnitsUsed(NamedTuple):
    """How many units the event at a position used, when it happened and when it came in."""

    position: int
    units: Decimal
    event_at: datetime
    received_at: datetime


class _Served(NamedTuple):
    """What an event got, when it happened, and what there was not for it."""

    event_at: datetime
    parts: tuple[Part, ...]
    missing: Decimal


class OtherUnits:
    """The use of one feature by one account, served from entries that it did not have."""

    __slots__ = ("_begins", "_bought", "_cycles", "_given_back", "_purse", "_served", "beyond", "unserved")

    def __init__(
        self,
        granted: Sequence[FeatureGrant],
        kept: Iterable[FeatureCredit] = (),
        *,
        cycles: Sequence[Period] = (),
        given_back: Collection[int] = (),
    ) -> None:
        """Take what would have been granted, and the entries that would have been there all the same.

        `cycles` are those of which `unserved` tells, `given_back` the positions of events that are taken back later.
        """
        self._purse = Purse(Pot(one.id, one.valid, one.granted, _is_overage(one)) for one in granted)
        self._begins = {one.id: one.valid.start for one in granted if _is_overage(one)}
        self._bought: list[FeatureCredit] = []
        for entry in sorted(kept, key=lambda one: one.created_at, reverse=True):
            if entry.grant.source is CreditSource.ENTITLEMENT:
                self._bought.append(entry)
            else:
                self._purse.put(_pot(entry))
        self._cycles = cycles
        self._given_back = given_back
        self._served: dict[int, _Served] = {}
        self.beyond: dict[datetime, Decimal] = defaultdict(lambda: ZERO)
        """The overage by the start of the cycle that allows it."""
        self.unserved = ZERO
        """What would have been refused of that which was used in the cycles."""

    def use(self, used: UnitsUsed) -> None:
        """Serve an event, with what had been bought when it came in."""
        while self._bought and self._bought[-1].created_at <= used.received_at:
            self._purse.put(_pot(self._bought.pop()))
        served = _Served(used.event_at, *self._purse.gathered(used.units, used.event_at))
        self._count(served, 1)
        if used.position in self._given_back:
            self._served[used.position] = served

    def give_back(self, position: int) -> None:
        """Put back what an event got, which counts no more."""
        served = self._served.pop(position, None)
        if served is not None:
            self._count(served, -1)

    def _count(self, served: _Served, sign: int) -> None:
        for entry_id, units in served.parts:
            self._purse.change(entry_id, -sign * units)
            begins = self._begins.get(entry_id)
            if begins is not None:
                self.beyond[begins] = EXACT.add(self.beyond[begins], sign * units)
        if served.missing and any(cycle.contains(served.event_at) for cycle in self._cycles):
            self.unserved = EXACT.add(self.unserved, sign * served.missing)


def _pot(entry: FeatureCredit) -> Pot:
    """An entry as it was before anything was used of it; of one that is void, only what was used of it is sure."""
    grant = entry.grant
    return Pot(grant.id, grant.valid, entry.used if entry.is_voided else grant.granted, _is_overage(grant))


def _is_overage(grant: FeatureGrant) -> bool:
    return grant.source is CreditSource.OVERAGE
