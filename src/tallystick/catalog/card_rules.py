"""What makes the cards of a plan priceable, checked when a plan is created or changed (domain.md 4.3, 4.4).

Every problem is reported at once, with its JSON path below `pricePlanDetails`. Shapes are the structs' own
business; whether meters and add-ons exist is the operation's.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tallystick.catalog.credit_grant import ExpiryType
from tallystick.catalog.entitlement import EntitlementOverageRateCard
from tallystick.catalog.entitlement_rules import config_problems, overage_problems
from tallystick.catalog.percentage_rules import event_rate_problems, no_percentage_slabs, no_percentages
from tallystick.catalog.rate_card import InvoiceTiming, PriceType
from tallystick.kernel.day_span import DaySpan
from tallystick.kernel.errors import BillingError, Problem
from tallystick.kernel.money import LARGEST_MINOR, exact_in_minor_unit, from_minor, is_currency
from tallystick.kernel.quantity import from_text, spelled
from tallystick.kernel.recurrence import Interval

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
    from decimal import Decimal

    from tallystick.catalog.credit_grant import (
        CreditGrantRateCard,
        CurrencySlabRateDetail,
        GrantDetails,
        SlabDetail,
    )
    from tallystick.catalog.entitlement import BillingEntitlementRateCard
    from tallystick.catalog.price_plan import PricePlanDetails, PricePlanDetailsDraft
    from tallystick.catalog.rate_card import (
        CurrencyRate,
        FixedFeeRateCard,
        ItemCard,
        LicenseRateCard,
        RateLimits,
        RatePlan,
        RateValue,
        Slab,
    )

_TIMINGS: Final = (InvoiceTiming.IN_ADVANCE, InvoiceTiming.IN_ARREARS)
_BY_LENGTH: Final = tuple(Interval)
"""The intervals, shortest first."""


def card_problems(details: PricePlanDetails | PricePlanDetailsDraft) -> list[Problem]:
    """All that is wrong with the currencies and cards of a plan's terms; empty when they can be priced."""
    return list(_problems(details))


def _problems(details: PricePlanDetails | PricePlanDetailsDraft) -> Iterator[Problem]:
    yield from _supported_currencies(details.supported_currencies)
    supported = dict.fromkeys(details.supported_currencies)
    yield from _repetitions(details)
    for position, card in enumerate(details.usage_rate_cards):
        path = f"usageRateCards[{position}]"
        yield from _slab_prices(path, card.rate_plan, card.rate_values, supported)
        yield from event_rate_problems(path, card)
    for position, fee in enumerate(details.fixed_fee_rate_cards):
        yield from _fixed_fee(f"fixedFeeRateCards[{position}]", fee, supported)
    cycle = details.pricing_cycle_config.interval if details.pricing_cycle_config else None
    for position, licence in enumerate(details.license_rate_cards):
        path = f"licenseRateCards[{position}]"
        yield from _licence(path, licence, cycle)
        yield from _slab_prices(path, licence.rate_plan, licence.rate_values, supported)
        yield from no_percentages(path, licence.rate_plan, licence.rate_values)
    for position, entitlement in enumerate(details.billing_entitlement_rate_cards):
        yield from _entitlement(f"billingEntitlementRateCards[{position}]", entitlement, supported)
    for position, grant in enumerate(details.credit_grant_rate_cards):
        yield from _credit_grant(f"creditGrantRateCards[{position}]", grant, supported)
    for position, overage in enumerate(details.entitlement_overage_rate_cards):
        path = f"entitlementOverageRateCards[{position}]"
        yield from overage_problems(path, overage)
        yield from _slab_prices(path, overage.rate_plan, overage.rate_values, supported)
        yield from no_percentages(path, overage.rate_plan, overage.rate_values)
    if details.minimum_commitment is not None:
        yield from _commitment("minimumCommitment", details.minimum_commitment.rate_values, supported)


