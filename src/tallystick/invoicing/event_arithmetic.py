"""What events cost that have a fee of their own, group by group, in words (docs/adr/0038)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.invoicing.figures import figure, operand
from tallystick.kernel.quantity import EXACT
from tallystick.rating.event_fee import EventFee

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from tallystick.invoicing.line import PricedEvents


def events_arithmetic(events: Sequence[PricedEvents], rate: Decimal, fixed: Decimal) -> str:
    """The way to what events cost together, which the caller writes behind it."""
    if not events:
        return "no events"
    parts = [_group(one, rate, fixed) for one in events]
    if len(parts) == 1:
        return parts[0]
    first, *others = (operand(one.amount) for one in events)
    told = (f"{part} = {figure(one.amount)}" for part, one in zip(parts, events, strict=True))
    return f"{'; '.join(told)}; {' + '.join([first, *others])}"


def fixed_arithmetic(events: Decimal, rate: Decimal, free: int) -> str:
    """The way to fixed amounts of so many events, which are left of more when some are free."""
    total = EXACT.add(events, free)
    before = f"{figure(total)} events, {free} of them free: " if free else ""
    return f"{before}{figure(events)} x {figure(rate)}"


def _group(one: PricedEvents, rate: Decimal, fixed: Decimal) -> str:
    what = "refund" if one.fee in {EventFee.REFUND, EventFee.REFUND_MAXIMUM} else "event"
    count = f"{one.events} {what}{'' if one.events == 1 else 's'}"
    share = f"{figure(rate)} % of {operand(one.quantity)}"
    each = operand(EXACT.divide(one.amount, one.events))
    match one.fee:
        case EventFee.REFUND:
            return f"{count}: {share}"
        case EventFee.PERCENTAGE:
            return f"{count}: {share}{f' + {one.events} x {figure(fixed)}' if fixed else ''}"
        case EventFee.MINIMUM:
            return f"{count} raised to the minimum: {one.events} x {each}"
        case _:
            return f"{count} lowered to the maximum: {one.events} x {each}"
