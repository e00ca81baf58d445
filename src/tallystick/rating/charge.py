"""Charges: what a card comes to in one cycle, exact and unrounded, with all that explains it.

Amounts are decimals in major units of the bill's currency; only `invoicing/totals.py` rounds them.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

from tallystick.catalog.rate_card import PriceType
from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.rating.event_fee import EventFee
from tallystick.rating.limits import Bound, Limits

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeVar

    from tallystick.catalog.credit_grant import CurrencySlabRateDetail
    from tallystick.catalog.rate_card import CurrencyRate, RateValue

    AnyRate = TypeVar("AnyRate", CurrencyRate, RateValue, CurrencySlabRateDetail)


class EventsCharge(Struct, frozen=True, kw_only=True, gc=False):
    """What `events` cost that are priced alike, whose amounts come to `quantity`."""

    fee: EventFee
    events: int
    quantity: Decimal
    amount: Decimal


class FixedCharge(Struct, frozen=True, kw_only=True, gc=False):
    """A fixed amount, at `rate`, for each of `events` events, but the `free` ones among them."""

    rate: Decimal
    events: int
    free: int
    amount: Decimal


class SlabCharge(Struct, frozen=True, kw_only=True, gc=False):
    """The part of a usage card that one slab prices.

    `packages` are those begun, for PACKAGE slabs only; `bound` is the slab limit that decided the amount. `events` are
    there where every event has its own fee, which is `fixed` and the rate, within limits.
    """

    order: int
    price_type: PriceType
    quantity: Decimal
    rate: Decimal
    package_size: Decimal | None
    packages: Decimal | None
    bound: Bound | None
    amount: Decimal
    fixed: Decimal | None = None
    events: tuple[EventsCharge, ...] = ()


class UsageCharge(Struct, frozen=True, kw_only=True, gc=False):
    """A card with slabs applied to a quantity, such as a meter's usage. `limits` bind the whole card, also at zero.

    `fixed` is what its events cost beside the slabs.
    """

    billable_id: str
    display_name: str
    tag: str | None
    quantity: Decimal
    slabs: tuple[SlabCharge, ...]
    limits: Limits
    fixed: FixedCharge | None = None


class FeeCharge(Struct, frozen=True, kw_only=True, gc=False):
    """A fixed fee for `days` of the `cycle_days` that the full calendar cycle has."""

    billable_id: str
    display_name: str
    tag: str | None
    rate: Decimal
    days: int
    cycle_days: int
    amount: Decimal

    @property
    def is_prorated(self) -> bool:
        """Whether less than the full fee is charged because of the days."""
        return self.amount != self.rate


class Stretch(Struct, frozen=True, kw_only=True, gc=False):
    """Days in which a quantity of licences stood, with what it costs in a whole cycle."""

    days: int
    charge: UsageCharge


class WindowCharge(Struct, frozen=True, kw_only=True, gc=False):
    """Licences in the days from `first` to `last`; `quantity` is the highest of them.

    With `cycle_days` every stretch costs its days' share of so many, without it its whole charge.
    """

    first: date
    last: date
    quantity: Decimal
    cycle_days: int | None
    stretches: tuple[Stretch, ...]

    @property
    def whole(self) -> UsageCharge | None:
        """The charge that the window comes to, when it is charged neither in parts nor by less than all its days."""
        if len(self.stretches) != 1 or self.stretches[0].days != (self.cycle_days or 1):
            return None
        return self.stretches[0].charge


class LicenceCharge(Struct, frozen=True, kw_only=True, gc=False):
    """A licence card applied to what an account holds; `quantity` is the highest in the cycle."""

    billable_id: str
    display_name: str
    tag: str | None
    quantity: Decimal
    windows: tuple[WindowCharge, ...]
    has_usage_cycle: bool


def in_currency(rates: Iterable[AnyRate], currency: str, card: str) -> AnyRate:
    """The rates of a card in one currency.

    Raises:
        BillingError: of kind BROKEN, when there are none; `catalog/card_rules.py` lets no such plan in.
    """
    for rate in rates:
        if rate.currency == currency:
            return rate
    raise BillingError(Kind.BROKEN, "no_rate", Problem("", f"card {card!r} has no rate in {currency}"))
