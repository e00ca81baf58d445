"""Invoices and their frozen lines: written once, immutable afterwards, one per natural key."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, case, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from tallystick.invoicing.invoice import InvoiceClass, InvoiceDetails, InvoiceStatus, InvoiceType
from tallystick.invoicing.line import Explanation, LineType
from tallystick.invoicing.record import InvoiceRecord
from tallystick.invoicing.rows import LineRow
from tallystick.kernel.document import decode, encode
from tallystick.kernel.errors import conflict, not_found
from tallystick.kernel.money import from_minor
from tallystick.kernel.period import FOREVER, Period
from tallystick.kernel.quantity import from_text
from tallystick.kernel.recurrence import Cycle
from tallystick.stores.state import listing
from tallystick.stores.state.among import among
from tallystick.stores.state.bill_tables import invoice, invoice_line
from tallystick.stores.state.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime
    from decimal import Decimal

    from sqlalchemy import Connection, RowMapping

    from tallystick.kernel.money import Money
    from tallystick.kernel.paging import PageRequest

_LISTING: Final = Listing(
    "invoices",
    invoice,
    (("created_at", False), ("id", True)),
    search=("id", "customer_id", "account_id"),
    default_size=50,
    largest_size=50,
    bounds={"start_time": ("cycle_start", "from"), "end_time": ("cycle_end", "until")},
)
_OF_ACCOUNT: Final = Listing(
    "account_invoices",
    invoice,
    (("rank", True), ("cycle_start", False), ("created_at", False), ("id", True)),
    search=("id", "sequence_id"),
    default_size=50,
    largest_size=50,
)


@dataclass(frozen=True, slots=True)
class Sold:
    """What an order or a purchase asks for one billable item, before credits."""

    invoice: InvoiceRecord
    billable_id: str
    amount: Money


class Invoices:
    """The invoices of one organisation, inside one transaction."""

    def __init__(self, connection: Connection, organisation: str, secret: bytes) -> None:
        self._connection = connection
        self._organisation = organisation
        self._secret = secret

    def add_drafts(self, records: Iterable[InvoiceRecord]) -> None:
        """Store the rows of new drafts.

        Raises:
            BillingError: of kind CONFLICT, when one of the cycles has an invoice already that is not void.
        """
        rows = [self._values(record) for record in records]
        if not rows:
            return
        try:
            self._connection.execute(insert(invoice), rows)
        except IntegrityError:
            raise conflict("the cycle has an invoice already: void it first") from None

    def get(self, name: str) -> InvoiceRecord:
        """The invoice of that id.

        Raises:
            BillingError: of kind NOT_FOUND.
        """
        row = self._connection.execute(select(invoice).where(self._mine, invoice.c.id == name)).mappings().first()
        if row is None:
            raise not_found("invoice", name)
        return _record(row)

    def page(self, request: PageRequest, **filters: str | None) -> tuple[list[InvoiceRecord], str | None]:
        """One page of invoices, newest first, and the token of the next page."""
        rows, token = listing.page(self._connection, _LISTING, self._organisation, request, filters, self._secret)
        return [_record(row) for row in rows], token

    def page_of_account(
        self, request: PageRequest, account_id: str, now: datetime
    ) -> tuple[list[InvoiceRecord], str | None]:
        """One page of an account's invoices: the draft whose cycle runs now, other drafts, then frozen ones."""
        is_draft = invoice.c.status == InvoiceStatus.DRAFT
        runs = and_(is_draft, invoice.c.cycle_start <= now, invoice.c.cycle_end > now)
        listed = replace(_OF_ACCOUNT, expressions={"rank": case((runs, 0), (is_draft, 1), else_=2)})
        filters = {"account_id": account_id}
        rows, token = listing.page(self._connection, listed, self._organisation, request, filters, self._secret)
        return [_record(row) for row in rows], token

    def drafts_of(self, account_ids: Collection[str], *, before: datetime = FOREVER) -> list[InvoiceRecord]:
        """Every draft of these accounts for a time that starts before an instant, oldest cycle first."""
        rows = self._connection.execute(
            select(invoice)
            .where(
                self._mine,
                invoice.c.status == InvoiceStatus.DRAFT,
                among(invoice.c.account_id, account_ids),
                invoice.c.cycle_start < before,
            )
            .order_by(invoice.c.cycle_start, invoice.c.freeze_at, invoice.c.id)
        ).mappings()
        return [_record(row) for row in rows]

    def drop_drafts(self, records: Collection[InvoiceRecord]) -> None:
        """Forget drafts whose cycles are no more; one that has fallen due meanwhile is kept."""
        names = [record.id for record in records]
        self._connection.execute(
            delete(invoice).where(self._mine, among(invoice.c.id, names), invoice.c.status == InvoiceStatus.DRAFT)
        )

    def move_cycle(self, record: InvoiceRecord, now: datetime) -> None:
        """Let a draft bill the cycle that its record says, and fall due when that says."""
        period = record.cycle.period
        self._connection.execute(
            update(invoice)
            .where(self._mine, invoice.c.id == record.id, invoice.c.status == InvoiceStatus.DRAFT)
            .values(cycle_end=period.end, freeze_at=record.freeze_at, updated_at=now)
        )

    def of_cycle(self, schedule_id: str, cycle_start: datetime, kind: InvoiceType) -> InvoiceRecord | None:
        """The invoice of that type for the cycle of a piece that starts at an instant; not a void one."""
        row = (
            self._connection.execute(
                select(invoice).where(
                    self._mine,
                    invoice.c.schedule_id == schedule_id,
                    invoice.c.cycle_start == cycle_start,
                    invoice.c.type == kind,
                    invoice.c.status != InvoiceStatus.VOID,
                )
            )
            .mappings()
            .first()
        )
        return None if row is None else _record(row)

    def has_draft(self, account_id: str) -> bool:
        """Whether the account has an invoice whose amounts can still change."""
        statement = select(invoice.c.id).where(
            self._mine, invoice.c.account_id == account_id, invoice.c.status == InvoiceStatus.DRAFT
        )
        return self._connection.execute(statement.limit(1)).first() is not None

    def billed_of(self, schedule_ids: Collection[str]) -> list[InvoiceRecord]:
        """The invoices of these pieces that are frozen and count."""
        still_open = (InvoiceStatus.DRAFT, InvoiceStatus.VOID)
        rows = self._connection.execute(
            select(invoice)
            .where(self._mine, among(invoice.c.schedule_id, schedule_ids), invoice.c.status.not_in(still_open))
            .order_by(invoice.c.cycle_start, invoice.c.id)
        ).mappings()
        return [_record(row) for row in rows]

    def void_before(self, record: InvoiceRecord) -> list[str]:
        """The ids of the void invoices in whose place one is, newest first."""
        rows = self._connection.execute(
            select(invoice.c.id)
            .where(
                self._mine,
                invoice.c.account_id == record.account_id,
                invoice.c.schedule_id == record.schedule_id,
                invoice.c.cycle_start == record.cycle.period.start,
                invoice.c.type == record.invoice_type,
                invoice.c["class"] == record.invoice_class,
                invoice.c.status == InvoiceStatus.VOID,
            )
            .order_by(invoice.c.created_at.desc(), invoice.c.id.desc())
        )
        return list(rows.scalars())

    def sold(
        self, account_ids: Collection[str], span: Period, types: Collection[LineType], *, by_cycle: bool = False
    ) -> list[Sold]:
        """The lines of these types on orders and purchases that are frozen and count.

        They fell due in a span, or with `by_cycle` are about cycles that start in it.
        """
        dated = invoice.c.cycle_start if by_cycle else invoice.c.frozen_at
        rows = self._connection.execute(
            select(invoice, invoice_line.c.item_id, invoice_line.c.amount_minor)
            .join(
                invoice_line,
                (invoice_line.c.organisation_id == invoice.c.organisation_id)
                & (invoice_line.c.invoice_id == invoice.c.id),
            )
            .where(
                self._mine,
                among(invoice.c.account_id, account_ids),
                invoice.c.type == InvoiceType.AD_HOC,
                invoice.c.status.not_in((InvoiceStatus.DRAFT, InvoiceStatus.VOID)),
                dated >= span.start,
                dated < span.end,
                invoice_line.c.type.in_(types),
            )
            .order_by(invoice.c.id, invoice_line.c.number)
        ).mappings()
        return [
            Sold(_record(row), row["item_id"] or "", from_minor(row["amount_minor"], row["currency"])) for row in rows
        ]

    def freezing_at(self, instant: datetime, parked: Collection[str], limit: int) -> list[InvoiceRecord]:
        """Drafts that fall due at that very instant, oldest cycle first, without the parked ones."""
        rows = self._connection.execute(
            select(invoice)
            .where(
                self._mine,
                invoice.c.status == InvoiceStatus.DRAFT,
                invoice.c.freeze_at == instant,
                ~among(invoice.c.id, parked),
            )
            .order_by(invoice.c.cycle_start, invoice.c.type.desc(), invoice.c.id)
            .limit(limit)
        ).mappings()
        return [_record(row) for row in rows]

    def freeze(self, invoices: Iterable[tuple[InvoiceRecord, Sequence[LineRow]]]) -> None:
        """Write the figures and lines of drafts, once.

        Raises:
            BillingError: of kind CONFLICT, when one of the invoices is no draft any more.
        """
        figures = {name: bindparam(f"new_{name}", type_=invoice.c[name].type) for name in _FROZEN_COLUMNS}
        # Built once for all of them: that takes longer than to run it.
        freezing = (
            update(invoice)
            .where(self._mine, invoice.c.id == bindparam("name"), invoice.c.status == InvoiceStatus.DRAFT)
            .values(figures)
        )
        rows: list[dict[str, Any]] = []
        for record, lines in invoices:
            values = self._values(record)
            changed = self._connection.execute(
                freezing, {"name": record.id} | {f"new_{name}": values[name] for name in _FROZEN_COLUMNS}
            )
            if not changed.rowcount:
                raise conflict(f"invoice {record.id!r} is no draft any more")
            rows += [self._line_values(record.id, line) for line in lines]
        if rows:
            self._connection.execute(insert(invoice_line), rows)

    def sequence_ids(self) -> list[str]:
        """The numbers of all invoices that have one."""
        statement = select(invoice.c.sequence_id).where(self._mine, invoice.c.sequence_id.is_not(None))
        return list(self._connection.execute(statement).scalars())

    def set_net_terms(self, account_id: str, days: int) -> None:
        """Let the drafts of an account be payable so many days after they fall due."""
        self._connection.execute(
            update(invoice)
            .where(self._mine, invoice.c.account_id == account_id, invoice.c.status == InvoiceStatus.DRAFT)
            .values(net_term_days=days)
        )

    def settle(self, before: InvoiceRecord, after: InvoiceRecord) -> None:
        """Change the status of a frozen invoice, and what is paid of it; nothing else about it can change.

        Raises:
            BillingError: of kind CONFLICT, when either has changed since it was read.
        """
        was = self._values(before)
        changed = self._connection.execute(
            update(invoice)
            .where(
                self._mine,
                invoice.c.id == before.id,
                invoice.c.status == before.status,
                invoice.c.paid_minor == was["paid_minor"],
            )
            .values({name: self._values(after)[name] for name in ("status", "paid_minor", "updated_at")})
        )
        if not changed.rowcount:
            raise conflict(f"invoice {before.id!r} changed in the meantime: read it again")

    def refunding_at(self, now: datetime) -> list[InvoiceRecord]:
        """Invoices whose refund was initiated by an instant, and is not completed yet."""
        rows = self._connection.execute(
            select(invoice)
            .where(self._mine, invoice.c.status == InvoiceStatus.REFUND_INITIATED, invoice.c.updated_at <= now)
            .order_by(invoice.c.updated_at, invoice.c.id)
        ).mappings()
        return [_record(row) for row in rows]

    def among(self, names: Collection[str]) -> dict[str, InvoiceRecord]:
        """The invoices of these ids, by id; ids that do not exist are left out."""
        rows = self._connection.execute(select(invoice).where(self._mine, among(invoice.c.id, names))).mappings()
        return {row["id"]: _record(row) for row in rows}

    def lines_of(self, name: str) -> list[LineRow]:
        """The frozen lines of an invoice, in order."""
        rows = self._connection.execute(
            select(invoice_line)
            .where(invoice_line.c.organisation_id == self._organisation, invoice_line.c.invoice_id == name)
            .order_by(invoice_line.c.number)
        ).mappings()
        return [_line(row) for row in rows]

    @property
    def _mine(self) -> Any:  # noqa: ANN401 - a condition
        return invoice.c.organisation_id == self._organisation

    def _values(self, record: InvoiceRecord) -> dict[str, Any]:
        return {
            "organisation_id": self._organisation,
            "id": record.id,
            "account_id": record.account_id,
            "customer_id": record.customer_id,
            "schedule_id": record.schedule_id,
            "price_plan_id": record.price_plan_id,
            "class": record.invoice_class,
            "type": record.invoice_type,
            "status": record.status,
            "cycle_start": record.cycle.period.start,
            "cycle_end": record.cycle.period.end,
            "nominal_start": record.cycle.nominal.start,
            "nominal_end": record.cycle.nominal.end,
            "cycle_ordinal": record.ordinal,
            "freeze_at": record.freeze_at,
            "currency": record.currency,
            "net_term_days": record.net_term_days,
            "sequence_id": record.sequence_id,
            "total_minor": None if record.total is None else record.total.minor,
            "paid_minor": 0 if record.paid is None else record.paid.minor,
            "frozen_at": record.frozen_at,
            "frozen_position": record.frozen_position,
            "details": None if record.details is None else encode(record.details).decode(),
            "created_at": record.created_at,
            "updated_at": record.updated_at,
        }

    def _line_values(self, invoice_id: str, line: LineRow) -> dict[str, Any]:
        return {
            "organisation_id": self._organisation,
            "invoice_id": invoice_id,
            "number": line.number,
            "parent": line.parent,
            "depth": line.depth,
            "type": line.type,
            "item_id": line.entity_id,
            "description": line.description,
            "quantity": _digits(line.quantity),
            "value_per_quantity": _digits(line.value_per_quantity),
            "units": line.units,
            "amount_minor": line.minor,
            "metadata": None if line.explanation is None else encode(line.explanation).decode(),
        }


