"""Invoices as the wire shows them, and what a caller may change about one (domain.md 7.1, 7.2)."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from tallystick.accounts.party import Address
from tallystick.invoicing.line import InvoiceLineItem
from tallystick.kernel.document import Document, Draft


class InvoiceStatus(enum.StrEnum):
    """States of an invoice; `states.py` draws the ways between them."""

    DRAFT = "DRAFT"
    DUE = "DUE"
    PAID = "PAID"
    VOID = "VOID"
    UN_COLLECTIBLE = "UN_COLLECTIBLE"
    REFUND_INITIATED = "REFUND_INITIATED"
    REFUND_COMPLETED = "REFUND_COMPLETED"
    MERGED = "MERGED"
    PARTIALLY_PAID = "PARTIALLY_PAID"


class FinalizingStatus(enum.StrEnum):
    """How far the way from DRAFT to DUE has come."""

    FINALIZING = "FINALIZING"
    FINALIZED = "FINALIZED"


class InvoiceClass(enum.StrEnum):
    """An invoice proper, the order of a prepaid purchase, or a part of a composite."""

    INVOICE = "INVOICE"
    ORDER = "ORDER"
    BILLABLE = "BILLABLE"


class InvoiceType(enum.StrEnum):
    """What an invoice bills: a cycle in arrears or in advance, a purchase, lines made by hand, or a group."""

    STANDARD = "STANDARD"
    AD_HOC = "AD_HOC"
    CUSTOM = "CUSTOM"
    COMPOSITE = "COMPOSITE"
    STANDARD_ADVANCED = "STANDARD_ADVANCED"
    ADHOC_ADVANCED = "ADHOC_ADVANCED"


class BilledCustomer(Document, frozen=True, kw_only=True):
    """The customer as it was when the invoice was made."""

    name: str
    primary_email: str
    billing_address: str | None = None
    address: Address | None = None


class BilledAccount(Document, frozen=True, kw_only=True):
    """The account as it was when the invoice was made."""

    name: str
    invoice_currency: str
    address: Address
    primary_email: str


class InvoiceDetails(Document, frozen=True, kw_only=True):
    """Whom and what the invoice is about."""

    customer: BilledCustomer | None = None
    account: BilledAccount | None = None
    price_plan_name: str | None = None


class InvoiceSummary(Document, frozen=True, kw_only=True):
    """An invoice as lists show it: without its lines.

    The billed period is `[startDate, endDate)`; `invoiceDate` is when it became due, or for a draft will,
    and `dueDate` lies `netTermDays` later. Amounts are in major units of the account's currency.
    """

    id: str
    customer_id: str | None = None
    owner_id: str | None = None
    price_plan_id: str | None = None
    status: InvoiceStatus
    finalizing_status: FinalizingStatus | None = None
    invoice_class: InvoiceClass
    invoice_type: InvoiceType
    start_date: datetime | None = None
    end_date: datetime | None = None
    end_date_inclusive: datetime | None = None
    invoice_date: datetime
    due_date: datetime | None = None
    generated_at: datetime | None = None
    updated_at: datetime
    sequence_id: str | None = None
    pdf_url: str | None = None
    total_amount: Decimal
    paid_amount: Decimal
    invoice_details: InvoiceDetails | None = None
    net_term_days: int


class InvoiceMetadata(Document, frozen=True, kw_only=True):
    """Where the lines stand for a reader that cannot parse them in their own place (domain.md 12)."""

    usage_info: tuple[InvoiceLineItem, ...] | None = None
    revenue_info: InvoiceLineItem | None = None


class Invoice(InvoiceSummary, frozen=True, kw_only=True):
    """An invoice with its lines."""

    usage_info: tuple[InvoiceLineItem, ...] | None = None
    revenue_info: InvoiceLineItem | None = None
    auto_advance: bool | None = None
    metadata: InvoiceMetadata | None = None


class RequestedStatus(enum.StrEnum):
    """The states that a caller may ask for."""

    DUE = "DUE"
    PAID = "PAID"
    VOID = "VOID"
    UN_COLLECTIBLE = "UN_COLLECTIBLE"
    REFUND_INITIATED = "REFUND_INITIATED"


class CustomLineDraft(Draft, frozen=True, kw_only=True):
    """A line of a custom invoice: a value, or a quantity and what each costs."""

    id: str | None = None
    description: str | None = None
    value_per_quantity: Decimal | None = None
    quantity: Decimal | None = None
    value: Decimal | None = None
    billable_id: str | None = None


class InvoicePatch(Draft, frozen=True, kw_only=True):
    """What `PATCH /invoices/{id}` takes: fields that are absent stay."""

    start_date: datetime | UnsetType = UNSET
    end_date: datetime | UnsetType = UNSET
    status: RequestedStatus | UnsetType = UNSET
    line_items: Annotated[list[CustomLineDraft], Meta(min_length=1, max_length=50)] | UnsetType = UNSET
    auto_advance: bool | UnsetType = UNSET
