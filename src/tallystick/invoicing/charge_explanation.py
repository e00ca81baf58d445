"""How the amount of an invoice line comes about, step by step, in words that anybody can check with a calculator.

Amounts are those of the line; the texts only show the way to them (domain.md 4.4 and 4.6 to 4.8).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tallystick.catalog.rate_card import PriceType
from tallystick.invoicing.card_lines import ADJUSTMENTS
from tallystick.invoicing.event_arithmetic import events_arithmetic, fixed_arithmetic
from tallystick.invoicing.figures import figure, operand
from tallystick.invoicing.line import (
    Explanation,
    InvoiceLineItem,
    LineType,
    PricedEvents,
    PricedSlab,
    PricedStretch,
)
from tallystick.invoicing.totals import sum_of
from tallystick.kernel.document import Document
from tallystick.kernel.quantity import EXACT, ONE, ZERO, summed
from tallystick.rating.event_fee import percentage
from tallystick.rating.limits import Bound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallystick.invoicing.rule_log import PricingRuleLog

FEES: Final = frozenset({LineType.FIXED_FEE_RATE_CARD_AMOUNT, LineType.ADVANCED_FIXED_FEE})
LICENCES: Final = frozenset({LineType.LICENSE_RATE_CARD_AMOUNT, LineType.ADVANCED_LICENSE_RATE_CARD_AMOUNT})
GRANTS: Final = frozenset({LineType.CREDIT_GRANT_RATE_CARD_AMOUNT, LineType.ADVANCED_CREDIT_GRANT_RATE_CARD_AMOUNT})
ENTITLEMENTS: Final = frozenset(
    {LineType.BILLING_ENTITLEMENT_RATE_CARD_AMOUNT, LineType.ADVANCED_BILLING_ENTITLEMENT_RATE_CARD_AMOUNT}
)
OVERAGES: Final = frozenset({LineType.ENTITLEMENT_OVERAGE_RATE_CARD_AMOUNT})
_OTHERS: Final = frozenset({LineType.USAGE_RATE_CARD_AMOUNT, LineType.PRICING_RULE_ADDITION_AMOUNT})
_EXPLAINED: Final = FEES | LICENCES | GRANTS | ENTITLEMENTS | OVERAGES | _OTHERS
_SLABS: Final = frozenset(
    {
        LineType.USAGE_RATE_CARD_SLAB_AMOUNT,
        LineType.LICENSE_RATE_CARD_SLAB_AMOUNT,
        LineType.ENTITLEMENT_OVERAGE_RATE_CARD_SLAB_AMOUNT,
    }
)
_UPDATES: Final = frozenset({LineType.PRICING_RULE_REVENUE_UPDATE_AMOUNT, LineType.PRICING_RULE_USAGE_UPDATE_AMOUNT})
_NOTHING: Final = Explanation()


class Tier(Document, frozen=True, kw_only=True):
    """One slab of a card: its units, their price, and the amount; a limit is named when it decided.

    Licences whose quantity changed have `stretches` of days instead of one quantity. The rate of a PERCENTAGE slab is
    per cent; where each event has its own fee, `events` are those that are priced alike.
    """

    description: str
    price_type: PriceType
    quantity: Decimal | None = None
    rate: Decimal
    package_size: Decimal | None = None
    packages: Decimal | None = None
    minimum_rate: Decimal | None = None
    maximum_rate: Decimal | None = None
    stretches: tuple[PricedStretch, ...] | None = None
    cycle_days: int | None = None
    fixed_amount: Decimal | None = None
    events: tuple[PricedEvents, ...] | None = None
    amount: Decimal
    arithmetic: str


class FixedAmounts(Document, frozen=True, kw_only=True):
    """What events cost beside the slabs: `rate` for each of `quantity` events, after the free ones."""

    description: str
    quantity: Decimal
    rate: Decimal
    free_events: int | None = None
    amount: Decimal
    arithmetic: str


class Adjustment(Document, frozen=True, kw_only=True):
    """What brings a whole card to its minimum or maximum; the limit is named when it decided."""

    description: str
    minimum_rate: Decimal | None = None
    maximum_rate: Decimal | None = None
    amount: Decimal
    arithmetic: str


class RuleUpdate(Document, frozen=True, kw_only=True):
    """By how much a pricing rule moves a card; `quantity` is by how much it moves the usage, when it does."""

    description: str
    rule_id: str | None = None
    quantity: Decimal | None = None
    amount: Decimal
    arithmetic: str


class FeeTerms(Document, frozen=True, kw_only=True):
    """A fee's rate, and for how many days of the full cycle it is charged when it is prorated."""

    rate: Decimal
    days: int | None = None
    cycle_days: int | None = None


