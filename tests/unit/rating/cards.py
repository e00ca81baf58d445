"""Short ways to write cards, for tests: a slab is (startAfter, priceType, rate, extras)."""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tallystick.catalog.credit_grant import (
    CreditGrantRateCard,
    CreditRateDetails,
    CurrencySlabRateDetail,
    ExpiryType,
    GrantDetails,
    SlabDetail,
)
from tallystick.catalog.entitlement import (
    BillingConfig,
    BillingEntitlementRateCard,
    EntitlementOverageRateCard,
    FeatureConfig,
)
from tallystick.catalog.rate_card import (
    CurrencyRate,
    EventRates,
    FeeType,
    FixedFeeRateCard,
    InvoiceTiming,
    LicenseRateCard,
    PriceType,
    PricingModel,
    ProratedRefundMode,
    RateLimits,
    RatePlan,
    RateValue,
    RecurrenceConfig,
    Slab,
    SlabConfig,
    SlabRate,
    UsageRateCard,
)
from tallystick.kernel.recurrence import Interval
from tallystick.metering.event_groups import EventGroup
from tallystick.rating.usage_card import UsagePrice

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallystick.rating.charge import UsageCharge


class S(NamedTuple):
    """A slab and its rate; `low` and `high` are its minimum and maximum, `size` its package size."""

    start: str
    price_type: str
    rate: str
    size: str | None = None
    low: str | None = None
    high: str | None = None


def usage_card(
    *slabs: S,
    model: str = "TIERED",
    meter: str = "um.calls",
    name: str | None = None,
    tag: str | None = None,
    currency: str = "USD",
    low: str | None = None,
    high: str | None = None,
    per_event: EventRates | None = None,
) -> UsageRateCard:
    priced = prices(slabs, model, currency, limits(low, high))
    priced["rate_values"] = [msgspec.structs.replace(one, per_event=per_event) for one in priced["rate_values"]]
    return UsageRateCard(display_name=name, tag=tag, usage_meter_id=meter, **priced)


def each_event(fixed: str | None = None, low: str | None = None, high: str | None = None, free: int = 0) -> EventRates:
    """What each event costs beside its percentage, and at least and at most."""
    amounts = [None if text is None else Decimal(text) for text in (fixed, low, high)]
    return EventRates(fixed_amount=amounts[0], minimum_amount=amounts[1], maximum_amount=amounts[2], free_events=free)


def charge_events(card: UsageRateCard, amounts: Iterable[Decimal], currency: str = "USD") -> UsageCharge:
    """What a card makes of events of these amounts, told apart as it asks for."""
    events, price = list(amounts), UsagePrice(card, currency)
    if price.cuts is None:
        return price.charge(sum(events, Decimal(0)))
    groups: list[list[Decimal]] = [[] for _ in range(len(price.cuts.cuts) + 1)]
    for amount in events:
        groups[bisect_left(price.cuts.cuts, amount)].append(amount)
    return price.charge(Decimal(0), [EventGroup(len(group), sum(group, Decimal(0))) for group in groups])


def amount_of(charge: UsageCharge) -> Decimal:
    """What a card comes to before its own limits, not rounded."""
    fixed = Decimal(0) if charge.fixed is None else charge.fixed.amount
    return sum((slab.amount for slab in charge.slabs), fixed)


def licence_card(
    *slabs: S,
    model: str = "TIERED",
    addon: str = "addon.seats",
    name: str | None = None,
    tag: str | None = None,
    currency: str = "USD",
    low: str | None = None,
    high: str | None = None,
    prorated: bool = True,
    timing: str = "IN_ARREARS",
    windows: str | None = None,
    refund: str | None = None,
) -> LicenseRateCard:
    return LicenseRateCard(
        id=addon,
        display_name=name,
        tag=tag,
        invoice_timing=InvoiceTiming(timing),
        usage_cycle=Interval(windows) if windows else None,
        enable_proration=prorated,
        prorated_refund_mode=ProratedRefundMode(refund) if refund else None,
        **prices(slabs, model, currency, limits(low, high)),
    )


def prices(slabs: tuple[S, ...], model: str, currency: str, card_limits: RateLimits | None) -> dict[str, Any]:
    """The slabs of a card and their rates."""
    return {
        "rate_plan": RatePlan(
            pricing_model=PricingModel(model),
            slabs=[
                Slab(
                    order=order,
                    start_after=Decimal(slab.start),
                    price_type=PriceType(slab.price_type),
                    slab_config=SlabConfig(package_size=slab.size) if slab.size else None,
                )
                for order, slab in enumerate(slabs, 1)
            ],
        ),
        "rate_values": [
            RateValue(
                currency=currency,
                slab_rates=[
                    SlabRate(order=order, rate=Decimal(slab.rate), slab_rate_config=limits(slab.low, slab.high))
                    for order, slab in enumerate(slabs, 1)
                ],
                rate_config=card_limits,
            )
        ],
    }