def _supported_currencies(currencies: Sequence[str]) -> Iterator[Problem]:
    if not currencies:
        yield Problem("supportedCurrencies", "is empty, name at least one currency")
    for position, currency in enumerate(currencies):
        if not is_currency(currency):
            reason = f"{currency!r} is not a currency, send an ISO 4217 code such as USD"
            yield Problem(f"supportedCurrencies[{position}]", reason)
    for position in _repeated(currencies):
        yield Problem(f"supportedCurrencies[{position}]", f"{currencies[position]} is named twice")


def _repetitions(details: PricePlanDetails | PricePlanDetailsDraft) -> Iterator[Problem]:
    """A billable item has one card, a feature one for what is granted and one for overage; a card's name is its own."""
    listed: dict[str, Sequence[ItemCard]] = {
        "usageRateCards": details.usage_rate_cards,
        "fixedFeeRateCards": details.fixed_fee_rate_cards,
        "licenseRateCards": details.license_rate_cards,
        "billingEntitlementRateCards": details.billing_entitlement_rate_cards,
        "creditGrantRateCards": details.credit_grant_rate_cards,
        "entitlementOverageRateCards": details.entitlement_overage_rate_cards,
    }
    cards = [(f"{kind}[{position}]", card) for kind, of_kind in listed.items() for position, card in enumerate(of_kind)]
    billables = [(card.billable_id, isinstance(card, EntitlementOverageRateCard)) for _, card in cards]
    names = [card.name for _, card in cards]
    for position in _repeated(billables):
        path, card = cards[position]
        reason = f"{card.billable_id!r} has a card already, a plan prices an item once"
        yield Problem(f"{path}.{_item_key(path)}", reason)
    for position in _repeated(names):
        if names[position] is not None:
            reason = f"{names[position]!r} is the name of another card, choose a different one"
            yield Problem(f"{cards[position][0]}.name", reason)


def _item_key(path: str) -> str:
    """Under which key the card at a path names what it prices."""
    return "usageMeterId" if path.startswith("usage") else "featureId" if "ntitlement" in path else "id"


def _repeated(values: Iterable[Hashable]) -> Iterator[int]:
    """The positions of values that stood earlier in the row already."""
    seen: set[Hashable] = set()
    for position, value in enumerate(values):
        if value in seen:
            yield position
        seen.add(value)


def _slab_prices(
    path: str, plan: RatePlan, values: Sequence[RateValue], supported: Collection[str]
) -> Iterator[Problem]:
    slabs = plan.slabs
    currencies = [value.currency for value in values]
    yield from _slabs(f"{path}.ratePlan.slabs", slabs)
    yield from _currencies(f"{path}.rateValues", currencies, supported)
    yield from _missing(f"{path}.rateValues", currencies, supported)
    for position, value in enumerate(values):
        yield from _rate_value(f"{path}.rateValues[{position}]", value, len(slabs))


def _slabs(path: str, slabs: Sequence[Slab]) -> Iterator[Problem]:
    yield from _orders(path, [slab.order for slab in slabs], len(slabs))
    ranked = sorted(enumerate(slabs), key=lambda item: item[1].order)
    yield from _starts(path, ranked)
    for position, slab in enumerate(slabs):
        yield from _package_size(f"{path}[{position}].slabConfig.packageSize", slab)


def _starts(path: str, ranked: Sequence[tuple[int, Slab | SlabDetail]]) -> Iterator[Problem]:
    """What is wrong with where slabs start, which come in their order, each with its position in the list."""
    position, first = ranked[0]
    if first.start_after != 0:
        yield Problem(f"{path}[{position}].startAfter", f"is {first.start_after:f}, the first slab starts at 0")
    for (_, lower), (position, upper) in pairwise(ranked):
        if upper.start_after <= lower.start_after:
            reason = f"is {upper.start_after:f}, expected more than the {lower.start_after:f} before it"
            yield Problem(f"{path}[{position}].startAfter", reason)


def _orders(path: str, orders: Sequence[int], slabs: int) -> Iterator[Problem]:
    if sorted(orders) != list(range(1, slabs + 1)):
        came = ", ".join(map(str, orders))
        yield Problem(path, f"has the orders {came}, expected 1 to {slabs}, each once")


