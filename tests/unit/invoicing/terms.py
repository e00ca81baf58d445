"""Short ways to write the terms of a bill and to look into its tree, for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tallystick.catalog.credit_grant import CreditGrantRateCard
from tallystick.catalog.entitlement import BillingEntitlementRateCard, EntitlementOverageRateCard
from tallystick.catalog.price_plan import PlanType, PricePlanDetails
from tallystick.catalog.rate_card import (
    CurrencyRate,
    FixedFeeRateCard,
    LicenseRateCard,
    MinimumCommitment,
    UsageRateCard,
)
from tallystick.invoicing.assemble import Terms
from tallystick.kernel.period import Period
from tallystick.kernel.recurrence import Cycle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tallystick.catalog.pricing_rule import PricingRule
    from tallystick.catalog.rate_card import ItemCard
    from tallystick.invoicing.line import InvoiceLineItem, LineType
    from tallystick.rating.licence import Holding

JANUARY = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
FULL_JANUARY = Cycle(JANUARY, JANUARY)


def terms(
    *cards: ItemCard,
    commitment: str | None = None,
    currency: str = "USD",
    cycle: Cycle = FULL_JANUARY,
    ordinal: int = 0,
    licences: Mapping[str, Holding] | None = None,
    rules: Sequence[PricingRule] = (),
) -> Terms:
    rates = [CurrencyRate(currency=currency, rate=Decimal(commitment))] if commitment else []
    details = PricePlanDetails(
        supported_currencies=[currency],
        active_currencies=[currency],
        usage_rate_cards=[card for card in cards if isinstance(card, UsageRateCard)],
        fixed_fee_rate_cards=[card for card in cards if isinstance(card, FixedFeeRateCard)],
        license_rate_cards=[card for card in cards if isinstance(card, LicenseRateCard)],
        credit_grant_rate_cards=[card for card in cards if isinstance(card, CreditGrantRateCard)],
        billing_entitlement_rate_cards=[card for card in cards if isinstance(card, BillingEntitlementRateCard)],
        entitlement_overage_rate_cards=[card for card in cards if isinstance(card, EntitlementOverageRateCard)],
        minimum_commitment=MinimumCommitment(display_name="Commitment", rate_values=rates) if rates else None,
        type=PlanType.BILLING,
    )
    return Terms(
        plan_name="Pay as you go",
        details=details,
        rules=rules,
        currency=currency,
        zone=ZoneInfo("UTC"),
        cycle=cycle,
        ordinal=ordinal,
        licences=licences or {},
    )


def walk(line: InvoiceLineItem) -> Iterator[InvoiceLineItem]:
    yield line
    for child in line.line_items:
        yield from walk(child)


def first(tree: InvoiceLineItem, kind: LineType) -> InvoiceLineItem:
    """The first line of a type, in reading order."""
    return next(line for line in walk(tree) if line.type is kind)


def values(tree: InvoiceLineItem) -> dict[LineType, list[Decimal]]:
    """The values of a tree by type, in reading order."""
    found: dict[LineType, list[Decimal]] = {}
    for line in walk(tree):
        found.setdefault(line.type, []).append(line.value)
    return found