def limits(low: str | None, high: str | None) -> RateLimits | None:
    return RateLimits(minimum_rate=low, maximum_rate=high) if low or high else None


def fee_card(
    rate: str,
    *,
    addon: str = "addon.fee",
    timing: str = "IN_ARREARS",
    kind: str = "RECURRING",
    prorated: bool = False,
    interval: int = 1,
    offset: int = 0,
    name: str | None = None,
    tag: str | None = None,
    currency: str = "USD",
) -> FixedFeeRateCard:
    return FixedFeeRateCard(
        id=addon,
        display_name=name,
        tag=tag,
        invoice_timing=InvoiceTiming(timing),
        type=FeeType(kind),
        rate_values=[CurrencyRate(currency=currency, rate=Decimal(rate))],
        enable_proration=prorated,
        recurrence_config=RecurrenceConfig(interval=interval, offset=offset),
    )


def grant_card(
    amount: str,
    *slabs: S,
    model: str = "TIERED",
    addon: str = "addon.bonus",
    name: str | None = None,
    tag: str | None = None,
    currency: str = "USD",
    timing: str = "IN_ADVANCE",
    kind: str = "RECURRING",
    interval: int = 1,
    offset: int = 0,
    low: str | None = None,
    high: str | None = None,
    lasts: str | None = None,
    expiry: str = "NO_EXPIRY",
    entities: tuple[str, ...] = (),
) -> CreditGrantRateCard:
    granted = CurrencySlabRateDetail(
        currency=currency,
        credit_amount=Decimal(amount),
        slab_details=[
            SlabDetail(
                start_after=Decimal(slab.start),
                price_type=PriceType(slab.price_type),
                slab_config=SlabConfig(package_size=slab.size) if slab.size else None,
                rate=Decimal(slab.rate),
                slab_rate_config=limits(slab.low, slab.high),
            )
            for slab in slabs
        ],
        rate_config=limits(low, high),
    )
    return CreditGrantRateCard(
        id=addon,
        display_name=name,
        tag=tag,
        invoice_timing=InvoiceTiming(timing),
        type=FeeType(kind),
        recurrence_config=RecurrenceConfig(interval=interval, offset=offset),
        grant_details=GrantDetails(
            priority=1,
            expiry_type=ExpiryType(expiry),
            expiry_duration=lasts,
            applicable_entity_ids=list(entities),
        ),
        rate_details=CreditRateDetails(pricing_model=PricingModel(model), currency_slab_rate_details=[granted]),
    )


def entitlement_card(
    *slabs: S,
    units: tuple[str, ...] = ("100",),
    spans: tuple[tuple[str | None, str], ...] = ((None, "P1M"),),
    model: str = "TIERED",
    feature: str = "feature.exports",
    name: str | None = None,
    tag: str | None = None,
    currency: str = "USD",
    timing: str = "IN_ADVANCE",
    interval: int = 1,
    offset: int = 0,
    low: str | None = None,
    high: str | None = None,
) -> BillingEntitlementRateCard:
    """A card that grants each of `units` for one of the `spans` after the grant; one span is enough for all."""
    limited = zip(units, spans * len(units) if len(spans) == 1 else spans, strict=True)
    return BillingEntitlementRateCard(
        feature_id=feature,
        display_name=name,
        tag=tag,
        feature_configs=[
            FeatureConfig(feature_credit_limit=Decimal(limit), effective_from=begins, effective_until=ends)
            for limit, (begins, ends) in limited
        ],
        invoice_timing=InvoiceTiming(timing),
        recurrence_config=RecurrenceConfig(interval=interval, offset=offset),
        **prices(slabs, model, currency, limits(low, high)),
    )


def overage_card(
    *slabs: S,
    model: str = "TIERED",
    feature: str = "feature.exports",
    name: str | None = None,
    tag: str | None = None,
    currency: str = "USD",
    most: str | None = None,
    every: int = 1,
    free_cycles: int = 0,
    low: str | None = None,
    high: str | None = None,
) -> EntitlementOverageRateCard:
    return EntitlementOverageRateCard(
        feature_id=feature,
        display_name=name,
        tag=tag,
        max_quantity=None if most is None else Decimal(most),
        billing_config=BillingConfig(interval=every, start_offset=free_cycles)
        if (every, free_cycles) != (1, 0)
        else None,
        **prices(slabs, model, currency, limits(low, high)),
    )


def charge_usage(card: UsageRateCard | LicenseRateCard, currency: str, quantity: Decimal) -> UsageCharge:
    """What a card makes of a single quantity."""
    return UsagePrice(card, currency).charge(quantity)
