"""Measure (i): usage cards rated per second on one thread, and what a bill costs with 1, 10 and 100 cards."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from benchmarks.figure import Aim, Figure
from tallystick.catalog.price_plan import PlanType, PricePlanDetails
from tallystick.catalog.rate_card import PriceType, PricingModel, RatePlan, RateValue, Slab, SlabRate, UsageRateCard
from tallystick.invoicing.assemble import Terms, arrears_bill
from tallystick.kernel.period import Period
from tallystick.kernel.quantity import EXACT
from tallystick.kernel.recurrence import Cycle
from tallystick.rating.usage_card import UsagePrice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.figure import Scale

CARDS: Final = (1, 10, 100)
BARE: Final = "three products of decimals, and nothing else"
_STARTS: Final = (0, 1_000, 10_000)
_RATES: Final = ("0.02", "0.018", "0.0125")
_MONTH: Final = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
_RATINGS: Final = 50_000
_BILLED_CARDS: Final = 2_000
_AIM: Final = Aim(200_000, "exact decimals, and objects that explain the slab and the card")


def measure(scale: Scale, _scratch: Path) -> Iterator[Figure]:
    """Each figure over the same random quantities, which end in each of three slabs."""
    chance = random.Random(0)
    quantities = [Decimal(chance.randrange(1, 30_000)) + Decimal(chance.randrange(100)) / 100 for _ in range(_RATINGS)]
    yield Figure(name=BARE, unit="/s", runs=[_bare(quantities) for _ in range(scale.runs)])
    for model in PricingModel:
        runs = [_rated(model, quantities) for _ in range(scale.runs)]
        name = f"usage cards rated, three slabs, {model.value}"
        yield Figure(name=name, unit="/s", runs=runs, aim=_AIM, baselines=(BARE,))
    for count in CARDS:
        runs = [_billed(count, quantities) for _ in range(scale.runs)]
        yield Figure(name=f"a bill of {count} usage cards, with its lines, for each card", unit="us", runs=runs)


def _bare(quantities: Sequence[Decimal]) -> float:
    rates = [Decimal(rate) for rate in _RATES]
    started = time.perf_counter()
    for quantity in quantities:
        for rate in rates:
            EXACT.multiply(rate, quantity)
    return len(quantities) / (time.perf_counter() - started)


def _rated(model: PricingModel, quantities: Sequence[Decimal]) -> float:
    price = UsagePrice(_card(0, model), "USD")
    started = time.perf_counter()
    for quantity in quantities:
        price.charge(quantity)
    return len(quantities) / (time.perf_counter() - started)


def _billed(count: int, quantities: Sequence[Decimal]) -> float:
    """Microseconds for each card of a bill in arrears, nothing of which is paid by credits."""
    cards = [_card(number, PricingModel.TIERED) for number in range(count)]
    details = PricePlanDetails(
        supported_currencies=["USD"], active_currencies=["USD"], usage_rate_cards=cards, type=PlanType.BILLING
    )
    terms = Terms(
        plan_name="Plan",
        details=details,
        rules=(),
        currency="USD",
        zone=ZoneInfo("UTC"),
        cycle=Cycle(_MONTH, _MONTH),
        ordinal=0,
    )
    bills = [
        {card.usage_meter_id: quantities[bill + place] for place, card in enumerate(cards)}
        for bill in range(_BILLED_CARDS // count)
    ]
    started = time.perf_counter()
    for usage in bills:
        arrears_bill(terms, usage, ())
    return (time.perf_counter() - started) / len(bills) / count * 1e6


def _card(number: int, model: PricingModel) -> UsageRateCard:
    slabs = [
        Slab(order=order, start_after=Decimal(start), price_type=PriceType.PER_UNIT)
        for order, start in enumerate(_STARTS, 1)
    ]
    rates = [SlabRate(order=order, rate=Decimal(rate)) for order, rate in enumerate(_RATES, 1)]
    return UsageRateCard(
        usage_meter_id=f"um.{number}",
        rate_plan=RatePlan(pricing_model=model, slabs=slabs),
        rate_values=[RateValue(currency="USD", slab_rates=rates)],
    )
