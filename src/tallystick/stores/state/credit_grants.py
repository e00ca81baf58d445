"""Which credits plans granted with which bills: written once, never changed, one per card and bill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from tallystick.invoicing.invoice import InvoiceType
from tallystick.kernel.errors import conflict
from tallystick.stores.state.among import among
from tallystick.stores.state.bill_tables import credit_grant

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection

    from tallystick.credits.credit import Credit
    from tallystick.invoicing.record import InvoiceRecord


class GrantKey(NamedTuple):
    """The natural key of an invoice, and the card on it that grants credit, by its add-on."""

    schedule_id: str
    cycle_start: datetime
    invoice_type: InvoiceType
    item_id: str

    @classmethod
    def of(cls, record: InvoiceRecord, item_id: str) -> GrantKey:
        """The key of what a card grants with an invoice, and with those that are made in its place."""
        return cls(record.schedule_id, record.cycle.period.start, record.invoice_type, item_id)


class CreditGrants:
    """What plans granted the accounts of one organisation, inside one transaction."""

    def __init__(self, connection: Connection, organisation: str) -> None:
        self._connection = connection
        self._organisation = organisation

    def add(self, key: GrantKey, granted: Credit) -> None:
        """Note that a credit was granted.

        Raises:
            BillingError: of kind CONFLICT, when one was granted under that key before.
        """
        values = {
            "organisation_id": self._organisation,
            **key._asdict(),
            "credit_id": granted.id,
            "created_at": granted.created_at,
        }
        try:
            self._connection.execute(insert(credit_grant).values(values))
        except IntegrityError:
            raise conflict(f"the credit of {key.item_id!r} was granted for this cycle already") from None

    def of(self, records: Collection[InvoiceRecord]) -> dict[GrantKey, str]:
        """The ids of the credits that were granted with these invoices, or with those whose place they take."""
        if not records:
            return {}
        starts = [record.cycle.period.start for record in records]
        rows = self._connection.execute(
            select(credit_grant).where(
                self._mine,
                among(credit_grant.c.schedule_id, {record.schedule_id for record in records}),
                credit_grant.c.cycle_start.between(min(starts), max(starts)),
            )
        )
        bills = {(record.schedule_id, record.cycle.period.start, record.invoice_type) for record in records}
        found = {
            GrantKey(row.schedule_id, row.cycle_start, InvoiceType(row.invoice_type), row.item_id): row.credit_id
            for row in rows
        }
        return {key: name for key, name in found.items() if key[:3] in bills}

    @property
    def _mine(self) -> Any:  # noqa: ANN401 - a condition
        return credit_grant.c.organisation_id == self._organisation
