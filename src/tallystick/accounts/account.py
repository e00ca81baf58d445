"""Accounts: the billing units. An account has one currency and at most one plan at a time."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from tallystick.accounts.party import Address, Email, NoSettings, PartyName
from tallystick.catalog.fields import CurrencyCode, Id, Text255
from tallystick.kernel.document import Document, Draft

AliasText = Annotated[str, Meta(min_length=3, max_length=50)]
Aliases = Annotated[list[AliasText], Meta(max_length=10)]
Metadata = Annotated[dict[Text255, Annotated[str, Meta(max_length=1000)]], Meta(max_length=50)]
Tags = Annotated[list[Text255], Meta(max_length=50)]
Recipients = Annotated[list[Email], Meta(max_length=50)]
NetTermDays = Annotated[int, Meta(ge=0, le=3660)]
SHOWN_ALIASES = 10
"""An answer carries at most so many aliases, and a new account starts with no more: the official client refuses it."""


class AccountStatus(enum.StrEnum):
    """States of an account (domain.md 1.4)."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"


class BillingInformation(Draft, frozen=True, kw_only=True):
    """Who receives the invoices."""

    email_recipients: Recipients | None = None
    additional_email_recipients: Recipients | None = None


class AliasView(Document, frozen=True, kw_only=True):
    """An alias as an account shows it."""

    alias: str


class AliasDraft(Draft, frozen=True, kw_only=True):
    """An alias with the time in which events may use it; open ends are for ever."""

    value: AliasText
    effective_from: datetime | None = None
    effective_until: datetime | None = None


class Account(Document, frozen=True, kw_only=True):
    """An account; its aliases are kept apart and filled in when it is shown."""

    id: str
    togai_account_id: str
    togai_customer_id: str
    name: str
    customer_id: str
    invoice_currency: str
    aliases: list[AliasView] = []
    net_term_days: int
    address: Address | None = None
    primary_email: str | None = None
    billing_information: BillingInformation | None = None
    status: AccountStatus
    metadata: dict[str, str] | None = None
    tags: list[str] | None = None


class FirstAccountDraft(Draft, frozen=True, kw_only=True):
    """The account inside `POST /customers`."""

    id: Id
    name: PartyName
    invoice_currency: CurrencyCode | None = None
    aliases: Aliases = []
    account_aliases: Annotated[list[AliasDraft], Meta(max_length=10)] = []
    address: Address | None = None
    primary_email: Email | None = None
    billing_information: BillingInformation | None = None
    settings: NoSettings = []
    net_term_days: NetTermDays | None = None
    metadata: Metadata | None = None
    tags: Tags | None = None
    status: AccountStatus = AccountStatus.ACTIVE


class AccountDraft(FirstAccountDraft, frozen=True, kw_only=True):
    """What `POST /accounts` takes."""

    customer_id: Annotated[str, Meta(min_length=1, max_length=255)]


class AccountPatch(Draft, frozen=True, kw_only=True):
    """What `PATCH /accounts/{id}` takes: fields that are absent stay."""

    name: PartyName | UnsetType = UNSET
    status: AccountStatus | UnsetType = UNSET
    invoice_currency: CurrencyCode | UnsetType = UNSET
    net_term_days: NetTermDays | UnsetType = UNSET
    primary_email: Email | UnsetType = UNSET
    billing_information: BillingInformation | UnsetType = UNSET
    address: Address | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
