"""Documents of one organisation in one table: one class is the domain value, the stored JSON and the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from tallystick.kernel.document import Document, decode, encode
from tallystick.kernel.errors import BillingError, conflict, not_found
from tallystick.stores.state import listing
from tallystick.stores.state.among import among
from tallystick.stores.state.database import WRITES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping, Select

    from tallystick.kernel.paging import PageRequest
    from tallystick.stores.state.listing import Listing

D = TypeVar("D", bound=Document)


@dataclass(frozen=True, slots=True)
class Shelf(Generic[D]):
    """How documents of one noun are kept: where, as what, and which fields stand in columns too."""

    noun: str
    kind: type[D]
    listing: Listing
    columns: tuple[str, ...]
    key: str = "id"
    unique: str | None = None
    """The field that no two may share beside the key, for documents whose key is minted."""

    @property
    def table(self) -> Table:
        """The table of these documents."""
        return self.listing.table


class Documents(Generic[D]):
    """The documents of one noun and one organisation, inside one transaction."""

    def __init__(self, connection: Connection, organisation: str, secret: bytes, shelf: Shelf[D]) -> None:
        self._connection = connection
        self._organisation = organisation
        self._secret = secret
        self._shelf = shelf
        self._table = shelf.table

    def find(self, name: str) -> D | None:
        """The document of that id, or None."""
        statement = select(self._table.c.body).where(*self._mine(), self._table.c.id == name)
        body = self._connection.execute(self._kept(statement)).scalar_one_or_none()
        return None if body is None else decode(body, self._shelf.kind)

    def get(self, name: str) -> D:
        """The document of that id.

        Raises:
            BillingError: of kind NOT_FOUND.
        """
        found = self.find(name)
        if found is None:
            raise not_found(self._shelf.noun, name)
        return found

    def add(self, document: D, now: datetime) -> None:
        """Store a new document.

        Raises:
            BillingError: of kind CONFLICT, when its id or another unique field is taken.
        """
        values = self._values(document) | {"created_at": now, "updated_at": now}
        try:
            self._connection.execute(insert(self._table).values(values))
        except IntegrityError:
            raise self._taken(document) from None

    def replace(self, document: D, now: datetime) -> None:
        """Store a document in the place of the one with its id.

        Raises:
            BillingError: of kind CONFLICT, when a unique field is taken.
        """
        values = self._values(document) | {"updated_at": now}
        try:
            self._connection.execute(
                update(self._table).where(*self._mine(), self._table.c.id == values["id"]).values(values)
            )
        except IntegrityError:
            raise self._taken(document) from None

    def remove(self, name: str) -> None:
        """Delete the document of that id; only nouns that nothing refers to are ever deleted."""
        self._connection.execute(delete(self._table).where(*self._mine(), self._table.c.id == name))

    def all(self, **columns: str) -> list[D]:
        """Every document whose columns hold these values, oldest first; a writer only looks at them."""
        wanted = [self._table.c[name] == value for name, value in columns.items()]
        oldest_first = (self._table.c.created_at, self._table.c.id)
        statement = select(self._table.c.body).where(*self._mine(), *wanted).order_by(*oldest_first)
        return [decode(body, self._shelf.kind) for body in self._connection.execute(statement).scalars()]

    def among(self, names: Iterable[str]) -> dict[str, D]:
        """The documents of these ids, by id; ids that do not exist are left out, and a writer only looks at them."""
        return self._by_id(self._of(names))

    def kept_among(self, names: Iterable[str]) -> dict[str, D]:
        """As `among`, for a writer whose checks must hold until it commits."""
        # Always in the order of ids: two writers who each waited for the other would never end.
        return self._by_id(self._kept(self._of(names).order_by(self._table.c.id)))

    def page(self, request: PageRequest, **filters: str | None) -> tuple[list[D], str | None]:
        """One page of the list, and the token of the next page."""
        rows, token = self.page_of_rows(request, **filters)
        return [decode(row["body"], self._shelf.kind) for row in rows], token

    def page_of_rows(self, request: PageRequest, **filters: str | None) -> tuple[list[RowMapping], str | None]:
        """One page as table rows, for lists that show more than the document."""
        return listing.page(self._connection, self._shelf.listing, self._organisation, request, filters, self._secret)

    def _mine(self) -> tuple[Any, ...]:
        return (self._table.c.organisation_id == self._organisation,)

    def _kept(self, statement: Select[Any]) -> Select[Any]:
        """Documents that a writer has read stay as they are until it commits: else two edits undo each other."""
        writes = self._connection.get_execution_options().get(WRITES, False)
        return statement.with_for_update() if writes else statement

    def _of(self, names: Iterable[str]) -> Select[Any]:
        return select(self._table.c.id, self._table.c.body).where(*self._mine(), among(self._table.c.id, names))

    def _by_id(self, statement: Select[Any]) -> dict[str, D]:
        return {name: decode(body, self._shelf.kind) for name, body in self._connection.execute(statement)}

    def _taken(self, document: D) -> BillingError:
        taken = getattr(document, self._shelf.unique or self._shelf.key)
        return conflict(f"{self._shelf.noun} {taken!r} already exists")

    def _values(self, document: D) -> dict[str, Any]:
        return {
            "organisation_id": self._organisation,
            "id": getattr(document, self._shelf.key),
            "body": encode(document).decode(),
        } | {column: getattr(document, column) for column in self._shelf.columns}
