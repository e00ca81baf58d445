"""Payments and what their parts paid: never edited, but followed by versions that say what became of the parts."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from tallystick.credits.payment import Payment, PaymentLine, PaymentLineType, PaymentReference, Share
from tallystick.kernel.document import decode, encode
from tallystick.kernel.errors import conflict, not_found
from tallystick.kernel.money import Money, from_minor
from tallystick.kernel.quantity import plain
from tallystick.stores.state import listing
from tallystick.stores.state.among import among
from tallystick.stores.state.listing import Listing
from tallystick.stores.state.payment_tables import payment, payment_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection, RowMapping

    from tallystick.kernel.paging import PageRequest

_LISTING: Final = Listing("payments", payment, (("created_at", False), ("id", True)), default_size=50, largest_size=50)


class Payments:
    """The payments of one organisation, inside one transaction."""

    def __init__(self, connection: Connection, organisation: str, secret: bytes) -> None:
        self._connection = connection
        self._organisation = organisation
        self._secret = secret

    def add(self, new: Payment, shares: Sequence[Share]) -> None:
        """Store a new payment with its parts.

        Raises:
            BillingError: of kind CONFLICT, when the account's payment of that transaction was recorded before.
        """
        reference = new.external_payment_references
        values = {
            "organisation_id": self._organisation,
            "id": new.id,
            "account_id": new.account_id,
            "currency": new.currency,
            "total_minor": Money(new.total_amount, new.currency).minor,
            "version": new.version,
            "source_name": reference.source_name,
            "source_type": reference.source_type,
            "transaction_number": reference.transaction_number,
            "reference": encode(reference).decode(),
            "description": new.description,
            "notes": new.notes,
            "created_by": new.created_by,
            "created_at": new.created_at,
        }
        try:
            self._connection.execute(insert(payment).values(values))
        except IntegrityError:
            what = f"{reference.source_type} {reference.transaction_number!r} of {reference.source_name!r}"
            reason = f"{what} was recorded for account {new.account_id!r} before: a transaction counts once"
            raise conflict(reason, "externalPaymentReference.transactionNumber", "payment_recorded") from None
        self._add_lines(new.id, new.version, shares)

    def follow(self, name: str, version: int, shares: Sequence[Share]) -> None:
        """Add the version of a payment that comes after one, with what its parts have become.

        Raises:
            BillingError: of kind CONFLICT, when another one came after it meanwhile.
        """
        changed = self._connection.execute(
            update(payment)
            .where(self._mine, payment.c.id == name, payment.c.version == version)
            .values(version=version + 1)
        )
        if not changed.rowcount:
            raise conflict(f"payment {name!r} changed in the meantime: try again")
        self._add_lines(name, version + 1, shares)

    def get(self, name: str, version: int | None = None) -> Payment:
        """The payment of that id, as one of its versions says, by default the latest.

        Raises:
            BillingError: of kind NOT_FOUND.
        """
        row = self._connection.execute(select(payment).where(self._mine, payment.c.id == name)).mappings().first()
        if row is None:
            raise not_found("payment", name)
        if version is not None and not 0 < version <= row["version"]:
            raise not_found("payment version", f"{name} {version}")
        return self._shown([row if version is None else {**row, "version": version}])[0]

    def page(self, request: PageRequest, **filters: str | None) -> tuple[list[Payment], str | None]:
        """One page of payments in their latest version, newest first, and the token of the next page."""
        rows, token = listing.page(self._connection, _LISTING, self._organisation, request, filters, self._secret)
        return self._shown(rows), token

    def of_invoice(self, invoice_id: str) -> dict[tuple[str, int], list[Share]]:
        """The parts of the payments that have paid some of an invoice, by id and latest version, oldest first."""
        paying = select(payment_line.c.payment_id).where(
            payment_line.c.organisation_id == self._organisation, payment_line.c.entity_id == invoice_id
        )
        rows = self._connection.execute(
            select(payment.c.id, payment.c.version, payment.c.currency)
            .where(self._mine, payment.c.id.in_(paying))
            .order_by(payment.c.created_at, payment.c.id)
        ).all()
        lines = self._lines((row.id, row.version) for row in rows)
        shares = {(row.id, row.version): [_share(line, row.currency) for line in lines[row.id]] for row in rows}
        return {key: parts for key, parts in shares.items() if any(one.pays(invoice_id) for one in parts)}

    @property
    def _mine(self) -> Any:  # noqa: ANN401 - a condition
        return payment.c.organisation_id == self._organisation

    def _add_lines(self, name: str, version: int, shares: Sequence[Share]) -> None:
        rows = [
            {
                "organisation_id": self._organisation,
                "payment_id": name,
                "version": version,
                "number": number,
                "type": share.type,
                "rank": share.order,
                "entity_id": share.target,
                "amount_minor": share.amount.minor,
            }
            for number, share in enumerate(shares, 1)
        ]
        self._connection.execute(insert(payment_line), rows)

    def _lines(self, versions: Iterable[tuple[str, int]]) -> dict[str, list[RowMapping]]:
        """The lines of payments, each in one version, in order."""
        wanted = dict(versions)
        lines: dict[str, list[RowMapping]] = defaultdict(list)
        rows = self._connection.execute(
            select(payment_line)
            .where(payment_line.c.organisation_id == self._organisation, among(payment_line.c.payment_id, wanted))
            .order_by(payment_line.c.payment_id, payment_line.c.number)
        ).mappings()
        for row in rows:
            if row["version"] == wanted[row["payment_id"]]:
                lines[row["payment_id"]].append(row)
        return lines

    def _shown(self, rows: Sequence[Any]) -> list[Payment]:
        lines = self._lines((row["id"], row["version"]) for row in rows)
        return [_payment(row, [_share(line, row["currency"]).line() for line in lines[row["id"]]]) for row in rows]


def _share(line: RowMapping, currency: str) -> Share:
    amount = from_minor(line["amount_minor"], currency)
    return Share(PaymentLineType(line["type"]), line["rank"], amount, line["entity_id"])


def _payment(row: Any, lines: list[PaymentLine]) -> Payment:  # noqa: ANN401 - a row of payment, as any mapping
    return Payment(
        id=row["id"],
        description=row["description"],
        notes=row["notes"],
        account_id=row["account_id"],
        external_payment_references=decode(row["reference"], PaymentReference),
        line_item_records=lines,
        total_amount=plain(from_minor(row["total_minor"], row["currency"]).amount),
        currency=row["currency"],
        version=row["version"],
        created_by=row["created_by"],
        created_at=row["created_at"],
    )
