"""Short ways to say what an account holds of a licence, for tests: (day, quantity) from midnight on.

A third text says when the change came to be known, if that was after it had come into force.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tallystick.accounts.licence import LicenceEntry, UpdateType, in_force
from tallystick.kernel.period import Period, local_midnight
from tallystick.kernel.recurrence import Cycle
from tallystick.rating.licence import Seats

if TYPE_CHECKING:
    from collections.abc import Iterable

UTC_ZONE = ZoneInfo("UTC")


def entries(changes: Iterable[tuple[str, ...]], kind: UpdateType = UpdateType.RELATIVE) -> list[LicenceEntry]:
    """The entries of a ledger, in the order in which they were made: each known when it is in force."""
    made = []
    for number, (since, quantity, *known) in enumerate(changes):
        at, booked_at = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (since, (known or [since])[0]))
        made.append(
            LicenceEntry(
                id=f"licence_entry.{number:05}",
                license_id="addon.seats",
                account_id="acme",
                update_type=kind,
                quantity=Decimal(quantity),
                effective_from=at,
                booked_at=booked_at,
                created_at=at,
                metadata={},
            )
        )
    return in_force(made)


def seats(*changes: tuple[str, ...], zone: ZoneInfo = UTC_ZONE) -> Seats:
    return Seats(entries(changes), zone)


def cycle(start: str, end: str, zone: ZoneInfo = UTC_ZONE, *, joined: str | None = None) -> Cycle:
    """A cycle from one day until before another, of which only the days since `joined` are covered."""
    first, behind = (local_midnight(date.fromisoformat(day), zone) for day in (start, end))
    covered = first if joined is None else local_midnight(date.fromisoformat(joined), zone)
    return Cycle(Period(covered, behind), Period(first, behind))


def days_of(one: Cycle) -> list[date]:
    """The days of a cycle in UTC."""
    first = one.period.start.date()
    return [first + timedelta(days=day) for day in range((one.period.end - one.period.start).days)]


JUNE = cycle("2026-06-01", "2026-07-01")
GROWING = (("2026-05-20", "10"), ("2026-06-11", "5"), ("2026-06-21", "-3"))
"""Ten seats, fifteen from 11 June on, twelve from the 21st on: the worked example of domain.md 4.6."""
