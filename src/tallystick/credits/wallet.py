"""Wallets: the cash balance of an account, which pays its invoices when they fall due (domain.md 6.2).

Amounts on the wire are decimals in major units of `creditUnit`, the account's currency.
"""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, UnsetType

from tallystick.kernel.document import Document, Draft
from tallystick.kernel.money import Money
from tallystick.kernel.period import BEGINNING
from tallystick.kernel.quantity import ZERO

if TYPE_CHECKING:
    from tallystick.accounts.account import Account


class WalletStatus(enum.StrEnum):
    """States of a wallet; an INACTIVE one takes money, and pays nothing."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


class WalletEntryType(enum.StrEnum):
    """Whether money came in or went out; the amount is always positive."""

    CREDITED = "CREDITED"
    DEBITED = "DEBITED"


class WalletEntryStatus(enum.StrEnum):
    """Whether an entry has moved money; nothing is held for drafts, so every one has (domain.md 10, X-23)."""

    COMPLETED = "COMPLETED"
    ON_HOLD = "ON_HOLD"


class WalletTopup(Draft, frozen=True, kw_only=True):
    """What `POST /accounts/{id}/wallet_topup` takes."""

    topup_amount: Decimal


class WalletPatch(Draft, frozen=True, kw_only=True):
    """What `PATCH /accounts/{id}/wallet` takes: fields that are absent stay."""

    effective_from: datetime | UnsetType = UNSET
    status: WalletStatus | UnsetType = UNSET


class Wallet(Document, frozen=True, kw_only=True):
    """The wallet of an account; `balance` is what was credited and not consumed since."""

    id: str
    account_id: str
    customer_id: str
    balance: Decimal
    credit_unit: str
    status: WalletStatus
    hold_amount: Decimal
    effective_from: datetime
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def left(self) -> Money:
        """What is in it."""
        return Money(self.balance, self.credit_unit)

    def less(self, amount: Money) -> Wallet:
        """The wallet once so much was taken out of it."""
        return msgspec.structs.replace(self, balance=(self.left - amount).amount)

    def pays_at(self, instant: datetime) -> bool:
        """Whether it pays what falls due at an instant."""
        return self.status is WalletStatus.ACTIVE and self.effective_from <= instant


class WalletEntry(Document, frozen=True, kw_only=True):
    """Money that came into a wallet or went out of it, and what was in it then; never changed.

    `entityId` is the invoice or payment that it is about.
    """

    id: str
    description: str
    wallet_id: str
    transaction_type: WalletEntryType
    status: WalletEntryStatus
    entity_id: str | None = None
    amount: Decimal
    created_at: datetime
    closing_balance: Decimal


def empty_wallet(account: Account) -> Wallet:
    """The wallet that an account has before anything happened to it, with the id that it keeps afterwards."""
    return Wallet(
        id=f"wallet.{account.togai_account_id.partition('.')[2]}",
        account_id=account.id,
        customer_id=account.customer_id,
        balance=ZERO,
        credit_unit=account.invoice_currency,
        status=WalletStatus.ACTIVE,
        hold_amount=ZERO,
        effective_from=BEGINNING,
    )
