"""What makes percentages of an amount of money priceable, and what each event costs beside them (docs/adr/0038)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.catalog.rate_card import PriceType
from tallystick.kernel.document import wire_name
from tallystick.kernel.errors import Problem
from tallystick.kernel.money import LARGEST_MINOR, from_minor
from tallystick.kernel.quantity import spelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallystick.catalog.credit_grant import SlabDetail
    from tallystick.catalog.rate_card import EventRates, RatePlan, RateValue, Slab, UsageRateCard

ELSEWHERE: Final = "under /v1/price-plans and /v1/catalogue"
"""Where plans with percentages are."""

_AMOUNTS: Final = ("fixed_amount", "minimum_amount", "maximum_amount")


def no_percentage_slabs(path: str, slabs: Sequence[Slab | SlabDetail]) -> Iterator[Problem]:
    """Slabs of a card that prices no amount of money; `path` is where they stand."""
    for position, slab in enumerate(slabs):
        if slab.price_type is PriceType.PERCENTAGE:
            reason = "is PERCENTAGE, expected FLAT, PER_UNIT or PACKAGE: only usage can be an amount of money"
            yield Problem(f"{path}[{position}].priceType", reason)


def beyond_togai(path: str, cards: Sequence[UsageRateCard]) -> Iterator[Problem]:
    """What the Togai wire does not know of usage cards; `path` is where they stand."""
    for position, card in enumerate(cards):
        yield from card_beyond_togai(f"{path}[{position}]", card)


def card_beyond_togai(path: str, card: UsageRateCard) -> Iterator[Problem]:
    """The same of one card at a path."""
    for place, slab in enumerate(card.rate_plan.slabs):
        if slab.price_type is PriceType.PERCENTAGE:
            reason = f"is PERCENTAGE, expected FLAT, PER_UNIT or PACKAGE: percentages are {ELSEWHERE}"
            yield Problem(f"{path}.ratePlan.slabs[{place}].priceType", reason)
    for place, value in enumerate(card.rate_values):
        if value.per_event is not None:
            yield Problem(f"{path}.rateValues[{place}].perEvent", f"belongs to percentages, which are {ELSEWHERE}")


def no_percentages(path: str, plan: RatePlan, values: Sequence[RateValue]) -> Iterator[Problem]:
    """The same of a card at `path`, whose units are no events either."""
    yield from no_percentage_slabs(f"{path}.ratePlan.slabs", plan.slabs)
    for position, value in enumerate(values):
        if value.per_event is not None:
            yield Problem(f"{path}.rateValues[{position}].perEvent", "belongs to usage cards only, leave it out")


def event_rate_problems(path: str, card: UsageRateCard) -> Iterator[Problem]:
    """What is wrong with what a usage card at `path` says of single events."""
    for position, value in enumerate(card.rate_values):
        if value.per_event is not None:
            here = f"{path}.rateValues[{position}].perEvent"
            yield from _event_rates(here, value.per_event, value.currency)
            if any(slab.price_type is not PriceType.PERCENTAGE for slab in card.rate_plan.slabs):
                reason = (
                    "belongs to cards whose slabs are all PERCENTAGE: leave it out, or price the amount by per cent"
                )
                yield Problem(here, reason)
            elif value.per_event.has_limits:
                yield from _limited(f"{path}.rateValues[{position}]", value, len(card.rate_plan.slabs))


def _event_rates(path: str, rates: EventRates, currency: str) -> Iterator[Problem]:
    if rates.fixed_amount is None and not rates.has_limits:
        yield Problem(path, "says nothing: name a fixedAmount, a minimumAmount or a maximumAmount, or leave it out")
    most = from_minor(LARGEST_MINOR, currency)
    for name in _AMOUNTS:
        amount = getattr(rates, name)
        if amount is not None and not 0 <= amount <= most.amount:
            here = f"{path}.{wire_name(type(rates), name)}"
            yield Problem(here, f"is {spelled(amount)}, expected a number from 0 to {most}")
    low, high = rates.minimum_amount, rates.maximum_amount
    if low is not None and high is not None and low > high:
        yield Problem(f"{path}.minimumAmount", f"is {low:f}, more than the maximumAmount {high:f}")
    if rates.free_events and rates.fixed_amount is None:
        yield Problem(f"{path}.freeEvents", "says which events have no fixedAmount, and there is none: name one")
    if rates.free_events and rates.has_limits:
        reason = "cannot stand beside a minimumAmount or maximumAmount: it would matter which events are the free ones"
        yield Problem(f"{path}.freeEvents", reason)


def _limited(path: str, value: RateValue, slabs: int) -> Iterator[Problem]:
    """What fees of single events cannot be limited beside: in which slab an event lies depends on all the others."""
    if slabs != 1:
        reason = f"limits the fee of each event, which needs a card of one slab, and this has {slabs}: leave out"
        yield Problem(f"{path}.perEvent", f"{reason} minimumAmount and maximumAmount, or use rateConfig")
        return
    for position, rate in enumerate(value.slab_rates):
        here = f"{path}.slabRates[{position}]"
        if rate.rate <= 0:
            reason = "expected more than 0 per cent, since the fee of each event is limited by perEvent"
            yield Problem(f"{here}.rate", f"is {rate.rate:f}, {reason}")
        if rate.slab_rate_config is not None:
            reason = "cannot stand beside limits of perEvent: limit the whole card by rateConfig"
            yield Problem(f"{here}.slabRateConfig", reason)
