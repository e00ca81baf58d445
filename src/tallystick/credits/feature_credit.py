"""Feature credits: units of a feature that an account was granted and may use in a span of time (domain.md 6.3).

An entry is granted once, by an id that its grantor makes. What becomes of it are debits, which are facts, and
what a caller changes about it. Units are exact decimals that DECIMAL(38,12) holds, not amounts of money.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from tallystick.kernel.document import Document, Draft
from tallystick.kernel.errors import Problem, refuse_if_any
from tallystick.kernel.period import Period, in_utc
from tallystick.kernel.quantity import EXACT, ZERO, fits, plain, spelled, summed

if TYPE_CHECKING:
    from collections.abc import Iterable


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
    def key(self) -> tuple[str, str, str]:
        """The account, the feature and the entry, by their ids."""
        return self.grant.account_id, self.grant.feature_id, self.grant.id

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


class FeatureCreditEntry(Document, frozen=True, kw_only=True):
    """An entry as the wire shows it; without `granted` and `balance` it has no limit."""

    id: str
    source: CreditSource
    status: EntryStatus
    effective_from: datetime
    effective_until: datetime
    granted: Decimal | None = None
    balance: Decimal | None = None
    used: Decimal

    @classmethod
    def of(cls, entry: FeatureCredit, now: datetime) -> FeatureCreditEntry:
        """An entry as it stands now; of one that is void nothing is left."""
        grant = entry.grant
        return cls(
            id=grant.id,
            source=grant.source,
            status=entry.status_at(now),
            effective_from=grant.valid.start,
            effective_until=grant.valid.end,
            granted=grant.granted,
            balance=ZERO if entry.is_voided else entry.left,
            used=entry.used,
        )


class FeatureBalance(Document, frozen=True, kw_only=True):
    """What an account has of a feature now; without `overageLimit` it may go on for ever when all of that is used."""

    account_id: str
    feature_id: str
    granted: Decimal
    balance: Decimal
    overage_limit: Decimal | None = None
    used_overage: Decimal

    @classmethod
    def of(cls, account_id: str, feature_id: str, entries: Iterable[FeatureCredit]) -> FeatureBalance:
        """The sums of the ACTIVE entries that are valid now; what lies beyond what was granted is told apart."""
        found = list(entries)
        within = [entry for entry in found if not entry.is_overage]
        beyond = [entry for entry in found if entry.is_overage]
        limits = [entry.grant.granted for entry in beyond]
        return cls(
            account_id=account_id,
            feature_id=feature_id,
            granted=_total(entry.grant.granted for entry in within),
            balance=_total(entry.left for entry in within),
            overage_limit=None if None in limits else _total(limits),
            used_overage=_total(entry.used for entry in beyond),
        )


class FeatureCreditPatch(Draft, frozen=True, kw_only=True):
    """What `PATCH .../entries/{entry_id}` takes; `grantedUnits` is what Togai's prose calls `granted`."""

    effective_until: datetime | UnsetType = UNSET
    granted: Decimal | UnsetType = UNSET
    granted_units: Decimal | UnsetType = UNSET


def patched(entry: FeatureCredit, patch: FeatureCreditPatch, now: datetime) -> FeatureGrant:
    """The grant of an ACTIVE entry with what a caller changes: what was used of it stays used (domain.md 6.3).

    Raises:
        BillingError: of kind INVALID, with every problem.
    """
    problems: list[Problem] = []
    grant = entry.grant
    if not isinstance(patch.effective_until, UnsetType):
        until = in_utc(patch.effective_until, "effectiveUntil")
        if until <= max(now, grant.valid.start):
            reason = f"is {until.isoformat()}, expected an instant after now and after {grant.valid.start.isoformat()}"
            problems.append(Problem("effectiveUntil", reason))
        else:
            grant = replace(grant, valid=Period(grant.valid.start, until))
    granted = _one_spelling(patch, problems)
    if granted is not None:
        problems += _granted_problems(granted, entry.used)
        grant = replace(grant, granted=granted)
    refuse_if_any(problems)
    return grant


def _one_spelling(patch: FeatureCreditPatch, problems: list[Problem]) -> Decimal | None:
    """What is granted from now on, under one of its two names; None, when it stays."""
    given = [units for units in (patch.granted, patch.granted_units) if not isinstance(units, UnsetType)]
    if len(given) > 1:
        problems.append(Problem("grantedUnits", "granted was sent too: send only that one"))
    return given[0] if given else None


def _granted_problems(granted: Decimal, used: Decimal) -> list[Problem]:
    told = f"is {spelled(granted)}"
    if granted < ZERO or not fits(granted):
        return [Problem("granted", f"{told}, expected 0 to 26 digits before the point and at most 12 behind it")]
    if granted < used:
        left = EXACT.subtract(granted, used)
        return [Problem("granted", f"{told}, but {spelled(used)} are used: the balance would be {spelled(left)}")]
    return []


def _total(units: Iterable[Decimal | None]) -> Decimal:
    return plain(summed(one for one in units if one is not None))