def _package_size(path: str, slab: Slab | SlabDetail) -> Iterator[Problem]:
    size = slab.slab_config.package_size if slab.slab_config else None
    if slab.price_type is not PriceType.PACKAGE:
        if size is not None:
            yield Problem(path, f"does not belong to a {slab.price_type} slab, leave it out")
    elif size is None:
        yield Problem(path, "is missing, a PACKAGE slab needs its number of units per package")
    else:
        number = _number(size)
        if number is None or number <= 0:
            yield Problem(path, f"is {size!r}, expected plain digits of a number above 0, such as '1000'")


def _rate_value(path: str, value: RateValue, slabs: int) -> Iterator[Problem]:
    yield from _orders(f"{path}.slabRates", [rate.order for rate in value.slab_rates], slabs)
    yield from _limits(f"{path}.rateConfig", value.rate_config, value.currency)
    for position, rate in enumerate(value.slab_rates):
        here = f"{path}.slabRates[{position}]"
        yield from _range(f"{here}.rate", rate.rate, value.currency)
        yield from _limits(f"{here}.slabRateConfig", rate.slab_rate_config, value.currency)


def _limits(path: str, limits: RateLimits | None, currency: str) -> Iterator[Problem]:
    if limits is None:
        return
    texts = {"minimumRate": limits.minimum_rate, "maximumRate": limits.maximum_rate}
    numbers = {key: _number(text) for key, text in texts.items() if text is not None}
    for key, number in numbers.items():
        if number is None:
            yield Problem(f"{path}.{key}", f"is {texts[key]!r}, expected plain digits such as '25.50'")
        else:
            yield from _range(f"{path}.{key}", number, currency)
    low, high = numbers.get("minimumRate"), numbers.get("maximumRate")
    if low is not None and high is not None and low > high:
        yield Problem(f"{path}.minimumRate", f"is {low:f}, more than the maximumRate {high:f}")


def _fixed_fee(path: str, fee: FixedFeeRateCard, supported: Collection[str]) -> Iterator[Problem]:
    yield from _timing(path, fee.invoice_timing, "a fixed fee is")
    yield from _currency_rates(f"{path}.rateValues", fee.rate_values, supported)
    yield from _missing(f"{path}.rateValues", [value.currency for value in fee.rate_values], supported)


def _timing(path: str, timing: InvoiceTiming, what: str) -> Iterator[Problem]:
    if timing not in _TIMINGS:
        yield Problem(f"{path}.invoiceTiming", f"is {timing}, {what} billed {' or '.join(_TIMINGS)}")


def _licence(path: str, card: LicenseRateCard, cycle: Interval | None) -> Iterator[Problem]:
    """What is wrong with a licence card beside its prices; `cycle` is the plan's, where it has one already."""
    yield from _timing(path, card.invoice_timing, "licences are")
    if cycle and card.usage_cycle and _BY_LENGTH.index(card.usage_cycle) > _BY_LENGTH.index(cycle):
        reason = f"is {card.usage_cycle}, longer than the {cycle} pricing cycle that it cuts in windows"
        yield Problem(f"{path}.usageCycle", reason)
    breach = card.config and card.config.max_quantity_breach_action
    if breach and card.max_quantity is None:
        yield Problem(f"{path}.config.maxQuantity", "is missing: say which quantity must not be exceeded")


def _entitlement(path: str, card: BillingEntitlementRateCard, supported: Collection[str]) -> Iterator[Problem]:
    yield from config_problems(f"{path}.featureConfigs", card.feature_configs)
    yield from _slab_prices(path, card.rate_plan, card.rate_values, supported)
    yield from no_percentages(path, card.rate_plan, card.rate_values)


def _credit_grant(path: str, card: CreditGrantRateCard, supported: Collection[str]) -> Iterator[Problem]:
    yield from _expiry(f"{path}.grantDetails.expiryDuration", card.grant_details)
    path = f"{path}.rateDetails.currencySlabRateDetails"
    granted = card.rate_details.currency_slab_rate_details
    currencies = [rates.currency for rates in granted]
    yield from _currencies(path, currencies, supported)
    yield from _missing(path, currencies, supported)
    for position, rates in enumerate(granted):
        yield from _grant_rates(f"{path}[{position}]", rates)


