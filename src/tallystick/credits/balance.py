"""The credit balance of an account: four figures over its ACTIVE credits (domain.md 6.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from tallystick.kernel.document import Document
from tallystick.kernel.money import zero
from tallystick.kernel.quantity import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tallystick.kernel.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one ACTIVE credit stands: granted, burned by due invoices, held by drafts.

    `is_applicable`: the present draft invoice can use it, because it is eligible for the draft's period and
    applies to one of its lines.
    """

    granted: Money
    consumed: Money
    held: Money
    is_applicable: bool

    @property
    def available(self) -> Money:
        """What due invoices left of it."""
        return self.granted - self.consumed


class CreditBalance(Document, frozen=True, kw_only=True):
    """The answer of `GET /accounts/{id}/credit_balance`; amounts in major units of `unit`.

    `lastUpdatedAt` is the instant as of which the figures hold.
    """

    active_credits: Decimal
    available_balance: Decimal
    running_balance: Decimal
    inapplicable_credits: Decimal
    unit: str
    last_updated_at: datetime


def balance_of(standings: Sequence[Standing], currency: str, as_of: datetime) -> CreditBalance:
    """The balance: active = granted, available = active - consumed, running = available - held.

    The inapplicable part is what is available of credits that the present draft cannot use.
    """
    active = _sum((standing.granted for standing in standings), currency)
    available = _sum((standing.available for standing in standings), currency)
    held = _sum((standing.held for standing in standings), currency)
    idle = _sum((standing.available for standing in standings if not standing.is_applicable), currency)
    return CreditBalance(
        active_credits=plain(active.amount),
        available_balance=plain(available.amount),
        running_balance=plain((available - held).amount),
        inapplicable_credits=plain(idle.amount),
        unit=currency,
        last_updated_at=as_of,
    )


def _sum(parts: Iterable[Money], currency: str) -> Money:
    return sum(parts, start=zero(currency))
