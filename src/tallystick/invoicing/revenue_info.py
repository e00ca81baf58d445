"""What each card of a plan comes to, as the revenue calculator tells it (domain.md 8.2), read from the lines of bills.

The wire has a place for slabs and for fees, none for what brings a whole card to its limits and none for a true-up.
Both are told all the same, so that what stands there adds up to the bill: the first as a slab of order 0 without usage,
where the fixed amounts of events are too, the second as a fee.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tallystick.catalog.credit_grant import CreditGrantRateCard
from tallystick.catalog.entitlement import BillingEntitlementRateCard, EntitlementOverageRateCard
from tallystick.catalog.plan_card import PlanCard, RateCard, cards_of, shown
from tallystick.catalog.rate_card import (
    COMMITMENT_ID,
    FixedFeeRateCard,
    LicenseRateCard,
    MinimumCommitment,
    UsageRateCard,
)
from tallystick.invoicing.charge_explanation import adjustments_of, fixed_amounts_of, tiers_of
from tallystick.invoicing.line import LineType
from tallystick.invoicing.priced_lines import item_of, priced_lines
from tallystick.kernel.document import Document
from tallystick.kernel.quantity import ZERO, plain, summed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tallystick.catalog.price_plan import PricePlanDetails
    from tallystick.invoicing.charge_explanation import Adjustment, FixedAmounts, Tier
    from tallystick.invoicing.line import InvoiceLineItem

_WHOLE_CARD: Final = 0


class SlabRevenueMetadata(Document, frozen=True, kw_only=True):
    """What decided a slab's revenue beside its rate."""

    minimum_rate_applied: bool | None = None
    maximum_rate_applied: bool | None = None
    package_quantity: int | None = None


class SlabRevenueSummary(Document, frozen=True, kw_only=True):
    """What one slab of a card comes to.

    Order 0 is what the whole card has beside its slabs: fixed amounts of events, and what brings it to its limits.
    """

    order: int
    usage: Decimal
    revenue: Decimal
    metadata: SlabRevenueMetadata | None = None


class FixedFeeRevenueSummary(Document, frozen=True, kw_only=True):
    """What a fee comes to."""

    revenue: Decimal


class CreditGrantRevenueSummary(Document, frozen=True, kw_only=True):
    """What the credit that a plan grants is charged."""

    revenue: Decimal


class BillingEntitlementRevenueSummary(Document, frozen=True, kw_only=True):
    """What the units that a plan grants are charged."""

    revenue: Decimal


class EntitlementOverageRevenueSummary(Document, frozen=True, kw_only=True):
    """What the units beyond them are charged."""

    revenue: Decimal


class RevenueSummary(Document, frozen=True, kw_only=True):
    """What one card comes to, from which usage."""

    usages: dict[str, Decimal]
    fixed_fee_revenue_summary: FixedFeeRevenueSummary | None = None
    slab_revenue_summaries: list[SlabRevenueSummary] | None = None
    license_revenue_summary: list[SlabRevenueSummary] | None = None
    billing_entitlement_revenue_summary: BillingEntitlementRevenueSummary | None = None
    credit_grant_revenue_summary: CreditGrantRevenueSummary | None = None
    entitlement_overage_revenue_summary: EntitlementOverageRevenueSummary | None = None


class RevenueInfo(RevenueSummary, frozen=True, kw_only=True):
    """The same with the card, as v1 has it; a commitment is shown as a fee of that rate."""

    usage_rate_card: UsageRateCard | None = None
    fixed_fee_rate_card: FixedFeeRateCard | None = None
    license_rate_card: LicenseRateCard | None = None
    billing_entitlement_rate_card: BillingEntitlementRateCard | None = None
    credit_grant_rate_card: CreditGrantRateCard | None = None
    entitlement_overage_rate_card: EntitlementOverageRateCard | None = None


