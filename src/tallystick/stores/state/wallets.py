"""Wallets and their entries: a balance is what entries add up to, and never goes below zero.

Money moves under a conditional UPDATE on the one wallet row, so that no race takes more than there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import case, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from tallystick.credits.wallet import Wallet, WalletEntry, WalletEntryStatus, WalletEntryType, WalletStatus
from tallystick.kernel.errors import conflict
from tallystick.kernel.money import Money, from_minor
from tallystick.kernel.quantity import ZERO, plain
from tallystick.stores.state import listing
from tallystick.stores.state.among import among
from tallystick.stores.state.database import WRITES
from tallystick.stores.state.listing import Listing
from tallystick.stores.state.payment_tables import wallet, wallet_entry

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

    from tallystick.kernel.ids import IdSource
    from tallystick.kernel.paging import PageRequest

MOST_MINOR: Final = 9 * 10**18
"""What may be credited to one wallet altogether, in minor units: it has to fit 64 bits."""

_LISTING: Final = Listing("wallet_entries", wallet_entry, (("number", False),), default_size=50, largest_size=50)


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why money moves: in words, with the invoice or payment that it is about; under a key it moves once."""

    description: str
    entity_id: str | None = None
    key: str | None = None


class Wallets:
    """The wallets of one organisation, inside one transaction."""

    def __init__(self, connection: Connection, organisation: str, secret: bytes) -> None:
        self._connection = connection
        self._organisation = organisation
        self._secret = secret

    def find(self, account_id: str) -> Wallet | None:
        """The wallet of an account, or None before anything happened to it; a writer keeps it as it is."""
        return self.of([account_id]).get(account_id)

    def of(self, account_ids: Collection[str]) -> dict[str, Wallet]:
        """The wallets of these accounts that there are, by account; a writer keeps them as they are."""
        # Always in the order of ids: two writers who each waited for the other would never end.
        statement = select(wallet).where(self._mine, among(wallet.c.account_id, account_ids)).order_by(wallet.c.id)
        if self._connection.get_execution_options().get(WRITES, False):
            statement = statement.with_for_update()
        return {row["account_id"]: _wallet(row) for row in self._connection.execute(statement).mappings()}

    def open(self, empty: Wallet, now: datetime) -> None:
        """Store an account's wallet when something happens to it first; does nothing when somebody else did."""
        values = {
            "organisation_id": self._organisation,
            "id": empty.id,
            "account_id": empty.account_id,
            "customer_id": empty.customer_id,
            "currency": empty.credit_unit,
            "credited_minor": 0,
            "consumed_minor": 0,
            "entries": 0,
            "status": empty.status,
            "effective_from": empty.effective_from,
            "created_at": now,
            "updated_at": now,
        }
        try:
            with self._connection.begin_nested():
                self._connection.execute(insert(wallet).values(values))
        except IntegrityError:
            return

    def set(self, changed: Wallet, now: datetime) -> None:
        """Store whether a wallet pays, and from when on."""
        self._connection.execute(
            update(wallet)
            .where(self._mine, wallet.c.id == changed.id)
            .values(status=changed.status, effective_from=changed.effective_from, updated_at=now)
        )

    def credit(self, to: Wallet, amount: Money, why: Occasion, now: datetime, ids: IdSource) -> None:
        """Put money into a wallet; does nothing when that was done under the same key before.

        Raises:
            BillingError: of kind CONFLICT, when more was credited to it than can be counted.
        """
        if why.key is not None and self._is_entered(to.id, why.key):
            return
        fits = wallet.c.credited_minor <= MOST_MINOR - amount.minor
        if not self._move(to.id, WalletEntryType.CREDITED, amount, why, now, ids, fits):
            raise conflict(f"wallet {to.id!r} cannot count {amount} more")

    def debit(self, of: Wallet, amount: Money, why: Occasion, now: datetime, ids: IdSource) -> None:
        """Take money out of a wallet.

        Raises:
            BillingError: of kind CONFLICT, when it has less left.
        """
        fits = wallet.c.consumed_minor + amount.minor <= wallet.c.credited_minor
        if not self._move(of.id, WalletEntryType.DEBITED, amount, why, now, ids, fits):
            raise conflict(f"wallet {of.id!r} has less left than {amount}")

    def spent_on(self, of: Wallet, entity_id: str) -> Money:
        """What a wallet has paid of an invoice, and did not get back."""
        signed = case(
            (wallet_entry.c.type == WalletEntryType.DEBITED, wallet_entry.c.amount_minor),
            else_=-wallet_entry.c.amount_minor,
        )
        mine = wallet_entry.c.organisation_id == self._organisation
        total = self._connection.execute(
            select(func.coalesce(func.sum(signed), 0)).where(
                mine, wallet_entry.c.wallet_id == of.id, wallet_entry.c.entity_id == entity_id
            )
        ).scalar_one()
        return from_minor(int(total), of.credit_unit)

    def page_of_entries(self, request: PageRequest, of: Wallet) -> tuple[list[WalletEntry], str | None]:
        """One page of the entries of a wallet, newest first, and the token of the next page."""
        filters = {"wallet_id": of.id}
        rows, token = listing.page(self._connection, _LISTING, self._organisation, request, filters, self._secret)
        return [_entry(row, of.credit_unit) for row in rows], token

    @property
    def _mine(self) -> Any:  # noqa: ANN401 - a condition
        return wallet.c.organisation_id == self._organisation

    def _is_entered(self, name: str, key: str) -> bool:
        statement = select(wallet_entry.c.id).where(
            wallet_entry.c.organisation_id == self._organisation,
            wallet_entry.c.wallet_id == name,
            wallet_entry.c.idempotency_key == key,
        )
        return self._connection.execute(statement).first() is not None

    def _move(
        self,
        name: str,
        kind: WalletEntryType,
        amount: Money,
        why: Occasion,
        now: datetime,
        ids: IdSource,
        fits: Any,  # noqa: ANN401 - a condition
    ) -> bool:
        """Change the one row when the amount fits, and enter it; whether it did."""
        side = wallet.c.credited_minor if kind is WalletEntryType.CREDITED else wallet.c.consumed_minor
        moved = self._connection.execute(
            update(wallet)
            .where(self._mine, wallet.c.id == name, fits)
            .values({side: side + amount.minor, wallet.c.entries: wallet.c.entries + 1, wallet.c.updated_at: now})
            .returning(wallet.c.credited_minor, wallet.c.consumed_minor, wallet.c.entries)
        ).first()
        if moved is None:
            return False
        entry = {
            "organisation_id": self._organisation,
            "wallet_id": name,
            "number": moved.entries,
            "id": ids.mint("wallet_entry"),
            "type": kind,
            "amount_minor": amount.minor,
            "closing_minor": moved.credited_minor - moved.consumed_minor,
            "entity_id": why.entity_id,
            "description": why.description,
            "idempotency_key": why.key,
            "created_at": now,
        }
        self._connection.execute(insert(wallet_entry).values(entry))
        return True


def _wallet(row: RowMapping) -> Wallet:
    left = from_minor(row["credited_minor"] - row["consumed_minor"], row["currency"])
    return Wallet(
        id=row["id"],
        account_id=row["account_id"],
        customer_id=row["customer_id"],
        balance=plain(left.amount),
        credit_unit=row["currency"],
        status=WalletStatus(row["status"]),
        hold_amount=ZERO,
        effective_from=row["effective_from"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _entry(row: RowMapping, currency: str) -> WalletEntry:
    return WalletEntry(
        id=row["id"],
        description=row["description"],
        wallet_id=row["wallet_id"],
        transaction_type=WalletEntryType(row["type"]),
        status=WalletEntryStatus.COMPLETED,
        entity_id=row["entity_id"],
        amount=plain(from_minor(row["amount_minor"], currency).amount),
        created_at=row["created_at"],
        closing_balance=plain(from_minor(row["closing_minor"], currency).amount),
    )