def explainable(line: InvoiceLineItem) -> Iterator[InvoiceLineItem]:
    """The cards, fees and additions of pricing rules at or below a line."""
    if line.type in _EXPLAINED:
        yield line
    for child in line.line_items:
        yield from explainable(child)


def tiers_of(card: InvoiceLineItem) -> list[Tier]:
    """The slabs of a card, in their order; in each usage cycle, where it has some."""
    return [
        _tier(line, before)
        for before, lines in _priced(card)
        for line in lines
        if line.type in _SLABS and not _is_fixed(line)
    ]


def fixed_amounts_of(card: InvoiceLineItem) -> list[FixedAmounts]:
    """What single events of a card cost beside its slabs; at most one, since only usage cards have some."""
    return [_fixed_amounts(line) for line in card.line_items if _is_fixed(line)]


def adjustments_of(card: InvoiceLineItem) -> list[Adjustment]:
    """What the limits of a card add or take; empty for a card without limits."""
    return [
        Adjustment(
            description=f"{before}{line.description}",
            minimum_rate=(line.explanation or _NOTHING).minimum_rate,
            maximum_rate=(line.explanation or _NOTHING).maximum_rate,
            amount=line.value,
            arithmetic=_adjusted(line, sum_of((one for one in lines if one.type in _SLABS), card.units).amount),
        )
        for before, lines in _priced(card)
        for line in lines
        if line.type is LineType.RATE_CONFIG_ADJUSTMENT_AMOUNT
    ]


def _priced(card: InvoiceLineItem) -> Iterator[tuple[str, Sequence[InvoiceLineItem]]]:
    """The lines that were priced together, with what goes before their descriptions.

    Credit that is granted keeps them apart from the lines of the wire.
    """
    agreed = _agreed(card)
    if agreed.explanation is not None and agreed.explanation.slabs is not None:
        yield "", [*_slab_lines(agreed, agreed.explanation.slabs), *_limit_lines(agreed, agreed.explanation)]
        return
    windows = [line for line in card.line_items if line.type is LineType.USAGE_CYCLE_AMOUNT]
    if not windows:
        yield "", card.line_items
    for window in windows:
        yield f"{window.description}: ", window.line_items


def _slab_lines(card: InvoiceLineItem, slabs: Sequence[PricedSlab]) -> Iterator[InvoiceLineItem]:
    """The slabs of a card as lines, as other cards have them."""
    for slab in slabs:
        how = Explanation(
            price_type=slab.price_type,
            rate=slab.rate,
            package_size=slab.package_size,
            packages=slab.packages,
            minimum_rate=slab.minimum_rate,
            maximum_rate=slab.maximum_rate,
        )
        yield InvoiceLineItem(
            description=f"Slab {slab.order}",
            type=LineType.USAGE_RATE_CARD_SLAB_AMOUNT,
            quantity=slab.quantity,
            units=card.units,
            value=slab.amount,
            explanation=how,
        )


def _limit_lines(card: InvoiceLineItem, how: Explanation) -> Iterator[InvoiceLineItem]:
    """What the limits of a whole card add or take, as a line, when one of them decided its amount."""
    bound = Bound.MINIMUM if how.minimum_rate is not None else Bound.MAXIMUM if how.maximum_rate is not None else None
    if bound is not None:
        charged = summed(slab.amount for slab in how.slabs or ())
        yield InvoiceLineItem(
            description=ADJUSTMENTS[bound],
            type=LineType.RATE_CONFIG_ADJUSTMENT_AMOUNT,
            units=card.units,
            value=EXACT.subtract(card.value, charged),
            explanation=Explanation(minimum_rate=how.minimum_rate, maximum_rate=how.maximum_rate),
        )