class RevenueInfoV2(RevenueSummary, frozen=True, kw_only=True):
    """What one card comes to with the card, as v2 has it."""

    rate_card: RateCard


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where cards stand: in a version of a plan, or in a piece of an account's timeline."""

    reference_id: str
    price_plan_id: str
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class CardRevenue:
    """A card, the quantity that it prices, and its lines on the bills of a cycle; none, when that is not charged."""

    card: PlanCard
    quantity: Decimal
    lines: Sequence[InvoiceLineItem]

    def info(self) -> RevenueInfo:
        """What the card comes to, as v1 tells it."""
        card, usages = self.card.card, {self.card.billable_id: plain(self.quantity)}
        if isinstance(card, UsageRateCard):
            return RevenueInfo(usages=usages, usage_rate_card=card, slab_revenue_summaries=self._slabs(card))
        if isinstance(card, LicenseRateCard):
            return RevenueInfo(usages=usages, license_rate_card=card, license_revenue_summary=self._slabs(card))
        charged = plain(summed(line.value for line in self.lines))
        if isinstance(card, CreditGrantRateCard):
            summary = CreditGrantRevenueSummary(revenue=charged)
            return RevenueInfo(usages={}, credit_grant_rate_card=card, credit_grant_revenue_summary=summary)
        if isinstance(card, BillingEntitlementRateCard):
            units = BillingEntitlementRevenueSummary(revenue=charged)
            return RevenueInfo(usages={}, billing_entitlement_rate_card=card, billing_entitlement_revenue_summary=units)
        if isinstance(card, EntitlementOverageRateCard):
            beyond = EntitlementOverageRevenueSummary(revenue=charged)
            return RevenueInfo(
                usages=usages, entitlement_overage_rate_card=card, entitlement_overage_revenue_summary=beyond
            )
        fee = _as_fee(card) if isinstance(card, MinimumCommitment) else card
        fees = FixedFeeRevenueSummary(revenue=charged)
        return RevenueInfo(usages={}, fixed_fee_rate_card=fee, fixed_fee_revenue_summary=fees)

    def info_v2(self, standing: Standing) -> RevenueInfoV2:
        """What the card comes to, as v2 tells it."""
        info = self.info()
        return RevenueInfoV2(
            rate_card=shown(
                self.card,
                price_plan_id=standing.price_plan_id,
                reference_id=standing.reference_id,
                account_id=standing.account_id,
            ),
            **{name: getattr(info, name) for name in RevenueSummary.__struct_fields__},
        )

    def _slabs(self, card: UsageRateCard | LicenseRateCard) -> list[SlabRevenueSummary]:
        """The slabs of a card: of licences in advance on several bills, and of usage cycles added up on each."""
        if not self.lines:
            return []
        count = len(card.rate_plan.slabs)
        tiers = [tiers_of(line) for line in self.lines]
        slabs = [_slab(order, [of_one[order - 1 :: count] for of_one in tiers]) for order in range(1, count + 1)]
        fixed = [found for line in self.lines for found in fixed_amounts_of(line) if found.amount]
        whole = [found for line in self.lines for found in adjustments_of(line) if found.amount]
        return [*slabs, *([_whole_card(whole, fixed)] if whole or fixed else ())]


def card_revenues(
    details: PricePlanDetails,
    currency: str,
    revenue_infos: Iterable[InvoiceLineItem],
    quantities: Mapping[str, Decimal],
) -> Iterator[CardRevenue]:
    """Every card of these terms with its lines on the bills of a cycle; a commitment if it has a rate in the currency.

    `quantities` are units of meters, numbers of licences and overage of features, by their ids.
    """
    lines: dict[tuple[str, bool], list[InvoiceLineItem]] = defaultdict(list)
    for revenue_info in revenue_infos:
        for line in priced_lines(revenue_info):
            lines[item_of(line), line.type is LineType.ENTITLEMENT_OVERAGE_RATE_CARD_AMOUNT].append(line)
    for card in cards_of(details):
        if card.kind.billable is not None or currency in card.currencies:
            key = card.billable_id, isinstance(card.card, EntitlementOverageRateCard)
            yield CardRevenue(card, quantities.get(card.billable_id, ZERO), lines[key])


def _slab(order: int, by_line: Sequence[Sequence[Tier]]) -> SlabRevenueSummary:
    """One slab as it stands on each of the lines of its card, there once or in each usage cycle."""
    tiers = [tier for of_line in by_line for tier in of_line]
    packages = [tier.packages for tier in tiers if tier.packages is not None]
    metadata = SlabRevenueMetadata(
        minimum_rate_applied=_is_named(tier.minimum_rate for tier in tiers),
        maximum_rate_applied=_is_named(tier.maximum_rate for tier in tiers),
        package_quantity=int(summed(packages)) if packages else None,
    )
    return SlabRevenueSummary(
        order=order,
        usage=max(plain(summed(map(_units, of_line))) for of_line in by_line),
        revenue=plain(summed(tier.amount for tier in tiers)),
        metadata=None if metadata == SlabRevenueMetadata() else metadata,
    )


def _units(tier: Tier) -> Decimal:
    """What a slab held; of licences whose quantity changed, the most of any day."""
    if tier.quantity is None:
        return max((stretch.quantity for stretch in tier.stretches or ()), default=ZERO)
    return tier.quantity


def _whole_card(found: Sequence[Adjustment], fixed: Sequence[FixedAmounts]) -> SlabRevenueSummary:
    metadata = SlabRevenueMetadata(
        minimum_rate_applied=_is_named(one.minimum_rate for one in found),
        maximum_rate_applied=_is_named(one.maximum_rate for one in found),
    )
    revenue = plain(summed([*(one.amount for one in found), *(one.amount for one in fixed)]))
    told = None if metadata == SlabRevenueMetadata() else metadata
    return SlabRevenueSummary(order=_WHOLE_CARD, usage=ZERO, revenue=revenue, metadata=told)


def _is_named(limits: Iterable[Decimal | None]) -> bool | None:
    """Whether a limit decided; nothing is said where none did."""
    return True if any(limit is not None for limit in limits) else None


def _as_fee(commitment: MinimumCommitment) -> FixedFeeRateCard:
    return FixedFeeRateCard(
        id=COMMITMENT_ID,
        display_name=commitment.display_name,
        rate_values=commitment.rate_values,
        enable_proration=False,
    )
