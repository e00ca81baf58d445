"""Credits: amounts granted to an account that reduce its invoices until they are used up, void or expired.

Amounts on the wire are decimals in major units of `creditUnit`, the account's currency.
"""

from __future__ import annotations

import enum
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tallystick.kernel.document import Document, Draft
from tallystick.kernel.errors import BillingError, Problem
from tallystick.kernel.money import Money, exact_in_minor_unit
from tallystick.kernel.quantity import ZERO, plain

Purpose = Annotated[str, Meta(min_length=1, max_length=500)]
Reference = Annotated[str, Meta(min_length=1, max_length=255)]
Priority = Annotated[int, Meta(ge=1, le=100)]


class CreditStatus(enum.StrEnum):
    """States of a credit; only an ACTIVE one is burned, held or voided (domain.md 1.4)."""

    ACTIVE = "ACTIVE"
    CONSUMED = "CONSUMED"
    EXPIRED = "EXPIRED"
    VOIDED = "VOIDED"


class TransactionType(enum.StrEnum):
    """What happened to a credit; the amount is always positive."""

    CREDITED = "CREDITED"
    DEBITED = "DEBITED"
    EXPIRED = "EXPIRED"
    VOIDED = "VOIDED"


class EntityGroup(enum.StrEnum):
    """Words among the applicable entities that stand for every card of a kind (domain.md 6.1)."""

    ALL_USAGE_METER_RATE_CARDS = "ALL_USAGE_METER_RATE_CARDS"
    ALL_FIXED_FEE_RATE_CARDS = "ALL_FIXED_FEE_RATE_CARDS"
    ALL_LICENSE_RATE_CARDS = "ALL_LICENSE_RATE_CARDS"
    ALL_BILLING_ENTITLEMENT_RATE_CARDS = "ALL_BILLING_ENTITLEMENT_RATE_CARDS"
    ALL_ENTITLEMENT_OVERAGE_RATE_CARDS = "ALL_ENTITLEMENT_OVERAGE_RATE_CARDS"


_GROUP_PREFIX: Final = "ALL_"

OWN_KEYS: Final = "tallystick:"
"""How idempotency keys of credits begin that bills grant: no caller may take one, or a refund would not be granted."""


class CreditRequest(Draft, frozen=True, kw_only=True):
    """One grant that a caller asks for; no applicable entities means all of them."""

    account_id: Annotated[str, Meta(min_length=1, max_length=50)]
    purpose: Purpose
    applicable_entity_ids: Annotated[list[Reference], Meta(max_length=100)] = []
    effective_from: date
    effective_until: date | None = None
    credit_amount: Decimal
    priority: Priority
    grantor_id: Reference | None = None
    idempotency_key: Reference | None = None


class CreditRequests(Draft, frozen=True, kw_only=True):
    """What `POST /credits` takes: all are granted, or none."""

    credit_requests: Annotated[list[CreditRequest], Meta(min_length=1, max_length=100)]


class Credit(CreditRequest, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A grant with what became of it; an ACTIVE credit is effective from `effectiveFrom` to `effectiveUntil`.

    `consumedAmount` was burned by invoices that are due, `holdAmount` is reserved by drafts.
    """

    id: str
    customer_id: str
    status: CreditStatus
    credit_unit: str
    hold_amount: Decimal
    consumed_amount: Decimal
    created_at: datetime
    updated_at: datetime | None = None

    @property
    def amount(self) -> Money:
        """What was granted."""
        return Money(self.credit_amount, self.credit_unit)


class CreditTransaction(Document, frozen=True, kw_only=True):
    """One entry in the life of a credit."""

    id: str
    credit_id: str
    transaction_type: TransactionType
    invoice_id: str | None = None
    entity_id: str | None = None
    amount: Decimal
    created_at: datetime


class CreditDetails(Credit, frozen=True, kw_only=True):
    """A credit with its transactions."""

    transactions: list[CreditTransaction]


class CreditsGranted(Document, frozen=True, kw_only=True):
    """The answer of `POST /credits`."""

    credits: list[Credit]


def request_problems(request: CreditRequest, currency: str, path: str) -> list[Problem]:
    """All that keeps a request from being granted to an account of that currency; paths start with `path`."""
    problems: list[Problem] = []
    if request.credit_amount <= 0:
        problems.append(Problem(f"{path}.creditAmount", f"is {request.credit_amount:f}, expected more than 0"))
    try:
        exact_in_minor_unit(request.credit_amount, currency, f"{path}.creditAmount")
    except BillingError as error:
        problems += error.problems
    if request.idempotency_key is not None and request.idempotency_key.startswith(OWN_KEYS):
        reason = f"begins with {OWN_KEYS!r}, as those of credits that bills grant do: choose another one"
        problems.append(Problem(f"{path}.idempotencyKey", reason))
    if request.effective_until is not None and request.effective_until <= request.effective_from:
        reason = f"is {request.effective_until}, expected a day after effectiveFrom {request.effective_from}"
        problems.append(Problem(f"{path}.effectiveUntil", reason))
    return problems + entity_problems(request.applicable_entity_ids, f"{path}.applicableEntityIds")


def entity_problems(entities: list[str], path: str) -> list[Problem]:
    """What is wrong with the applicable entities of a credit, which stand at that path."""
    problems = [
        Problem(path, f"names {entity!r} {times} times") for entity, times in Counter(entities).items() if times > 1
    ]
    for position, entity in enumerate(entities):
        if entity.startswith(_GROUP_PREFIX) and entity not in EntityGroup.__members__:
            reason = f"{entity!r} is no group of cards, expected {', '.join(EntityGroup)} or the id of an item"
            problems.append(Problem(f"{path}[{position}]", reason))
    return problems


def grant(request: CreditRequest, *, credit_id: str, customer_id: str, currency: str, now: datetime) -> Credit:
    """The new credit that a valid request becomes."""
    asked = msgspec.structs.asdict(request) | {"credit_amount": plain(request.credit_amount)}
    return Credit(
        **asked,
        id=credit_id,
        customer_id=customer_id,
        status=CreditStatus.ACTIVE,
        credit_unit=currency,
        hold_amount=ZERO,
        consumed_amount=ZERO,
        created_at=now,
    )