def rule_updates_of(card: InvoiceLineItem) -> list[RuleUpdate]:
    """What pricing rules change of a card, one after the other."""
    lines = [line for line in card.line_items if line.type in _UPDATES]
    amount = EXACT.subtract(card.value, sum_of(lines, card.units).amount)
    usage = card.quantity or ZERO
    for line in lines:
        usage = EXACT.subtract(usage, line.quantity or ZERO)
    updates = []
    for line in lines:
        updates.append(
            RuleUpdate(
                description=line.description,
                rule_id=(line.explanation or _NOTHING).rule_id,
                quantity=line.quantity,
                amount=line.value,
                arithmetic=_moved("usage ", usage, line.quantity) + _moved("", amount, line.value),
            )
        )
        amount, usage = EXACT.add(amount, line.value), EXACT.add(usage, line.quantity or ZERO)
    return updates


def fee_terms_of(fee: InvoiceLineItem) -> FeeTerms:
    """The rate and days of a fixed fee; one that is bought several times has the rate of each."""
    how = _agreed(fee).explanation or _NOTHING
    rate = how.rate or fee.value_per_quantity
    rate = _agreed(fee).value if rate is None else rate
    return FeeTerms(rate=rate, days=how.days, cycle_days=how.cycle_days)


def arithmetic_of(line: InvoiceLineItem) -> str:
    """The last step to the amount of a card or fee: its parts added up, or the days of a prorated fee."""
    updates = rule_updates_of(line)
    if line.type in FEES:
        return "; ".join([_fee(line), *(update.arithmetic for update in updates)])
    slabs: list[Tier | FixedAmounts] = [*tiers_of(line), *fixed_amounts_of(line)]
    parts: list[Tier | FixedAmounts | Adjustment | RuleUpdate] = [*slabs, *adjustments_of(line), *updates]
    return parts[0].arithmetic if len(parts) == 1 else _sum([part.amount for part in parts], line.value)


def addition_arithmetic(log: PricingRuleLog) -> str:
    """How a pricing rule comes to what it adds: its computation, and the variables in it."""
    read = [f"{name} = {variable.value}" for name, variable in log.variables_value.items()]
    values = f" with {', '.join(read)}" if read else ""
    return f"{log.rule.computation}{values}: {figure(log.changes.new_revenue)}"


def _is_fixed(line: InvoiceLineItem) -> bool:
    """Whether the line of a slab is that of what events cost beside all slabs."""
    how = line.explanation
    return how is not None and how.fixed_amount is not None and how.price_type is None


def _fixed_amounts(line: InvoiceLineItem) -> FixedAmounts:
    how = line.explanation or _NOTHING
    quantity, rate, free = line.quantity or ZERO, how.fixed_amount or ZERO, how.free_events
    words = fixed_arithmetic(quantity, rate, free or 0)
    return FixedAmounts(
        description=line.description,
        quantity=quantity,
        rate=rate,
        free_events=free,
        amount=line.value,
        arithmetic=f"{words} = {_ending(EXACT.multiply(quantity, rate), line.value, _NOTHING)}",
    )


def _tier(line: InvoiceLineItem, before: str) -> Tier:
    how = line.explanation or _NOTHING
    price_type = how.price_type or PriceType.PER_UNIT
    rate = line.value_per_quantity if how.rate is None else how.rate
    assert rate is not None, "a slab carries its rate, beside its value or in what explains it"
    if how.stretches is not None:
        return Tier(
            description=f"{before}{line.description}",
            price_type=price_type,
            rate=rate,
            package_size=how.package_size,
            stretches=how.stretches,
            cycle_days=how.cycle_days,
            amount=line.value,
            arithmetic=_over_days(line, how.stretches, how.cycle_days),
        )
    quantity = line.quantity or ZERO
    return Tier(
        description=f"{before}{line.description}",
        price_type=price_type,
        quantity=quantity,
        rate=rate,
        package_size=how.package_size,
        packages=how.packages,
        minimum_rate=how.minimum_rate,
        maximum_rate=how.maximum_rate,
        fixed_amount=how.fixed_amount,
        events=how.events,
        amount=line.value,
        arithmetic=_slab_arithmetic(line, price_type, rate, how),
    )


def _slab_arithmetic(line: InvoiceLineItem, price_type: PriceType, rate: Decimal, how: Explanation) -> str:
    quantity = line.quantity or ZERO
    if how.events is not None:
        exact = summed(one.amount for one in how.events)
        words = events_arithmetic(how.events, rate, how.fixed_amount or ZERO)
        return f"{words} = {_ending(exact, line.value, how)}"
    if price_type is PriceType.PERCENTAGE:
        return f"{figure(rate)} % of {operand(quantity)} = {_ending(percentage(rate, quantity), line.value, how)}"
    times, words = _multiplied(price_type, quantity, how)
    return f"{words}{operand(times)} x {operand(rate)} = {_ending(EXACT.multiply(times, rate), line.value, how)}"


