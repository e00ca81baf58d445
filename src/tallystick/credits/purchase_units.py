"""Units of a feature that a purchase grants (domain.md 4.7, 6.3): an entry for each config of its cards, numbered.

What a cycle has PREPAID is such a purchase too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tallystick.credits.feature_credit import CreditSource, FeatureGrant
from tallystick.credits.plan_units import midnight_after
from tallystick.kernel.period import Period
from tallystick.kernel.quantity import EXACT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date
    from zoneinfo import ZoneInfo

    from tallystick.accounts.purchase import Purchase
    from tallystick.catalog.entitlement import BillingEntitlementRateCard
    from tallystick.credits.feature_credit import FeatureCredit


def units_bought(
    purchase: Purchase, cards: Iterable[BillingEntitlementRateCard], granted_on: date, zone: ZoneInfo
) -> Iterator[FeatureGrant]:
    """The entries that a purchase of these cards grants on a day: `purchase....#1$PURCHASE` and so on."""
    configs = [(card.feature_id, config) for card in cards for config in card.feature_configs]
    for number, (feature_id, config) in enumerate(configs, 1):
        granted = EXACT.multiply(config.feature_credit_limit, purchase.quantity_of(feature_id))
        begins, ends = (midnight_after(span, granted_on, zone) for span in (config.begins_after, config.ends_after))
        if granted and begins < ends:
            yield FeatureGrant(
                id=_numbered(purchase, f"{number}$PURCHASE"),
                account_id=purchase.account_id,
                feature_id=feature_id,
                source=CreditSource.ENTITLEMENT,
                granted=granted,
                valid=Period(begins, ends),
            )


def units_again(purchase: Purchase, void: Iterable[FeatureCredit]) -> Iterator[FeatureGrant]:
    """What is left of entries that are void with an order, for as long as they would be valid, with another order."""
    for entry in void:
        if entry.left:
            name = _numbered(purchase, entry.grant.id.partition("#")[2])
            yield replace(entry.grant, id=name, granted=entry.left)


def _numbered(purchase: Purchase, number: str) -> str:
    return f"{purchase.id}#{number}"
