"""Short ways to write credits and coverable lines, for tests; amounts in US dollars."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from tallystick.credits.burndown import CoverableLine, OpenCredit
from tallystick.credits.credit import Credit, CreditStatus, EntityGroup
from tallystick.kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence

CREATED_AT = datetime(2026, 1, 1, tzinfo=UTC)
USAGE = EntityGroup.ALL_USAGE_METER_RATE_CARDS
FEES = EntityGroup.ALL_FIXED_FEE_RATE_CARDS


def usd(text: str) -> Money:
    return Money(Decimal(text), "USD")


def credit(
    identity: str,
    amount: str,
    *,
    priority: int = 1,
    applies: Sequence[str] = (),
    since: str = "2026-01-01",
    until: str | None = None,
    purpose: str = "Welcome",
    currency: str = "USD",
) -> Credit:
    return Credit(
        id=identity,
        account_id="acme-main",
        customer_id="acme",
        purpose=purpose,
        applicable_entity_ids=list(applies),
        effective_from=date.fromisoformat(since),
        effective_until=date.fromisoformat(until) if until else None,
        credit_amount=Decimal(amount),
        priority=priority,
        status=CreditStatus.ACTIVE,
        credit_unit=currency,
        hold_amount=Decimal(0),
        consumed_amount=Decimal(0),
        created_at=CREATED_AT,
    )


def open_credit(identity: str, amount: str, **more: object) -> OpenCredit:
    """A credit of which all is left."""
    granted = credit(identity, amount, **more)
    return OpenCredit(granted, granted.amount)


def line(billable_id: str | None, amount: str, group: EntityGroup | None = None) -> CoverableLine:
    return CoverableLine(usd(amount), billable_id, group)
