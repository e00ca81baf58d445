"""The ledger of licences: entries that are added and never change, but for their metadata."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from tallystick.accounts.licence import LicenceEntry, UpdateType, in_force
from tallystick.kernel.document import decode, encode
from tallystick.kernel.errors import conflict
from tallystick.kernel.quantity import from_text
from tallystick.stores.state import listing, organisations
from tallystick.stores.state.among import among
from tallystick.stores.state.bill_tables import licence_entry
from tallystick.stores.state.listing import Listing
from tallystick.stores.state.terms import references

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

    from tallystick.kernel.paging import PageRequest

_LISTING: Final = Listing(
    "license_updates",
    licence_entry,
    (("created_at", False), ("id", False)),
    default_size=50,
    largest_size=50,
    bounds={"since": ("effective_from", "from"), "until": ("effective_from", "until")},
)


class Licences:
    """The licences of one organisation, inside one transaction."""

    def __init__(self, connection: Connection, organisation: str, secret: bytes) -> None:
        self._connection = connection
        self._organisation = organisation
        self._secret = secret

    def take_turns(self) -> None:
        """Wait for others who change licences or make invoices: what was read of both holds from then on."""
        organisations.take_turns(self._connection, self._organisation)

    def holder(self, text: str, at: datetime) -> str:
        """The account that a text names at an instant, by its id or an alias; the text itself, when there is none."""
        meant = references(self._connection, self._organisation, [text])
        for reference in meant:
            if reference.account_id == text:
                return text
        return next((reference.account_id for reference in meant if reference.valid.contains(at)), text)

    def add(self, entry: LicenceEntry) -> None:
        """Store a new entry.

        Raises:
            BillingError: of kind CONFLICT, when another one was made under its idempotency key.
        """
        values = {
            "organisation_id": self._organisation,
            "id": entry.id,
            "license_id": entry.license_id,
            "account_id": entry.account_id,
            "account_ref": entry.account_id,
            "type": entry.update_type,
            "quantity": f"{entry.quantity:f}",
            "effective_from": entry.effective_from,
            "booked_at": entry.booked_at,
            "idempotency_key": entry.idempotency_key,
            "metadata": encode(entry.metadata).decode(),
            "created_at": entry.created_at,
        }
        try:
            self._connection.execute(insert(licence_entry).values(values))
        except IntegrityError:
            raise conflict(f"idempotencyKey {entry.idempotency_key!r} was used for another update") from None

    def with_key(self, account_id: str, key: str) -> LicenceEntry | None:
        """The entry of an account that was made under this idempotency key."""
        statement = select(licence_entry).where(
            self._mine, licence_entry.c.account_id == account_id, licence_entry.c.idempotency_key == key
        )
        row = self._connection.execute(statement).mappings().first()
        return None if row is None else _entry(row)

    def of(
        self, account_ids: Collection[str], license_ids: Collection[str]
    ) -> dict[tuple[str, str], list[LicenceEntry]]:
        """The entries of these accounts and licences by (account, licence), in the order in which they are in force."""
        rows = self._connection.execute(
            select(licence_entry).where(
                self._mine,
                among(licence_entry.c.account_id, account_ids),
                among(licence_entry.c.license_id, license_ids),
            )
        ).mappings()
        found: dict[tuple[str, str], list[LicenceEntry]] = defaultdict(list)
        for entry in in_force(map(_entry, rows)):
            found[entry.account_id, entry.license_id].append(entry)
        return found

    def set_metadata(self, entry: LicenceEntry, metadata: dict[str, str]) -> None:
        """Replace the metadata of an entry."""
        self._connection.execute(
            update(licence_entry)
            .where(self._mine, licence_entry.c.id == entry.id)
            .values(metadata=encode(metadata).decode())
        )

    def page(self, request: PageRequest, **filters: str | None) -> tuple[list[LicenceEntry], str | None]:
        """One page of entries, newest first, and the token of the next page."""
        rows, token = listing.page(self._connection, _LISTING, self._organisation, request, filters, self._secret)
        return [_entry(row) for row in rows], token

    @property
    def _mine(self) -> Any:  # noqa: ANN401 - a condition
        return licence_entry.c.organisation_id == self._organisation


def _entry(row: RowMapping) -> LicenceEntry:
    return LicenceEntry(
        id=row["id"],
        license_id=row["license_id"],
        account_id=row["account_id"],
        update_type=UpdateType(row["type"]),
        quantity=from_text(row["quantity"]),
        effective_from=row["effective_from"],
        booked_at=row["booked_at"],
        created_at=row["created_at"],
        idempotency_key=row["idempotency_key"],
        metadata=decode(row["metadata"], dict[str, str]),
    )