def _over_days(line: InvoiceLineItem, stretches: Sequence[PricedStretch], cycle_days: int | None) -> str:
    """What stretches of days add up to: each its whole amount, or its days' share of it."""
    parts = [(stretch.amount, stretch.days or 1) for stretch in stretches]
    total = summed(EXACT.multiply(amount, days) for amount, days in parts)
    if cycle_days is None:
        words = " + ".join(operand(amount) for amount, _ in parts)
        return f"{words} = {_ending(total, line.value, _NOTHING)}"
    words = " + ".join(f"{operand(amount)} x {days}" for amount, days in parts)
    ending = _ending(EXACT.divide(total, cycle_days), line.value, _NOTHING)
    return f"{words if len(parts) == 1 else f'({words})'} / {cycle_days} days = {ending}"


def _multiplied(price_type: PriceType, quantity: Decimal, how: Explanation) -> tuple[Decimal, str]:
    """What a slab's rate is taken times, and the words that say why."""
    if price_type is PriceType.FLAT:
        return (ONE if quantity > 0 else ZERO), "flat rate: "
    if price_type is PriceType.PACKAGE:
        assert how.packages is not None, "a PACKAGE slab counts its packages"
        return how.packages, f"{figure(quantity)} units in packages of {figure(how.package_size or ONE)}: "
    return quantity, ""


def _ending(exact: Decimal, amount: Decimal, how: Explanation) -> str:
    """The result of a calculation, the limit that took its place, and what that was rounded to."""
    text, reached = figure(exact), exact
    if how.minimum_rate is not None:
        text, reached = f"{text}, raised to the minimum {figure(how.minimum_rate)}", how.minimum_rate
    elif how.maximum_rate is not None:
        text, reached = f"{text}, lowered to the maximum {figure(how.maximum_rate)}", how.maximum_rate
    return text if reached == amount else f"{text}, rounded to {figure(amount)}"


def _adjusted(line: InvoiceLineItem, charged: Decimal) -> str:
    how = line.explanation or _NOTHING
    if how.stretches is not None:
        return _over_days(line, how.stretches, how.cycle_days)
    limit = how.maximum_rate if how.minimum_rate is None else how.minimum_rate
    if limit is None:
        return f"{figure(charged)} is within the limits of the card: 0"
    name = "maximum" if how.minimum_rate is None else "minimum"
    reached = EXACT.add(charged, line.value)
    rounded = "" if reached == limit else f", rounded to {figure(reached)},"
    return f"{name} {figure(limit)}{rounded} - {operand(charged)} = {figure(line.value)}"


def _agreed(card: InvoiceLineItem) -> InvoiceLineItem:
    """A card without lines of its own before pricing rules: the line below it that keeps what it was, or itself."""
    return next((line for line in card.line_items if line.type is LineType.PROXY_AMOUNT), card)


def _fee(line: InvoiceLineItem) -> str:
    terms, amount = fee_terms_of(line), _agreed(line).value
    if line.quantity is not None:
        exact = EXACT.multiply(terms.rate, line.quantity)
        return f"{figure(line.quantity)} x {operand(terms.rate)} = {_ending(exact, amount, _NOTHING)}"
    if terms.days is None or terms.cycle_days is None:
        return f"fixed fee, not prorated: {figure(amount)}"
    exact = EXACT.divide(EXACT.multiply(terms.rate, terms.days), terms.cycle_days)
    return f"{figure(terms.rate)} x {terms.days} / {terms.cycle_days} days = {_ending(exact, amount, _NOTHING)}"


def _moved(what: str, before: Decimal, change: Decimal | None) -> str:
    """A figure and its change, for an update of the usage with a colon behind it; nothing where nothing moves."""
    if change is None:
        return ""
    return f"{what}{_sum([before, change], EXACT.add(before, change))}{': ' if what else ''}"


def _sum(amounts: Sequence[Decimal], total: Decimal) -> str:
    first, *others = amounts
    signed = (f" {'-' if amount < 0 else '+'} {figure(amount.copy_abs())}" for amount in others)
    return f"{figure(first)}{''.join(signed)} = {figure(total)}"