def _expiry(path: str, grant: GrantDetails) -> Iterator[Problem]:
    """The time after which credit ends is there when the card says that there is one, and else is not."""
    if grant.expiry_type is not ExpiryType.CUSTOM:
        if grant.expiry_duration is not None:
            yield Problem(path, f"does not belong to expiryType {grant.expiry_type}, leave it out")
    elif grant.expiry_duration is None:
        yield Problem(path, "is missing, expiryType CUSTOM needs it: send for example P10D or P1M")
    else:
        try:
            DaySpan.of(grant.expiry_duration)
        except ValueError as error:
            yield Problem(path, f"{error}, send for example P10D or P1M")


def _grant_rates(path: str, rates: CurrencySlabRateDetail) -> Iterator[Problem]:
    """What is wrong with the credit in one currency, which the ledger has to hold, and with its price."""
    amount, currency = rates.credit_amount, rates.currency
    if amount < 0:
        yield Problem(f"{path}.creditAmount", f"is {amount:f}, expected 0 or more")
    try:
        exact_in_minor_unit(amount, currency, f"{path}.creditAmount")
    except BillingError as error:
        yield from error.problems
    yield from _starts(f"{path}.slabDetails", list(enumerate(rates.slab_details)))
    yield from no_percentage_slabs(f"{path}.slabDetails", rates.slab_details)
    yield from _limits(f"{path}.rateConfig", rates.rate_config, currency)
    for position, slab in enumerate(rates.slab_details):
        here = f"{path}.slabDetails[{position}]"
        yield from _package_size(f"{here}.slabConfig.packageSize", slab)
        yield from _range(f"{here}.rate", slab.rate, currency)
        yield from _limits(f"{here}.slabRateConfig", slab.slab_rate_config, currency)


def _commitment(path: str, values: Sequence[CurrencyRate], supported: Collection[str]) -> Iterator[Problem]:
    """A commitment may leave currencies out (domain.md 4.3), but it never pays money back."""
    yield from _currency_rates(f"{path}.rateValues", values, supported)
    for position, value in enumerate(values):
        if value.rate < 0:
            reason = f"is {value.rate:f}, expected 0 or more"
            yield Problem(f"{path}.rateValues[{position}].rate", reason)


def _currency_rates(path: str, values: Sequence[CurrencyRate], supported: Collection[str]) -> Iterator[Problem]:
    yield from _currencies(path, [value.currency for value in values], supported)
    for position, value in enumerate(values):
        yield from _range(f"{path}[{position}].rate", value.rate, value.currency)


def _currencies(path: str, currencies: Sequence[str], supported: Collection[str]) -> Iterator[Problem]:
    for position, currency in enumerate(currencies):
        if currency not in supported:
            reason = f"{currency!r} is not one of the plan's supportedCurrencies"
            yield Problem(f"{path}[{position}].currency", reason)
    for position in _repeated(currencies):
        yield Problem(f"{path}[{position}].currency", f"{currencies[position]} is priced twice")


def _missing(path: str, currencies: Sequence[str], supported: Collection[str]) -> Iterator[Problem]:
    priced = set(currencies)
    absent = [currency for currency in supported if currency not in priced and is_currency(currency)]
    if absent:
        yield Problem(path, f"has no rate in {', '.join(absent)}, add one for every supported currency")


def _range(path: str, rate: Decimal, currency: str) -> Iterator[Problem]:
    """A larger rate could not be written into the ledger, however small the usage."""
    most = from_minor(LARGEST_MINOR, currency)
    if rate.copy_abs() > most.amount:
        yield Problem(path, f"is {spelled(rate)}, the most is {most}")


def _number(text: str) -> Decimal | None:
    try:
        return from_text(text)
    except ValueError:
        return None
