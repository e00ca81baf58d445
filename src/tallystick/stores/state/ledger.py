"""The credit ledger: credits, and the entries that say what became of them. A balance is what entries add up to.

Burning happens under a conditional UPDATE on the one credit row, so that no race takes more than there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, case, insert, select, update
from sqlalchemy.exc import IntegrityError

from tallystick.credits.burndown import OpenCredit
from tallystick.credits.credit import Credit, CreditStatus, CreditTransaction, TransactionType
from tallystick.kernel.document import decode, encode
from tallystick.kernel.errors import conflict, not_found
from tallystick.kernel.money import Money, from_minor
from tallystick.kernel.quantity import ZERO, plain
from tallystick.stores.state import listing
from tallystick.stores.state.among import among
from tallystick.stores.state.bill_tables import credit, credit_entry
from tallystick.stores.state.due import over
from tallystick.stores.state.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

    from tallystick.kernel.ids import IdSource
    from tallystick.kernel.paging import PageRequest

_LISTING: Final = Listing(
    "credits",
    credit,
    (("created_at", False), ("id", True)),
    search=("id",),
    default_size=50,
    largest_size=50,
)


@dataclass(frozen=True, slots=True)
class InvoiceBurn:
    """What one invoice takes from one credit."""

    credit_id: str
    amount: Money
    invoice_id: str


class Ledger:
    """The credits of one organisation, inside one transaction."""

    def __init__(self, connection: Connection, organisation: str, secret: bytes) -> None:
        self._connection = connection
        self._organisation = organisation
        self._secret = secret

    def grant(self, new: Credit, expires_at: datetime | None, ids: IdSource, *, invoice_id: str | None = None) -> None:
        """Store a new credit and the entry that credits it, with the invoice that it was granted with, if any.

        Raises:
            BillingError: of kind CONFLICT, when the account was granted another credit under its idempotency key.
        """
        values = {
            "organisation_id": self._organisation,
            "id": new.id,
            "account_id": new.account_id,
            "customer_id": new.customer_id,
            "purpose": new.purpose,
            "priority": new.priority,
            "currency": new.credit_unit,
            "amount_minor": new.amount.minor,
            "consumed_minor": 0,
            "lost_minor": 0,
            "effective_from": new.effective_from,
            "effective_until": new.effective_until,
            "expires_at": expires_at,
            "status": new.status,
            "applicable_entity_ids": encode(new.applicable_entity_ids).decode(),
            "grantor_id": new.grantor_id,
            "idempotency_key": new.idempotency_key,
            "created_at": new.created_at,
            "updated_at": new.created_at,
        }
        try:
            self._connection.execute(insert(credit).values(values))
        except IntegrityError:
            raise conflict(f"idempotencyKey {new.idempotency_key!r} was used for another credit") from None
        self._enter(new.id, TransactionType.CREDITED, new.amount.minor, invoice_id, new.created_at, ids)

    def get(self, name: str) -> Credit:
        """The credit of that id.

        Raises:
            BillingError: of kind NOT_FOUND.
        """
        row = self._connection.execute(select(credit).where(self._mine, credit.c.id == name)).mappings().first()
        if row is None:
            raise not_found("credit", name)
        return _credit(row)

    def with_key(self, account_id: str, key: str) -> Credit | None:
        """The credit that was granted to the account under this idempotency key."""
        row = (
            self._connection.execute(
                select(credit).where(self._mine, credit.c.account_id == account_id, credit.c.idempotency_key == key)
            )
            .mappings()
            .first()
        )
        return None if row is None else _credit(row)

    def page(self, request: PageRequest, **filters: str | None) -> tuple[list[Credit], str | None]:
        """One page of credits, newest first, and the token of the next page."""
        rows, token = listing.page(self._connection, _LISTING, self._organisation, request, filters, self._secret)
        return [_credit(row) for row in rows], token

    def open_of(self, account_ids: Collection[str]) -> list[OpenCredit]:
        """The ACTIVE credits of these accounts by id, with what is left of each."""
        rows = self._connection.execute(
            select(credit).where(
                self._mine, credit.c.status == CreditStatus.ACTIVE, among(credit.c.account_id, account_ids)
            )
        ).mappings()
        # Put in order here: SQLite would rather read every credit of the organisation in order than sort these.
        return [OpenCredit(_credit(row), _left(row)) for row in sorted(rows, key=lambda row: row["id"])]

    def any_of(self, account_id: str) -> bool:
        """Whether the account was ever granted a credit."""
        statement = select(credit.c.id).where(self._mine, credit.c.account_id == account_id)
        return self._connection.execute(statement.limit(1)).first() is not None

    def transactions(self, name: str) -> list[CreditTransaction]:
        """The entries of a credit, oldest first."""
        currency = self.get(name).credit_unit
        rows = self._connection.execute(
            select(credit_entry)
            .where(credit_entry.c.organisation_id == self._organisation, credit_entry.c.credit_id == name)
            .order_by(credit_entry.c.created_at, credit_entry.c.id)
        )
        return [
            CreditTransaction(
                id=row.id,
                credit_id=row.credit_id,
                transaction_type=TransactionType(row.type),
                invoice_id=row.invoice_id,
                amount=plain(from_minor(row.amount_minor, currency).amount),
                created_at=row.created_at,
            )
            for row in rows
        ]

    def burn(self, burns: Sequence[InvoiceBurn], now: datetime, ids: IdSource) -> None:
        """Take from credits what invoices burn of them.

        Raises:
            BillingError: of kind CONFLICT, when a credit is not ACTIVE or has less left.
        """
        if not burns:
            return
        used = credit.c.consumed_minor + bindparam("burned", type_=credit.c.consumed_minor.type)
        # Built once for all of them: that takes longer than to run it.
        burning = (
            update(credit)
            .where(
                self._mine,
                credit.c.id == bindparam("name"),
                credit.c.status == CreditStatus.ACTIVE,
                used + credit.c.lost_minor <= credit.c.amount_minor,
            )
            .values(consumed_minor=used, updated_at=now)
        )
        for burn in burns:
            changed = self._connection.execute(burning, {"name": burn.credit_id, "burned": burn.amount.minor})
            if not changed.rowcount:
                raise conflict(f"credit {burn.credit_id!r} has less left than {burn.amount}")
            self._enter(burn.credit_id, TransactionType.DEBITED, burn.amount.minor, burn.invoice_id, now, ids)
        burned = among(credit.c.id, (burn.credit_id for burn in burns))
        self._connection.execute(
            update(credit)
            .where(self._mine, burned, credit.c.consumed_minor + credit.c.lost_minor == credit.c.amount_minor)
            .values(status=CreditStatus.CONSUMED)
        )

    def give_back(self, invoice_id: str, now: datetime, ids: IdSource) -> None:
        """Give every credit back what an invoice burned of it; a used-up or expired one is ACTIVE again with that much.

        What comes back to a voided credit is lost like the rest of it.
        """
        burned = self._connection.execute(
            select(credit_entry.c.credit_id, credit_entry.c.amount_minor).where(
                credit_entry.c.organisation_id == self._organisation,
                credit_entry.c.invoice_id == invoice_id,
                credit_entry.c.type == TransactionType.DEBITED,
            )
        ).all()
        for name, amount in burned:
            voided = credit.c.status == CreditStatus.VOIDED
            status = self._connection.execute(
                update(credit)
                .where(self._mine, credit.c.id == name)
                .values(
                    consumed_minor=credit.c.consumed_minor - amount,
                    lost_minor=credit.c.lost_minor + case((voided, amount), else_=0),
                    status=case((voided, CreditStatus.VOIDED.value), else_=CreditStatus.ACTIVE.value),
                    updated_at=now,
                )
                .returning(credit.c.status)
            ).scalar_one()
            self._enter(name, TransactionType.CREDITED, amount, invoice_id, now, ids)
            if status == CreditStatus.VOIDED:
                self._enter(name, TransactionType.VOIDED, amount, invoice_id, now, ids)

    def close(self, ended: Credit, status: CreditStatus, now: datetime, ids: IdSource) -> None:
        """End an ACTIVE credit, as VOIDED or EXPIRED; what is left of it is lost.

        Raises:
            BillingError: of kind NOT_FOUND; of kind CONFLICT, when it is not ACTIVE any more.
        """
        row = self._locked(ended.id)
        if row["status"] != CreditStatus.ACTIVE:
            raise conflict(f"credit {ended.id!r} is not ACTIVE")
        self._lose(row, status, None, now, ids)

    def void_with(self, name: str, invoice_id: str, now: datetime, ids: IdSource) -> None:
        """Void a credit, whatever became of it, because the invoice that it was granted with is void.

        What is left of it is lost; what other invoices burned stays with them.
        """
        row = self._locked(name)
        if row["status"] != CreditStatus.VOIDED:
            self._lose(row, CreditStatus.VOIDED, invoice_id, now, ids)

    def restore(self, name: str, invoice_id: str, now: datetime, ids: IdSource) -> None:
        """Let a credit that was voided with its invoice be what it would be without that, with a new invoice.

        All of it is left that neither was burned nor has expired. One that a caller has voided stays void.
        """
        row = self._locked(name)
        entries = self.transactions(name)
        by_caller = any(one.transaction_type is TransactionType.VOIDED and not one.invoice_id for one in entries)
        if row["status"] != CreditStatus.VOIDED or by_caller:
            return
        expired = sum(
            Money(one.amount, row["currency"]).minor
            for one in entries
            if one.transaction_type is TransactionType.EXPIRED
        )
        status = CreditStatus.EXPIRED if expired else CreditStatus.CONSUMED
        if row["amount_minor"] > row["consumed_minor"] + expired:
            status = CreditStatus.ACTIVE
        changes = {"status": status, "lost_minor": expired, "updated_at": now}
        self._connection.execute(update(credit).where(self._mine, credit.c.id == name).values(changes))
        if row["lost_minor"] > expired:
            self._enter(name, TransactionType.CREDITED, row["lost_minor"] - expired, invoice_id, now, ids)

    def expiring(self, now: datetime) -> list[Credit]:
        """ACTIVE credits whose time is over and that nobody can still burn."""
        rows = self._connection.execute(
            select(credit).where(self._mine, over(now)).order_by(credit.c.expires_at, credit.c.id)
        ).mappings()
        return [_credit(row) for row in rows]

    @property
    def _mine(self) -> Any:  # noqa: ANN401 - a condition
        return credit.c.organisation_id == self._organisation

    def _locked(self, name: str) -> RowMapping:
        """The row of a credit, which nobody else changes until the transaction ends.

        Raises:
            BillingError: of kind NOT_FOUND.
        """
        statement = select(credit).where(self._mine, credit.c.id == name).with_for_update()
        row = self._connection.execute(statement).mappings().first()
        if row is None:
            raise not_found("credit", name)
        return row

    def _lose(
        self, row: RowMapping, status: CreditStatus, invoice_id: str | None, now: datetime, ids: IdSource
    ) -> None:
        """End a credit; what is left of it is lost."""
        left = _left(row).minor
        changes = {"status": status, "lost_minor": row["lost_minor"] + left, "updated_at": now}
        self._connection.execute(update(credit).where(self._mine, credit.c.id == row["id"]).values(changes))
        if left:
            self._enter(row["id"], TransactionType(status.value), left, invoice_id, now, ids)

    def _enter(
        self,
        name: str,
        kind: TransactionType,
        amount_minor: int,
        invoice_id: str | None,
        now: datetime,
        ids: IdSource,
    ) -> None:
        entry = {
            "organisation_id": self._organisation,
            "id": ids.mint("credit_entry"),
            "credit_id": name,
            "type": kind,
            "amount_minor": amount_minor,
            "invoice_id": invoice_id,
            "created_at": now,
        }
        self._connection.execute(insert(credit_entry), entry)


def _left(row: RowMapping) -> Money:
    return from_minor(row["amount_minor"] - row["consumed_minor"] - row["lost_minor"], row["currency"])


def _credit(row: RowMapping) -> Credit:
    currency = row["currency"]
    return Credit(
        id=row["id"],
        account_id=row["account_id"],
        customer_id=row["customer_id"],
        purpose=row["purpose"],
        priority=row["priority"],
        credit_amount=plain(from_minor(row["amount_minor"], currency).amount),
        consumed_amount=plain(from_minor(row["consumed_minor"], currency).amount),
        hold_amount=ZERO,
        credit_unit=currency,
        effective_from=row["effective_from"],
        effective_until=row["effective_until"],
        applicable_entity_ids=decode(row["applicable_entity_ids"], list[str]),
        grantor_id=row["grantor_id"],
        idempotency_key=row["idempotency_key"],
        status=CreditStatus(row["status"]),
        created_at=row["created_at"],
        updated_at=None if row["updated_at"] == row["created_at"] else row["updated_at"],
    )
