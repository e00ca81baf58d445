"""Licences: how many of an add-on an account holds, as a ledger of dated entries (domain.md 8.3).

An entry is a fact: it sets the quantity (ABSOLUTE) or moves it (RELATIVE) from an instant on. What stands after it
follows from all entries up to its instant, so that an entry in the past moves what stands after the later RELATIVE
ones, up to the next ABSOLUTE one.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import accumulate, zip_longest
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta

from tallystick.accounts.account import Metadata
from tallystick.catalog.fields import Id
from tallystick.kernel.document import Document, Draft
from tallystick.kernel.errors import Problem
from tallystick.kernel.quantity import EXACT, STORED_DIGITS, STORED_SCALE, ZERO, spelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tallystick.kernel.period import Period

_MOST_WHOLE_DIGITS: Final = STORED_DIGITS - STORED_SCALE


class UpdateType(enum.StrEnum):
    """Whether an entry moves the quantity or sets it."""

    RELATIVE = "RELATIVE"
    ABSOLUTE = "ABSOLUTE"


class LicenseUpdateDraft(Draft, frozen=True, kw_only=True):
    """What `POST /license_updates` takes; without `effectiveFrom`, it holds from now on."""

    license_id: Id
    account_id: Id
    update_type: UpdateType
    quantity: Decimal
    effective_from: datetime | None = None
    idempotency_key: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    metadata: Metadata = {}


class LicenseUpdatePatch(Draft, frozen=True, kw_only=True):
    """What `PATCH /license_updates/{id}` takes: account and instant say which entry, the metadata replace its own."""

    account_id: Id
    effective_from: datetime
    metadata: Metadata


class LicenseUpdate(Document, frozen=True, kw_only=True):
    """An entry as the wire shows it: `quantity` is what stands after it."""

    license_id: str
    account_id: str
    quantity: Decimal
    effective_from: datetime
    metadata: dict[str, str] = {}
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceEntry:
    """One fact of the ledger; ids sort in the order in which entries were made.

    `account_id` is whose it is: the account, or the name under which it waits for one. `booked_at` is when it counts in
    bills in advance: as soon as it is both known and in force, at the latest.
    """

    id: str
    license_id: str
    account_id: str
    update_type: UpdateType
    quantity: Decimal
    effective_from: datetime
    booked_at: datetime
    created_at: datetime
    idempotency_key: str | None = None
    metadata: dict[str, str]

    def shown(self, standing: Decimal) -> LicenseUpdate:
        """The entry on the wire, with what stands after it."""
        return LicenseUpdate(
            license_id=self.license_id,
            account_id=self.account_id,
            quantity=standing,
            effective_from=self.effective_from,
            metadata=self.metadata,
            created_at=self.created_at,
        )


def in_force(entries: Iterable[LicenceEntry]) -> list[LicenceEntry]:
    """Entries by the instants from which they hold; of one instant, the one that was made last comes last."""
    return sorted(entries, key=attrgetter("effective_from", "id"))


def standings(entries: Sequence[LicenceEntry]) -> list[Decimal]:
    """What stands after each entry of one licence and account; they come as `in_force` orders them."""
    return list(accumulate(entries, _after, initial=ZERO))[1:]


def _after(standing: Decimal, entry: LicenceEntry) -> Decimal:
    return entry.quantity if entry.update_type is UpdateType.ABSOLUTE else EXACT.add(standing, entry.quantity)


def most_held(entries: Sequence[LicenceEntry], within: Period) -> Decimal:
    """The most that is held at any instant of a period; entries come as `in_force` orders them."""
    most = ZERO
    for (entry, standing), following in zip_longest(
        zip(entries, standings(entries), strict=True), (one.effective_from for one in entries[1:])
    ):
        if entry.effective_from < within.end and (following is None or following > within.start):
            most = max(most, standing)
    return most


def quantity_problems(quantity: Decimal) -> list[Problem]:
    """Why a quantity cannot be kept: it has more digits than the ledger holds."""
    _, _, exponent = quantity.as_tuple()
    if quantity.adjusted() < _MOST_WHOLE_DIGITS and -int(exponent) <= STORED_SCALE:
        return []
    reason = f"is {spelled(quantity)}, expected at most {_MOST_WHOLE_DIGITS} digits and {STORED_SCALE} decimals"
    return [Problem("quantity", reason)]


def balance_problems(entries: Sequence[LicenceEntry]) -> list[Problem]:
    """Where a ledger falls below zero; entries come as `in_force` orders them."""
    for entry, standing in zip(entries, standings(entries), strict=True):
        if standing < 0:
            since = entry.effective_from.isoformat()
            reason = f"would leave {standing:f} from {since} on, expected an update that leaves 0 or more"
            return [Problem("quantity", reason)]
    return []
