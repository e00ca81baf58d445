"""What a purchase is billed: the cards of a plan that is bought once, or money for the wallet (domain.md 5.5, 7.4).

`quantity` times a fee is that many fees; `quantity` times credit is one grant of so much, priced as one quantity: a
flat price is asked once, a price per unit for every unit (domain.md 4.7).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tallystick.catalog.rate_card import shown_name
from tallystick.credits.plan_grant import PlanGrant
from tallystick.invoicing.assemble import ORDERED, after_credits
from tallystick.invoicing.card_lines import by_tag
from tallystick.invoicing.leaf_lines import slab_leaf
from tallystick.invoicing.line import LineType
from tallystick.invoicing.totals import leaf, parent, rounded
from tallystick.kernel.money import Money
from tallystick.kernel.quantity import EXACT
from tallystick.rating.charge import in_currency
from tallystick.rating.credit_grant import charge_grant
from tallystick.rating.entitlement import charge_entitlement

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from tallystick.accounts.purchase import Purchase, WalletTopupDetails
    from tallystick.catalog.price_plan import PricePlanDetails
    from tallystick.catalog.rate_card import FixedFeeRateCard
    from tallystick.credits.burndown import OpenCredit
    from tallystick.invoicing.assemble import Bill
    from tallystick.invoicing.line import InvoiceLineItem


def purchase_bill(
    purchase: Purchase, details: PricePlanDetails, currency: str, ends_on: date, open_credits: Iterable[OpenCredit]
) -> Bill:
    """The bill of a plan of type PURCHASE: a line for each card of which anything is bought, and what it grants.

    Raises:
        BillingError: of kind BROKEN, when a card has no rate in the currency; of kind UNPROCESSABLE, when an amount is
            more than the ledger holds.
    """
    lines = [
        (card.tag, _fee(purchase, card, currency))
        for card in details.fixed_fee_rate_cards
        if purchase.quantity_of(card.id)
    ]
    for units in details.billing_entitlement_rate_cards:
        quantity = purchase.quantity_of(units.feature_id)
        if quantity:
            charge = charge_entitlement(units, currency, quantity)
            lines.append((charge.tag, slab_leaf(charge, LineType.BILLING_ENTITLEMENT_RATE_CARD_AMOUNT, currency)))
    grants = []
    for grant in details.credit_grant_rate_cards:
        quantity = purchase.quantity_of(grant.id)
        if quantity:
            charge = charge_grant(grant, currency, quantity)
            lines.append((charge.tag, slab_leaf(charge, LineType.CREDIT_GRANT_RATE_CARD_AMOUNT, currency)))
            grants.append(PlanGrant(grant, charge.display_name, Money(charge.quantity, currency)))
    bought = parent(LineType.TOTAL_PURCHASE_AMOUNT, ORDERED, by_tag(lines, currency), currency)
    return replace(after_credits(bought, ends_on, open_credits), grants=tuple(grants))


def topup_bill(topup: WalletTopupDetails, currency: str, ends_on: date) -> Bill:
    """The bill of money for the wallet, which no credit pays."""
    line = leaf(LineType.CUSTOM_AMOUNT, "Wallet top-up", rounded(topup.price, currency), quantity=topup.topup_amount)
    return after_credits(parent(LineType.TOTAL_PURCHASE_AMOUNT, ORDERED, [line], currency), ends_on, ())


def _fee(purchase: Purchase, card: FixedFeeRateCard, currency: str) -> InvoiceLineItem:
    rate, quantity = in_currency(card.rate_values, currency, shown_name(card)).rate, purchase.quantity_of(card.id)
    return leaf(
        LineType.FIXED_FEE_RATE_CARD_AMOUNT,
        shown_name(card),
        rounded(EXACT.multiply(rate, quantity), currency),
        entity_id=card.id,
        quantity=quantity,
        value_per_quantity=rate,
    )
