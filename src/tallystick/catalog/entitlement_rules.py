"""What entitlement cards must hold beside their prices (domain.md 4.3, 4.7)."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final

from tallystick.kernel.errors import Problem
from tallystick.kernel.quantity import STORED_DIGITS, STORED_SCALE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from decimal import Decimal

    from tallystick.catalog.entitlement import EntitlementOverageRateCard, FeatureConfig
    from tallystick.kernel.day_span import DaySpan

_DAYS: Final = "send whole days, for example P20D or P1M"
_BEGINS: Final = attrgetter("begins_after")
_ENDS: Final = attrgetter("ends_after")


def config_problems(path: str, configs: Sequence[FeatureConfig]) -> Iterator[Problem]:
    """What is wrong with the units of a card, and with when they may be used."""
    for position, config in enumerate(configs):
        here = f"{path}[{position}]"
        yield from _units(f"{here}.featureCreditLimit", config.feature_credit_limit)
        problems: list[Problem] = []
        begins = _span(problems, f"{here}.effectiveFrom", config, _BEGINS)
        ends = _span(problems, f"{here}.effectiveUntil", config, _ENDS)
        yield from problems
        if begins and ends and not ends.ends_behind(begins):
            reason = f"is {config.effective_until!r}, which does not always end after effectiveFrom"
            yield Problem(f"{here}.effectiveUntil", f"{reason} {config.effective_from!r}")


def overage_problems(path: str, card: EntitlementOverageRateCard) -> Iterator[Problem]:
    """What is wrong with how much overage there may be."""
    if card.max_quantity is not None:
        yield from _units(f"{path}.maxQuantity", card.max_quantity)


def _units(path: str, units: Decimal) -> Iterator[Problem]:
    """Units are counted like usage: above 0, and so that the ledger holds them exactly."""
    if units <= 0:
        yield Problem(path, f"is {units:f}, expected more than 0")
    elif not _is_storable(units):
        before = STORED_DIGITS - STORED_SCALE
        reason = f"is {units:f}, units have at most {before} digits before their point and {STORED_SCALE} behind it"
        yield Problem(path, reason)


def _is_storable(units: Decimal) -> bool:
    exponent = units.normalize().as_tuple().exponent
    return units.adjusted() < STORED_DIGITS - STORED_SCALE and int(exponent) >= -STORED_SCALE


def _span(
    problems: list[Problem], path: str, config: FeatureConfig, read: Callable[[FeatureConfig], DaySpan]
) -> DaySpan | None:
    try:
        return read(config)
    except ValueError as error:
        problems.append(Problem(path, f"{error}, {_DAYS}"))
        return None
