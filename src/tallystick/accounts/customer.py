"""Customers: the companies that are billed. A customer holds no plan itself; its accounts do."""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET, UnsetType

from tallystick.accounts.account import Account, FirstAccountDraft
from tallystick.accounts.party import Address, Email, NoSettings, PartyName
from tallystick.catalog.fields import Id, Shelf
from tallystick.kernel.document import Document, Draft


class Customer(Document, frozen=True, kw_only=True):
    """A customer; its id is the caller's and never changes."""

    id: str
    togai_customer_id: str
    name: str
    primary_email: str
    billing_address: str
    address: Address
    status: Shelf
    created_at: datetime
    updated_at: datetime


class CustomerCreated(Document, frozen=True, kw_only=True):
    """The answer of `POST /customers`: the customer with its first account."""

    id: str
    togai_customer_id: str
    name: str
    primary_email: str
    billing_address: str
    address: Address
    account: Account


class CustomerDraft(Draft, frozen=True, kw_only=True):
    """What `POST /customers` takes; without an account one is cloned from the customer.

    Togai wants an address, of which every part is optional; here it may be missing altogether.
    """

    id: Id
    name: PartyName
    primary_email: Email
    address: Address = Address()
    settings: NoSettings = []
    account: FirstAccountDraft | None = None


class CustomerPatch(Draft, frozen=True, kw_only=True):
    """What `PATCH /customers/{id}` takes: fields that are absent stay."""

    name: PartyName | UnsetType = UNSET
    primary_email: Email | UnsetType = UNSET
    address: Address | UnsetType = UNSET
