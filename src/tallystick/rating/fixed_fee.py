"""Fixed fees: in which cycles cards are charged (domain.md 4.5), and for how many days fees are (domain.md 4.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.catalog.rate_card import FeeType, InvoiceTiming, RecurrenceConfig, shown_name
from tallystick.kernel.quantity import EXACT
from tallystick.rating.charge import FeeCharge, in_currency

if TYPE_CHECKING:
    from tallystick.catalog.plan_card import RecurringCard
    from tallystick.catalog.rate_card import FixedFeeRateCard

_EVERY_CYCLE: Final = RecurrenceConfig()


def is_charged(card: RecurringCard, ordinal: int) -> bool:
    """Whether the card is charged in the cycle with this 0-based number since the association.

    In advance and prepaid a card opens each interval, in arrears it closes it; a ONE_TIME card comes in the first one
    only.
    """
    every = card.recurrence_config or _EVERY_CYCLE
    in_advance = card.invoice_timing is not InvoiceTiming.IN_ARREARS
    turn = ordinal - every.offset + (0 if in_advance else 1)
    first = 0 if in_advance else every.interval
    if card.type is FeeType.ONE_TIME:
        return turn == first
    return turn >= first and turn % every.interval == 0


def charge_fee(card: FixedFeeRateCard, currency: str, days: int, cycle_days: int) -> FeeCharge:
    """The fee of a cycle of which `days` are covered: `rate x d / D` with proration, else the rate.

    `cycle_days` are those of the full calendar cycle, so a short first cycle is prorated too.

    Raises:
        BillingError: of kind BROKEN, when the card has no rate in the currency.
    """
    name = shown_name(card)
    rate = in_currency(card.rate_values, currency, name).rate
    is_short = card.enable_proration and days != cycle_days
    return FeeCharge(
        billable_id=card.id,
        display_name=name,
        tag=card.tag,
        rate=rate,
        days=days,
        cycle_days=cycle_days,
        amount=EXACT.divide(EXACT.multiply(rate, days), cycle_days) if is_short else rate,
    )
