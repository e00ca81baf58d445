"""An invoice's identity and its frozen figures: what is stored of it beside its lines.

A draft has identity only; its lines and totals are computed whenever it is read. `freeze_at` is the instant at
which it falls due: cycle end plus grace in arrears, the cycle's start in advance.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.invoicing.invoice import (
    FinalizingStatus,
    Invoice,
    InvoiceStatus,
    InvoiceSummary,
)
from tallystick.kernel.quantity import ZERO, plain
from tallystick.kernel.recurrence import due_at

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from tallystick.invoicing.invoice import InvoiceClass, InvoiceDetails, InvoiceType
    from tallystick.invoicing.line import InvoiceLineItem
    from tallystick.kernel.money import Money
    from tallystick.kernel.recurrence import Cycle

_LAST_SHOWN_INSTANT: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRecord:
    """One invoice; the figures of a draft are None until it is frozen.

    `frozen_position` is the log row up to which events were processed when it was frozen.
    """

    id: str
    account_id: str
    customer_id: str
    schedule_id: str
    price_plan_id: str
    invoice_class: InvoiceClass
    invoice_type: InvoiceType
    status: InvoiceStatus
    cycle: Cycle
    ordinal: int
    freeze_at: datetime
    currency: str
    net_term_days: int
    sequence_id: str | None = None
    total: Money | None = None
    paid: Money | None = None
    frozen_at: datetime | None = None
    frozen_position: int | None = None
    details: InvoiceDetails | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def is_draft(self) -> bool:
        """Whether its amounts can still change."""
        return self.status is InvoiceStatus.DRAFT

    @property
    def open(self) -> Money:
        """What is still owed of a frozen invoice."""
        assert self.total is not None, "a draft owes nothing yet"
        return self.total if self.paid is None else self.total - self.paid

    def summary(self, total: Money, zone: ZoneInfo) -> InvoiceSummary:
        """The invoice as lists show it, with this total (domain.md 7.2)."""
        period = self.cycle.period
        invoiced_at = self.frozen_at or self.freeze_at
        return InvoiceSummary(
            id=self.id,
            customer_id=self.customer_id,
            owner_id=self.account_id,
            price_plan_id=self.price_plan_id or None,
            status=self.status,
            finalizing_status=None if self.is_draft else FinalizingStatus.FINALIZED,
            invoice_class=self.invoice_class,
            invoice_type=self.invoice_type,
            start_date=period.start,
            end_date=period.end,
            end_date_inclusive=period.end - _LAST_SHOWN_INSTANT,
            invoice_date=invoiced_at,
            due_date=max(invoiced_at, due_at(invoiced_at, self.net_term_days, zone)),
            generated_at=self.frozen_at,
            updated_at=self.updated_at,
            sequence_id=self.sequence_id,
            total_amount=plain(total.amount),
            paid_amount=ZERO if self.paid is None else plain(self.paid.amount),
            invoice_details=self.details,
            net_term_days=self.net_term_days,
        )

    def invoice(
        self,
        total: Money,
        zone: ZoneInfo,
        usage_info: tuple[InvoiceLineItem, ...],
        revenue_info: InvoiceLineItem,
    ) -> Invoice:
        """The invoice with its lines."""
        summary = self.summary(total, zone)
        shown = {field: getattr(summary, field) for field in InvoiceSummary.__struct_fields__}
        return Invoice(**shown, auto_advance=True, usage_info=usage_info, revenue_info=revenue_info)
