"""Credit grants: how much credit a card gives, and what that costs (domain.md 4.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.catalog.rate_card import shown_name
from tallystick.kernel.quantity import EXACT, ONE
from tallystick.rating.charge import in_currency
from tallystick.rating.usage_card import UsagePrice

if TYPE_CHECKING:
    from decimal import Decimal

    from tallystick.catalog.credit_grant import CreditGrantRateCard
    from tallystick.rating.charge import UsageCharge


def charge_grant(card: CreditGrantRateCard, currency: str, quantity: Decimal = ONE) -> UsageCharge:
    """The price of the credit that a card gives: its slabs applied to that amount, which is the charge's quantity.

    Both are in major units of the currency. A plan gives the amount of its card, whatever the length of the cycle; a
    purchase gives it `quantity` times.

    Raises:
        BillingError: of kind BROKEN, when the card grants nothing in the currency.
    """
    granted = in_currency(card.rate_details.currency_slab_rate_details, currency, shown_name(card))
    return UsagePrice(card, currency).charge(EXACT.multiply(granted.credit_amount, quantity))
