"""Billing entitlements: how many units of a feature a cycle grants, and what they cost (domain.md 4.7)."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from tallystick.kernel.quantity import EXACT, ONE, ZERO
from tallystick.rating.usage_card import UsagePrice

if TYPE_CHECKING:
    from decimal import Decimal

    from tallystick.catalog.entitlement import BillingEntitlementRateCard
    from tallystick.rating.charge import UsageCharge


def charge_entitlement(card: BillingEntitlementRateCard, currency: str, quantity: Decimal = ONE) -> UsageCharge:
    """The price of the units that a card grants at once: its slabs applied to all of them together.

    A plan grants a `quantity` of 1 in each cycle, whatever the length of that; who buys more gets as many times more.

    Raises:
        BillingError: of kind BROKEN, when the card has no rate in the currency.
    """
    limits = (config.feature_credit_limit for config in card.feature_configs)
    return UsagePrice(card, currency).charge(EXACT.multiply(reduce(EXACT.add, limits, ZERO), quantity))
