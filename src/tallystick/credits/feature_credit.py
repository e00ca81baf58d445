"""Feature credits: units of a feature that an account was granted and may use in a span of time (domain.md 6.3).

An entry is granted once, by an id that its grantor makes. What becomes of it are debits, which are facts, and
what a caller changes about it. Units are exact decimals that DECIMAL(38,12) holds, not amounts of money.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallystick.kernel.quantity import EXACT

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from tallystick.kernel.period import Period


class CreditSource(enum.StrEnum):
    """Where the units of an entry come from: a purchase, a plan, what a plan allows beyond that, or a refund."""

    ENTITLEMENT = "ENTITLEMENT"
    PRICE_PLAN = "PRICE_PLAN"
    OVERAGE = "OVERAGE"
    REFUND = "REFUND"


class EntryStatus(enum.StrEnum):
    """States of an entry; only a VOIDED one is stored as such, time alone makes EXPIRED what was ACTIVE."""

    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    VOIDED = "VOIDED"


@dataclass(frozen=True, slots=True)
class FeatureGrant:
    """Units that an account is granted; `granted` is None for overage without a limit.

    The id is unique among the entries of the account's feature, so that what is granted twice is there once.
    """

    id: str
    account_id: str
    feature_id: str
    source: CreditSource
    granted: Decimal | None
    valid: Period


@dataclass(frozen=True, slots=True)
class FeatureCredit:
    """A grant and what became of it; `revision` moves with every change of it."""

    grant: FeatureGrant
    used: Decimal
    is_voided: bool
    revision: int
    created_at: datetime
    updated_at: datetime

    @property
    def left(self) -> Decimal | None:
        """Granted minus used; None without a limit."""
        return None if self.grant.granted is None else EXACT.subtract(self.grant.granted, self.used)

    @property
    def is_overage(self) -> bool:
        """Whether its units are used last, and billed afterwards."""
        return self.grant.source is CreditSource.OVERAGE

    def status_at(self, now: datetime) -> EntryStatus:
        """ACTIVE until its time is over, though late events of its time may still use it."""
        if self.is_voided:
            return EntryStatus.VOIDED
        return EntryStatus.ACTIVE if now < self.grant.valid.end else EntryStatus.EXPIRED
