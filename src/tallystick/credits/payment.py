"""Payments: money that an account paid outside, and what it is allotted to (domain.md 7.8).

Amounts on the wire are decimals in major units of the payment's currency, which is the account's.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from tallystick.catalog.fields import Text255
from tallystick.kernel.document import Document, Draft
from tallystick.kernel.errors import Problem, attempted, invalid, refuse_if_any
from tallystick.kernel.money import Money, exact_in_minor_unit, zero
from tallystick.kernel.quantity import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Text512 = Annotated[str, Meta(max_length=512)]
Named512 = Annotated[str, Meta(min_length=1, max_length=512)]
Order = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]


class PaymentSource(enum.StrEnum):
    """How money came in; all but cash has a number that tells one transaction from another."""

    GATEWAY = "GATEWAY"
    CASH = "CASH"
    CHEQUE = "CHEQUE"
    BANK_TRANSFER = "BANK_TRANSFER"
    CARD = "CARD"


class PaymentLineType(enum.StrEnum):
    """What a part of a payment pays: an invoice, a new credit, or the wallet."""

    INVOICE = "INVOICE"
    CREDIT = "CREDIT"
    WALLET_CREDIT = "WALLET_CREDIT"


class PaymentReference(Draft, frozen=True, kw_only=True):
    """The transaction outside that a payment is."""

    source_name: Named512
    source_type: PaymentSource
    transaction_number: Named512
    description: Text512 | None = None
    metadata: Annotated[dict[Text255, str | int | bool | None], Meta(max_length=50)] | None = None


class PaymentLine(Draft, frozen=True, kw_only=True):
    """A part of a payment; without an amount it takes as much as it can (domain.md 7.8)."""

    type: PaymentLineType
    togai_id: Named512 | None = None
    amount: Decimal | None = None
    order: Order


class PaymentDraft(Draft, frozen=True, kw_only=True):
    """What `POST /payments` takes."""

    description: Text512 | None = None
    notes: Text512 | None = None
    account_id: Named512
    external_payment_reference: PaymentReference
    line_item_records: Annotated[list[PaymentLine], Meta(min_length=1, max_length=100)]
    currency: Text512
    total_amount: Decimal


class Payment(Document, frozen=True, kw_only=True):
    """A payment as it is recorded, or as one of its versions says what became of its parts."""

    id: str
    description: str | None = None
    notes: str | None = None
    account_id: str
    external_payment_references: PaymentReference
    line_item_records: list[PaymentLine]
    total_amount: Decimal
    currency: str
    version: int
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Share:
    """What a part of a payment gets; `target` is the invoice, or what the part has become since it was stored."""

    type: PaymentLineType
    order: int
    amount: Money
    target: str | None = None

    def pays(self, target: str) -> bool:
        """Whether some of it went there; a part that had nothing left to take went nowhere."""
        return self.target == target and bool(self.amount)

    def to(self, kind: PaymentLineType, target: str) -> Share:
        """The same money for something else."""
        return replace(self, type=kind, target=target)

    def line(self) -> PaymentLine:
        """The part as the wire shows it."""
        return PaymentLine(type=self.type, togai_id=self.target, amount=plain(self.amount.amount), order=self.order)


def allot(lines: Sequence[PaymentLine], total: Money, owed: Mapping[str, Money]) -> list[Share]:
    """Who gets what of a payment: its lines by `order`, equal ones as they stand; the rest goes to the wallet.

    `owed` is what is open of each invoice that may be paid. An amount that a line names has to fit what is left of the
    payment, and of the invoice; a line without one takes as much as it can, also nothing.

    Raises:
        BillingError: of kind INVALID, with every line that does not fit.
    """
    problems: list[Problem] = []
    left, still_owed = total, dict(owed)
    shares = []
    for index, line in sorted(enumerate(lines), key=lambda numbered: numbered[1].order):
        path = f"lineItemRecords[{index}]"
        most = left if line.type is not PaymentLineType.INVOICE else min(left, still_owed[line.togai_id or ""])
        amount = attempted(problems, partial(_amount, line, path, most, left)) or zero(total.currency)
        left -= amount
        if line.type is PaymentLineType.INVOICE and line.togai_id:
            still_owed[line.togai_id] -= amount
        shares.append(Share(line.type, line.order, amount, line.togai_id))
    refuse_if_any(problems)
    if left:
        last = max(share.order for share in shares)
        shares.append(Share(PaymentLineType.WALLET_CREDIT, min(last + 1, 2**31 - 1), left))
    return shares


def _amount(line: PaymentLine, path: str, most: Money, left: Money) -> Money:
    """What a line takes of what is left of a payment, at most so much.

    Raises:
        BillingError: of kind INVALID, when it names another amount than it can take.
    """
    if line.amount is None:
        return most
    path = f"{path}.amount"
    if line.amount <= 0:
        raise invalid(path, f"is {line.amount:f}, expected more than 0, or no amount to take as much as it can")
    amount = exact_in_minor_unit(line.amount, left.currency, path)
    if amount > left:
        raise invalid(path, f"is {line.amount:f}, but only {left} is left of the payment")
    if amount > most:
        raise invalid(path, f"is {line.amount:f}, but only {most} is open of invoice {line.togai_id!r}")
    return amount
