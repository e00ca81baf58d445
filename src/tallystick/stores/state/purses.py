"""Purses over the state store: what accounts may use while a round of events is judged, and what becomes of that."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.period import Period, at
from tallystick.metering.purse import Pot, Purses
from tallystick.stores import faults
from tallystick.stores.state.feature_credits import FeatureCredits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from tallystick.credits.feature_credit import FeatureCredit
    from tallystick.metering.purse import EntryKey, PurseKey
    from tallystick.stores.state.database import Database

    GrantsOnDemand: TypeAlias = Callable[[str, Mapping[str, Collection[datetime]]], None]
    """Adds the entries that accounts of an organisation, by id, lack for events of these times."""


class StatePurses:
    """A source of purses; `grants` adds what accounts should have been granted before their events are judged."""

    def __init__(self, database: Database, grants: GrantsOnDemand | None = None) -> None:
        self._database = database
        self._grants = grants

    def open(
        self, organisation: str, events: Mapping[str, Collection[datetime]], ordered: Collection[int], after_row: int
    ) -> Purses:
        """The purses of accounts for events of these times, and what stands of stored events that orders are about."""
        if events and self._grants is not None:
            self._grants(organisation, events)
        with self._database.read() as connection:
            return purses_in(FeatureCredits(connection, organisation, b""), events, ordered, after_row)

    def book(self, organisation: str, purses: Purses) -> bool:
        """Store what was booked; False, when entries have changed since they were read, and all is to be judged anew.

        Raises:
            BillingError: of kind UNAVAILABLE, when the database cannot be written now.
        """
        if not purses.booked:
            return True
        try:
            with self._database.write() as connection:
                FeatureCredits(connection, organisation, b"").book(purses.booked, purses.revisions)
                faults.reach(faults.DEBITS_BEFORE_COMMIT)
        except BillingError as failure:
            if failure.kind is Kind.CONFLICT:
                return False
            raise
        faults.reach(faults.DEBITS_COMMITTED)
        return True


def purses_in(
    ledger: FeatureCredits,
    events: Mapping[str, Collection[datetime]],
    ordered: Collection[int],
    after_row: int | None = None,
) -> Purses:
    """The purses of accounts as they are stored, for events of these times, and what stands of stored events.

    With `after_row`, they are to judge the rows of the log behind it, of which some may have been booked already.
    """
    recorded = [] if after_row is None else ledger.booked_behind(after_row)
    standing = ledger.debits_of(ordered, after_row)
    entries = ledger.entries({debit.entry for debit in (*recorded, *standing)})
    if events:
        entries |= {entry.key: entry for entry in ledger.of(events.keys(), _span(events))}
    return Purses(
        _pots(entries),
        recorded=recorded,
        standing=standing,
        revisions={key: entry.revision for key, entry in entries.items()},
    )


def _span(events: Mapping[str, Collection[datetime]]) -> Period:
    """From the first to the last of the times."""
    ats = list(chain.from_iterable(events.values()))
    return Period(min(ats), at(max(ats)).end)


def _pots(entries: Mapping[EntryKey, FeatureCredit]) -> dict[PurseKey, list[Pot]]:
    """The entries that are not void, by account and feature."""
    pots: dict[PurseKey, list[Pot]] = defaultdict(list)
    for (account_id, feature_id, name), entry in entries.items():
        if not entry.is_voided:
            pots[account_id, feature_id].append(Pot(name, entry.grant.valid, entry.left, entry.is_overage))
    return pots
