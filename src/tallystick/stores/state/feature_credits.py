"""The ledger of feature credits: entries that accounts were granted, and the debits that events make of them.

What an entry has left is what was granted minus what was used, and the database refuses less than nothing. Every change
of an entry moves its revision; whoever has judged by an earlier one is told, and judges anew.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from tallystick.credits.feature_credit import CreditSource, EntryStatus, FeatureCredit, FeatureGrant
from tallystick.kernel.errors import conflict, not_found
from tallystick.kernel.period import Period
from tallystick.kernel.quantity import EXACT, ZERO
from tallystick.metering.purse import Debit
from tallystick.stores.state import listing
from tallystick.stores.state.among import among
from tallystick.stores.state.feature_credit_tables import feature_credit, feature_debit
from tallystick.stores.state.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime
    from decimal import Decimal

    from sqlalchemy import Connection, Row, RowMapping, Select

    from tallystick.kernel.paging import PageRequest
    from tallystick.metering.purse import EntryKey

_LISTING: Final = Listing(
    "feature_credit_entries",
    feature_credit,
    (("effective_from", False), ("id", True)),
    default_size=50,
    largest_size=50,
)
_DEBIT: Final = "DEBIT"
_RETURN: Final = "RETURN"
_AT_ONCE: Final = 5_000
"""Keys in one statement."""


class FeatureCredits:
    """The feature credits of one organisation, inside one transaction."""

    def __init__(self, connection: Connection, organisation: str, secret: bytes) -> None:
        self._connection = connection
        self._organisation = organisation
        self._secret = secret

    def add(self, grants: Collection[FeatureGrant], now: datetime) -> None:
        """Store new entries; those that the account's feature has under their id already stay as they are."""
        rows = [
            {
                "organisation_id": self._organisation,
                "account_id": grant.account_id,
                "feature_id": grant.feature_id,
                "id": grant.id,
                "source": grant.source,
                "status": EntryStatus.ACTIVE,
                "granted": grant.granted,
                "used": ZERO,
                "effective_from": grant.valid.start,
                "effective_until": grant.valid.end,
                "revision": 0,
                "created_at": now,
                "updated_at": now,
            }
            for grant in grants
        ]
        if rows:
            is_sqlite = self._connection.dialect.name == "sqlite"
            adding = sqlite.insert(feature_credit) if is_sqlite else postgresql.insert(feature_credit)
            self._connection.execute(adding.on_conflict_do_nothing(), rows)

    def get(self, account_id: str, feature_id: str, name: str) -> FeatureCredit:
        """The entry of that id, which nobody else changes until a transaction that writes ends.

        Raises:
            BillingError: of kind NOT_FOUND.
        """
        statement = select(feature_credit).where(
            self._mine,
            feature_credit.c.account_id == account_id,
            feature_credit.c.feature_id == feature_id,
            feature_credit.c.id == name,
        )
        row = self._connection.execute(statement.with_for_update()).mappings().first()
        if row is None:
            raise not_found("feature credit entry", name)
        return _entry(row)

    def page(self, request: PageRequest, account_id: str, feature_id: str) -> tuple[list[FeatureCredit], str | None]:
        """One page of the entries of an account's feature, the latest to begin first, and the next page's token."""
        filters = {"account_id": account_id, "feature_id": feature_id}
        rows, token = listing.page(self._connection, _LISTING, self._organisation, request, filters, self._secret)
        return [_entry(row) for row in rows], token

    def of(self, account_ids: Collection[str], within: Period, feature_id: str | None = None) -> list[FeatureCredit]:
        """The entries of accounts that are not void and whose time shares an instant with a span, by feature and id."""
        conditions = [
            self._mine,
            among(feature_credit.c.account_id, account_ids),
            feature_credit.c.status == EntryStatus.ACTIVE,
            feature_credit.c.effective_from < within.end,
            feature_credit.c.effective_until > within.start,
        ]
        if feature_id is not None:
            conditions.append(feature_credit.c.feature_id == feature_id)
        order = (feature_credit.c.account_id, feature_credit.c.feature_id, feature_credit.c.id)
        rows = self._connection.execute(select(feature_credit).where(*conditions).order_by(*order)).mappings()
        return [_entry(row) for row in rows]

    def overage_of(self, account_ids: Collection[str], within: Period) -> list[FeatureCredit]:
        """The entries for overage of accounts that begin in a span, whatever their status."""
        statement = select(feature_credit).where(
            self._mine,
            among(feature_credit.c.account_id, account_ids),
            feature_credit.c.source == CreditSource.OVERAGE,
            feature_credit.c.effective_from >= within.start,
            feature_credit.c.effective_from < within.end,
        )
        return [_entry(row) for row in self._connection.execute(statement).mappings()]

    def all_of(self, account_ids: Collection[str], feature_ids: Collection[str]) -> list[FeatureCredit]:
        """Every entry that accounts were granted of some features, whatever its status and time."""
        statement = select(feature_credit).where(
            self._mine,
            among(feature_credit.c.account_id, account_ids),
            among(feature_credit.c.feature_id, feature_ids),
        )
        return [_entry(row) for row in self._connection.execute(statement).mappings()]

    def bought_with(self, account_id: str, purchase_id: str) -> list[FeatureCredit]:
        """The entries that a purchase has granted to an account, in their order, whatever their status."""
        statement = select(feature_credit).where(
            self._mine,
            feature_credit.c.account_id == account_id,
            feature_credit.c.source == CreditSource.ENTITLEMENT,
            feature_credit.c.id.startswith(f"{purchase_id}#", autoescape=True),
        )
        found = [_entry(row) for row in self._connection.execute(statement).mappings()]
        return sorted(found, key=lambda entry: (len(entry.grant.id), entry.grant.id))

    def change(self, before: FeatureCredit, now: datetime, **changes: object) -> FeatureCredit:
        """Change what an entry grants, until when, or its status.

        Raises:
            BillingError: of kind CONFLICT, when it is not as it was before any more.
        """
        self._move(before.key, before.revision, updated_at=now, **changes)
        return self.get(*before.key)

    def book(self, debits: Collection[Debit], revisions: Mapping[EntryKey, int]) -> None:
        """Store what events used of entries and got back; `revisions` are those of the entries as they were read.

        Raises:
            BillingError: of kind CONFLICT, when one of the entries was changed since, of kind NOT_FOUND, when there is
                none; nothing may be kept then.
        """
        changes: dict[EntryKey, Decimal] = defaultdict(lambda: ZERO)
        for debit in debits:
            changes[debit.entry] = EXACT.add(changes[debit.entry], -debit.units if debit.is_return else debit.units)
        entries = self.entries(changes)
        for key, units in changes.items():
            if key not in entries:
                raise not_found("feature credit entry", key[2])
            self._move(key, revisions[key], used=EXACT.add(entries[key].used, units))
        self._connection.execute(insert(feature_debit), [self._fact(debit) for debit in debits])

    def booked_behind(self, row: int) -> list[Debit]:
        """What was booked for rows of the log behind this one."""
        return self._debits(feature_debit.c.log_row > row)

    def debits_of(self, positions: Collection[int], through_row: int | None = None) -> list[Debit]:
        """What was booked for events, by all rows of the log or by those up to one."""
        asked = sorted(positions)
        before = [] if through_row is None else [feature_debit.c.log_row <= through_row]
        return [
            debit
            for first in range(0, len(asked), _AT_ONCE)
            for debit in self._debits(feature_debit.c.position.in_(asked[first : first + _AT_ONCE]), *before)
        ]

    def history(self, account_ids: Collection[str], feature_ids: Collection[str]) -> Iterator[Debit]:
        """Everything that was booked for accounts and features, in the order of the log; read as it is asked for."""
        statement = _booked(
            self._organisation,
            among(feature_debit.c.account_id, account_ids),
            among(feature_debit.c.feature_id, feature_ids),
        )
        return map(_debit, self._connection.execute(statement.execution_options(yield_per=_AT_ONCE)))

    def given_back(self, account_ids: Collection[str], feature_ids: Collection[str]) -> set[int]:
        """The positions of the events of accounts that got units of features back."""
        statement = select(feature_debit.c.position).where(
            feature_debit.c.organisation_id == self._organisation,
            feature_debit.c.kind == _RETURN,
            among(feature_debit.c.account_id, account_ids),
            among(feature_debit.c.feature_id, feature_ids),
        )
        return set(self._connection.scalars(statement))

    def entries(self, keys: Iterable[EntryKey]) -> dict[EntryKey, FeatureCredit]:
        """The entries of these (account id, feature id, entry id), whatever their status."""
        asked = sorted(set(keys))
        key = tuple_(feature_credit.c.account_id, feature_credit.c.feature_id, feature_credit.c.id)
        found: dict[EntryKey, FeatureCredit] = {}
        for first in range(0, len(asked), _AT_ONCE):
            chosen = select(feature_credit).where(self._mine, key.in_(asked[first : first + _AT_ONCE]))
            for row in self._connection.execute(chosen).mappings():
                entry = _entry(row)
                found[entry.key] = entry
        return found

    @property
    def _mine(self) -> Any:  # noqa: ANN401 - a condition
        return feature_credit.c.organisation_id == self._organisation

    def _move(self, key: EntryKey, revision: int, **changes: object) -> None:
        """Change an entry that still is as it was.

        Raises:
            BillingError: of kind CONFLICT, when it is not.
        """
        account_id, feature_id, name = key
        changed = self._connection.execute(
            update(feature_credit)
            .where(
                self._mine,
                feature_credit.c.account_id == account_id,
                feature_credit.c.feature_id == feature_id,
                feature_credit.c.id == name,
                feature_credit.c.revision == revision,
            )
            .values(revision=revision + 1, **changes)
        )
        if not changed.rowcount:
            raise conflict(f"feature credit entry {name!r} was changed meanwhile: try again")

    def _debits(self, *conditions: Any) -> list[Debit]:  # noqa: ANN401 - conditions
        return [_debit(row) for row in self._connection.execute(_booked(self._organisation, *conditions))]

    def _fact(self, debit: Debit) -> dict[str, object]:
        return {
            "organisation_id": self._organisation,
            "log_row": debit.row,
            "position": debit.position,
            "kind": _RETURN if debit.is_return else _DEBIT,
            "account_id": debit.account_id,
            "feature_id": debit.feature_id,
            "entry_id": debit.entry_id,
            "units": debit.units,
        }


def _booked(organisation: str, *conditions: Any) -> Select[Any]:  # noqa: ANN401 - conditions
    """What an organisation has booked under some conditions, in the order of the log."""
    mine = feature_debit.c.organisation_id == organisation
    order = (feature_debit.c.log_row, feature_debit.c.position, feature_debit.c.kind, feature_debit.c.entry_id)
    return select(feature_debit).where(mine, *conditions).order_by(*order)


def _debit(row: Row[Any]) -> Debit:
    return Debit(
        row=row.log_row,
        position=row.position,
        account_id=row.account_id,
        feature_id=row.feature_id,
        entry_id=row.entry_id,
        units=row.units,
        is_return=row.kind == _RETURN,
    )


def _entry(row: RowMapping) -> FeatureCredit:
    return FeatureCredit(
        grant=FeatureGrant(
            id=row["id"],
            account_id=row["account_id"],
            feature_id=row["feature_id"],
            source=CreditSource(row["source"]),
            granted=row["granted"],
            valid=Period(row["effective_from"], row["effective_until"]),
        ),
        used=row["used"],
        is_voided=row["status"] == EntryStatus.VOIDED,
        revision=row["revision"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
