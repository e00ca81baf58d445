"""What the revenue calculator looks up: accounts, their cycles, ranges; what is not there is refused by its path."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, TypeVar

from tallystick.accounts.account import Account
from tallystick.accounts.schedule import Schedule
from tallystick.kernel.errors import invalid
from tallystick.kernel.period import BEGINNING, FOREVER, Period, in_utc, local_date, local_midnight
from tallystick.kernel.recurrence import Cycle
from tallystick.operations.revenue_question import (
    LicenseEntriesConfig,
    LookupMode,
    NamedLicenseEntriesConfig,
    UsageConfig,
)
from tallystick.operations.work import Work

T = TypeVar("T")
Looked = UsageConfig | LicenseEntriesConfig | NamedLicenseEntriesConfig
_LATEST: Final = FOREVER - timedelta(days=366)


def needed(sent: T | None, path: str, mode: str) -> T:
    """What a mode cannot do without.

    Raises:
        BillingError: of kind INVALID, as everything here.
    """
    if sent is None:
        raise invalid(path, f"is missing: mode {mode} needs it")
    return sent


def account_named(work: Work, account_id: str | None, path: str, mode: str) -> Account:
    """The account that a mode needs; an archived one has a past too."""
    account = work.state.accounts.find(needed(account_id, path, mode))
    if account is None:
        raise invalid(path, f"account {account_id!r} not found")
    return account


def looked_up(work: Work, config: Looked, path: str) -> tuple[Account, Period]:
    """The account whose quantities are looked up, and when: in a range, or in one of its cycles, by default now's."""
    if config.mode is LookupMode.LOOKUP_RANGE:
        asked = needed(config.lookup_range, f"{path}.lookupRange", config.mode)
        account = account_named(work, asked.account_id, f"{path}.lookupRange.accountId", config.mode)
        start = instant_of(asked.start, f"{path}.lookupRange.start")
        end = instant_of(asked.end, f"{path}.lookupRange.end")
        if start >= end:
            reason = "must lie after start: it is the first instant that does not count"
            raise invalid(f"{path}.lookupRange.end", reason)
        return account, Period(start, end)
    cycle = needed(config.lookup_cycle, f"{path}.lookupCycle", config.mode)
    account = account_named(work, cycle.account_id, f"{path}.lookupCycle.accountId", config.mode)
    here = f"{path}.lookupCycle.cycleEffectiveOn"
    return account, cycle_of(work, account, instant_of(cycle.cycle_effective_on or work.now, here), here)[1].period


def cycle_of(work: Work, account: Account, at: datetime, path: str) -> tuple[Schedule, Cycle]:
    """The cycle of an account that holds an instant, and the piece of its timeline."""
    for piece in work.state.schedules.of([account.id])[account.id]:
        if piece.within.contains(at):
            return piece, piece.cycle_at(at, work.organisation.zone)
    raise invalid(path, f"account {account.id!r} has no price plan at {at.isoformat()}")


def day_of(work: Work, instant: datetime, path: str) -> datetime:
    """The first instant of the day that an instant lies in, in organisation time."""
    zone = work.organisation.zone
    return local_midnight(local_date(instant_of(instant, path), zone), zone)


def instant_of(instant: datetime, path: str) -> datetime:
    """The instant in UTC, early and late enough to calculate with the days around it."""
    found = in_utc(instant, path)
    if not BEGINNING <= found <= _LATEST:
        raise invalid(path, f"{found.isoformat()} lies outside the years 1970 to 9998")
    return found