_FROZEN_COLUMNS: Final = (
    "status",
    "sequence_id",
    "total_minor",
    "frozen_at",
    "frozen_position",
    "details",
    "updated_at",
)


def _digits(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:f}"


def _number(digits: str | None) -> Decimal | None:
    return None if digits is None else from_text(digits)


def _record(row: RowMapping) -> InvoiceRecord:
    currency, total = row["currency"], row["total_minor"]
    return InvoiceRecord(
        id=row["id"],
        account_id=row["account_id"],
        customer_id=row["customer_id"],
        schedule_id=row["schedule_id"],
        price_plan_id=row["price_plan_id"],
        invoice_class=InvoiceClass(row["class"]),
        invoice_type=InvoiceType(row["type"]),
        status=InvoiceStatus(row["status"]),
        cycle=Cycle(Period(row["cycle_start"], row["cycle_end"]), Period(row["nominal_start"], row["nominal_end"])),
        ordinal=row["cycle_ordinal"],
        freeze_at=row["freeze_at"],
        currency=currency,
        net_term_days=row["net_term_days"],
        sequence_id=row["sequence_id"],
        total=None if total is None else from_minor(total, currency),
        paid=from_minor(row["paid_minor"], currency),
        frozen_at=row["frozen_at"],
        frozen_position=row["frozen_position"],
        details=None if row["details"] is None else decode(row["details"], InvoiceDetails),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _line(row: Any) -> LineRow:  # noqa: ANN401 - a row of invoice_line, as any mapping
    return LineRow(
        number=row["number"],
        parent=row["parent"],
        depth=row["depth"],
        type=LineType(row["type"]),
        entity_id=row["item_id"],
        description=row["description"],
        quantity=_number(row["quantity"]),
        value_per_quantity=_number(row["value_per_quantity"]),
        units=row["units"],
        minor=row["amount_minor"],
        explanation=None if row["metadata"] is None else decode(row["metadata"], Explanation),
    )
