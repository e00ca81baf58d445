"""When an account that is moved to another plan version gets it (domain.md 4.9, 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.catalog.plan_migration import MigrationMode

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from tallystick.accounts.schedule import Schedule
    from tallystick.catalog.price_plan import PricingCycleConfig
    from tallystick.kernel.recurrence import CycleRule

_AT_ONCE: Final = (MigrationMode.IMMEDIATE, MigrationMode.IMMEDIATE_IGNORE_OVERRIDE)


def moves_at(piece: Schedule, mode: MigrationMode, now: datetime, earliest: datetime, zone: ZoneInfo) -> datetime:
    """From when on what is left of a piece has another plan; one that has not begun yet has it from its start.

    At once means from the first instant at which a change may start.
    """
    if now < piece.within.start:
        return piece.within.start
    if mode in _AT_ONCE:
        return earliest
    cycle = piece.cycle_at(now, zone).period
    return cycle.start if mode is MigrationMode.START_OF_CURRENT_CYCLE else cycle.end


def kept_anniversary(piece: Schedule, price_plan_id: str, config: PricingCycleConfig) -> CycleRule | None:
    """The cycle rule that a piece keeps in another version of its plan: that of its anniversaries, if they stay.

    They count from the day on which the plan was put on the account, whatever version of it is in force.
    """
    stays = piece.price_plan_id == price_plan_id and piece.rule.interval is config.interval
    return piece.rule if stays and piece.anniversary and config.anniversary_cycle else None
