"""Purchases and proposals: stored as they are shown, found by their idempotency key, their order and their instant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from tallystick.accounts.proposal import Proposal
from tallystick.accounts.purchase import Purchase
from tallystick.kernel.document import decode, encode
from tallystick.kernel.errors import conflict, not_found
from tallystick.stores.state import listing
from tallystick.stores.state.among import among
from tallystick.stores.state.listing import Listing
from tallystick.stores.state.purchase_tables import proposal, purchase

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection, Table

    from tallystick.accounts.purchase import PurchaseStatus
    from tallystick.kernel.paging import PageRequest

P = TypeVar("P", bound=Purchase)
_NEWEST_FIRST: Final = (("created_at", False), ("id", True))


class Bought(Generic[P]):
    """The purchases, or the proposals, of one organisation, inside one transaction."""

    def __init__(self, connection: Connection, organisation: str, secret: bytes, table: Table, kind: type[P]) -> None:
        self._connection = connection
        self._organisation = organisation
        self._secret = secret
        self._table = table
        self._kind = kind

    def add(self, new: P, *, due_at: datetime | None, schedule_id: str | None = None) -> None:
        """Store a new one, and the instant at which the clock has to look at it.

        Raises:
            BillingError: of kind CONFLICT, when the account has another one under its idempotency key.
        """
        values = self._values(new) | {
            "organisation_id": self._organisation,
            "id": new.id,
            "account_id": new.account_id,
            "type": new.type,
            "idempotency_key": new.idempotency_key,
            "schedule_id": schedule_id,
            "due_at": due_at,
            "created_at": new.created_at,
        }
        try:
            self._connection.execute(insert(self._table).values(values))
        except IntegrityError:
            raise conflict(f"idempotencyKey {new.idempotency_key!r} was used for another {self._noun}") from None

    def get(self, name: str) -> P:
        """The one of that id.

        Raises:
            BillingError: of kind NOT_FOUND.
        """
        found = self._one(self._table.c.id == name)
        if found is None:
            raise not_found(self._noun, name)
        return found

    def with_key(self, account_id: str, key: str) -> P | None:
        """The one that the account has under this idempotency key."""
        return self._one(self._table.c.account_id == account_id, self._table.c.idempotency_key == key)

    def of_invoice(self, invoice_id: str) -> P | None:
        """The one whose order an invoice is."""
        return self._one(self._table.c.invoice_id == invoice_id)

    def any_of(self, account_id: str) -> bool:
        """Whether the account ever had one."""
        mine = select(self._table.c.id).where(self._mine, self._table.c.account_id == account_id)
        return self._connection.execute(mine.limit(1)).first() is not None

    def page(self, request: PageRequest, account_id: str) -> tuple[list[P], str | None]:
        """One page of those of an account, newest first, and the token of the next page."""
        listed = Listing(f"{self._table.name}s", self._table, _NEWEST_FIRST, search=("id",))
        filters = {"account_id": account_id}
        rows, token = listing.page(self._connection, listed, self._organisation, request, filters, self._secret)
        return [decode(row["body"], self._kind) for row in rows], token

    def replace(self, changed: P, was: PurchaseStatus, *, due_at: datetime | None = None) -> None:
        """Store it as it is now; the clock looks at it again at that instant, or never.

        Raises:
            BillingError: of kind CONFLICT, when its state is not any more what it was when it was read.
        """
        done = self._connection.execute(
            update(self._table)
            .where(self._mine, self._table.c.id == changed.id, self._table.c.status == was)
            .values(self._values(changed) | {"due_at": due_at})
        )
        if not done.rowcount:
            raise conflict(f"{self._noun} {changed.id!r} changed in the meantime: read it again")

    def account_ids(self) -> set[str]:
        """The accounts that ever bought anything."""
        return set(self._connection.execute(select(self._table.c.account_id).where(self._mine).distinct()).scalars())

    def schedule_of(self, name: str) -> str | None:
        """The piece of a timeline that its order is about, if there is one."""
        found: str | None = self._connection.execute(
            select(self._table.c.schedule_id).where(self._mine, self._table.c.id == name)
        ).scalar()
        return found

    def ordered(self, schedule_ids: Collection[str]) -> set[str]:
        """Which of these pieces were agreed on by an order, which has billed their first cycle in advance."""
        statement = select(self._table.c.schedule_id).where(self._mine, among(self._table.c.schedule_id, schedule_ids))
        return set(self._connection.execute(statement).scalars())

    def due_at(self, instant: datetime, limit: int) -> list[P]:
        """Those that the clock has to look at by an instant, oldest first."""
        rows = self._connection.execute(
            select(self._table.c.body)
            .where(self._mine, self._table.c.due_at <= instant)
            .order_by(self._table.c.due_at, self._table.c.id)
            .limit(limit)
        )
        return [decode(body, self._kind) for body in rows.scalars()]

    @property
    def _noun(self) -> str:
        return str(self._table.name)

    @property
    def _mine(self) -> Any:  # noqa: ANN401 - a condition
        return self._table.c.organisation_id == self._organisation

    def _one(self, *conditions: Any) -> P | None:  # noqa: ANN401 - conditions
        body = self._connection.execute(select(self._table.c.body).where(self._mine, *conditions)).scalar_one_or_none()
        return None if body is None else decode(body, self._kind)

    def _values(self, one: P) -> dict[str, Any]:
        return {
            "status": one.status,
            "invoice_id": one.invoice_id,
            "updated_at": one.updated_at,
            "body": encode(one).decode(),
        }


def purchases(connection: Connection, organisation: str, secret: bytes) -> Bought[Purchase]:
    """The purchases of an organisation."""
    return Bought(connection, organisation, secret, purchase, Purchase)


def proposals(connection: Connection, organisation: str, secret: bytes) -> Bought[Proposal]:
    """The proposals of an organisation."""
    return Bought(connection, organisation, secret, proposal, Proposal)
