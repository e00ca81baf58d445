"""The organisation: whose server this is, in which currency and time zone it counts."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import UNSET, Meta, UnsetType

from tallystick.accounts.party import Address, Email
from tallystick.kernel.document import Document, Draft

InvoiceNumberFormat = Annotated[str, Meta(min_length=1, max_length=40)]
DEFAULT_NUMBER_FORMAT = "INV-{number:06d}"


class Organisation(Document, frozen=True, kw_only=True):
    """A tenant; currency and time zone are fixed once an account has a plan."""

    id: str
    name: str
    base_currency: str
    time_zone: str
    primary_email: str | None = None
    address: Address | None = None
    invoice_number_format: str
    net_term_days: int

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which days, cycles and months begin."""
        return ZoneInfo(self.time_zone)

    def invoice_number(self, number: int) -> str:
        """The text of the n-th invoice's number."""
        return self.invoice_number_format.format(number=number)


class OrganisationPatch(Draft, frozen=True, kw_only=True):
    """What `PATCH /v1/organization` takes: fields that are absent stay."""

    name: Annotated[str, Meta(min_length=1, max_length=255)] | UnsetType = UNSET
    base_currency: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    primary_email: Email | UnsetType = UNSET
    address: Address | UnsetType = UNSET
    invoice_number_format: InvoiceNumberFormat | UnsetType = UNSET
    net_term_days: Annotated[int, Meta(ge=0, le=3660)] | UnsetType = UNSET
